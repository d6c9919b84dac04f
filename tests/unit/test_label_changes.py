"""Relabelled nodes: a label's values over time, and how Pods followed them."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import Fleet, change, control_plane, daemonset, gap, history, listed, node, pod

from daemonset_course.analysis.label_changes import label_changes, label_map, label_values
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN

Record = dict[str, Any]
GONE = (
    change(5.4, "pods", pod("a", "n1", phase="terminating")),
    change(6, "pods", pod("a", "n1"), "DELETED"),
)


def relabelled(*more: Record, end: tuple[Record, ...] = GONE) -> History:
    """n2 gets disk=ssd at 2 and a Pod; n1 loses it at 5, then its Pod."""
    nodes = (control_plane(), node("n3"), node("n1", disk="ssd"), node("n2", disk="hdd"))
    return history(
        *listed("nodes", *nodes),
        *listed("daemonsets", daemonset()),
        *listed("pods", pod("a", "n1")),
        change(2, "nodes", node("n2", disk="ssd")),
        change(2.3, "pods", pod("b", "n2"), "ADDED"),
        change(5, "nodes", node("n1")),
        *end,
        *more,
    )


def test_label_values_follow_a_value_through_its_changes() -> None:
    found = label_values(relabelled(), "disk")

    assert {n: [(s.value, s.start, s.end) for s in found[n]] for n in ("n1", "n2", "n3")} == {
        "n1": [("ssd", 0, 5), (None, 5, 10)],
        "n2": [("hdd", 0, 2), ("ssd", 2, 10)],
        "n3": [(None, 0, 10)],
    }


def test_changes_are_measured_from_the_label_to_the_pod() -> None:
    found = label_changes(relabelled(), "disk", "ssd")

    assert found.came == {"n2": pytest.approx(0.3)}
    assert found.left == {"n1": pytest.approx(0.4)}
    assert (found.waits, found.unseen) == ([], [])
    assert found.headline == "Pods follow disk=ssd: 1 came, 1 went"
    assert found.caption == (
        "1 node got disk=ssd: Pod created within 0.30 s. "
        "1 node lost it: Pod told to stop within 0.40 s."
    )


def test_a_pod_that_outstays_its_label_is_told() -> None:
    found = label_changes(relabelled(end=()), "disk", "ssd")

    assert found.waits == ["n1"]
    assert found.headline == "disk=ssd is gone from 1 node, the Pod is not"


def test_a_lane_has_a_stripe_for_the_label_over_one_for_the_pod() -> None:
    figure = label_changes(relabelled(), "disk", "ssd").figure()
    lanes = {lane.label: [row.bars for row in lane.rows] for lane in figure.lanes}

    assert [(bar.style, bar.text) for bar in lanes["n2"][0]] == [
        ("another value", "hdd"), ("label disk=ssd", "ssd"),
    ]  # fmt: skip
    assert [bar.style for bar in lanes["n3"][0]] == ["no label"]
    assert figure.styles["no label"].colour == "stripe"  # the lane's ground
    assert [(bar.style, bar.start) for bar in lanes["n1"][1]] == [
        ("Pod ready", 0.01), ("Pod terminating", 5.4),
    ]  # fmt: skip
    assert set(figure.legend or ()) == {
        "label disk=ssd", "another value", "Pod ready", "Pod terminating",
    }  # fmt: skip


def test_a_change_that_nobody_saw_the_pods_follow_is_not_measured() -> None:
    """The gap hides the Pod that came after n2's label, then the one that went after n1's."""
    came = label_changes(relabelled(gap(2.1, 4)), "disk", "ssd")
    went = label_changes(relabelled(gap(5.2, 10), end=()), "disk", "ssd")

    assert (came.unseen, set(came.left)) == (["n2"], {"n1"})
    assert (went.unseen, set(went.came), went.waits) == (["n1"], {"n2"}, [])
    for found in (came, went):
        assert found.headline.endswith(", 1 not seen")
        assert "On 1 node nobody saw whether the Pod followed." in found.caption
        assert "Pod unknown" in found.figure().used


def test_a_label_that_changed_while_nobody_watched_is_unknown() -> None:
    found = label_changes(relabelled(gap(1, 3, "nodes")), "disk", "ssd")

    assert [s.value for s in found.values["n2"]] == ["hdd", UNKNOWN, "ssd"]
    assert found.came == {}
    assert "label unknown" in found.figure().used
    assert found.figure().unknown == ((1, 3),)


def test_the_map_shows_label_and_pod_before_and_after() -> None:
    found = label_map(relabelled(), "disk")
    before, after = found.figure()

    assert [new.node for _, new in found.relabelled] == ["n1", "n2"]
    assert found.headline == "2 nodes got another disk: 1 lost the Pod, 1 got one"
    assert "n1: disk=ssd was removed, its Pod went." in found.caption
    assert [(t.name, t.text, t.dot, t.ring) for t in before.tiles] == [
        ("n1", "ssd", True, True), ("n2", "hdd", False, True), ("n3", "none", False, False),
    ]  # fmt: skip
    assert [(t.text, t.dot) for t in after.tiles] == [
        ("none", False), ("ssd", True), ("none", False),
    ]  # fmt: skip


def test_a_value_keeps_its_colour_on_the_map_whether_or_not_a_node_has_no_label() -> None:
    nodes = [node("n1", disk="ssd"), node("n2", disk="hdd")]
    all_, _ = label_map(history(*listed("nodes", *nodes)), "disk").figure()
    some, _ = label_map(history(*listed("nodes", *nodes, node("n3"))), "disk").figure()

    assert [some.styles[value] for value in ("hdd", "ssd")] == [
        all_.styles[value] for value in ("hdd", "ssd")
    ]
    assert some.styles["no label"].colour == "faint"


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_the_map_is_that_of_the_end_after_a_gap_and_unknown_in_one_up_to_it(resource: str) -> None:
    seen = {"nodes": node("n3"), "pods": pod("b", "n2")}[resource]
    middle = label_map(relabelled(gap(7, 8, resource), change(9, resource, seen)), "disk")
    open_ = label_map(relabelled(gap(7, 10, resource)), "disk")

    assert middle.headline == "2 nodes got another disk: 1 lost the Pod, 1 got one"
    assert open_.headline == "Nobody saw where the Pods were at the end"
    assert "1 of 3 workers with a Pod before; unknown how many after." in open_.caption
    assert {(t.text, t.style, t.dot) for t in open_.figure()[1].tiles} == {
        ("unknown", "unknown", False)
    }


def test_forty_workers_have_forty_lanes_and_tiles() -> None:
    log = History(Fleet(40).run(1).label("course-worker3", disk="ssd").run(2).log())

    assert len(label_changes(log, "disk", "ssd").figure().lanes) == 41  # and the control plane
    assert [len(one.tiles) for one in label_map(log, "disk").figure()] == [40, 40]
