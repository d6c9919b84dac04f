"""Draw bars: for each group one bar of each style, with its value at the end."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from daemonset_course.figures.page import EDGE, LEFT, TEXT, TICKS, Panel, draw_grid, widest
from daemonset_course.figures.shapes import Bars
from daemonset_course.figures.theme import Theme
from daemonset_course.history.text import number

_ROW, _HEIGHT = 0.32, 2.2  # inches: a horizontal bar, a panel of vertical bars


def bars_panel(bars: Bars) -> Panel:
    """Return the panel of the bars; horizontal bars have their names at the left."""
    if not bars.horizontal:
        return Panel(_HEIGHT, lambda ax, theme: _draw(ax, theme, bars), left=0.75, right=0.3)
    left = max(LEFT, EDGE + TICKS + widest(bars.groups, TEXT))
    high = _ROW * len(bars.groups) * len(bars.values) + 0.2
    return Panel(high, lambda ax, theme: _draw(ax, theme, bars), left=left, right=0.3)


def _draw(ax: Axes, theme: Theme, bars: Bars) -> None:
    wide = 0.8 / len(bars.values)
    for i, (word, values) in enumerate(bars.values.items()):
        places = [n + wide * (i - (len(bars.values) - 1) / 2) for n in range(len(values))]
        patch = theme.patch(bars.styles[word]) | {"zorder": 2}
        if bars.horizontal:
            ax.barh(places, values, height=wide * 0.8, **patch)
        else:
            ax.bar(places, values, width=wide * 0.92, **patch)
        for group, place, value in zip(bars.groups, places, values, strict=True):
            text = bars.texts.get((word, group), f"{number(value)} {bars.unit}".strip())
            at = (value, place) if bars.horizontal else (place, value)
            how: dict[str, Any] = (
                {"xytext": (5, 0), "va": "center"} if bars.horizontal
                else {"xytext": (0, 3), "ha": "center"}
            )  # fmt: skip
            ax.annotate(
                text, at, textcoords="offset points", size=TEXT, color=theme.foreground, **how
            )
    _scale(ax, theme, bars)


def _scale(ax: Axes, theme: Theme, bars: Bars) -> None:
    values = [float(value) for each in bars.values.values() for value in each]
    whole = all(value.is_integer() for value in values)
    top = max([1.0, *values] if whole else values)
    places = range(len(bars.groups))
    axis = ax.xaxis if bars.horizontal else ax.yaxis
    axis.set_major_locator(MaxNLocator(5, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    if bars.horizontal:
        ax.set_yticks(places, bars.groups, size=TEXT)
        ax.tick_params(axis="y", length=0)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.15 * top)
        ax.set(xlabel=bars.value_axis, ylabel=bars.group_axis)
        draw_grid(ax, theme, "x")
    else:
        ax.set_xticks(places, bars.groups)
        ax.set_ylim(0, 1.18 * top)
        ax.set(xlabel=bars.group_axis, ylabel=bars.value_axis)
        draw_grid(ax, theme)
