"""The pictures of the gallery: every shape and every state, made without a cluster.

A new shape, phase or state of a node belongs into ``PICTURES``; ``tests/unit/test_gallery.py``
names what is missing. The logs are those of the unit tests' simulated fleet and the recordings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemonset_course.analysis.alerts import Alerts
from daemonset_course.analysis.counts import counts, coverage_over_time
from daemonset_course.analysis.coverage import coverage
from daemonset_course.analysis.label_changes import label_changes, label_map
from daemonset_course.analysis.monitoring import rights
from daemonset_course.analysis.revisions import Revision, RevisionHistory
from daemonset_course.analysis.workloads import LogReaders
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.chart import ChartSet, one_chart, two_charts
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.shapes import Shape
from daemonset_course.figures.show import Finding, show
from daemonset_course.history.daemonset_status import Status
from daemonset_course.history.timeline import Timeline
from daemonset_course.recording.steps import Step, load
from daemonset_course.verbs.why import explain

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "unit"))

from fleet import (  # type: ignore[import-not-found]  # noqa: E402 - its folder is added above
    HEADER,
    Fleet,
    change,
    control_plane,
    daemonset,
    gap,
    history,
    listed,
    node,
    pod,
    present,
    timeline_of,
)


@dataclass(frozen=True)
class Exhibit:
    """One picture of the gallery.

    Attributes:
        data: what is drawn: charts, or shapes.
        html: what a notebook shows, if that is HTML; it follows the page's theme.
        picture: returns what is drawn by matplotlib otherwise, in light or dark.
    """

    data: ChartSet | Shape | tuple[Shape, ...]
    html: str = ""
    picture: Callable[[bool], Picture] | None = None


# Timelines


def _timeline(charts: ChartSet) -> Exhibit:
    return Exhibit(charts, inline(charts, scripted=False))


def _log(*records: Any, end: float = 10) -> Timeline:
    ordered = sorted(records, key=lambda record: record["t"])
    found: Timeline = timeline_of([HEADER, *ordered, {"record": "end", "t": end}])
    return found


def states() -> Exhibit:
    """Return a timeline with a node for each phase of a Pod and each state of a node."""
    names = ("pending", "not-ready", "ready", "terminating", "failed", "lost", "cordoned",
             "tainted", "deleted")  # fmt: skip
    phases = {"pending": "pending", "not-ready": "not ready", "terminating": "terminating",
              "failed": "failed"}  # fmt: skip
    taint = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
    cordoned = node("cordoned", taints=[{"key": "node.kubernetes.io/unschedulable",
                                         "effect": "NoSchedule"}])  # fmt: skip
    cordoned["spec"]["unschedulable"] = True
    return _timeline(
        one_chart(
            _log(
                *present("nodes", *map(node, names)),
                *present("daemonsets", daemonset(min_ready=3)),
                *(change(1, "pods", pod(one, one, phase=phases.get(one, "ready"),
                                        reason="Evicted" if one == "failed" else ""), "ADDED")
                  for one in names),
                change(5, "nodes", node("lost", ready="Unknown")),
                change(5, "nodes", cordoned),
                change(5, "nodes", node("tainted", taints=[taint])),
                change(5, "nodes", node("deleted"), "DELETED"),
                change(5.5, "pods", pod("deleted", "deleted"), "DELETED"),
                gap(7, 9, "nodes"),
            )
        )
    )  # fmt: skip


def rollout() -> Exhibit:
    """Return a rollout within its budget, with a note of the learner's."""
    fleet = Fleet(4).run(1).note("the new version").apply().run(12)
    return _timeline(one_chart(timeline_of(fleet.log())))


def above_budget() -> Exhibit:
    """Return a rollout in which a node is lost: more are unavailable than the budget allows."""
    fleet = Fleet(5, max_unavailable=1).run(1).apply().run(2)
    fleet.kubelet_silent("course-worker4").kubelet_silent("course-worker5").run(10)
    return _timeline(one_chart(timeline_of(fleet.log())))


def surge() -> Exhibit:
    """Return a rollout with extra Pods."""
    fleet = Fleet(4, max_unavailable=0, max_surge=2, termination=1.5).run(1).apply().run(9)
    return _timeline(one_chart(timeline_of(fleet.log())))


def bad_release() -> Exhibit:
    """Return a rollout that stops at a bad image, and the release that ends it."""
    fleet = Fleet(4).run(1).apply(bad={f"course-worker{i}" for i in ("", 2, 3, 4)}).run(6)
    return _timeline(one_chart(timeline_of(fleet.apply().run(12).log())))


def gaps() -> Exhibit:
    """Return a rollout during which the watch was interrupted and a component was away."""
    fleet = Fleet(4, max_unavailable=2).run(1).apply().run(1).interrupt_watch(2).run(6)
    *records, end = fleet.log()
    away = [{"record": "component", "t": t, "component": "kube-scheduler", "state": state}
            for t, state in ((5.0, "stopped"), (7.5, "running"))]  # fmt: skip
    return _timeline(one_chart(timeline_of([*records, *away, end])))


def raster() -> Exhibit:
    """Return a rollout over a hundred nodes."""
    fleet = Fleet(100, max_unavailable="10%").run(1).apply().run(25)
    return _timeline(one_chart(timeline_of(fleet.log())))


def compared() -> Exhibit:
    """Return two rollouts on one time axis."""
    slow, quick = (
        timeline_of(Fleet(4, max_unavailable=k).run(1).apply().run(12).log()) for k in (1, 2)
    )
    return _timeline(two_charts(slow, quick, ("1 at a time", "2 at a time")))


# What notebooks show as tables


def _nodes() -> list[dict[str, Any]]:
    gpu = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
    out = {"key": "maintenance", "effect": "NoExecute"}
    return [control_plane(), node("course-worker", disk="ssd"),
            node("course-worker2", disk="ssd", taints=[gpu]), node("course-worker3", disk="hdd"),
            node("course-worker4", disk="ssd", taints=[out])]  # fmt: skip


def _agent() -> dict[str, Any]:
    found: dict[str, Any] = daemonset()
    found["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    return found


def why() -> Exhibit:
    """Return the answers of ``why`` for a few nodes."""
    found = explain(_nodes(), _agent())
    return Exhibit(found.matrix.figure(reasons=True), found._repr_html_())


def why_of_many() -> Exhibit:
    """Return the answers of ``why`` for so many nodes that equal ones are one row."""
    more = [node(f"n{i}", disk="ssd" if i % 3 else "hdd") for i in range(60)]
    found = explain([*_nodes(), *more], _agent())
    found = replace(found, refused="the API server refused the Pod: exceeded quota: pods")
    return Exhibit(found.matrix.figure(reasons=True), found._repr_html_())


def status() -> Exhibit:
    """Return a status whose numbers are as they should be."""
    found = Status(4, 4, 4, 4, 4, 0, 0)
    return Exhibit(found.figure(), found._repr_html_())


def status_in_a_rollout() -> Exhibit:
    """Return a status whose numbers differ."""
    found = Status(4, 4, 3, 2, 3, 1, 2)
    return Exhibit(found.figure(), found._repr_html_())


def recorded_step() -> Exhibit:
    """Return a step that was recorded on kind."""
    found = Step(*load(ROOT / "recordings" / "system-agents.jsonl"), live=False)
    return Exhibit(found.figure(), found._repr_html_())


# Findings


def _finding(found: Finding) -> Exhibit:
    html = show(found).html
    return Exhibit(found.figure(), html() if html else "", lambda dark: show(found, dark=dark))


def _relabelled() -> Any:
    return history(
        *listed("nodes", control_plane(), node("n3"), node("n1", disk="ssd"), node("n2")),
        *listed("daemonsets", daemonset()),
        *listed("pods", pod("a", "n1", app="agent")),
        change(2, "nodes", node("n2", disk="ssd")),
        change(2.3, "pods", pod("b", "n2", app="agent"), "ADDED"),
        change(5, "nodes", node("n1")),
        change(5.4, "pods", pod("a", "n1", phase="terminating", app="agent")),
        change(6, "pods", pod("a", "n1", app="agent"), "DELETED"),
        gap(8, 9),
    )


def _growing() -> Finding:
    both = {"desiredNumberScheduled": 1, "numberReady": 1}, {"desiredNumberScheduled": 3}
    found: Finding = counts(
        history(
            *listed("nodes", control_plane(), node("n1")),
            *listed("daemonsets", daemonset(**both[0])),
            change(2, "nodes", node("n2"), "ADDED"),
            change(3, "nodes", node("n3"), "ADDED"),
            change(4, "daemonsets", daemonset(**both[1], numberReady=1)),
            change(7, "daemonsets", daemonset(**both[1], numberReady=3)),
        )
    )
    return found


def _covered() -> Finding:
    late = pod("b", "course-worker2", phase="not ready")
    found: Finding = coverage(
        history(
            *listed("nodes", *_nodes()),
            *listed("daemonsets", daemonset()),
            *listed("pods", pod("a", "course-worker"), late),
        ),
        ["agent"],
    )
    return found


def _alerts() -> Finding:
    fired = {"image cannot be pulled": frozenset({"unavailable"}), "OnDelete": frozenset[str]()}
    return Alerts(("unavailable", "misscheduled"), fired, ("node lost",))


def _rights() -> Finding:
    return rights({"root": {"/etc": True, "/run": True}, "nobody": {"/etc": False, "/run": False}})


def _revisions() -> Finding:
    one, two, back = Revision(1, "a", "v 1"), Revision(2, "b", "v 2"), Revision(3, "a", "v 1")
    steps = ((one,), (one, two), (two, back))
    return RevisionHistory(("created", "updated", "undone"), steps, ("a", "b"))


def _log_readers() -> Finding:
    return LogReaders({"worker": [1, 2], "worker2": [3]}, {"worker": [1, 2], "worker2": []})


PICTURES: Mapping[str, Callable[[], Exhibit]] = {
    "timeline: every state": states,
    "timeline: a rollout": rollout,
    "timeline: above the budget": above_budget,
    "timeline: surge": surge,
    "timeline: a bad release": bad_release,
    "timeline: gap and component away": gaps,
    "raster": raster,
    "compare": compared,
    "why": why,
    "why, of many nodes": why_of_many,
    "status": status,
    "status in a rollout": status_in_a_rollout,
    "recorded step": recorded_step,
    "table: coverage": lambda: _finding(_covered()),
    "table: alerts": lambda: _finding(_alerts()),
    "table: rights": lambda: _finding(_rights()),
    "table: groups of columns": lambda: _finding(_log_readers()),
    "table with links": lambda: _finding(_revisions()),
    "lanes": lambda: _finding(label_changes(_relabelled(), "disk", "ssd")),
    "tiles": lambda: _finding(label_map(_relabelled(), "disk")),
    "lines": lambda: _finding(_growing()),
    "bars": lambda: _finding(coverage_over_time(_relabelled(), ["agent"]).shares),
}
