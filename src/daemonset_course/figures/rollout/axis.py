"""Put two timelines on one time axis: one moment as 0, one colour for a revision. Pure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from daemonset_course.figures.colours import TEMPLATES
from daemonset_course.history.log import Gap, Mark
from daemonset_course.history.numbering import number_at
from daemonset_course.history.outages import Outage
from daemonset_course.history.spans import NodeState, Segment, Steps, Template
from daemonset_course.history.timeline import Timeline

_Dated = TypeVar("_Dated", Timeline, Segment, Mark, Gap, Template, NodeState)
_IDENTITY = ("cluster", "namespace", "daemonset")


def same_colours(a: Timeline, b: Timeline) -> tuple[Timeline, Timeline]:
    """Return both timelines with one order of revisions, so that a revision has one colour."""
    same = all(getattr(a.header, k) == getattr(b.header, k) for k in _IDENTITY)
    if not (same and a.numbers and b.numbers):
        return a, b
    both = tuple(dict.fromkeys((*a.revisions, *b.revisions)))
    return (
        replace(a, revisions=both, numbers={**b.numbers, **a.numbers}),
        replace(b, revisions=both, numbers={**a.numbers, **b.numbers}),
    )


def template_colours(timeline: Timeline) -> dict[str, int]:
    """Return the number of each revision's colour in the palette.

    It follows from the revision's number, so a template has one colour in all pictures of its
    DaemonSet, until `kubectl rollout undo` gives it another number. Where the
    number is unknown, it follows from the order of the timeline's revisions.
    """
    found: dict[str, int] = {}
    for i, revision in enumerate(timeline.revisions):
        number = number_at(timeline.numbers.get(revision, Steps()), timeline.start)
        place = i if number is None else number - 1
        free = [at for at in range(len(TEMPLATES)) if TEMPLATES[at] not in found.values()]
        wanted = place % len(TEMPLATES)
        if free and wanted not in free:  # an equal number, modulo the colours
            wanted = min(free, key=lambda at: (at - wanted) % len(TEMPLATES))
        found[revision] = TEMPLATES[wanted]
    return found


def shifted(timeline: Timeline, zero: float) -> Timeline:
    """Return the timeline with its clock set to 0 at ``zero``."""

    def moved(one: _Dated, *times: str) -> _Dated:
        return replace(one, **{name: getattr(one, name) - zero for name in times})

    def line(steps: Steps) -> Steps:
        return Steps(tuple(t - zero for t in steps.times), steps.values)

    def outage(one: Outage) -> Outage:
        end = None if one.end is None else one.end - zero
        return replace(one, start=one.start - zero, end=end)

    lines: dict[str, Any] = {
        f.name: line(steps)
        for f in fields(timeline)
        if isinstance(steps := getattr(timeline, f.name), Steps)
    }
    return replace(
        moved(timeline, "start", "end"),
        segments=tuple(moved(segment, "start", "end") for segment in timeline.segments),
        marks=tuple(moved(mark, "t") for mark in timeline.marks),
        gaps=tuple(moved(gap, "start", "end") for gap in timeline.gaps),
        outages=tuple(map(outage, timeline.outages)),
        templates=tuple(moved(one, "t", "since", "end") for one in timeline.templates),
        status=tuple((t - zero, numbers) for t, numbers in timeline.status),
        numbers={revision: line(steps) for revision, steps in timeline.numbers.items()},
        failed_creates=tuple(each._replace(at=each.at - zero) for each in timeline.failed_creates),
        waits={
            pod: tuple((a - zero, b - zero) for a, b in spans)
            for pod, spans in timeline.waits.items()
        },
        node_states={
            node: tuple(moved(one, "start", "end") for one in states)
            for node, states in timeline.node_states.items()
        },
        **lines,
    )
