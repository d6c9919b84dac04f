"""The limits that a check judges are in the picture of the attempt, with what exceeded them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from proof import Attempt, attempts, checked, find, play, started, tasks
from simulated_cluster import SimulatedCluster

from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.figures.rollout.chart import Chart, one_chart
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.history import log
from daemonset_course.history.index import History
from daemonset_course.lab.lab import Lab, Task
from daemonset_course.lab.lab_log import LabRecording
from daemonset_course.lab.lab_recorder import CLOCK, LOG
from daemonset_course.lab.verdict import Finding, Verdict
from daemonset_course.recording.recorder import Recording, compare

LABS = ("06-roll-within-budget", "07-no-gap-update")
PLAYED = [one for one in attempts() if one.lab in LABS and not one.live_only]


def tried(attempt: Attempt) -> tuple[Task, SimulatedCluster]:
    lab = find(attempt.lab)
    world = started(lab, attempt.task)
    play(world, attempt.steps)
    return lab.tasks[attempt.task - 1], world.run(1)


def outcome(attempt: Attempt) -> tuple[Verdict, Chart, str]:
    """Return the verdict of an attempt, its picture's data, and the picture."""
    task, world = tried(attempt)
    verdict = checked(world, task)
    history = History(world.log())
    history.advance(world._t)
    charts = one_chart(history.timeline(), bounds=verdict.bounds)
    return verdict, charts.charts[0], inline(charts)


def missed(verdict: Verdict) -> list[tuple[Finding, Bound]]:
    return [
        (found, found.bound)
        for _, found in verdict.findings
        if found.answer == "missed" and found.bound is not None
    ]


@pytest.mark.parametrize("attempt", PLAYED, ids=str)
def test_a_violation_is_drawn_at_the_moment_that_the_finding_names(attempt: Attempt) -> None:
    verdict, chart, html = outcome(attempt)
    letters = [one for one in chart.letters if one.kind == "violation"]
    drawn = {t for one in letters for _, t, _ in one.places}

    assert bool(letters) == bool(missed(verdict))
    for found, bound in missed(verdict):
        moments = re.findall(r"(?:picture, at|from) (\d+\.\d) s", f"{found.where} {found.says}")
        assert bound.violations
        assert {f"{one.start:.1f}" for one in bound.violations} >= set(moments)
        assert {one.start for one in bound.violations} & drawn
    for one in letters:
        assert f"<b>{one.letter}</b> {one.words}" in html


@pytest.mark.parametrize("attempt", [a for a in PLAYED if a.lab == LABS[0]], ids=str)
def test_the_limit_of_lab_06_is_a_level_and_its_window_a_stretch(attempt: Attempt) -> None:
    verdict, chart, html = outcome(attempt)
    most = 1 if attempt.task == 3 else 2
    windows = [one.words for one in chart.drawn_in.windows]
    measured = [b for b in verdict.bounds if b.words.endswith("for the rollout")]

    assert [(one.about, one.value) for one in chart.drawn_in.levels] == [("unavailable", most)]
    assert f"the check: at most {most}" in html
    assert windows == [bound.span_words for bound in verdict.bounds]
    assert windows[0] == "the check judges this time"
    for bound in measured:
        began = chart.drawn_in.windows[-1].start
        assert began == bound.span[0] >= chart.start


def test_the_recording_of_a_task_draws_them_also_beside_another(tmp_path: Path) -> None:
    (attempt,) = [one for one in PLAYED if str(one) == "06-1-wrong-a-quarter"]
    task, world = tried(attempt)
    (tmp_path / CLOCK).write_text("0.0")
    records = [*world.log(), log.End(world.now)]
    log.save(records, tmp_path / LOG)
    recording = LabRecording(tmp_path)
    recording.criteria = task.criteria
    alone, beside = recording.plot(), compare(recording, Recording(records))

    for picture in (alone, beside):
        html = (picture.html or str)()
        assert html.count("the check: at most 2<") == 1
        assert html.count("✘ more than 2 nodes without an available Pod<") == 1
        assert "The check allows at most 2 nodes" in picture.described


def test_nodes_without_a_pod_are_framed_until_they_have_one() -> None:
    (attempt,) = [one for one in PLAYED if str(one) == "07-1-wrong-max-unavailable"]
    verdict, chart, _ = outcome(attempt)
    ((node, start, _),) = chart.drawn_in.outlines

    assert f"worker2 had no ready Pod of agent from {start:.1f} s on" in verdict.says
    assert node == "course-worker2"


@pytest.mark.parametrize(("lab", "number"), [one for one in tasks() if one[0].name in LABS])
def test_before_an_attempt_the_limits_are_drawn_and_no_violation(lab: Lab, number: int) -> None:
    verdict = checked(started(lab, number).run(2), lab.tasks[number - 1])

    assert verdict.outcome == "not attempted"
    assert verdict.bounds
    assert [one for bound in verdict.bounds for one in bound.violations] == []
