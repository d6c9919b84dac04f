"""Draw lines against an axis: steps over time, or curves and points on two logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.page import EDGE, SMALL, TEXT, Panel, inches
from daemonset_course.figures.shapes import Lines, Series, Shade, Stroke, Style
from daemonset_course.figures.theme import Theme

_LEFT = 0.75
_APART = 0.16  # inches between two names at the right edge
_NICE = (1, 2, 5)  # of each decade, the ticks of a logarithmic axis


def lines_panel(lines: Lines) -> Panel:
    """The room of a panel, with the lines' names at the right."""
    names = [part for one in lines.series if one.named for part in one.label.split("\n")]
    widest = max([inches(name, SMALL) for name in names], default=0.0)
    return Panel(
        height=lines.height,
        draw=lambda ax, theme: _draw(ax, theme, lines),
        left=_LEFT,
        right=max(0.3, widest + 0.15 + EDGE),
    )


def strokes(lines: Lines) -> dict[str, Style]:
    """The legend: lines without a name at their end, and shades."""
    found = {one.label: _swatch(one.stroke) for one in lines.series if not one.named}
    return found | {shade.word: shade.style for shade in lines.shades if any(areas(lines, shade))}


def areas(lines: Lines, shade: Shade) -> Iterator[tuple[float, float, float, float]]:
    """(from, until, lower, upper) of each step in which the upper series is above the lower."""
    upper, lower = (_steps(lines, label) for label in (shade.upper, shade.lower))
    for start, end in pairwise(sorted({*(t for t, _ in upper), *(t for t, _ in lower)})):
        high, low = _at(upper, start), _at(lower, start)
        if high is not None and low is not None and high > low:
            yield start, end, low, high


def _steps(lines: Lines, label: str) -> Sequence[tuple[float, float | None]]:
    return next(one.points for one in lines.series if one.label == label)


def _at(points: Sequence[tuple[float, float | None]], x: float) -> float | None:
    before = [y for t, y in points if t <= x]
    return before[-1] if before else None


def _swatch(stroke: Stroke) -> Style:
    if stroke.dash == "none":
        fade = 1.0 if stroke.hollow else 0.0
        return Style(stroke.colour, fade, height=0.5, width=1.6)
    hatch = "" if stroke.dash == "solid" else "|||"
    edge = "background" if hatch else ""
    return Style(stroke.colour, stroke.fade, hatch, min(0.5, stroke.width * 0.075), edge=edge)


def _draw(ax: Axes, theme: Theme, lines: Lines) -> None:
    for one in lines.series:
        x = np.array([x for x, _ in one.points], dtype=float)
        y = np.array([np.nan if y is None else y for _, y in one.points], dtype=float)
        draw: Any = ax.step if one.steps else ax.plot
        how = {"where": "post"} if one.steps else {}
        draw(x, y, **how, **theme.line(one.stroke))
    for shade in lines.shades:
        for start, end, low, high in areas(lines, shade):
            face = theme.patch(shade.style)
            ax.fill_between([start, end], low, high, zorder=1.2, **face)
    _scale(ax, theme, lines)
    hatch_unknown(ax, theme, lines.unknown)
    _name_ends(ax, theme, [one for one in lines.series if one.named])
    if lines.heading:
        ax.text(
            0.03, 0.95, lines.heading, transform=ax.transAxes, va="top", size=TEXT,
            color=theme.foreground,
        )  # fmt: skip


def _scale(ax: Axes, theme: Theme, lines: Lines) -> None:
    points = [point for one in lines.series for point in one.points]
    known = [y for _, y in points if y is not None]
    xs = [x for x, _ in points]
    ends = (min(xs, default=0.0), max(xs, default=1.0))
    ends = (0.7 * ends[0], 1.3 * ends[1]) if lines.log else ends  # room for the markers
    ax.set_xlim(*(lines.x_span or ends))
    ax.set_xlabel(lines.x, color=theme.foreground)
    ax.set_ylabel(lines.y, color=theme.foreground)
    ax.set_axisbelow(True)
    if lines.log:
        _scale_log(ax, theme, [y for y in known if y > 0])
        return
    ax.set_ylim(0, lines.y_top or 1.12 * max([1.0, *known]))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_locator(MaxNLocator(8))
    ax.grid(axis="y", color=theme.faint, linewidth=0.6)


def _scale_log(ax: Axes, theme: Theme, known: Sequence[float]) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.8 * min(known), 1.3 * max(known))
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        nice = [float(n * 10.0**d) for d in decades for n in _NICE]
        axis.set_ticks([value for value in nice if low <= value <= high])
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.tick_params(which="both", color=theme.muted)
    ax.grid(color=theme.faint, linewidth=0.6)


def _name_ends(ax: Axes, theme: Theme, series: Sequence[Series]) -> None:
    """Name each line at the right edge, beside its last value; names move up to stay apart."""
    figure = ax.get_figure()
    assert figure is not None
    high = ax.get_position().height * figure.get_figheight()  # type: ignore[union-attr]
    ends = []
    for one in series:
        known = [y for _, y in one.points if y is not None]
        if known:
            at = ax.transAxes.inverted().transform(ax.transData.transform((1, known[-1])))[1]
            ends.append((min(max(at, 0.0), 0.97), one.label, theme.colour(one.stroke.colour)))
    y = -1.0
    for at, label, colour in sorted(ends, key=lambda end: end[0]):
        y = max(at, y)
        ax.text(1.008, y, label, transform=ax.transAxes, size=SMALL, va="center", color=colour)
        y += _APART * (1 + label.count("\n")) / high
