"""The core of the labs on a real control plane: several processes, one task, and its recorder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from daemonset_course import cli
from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.reset import reset
from daemonset_course.errors import CourseError, InUse
from daemonset_course.lab import lab_log
from daemonset_course.lab import session as labs
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.session import JOURNAL, LabSession, open_lab
from daemonset_course.lab.tasks import roll_within_budget as lab06
from daemonset_course.lab.verdict import MET, Criterion, Finding, Verdict, pending
from daemonset_course.places import cluster_dir
from daemonset_course.recording.recorder import SUSPENDED
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import eventually, recorders

WIDER = "spec: {updateStrategy: {rollingUpdate: {maxUnavailable: %d}}}"
ROLL = "set env daemonset/agent RELEASE=2"
ENV = '{name: agent, env: [{name: RELEASE, value: "2"}]}'
FRAGMENT = f"""
spec:
  updateStrategy: {{rollingUpdate: {{maxUnavailable: 2}}}}
  template: {{spec: {{containers: [{ENV}]}}}}
"""
PATCH = "patch daemonset agent --patch"


@pytest.fixture
def lab() -> Iterator[LabSession]:
    session = open_lab("06")
    yield session
    session.reset()


@pytest.fixture
def started(lab: LabSession) -> LabSession:
    lab.start(1)
    return lab


def terminal(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``course`` in a process of its own, as a terminal does."""
    command = [sys.executable, "-m", "daemonset_course.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def status(*words: str) -> int:
    """The exit status of ``course lab check --json``, whose outcome fits it."""
    ran = CliRunner().invoke(cli.app, ["lab", "check", "--json", *words])
    outcomes = ["passed", "wrong", "not attempted", "not yet", "cannot check"]
    assert json.loads(ran.stdout)["outcome"] == outcomes[ran.exit_code]
    return ran.exit_code


# One task, whoever asks


def test_a_terminal_and_a_notebook_see_the_same_task(lab: LabSession) -> None:
    begun = terminal("lab", "start", "06")
    assert begun.returncode == 0, begun.stderr
    assert "Task 1: Roll out RELEASE 2 in the window" in begun.stdout
    assert lab.started() == 1
    assert lab.check().outcome == "not attempted"

    watching = subprocess.Popen(
        [sys.executable, "-m", "daemonset_course.cli", "lab", "check", "--watch", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lab.apply(WIDER % 2)
    kubectl(ROLL)
    output, _ = watching.communicate(timeout=120)  # it ends when the task is passed

    assert watching.returncode == 0
    assert json.loads(output)["outcome"] == "passed"
    assert recorders() == []
    assert lab.check().passed
    assert terminal("lab", "check").stdout.startswith("✔ passed: ")
    assert "Yours is the same" in terminal("lab", "solution").stdout
    tasks = json.loads(terminal("progress", "--json").stdout)["tasks"]
    assert next(one["passed"] for one in tasks if one["lab"] == lab.lab.name)

    assert "Put right: " in terminal("lab", "reset").stdout
    assert lab.started() is None
    assert lab.check(1).outcome == "cannot check"
    assert terminal("lab", "check").returncode == 4
    assert cluster.current().api.items("/apis/apps/v1/namespaces/default/daemonsets") == []


def test_the_five_exit_statuses(lab: LabSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "PATIENCE", (0.0, 0.0, 0.0))
    assert [status("99"), status("06", "9")] == [4, 4]
    lab.start(1)
    assert status("06", "2") == 4  # task 1 was started
    assert status() == 2
    lab.apply(FRAGMENT)
    assert status() == 3
    wait_rollout("agent")
    assert status() == 0
    lab.start(1)
    lab.apply(WIDER % 4)
    kubectl(ROLL)
    assert status() == 1


@pytest.mark.parametrize(
    "ways",
    [
        lambda lab: lab.apply(FRAGMENT),
        lambda lab: lab.apply(lab06.manifest(release="2", strategy="maxUnavailable: 2")),
        lambda _: [kubectl(PATCH, json.dumps(SPEC)), kubectl(ROLL)],
    ],
    ids=["a fragment", "a manifest", "kubectl"],
)
def test_each_way_to_work_gets_the_same_verdict(
    started: LabSession, ways: Callable[[LabSession], object]
) -> None:
    ways(started)
    verdict = started.check()

    assert verdict.passed, repr(verdict)
    assert verdict.score[0] == verdict.score[1] > 0


SPEC = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}}


def test_a_verdict_takes_no_time_once_the_cluster_has_settled(
    started: LabSession, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl(ROLL)
    wait_rollout("agent")  # with a budget of 1: wrong, and the recorder goes on
    started.check()
    taken = []
    for _ in range(5):
        began = time.monotonic()
        verdict = started.check()
        taken.append(time.monotonic() - began)
        assert verdict.outcome == "wrong"
    with capsys.disabled():
        print(f"\na verdict at 12 nodes: {min(taken):.2f} to {max(taken):.2f} s")

    assert max(taken) < 5


# What may be typed


HUGE = lab06.manifest(release="2" * 5_000_000)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda _: open_lab("no-such-lab"),
        lambda _: open_lab(""),
        lambda lab: lab.start(9),
        lambda lab: lab.start("1"),
        lambda lab: lab.check(9),
        lambda lab: lab.hint(0),
        lambda lab: lab.apply("spec: [\n"),
        lambda lab: lab.apply("- a\n- b\n"),
        lambda lab: lab.apply("just words"),
        lambda lab: lab.apply("apiVersion: v1\nkind: Daemonset\nmetadata: {name: agent}"),
        lambda lab: lab.apply("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {}"),
        lambda lab: lab.apply(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}"
        ),
        lambda lab: lab.apply("spec: {updateStrategy: {type: Rolling}}"),
        lambda lab: lab.apply("spec: {template: {spec: {nodeName: [1]}}}"),
        lambda lab: lab.apply(HUGE),
    ],
)
def test_bad_input_is_one_clear_sentence_and_nothing_is_lost(
    task: LabSession, attempt: Callable[[Any], object]
) -> None:
    (recorder,) = recorders()
    began = time.monotonic()
    with pytest.raises(CourseError) as refused:
        attempt(task)

    assert time.monotonic() - began < 20
    assert refused.value.failed.endswith((".", ":"))
    assert "\n" not in refused.value.failed
    assert len(str(refused.value)) < 3000
    assert task.check(1).outcome == "not attempted"
    assert recorders() == [recorder]


@pytest.fixture(scope="module")
def task(live_cluster: Cluster) -> Iterator[LabSession]:
    """A task that nobody changes."""
    assert live_cluster
    session = open_lab("06")
    session.start(1)
    yield session
    session.reset()


# The recorder process


START = """
import sys, time
from daemonset_course.lab.session import open_lab
open_lab("06").start(1)
print("started", flush=True)
time.sleep(600)
"""


def test_the_history_outlives_the_kernel(lab: LabSession) -> None:
    kernel = subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True)
    assert kernel.stdout
    assert kernel.stdout.readline() == "started\n"
    kernel.kill()
    kernel.communicate()
    lab.apply(FRAGMENT)

    assert lab.check().passed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "kill"])
def test_without_its_recorder_a_task_cannot_be_checked(started: LabSession, how: int) -> None:
    (recorder,) = recorders()
    started.apply(FRAGMENT)
    recorder.send_signal(how)
    eventually(lambda: recorders() == [])
    began = time.monotonic()
    verdict = started.check()

    assert verdict.outcome == "cannot check"
    assert "recorder of the task has ended" in verdict.says
    assert "lab.start(1)" in repr(verdict)
    assert time.monotonic() - began < 5
    started.start(1)
    assert started.check().outcome == "not attempted"


def test_what_a_suspended_recorder_did_not_see_in_time_is_no_pass(
    started: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_log, "CATCH_UP", SUSPENDED + 1)
    (recorder,) = recorders()
    recorder.suspend()
    try:
        started.apply(FRAGMENT)
        kubectl("delete pods -l app=agent --wait=false")
        meanwhile = started.check()
        wait_rollout("agent")
    finally:
        recorder.resume()
    later = started.check()

    assert meanwhile.outcome == "cannot check"
    assert "does not receive the changes" in meanwhile.says
    assert later.outcome in ("wrong", "cannot check"), repr(later)
    gaps = started.recording.history.gaps
    assert {gap.resource for gap in gaps} >= {"pods", "daemonsets", "nodes"}
    assert all(gap.end - gap.start > SUSPENDED for gap in gaps)


@pytest.mark.only("embedded", "a cluster of its own")
def test_down_leaves_no_recorder(own: Cluster) -> None:
    LabSession(JOINING).start(1)
    (recorder,) = recorders()
    recorder.suspend()
    cluster.down(own.name)

    assert not psutil.pid_exists(recorder.pid) or recorder.status() == psutil.STATUS_ZOMBIE
    assert recorders() == []


# Probes, interrupted


def _node_got_its_pod(evidence: Evidence) -> Finding:
    own = evidence.daemonset("agent")
    joined = {c.name for c in evidence.history.changes("nodes", joins)}
    assert joined, "nothing was tried"
    if any(s.node in joined and s.phase == "ready" for s in own.timeline.segments):
        return MET
    return pending("The node has no ready Pod yet.")


def joins(node: dict[str, Any]) -> bool:
    return "joins" in node["metadata"]["labels"]


JOINING = Lab(
    name="99-made-in-a-test",
    title="A node joins",
    workers=(Worker(),) * 3,
    daemonset="agent",
    tasks=(
        Task(
            title="Have it on every node",
            start=lab06.START,
            there="",
            criteria=(Criterion("a node that joins runs it", _node_got_its_pod, probe="joins"),),
            hints=("", "", ""),
            solution="",
            probes=(
                Probe(
                    "joins",
                    'action: add node\nlabels: {joins: "yes"}',
                    'action: remove node\nlabels: {joins: "yes"}',
                ),
            ),
        ),
    ),
    debrief="",
)


@pytest.fixture
def joining(live_cluster: Cluster) -> Iterator[LabSession]:
    assert live_cluster
    session = LabSession(JOINING)
    session.start(1)
    kubectl("label daemonset agent touched=yes")
    yield session
    session.reset()


def joined() -> list[str]:
    return [n["metadata"]["name"] for n in current().api.items("/api/v1/nodes") if joins(n)]


def journal() -> bool:
    return (lab_log.folder_of(current().name) / JOURNAL).exists()


def raising(function: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    """The function, but its n-th call is interrupted before or after it did its work."""
    calls = iter(range(1, 100))

    def called(*args: Any, **options: Any) -> Any:
        mine = next(calls) == number
        if mine and not after:
            raise KeyboardInterrupt
        result = function(*args, **options)
        if mine:
            raise KeyboardInterrupt
        return result

    return called


# What is interrupted: name, its n-th call, after its work; whether the check undoes it at once.
MOMENTS = {
    "before the mark": ("probe_mark", 1, False, True),
    "before act": ("play", 1, False, True),
    "after act": ("play", 1, True, True),
    "before undo": ("_undo", 1, False, False),
    "in undo": ("play", 2, True, False),
    "before the second mark": ("probe_mark", 2, False, True),
    "before the third mark": ("probe_mark", 3, False, False),
}


def test_a_probe_is_undone_and_its_verdict_passes(joining: LabSession) -> None:
    verdict = joining.check()

    assert verdict.passed, repr(verdict)
    assert joined() == []
    assert not journal()
    assert [mark.text for mark in joining.recording.history.marks] == [
        "check: joins", "check: joins (judged)", "check: joins (undone)",
    ]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_probe_is_undone_by_the_next_check(
    joining: LabSession, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, number, after, at_once = MOMENTS[moment]
    with monkeypatch.context() as patch:
        patch.setattr(labs, name, raising(getattr(labs, name), number, after=after))
        with pytest.raises(KeyboardInterrupt):
            joining.check()
    assert journal() is not at_once
    assert joined() == [] or not at_once

    verdict = joining.check()

    assert verdict.passed, repr(verdict)
    assert joined() == []
    assert not journal()
    probes = Evidence(joining.recording.history).probes
    assert [probe.judged for probe in probes if probe.end][-1] is not None
    assert all(probe.end for probe in probes)


def test_two_checks_do_not_undo_each_other_s_probes(
    joining: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs, "OTHER_CHECK", 0.2)
    with labs._one_at_a_time(lab_log.folder_of(current().name)):  # as another check that tries it
        meanwhile = joining.check()

    assert meanwhile.outcome == "cannot check"
    assert "Another check of this task" in meanwhile.says
    assert joining.check().passed


KILLED = """
import os, signal
from daemonset_course.lab import session as labs
from live.test_lab_session import JOINING
play = labs.play
def killed(text):
    play(text)
    os.kill(os.getpid(), signal.SIGKILL)
labs.play = killed
labs.LabSession(JOINING).check(1)
"""


@pytest.mark.parametrize("then", ["check", "start", "reset"])
def test_a_probe_whose_process_was_killed_is_undone(joining: LabSession, then: str) -> None:
    path = os.pathsep.join(["tests", "tests/unit"])
    code = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"PYTHONPATH": path}, check=False
    ).returncode
    assert code == -signal.SIGKILL
    assert len(joined()) == 1
    assert journal()

    found: Any = {"check": joining.check, "start": joining.start, "reset": joining.reset}[then]()

    assert joined() == []
    assert not journal()
    assert not isinstance(found, Verdict) or found.passed


def test_a_watch_ends_when_the_task_is_passed_and_shows_what_is_met(started: LabSession) -> None:
    verdicts = started.verdicts()
    seen = [next(verdicts)]
    started.apply(FRAGMENT)
    seen += list(verdicts)

    assert seen[0].outcome == "not attempted"
    assert seen[-1].passed
    assert {one.outcome for one in seen} <= {"not attempted", "not yet", "passed"}


def test_a_reset_elsewhere_asks_before_it_ends_the_task(
    lab: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal("lab", "start", "06").returncode == 0
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/03-how-scheduling-works.ipynb")
    with pytest.raises(InUse, match="task 1 runs on the cluster"):
        reset(workers=3)
    assert lab.check(1).outcome == "not attempted"

    reset(workers=3, force=True)
    verdict = lab.check(1)

    assert verdict.outcome == "cannot check"
    assert "was reset by the notebook 03-how-scheduling-works.ipynb" in verdict.says
    assert "lab.start(1)" in verdict.where
    lab.start(1)
    assert lab.check(1).outcome == "not attempted"


def test_the_start_of_another_lab_asks_before_it_ends_a_task_of_an_open_notebook(
    started: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = cluster_dir(current().name) / "usage.json"
    here, elsewhere = (f'"kernel": {number}' for number in (os.getpid(), os.getppid()))
    note.write_text(note.read_text().replace(here, elsewhere))
    monkeypatch.setenv("JPY_SESSION_NAME", "labs/01-cover-the-fleet.ipynb")
    with pytest.raises(InUse, match="the start of another task destroys it"):
        open_lab("01").start(1)
    assert started.check(1).outcome == "not attempted"

    open_lab("01").start(1, force=True)
    assert started.check(1).outcome == "cannot check"


def test_what_the_recorder_saw_while_it_ended_changes_no_pass(started: LabSession) -> None:
    started.apply(FRAGMENT)
    wait_rollout("agent")
    assert started.check().passed
    log = lab_log.folder_of(current().name) / "log.jsonl"
    end = log.read_text().splitlines()[-1]
    t = json.loads(end)["t"]
    lost = {"record": "gap", "t": t, "resource": "pods", "start": 0.5, "end": t, "reason": "ended"}
    log.write_text(log.read_text().replace(end, f"{json.dumps(lost)}\n{end}"))

    assert open_lab("06").check(1).passed
