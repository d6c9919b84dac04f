"""Pods of several applications side by side: what was where."""

from __future__ import annotations

from typing import Any

from fleet import change, control_plane, gap, history, listed, node

from daemonset_course.analysis.pods_by_node import PodsByNode, pods_by_node

Record = dict[str, Any]
BOTH = ["red", "blue"]


def pod(name: str, app: str, where: str, *, ready: bool = False, bound: bool = True) -> Record:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [where]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pinned = {"affinity": {"nodeAffinity": required}} if where else {}
    conditions = [{"type": "Ready", "status": str(ready)}]
    if not bound:
        conditions.append({"type": "PodScheduled", "status": "False", "reason": "Unschedulable"})
    return {
        "metadata": {"name": name, "uid": name, "labels": {"app": app}},
        "spec": {"nodeName": where} if bound else pinned,
        "status": {"phase": "Running" if bound else "Pending", "conditions": conditions},
    }


def race(*more: Record, apps: list[str] = BOTH) -> PodsByNode:
    """red has n1, blue has n2; at 5 s red leaves n1 and blue gets it."""
    log = history(
        *listed("nodes", control_plane(), node("n1"), node("n2")),
        *listed("pods", pod("red-1", "red", "n1", ready=True)),
        change(1, "pods", pod("red-2", "red", "n2", bound=False), "ADDED"),
        change(1, "pods", pod("blue-1", "blue", "n1", bound=False), "ADDED"),
        change(1, "pods", pod("blue-2", "blue", "n2"), "ADDED"),
        change(2, "pods", pod("blue-2", "blue", "n2", ready=True)),
        change(5, "pods", pod("red-1", "red", "n1", ready=True), "DELETED"),
        change(6, "pods", pod("blue-1", "blue", "n1", ready=True)),
        change(7, "pods", pod("other", "green", "n1", ready=True), "ADDED"),
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
    found = race(change(8, "pods", pod("web", "blue", "", bound=False), "ADDED"), apps=["blue"])

    assert found.nodes == ("n1", "n2", "")
    assert [lane.label for lane in found.figure().lanes] == ["n1", "n2", "no node"]


def test_while_nobody_watched_pods_are_unknown() -> None:
    found = race(gap(3, 4))
    (life,) = [one for one in found.lives["blue"] if one.name == "blue-2"]

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


def test_a_lane_has_the_pods_of_the_apps_in_turn() -> None:
    n1, n2 = race().figure().lanes

    assert [(bar.style, bar.start) for row in n1.rows for bar in row.bars] == [
        ("red ready", 0), ("blue pending", 1), ("blue ready", 6),
    ]  # fmt: skip
    assert [(bar.style, bar.text) for row in n2.rows for bar in row.bars] == [
        ("red pending", ""), ("blue not ready", ""), ("blue ready", "blue"),
    ]  # fmt: skip
    assert len(n1.rows) == len(n2.rows) == 2


def test_the_legend_names_the_apps_and_the_phases_that_were_seen() -> None:
    assert list(race().figure().legend or ()) == [
        "red", "blue", "Pod pending", "Pod not ready", "Pod ready",
    ]  # fmt: skip
