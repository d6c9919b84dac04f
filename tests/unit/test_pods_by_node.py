"""Pods of several applications side by side: what was where."""

from __future__ import annotations

from typing import Any

from fleet import change, control_plane, gap, history, listed, node, pod

from daemonset_course.analysis.pods_by_node import PodsByNode, pods_by_node

Record = dict[str, Any]
BOTH = ["red", "blue"]


def of(app: str, uid: str, where: str, phase: str = "ready") -> Record:
    made = pod(uid, where, phase=phase, app=app)
    if phase == "unbound":
        no_room = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        made["status"]["conditions"].append(no_room)
    return made


def race(*more: Record, apps: list[str] = BOTH) -> PodsByNode:
    """red has n1, blue has n2; at 5 s red leaves n1 and blue gets it."""
    log = history(
        *listed("nodes", control_plane(), node("n1"), node("n2")),
        *listed("pods", of("red", "red-1", "n1")),
        change(1, "pods", of("red", "red-2", "n2", "unbound"), "ADDED"),
        change(1, "pods", of("blue", "blue-1", "n1", "unbound"), "ADDED"),
        change(1, "pods", of("blue", "blue-2", "n2", "not ready"), "ADDED"),
        change(2, "pods", of("blue", "blue-2", "n2")),
        change(5, "pods", of("red", "red-1", "n1"), "DELETED"),
        change(6, "pods", of("blue", "blue-1", "n1")),
        change(7, "pods", of("green", "other", "n1"), "ADDED"),
        *more,
    )
    return pods_by_node(log, apps)


def test_each_app_holds_the_nodes_on_which_its_pods_are() -> None:
    found = race()

    assert found.held("red", 3) == {("n1", "ready"): 1, ("n2", "pending"): 1}
    assert found.held("blue", 3) == {("n1", "pending"): 1, ("n2", "ready"): 1}
    assert found.held("blue") == {("n1", "ready"): 1, ("n2", "ready"): 1}
    assert found.held("red") == {("n2", "pending"): 1}


def test_only_the_apps_asked_for_and_no_idle_control_plane() -> None:
    found = race(apps=["red"])

    assert found.nodes == ("n1", "n2")
    assert set(found.lives) == {"red"}


def test_a_pod_meant_for_no_node_has_a_lane_of_its_own() -> None:
    found = race(change(8, "pods", of("blue", "web", "", "unbound"), "ADDED"), apps=["blue"])

    assert found.nodes == ("n1", "n2", "")
    assert [lane.label for lane in found.figure().lanes] == ["n1", "n2", "no node"]


def test_while_nobody_watched_pods_are_unknown() -> None:
    found = race(gap(3, 4))
    (life,) = [one for one in found.lives["blue"] if one.uid == "blue-2"]

    assert [(s.phase, s.start, s.end) for s in life.segments] == [
        ("not ready", 1, 2),
        ("ready", 2, 3),
        ("unknown", 3, 4),
        ("ready", 4, 10),
    ]
    assert found.figure().unknown == ((3, 4),)
    assert found.caption.endswith("at the end. The watch of pods saw nothing from 3.0 s to 4.0 s.")


def test_what_nobody_saw_at_the_end_is_not_counted() -> None:
    found = race(gap(8, 10))

    assert found.headline == "Nobody saw where the Pods were at the end"
    assert found.caption.startswith("red: unknown at the end. blue: unknown at the end.")
    assert "blue unknown" in found.figure().used


def test_headline_and_caption_count_what_was_at_the_end() -> None:
    found = race()

    assert found.headline == "At the end red runs on 0, blue on 2 of 2 nodes"
    assert found.caption == (
        "red: 1 ready at first, 1 pending at the end (Unschedulable). blue: 2 ready at the end."
    )
    more = race(change(8, "pods", of("blue", "blue-3", "n1", "not ready"), "ADDED"))
    assert more.caption.endswith("blue: 2 ready, 1 not ready at the end.")


def test_a_lane_has_the_pods_of_the_apps_in_turn() -> None:
    n1, n2 = race().figure().lanes

    assert [(bar.style, bar.start) for row in n1.rows for bar in row.bars] == [
        ("red ready", 0), ("blue pending", 1), ("blue ready", 6),
    ]  # fmt: skip
    assert [(bar.style, bar.text) for row in n2.rows for bar in row.bars] == [
        ("red pending", "red"), ("blue not ready", ""), ("blue ready", "blue"),
    ]  # fmt: skip
    assert len(n1.rows) == len(n2.rows) == 2


def test_the_legend_names_the_apps_and_the_phases_that_were_seen() -> None:
    assert list(race().figure().legend or ()) == [
        "red", "blue", "Pod pending", "Pod not ready", "Pod ready",
    ]  # fmt: skip
