"""Taints on nodes over time, and what became of the Pods there."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, gap, history, listed, node, pod

from daemonset_course.analysis.node_taints import NodeTaints, attempts, node_taints
from daemonset_course.figures.shapes import Bar
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN

Record = dict[str, Any]
SCHEDULE = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
EXECUTE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
BOTH = ["agent", "web"]


def of(app: str, *, phase: str = "ready") -> Record:
    """A Pod on n1 with the label ``app``, of a DaemonSet when it is called agent."""
    return pod(app, "n1", phase=phase, owned=app == "agent", app=app)


def failing(*more: Record, pods: tuple[Record, ...] | None = None) -> History:
    leaving = (
        change(3.5, "pods", of("web", phase="terminating")),
        change(7, "pods", of("web"), "DELETED"),
    )
    return history(
        *listed("nodes", node("n1")),
        *listed("pods", *map(of, BOTH)),
        change(2, "nodes", node("n1", taints=[SCHEDULE])),
        change(3, "nodes", node("n1", taints=[SCHEDULE, EXECUTE])),
        *(leaving if pods is None else pods),
        change(8, "nodes", node("n1")),
        *more,
    )


def found_in(log: History) -> NodeTaints:
    return node_taints(log, ["n1"], BOTH)


def test_who_was_told_to_stop_is_counted_from_the_taint_that_evicts() -> None:
    found = found_in(failing())

    assert found.nodes[0].stopped("web") == pytest.approx(0.5)
    assert found.nodes[0].stopped("agent") is None
    assert found.headline == (
        "1 node failed: the Pods of agent stayed, the Pods of web were told to stop"
    )
    assert found.caption == (
        "n1: node.kubernetes.io/unreachable:NoExecute from 3.0 s on, agent stayed, "
        "web told to stop 0.50 s later."
    )


def test_a_node_without_an_evicting_taint_is_told_as_such() -> None:
    quiet = history(*listed("nodes", node("n1")), *listed("pods", of("agent")))

    assert node_taints(quiet, ["n1"], ["agent"]).caption == "n1: no taint that evicts."


def ended(app: str, why: str, *, phase: str = "ready") -> Record:
    made = of(app, phase=phase)
    told = {"type": "DisruptionTarget", "status": "True", "reason": why}
    made["status"].setdefault("conditions", []).append(told)
    return made


def test_an_eviction_is_the_kubelets_and_counts_once() -> None:
    by_kubelet = ended("web", "TerminationByKubelet", phase="failed")
    found = found_in(
        history(
            *listed("nodes", node("n1")),
            *listed("pods", *map(of, BOTH)),
            change(2, "nodes", node("n1", taints=[SCHEDULE])),
            change(5, "pods", by_kubelet),
            change(5.5, "pods", by_kubelet),
            change(6, "pods", ended("agent", "PreemptionByScheduler")),
        )
    )
    row = found.figure().lanes[0].rows[-1]

    assert [found.nodes[0].evictions(app) for app in BOTH] == [(), (5,)]
    assert found.headline == "The kubelet evicted Pods of web, and spared agent"
    assert found.caption == (
        "n1: node.kubernetes.io/unreachable:NoSchedule from 2.0 s on, "
        "agent never, web first evicted 3.0 s later."
    )
    assert [(point.t, point.sign, point.style) for point in row.points] == [(5, "✗", "evicted")]


def test_a_lane_has_the_taints_by_effect_over_the_pods() -> None:
    figure = found_in(failing()).figure()
    (lane,) = figure.lanes

    assert [row.label for row in lane.rows] == [
        "NoSchedule", "NoExecute", "Pod of agent", "Pod of web",
    ]  # fmt: skip
    assert [row.bars for row in lane.rows] == [
        (Bar(2, 8, "taint, keeps off", "unreachable"),),
        (Bar(3, 8, "taint, evicts", "unreachable"),),
        (Bar(0, 10, "Pod ready"),),
        (Bar(0, 3.5, "Pod ready"), Bar(3.5, 7, "Pod terminating")),
    ]


def test_a_taint_that_came_while_nobody_watched_begins_after_the_gap() -> None:
    found = found_in(failing(gap(1, 3.2, "nodes")))

    assert [(t.start, t.end, t.dated) for t in found.nodes[0].taints] == [(3.2, 8, False)] * 2
    assert found.caption.startswith(
        "n1: node.kubernetes.io/unreachable:NoExecute by 3.2 s, agent stayed, web told to stop. The"
    )
    assert found.figure().unknown == ((1, 3.2),)


def test_a_pod_that_stopped_did_not_stay_because_nobody_saw_its_taint() -> None:
    found = found_in(failing(gap(2.5, 9, "nodes")))

    assert found.headline.endswith("the Pods of agent stayed, the Pods of web were told to stop")
    assert found.caption.startswith("n1: no taint that evicts was seen. The watch of nodes saw")


def test_pods_that_nobody_saw_are_not_said_to_have_stayed() -> None:
    after = change(7, "pods", of("web"), "DELETED", "list")
    for log in (failing(gap(3.2, 7), after, pods=()), failing(gap(3.2, 10), pods=())):
        found = found_in(log)

        assert found.nodes[0].stopped("web") is UNKNOWN
        assert "nobody saw what all Pods of web did" in found.headline
        assert "web was not seen all the time" in found.caption
        assert "Pod unknown" in found.figure().used


def test_attempts_are_the_pods_of_one_node_by_time_with_how_each_ended() -> None:
    refused, evicted = pod("a", "n1", phase="failed"), pod("b", "n1")
    refused["status"]["message"] = "The node had condition: [DiskPressure]."
    target = {"type": "DisruptionTarget", "status": "True", "message": "low on memory"}
    evicted["status"] = {"phase": "Succeeded", "conditions": [target]}
    log = history(
        change(2, "pods", pod("b", "n1"), "ADDED"),
        change(1, "pods", pod("a", "n1", phase="pending"), "ADDED"),
        change(1.5, "pods", refused),
        change(1.8, "pods", refused, "DELETED"),
        change(4, "pods", evicted),
        change(3, "pods", pod("c", "n2"), "ADDED"),
        change(3, "pods", pod("d", "n1", owned=False), "ADDED"),
    )

    assert [(a.created, a.deleted, a.ran, a.message) for a in attempts(log, "n1", "agent")] == [
        (1, 1.8, False, "The node had condition: [DiskPressure]."),
        (2, None, True, "low on memory"),
    ]
