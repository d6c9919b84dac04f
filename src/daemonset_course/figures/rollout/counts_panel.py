"""The panels under the lanes: nodes without an available Pod with the budget, extra Pods."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.lines import draw_series
from daemonset_course.figures.page import TEXT, draw_grid
from daemonset_course.figures.rollout.chart import Chart, CountsPanel
from daemonset_course.figures.rollout.drawn_in_axes import draw_levels
from daemonset_course.figures.rollout.expected import PANELS
from daemonset_course.figures.shapes import Series, Stroke, Style, points_of
from daemonset_course.figures.theme import Theme
from daemonset_course.history.spans import Steps

_ABOVE = Style("alarm", 0.65, "\\\\\\\\", width=0.0)
UNAVAILABLE, EXTRA = "nodes without\nan available\nPod", "extra Pods"


def draw_counts(ax: Axes, theme: Theme, chart: Chart, panel: CountsPanel) -> None:
    """Draw the nodes without an available Pod as an area under the budget."""
    _draw(ax, theme, chart, (UNAVAILABLE, panel.unavailable, "foreground"),
          ("budget", panel.budget, "alarm"), panel.top)  # fmt: skip
    _draw_above(ax, theme, panel.above)
    draw_levels(ax, theme, [one for one in panel.levels if one.about == PANELS[0]])


def draw_extra(ax: Axes, theme: Theme, chart: Chart, panel: CountsPanel) -> None:
    """Draw the extra Pods as an area under the surge budget."""
    _draw(ax, theme, chart, (EXTRA, panel.surge, "surge"),
          ("surge budget", panel.surge_budget, "surge"), panel.surge_top)  # fmt: skip
    _draw_above(ax, theme, panel.surge_above)
    draw_levels(ax, theme, [one for one in panel.levels if one.about == PANELS[1]])


def _draw_above(ax: Axes, theme: Theme, above: Sequence[tuple[float, float, int, int]]) -> None:
    for start, end, low, high in above:
        ax.fill_between([start, end], low, high, zorder=1.2, **theme.patch(_ABOVE))


def _draw(
    ax: Axes, theme: Theme, chart: Chart, count: tuple[str, Steps, str],
    bound: tuple[str, Steps, str], top: int,
) -> None:  # fmt: skip
    label, steps, colour = count
    name, limit, paint = bound
    ax.set_ylim(0, 1.06 * top)
    ax.tick_params(labelbottom=False)
    ax.yaxis.set_major_locator(FixedLocator([0, top]))
    ax.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
    draw_grid(ax, theme)
    line = Series(
        label, points_of(steps), Stroke(colour if colour != "foreground" else "muted", 0.7)
    )
    draw_series(ax, theme, [line])
    for start, end, value in steps.stretches():
        if value:
            ax.fill_between(
                [start, end], 0, value, zorder=1, linewidth=0,
                color=theme.fade("muted" if colour == "foreground" else colour, 0.65),
            )  # fmt: skip
    if limit.max() is not None:
        draw_series(ax, theme, [Series(name, points_of(limit), Stroke(paint, 1.6, "dashed"))])
    hatch_unknown(ax, theme, chart.gaps)
    written = ""
    for start, end, value in limit.stretches():
        text = "" if value is None else f"{name} {value}"
        if value is not None and text != written and end > start:
            written = text
            ax.annotate(
                text, (start, value), (2, 2), textcoords="offset points", size=TEXT, va="bottom",
                color=theme.text(paint), annotation_clip=False,
            )  # fmt: skip
