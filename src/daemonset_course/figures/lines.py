"""Draw lines against an axis: steps over time, or curves and points on two logarithmic axes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.page import EDGE, TEXT, Panel, draw_grid, widest
from daemonset_course.figures.shapes import LegendMark, Lines, Series, Style
from daemonset_course.figures.theme import Theme

Points = Sequence[tuple[float, float | None]]

_LEFT = 0.75
_APART = 0.16  # inches between two names at the right edge
_NICE = (1, 2, 3, 5)  # of each decade, the ticks of a logarithmic axis


def lines_panel(lines: Lines) -> Panel:
    """Return the panel of the lines, with their names at the right."""
    names = (part for one in lines.series if one.named for part in one.label.split("\n"))
    return Panel(
        height=lines.height,
        draw=lambda ax, theme: _draw(ax, theme, lines),
        left=_LEFT,
        right=max(0.3, widest(names, TEXT) + 0.15 + EDGE),
    )


def strokes(lines: Lines) -> dict[str, LegendMark]:
    """Return the legend's entries: lines without a name at their end, and shades."""
    found: dict[str, LegendMark] = {one.label: one.stroke for one in lines.series if not one.named}
    shades = {
        shade.word: shade.style
        for shade in lines.shades
        if any(areas(_points(lines, shade.upper), _points(lines, shade.lower)))
    }
    return found | shades


def areas(upper: Points, lower: Points) -> Iterator[tuple[float, float, float, float]]:
    """Yield (from, until, lower, upper) of each step with the upper points above the lower."""
    for start, end in pairwise(sorted({*(t for t, _ in upper), *(t for t, _ in lower)})):
        high, low = _at(upper, start), _at(lower, start)
        if high is not None and low is not None and high > low:
            yield start, end, low, high


def shade_above(ax: Axes, theme: Theme, upper: Points, lower: Points, style: Style) -> None:
    """Fill the area between upper and lower points where the upper ones are above."""
    for start, end, low, high in areas(upper, lower):
        ax.fill_between([start, end], low, high, zorder=1.2, **theme.patch(style))


def draw_series(ax: Axes, theme: Theme, series: Sequence[Series]) -> None:
    """Draw lines; an unknown value is a gap in its line."""
    for one in series:
        x = np.array([x for x, _ in one.points], dtype=float)
        y = np.array([np.nan if y is None else y for _, y in one.points], dtype=float)
        draw: Any = ax.step if one.steps else ax.plot
        how = {"where": "post"} if one.steps else {}
        draw(x, y, label=one.label, **how, **theme.line(one.stroke))


def _points(lines: Lines, label: str) -> Points:
    return next(one.points for one in lines.series if one.label == label)


def _at(points: Points, x: float) -> float | None:
    place = bisect_right(points, x, key=lambda point: point[0]) - 1
    return points[place][1] if place >= 0 else None


def _draw(ax: Axes, theme: Theme, lines: Lines) -> None:
    draw_series(ax, theme, lines.series)
    for shade in lines.shades:
        upper, lower = (_points(lines, label) for label in (shade.upper, shade.lower))
        shade_above(ax, theme, upper, lower, shade.style)
    _scale(ax, theme, lines)
    hatch_unknown(ax, theme, lines.unknown)
    name_ends(ax, theme, [one for one in lines.series if one.named])
    if lines.heading:
        ax.text(
            0.03, 0.95, lines.heading, transform=ax.transAxes, va="top", size=TEXT,
            color=theme.foreground,
        )  # fmt: skip


def _scale(ax: Axes, theme: Theme, lines: Lines) -> None:
    points = [point for one in lines.series for point in one.points]
    values = [y for _, y in points if y is not None]
    xs = [x for x, _ in points]
    ends = (min(xs, default=0.0), max(xs, default=1.0))
    if lines.log:  # room for the markers
        ends = (0.7 * ends[0], 1.3 * ends[1])
    elif any(one.stroke.marker for one in lines.series):
        margin = 0.03 * (ends[1] - ends[0])
        ends = (ends[0] - margin, ends[1] + margin)
    ax.set_xlim(*(lines.x_span or ends))
    ax.set(xlabel=lines.x, ylabel=lines.y)
    if lines.log:
        _scale_log(ax, theme, [y for y in values if y > 0])
        return
    ax.set_ylim(0, lines.y_top or 1.12 * max([1.0, *values]))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    whole = all(float(x).is_integer() for x in xs)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    draw_grid(ax, theme)


def _scale_log(ax: Axes, theme: Theme, values: Sequence[float]) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.8 * min(values), 1.3 * max(values))
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        nice = [float(n * 10.0**d) for d in decades for n in _NICE]
        axis.set_ticks([value for value in nice if low <= value <= high])
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.tick_params(which="both", color=theme.muted)
    draw_grid(ax, theme, "both")


def name_ends(ax: Axes, theme: Theme, series: Sequence[Series]) -> None:
    """Name each line at the right edge, beside its last value; a name that overlaps moves up."""
    figure = ax.get_figure()
    assert figure is not None
    high = ax.get_position().height * figure.get_figheight()  # type: ignore[union-attr]
    ends = []
    for one in series:
        values = [y for _, y in one.points if y is not None]
        if values:
            at = ax.transAxes.inverted().transform(ax.transData.transform((1, values[-1])))[1]
            ends.append((min(max(at, 0.0), 0.97), one.label, theme.text(one.stroke.colour)))
    y = -1.0
    for at, label, colour in sorted(ends, key=lambda end: end[0]):
        y = max(at, y)
        ax.text(1.008, y, label, transform=ax.transAxes, size=TEXT, va="center", color=colour)
        y += _APART * (1 + label.count("\n")) / high
