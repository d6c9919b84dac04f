"""The paper of a picture: what stands where, from the title down to the caption, in inches."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daemonset_course.plot.budget import draw_budget
from daemonset_course.plot.dense import draw_dense
from daemonset_course.plot.lanes import Badge, badges, draw_badges, draw_lanes
from daemonset_course.plot.legend import draw_legend
from daemonset_course.plot.look import Look
from daemonset_course.timeline.caption import lane_name
from daemonset_course.timeline.timeline import Timeline

_WIDTH, _LEFT, _RIGHT, _EDGE = 9.4, 1.25, 1.25, 0.15
_LANE, _DENSE, _BUDGET = 0.27, 3.6, 1.0
_TITLE, _LEGEND, _LABEL, _BADGES, _AXIS = 0.21, 0.34, 0.22, 0.26, 0.52
_NOTE, _TEXT = 0.16, 0.175  # one line of the list of marks, of the caption
_MOST_BADGES = 12
# Characters of a line of the title, of a note in one of two columns and in one, of the caption.
_TITLE_FITS, _NOTE_FITS, _LINE_FITS, _TEXT_FITS = 92, 80, 150, 138


class Sheet:
    """One picture in the making: ``draw`` returns the figure."""

    def __init__(
        self, look: Look, span: tuple[float, float], *, dense: bool, counts: bool = True
    ) -> None:
        """``span`` is the time axis' (from, until) in seconds; ``dense`` chooses the raster.

        ``counts`` draws the panel of counts below the lanes.
        """
        self._look, self._span, self._dense = look, span, dense
        self._panel_height = _BUDGET + 0.1 if counts else 0.0
        self._figure = Figure(facecolor=look.ground)
        self._height = self._y = 0.0
        self._first: Axes | None = None

    def draw(
        self,
        timelines: Sequence[Timeline],
        labels: Sequence[str],
        *,
        title: str,
        caption: str,
        time_label: str,
    ) -> Figure:
        """Lays out title, legend, lanes, budget panel, list of marks and caption."""
        titles = [part for line in title.split("\n") for part in textwrap.wrap(line, _TITLE_FITS)]
        near = (self._span[1] - self._span[0]) * 0.02
        found = [badges(timeline.marks, near) for timeline in timelines]
        notes, columns = _laid_out(_notes(timelines, labels, found))
        deep = -(-len(notes) // columns)
        told = textwrap.wrap(caption, _TEXT_FITS)
        panels = [
            self._panel(timeline, label) for timeline, label in zip(timelines, labels, strict=True)
        ]
        self._open(
            0.24 + _TITLE * len(titles) + _LEGEND + sum(panels) + self._panel_height + _AXIS
            + _NOTE * deep + 0.08 + _TEXT * len(told) + 0.06
        )  # fmt: skip
        self._head(titles, timelines)
        for timeline, label, some in zip(timelines, labels, found, strict=True):
            self._lanes(timeline, label, some[:_MOST_BADGES])
        if self._panel_height:
            self._budget(timelines, labels)
        self._time_axis(time_label)
        self._notes(notes, deep)
        self._text("\n".join(told), size=8.5, linespacing=1.25, color=self._look.ink)
        return self._figure

    def _open(self, height: float) -> None:
        self._figure.set_size_inches(_WIDTH, height)
        self._height = height
        self._y = height - 0.12

    def _panel(self, timeline: Timeline, label: str) -> float:
        """How high the lanes of one timeline are, with what stands above them."""
        return self._lanes_height(timeline) + _BADGES + 0.08 + (_LABEL if label else 0)

    def _lanes_height(self, timeline: Timeline) -> float:
        return _DENSE if self._dense else max(2, len(timeline.nodes)) * _LANE

    def _head(self, titles: Sequence[str], timelines: Sequence[Timeline]) -> None:
        for line in titles:
            self._text(line, size=11, weight="bold", color=self._look.ink)
            self._y -= _TITLE
        self._y -= 0.06
        legend = self._axes(0.2, left=_EDGE, right=_EDGE)
        draw_legend(legend, timelines, self._look, dense=self._dense)
        self._y -= _LEGEND - 0.26

    def _lanes(self, timeline: Timeline, label: str, shown: Sequence[Badge]) -> None:
        if label:
            self._y -= _LABEL - 0.1
            self._text(label, size=9, weight="bold", color=self._look.ink)
            self._y -= 0.1
        self._y -= _BADGES
        ax = self._axes(self._lanes_height(timeline))
        draw = draw_dense if self._dense else draw_lanes
        draw(ax, timeline, self._look, self._span)
        ax.set_xlim(*self._span)
        rows = {} if self._dense else {node: i for i, node in enumerate(timeline.nodes)}
        draw_badges(ax, shown, rows, self._look, (self._span[1] - self._span[0]) * 0.022)
        self._y -= 0.08

    def _budget(self, timelines: Sequence[Timeline], labels: Sequence[str]) -> None:
        self._y -= 0.1
        draw_budget(self._axes(_BUDGET), timelines, labels, self._look)

    def _time_axis(self, time_label: str) -> None:
        """Labels the time axis below the lowest panel."""
        ax = self._figure.axes[-1]
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(time_label, color=self._look.ink)
        ax.set_xlim(*self._span)
        self._y -= _AXIS

    def _notes(self, notes: Sequence[str], deep: int) -> None:
        for i, line in enumerate(notes):
            column, row = divmod(i, deep)
            x, y = _EDGE + column * _WIDTH / 2, self._y - _NOTE * row
            self._figure.text(
                x / _WIDTH, y / self._height, line, size=7.5, color=self._look.muted, va="top"
            )
        self._y -= _NOTE * deep + 0.08

    def _text(self, text: str, **style: Any) -> None:
        self._figure.text(_EDGE / _WIDTH, self._y / self._height, text, va="top", **style)

    def _axes(self, height: float, left: float = _LEFT, right: float = _RIGHT) -> Axes:
        """Axes below what is already there; those of standard width share the time axis."""
        self._y -= height
        box = (
            left / _WIDTH, self._y / self._height, (_WIDTH - left - right) / _WIDTH,
            height / self._height,
        )  # fmt: skip
        timed = left == _LEFT
        ax = self._figure.add_axes(box, sharex=self._first if timed else None, facecolor="none")
        if timed:
            self._first = self._first or ax
        ax.tick_params(labelbottom=False, color=self._look.muted, labelcolor=self._look.ink)
        for spine in ax.spines.values():
            spine.set_color(self._look.muted)
        return ax


def _notes(
    timelines: Sequence[Timeline], labels: Sequence[str], found: Sequence[Sequence[Badge]]
) -> list[str]:
    """One line for each badge: its number, when, where and what."""
    lines = []
    for timeline, label, some in zip(timelines, labels, found, strict=True):
        whose = f"{label}: " if label else ""
        lines += [_note(timeline, badge, whose) for badge in some[:_MOST_BADGES]]
        if len(some) > _MOST_BADGES:
            lines.append(f"{whose}… and {len(some) - _MOST_BADGES} more")
    return lines


def _note(timeline: Timeline, badge: Badge, whose: str) -> str:
    names = list(dict.fromkeys(mark.node for mark in badge.marks if mark.node))
    where = ", ".join(lane_name(timeline, name) for name in names) + ": " if names else ""
    if len(names) > 3:
        where = f"{len(names)} nodes: "
    return f"{badge.number}  {badge.marks[0].t:.1f} s  {whose}{where}{badge.text}"


def _laid_out(notes: Sequence[str]) -> tuple[list[str], int]:
    """The lines of the notes, and in how many columns: two when there are many and all fit."""
    if len(notes) > 4 and max(map(len, notes)) <= _NOTE_FITS:
        return list(notes), 2
    lines = (textwrap.wrap(n, _LINE_FITS, subsequent_indent=" " * 11) for n in notes)
    return [line for some in lines for line in some], 1
