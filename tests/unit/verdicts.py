"""Verdicts of each outcome, for tests of what is stored and shown."""

from __future__ import annotations

from collections.abc import Iterable

from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.verdict import (
    Criterion,
    Finding,
    Outcome,
    Verdict,
    cannot_check,
    met,
    missed,
    pending,
)


def verdict_of(outcome: Outcome, says: str = "", observed: Iterable[str] = ()) -> Verdict:
    """A verdict of one criterion that has this outcome."""
    if outcome == "cannot check":
        return cannot_check(says, observed)
    if outcome == "not attempted":
        return Verdict(untouched=True)
    made = {"passed": met, "wrong": missed, "not yet": pending}[outcome]
    finding = made(says, observed)

    def judge(_: Evidence) -> Finding:
        return finding

    return Verdict(((Criterion("the criterion", judge), finding),))
