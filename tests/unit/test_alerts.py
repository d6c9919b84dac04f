"""What monitoring sees at the end of a recording, and which rules fire on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet import HEADER, change, control_plane, daemonset, node

from daemonset_course.plot.alerts import plot_alerts
from daemonset_course.timeline.alerts import (
    Sample,
    alerts,
    alerts_caption,
    alerts_headline,
    sample,
    samples,
)

Record = dict[str, Any]
HEALTHY = Sample(3, 3, 3, 3, 3, 0, 3, 3)


def status(desired: int, ready: int, misscheduled: int = 0) -> Record:
    made = daemonset()
    made["status"] = {
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": desired,
        "numberReady": ready,
        "numberMisscheduled": misscheduled,
    }
    return made


def log(*records: Record) -> list[Record]:
    nodes = [control_plane(), node("n1"), node("n2"), node("n3", ready="Unknown")]
    listed = [change(0.01, "nodes", each, "ADDED", "list") for each in nodes]
    return [HEADER, *listed, *records, {"record": "end", "t": 9}]


def test_the_last_status_and_the_workers_are_what_counts() -> None:
    found = sample(
        log(
            change(0.02, "daemonsets", status(3, 3), "ADDED", "list"),
            change(2, "daemonsets", status(2, 2, misscheduled=1)),
        ),
        "agent",
    )

    assert (found.desired, found.ready, found.misscheduled) == (2, 2, 1)
    assert (found.current, found.updated, found.available) == (2, 0, 0)
    assert (found.nodes, found.nodes_ready) == (3, 2)


def test_a_deleted_node_and_another_daemonset_do_not_count() -> None:
    other = status(9, 9)
    other["metadata"]["name"] = "other"
    found = sample(
        log(change(1, "daemonsets", other, "ADDED"), change(2, "nodes", node("n2"), "DELETED")),
        "agent",
    )

    assert (found.desired, found.nodes) == (0, 2)


def test_there_is_a_sample_for_each_change_once_the_daemonset_is_known() -> None:
    found = list(
        samples(
            log(
                change(0.02, "daemonsets", status(3, 3), "ADDED", "list"),
                change(1, "daemonsets", status(3, 2)),
                change(2, "nodes", node("n2"), "DELETED"),
                change(3, "daemonsets", status(2, 2)),
                change(4, "daemonsets", status(2, 2), "DELETED"),
                change(5, "nodes", node("n1")),
            ),
            "agent",
        )
    )

    assert [(one.desired, one.ready, one.nodes) for one in found] == [
        (3, 3, 3), (3, 2, 3), (3, 2, 2), (2, 2, 2),
    ]  # fmt: skip


def test_each_rule_is_asked_about_each_fault() -> None:
    samples = {
        "crash": replace(HEALTHY, ready=2),
        "gap": replace(HEALTHY, desired=2, ready=2),
        "taint": HEALTHY,
    }
    found = alerts(
        samples,
        {"ready < desired": lambda s: s.ready < s.desired, "gap": lambda s: s.desired < s.nodes},
    )

    assert found.seen_by("ready < desired") == ("crash",)
    assert found.seen_by("gap") == ("gap",)
    assert found.unseen == ("taint",)
    assert alerts_headline(found) == (
        "“ready < desired” sees 1 of 3 faults; all 2 rules together see 2"
    )
    assert alerts_caption(found) == ("crash: ready < desired; gap: gap; taint: nothing fires.")


def test_the_picture_marks_what_fires_and_the_fault_that_nothing_sees() -> None:
    found = alerts(
        {"crash": replace(HEALTHY, ready=2), "taint": HEALTHY},
        {"ready < desired": lambda s: s.ready < s.desired, "never": lambda s: s.nodes > 99},
    )
    for dark in (False, True):
        ax = plot_alerts(found, dark=dark).figure.axes[-1]
        written = [text.get_text() for text in ax.texts]

        assert written == ["fires", "silent", "silent", "silent", "unseen"]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["crash", "taint"]
