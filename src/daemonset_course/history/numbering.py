"""Revision numbers as `kubectl rollout history` gives them: those of the ControllerRevisions. Pure.

A number belongs to a template for a time only: `kubectl rollout undo` gives the old template's
ControllerRevision the next number. A log without ControllerRevisions does not tell the numbers;
then templates are numbered in the order of their pods, and called templates.
"""

from __future__ import annotations

from itertools import pairwise

from daemonset_course.history.revision_numbers import number_at
from daemonset_course.history.spans import Steps
from daemonset_course.history.timeline import Timeline

UNKNOWN = "?"


def renumbered(timeline: Timeline, revision: str) -> list[tuple[float, int]]:
    """When the template of this ``controller-revision-hash`` got which further number."""
    steps = timeline.numbers.get(revision, Steps())
    known = [(t, n) for t, n in zip(steps.times, steps.values, strict=True) if n is not None]
    return [after for before, after in pairwise(known) if after[1] != before[1]]


def number_text(timeline: Timeline, revision: str, t: float) -> str:
    """The number at ``t`` for the bar of a pod with this ``controller-revision-hash``."""
    if not timeline.numbers:
        return str(timeline.revisions.index(revision) + 1)
    number = number_at(timeline.numbers.get(revision, Steps()), t)
    return UNKNOWN if number is None else str(number)


def revision_text(timeline: Timeline, revision: str) -> str:
    """The same in words for all of the recording: ``revision 1, later 3``, or ``template 1``."""
    first = number_text(timeline, revision, timeline.start)
    if not timeline.numbers:
        return f"template {first}"
    if first == UNKNOWN:
        return "revision unknown"
    later = [str(number) for t, number in renumbered(timeline, revision) if t > timeline.start]
    return f"revision {', later '.join([first, *later])}"
