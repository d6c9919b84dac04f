"""Draw a timeline: lanes of Pods above a panel of counts and budget, with title and caption.

Figures are made without pyplot, so none is registered globally and none has to be closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from matplotlib.axes import Axes

from daemonset_course.analysis.rollout_caption import caption as caption_of
from daemonset_course.analysis.rollout_caption import headline
from daemonset_course.figures.page import AXIS, Page, Panel
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.counts_panel import draw_counts
from daemonset_course.figures.rollout.key import key
from daemonset_course.figures.rollout.node_lanes import Badge, badges, draw_badges, draw_lanes
from daemonset_course.figures.rollout.raster import draw_dense
from daemonset_course.figures.shapes import SINCE_START
from daemonset_course.figures.theme import DARK, LIGHT, Theme, course_style
from daemonset_course.history.log import Gap, Mark
from daemonset_course.history.rollouts import rollouts, under_way
from daemonset_course.history.spans import Segment, Span, Steps, Template
from daemonset_course.history.timeline import Timeline

_Dated = TypeVar("_Dated", Timeline, Segment, Mark, Gap, Template)
_IDENTITY = ("cluster", "namespace", "daemonset")
MOST_LANES = 40  # more are drawn as a raster
_MOST_BADGES = 12
_LANE, _DENSE = 0.31, 3.6  # inches: a lane, the raster


def plot(
    timeline: Timeline,
    *,
    title: str | None = None,
    caption: str | None = None,
    counts: bool | None = None,
    dark: bool = False,
) -> Picture:
    """Return the picture of a timeline; its title states the finding unless one is given.

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
        caption=caption_of(timeline) if caption is None else caption,
        counts=_counts_matter(timeline) if counts is None else counts,
        span=(0.0, max(timeline.end, 0.1)),
        time_label=SINCE_START,
        dark=dark,
    )


def compare(
    a: Timeline,
    b: Timeline,
    *,
    labels: tuple[str, str] = ("a", "b"),
    dark: bool = False,
) -> Picture:
    """Return a picture of two timelines; 0 on its time axis is the last new template of each."""
    pair = [_shifted(timeline, _change(timeline)) for timeline in _same_colours(a, b)]
    named = list(zip(labels, (a, b), strict=True))
    until = max(0.1, *(timeline.end for timeline in pair))
    since = min(timeline.start for timeline in pair)
    return _picture(
        pair,
        labels,
        title="\n".join(f"{label}: {headline(timeline)}" for label, timeline in named),
        caption=" ".join(f"{label}: {caption_of(timeline)}" for label, timeline in named),
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
    caption: str,
    span: Span,
    time_label: str,
    counts: bool,
    dark: bool,
) -> Picture:
    dense = sum(len(timeline.nodes) for timeline in timelines) > MOST_LANES
    near = (span[1] - span[0]) * 0.02
    found = [badges(timeline.marks, near) for timeline in timelines]
    panels = [
        _lanes(timeline, label, some[:_MOST_BADGES], span, dense=dense)
        for timeline, label, some in zip(timelines, labels, found, strict=True)
    ]
    if counts:
        panels.append(
            Panel(
                1.0, lambda ax, theme: draw_counts(ax, theme, timelines, labels),
                above=0.1, timed=True,
            )
        )  # fmt: skip
    panels[-1] = replace(panels[-1], below=AXIS)
    notes = _notes(timelines, labels, found)
    page = Page(title, caption, DARK if dark else LIGHT, key(timelines, dense=dense), notes)
    with course_style():
        figure = page.draw(panels)
        lowest = figure.axes[-1]  # the only one under which the time axis is named
        lowest.set(xlim=span, xlabel=time_label)
        lowest.tick_params(labelbottom=True)
    return Picture(figure, caption, title.replace("\n", "; "), vector=not dense)


def _lanes(
    timeline: Timeline, label: str, drawn: Sequence[Badge], span: Span, *, dense: bool
) -> Panel:
    """Return the panel of one timeline's nodes, with room for badges above it."""

    def draw(ax: Axes, theme: Theme) -> None:
        (draw_dense if dense else draw_lanes)(ax, timeline, theme, span)
        ax.set_xlim(*span)
        ax.tick_params(labelbottom=False)
        rows = {} if dense else {node: i for i, node in enumerate(timeline.nodes)}
        draw_badges(ax, drawn, rows, theme, (span[1] - span[0]) * 0.03)

    height = _DENSE if dense else max(2, len(timeline.nodes)) * _LANE
    return Panel(height, draw, above=0.26, below=0.08, heading=label, timed=True)


def _notes(
    timelines: Sequence[Timeline], labels: Sequence[str], found: Sequence[Sequence[Badge]]
) -> list[str]:
    """Return one line for each badge: its number, time, node and text."""
    lines = []
    for timeline, label, some in zip(timelines, labels, found, strict=True):
        whose = f"{label}: " if label else ""
        lines += [_note(timeline, badge, whose) for badge in some[:_MOST_BADGES]]
        if len(some) > _MOST_BADGES:
            lines.append(f"{whose}… and {len(some) - _MOST_BADGES} more")
    return lines


def _note(timeline: Timeline, badge: Badge, whose: str) -> str:
    names = list(dict.fromkeys(mark.node for mark in badge.marks if mark.node))
    where = ", ".join(map(timeline.lane, names)) + ": " if names else ""
    if len(names) > 3:
        where = f"{len(names)} nodes: "
    return f"{badge.number}  {badge.marks[0].t:.1f} s  {whose}{where}{badge.text}"


def _same_colours(a: Timeline, b: Timeline) -> tuple[Timeline, Timeline]:
    """Return both timelines with one order of revisions, so that a revision has one colour."""
    same = all(getattr(a.header, k) == getattr(b.header, k) for k in _IDENTITY)
    if not (same and a.numbers and b.numbers):
        return a, b
    both = tuple(dict.fromkeys((*a.revisions, *b.revisions)))
    return replace(a, revisions=both), replace(b, revisions=both)


def _counts_matter(timeline: Timeline) -> bool:
    """Whether a count changes or a budget applies; else the panel would be one level line."""
    values = {value for value in timeline.unavailable.values if value is not None}
    return len(values) > 1 or bool(timeline.surge.max()) or bool(under_way(timeline))


def _change(timeline: Timeline) -> float:
    found = rollouts(timeline)
    return found[-1].start if found else timeline.start


def _shifted(timeline: Timeline, zero: float) -> Timeline:
    """Return the timeline with its clock set to 0 at ``zero``."""

    def moved(one: _Dated, *times: str) -> _Dated:
        return replace(one, **{name: getattr(one, name) - zero for name in times})

    def line(steps: Steps) -> Steps:
        return Steps(tuple(t - zero for t in steps.times), steps.values)

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
        templates=tuple(moved(one, "t", "since", "end") for one in timeline.templates),
        status=tuple((t - zero, numbers) for t, numbers in timeline.status),
        numbers={revision: line(steps) for revision, steps in timeline.numbers.items()},
        failed_creates=tuple(each._replace(at=each.at - zero) for each in timeline.failed_creates),
        **lines,
    )
