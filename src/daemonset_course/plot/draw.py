"""Draws a timeline: lanes of pods over a panel of counts and budget, with title and caption.

Figures are made without pyplot, so none is registered globally and none has to be closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from daemonset_course.plot.look import DARK, LIGHT, course_style
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.sheet import Sheet
from daemonset_course.timeline.caption import caption as caption_of
from daemonset_course.timeline.caption import headline
from daemonset_course.timeline.facts import rollouts, under_way
from daemonset_course.timeline.spans import Steps
from daemonset_course.timeline.timeline import Timeline

__all__ = ["Picture", "compare", "plot"]

MOST_LANES = 40  # more are drawn as a raster


def plot(
    timeline: Timeline,
    *,
    title: str | None = None,
    caption: str | None = None,
    counts: bool | None = None,
    dark: bool = False,
) -> Picture:
    """The picture of a timeline; its title states the finding unless one is given.

    Args:
        timeline: what happened.
        title: the finding; made from the timeline when left out.
        caption: the sentence below; made from the timeline when left out.
        counts: draw the panel of counts; left out, it is drawn where a count changes or a
            template is rolled out.
        dark: for a dark page.
    """
    return _picture(
        [timeline],
        [""],
        title=headline(timeline) if title is None else title,
        told=caption_of(timeline) if caption is None else caption,
        counts=_counts_tell(timeline) if counts is None else counts,
        span=(timeline.start, max(timeline.end, timeline.start + 0.1)),
        time_label="seconds since the recording began",
        dark=dark,
    )


def compare(
    a: Timeline,
    b: Timeline,
    *,
    labels: tuple[str, str] = ("a", "b"),
    title: str | None = None,
    caption: str | None = None,
    dark: bool = False,
) -> Picture:
    """Two timelines on one time axis that begins at the last new template of each."""
    pair = [_shifted(timeline, _change(timeline)) for timeline in _same_colours(a, b)]
    named = list(zip(labels, (a, b), strict=True))
    until = max(0.1, *(timeline.end for timeline in pair))
    since = min(timeline.start for timeline in pair)
    both = " ".join(f"{label}: {caption_of(timeline)}" for label, timeline in named)
    found = "\n".join(f"{label}: {headline(timeline)}" for label, timeline in named)
    return _picture(
        pair,
        labels,
        title=found if title is None else title,
        told=both if caption is None else caption,
        counts=True,
        span=(max(-0.12 * until, since), until),
        time_label="seconds since the new template",
        dark=dark,
    )


def _picture(
    timelines: Sequence[Timeline],
    labels: Sequence[str],
    *,
    title: str,
    told: str,
    span: tuple[float, float],
    time_label: str,
    counts: bool,
    dark: bool,
) -> Picture:
    dense = sum(len(timeline.nodes) for timeline in timelines) > MOST_LANES
    with course_style():
        sheet = Sheet(DARK if dark else LIGHT, span, dense=dense, counts=counts)
        figure = sheet.draw(timelines, labels, title=title, caption=told, time_label=time_label)
    return Picture(figure, told, title.replace("\n", "; "), vector=not dense)


def _same_colours(a: Timeline, b: Timeline) -> tuple[Timeline, Timeline]:
    """The same two; revisions that both have get the same place in their order, as in the API."""
    same = all(a.header.get(k) == b.header.get(k) for k in ("cluster", "namespace", "daemonset"))
    if not (same and a.numbers and b.numbers):
        return a, b
    both = tuple(dict.fromkeys((*a.revisions, *b.revisions)))
    return replace(a, revisions=both), replace(b, revisions=both)


def _counts_tell(timeline: Timeline) -> bool:
    """Whether a count changes or a budget binds; else the panel would be one level line."""
    known = {value for value in timeline.unavailable.values if value is not None}
    return len(known) > 1 or bool(timeline.surge.max()) or bool(under_way(timeline))


def _change(timeline: Timeline) -> float:
    found = rollouts(timeline)
    return found[-1].start if found else timeline.start


def _shifted(timeline: Timeline, zero: float) -> Timeline:
    """The same timeline with its clock set to 0 at ``zero``."""
    lines: dict[str, Any] = {
        f.name: Steps(tuple(t - zero for t in line.times), line.values)
        for f in fields(timeline)
        if isinstance(line := getattr(timeline, f.name), Steps)
    }
    return replace(
        timeline,
        start=timeline.start - zero,
        end=timeline.end - zero,
        segments=tuple(
            replace(s, start=s.start - zero, end=s.end - zero) for s in timeline.segments
        ),
        marks=tuple(replace(mark, t=mark.t - zero) for mark in timeline.marks),
        gaps=tuple(replace(g, start=g.start - zero, end=g.end - zero) for g in timeline.gaps),
        templates=tuple(
            replace(t, t=t.t - zero, since=t.since - zero, end=t.end - zero)
            for t in timeline.templates
        ),
        status=tuple((t - zero, numbers) for t, numbers in timeline.status),
        numbers={
            revision: Steps(tuple(t - zero for t in line.times), line.values)
            for revision, line in timeline.numbers.items()
        },
        refusals=tuple(each._replace(at=each.at - zero) for each in timeline.refusals),
        **lines,
    )
