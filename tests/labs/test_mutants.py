"""No mutant of a solution and no cheat passes, except those that are right answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from proof import attempted, cheats, mutants, passes_expected, short, tasks

from daemonset_course.lab.lab import Lab


def tries() -> Iterator[tuple[Lab, int, str, str]]:
    for lab, number in tasks():
        for name, steps in mutants(lab.tasks[number - 1].solution):
            yield lab, number, f"mutant, {name}", steps
        for name, steps in cheats(lab, number):
            yield lab, number, f"cheat, {name}", steps


TRIES = list(tries())


@pytest.mark.proof
@pytest.mark.parametrize(
    ("lab", "number", "name", "steps"),
    [pytest.param(*one, id=f"{short(one[0].name)}-{one[1]}-{one[2]}") for one in TRIES],
)
def test_only_a_right_answer_passes(lab: Lab, number: int, name: str, steps: str) -> None:
    right = name in passes_expected(lab).get(number, {})
    verdict = attempted(lab, number, steps)

    assert verdict.passed is right, repr(verdict)


def test_every_right_answer_that_is_listed_is_tried() -> None:
    made = {(lab.name, number, name) for lab, number, name, _ in TRIES}
    listed = {
        (lab.name, number, name)
        for lab, _ in tasks()
        for number, names in passes_expected(lab).items()
        for name in names
    }

    assert listed <= made
