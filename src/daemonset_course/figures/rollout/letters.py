"""The letters in a timeline's picture: what was done or happened, and where. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from daemonset_course.history.log import Mark
from daemonset_course.history.spans import Span
from daemonset_course.history.timeline import Timeline

MOST_MARKS = 12  # lettered ones
_SAME = 0.02  # of the axis: equal marks that follow each other within it share a letter
_FEW = 6  # letters that are read with ease; of more, equal marks share one over a longer time
_LONGEST = 0.16  # of the axis
_RETURNS = 5.0  # seconds, within which the call that stops or starts a component has returned
_WIDE = 0.03  # of the axis: the room of a letter


@dataclass(frozen=True, slots=True)
class Letter:
    """A mark in the picture: a letter, and the equal marks that share it.

    Attributes:
        letter: A, B, C …
        marks: they share text and kind, and almost the moment.
        words: time, nodes and text, for the list below.
        places: (lane, time, time at which the letter has room); lane -1 is above the lanes.
    """

    letter: str
    marks: tuple[Mark, ...]
    words: str
    places: tuple[tuple[int, float, float], ...]

    @property
    def kind(self) -> str:
        """``action``, ``event``, ``note`` or ``violation``."""
        return self.marks[0].kind


def groups_of(marks: Sequence[Mark], span: Span) -> list[tuple[Mark, ...]]:
    """Return the marks; equal ones of almost one moment of the axis are one group.

    Where these would be many groups, so are equal ones that follow each other more slowly.
    """
    share = _SAME
    groups = _groups(marks, share * (span[1] - span[0]))
    while len(groups) > _FEW and share < _LONGEST:
        share *= 2
        groups = _groups(marks, share * (span[1] - span[0]))
    return groups


def _groups(marks: Sequence[Mark], near: float) -> list[tuple[Mark, ...]]:
    groups: list[list[Mark]] = []
    latest: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        group = latest.get((mark.kind, mark.text))
        if group is None or mark.t - group[-1].t > near:
            group = latest[mark.kind, mark.text] = []
            groups.append(group)
        group.append(mark)
    return [tuple(group) for group in groups]


def lettered(groups: Sequence[tuple[Mark, ...]]) -> list[tuple[Mark, ...]]:
    """Return the groups that get a letter, by time; a violation comes before other marks."""
    first = sorted(groups, key=lambda marks: marks[0].kind != "violation")[:MOST_MARKS]
    return sorted(first, key=lambda marks: marks[0].t)


def letters_of(
    timeline: Timeline, groups: Sequence[tuple[Mark, ...]], rows: Mapping[str, int], span: Span
) -> Iterator[Letter]:
    """Yield the letters; those of one row keep a distance, and cover no node's name."""
    wide = (span[1] - span[0]) * _WIDE
    taken: defaultdict[int, float] = defaultdict(lambda: span[0] - wide / 3)
    taken[-1] = float("-inf")
    shown: defaultdict[int, list[float]] = defaultdict(list)  # by row, in the order of the groups
    places: list[dict[int, float]] = [{} for _ in groups]
    for marks, place in zip(groups, places, strict=True):
        for mark in marks:
            place.setdefault(rows.get(mark.node, -1), mark.t)
    for row, t in (place for one in places for place in one.items()):
        taken[row] = max(t, taken[row] + wide)
        shown[row].append(taken[row])
    for times in shown.values():  # back from the end of the axis
        last = span[1] + wide
        for i in reversed(range(len(times))):
            last = times[i] = min(times[i], last - wide)
    for i, (marks, place) in enumerate(zip(groups, places, strict=True)):
        found = tuple((row, t, shown[row].pop(0)) for row, t in place.items())
        yield Letter(chr(ord("A") + i), marks, _words(timeline, marks, span), found)


def marks_of(timeline: Timeline) -> list[Mark]:
    """Return the timeline's marks; that a component was stopped or started, at that moment.

    The mark is made when the call has returned, up to a few seconds later.
    """
    moments = {
        (f"{one.component}: {word}", t)
        for one in timeline.outages
        for word, t in (("stopped", one.start), ("started", one.end))
        if t is not None
    }
    found = []
    for mark in timeline.marks:
        times = [t for text, t in moments if text == mark.text and 0 <= mark.t - t < _RETURNS]
        found.append(replace(mark, t=max(times)) if times else mark)
    return found


def _words(timeline: Timeline, marks: tuple[Mark, ...], span: Span) -> str:
    names = list(dict.fromkeys(mark.node for mark in marks if mark.node))
    where = ", ".join(map(timeline.lane, names)) + ": " if names else ""
    if len(names) > 3:
        where = f"{len(names)} nodes: "
    first, last = marks[0].t, marks[-1].t
    until = f" to {last:.1f}" if last - first > _SAME * (span[1] - span[0]) else ""
    return f"{first:.1f}{until} s  {where}{marks[0].text}"
