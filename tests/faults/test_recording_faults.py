"""What can happen to a recording: dead parts of the control plane, clock jumps, dead kernels."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from daemonset_course import cluster
from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded.embedded_backend import PROCESSES, Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.doctor import examine
from daemonset_course.errors import CourseError
from daemonset_course.history.log import Change, to_json
from daemonset_course.places import state_home
from daemonset_course.progress import Lines
from daemonset_course.recording import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset, eventually, processes


@dataclass(frozen=True)
class Death:
    """What a rollout and its recording look like when a part of the control plane dies."""

    blinds: bool  # the watches break: the recording has a gap
    wait_says: str  # a pattern, found after the name of what died


SILENT = "did not answer"
# Who uses the budget up; whether it ends by itself is not said while a part is down.
STUCK = "the budget of 1 unavailable node is used up: own-worker"
# Killed before it saw the template, or after: which of the two is chance.
UNFINISHED = "still runs the old template|has not seen the newest template"
# Without etcd nothing can be written, and the API server keeps its watches open: none is missed.
DEATHS = {
    "etcd": Death(False, SILENT),
    "kube-apiserver": Death(True, SILENT),
    "kube-controller-manager": Death(False, UNFINISHED),
    "kube-scheduler": Death(False, "its Pod waits for the scheduler"),
    "kwok-controller": Death(False, STUCK),
}
RELEASE = "set env daemonset/agent RELEASE={}"


@pytest.fixture
def agent(shared: Cluster) -> Cluster:
    reset(workers=3)
    slow = daemonset("agent")
    slow["spec"]["minReadySeconds"] = 1  # no rollout is through before its fault comes
    apply(slow)
    wait_rollout("agent")
    return shared


def parts(one: Cluster) -> dict[str, psutil.Process | None]:
    """The process of each component."""
    assert isinstance(one.backend, Embedded)
    return {component: one.backend.process(component) for component in PROCESSES}


@pytest.mark.parametrize("component", PROCESSES)
def test_kill_9_during_a_recorded_rollout_of(
    agent: Cluster, component: str, tmp_path: Path
) -> None:
    death, before = DEATHS[component], parts(agent)
    dead = [component]  # and no other one ends with it
    first = f"{component} has ended and was not started again"
    with record("agent") as rollout:
        # a template of its own: the revision of an earlier test's DaemonSet may still be there
        kubectl(RELEASE.format(f"without-{component}"))
        killed = rollout.elapsed
        before[component].kill()
        with pytest.raises(CourseError) as error:
            wait_rollout("agent", timeout=4)
        assert error.value.failed == f"{first}."
        assert re.search(death.wait_says, error.value.seen)
        assert "course up" in error.value.next_step
        eventually(lambda: agent.backend.dead_components() == dead)
        findings = [one for one in examine("own") if one.seen == first]
        assert [one.level for one in findings] == ["bad"]
        assert "course up" in findings[0].cure
        cluster.up("own", report=Lines(output := io.StringIO()))
        assert f"Started again: {', '.join(dead)}" in output.getvalue()
        healed = rollout.elapsed
        status = wait_rollout("agent", timeout=90)

    rollout.save(tmp_path / "rollout.jsonl")  # what a failure needs is then at hand
    after = parts(agent)
    assert all(after.values())
    assert [name for name in PROCESSES if after[name] != before[name]] == dead  # up started these
    assert (status.desired, status.updated, status.available) == (3, 3, 3)
    assert rollout.rollouts[-1].end
    gaps = rollout.timeline.gaps
    feeds = {"pods", "nodes", "daemonsets", "controllerrevisions", "events"}
    watched = feeds if death.blinds else set()
    assert {gap.resource for gap in gaps} == watched
    assert all(killed <= gap.start < gap.end < healed and gap.reason for gap in gaps)
    assert rollout.caption.startswith(f"{component} did not run from ")
    assert ("The watch of pods saw nothing" in rollout.caption) is death.blinds
    assert death.blinds or listed_late(rollout) == []


def listed_late(recording: Recording) -> list[Change]:
    """Return the changes of Pods in lists after the watch had begun: the watch had missed them."""
    return [change for change in recording.history.changes("pods") if change.via == "list"]


# In a process whose clocks are replaced before anything of the course is imported.
JUMPS = """
import datetime, sys, time

hours, now, seconds = 0, datetime.datetime.now, time.time

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return now(tz) + datetime.timedelta(hours=hours)

datetime.datetime = Jumping
time.time = lambda: seconds() + 3600 * hours

from daemonset_course import kubectl, record, wait_rollout
from daemonset_course.cluster import current, up

with record("agent") as rollout:
    hours = 1
    kubectl("set env daemonset/agent RELEASE=3")
    hours = -1
    wait_rollout("agent")
    hours = 1
    rollout.mark("killed")
    current().backend.process("kube-apiserver").kill()
    hours = -1
    up()
    rollout.mark("healed")
rollout.save(sys.argv[1])
"""


def test_the_wall_clock_jumps(agent: Cluster, tmp_path: Path) -> None:
    assert agent.name
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", JUMPS, str(tmp_path / "log.jsonl")], check=True)
    whole = time.monotonic() - began

    jumped = Recording.load(tmp_path / "log.jsonl")
    killed, healed = (mark.t for mark in jumped.history.marks)
    assert 0 < jumped.rollouts[-1].duration < killed < healed < whole
    assert jumped.timeline.gaps
    assert all(killed <= gap.start < gap.end < healed for gap in jumped.timeline.gaps)

    # The same with the stamps of the API server: from the first change on an hour further.
    records = [to_json(one) for one in jumped.history.records]
    first = next(i for i, one in enumerate(records) if one.get("via") == "watch")
    later = [an_hour_later(one) for one in records[first:]]
    assert later != records[first:]
    assert Recording([*records[:first], *later]).rollouts == jumped.rollouts


def an_hour_later(item: dict[str, Any]) -> dict[str, Any]:
    """A record with every time of day in it moved on."""
    moved = re.sub(
        r"T(\d\d)(?=:\d\d:\d\d)", lambda at: f"T{(int(at[1]) + 1) % 24:02}", json.dumps(item)
    )
    return dict(json.loads(moved))


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
    before = parts(agent)
    kernels = [start_new_kernel()]
    try:
        manager, client = kernels[0]
        assert client.execute_interactive(START, timeout=60)["content"]["status"] == "ok"
        kernel = manager.provisioner.process
        children = psutil.Process(kernel.pid).children(recursive=True)
        kernel.kill()
        eventually(lambda: not manager.is_alive())
        # before the manager tidies up: nobody does so for a learner
        assert psutil.wait_procs(children, timeout=5)[1] == []
        assert set(processes(state_home())) == set(before.values())
    finally:
        _shut_down(kernels)

    assert parts(agent) == before
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
