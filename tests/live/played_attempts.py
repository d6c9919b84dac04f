"""Play attempts at the tasks of labs and exercises on a real control plane.

tests/labs plays all of them, simulated.

For each task the first wrong and the first right attempt are played, and of lab 06 one for each way
in which the controller itself matters. COURSE_ATTEMPTS=all plays all of them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from proof import Attempt, attempts

from daemonset_course import variables
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import CommandFailed, Rejected
from daemonset_course.lab.actions import play
from daemonset_course.lab.lab import find
from daemonset_course.lab.session import LabSession

CHOSEN = {
    "06-1-right-surge",
    "06-1-wrong-budget-left-at-one",
    "06-1-wrong-deleted-by-hand",
    "06-1-wrong-selector-replaced",
    "06-2-right-eighteen-percent",
    "06-2-wrong-a-fifth",
    "06-2-wrong-node-deleted",
    "06-3-right-undo",
    "06-3-wrong-bigger-budget",
    "06-3-wrong-on-delete",
}


def played(*, exercises: bool) -> Iterator[Attempt]:
    """Yield the attempts at exercises, or those at labs."""
    first: set[tuple[str, int, str]] = set()
    for one in attempts():
        if one.simulated_only or one.lab[0].isdigit() is exercises:
            continue
        key = one.lab, one.task, one.expect
        own = str(one) in CHOSEN if one.lab.startswith("06") else key not in first
        if one.lab.startswith("10"):  # a start of 100 nodes each: its solution notebook is enough
            own = False
        first.add(key)
        if own or variables.ATTEMPTS.read() == "all":
            yield one


def earns_its_own_verdict(attempt: Attempt) -> None:
    """Play the attempt in a task that is started for it."""
    lab = LabSession(find(attempt.lab))
    if not lab.lab.runs_on(current().state.kubernetes):
        pytest.skip(f"{attempt.lab} needs Kubernetes {lab.lab.kubernetes}")
    lab.start(attempt.task)
    lab.apply("")  # the stub of the notebook
    untouched = lab.check(attempt.task)
    if untouched.problem is not None:
        pytest.skip(untouched.says)

    assert untouched.outcome == "not attempted", repr(untouched)

    with suppress(Rejected, CommandFailed):  # the API server refuses it, as the learner would see
        play(attempt.steps)
    verdict = lab.check(attempt.task)

    assert verdict.outcome == attempt.expect, repr(verdict)
    assert attempt.says in repr(verdict)
