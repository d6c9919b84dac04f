"""One log with a hole at a random place and of a random resource goes through every analysis.

``fleet.blinded`` takes from a complete log what one watch saw in a stretch of time, and puts there
what the recorder would have written: a gap, and the list that follows it. Whatever an analysis then
claims must be what it claims of the complete log; else it has to say that it is unknown.
"""

from __future__ import annotations

import copy
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from fleet import Fleet, Record, blinded, change
from hypothesis import given, settings
from hypothesis import strategies as st

import daemonset_course.analysis
from daemonset_course.analysis.alerts import fired_during, sample, samples
from daemonset_course.analysis.capacity import node_shares
from daemonset_course.analysis.container_order import container_order
from daemonset_course.analysis.counts import CoverageOverTime, counts, coverage_over_time
from daemonset_course.analysis.coverage import coverage, tolerations_by_object
from daemonset_course.analysis.init_runs import init_runs
from daemonset_course.analysis.label_changes import label_changes, label_map, label_values
from daemonset_course.analysis.new_nodes import new_nodes
from daemonset_course.analysis.node_failures import Failures, failure, failures
from daemonset_course.analysis.node_taints import attempts, node_taints
from daemonset_course.analysis.pod_startup import joining, startup
from daemonset_course.analysis.pods_by_node import pods_by_node
from daemonset_course.analysis.rollout_caption import caption
from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Bars, Lanes, Lines, Shape, Table, Tiles
from daemonset_course.history.index import History
from daemonset_course.history.podstate import node_of, phase_of
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.spans import UNKNOWN

DEAD, JOINED, SSD = "course-worker5", "course-worker9", "course-worker2"
END = 30.0
NOWHERE = object()  # what an analysis refused to say

# One call of every analysis of a log, by the name of the function.
ANALYSES: dict[str, Callable[[History], Any]] = {
    "counts": counts,
    "coverage_over_time": lambda h: coverage_over_time(h, ["agent"]),
    "coverage": lambda h: coverage(h, ["agent"]),
    "tolerations_by_object": lambda h: tolerations_by_object(h, {"ds": ("daemonsets", "agent")}),
    "label_changes": lambda h: label_changes(h, "disk", "ssd"),
    "label_values": lambda h: label_values(h, "disk"),
    "label_map": lambda h: label_map(h, "disk"),
    "node_shares": lambda h: node_shares({"all": h}, [SSD], "agent"),
    "new_nodes": lambda h: new_nodes(h, [JOINED], "agent", "agent"),
    "container_order": lambda h: container_order(h, "agent", SSD),
    "init_runs": lambda h: init_runs(h, "agent", "prepare"),
    "failures": lambda h: failures(h, {"silent": DEAD}, ["agent"]),
    "failure": lambda h: Failures((failure(h, "silent", DEAD, ["agent"]),)),
    "node_taints": lambda h: node_taints(h, [DEAD], ["agent"]),
    "attempts": lambda h: attempts(h, SSD, "agent"),
    "startup": startup,
    "joining": lambda h: joining(h, JOINED, ["agent"]),
    "pods_by_node": lambda h: pods_by_node(h, ["agent"]),
    "sample": lambda h: sample(h, "agent"),
    "samples": lambda h: list(samples(h, "agent")),
    "fired_during": lambda h: fired_during(h, "agent", ["ready < desired", "updated < desired"]),
}


@cache
def complete() -> tuple[Record, ...]:
    """A log in which much happens: a rollout, a lost node, one that joins, labels, a deletion."""
    fleet = Fleet(6, max_unavailable=2)
    fleet.run(2).label(SSD, disk="ssd").run(1).apply().run(6)
    fleet.note("silent").kubelet_silent(DEAD).run(3)
    fleet.add_node(JOINED).run(4).label(SSD, disk="hdd").run(1)
    fleet.apply(bad={"course-worker3"}).run(END - fleet.t)
    log = sorted([*copy.deepcopy(fleet.log()), *joined(fleet)], key=lambda r: r.get("t", 0.0))
    for version, record in enumerate(log):
        if record["record"] == "change":
            meta = record["object"]["metadata"]
            meta["resourceVersion"] = str(version)
            if record["resource"] == "pods":
                meta["labels"]["app"] = "agent"
                asked = {"resources": {"requests": {"cpu": "100m"}}}
                record["object"]["spec"]["containers"] = [{"name": "agent", **asked}]
            if record["resource"] == "nodes":
                record["object"]["status"]["allocatable"] = {"cpu": "4"}
    return tuple(log)


def joined(fleet: Fleet) -> list[Record]:
    """The node joins tainted, as its kubelet is not ready yet, and loses the taint later."""
    (added,) = (r for r in fleet.log() if r.get("type") == "ADDED" and r["t"] > 1
                if r["object"]["metadata"]["name"] == JOINED)  # fmt: skip
    raw, taint = copy.deepcopy(added["object"]), "node.kubernetes.io/not-ready"
    raw["spec"]["taints"] = [{"key": taint, "effect": "NoSchedule"}]
    raw["status"]["conditions"][0]["status"] = "False"
    t = added["t"]
    return [
        change(t + 0.001, "nodes", raw),
        change(t + 0.8, "nodes", added["object"]),
    ]


def holed(resource: str, start: float, length: float) -> tuple[History, float, float]:
    """The log without what the resource's watch saw for a while, and from when to when that is."""
    start, end = round(start, 4), round(min(start + length, END), 4)
    header, *log, last = complete()
    return (
        History([header, *blinded(log, resource, start, end, relist=end < END), last]),
        start,
        end,
    )


def found_by(name: str, history: History) -> Any:
    try:
        return ANALYSES[name](history)
    except BadInput:
        return NOWHERE


# What a finding claims, as (subject, value) pairs; unknown values are no claims.


def claims(name: str, found: Any) -> set[tuple[Any, ...]]:
    return {claim for claim in _claims(name, found) if UNKNOWN not in claim and None not in claim}


def _claims(name: str, found: Any) -> Iterator[tuple[Any, ...]]:
    if found is NOWHERE or found is None:
        return
    match name:
        case "coverage":
            if found.observed.at_end:
                yield from ((place, cover) for place, cover in found.cells.items())
        case "label_changes":
            yield from (("came", n, round(t, 6)) for n, t in found.came.items())
            yield from (("left", n, round(t, 6)) for n, t in found.left.items())
            yield from (("waits", node) for node in found.waits)
        case "label_map":
            yield from (("after", s.node, s.value, s.pod) for s in found.after)
        case "node_shares":
            for found_there in found.shares.values():
                yield from found_there.items()
        case "new_nodes":
            for one in found.found:
                for moment in ("joined", "ready", "agent_ready", "app_ready", "app_bound"):
                    yield (moment, getattr(one, moment))
        case "failure" | "failures":
            for one in found.found:
                yield ("noticed", one.noticed)
                for app, outcome in one.outcomes.items():
                    yield ("stopping", app, outcome.stopping)
                    yield ("gone", app, outcome.gone)
        case "node_taints":
            for one in found.nodes:
                yield from (("stopped", app, one.stopped(app)) for app in found.apps)
        case "startup":
            for life in found.lives:
                for moment in ("created", "bound", "ready", "stopping", "gone"):
                    yield (life.uid, moment, getattr(life, moment))
        case "container_order":
            for pod in found.pods:
                yield from ((pod.life.uid, m, getattr(pod.life, m)) for m in ("stopping", "gone"))
        case "attempts":
            yield from (("deleted", one.created, one.deleted) for one in found)
        case "coverage_over_time":
            for app, held in found.held.items():
                yield from ((app, node, number) for node, number in held.items())
        case "sample":
            yield ("sample", *[getattr(found, f.name) for f in fields(found)])
        case "fired_during":
            yield from (("fired", rule) for rule in found)
        case "samples":
            yield from (("sample", repr(one)) for one in found)
        case "joining":
            yield from ((f, getattr(found, f)) for f in ("added", "ready", "untainted"))


HOLES = {
    "resource": st.sampled_from(["nodes", "pods", "daemonsets"]),
    "start": st.floats(0.5, END - 1.0),
    "length": st.floats(0.3, 12.0),
}


def test_every_analysis_of_a_log_is_tried() -> None:
    package = daemonset_course.analysis
    modules = [
        import_module(f"{package.__name__}.{m.name}")
        for m in pkgutil.iter_modules(package.__path__)
    ]
    public = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        and "History" in str(next(iter(function.__annotations__.values()), ""))
    }  # fmt: skip

    # Gaps: tests/unit/test_explain.py, test_exported_series.py, test_delivery_tools.py
    elsewhere = {"explain", "exported", "delivered"}
    assert public - elsewhere == set(ANALYSES)


@pytest.mark.parametrize("name", ANALYSES)
def test_the_complete_log_is_told_without_a_word_of_unknown(name: str) -> None:
    found = found_by(name, History(complete()))

    assert found is not NOWHERE
    assert "saw nothing" not in str(getattr(found, "caption", ""))
    assert claims(name, found) or name in {
        "counts", "tolerations_by_object", "label_values", "pods_by_node", "init_runs",
    }  # fmt: skip


@pytest.mark.parametrize("name", ANALYSES)
@settings(max_examples=40)
@given(**HOLES)
def test_what_is_claimed_of_a_log_with_a_hole_is_true(
    name: str, resource: str, start: float, length: float
) -> None:
    history, _, _ = holed(resource, start, length)
    claimed = claims(name, found_by(name, history))
    truth = claims(name, found_by(name, History(complete())))

    assert claimed <= truth


@pytest.mark.parametrize("name", [n for n in ANALYSES if n not in {"label_values", "attempts"}])
@settings(max_examples=25)
@given(**HOLES)
def test_no_figure_draws_what_nobody_saw(
    name: str, resource: str, start: float, length: float
) -> None:
    history, start, end = holed(resource, start, length)
    found = found_by(name, history)
    if not hasattr(found, "figure"):
        return
    shapes = found.figure()
    for shape in shapes if isinstance(shapes, tuple) else (shapes,):
        check(shape, resource, (start, end), getattr(found, "observed", None))
    if isinstance(found, CoverageOverTime) and found.observed.at_end is False:
        assert not found.held
    observed = getattr(found, "observed", None)
    if observed is not None and observed.gaps:
        assert f"The watch of {resource} saw nothing from" in found.caption


def check(shape: Shape, resource: str, dark: tuple[float, float], observed: Any) -> None:
    match shape:
        case Lanes():
            zero = 0.0 if shape.axis.endswith("began") else None
            for lane in shape.lanes:
                for row in lane.rows:
                    for bar in row.bars:
                        if zero is None or about(bar.style) != resource or "not seen" in bar.style:
                            continue
                        if not bar.style.endswith("unknown"):
                            inside = min(bar.end, dark[1]) - max(bar.start, dark[0])
                            assert inside <= 1e-6, (bar, dark)
            if observed is not None and observed.gaps and zero is not None:
                assert dark in shape.unknown
        case Lines():
            for one in shape.series:
                if resource in of_line(one.label):
                    value = [y for x, y in one.points if x <= sum(dark) / 2][-1:]
                    assert value in ([], [None]), (one.label, dark)
        case Table() | Tiles() | Bars():
            if observed is not None and not observed.at_end and isinstance(shape, Table):
                words = {cell.style for cell in shape.cells.values()}
                assert {word for word in words if "tolerated" not in word} <= {"not seen"}


def about(style: str) -> str:
    """The resource that a bar of that word is about."""
    if style.startswith(("Pod", "agent", "container")) or style in {
        "waits for the scheduler", "starts", "ready", "terminating",
    }:  # fmt: skip
        return "pods"
    return "nodes"


def of_line(label: str) -> set[str]:
    return {
        "workers": {"nodes"}, "desired": {"daemonsets"}, "ready": {"daemonsets"},
        "agent": {"nodes", "pods"},
    }[label]  # fmt: skip


# The timeline


@settings(max_examples=60)
@given(**HOLES)
def test_the_timeline_claims_nothing_about_a_hole(
    resource: str, start: float, length: float
) -> None:
    history, start, end = holed(resource, start, length)
    line, truth = history.timeline(), History(complete()).timeline()
    middle = (start + end) / 2

    assert f"The watch of {resource} saw nothing from" in caption(line)
    for name in ("scope", "unavailable", "updated", "behind"):
        assert getattr(line, name).at(middle) is None
    if resource == "pods":
        for one in line.segments:
            if one.phase != "unknown":
                assert min(one.end, end) - max(one.start, start) <= 1e-6
    found = {r.start: r for r in rollouts(line)}
    for rollout in rollouts(truth):
        known = found.get(rollout.start)
        if known is not None and known.end is not None and known.exact:
            assert known.end == pytest.approx(rollout.end)
        if known is not None and known.watched and known.stop == rollout.stop:
            assert known.max_unavailable == rollout.max_unavailable


@settings(max_examples=40)
@given(**HOLES)
def test_what_holds_at_the_end_is_known_again_after_a_list(
    resource: str, start: float, length: float
) -> None:
    history, _, end = holed(resource, start, length)
    pods = {p["metadata"]["uid"]: (node_of(p), phase_of(p)) for p in history.objects("pods")}
    truth = History(complete()).objects("pods")

    assert history.is_known(resource) is (end < END)
    if history.is_known("pods"):
        assert pods == {p["metadata"]["uid"]: (node_of(p), phase_of(p)) for p in truth}
