"""The lower panel: nodes without an available pod over time, with what the budget allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from daemonset_course.plot.lanes import draw_gaps
from daemonset_course.plot.look import ALARM, COMPARED, SURGE, Look
from daemonset_course.timeline.facts import under_way
from daemonset_course.timeline.spans import Steps, within
from daemonset_course.timeline.timeline import Timeline

_FITS = 20  # characters of a label that fit beside the panel
_APART = 0.155  # least distance of two labels, as a share of the panel's height


@dataclass(frozen=True)
class Line:
    """A step line with the label at its end."""

    steps: Steps
    label: str
    style: dict[str, Any]


def draw_budget(ax: Axes, timelines: Sequence[Timeline], labels: Sequence[str], look: Look) -> None:
    """Draws the counts of one timeline, or of two to compare, on one panel."""
    alone = len(timelines) == 1
    lines = _lines(timelines[0], look) if alone else _compared(timelines, labels, look)
    top = _top(lines, timelines)
    ax.set_ylim(-0.04 * top, top)
    ax.set_ylabel("nodes, pods" if alone and len(lines) > 2 else "nodes", color=look.ink)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.grid(axis="y", color=look.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    for line in lines:
        x, y = as_arrays(line.steps)
        ax.step(x, y, where="post", label=line.label, **line.style)
    for timeline in timelines:
        shade_above(
            ax, timeline.unavailable, _allowed(timeline, timeline.budget), facecolor=ALARM,
            edgecolor=ALARM, hatch="\\\\\\\\", alpha=0.35, linewidth=0, zorder=1.5,
        )  # fmt: skip
        draw_gaps(ax, timeline.gaps, look)
    label_ends(ax, lines)


def as_arrays(steps: Steps) -> tuple[Any, Any]:
    """Times and values for drawing; unknown becomes NaN, which leaves a hole in the line."""
    values = [np.nan if value is None else value for value in steps.values]
    return np.array(steps.times, dtype=float), np.array(values, dtype=float)


def _lines(timeline: Timeline, look: Look) -> list[Line]:
    lines = [
        Line(timeline.unavailable, "unavailable", {"color": look.ink, "linewidth": 1.7}),
    ]
    budget, extra = (_allowed(timeline, line) for line in (timeline.budget, timeline.surge_budget))
    if budget.max() is not None:
        lines.append(Line(budget, _bound("budget", budget), _dashed(ALARM)))
    if timeline.surge.max() or extra.max():
        lines.append(Line(timeline.surge, "extra pods", {"color": SURGE, "linewidth": 1.4}))
    if extra.max():
        dashes = _dashed(SURGE, (0, (1, 1.6)))
        lines.append(Line(extra, _bound("surge budget", extra), dashes))
    return lines


def _allowed(timeline: Timeline, bound: Steps) -> Steps:
    """What the update strategy allows, while a template is being rolled out."""
    return within(bound, under_way(timeline))


def _compared(timelines: Sequence[Timeline], labels: Sequence[str], look: Look) -> list[Line]:
    looks: tuple[dict[str, Any], ...] = (
        {"color": look.ink},
        {"color": COMPARED, "linestyle": (0, (4, 1))},
    )
    bounds = [_allowed(timeline, timeline.budget) for timeline in timelines]
    names = [_bound("budget", bound) for bound in bounds]
    same = names[0] == names[1]
    lines = []
    for timeline, label, bound, name, style in zip(
        timelines, labels, bounds, names, looks, strict=True
    ):
        lines.append(Line(timeline.unavailable, _cut(label), {"linewidth": 1.7, **style}))
        lines.append(Line(bound, name, _dashed(ALARM if same else style["color"])))
    if same:
        lines[1] = Line(lines[1].steps, "", lines[1].style)
    return [line for line in lines if line.steps.max() is not None]


def _cut(label: str) -> str:
    return label if len(label) <= _FITS else label[: _FITS - 1] + "…"


def _dashed(colour: str, dashes: Any = (0, (5, 2.5))) -> dict[str, Any]:
    # On top of the counts: a count that touches its bound must not hide it.
    return {"color": colour, "linewidth": 1.3, "linestyle": dashes, "zorder": 3}


def _bound(name: str, steps: Steps) -> str:
    known = [value for value in steps.values if value is not None]
    return f"{name} {known[-1]}" if known else name


def _top(lines: Iterable[Line], timelines: Iterable[Timeline]) -> float:
    """The axis' upper end: room for every count, and for the budgets as far as nodes go."""
    scope = max(timeline.scope.max() or 0 for timeline in timelines)
    best = max((min(line.steps.max() or 0, scope) for line in lines), default=0)
    return max(1, best) * 1.12 + 0.25


def shade_above(ax: Axes, count: Steps, bound: Steps, **style: Any) -> None:
    """Fills what ``count`` is above ``bound``, for exactly as long as it is, however short."""
    edges = sorted({*count.times, *bound.times})
    # A corner at each end of an interval: with step="post" the last one of a stretch gets lost.
    corners = np.array([t for pair in pairwise(edges) for t in pair], dtype=float)
    high, low = (np.repeat(_held(steps, edges[:-1]), 2) for steps in (count, bound))
    ax.fill_between(corners, low, high, where=high > low, **style)


def _held(steps: Steps, times: Iterable[float]) -> Any:
    return np.array([np.nan if (v := steps.at(t)) is None else v for t in times], dtype=float)


def label_ends(ax: Axes, lines: Sequence[Line], apart: float = _APART) -> None:
    """Names each line at the right edge, beside its last value; labels move up to stay apart."""
    ends = []
    for line in lines:
        known = [value for value in line.steps.values if value is not None]
        if known and line.label:
            low, high = ax.get_ylim()
            ends.append((min((known[-1] - low) / (high - low), 0.97), line))
    ends.sort(key=lambda end: end[0])
    y = -1.0
    for height, line in ends:
        y = max(height, y + apart)
        ax.text(
            1.008, y, line.label, transform=ax.transAxes, size=7.5, va="center",
            color=line.style["color"],
        )  # fmt: skip
