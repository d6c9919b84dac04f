"""How often an init container has run: once a Pod, on each node."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, history, pod, present

from daemonset_course.analysis.init_runs import InitRuns, init_runs
from daemonset_course.errors import BadInput
from daemonset_course.prediction import Prediction

Record = dict[str, Any]


def prepared(uid: str, on: str, *, second: int, code: int = 0, phase: str = "ready") -> Record:
    made = pod(uid, on, phase=phase, app="prepare")
    end = {"exitCode": code, "finishedAt": f"2026-12-01T00:00:{second:02}Z"}
    other = {"name": "other", "state": {"terminated": end}}
    one = {"name": "prepare", "state": {"terminated": end}}
    made["status"]["initContainerStatuses"] = [other, one]
    return made


def runs(predicted: Prediction | None = None) -> InitRuns:
    """n1 was prepared before the recording, and again by a new Pod; n2 joins; n10 fails first."""
    log = history(
        *present("pods", prepared("a", "n1", second=1)),
        change(1, "pods", prepared("a", "n1", second=1, phase="terminating")),
        change(2, "pods", prepared("a", "n1", second=1, phase="terminating"), "DELETED"),
        change(3, "pods", pod("b", "n1", phase="pending", app="prepare"), "ADDED"),
        change(4, "pods", prepared("b", "n1", second=4, phase="not ready")),
        change(5, "pods", prepared("b", "n1", second=4)),
        change(6, "pods", prepared("c", "n10", second=6, code=1, phase="pending"), "ADDED"),
        change(7, "pods", prepared("c", "n10", second=7)),
        change(8, "pods", prepared("d", "n2", second=8), "ADDED"),
        change(8.5, "pods", prepared("d", "n2", second=9)),  # the node has started again
        end=10,
    )
    return init_runs(log, "prepare", "prepare", predicted=predicted)


def test_each_end_with_exit_code_0_is_one_run() -> None:
    assert [(one.node, one.t) for one in runs().runs] == [
        ("n1", 4), ("n10", 7), ("n2", 8), ("n2", 8.5),
    ]  # fmt: skip
    assert runs().by_node == {"n1": 1, "n2": 2, "n10": 1}


def test_headline_and_caption_count_runs_nodes_and_pods() -> None:
    asked = Prediction("runs", 3, unit="times")

    assert runs().headline == "prepare ran 4 times on 3 nodes"
    assert runs(Prediction("runs", unit="times")).headline == runs().headline
    assert runs(asked).headline == "prepare ran 4 times on 3 nodes (you: 3 times)"
    assert runs().caption == "prepare ran once on 2 nodes and 2 times on 1 node, in 3 Pods."


def test_a_lane_has_the_pods_of_a_node_and_a_tick_for_each_run() -> None:
    first, second, third = runs().figure().lanes

    assert [lane.label for lane in (first, second, third)] == ["n1", "n2", "n10"]
    assert [point.t for point in first.rows[0].points] == [4]
    assert [lane.rows[0].label for lane in (first, second)] == ["once", "2 times"]
    assert first.rows[0].bars[0].style == "Pod ready"


def test_a_recording_without_such_pods_is_named() -> None:
    with pytest.raises(BadInput, match="no Pod of prepare on a node"):
        init_runs(history(), "prepare", "prepare")
