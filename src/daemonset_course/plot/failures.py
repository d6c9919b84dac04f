"""Draws several failures, one lane each: the node's state over what became of its pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.bars import draw_bar, longest_first
from daemonset_course.plot.look import DARK, HEIGHT, LIGHT, PHASES, Look, course_style
from daemonset_course.plot.look import revision_colour as colour_of
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.failures import (
    Failure,
    Stretch,
    failures_caption,
    failures_headline,
)
from daemonset_course.timeline.spans import Phase

_ROW, _SPACE = 0.21, 0.7  # inches of a stripe; stripes between two lanes
_BEFORE = 0.015  # how much of the time axis lies before the failure
_INCHES = 6.9  # width of the panel
_BLUE = colour_of(0)
_HATCH = {"cordoned": "....", "not ready": "////", "unknown": "xxxx", "out of service": "+++++"}


def plot_failures(found: Sequence[Failure], *, dark: bool = False) -> Picture:
    """A lane for each failure, on one time axis that begins when the node failed."""
    look = DARK if dark else LIGHT
    title, told = failures_headline(found), failures_caption(found)
    rows = 1 + len(found[0].fates)
    step, end = rows + _SPACE, max(one.end for one in found)
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_ROW * (step * len(found) - _SPACE),
            legend=_legend(found, look),
        )  # fmt: skip
        ax.set_xlim(-_BEFORE * end, end)
        ax.set_ylim(step * len(found) - _SPACE - 0.5, -0.5)
        ax.axvline(0, color=look.ink, lw=0.9, ls=(0, (3, 2)), zorder=4)
        ax.set_yticks(
            [lane * step + (rows - 1) / 2 for lane in range(len(found))],
            [f"{one.kind}\n{one.lane}" for one in found],
        )
        ax.set_xlabel("seconds since the failure", color=look.ink)
        for lane, one in enumerate(found):
            _draw_lane(ax, one, lane * step, look)
    return Picture(figure, told, title)


def _legend(found: Sequence[Failure], look: Look) -> list[Entry]:
    seen = {s.what for one in found for fate in one.fates.values() for s in fate.life}
    words = {phase: f"pod {phase}" for phase in PHASES} | {"ready": "pod says ready"}
    pods = [(words[p], HEIGHT[p], look.bar(p, _BLUE)) for p in PHASES if p in seen]
    return [("node", 0.7, _node_style("ready", look)), *pods]


def _node_style(state: str, look: Look) -> dict[str, Any]:
    style: dict[str, Any] = {"facecolor": look.faint, "edgecolor": look.muted, "linewidth": 0.6}
    return style | ({"hatch": _HATCH[state]} if state in _HATCH else {})


def _draw_lane(ax: Axes, one: Failure, top: float, look: Look) -> None:
    low, high = ax.get_xlim()
    rows = 1 + len(one.fates)
    corner = (low, top - 0.5)
    ax.add_patch(Rectangle(corner, one.end - low, rows, facecolor=look.stripe, lw=0, zorder=0))
    for state in one.states:
        _bar(ax, state, top, 0.78, _node_style(state.what, look))
        _write(ax, state, top, look)
    if one.states[-1].end < one.end:
        _write(ax, Stretch("no Node object", one.states[-1].end, one.end), top, look)
    for row, (app, fate) in enumerate(one.fates.items(), 1):
        for life in sorted(fate.life, key=longest_first):
            phase = cast("Phase", life.what)
            _bar(ax, life, top + row, HEIGHT[phase], look.bar(phase, _BLUE))
        _name(ax, app, top + row, look)
    _name(ax, "node", top, look)
    if one.end < 0.97 * high:
        ax.plot([one.end] * 2, [top - 0.5, top + rows - 0.5], color=look.muted, lw=0.6)
        if (high - one.end) / (high - low) * _INCHES > 1.1:
            ax.annotate(
                "recording ended", (one.end, top + (rows - 1) / 2), (4, 0), size=7, va="center",
                textcoords="offset points", style="italic", color=look.muted,
            )  # fmt: skip


def _bar(ax: Axes, stretch: Stretch, row: float, high: float, style: dict[str, Any]) -> None:
    span = ax.get_xlim()
    if stretch.end >= span[0]:
        draw_bar(ax, (max(stretch.start, span[0]), stretch.end), row, high, span, **style)


def _write(ax: Axes, state: Stretch, row: float, look: Look) -> None:
    low, high = ax.get_xlim()
    start = max(state.start, low)
    text = state.what
    if (state.end - start) / (high - low) * _INCHES < 0.12 + 0.062 * len(text):
        return
    # Before the failure every node is ready: the word stands where it does not cross the line.
    x = start if start > low else max(0.0, start)
    if (state.end - x) / (high - low) * _INCHES < 0.12 + 0.062 * len(text):
        return
    ax.annotate(
        text, (x, row), (6, -0.3), textcoords="offset points", size=6.5, va="center",
        color=look.ink, zorder=3, bbox={"facecolor": look.ground, "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip


def _name(ax: Axes, text: str, row: float, look: Look) -> None:
    ax.annotate(
        text, (1, row), (5, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", size=7, va="center", color=look.ink,
    )  # fmt: skip
