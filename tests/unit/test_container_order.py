"""The containers of a Pod: in which order they start and stop, by status and recording."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, gap, history, pod, present

from daemonset_course.analysis.container_order import ContainerOrder, container_order
from daemonset_course.errors import BadInput
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN
from daemonset_course.prediction import Prediction

Record = dict[str, Any]
SPEC = {
    "initContainers": [{"name": "prepare"}, {"name": "proxy", "restartPolicy": "Always"}],
    "containers": [{"name": "agent"}],
}
WAITS: Record = {"waiting": {}}
RUNS: Record = {"running": {}}
DONE: Record = {"terminated": {"exitCode": 0, "finishedAt": "2026-12-01T00:00:01Z"}}


def ended(second: int) -> Record:
    return {"terminated": {"exitCode": 0, "finishedAt": f"2026-12-01T00:00:{second:02}Z"}}


def several(
    uid: str,
    *states: Record,
    phase: str = "not ready",
    ready: tuple[str, ...] = (),
    asked: int = -1,
) -> Record:
    """A Pod whose containers are in these states; ``asked``: the second of the request to stop."""
    made = pod(uid, "n1", phase=phase, app="several")
    made["spec"] |= SPEC
    names = ("prepare", "proxy", "agent")
    found = [
        {"name": name, "state": state, "ready": name in ready}
        for name, state in zip(names, states, strict=False)
    ]
    made["status"] |= {"initContainerStatuses": found[:2], "containerStatuses": found[2:]}
    if asked >= 0:
        made["metadata"]["deletionTimestamp"] = f"2026-12-01T00:00:{asked + 30:02}Z"
        made["metadata"]["deletionGracePeriodSeconds"] = 30
    return made


RAN = (DONE, RUNS, RUNS)
BOTH = ("proxy", "agent")


def restart(*more: Record, predicted: dict[str, Prediction] | None = None) -> ContainerOrder:
    return container_order(log(*more), "several", "n1", predicted=predicted)


def log(*more: Record) -> History:
    """The old Pod stops from 1.2 to 5.6; the new one starts at 5.7."""
    last = several("old", DONE, ended(14), ended(14), phase="terminating", asked=10)
    last["metadata"]["deletionTimestamp"] = "2026-12-01T00:00:16Z"  # the kubelet's own request
    last["metadata"]["deletionGracePeriodSeconds"] = 0
    asked = several("old", *RAN, phase="terminating", ready=BOTH, asked=10)
    return history(
        *present("pods", several("old", *RAN, phase="ready", ready=BOTH)),
        change(1.2, "pods", asked),
        change(5.5, "pods", last),
        change(5.6, "pods", last, "DELETED"),
        change(5.7, "pods", several("new", phase="unbound"), "ADDED"),
        change(6.0, "pods", several("new", RUNS, WAITS, WAITS, phase="pending")),
        change(6.4, "pods", several("new", DONE, WAITS, WAITS, phase="pending")),
        change(6.8, "pods", several("new", DONE, RUNS, WAITS, phase="pending")),
        change(8.8, "pods", several("new", DONE, RUNS, WAITS, phase="pending", ready=("proxy",))),
        change(9.2, "pods", several("new", *RAN, ready=("proxy",))),
        change(9.6, "pods", several("new", *RAN, phase="ready", ready=BOTH)),
        *more,
        end=11,
    )


def test_a_container_follows_the_one_before_it_and_ends_by_the_kubelets_time() -> None:
    order = restart()

    assert order.starts("prepare") is None
    assert order.starts("proxy") == pytest.approx(0.8)
    assert order.starts("agent") == pytest.approx(2.4)
    assert (order.ends("agent"), order.ends("proxy"), order.ends("prepare")) == (4.0, 4.0, None)
    assert order.gone == pytest.approx(4.4)


def test_headline_and_caption_say_both_orders_and_the_predictions() -> None:
    asked = {
        "agent starts": Prediction("a", 4, unit="s"),
        "proxy ends": Prediction("b", 6, unit="s"),
        "proxy starts": Prediction("c", unit="s"),
    }

    assert restart(predicted=asked).headline == (
        "Told to stop, agent ended after 4 s and proxy after 4 s; "
        "agent started 2.4 s after proxy (you: agent starts: 4 s, proxy ends: 6 s)"
    )
    assert restart().caption == (
        "Told to stop, agent ended after 4 s and proxy after 4 s (in whole seconds, by the "
        "kubelet), and the Pod was gone after 4.4 s. "
        "proxy started 0.80 s after prepare and agent started 2.4 s after proxy."
    )


def test_each_container_has_a_lane_with_both_pods() -> None:
    whole, prepare, proxy, agent = restart().figure().lanes

    assert [one.label for one in (whole, prepare, proxy, agent)] == [
        "Pod", "prepare (init)", "proxy (sidecar)", "agent",
    ]  # fmt: skip
    assert [(bar.style, bar.start, bar.end) for bar in proxy.rows[0].bars] == [
        ("container ready", 0, 1.2),
        ("container told to stop", 1.2, pytest.approx(5.2)),
        ("container waits", 5.7, 6.8),
        ("container not ready", 6.8, 8.8),
        ("container ready", 8.8, 11),
    ]
    assert [bar.style for bar in prepare.rows[0].bars] == ["container waits", "container not ready"]
    assert agent.rows[0].bars[-1].style == "container ready"


def test_a_prediction_is_drawn_where_it_puts_the_start_or_the_end() -> None:
    asked = {"agent starts": Prediction("a", 4.0), "proxy ends": Prediction("b", 6.0)}
    lanes = restart(predicted=asked).figure().lanes

    assert [[point.t for point in lane.rows[0].points] for lane in lanes] == [
        [], [], [pytest.approx(1.2 + 6)], [pytest.approx(6.8 + 4)],
    ]  # fmt: skip


def test_what_happened_in_a_gap_is_unknown() -> None:
    agent = restart(gap(8.9, 9.3)).pods[-1].find("agent")
    stopped = restart(gap(1.0, 1.3)).pods[0]

    assert agent is not None
    assert agent.started is UNKNOWN
    assert restart(gap(8.9, 9.3)).starts("agent") is None
    assert "The watch of pods saw nothing from 8.9 s to 9.3 s." in restart(gap(8.9, 9.3)).caption
    assert stopped.find("none") is None
    assert stopped.stop("none") is None


def test_a_pod_without_a_last_status_says_nothing_about_the_stop() -> None:
    asked = several("old", *RAN, phase="terminating", ready=BOTH, asked=10)
    made = history(
        *present("pods", several("old", *RAN, phase="ready", ready=BOTH)),
        change(1, "pods", asked),
        change(2, "pods", asked, "DELETED"),
        end=3,
    )
    order = container_order(made, "several", "n1")

    assert order.ends("agent") is None
    assert order.headline == "No container of several was seen to start or to stop"
    assert order.caption == ""


def test_a_node_without_a_pod_of_the_application_is_named() -> None:
    with pytest.raises(BadInput, match="no Pod of several on n2"):
        container_order(log(), "several", "n2")
