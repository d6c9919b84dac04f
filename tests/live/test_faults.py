"""Faults of one line: what each does to a rollout, the same on every backend."""

from __future__ import annotations

import pytest

from daemonset_course import apply, kubectl, record, wait_rollout
from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput, NotFinished
from daemonset_course.verbs import faults
from live.scenes import daemonset, eventually

AGENT = {
    "image": "busybox:1.36",
    "command": ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
    "resources": {"requests": {"cpu": "10m"}},
}


@pytest.fixture
def agent(live_cluster: Cluster) -> Cluster:
    reset(live_cluster.name, workers=3)
    apply(daemonset("agent", AGENT))
    wait_rollout("agent")
    return live_cluster


def reasons() -> str:
    """Why the rollout is not at its end."""
    try:
        wait_rollout("agent", timeout=1)
    except NotFinished as error:
        return error.seen
    return ""


@pytest.mark.usefixtures("agent")
def test_a_slow_start_is_seen_in_the_rollout() -> None:
    with record("agent") as rollout:
        faults.slow_start("agent", 4)
        wait_rollout("agent")

    assert rollout.rollouts[-1].updated == 3
    pace = 0.25  # simulated nodes scale the delay
    assert all(-s > 4 * pace for s in rollout.rollouts[-1].overlap.values())


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.never_ready, "not ready"),
        (faults.crash, "CrashLoopBackOff"),
        (faults.missing_image, "Image"),  # ErrImagePull or ImagePullBackOff
    ],
)
def test_a_template_that_is_never_available_stops_at_the_budget(fault: object, words: str) -> None:
    assert callable(fault)
    fault("agent")
    kubectl("wait --for=jsonpath={.status.numberUnavailable}=1 daemonset/agent --timeout=60s")
    eventually(lambda: words in reasons(), within=60)

    assert kubectl("get daemonset agent -o jsonpath={.status.numberReady}") == "2"
    kubectl("rollout undo daemonset/agent")
    assert wait_rollout("agent").ready == 3


def test_a_full_node_keeps_a_new_pod_pending(agent: Cluster) -> None:
    kubectl("delete daemonset agent --cascade=foreground")
    node = agent.workers()[0]

    assert faults.fill_node(node) == f"{node}: full"
    assert faults.fill_node(node) == f"{node}: was full"
    apply(daemonset("agent", AGENT))
    eventually(lambda: "Insufficient cpu" in reasons(), within=60)
    kubectl(f"delete pod filler-{node} --wait=false")
    assert wait_rollout("agent").ready == 3


@pytest.mark.usefixtures("agent")
def test_what_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="There is no DaemonSet 'nobody'"):
        faults.crash("nobody")
    with pytest.raises(BadInput, match="There is no node"):
        faults.fill_node("nowhere")
