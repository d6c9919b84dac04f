"""What monitoring sees at the end of a recording, and which rules fire on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fleet import change, control_plane, daemonset, gap, history, listed, node

from daemonset_course.analysis.alerts import Sample, alerts, fired_during, rule, sample, samples
from daemonset_course.errors import BadInput
from daemonset_course.history.index import History

Record = dict[str, Any]
HEALTHY = Sample(3, 3, 3, 3, 3, 0, 3, 3)


def status(desired: int, ready: int, misscheduled: int = 0, *, name: str = "agent") -> Record:
    return daemonset(
        name=name, desiredNumberScheduled=desired, currentNumberScheduled=desired,
        numberReady=ready, numberMisscheduled=misscheduled,
    )  # fmt: skip


LISTED = change(0.02, "daemonsets", status(3, 3), "ADDED", "list")


def log(*records: Record) -> History:
    nodes = [control_plane(), node("n1"), node("n2"), node("n3", ready="Unknown")]
    return history(*listed("nodes", *nodes), *records, end=9)


def test_the_last_status_and_the_workers_are_what_counts() -> None:
    first, last = LISTED, change(2, "daemonsets", status(2, 2, misscheduled=1))

    assert sample(log(first, last), "agent") == Sample(
        desired=2, current=2, ready=2, updated=0, available=0, misscheduled=1, nodes=3,
        nodes_ready=2,
    )  # fmt: skip


def test_a_deleted_node_and_another_daemonset_do_not_count() -> None:
    other = change(1, "daemonsets", status(9, 9, name="other"), "ADDED")
    found = sample(log(other, change(2, "nodes", node("n2"), "DELETED")), "agent")

    assert found is not None
    assert (found.desired, found.nodes) == (0, 2)


def test_there_is_a_sample_for_each_change_once_the_daemonset_is_known() -> None:
    seen = log(
        LISTED,
        change(1, "daemonsets", status(3, 2)),
        change(2, "nodes", node("n2"), "DELETED"),
        change(3, "daemonsets", status(2, 2)),
        change(4, "daemonsets", status(2, 2), "DELETED"),
        change(5, "nodes", node("n1")),
    )

    assert [(one.desired, one.ready, one.nodes) for one in samples(seen, "agent")] == [
        (3, 3, 3), (3, 2, 3), (3, 2, 2), (2, 2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("resource", ["nodes", "daemonsets"])
def test_there_is_no_sample_while_nobody_watched(resource: str) -> None:
    changes = [change(t, "daemonsets", status(3, t)) for t in (1, 2, 3)]
    middle = log(LISTED, *changes, gap(1.5, 2.5, resource))
    open_ = log(LISTED, *changes, gap(4, 9, resource))

    if resource == "nodes":  # what the watch of DaemonSets tells then is half of a sample
        assert [one.ready for one in samples(middle, "agent")] == [3, 1, 3]
    assert sample(middle, "agent") == replace(HEALTHY, current=3, updated=0, available=0,
                                              nodes_ready=2)  # fmt: skip
    assert sample(open_, "agent") is None
    assert alerts({"crash": None}, {"any": "ready < 3"}).caption == "crash: not seen."


SEEN = {
    "crash": replace(HEALTHY, ready=2),
    "gap": replace(HEALTHY, desired=2, ready=2),
    "taint": HEALTHY,
}
RULES = {"ready < desired": "ready < desired", "gap": "desired < nodes"}


def test_each_rule_is_asked_about_each_fault() -> None:
    found = alerts(SEEN, RULES)

    assert found.seen_by("ready < desired") == ("crash",)
    assert found.unseen == ("taint",)
    assert found.headline == "“ready < desired” sees 1 of 3 faults; all 2 rules together see 2"
    assert found.caption == "crash: ready < desired; gap: gap; taint: nothing fires."


def test_the_figure_marks_what_fires_and_the_fault_that_nothing_sees() -> None:
    figure = alerts(SEEN, RULES).figure()

    assert {place for place, cell in figure.cells.items() if cell.style == "fires"} == {
        ("crash", "ready < desired"), ("gap", "gap"),
    }  # fmt: skip
    assert len(figure.cells) == 6
    assert [side.texts for side in figure.sides] == [("", "", "unseen")]


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("ready < desired", False),
        ("misscheduled > 0 or desired != nodes", True),
        ("desired < nodes and misscheduled > 0", False),
        ("1 <= ready < nodes", True),
        ("nodes_ready == 3", True),
        ("updated >= 3", False),
    ],
)
def test_a_rule_is_a_text_that_compares_numbers(text: str, fires: bool) -> None:
    assert rule(text)(replace(HEALTHY, desired=2, ready=2, updated=2)) is fires


@pytest.mark.parametrize(
    "text", ["ready", "ready <", "up == 0", "ready < 'a'", "not ready < 3", "ready in nodes", ""]
)
def test_another_text_is_no_rule(text: str) -> None:
    with pytest.raises(BadInput, match="desired, current, ready"):
        rule(text)


def test_rules_are_named_by_their_text_unless_they_have_names() -> None:
    assert alerts(SEEN, ["ready < desired", "desired < nodes"]).rules == (
        "ready < desired", "desired < nodes",
    )  # fmt: skip


def test_a_rule_that_fires_at_one_moment_has_fired() -> None:
    seen = log(LISTED, change(1, "daemonsets", status(3, 2)), change(2, "daemonsets", status(3, 3)))

    assert fired_during(seen, "agent", ["ready < desired", "desired < nodes"]) == (
        "ready < desired",
    )  # fmt: skip
