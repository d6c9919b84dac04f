"""Read the revision numbers that `kubectl rollout history` shows from ControllerRevisions. Pure.

The number of a template can change: `kubectl rollout undo` gives the old template's
ControllerRevision the next number. In a log without ControllerRevisions the numbers are unknown;
then templates are numbered in the order of their Pods, and called templates.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from daemonset_course.history import podstate
from daemonset_course.history.log import Change
from daemonset_course.history.spans import SKEW, Steps, StepsBuilder, Template

if TYPE_CHECKING:
    from daemonset_course.history.timeline import Timeline

UNKNOWN = "?"


class Numbers:
    """The revision number of each ``controller-revision-hash`` of one DaemonSet over time."""

    def __init__(self, daemonset: str) -> None:
        self._daemonset = daemonset
        self._lines: defaultdict[str, StepsBuilder] = defaultdict(StepsBuilder)

    def read(self, change: Change) -> None:
        """Read one change of a ControllerRevision; a deleted revision keeps its number."""
        obj = change.object
        if change.gone or not podstate.is_owned(obj, self._daemonset):
            return
        revision = podstate.revision_of(obj) or change.name.removeprefix(f"{self._daemonset}-")
        self._lines[revision].add(0.0 if change.via == "start" else change.t, int(obj["revision"]))

    def steps(self, end: float) -> dict[str, Steps]:
        """Return the numbers so far, up to ``end``, by revision."""
        return {revision: line.steps(end) for revision, line in self._lines.items()}


def number_at(steps: Steps, t: float) -> int | None:
    """Return the number at ``t``, or the first one if it came later than the Pod (two watches)."""
    number = steps.at(t)
    return next(iter(steps.values), None) if number is None else number


def template_text(template: Template, numbers: Mapping[str, Steps]) -> str:
    """Describe a change of the template, with the revision number if ``numbers`` contain it.

    The current template has the highest number. While it is current, its number was given at its
    change: a highest number that is older belongs to the template before it.
    """
    at_end = {name: number_at(steps, template.end) or 0 for name, steps in numbers.items()}
    top = max(at_end.values(), default=0)
    name = template.revision or next((name for name in at_end if at_end[name] == top), "")
    steps = numbers.get(name, Steps())
    held = zip(steps.times, steps.values, (None, *steps.values), strict=False)
    given, before = next(((t, was) for t, now, was in held if now == top), (-math.inf, None))
    if given < template.since - SKEW:
        return "template changed"
    if before is not None:
        return f"template of revision {before} again, now revision {top}"
    return f"new template: revision {top}"


def renumbered(timeline: Timeline, revision: str) -> list[tuple[float, int]]:
    """Return (time, number) for each later number of this ``controller-revision-hash``."""
    steps = timeline.numbers.get(revision, Steps())
    known = [(t, n) for t, n in zip(steps.times, steps.values, strict=True) if n is not None]
    return [after for before, after in pairwise(known) if after[1] != before[1]]


def number_text(timeline: Timeline, revision: str, t: float) -> str:
    """Return the number at ``t`` as text, for a Pod with this ``controller-revision-hash``."""
    if not timeline.numbers:
        return str(timeline.revisions.index(revision) + 1)
    number = number_at(timeline.numbers.get(revision, Steps()), t)
    return UNKNOWN if number is None else str(number)


def revision_text(timeline: Timeline, revision: str) -> str:
    """Return the numbers in the recording: ``revision 1, later 3``, or ``template 1``."""
    first = number_text(timeline, revision, timeline.start)
    if not timeline.numbers:
        return f"template {first}"
    if first == UNKNOWN:
        return "revision unknown"
    later = [str(number) for t, number in renumbered(timeline, revision) if t > timeline.start]
    return f"revision {', later '.join([first, *later])}"
