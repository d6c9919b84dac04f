"""What can happen to a recording: dead parts of the control plane, clock jumps, dead kernels."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from daemonset_course import cluster
from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded import COMPONENTS, Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import CourseError
from daemonset_course.recording import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset, eventually

MISSED_LATE = {"kube-scheduler", "kube-controller-manager", "kwok-controller"}
BLIND = {"kube-apiserver"}  # without it no watch goes on
RELEASE = "set env daemonset/agent RELEASE={}"


@pytest.fixture
def agent(shared: Cluster) -> Cluster:
    reset(workers=3)
    apply(daemonset("agent"))
    wait_rollout("agent")
    return shared


@pytest.mark.parametrize("component", COMPONENTS)
def test_kill_9_during_a_recorded_rollout_of(
    agent: Cluster, component: str, tmp_path: Path
) -> None:
    assert isinstance(agent.backend, Embedded)
    process = agent.backend.process(component)
    assert process
    with record("agent") as rollout:
        # a template of its own: the revision of an earlier test's DaemonSet may still be there
        kubectl(RELEASE.format(f"without-{component}"))
        process.kill()
        eventually(lambda: agent.backend.dead_components() == [component])
        if component not in MISSED_LATE:  # the last pods may be through already
            with pytest.raises(CourseError) as error:
                wait_rollout("agent", timeout=4)
            assert error.value.seen
            assert error.value.next_step
        cluster.up("own")
        wait_rollout("agent", timeout=90)

    rollout.save(tmp_path / "rollout.jsonl")  # what a failure needs is then at hand
    assert agent.backend.dead_components() == []
    assert rollout.rollouts[-1].updated == 3
    gaps = rollout.timeline.gaps
    if component in BLIND:
        assert {gap.resource for gap in gaps} == {"pods", "nodes", "daemonsets", "events"}
        assert all(gap.start < gap.end and gap.reason for gap in gaps)


def test_the_wall_clock_jumps(agent: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    assert agent.name
    true = time.time
    with record("agent") as rollout:
        monkeypatch.setattr(time, "time", lambda: true() + 3600)
        kubectl(RELEASE.format(3))
        monkeypatch.setattr(time, "time", lambda: true() - 3600)
        wait_rollout("agent")

    times = [record["t"] for record in rollout.records[1:]]
    assert times == sorted(times)
    assert 0 < rollout.rollouts[-1].duration < 60
    assert rollout.records[0]["date"][:13] == datetime.now(UTC).strftime("%Y-%m-%dT%H")


START = """
from daemonset_course import record
recorder = record("agent")
recorder.start()
"""


def test_two_kernels_record_at_once(agent: Cluster, tmp_path: Path) -> None:
    assert agent.name
    kernels = [start_new_kernel() for _ in range(2)]
    try:
        for _, client in kernels:
            assert client.execute_interactive(START, timeout=60)["content"]["status"] == "ok"
        kubectl(RELEASE.format(4))
        wait_rollout("agent")
        for i, (_, client) in enumerate(kernels):
            code = f"recorder.stop().save({str(tmp_path / f'{i}.jsonl')!r})"
            assert client.execute_interactive(code, timeout=60)["content"]["status"] == "ok"
    finally:
        _shut_down(kernels)

    one, two = (Recording.load(tmp_path / f"{i}.jsonl").rollouts[-1] for i in range(2))
    assert (one.updated, one.max_unavailable) == (two.updated, two.max_unavailable) == (3, 1)
    assert one.order == two.order


def test_a_kernel_is_killed_while_it_records(agent: Cluster) -> None:
    kernels = [start_new_kernel()]
    try:
        manager, client = kernels[0]
        assert client.execute_interactive(START, timeout=60)["content"]["status"] == "ok"
        manager.provisioner.process.kill()
        eventually(lambda: not manager.is_alive())
    finally:
        _shut_down(kernels)

    assert agent.backend.dead_components() == []
    with record("agent") as rollout:
        kubectl(RELEASE.format(5))
        wait_rollout("agent")
    assert rollout.rollouts[-1].updated == 3
    assert reset(workers=3).changes == ("DaemonSet/agent in default removed",)


def _shut_down(kernels: list[Any]) -> None:
    for manager, client in kernels:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
