"""Draw charts of timelines with matplotlib, for files: lanes of Pods above panels of counts.

Figures are made without pyplot, so none is registered globally and none has to be closed.
"""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daemonset_course.figures.page import AXIS, Page, Panel
from daemonset_course.figures.rollout.chart import Chart, ChartSet
from daemonset_course.figures.rollout.counts_panel import draw_counts, draw_extra
from daemonset_course.figures.rollout.node_lanes import draw_lanes, draw_letters
from daemonset_course.figures.rollout.raster import draw_dense
from daemonset_course.figures.rollout.strip_panel import ROW, draw_strip
from daemonset_course.figures.theme import DARK, LIGHT, Theme, course_style
from daemonset_course.history.spans import Span

_LANE, _DENSE = 0.31, 3.6  # inches: a lane, the raster
_COUNTS, _EXTRA = 0.8, 0.45  # inches: the panels


def draw(charts: ChartSet, *, dark: bool = False) -> Figure:
    """Return the figure of the charts, which share one time axis."""
    panels: list[Panel] = []
    for chart in charts.charts:
        panels += _panels(chart, charts.span, dense=charts.dense)
    panels[-1] = replace(panels[-1], below=AXIS)
    notes = [line for chart in charts.charts for line in _notes(chart)]
    page = Page(charts.title, charts.caption, DARK if dark else LIGHT, charts.key, notes)
    with course_style():
        figure = page.draw(panels)
        lowest = figure.axes[-1]  # the only one under which the time axis is named
        lowest.set(xlim=charts.span, xlabel=charts.axis)
        lowest.tick_params(labelbottom=True)
    return figure


def _panels(chart: Chart, span: Span, *, dense: bool) -> list[Panel]:
    """Return the panel of one chart's nodes, with room for letters above it, and its counts."""

    def lanes(ax: Axes, theme: Theme) -> None:
        (draw_dense if dense else draw_lanes)(ax, chart, theme, span)
        ax.set_xlim(*span)
        ax.tick_params(labelbottom=False)
        draw_letters(ax, chart.letters, theme)

    height = _DENSE if dense else max(2, len(chart.lanes)) * _LANE
    found = [Panel(height, lanes, above=0.26, below=0.08, heading=chart.label, timed=True)]
    if chart.strip:
        found.append(
            Panel(ROW * len(chart.strip), lambda ax, theme: draw_strip(ax, theme, chart, span),
                  above=0.06, below=0.06, timed=True)
        )  # fmt: skip
    panel = chart.panel
    if panel is None:
        return found
    found.append(
        Panel(_COUNTS, lambda ax, theme: draw_counts(ax, theme, chart, panel),
              above=0.2, below=0.08, timed=True)
    )  # fmt: skip
    if panel.surge.times:
        found.append(
            Panel(_EXTRA, lambda ax, theme: draw_extra(ax, theme, chart, panel),
                  above=0.2, below=0.08, timed=True)
        )  # fmt: skip
    return found


def _notes(chart: Chart) -> list[str]:
    """Return one line for each letter: the letter, time, node and text."""
    whose = f"{chart.label}: " if chart.label else ""
    lines = [f"{one.letter}  {whose}{one.words}" for one in chart.letters]
    lines += [f"{whose}… and {chart.more_marks} more"] if chart.more_marks else []
    return lines + [f"{whose}{remark}" for remark in chart.sentences]
