"""Every task of every lab on a simulated cluster: untouched, solved, and each stored attempt."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from proof import Attempt, attempted, attempts, checked, find, labs, started, task_id, tasks

from daemonset_course.lab.lab import Lab

PLAYED = [one for one in attempts() if not one.live_only]


@pytest.mark.parametrize(("lab", "number"), tasks(), ids=task_id)
def test_an_untouched_task_is_not_attempted(lab: Lab, number: int) -> None:
    verdict = checked(started(lab, number).run(20), lab.tasks[number - 1])

    assert verdict.outcome == "not attempted", repr(verdict)
    assert verdict.score[0] == 0


@pytest.mark.parametrize(("lab", "number"), tasks(), ids=task_id)
def test_the_solution_passes_with_the_full_score(lab: Lab, number: int) -> None:
    verdict = attempted(lab, number, lab.tasks[number - 1].solution)

    assert verdict.passed, repr(verdict)
    assert verdict.score[0] == verdict.score[1] > 0


@pytest.mark.parametrize("attempt", PLAYED, ids=str)
def test_a_stored_attempt_earns_its_own_verdict(attempt: Attempt) -> None:
    verdict = attempted(find(attempt.lab), attempt.task, attempt.steps)

    assert verdict.outcome == attempt.expect, repr(verdict)
    assert attempt.says in repr(verdict)


@pytest.mark.parametrize("lab", labs(), ids=task_id)
def test_each_task_has_wrong_answers_with_messages_of_their_own(lab: Lab) -> None:
    wrong = [one for one in attempts() if one.lab == lab.name and one.expect == "wrong"]
    pairs = Counter((one.task, one.says) for one in wrong)

    assert max(pairs.values()) == 1, pairs.most_common(1)
    assert {task for task, _ in pairs} == set(range(1, len(lab.tasks) + 1))
    assert min(Counter(task for task, _ in pairs).values()) >= 3


@pytest.mark.parametrize(("lab", "number"), tasks(), ids=task_id)
def test_a_task_has_three_hints_and_a_solution_that_can_be_typed(lab: Lab, number: int) -> None:
    task = lab.tasks[number - 1]

    assert len(set(task.hints)) == 3
    assert [step for step in yaml.safe_load_all(task.solution) if step]
    assert sum(one.weight for one in task.criteria) > 0
    assert len({one.name for one in task.criteria}) == len(task.criteria)


def test_a_lab_says_on_which_kubernetes_it_runs() -> None:
    lab = find("10")

    assert [lab.runs_on(version) for version in ("1.35", "v1.35.1", "1.36", "v1.37.1")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert find("06").runs_on("1.35")
