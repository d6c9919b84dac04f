"""Read the revision numbers that `kubectl rollout history` shows from ControllerRevisions. Pure.

The number of a template can change: `kubectl rollout undo` gives the old template's
ControllerRevision the next number. In a log without ControllerRevisions the numbers are unknown;
then templates are numbered in the order of their Pods, and called templates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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

    The controller gives the number when it sees the template. ControllerRevisions and DaemonSets
    have two watches, so either may arrive first, ``SKEW`` seconds apart at most.
    """
    name = template.revision
    given = [
        (abs(t - template.since), before, now)
        for steps in ([numbers[name]] if name in numbers else [] if name else numbers.values())
        for t, before, now in _given(steps)
        if template.since - SKEW <= t <= template.end + (SKEW if name else 0)
    ]
    if not given:
        return "template changed"
    _, before, now = min(given, key=lambda one: one[0])
    if before is not None:
        return f"template of revision {before} again, now revision {now}"
    return f"new template: revision {now}"


def _given(steps: Steps) -> Iterator[tuple[float, int | None, int]]:
    """Yield (time, number before, number) for each number that a revision was given."""
    before = None
    for t, number in zip(steps.times, steps.values, strict=False):
        if number is not None and number != before:
            yield t, before, number
            before = number


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
