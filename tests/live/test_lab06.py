from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Iterator

import psutil
import pytest

from daemonset_course.cluster.embedded.embedded_backend import Embedded
from daemonset_course.cluster.lifecycle import current, up
from daemonset_course.cluster.reset import reset
from daemonset_course.lab import lab_log
from daemonset_course.lab import session as labs
from daemonset_course.lab.session import LabSession, open_lab
from daemonset_course.places import state_home
from daemonset_course.verbs.kubectl import kubectl
from live.scenes import eventually, recorders

LAB = "06-roll-within-budget"
ROLL = "set env daemonset/agent RELEASE=2"


@pytest.fixture
def lab() -> Iterator[LabSession]:
    session = open_lab(LAB)
    yield session
    lab_log.end(current().name)


@pytest.mark.only("embedded", "it kills a process")
def test_a_component_that_ended_is_the_verdict(lab: LabSession) -> None:
    lab.start(1)
    backend = current().backend
    assert isinstance(backend, Embedded)
    process = backend.process("kube-controller-manager")
    assert process is not None
    process.kill()
    eventually(lambda: backend.dead_components() == ["kube-controller-manager"])
    untouched = lab.check(1)
    kubectl(ROLL)
    rolled = lab.check(1)
    up()

    for verdict in (untouched, rolled):
        assert verdict.outcome == "cannot check"
        assert verdict.says.startswith("kube-controller-manager has ended")
        assert "course up" in verdict.where


def test_a_task_from_not_yet_to_passed_and_its_solution(
    lab: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state_home() / "labs.json").unlink(missing_ok=True)
    lab.start(1)
    lab.apply("spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}")
    kubectl(ROLL)
    with monkeypatch.context() as hurried:
        hurried.setattr(labs, "PATIENCE", (0.0, 0.0, 0.0))
        early = lab.check(1)

    assert early.outcome == "not yet"
    assert early.observed
    assert "not passed yet" in lab.solution(1)

    verdict = lab.check(1)

    assert verdict.passed, repr(verdict)
    assert lab.check(1) == verdict  # the recording has ended: its judgement stands
    assert "Yours is the same" in lab.solution(1)
    file = state_home() / "labs.json"
    kept = json.loads(file.read_text())["labs"][LAB]["1"]
    assert kept["last"]["outcome"] == "passed"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_stuck_rollout_is_wrong_at_once_and_can_be_cured(lab: LabSession) -> None:
    lab.start(2)
    kubectl(ROLL)
    stuck = lab.check(2)

    assert stuck.outcome == "wrong"
    assert "The rollout is stuck: 0 of 11" in stuck.says

    lab.apply("spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}")
    verdict = lab.check(2)

    assert verdict.passed, repr(verdict)


def test_an_over_wide_budget_cannot_be_mended_and_says_start_again(lab: LabSession) -> None:
    (state_home() / "labs.json").unlink(missing_ok=True)
    lab.start(1)
    lab.apply("spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 4}}}")
    kubectl(ROLL)
    wide = lab.check(1)
    lab.apply("spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}")
    mended = lab.check(1)

    for verdict in (wide, mended):
        assert verdict.outcome == "wrong"
        assert "Start again: run lab.start(1)." in repr(verdict)
    assert re.search(r"\| ✘ wrong \d\d:\d\d \| runs \|", lab.progress())


def test_a_service_account_that_does_not_exist_is_named(lab: LabSession) -> None:
    lab.start(1)
    lab.apply("""
        spec:
          updateStrategy: {rollingUpdate: {maxUnavailable: 2}}
          template:
            spec:
              serviceAccountName: nobody
              containers: [{name: agent, env: [{name: RELEASE, value: "2"}]}]
        """)
    eventually(lambda: lab.recording.timeline.failed_creates, within=60)
    verdict = lab.check(1)

    assert verdict.outcome == "wrong"
    assert "serviceAccountName" in verdict.says
    assert 'serviceaccount "nobody" not found' in repr(verdict)
    assert 'serviceaccount "nobody" not found' in lab.recording.caption


def test_starting_again_ends_the_recorder_and_reset_leaves_nothing(lab: LabSession) -> None:
    threads = threading.active_count()
    lab.start(1)
    (first,) = recorders()
    lab.start(1)

    assert psutil.wait_procs([first], timeout=10)[1] == []
    assert len(recorders()) == 1
    assert threading.active_count() == threads

    lab.reset()

    assert recorders() == []
    assert reset().changes == ()


def test_without_a_recording_or_a_cluster_it_cannot_check(
    lab: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.reset()
    never = open_lab(LAB).check(2)

    assert never.outcome == "cannot check"
    assert "lab.start(2)" in never.where

    lab.start(1)
    other = lab.check(2)
    monkeypatch.setenv("COURSE_CLUSTER", "missing")
    down = lab.check(1)

    assert "(task 1 of 06-roll-within-budget was started last)" in other.says
    assert down.outcome == "cannot check"
    assert "'missing' is not up" in down.says
    assert "course up" in down.where


def test_hints_climb_a_ladder_of_three(lab: LabSession) -> None:
    hints = [lab.hint(3) for _ in range(4)]

    assert [text[:15] for text in hints] == ["**Hint 1 of 3.*", "**Hint 2 of 3.*"] + [
        "**Hint 3 of 3.*"
    ] * 2
    assert "Interview question" in lab.debrief()
