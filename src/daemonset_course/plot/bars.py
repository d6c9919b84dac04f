"""Draws a stretch of time as a bar that is seen however short the stretch is."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

_LEAST = 1 / 500  # of the time axis: 1 px where the picture is 700 px wide

Span = tuple[float, float]


def draw_bar(ax: Axes, time: Span, y: float, high: float, span: Span, **style: Any) -> None:
    """Draw the bar of ``time`` (from, until) with its middle at ``y``; ``span`` is the axis'."""
    least = (span[1] - span[0]) * _LEAST
    start = min(time[0], span[1] - least)
    wide = max(time[1] - start, least)
    ax.add_patch(Rectangle((start, y - high / 2), wide, high, **{"zorder": 2, **style}))


def longest_first(bar: Any) -> float:
    """Sort what has a ``start`` and an ``end`` so that a long bar does not hide a short one."""
    return float(bar.start - bar.end)
