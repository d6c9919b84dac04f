"""Draw charts of timelines with matplotlib, for files: lanes of Pods above panels of counts.

Figures are made without pyplot, so none is registered globally and none has to be closed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daemonset_course.figures.page import AXIS, Page, Panel
from daemonset_course.figures.rollout.chart import Chart, ChartSet
from daemonset_course.figures.rollout.counts_panel import draw_counts, draw_extra
from daemonset_course.figures.rollout.drawn_in import YOU, DrawnIn
from daemonset_course.figures.rollout.drawn_in_axes import ROW, draw_moments, draw_rows, rows_of
from daemonset_course.figures.rollout.node_lanes import draw_lanes, draw_letters
from daemonset_course.figures.rollout.raster import draw_dense, raster_height
from daemonset_course.figures.rollout.row_labels import heading
from daemonset_course.figures.rollout.strip_panel import draw_strip, strip_height
from daemonset_course.figures.theme import DARK, LIGHT, Theme, course_style
from daemonset_course.history.spans import Span

_LANE = 0.31  # inches
_COUNTS, _EXTRA = 0.8, 0.45  # inches: the panels


def draw(charts: ChartSet, *, dark: bool = False) -> Figure:
    """Return the figure of the charts, which share one time axis."""
    panels: list[Panel] = []
    for chart in charts.charts:
        panels += _panels(chart, charts.span, charts.word, dense=charts.dense)
    panels[-1] = replace(panels[-1], below=AXIS)
    notes = [line for chart in charts.charts for line in _notes(chart)]
    page = Page(charts.title, charts.caption, DARK if dark else LIGHT, charts.key, notes)
    with course_style():
        figure = page.draw(panels)
        lowest = figure.axes[-1]  # the only one under which the time axis is named
        lowest.set(xlim=charts.span, xlabel=charts.axis)
        lowest.tick_params(labelbottom=True)
    return figure


def _panels(chart: Chart, span: Span, word: str, *, dense: bool) -> list[Panel]:
    """Return the panel of one chart's nodes, with room for letters above it, and its counts."""

    def lanes(ax: Axes, theme: Theme) -> None:
        if dense:
            draw_dense(ax, chart, theme, span, word)
        else:
            draw_lanes(ax, chart, theme, span)
        ax.set_xlim(*span)
        ax.tick_params(labelbottom=False)
        draw_letters(ax, chart.letters, theme)

    height = raster_height(chart) if dense else max(2, len(chart.lanes)) * _LANE
    head = heading(chart, dense=dense)
    found = [Panel(height, lanes, above=0.26, below=0.08, heading=head, timed=True)]
    if chart.strip:
        found.append(
            Panel(strip_height(chart),
                  lambda ax, theme: draw_strip(ax, theme, chart, span),
                  above=0.06, below=0.06, timed=True)
        )  # fmt: skip
    panel = chart.panel
    if panel is None:
        return _with_rows(chart, found, span)
    found.append(
        Panel(_COUNTS, lambda ax, theme: draw_counts(ax, theme, chart, panel),
              above=0.2, below=0.08, timed=True)
    )  # fmt: skip
    if panel.surge.times:
        found.append(
            Panel(_EXTRA, lambda ax, theme: draw_extra(ax, theme, chart, panel),
                  above=0.2, below=0.08, timed=True)
        )  # fmt: skip
    return _with_rows(chart, found, span)


def _with_rows(chart: Chart, panels: list[Panel], span: Span) -> list[Panel]:
    """Return the panels with lines at predicted moments, and a panel for words on the axis."""
    drawn = chart.drawn_in
    if not rows_of(drawn):
        return panels
    last = Panel(ROW * rows_of(drawn), lambda ax, theme: draw_rows(ax, theme, drawn, span),
                 below=0.08, timed=True)  # fmt: skip
    return [replace(one, draw=partial(_with_moments, one, drawn)) for one in (*panels, last)]


def _with_moments(panel: Panel, drawn: DrawnIn, ax: Axes, theme: Theme) -> None:
    panel.draw(ax, theme)
    draw_moments(ax, theme, drawn)


def _notes(chart: Chart) -> list[str]:
    """Return one line for each letter: the letter, time, node and text; and what was predicted."""
    whose = f"{chart.label}: " if chart.label else ""
    lines = [f"{one.letter}  {whose}{one.words}" for one in chart.letters]
    lines += [f"{whose}… and {chart.more_marks} more"] if chart.more_marks else []
    guess = ", ".join(f"{column} {number}" for column, number in chart.drawn_in.status.items())
    lines += [f"{whose}{remark}" for remark in chart.sentences]
    return lines + ([f"{whose}{YOU}{guess}"] if guess else [])
