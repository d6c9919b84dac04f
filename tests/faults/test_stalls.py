"""Components that stall, a start that stalls, and a whole machine that stands still.

``make faults`` also tries the long stalls; other runs one short stall.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded.embedded_backend import PROCESSES
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.status import status_of
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import CourseError
from daemonset_course.history.outages import Down
from daemonset_course.recording import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from faults.conftest import TRIES, command
from faults.test_recording_faults import parts
from live.scenes import PACE, daemonset, eventually, processes, servers

ALL = TRIES > 3
STALLS = [
    (component, seconds)
    for component in (PROCESSES if ALL else ("kwok-controller",))
    for seconds in ((5.0, 15.0, 60.0) if ALL else (5.0,))
]
FROZEN = 60.0 if ALL else 5.0  # seconds
START = 20.0  # seconds: others wait 10 s for the API server
RELEASE = "set env daemonset/agent RELEASE={}"


@pytest.fixture
def agent(shared: Cluster) -> Cluster:
    reset(workers=3)
    slow = daemonset("agent")
    slow["spec"]["minReadySeconds"] = 1  # no rollout is through before its fault comes
    apply(slow)
    wait_rollout("agent")
    return shared


@pytest.mark.parametrize(("component", "seconds"), STALLS)
def test_a_stall_in_a_rollout_of(
    agent: Cluster, component: str, seconds: float, tmp_path: Path
) -> None:
    before = parts(agent)
    stalled = before[component]
    assert stalled is not None
    with record("agent") as rollout:
        kubectl(RELEASE.format(f"{component}-{seconds:.0f}"))
        stalled.suspend()
        began = rollout.elapsed
        try:
            eventually(lambda: agent.backend.down_components() == [Down(component, "suspended")])
            assert status_of("own").down == {component: "suspended"}
            with pytest.raises(CourseError) as error:
                wait_rollout("agent", timeout=2)
            assert error.value.failed == f"{component} is suspended and does nothing."
            assert "course up" in error.value.next_step
            eventually(lambda: rollout.elapsed > began + seconds, within=seconds + 20)
        finally:
            stalled.resume()
        status = wait_rollout("agent", timeout=120)

    rollout.save(tmp_path / "rollout.jsonl")
    assert parts(agent) == before, "no component ended, and none was started again"
    assert (status.desired, status.updated, status.available) == (3, 3, 3)
    assert rollout.caption.startswith(f"{component} was suspended from ")
    assert rollout.rollouts[-1].end
    assert rollout.rollouts[-1].suspended == 0, "the recorder ran"
    outages = [one for one in rollout.timeline.outages if one.component == component]
    assert outages[0].end is not None
    assert outages[0].end - outages[0].start > seconds - 1


# What stops all processes cannot be one of them.
FREEZE = """
import os, signal, sys, time
seconds, *pids = map(float, sys.argv[1:])
for pid in pids: os.kill(int(pid), signal.SIGSTOP)
time.sleep(seconds)
for pid in pids: os.kill(int(pid), signal.SIGCONT)
"""
# A kernel's part, in a process of its own: it can be frozen too.
RECORDS = """
import sys, time
from daemonset_course import kubectl, record, wait_rollout

with record("agent") as rollout:
    kubectl("set env daemonset/agent RELEASE=frozen")
    print("ready", flush=True)
    sys.stdin.readline()
    wait_rollout("agent")
rollout.save(sys.argv[1])
"""


def test_everything_stands_still_during_a_recorded_rollout(agent: Cluster, tmp_path: Path) -> None:
    before = parts(agent)
    saved = tmp_path / "log.jsonl"
    recorder = subprocess.Popen(
        [sys.executable, "-c", RECORDS, str(saved)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert recorder.stdout
    assert recorder.stdout.readline() == "ready\n"
    pids = [str(one.pid) for one in before.values() if one] + [str(recorder.pid)]
    subprocess.run([sys.executable, "-c", FREEZE, str(FROZEN), *pids], check=True)
    _, errors = recorder.communicate("\n", timeout=180)
    assert recorder.returncode == 0, errors

    found = Recording.load(saved)
    (rollout,) = found.rollouts
    assert parts(agent) == before, "no component ended, and none was started again"
    assert {gap.reason for gap in found.timeline.gaps} == {"suspended recorder"}
    assert "The recorder was suspended, and saw nothing, from " in found.caption
    assert rollout.suspended == pytest.approx(FROZEN, abs=2)
    assert rollout.exact
    assert rollout.duration is not None
    assert rollout.duration < found.timeline.end - FROZEN + 2
    assert "besides" in found.caption
    assert found.timeline.outages == ()
    assert wait_rollout("agent").available == 3


@pytest.mark.parametrize("component", PROCESSES if ALL else PROCESSES[:1])
def test_a_wait_ends_at_once_when_memory_runs_out_and_kills(agent: Cluster, component: str) -> None:
    parts(agent)[component].kill()  # type: ignore[union-attr]
    began = time.monotonic()
    with pytest.raises(CourseError) as error:
        wait_in_vain()
    took = time.monotonic() - began

    assert error.value.failed == f"{component} has ended and was not started again."
    assert "course up" in error.value.next_step
    assert took < 40, "not at the timeout"
    assert reset(workers=3).workers


def wait_in_vain() -> None:
    """Wait for what never comes."""
    wait_for(
        current().api, "/api/v1/nodes", lambda _: False,
        what="a node that never comes", explain=lambda _: "none", timeout=300,
    )  # fmt: skip


def test_up_outlives_an_api_server_that_is_slow_to_start(home: Path) -> None:
    with command("up", "--backend", "embedded", "--pace", str(PACE)) as up:
        server: Any = eventually(lambda: dict(servers(home)).get("kube-apiserver"), within=60)
        manager = eventually(lambda: dict(servers(home)).get("kube-controller-manager"), within=60)
        server.suspend()
        try:
            psutil.wait_procs([manager], timeout=START)  # it gives up after 10 s
        finally:
            server.resume()
        _, output = up.communicate(timeout=180)

    assert up.returncode == 0, output
    assert manager.pid not in {one.pid for one in processes(home)}, "it did not give up"
    assert [name for name, _ in servers(home)] == sorted(PROCESSES)
    assert len(current().nodes()) == 4
