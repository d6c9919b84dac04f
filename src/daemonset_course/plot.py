"""Draws a timeline: lanes of pods over a panel of counts and budget, with title and caption.

Figures are made without pyplot, so none is registered globally and none has to be closed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daemonset_course.caption import caption, headline, lane_name
from daemonset_course.facts import rollouts
from daemonset_course.look import DARK, LIGHT, Look, course_style
from daemonset_course.picture import Picture
from daemonset_course.plot_budget import draw_budget
from daemonset_course.plot_dense import draw_dense
from daemonset_course.plot_lanes import Badge, badges, draw_badges, draw_lanes
from daemonset_course.plot_legend import draw_legend
from daemonset_course.spans import Steps
from daemonset_course.timeline import Timeline

__all__ = ["Picture", "compare", "plot"]

MOST_LANES = 40  # more are drawn as a raster
_WIDTH, _LEFT, _RIGHT = 9.4, 1.25, 1.25  # inches
_LANE, _DENSE, _BUDGET = 0.27, 3.6, 1.0
_LINE, _TEXT = 0.16, 0.175  # one line of the list of marks, of the caption
_MOST_BADGES = 12
_COLUMNS = 128  # characters of a line of the caption


def plot(timeline: Timeline, *, title: str | None = None, dark: bool = False) -> Picture:
    """The picture of a timeline; its title states the finding unless one is given."""
    text = caption(timeline)
    title = headline(timeline) if title is None else title
    span = (timeline.start, max(timeline.end, timeline.start + 0.1))
    sheet = _Sheet(DARK if dark else LIGHT, span, title, text, "seconds since the recording began")
    return sheet.picture([timeline], [""])


def compare(
    a: Timeline, b: Timeline, *, labels: tuple[str, str] = ("a", "b"), dark: bool = False
) -> Picture:
    """Two timelines on one time axis, which begins at each one's (last) new template."""
    pair = [_shifted(timeline, _change(timeline)) for timeline in (a, b)]
    told = list(zip(labels, (a, b), strict=True))
    text = " ".join(f"{label}: {caption(timeline)}" for label, timeline in told)
    title = "\n".join(f"{label}: {headline(timeline)}" for label, timeline in told)
    until = max(timeline.end for timeline in pair)
    span = (max(-0.12 * until, min(timeline.start for timeline in pair)), max(until, 0.1))
    sheet = _Sheet(DARK if dark else LIGHT, span, title, text, "seconds since the new template")
    return sheet.picture(pair, labels)


@dataclass(frozen=True)
class _Sheet:
    """Where things stand on the paper; lays them out from the top, in inches."""

    look: Look
    span: tuple[float, float]
    title: str
    caption: str
    time_label: str

    def picture(self, timelines: Sequence[Timeline], labels: Sequence[str]) -> Picture:
        dense = sum(len(timeline.nodes) for timeline in timelines) > MOST_LANES
        with course_style():
            figure = self._draw(timelines, labels, dense)
        return Picture(figure, self.caption, self.title.replace("\n", "; "), vector=not dense)

    def _draw(self, timelines: Sequence[Timeline], labels: Sequence[str], dense: bool) -> Figure:
        near = (self.span[1] - self.span[0]) * 0.02
        found = [badges(timeline.marks, near) for timeline in timelines]
        shown = [some[:_MOST_BADGES] for some in found]
        notes = [note for pair in zip(timelines, found, strict=True) for note in self._list(*pair)]
        columns = 2 if len(notes) > 4 and max(map(len, notes)) <= _COLUMNS * 0.58 else 1
        deep = -(-len(notes) // columns)
        caption_lines = textwrap.wrap(self.caption, _COLUMNS)
        heights = [_DENSE if dense else max(2, len(t.nodes)) * _LANE for t in timelines]
        head = 0.12 + 0.21 * (self.title.count("\n") + 1) + 0.34
        foot = 0.52 + _LINE * deep + _TEXT * len(caption_lines) + 0.2
        total = head + sum(heights) + 0.36 * len(timelines) + _BUDGET + foot
        figure = Figure(figsize=(_WIDTH, total), facecolor=self.look.ground)
        self._head(figure, total, timelines, dense)
        y = total - head
        first: Axes | None = None
        for timeline, height, badge, label in zip(timelines, heights, shown, labels, strict=True):
            y -= height + 0.26
            ax = self._axes(figure, y, height, total, first)
            first = first or ax
            self._lanes(ax, timeline, badge, label, dense)
            y -= 0.1
        y -= _BUDGET
        budget = self._axes(figure, y, _BUDGET, total, first)
        budget.tick_params(labelbottom=True)
        budget.set_xlabel(self.time_label, color=self.look.ink)
        budget.set_ylabel("nodes", color=self.look.ink)
        draw_budget(budget, timelines, labels, self.look)
        budget.set_xlim(*self.span)
        self._foot(figure, y - 0.52, total, (notes, deep), caption_lines)
        return figure

    def _axes(
        self, figure: Figure, y: float, height: float, total: float, share: Axes | None
    ) -> Axes:
        box = (_LEFT / _WIDTH, y / total, (_WIDTH - _LEFT - _RIGHT) / _WIDTH, height / total)
        ax = figure.add_axes(box, sharex=share, facecolor=self.look.ground)
        ax.tick_params(labelbottom=False, color=self.look.muted, labelcolor=self.look.ink)
        for spine in ax.spines.values():
            spine.set_color(self.look.muted)
        return ax

    def _lanes(
        self, ax: Axes, timeline: Timeline, shown: Sequence[Badge], label: str, dense: bool
    ) -> None:
        draw: Callable[[Axes, Timeline, Look, tuple[float, float]], None]
        draw = draw_dense if dense else draw_lanes
        draw(ax, timeline, self.look, self.span)
        ax.set_xlim(*self.span)
        rows = {} if dense else {node: i for i, node in enumerate(timeline.nodes)}
        draw_badges(ax, shown, rows, self.look, (self.span[1] - self.span[0]) * 0.022)
        if label:
            ax.text(
                1.012, 0.5, label, transform=ax.transAxes, weight="bold", va="center",
                color=self.look.ink,
            )  # fmt: skip

    def _head(
        self, figure: Figure, total: float, timelines: Sequence[Timeline], dense: bool
    ) -> None:
        ink = self.look.ink
        figure.text(
            0.15 / _WIDTH, 1 - 0.12 / total, self.title, size=11, weight="bold", color=ink, va="top"
        )
        top = total - 0.20 - 0.21 * (self.title.count("\n") + 1)
        legend = figure.add_axes(
            (0.15 / _WIDTH, (top - 0.2) / total, 1 - 0.3 / _WIDTH, 0.2 / total)
        )
        draw_legend(legend, timelines, self.look, dense=dense)

    def _list(self, timeline: Timeline, found: Sequence[Badge]) -> list[str]:
        """One line for each badge: its number, when, where and what; at most _MOST_BADGES."""
        lines = [
            f"{badge.number}  {_when(badge)}  {_where(timeline, badge)}{badge.text}"
            for badge in found[:_MOST_BADGES]
        ]
        more = len(found) - len(lines)
        return [*lines, f"… and {more} more"] if more else lines

    def _foot(
        self, figure: Figure, y: float, total: float, notes: tuple[list[str], int], told: list[str]
    ) -> None:
        lines, deep = notes
        for i, line in enumerate(lines):
            x = (0.15 + (i // deep) * _WIDTH / 2) / _WIDTH
            at = (y - _LINE * (i % deep)) / total
            figure.text(x, at, line, size=7.5, color=self.look.muted, va="top")
        y -= _LINE * deep + 0.08
        figure.text(
            0.15 / _WIDTH, y / total, "\n".join(told), size=8.5, color=self.look.ink, va="top",
            linespacing=1.25,
        )  # fmt: skip


def _when(badge: Badge) -> str:
    return f"{badge.marks[0].t:.1f} s"


def _where(timeline: Timeline, badge: Badge) -> str:
    names = list(dict.fromkeys(mark.node for mark in badge.marks if mark.node))
    if not names:
        return ""
    if len(names) > 3:
        return f"{len(names)} nodes: "
    return ", ".join(lane_name(timeline, name) for name in names) + ": "


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
        templates=tuple(replace(t, t=t.t - zero, end=t.end - zero) for t in timeline.templates),
        status=tuple((t - zero, numbers) for t, numbers in timeline.status),
        **lines,
    )
