"""The upper panel for many nodes: a raster of nodes by time, in the order of the chart's lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.picture import PIXELS
from daemonset_course.figures.pods import PAINTED, Shown, cell_style
from daemonset_course.figures.rollout.chart import Chart
from daemonset_course.figures.rollout.key import NODE_STATES, node_state
from daemonset_course.figures.rollout.row_labels import row_labels
from daemonset_course.figures.shapes import series
from daemonset_course.figures.theme import Theme, mix
from daemonset_course.history.spans import Span

_HEIGHT = 576  # pixels of a PNG, at most
_LINE = 0.17  # inches: a line of text beside the rows
_BINS = 1400  # columns: about one a pixel of the PNG
_LEAST = 2  # columns: the minimum for a Pod, however short its bar


def raster_height(chart: Chart) -> float:
    """Return the height of all rows in inches: a row has whole pixels in a PNG, where it can."""
    rows = len(chart.lanes)
    return max(1, _HEIGHT // rows) * rows / PIXELS if rows <= _HEIGHT else _HEIGHT / PIXELS


def draw_dense(ax: Axes, chart: Chart, theme: Theme, span: Span, word: str) -> None:
    """Draw the chart as an image; ``span`` is the time axis' (from, until) in seconds.

    ``word`` is what a number on a bar is: ``revision``, or ``template``.
    """
    image = raster(chart, theme, span)
    lanes = len(chart.lanes)
    ax.imshow(
        image, aspect="auto", extent=(span[0], span[1], lanes - 0.5, -0.5), zorder=0.5,
        interpolation="none",  # in an SVG, too, a cell has sharp edges
    )  # fmt: skip
    hatch_unknown(ax, theme, chart.unseen, over_raster=True)
    ax.set_ylim(lanes - 0.5, -0.5)
    labels = row_labels(chart, word, _LINE * lanes / raster_height(chart))
    ax.set_yticks([at - 0.5 for at, _ in labels], [text for _, text in labels])
    ax.tick_params(axis="y", length=0)


def raster(chart: Chart, theme: Theme, span: Span) -> Any:
    """Return an array of colours (rows, bins, 3): a row for a node, a column for a time bin."""
    image = np.empty((len(chart.lanes), _BINS, 3), dtype=np.float32)
    image[:] = mix(theme.background, theme.background, 0)
    for row, lane in enumerate(chart.lanes):
        for state in lane.states:
            columns = slice(*_columns(state.start, state.end, span))
            image[row, columns] = theme.filling(NODE_STATES[node_state(state.words)])
    rank = {phase: i for i, phase in enumerate(PAINTED)}
    bars = [(row, bar) for row, lane in enumerate(chart.lanes) for bar in lane.bars]
    for row, bar in sorted(bars, key=lambda one: (rank[one[1].phase], one[1].start)):
        columns = slice(*_columns(bar.start, bar.end, span))
        image[row, columns] = dense_colour(bar.phase, series(bar.colour), theme)
    return image


def _columns(start: float, end: float, span: Span) -> tuple[int, int]:
    """Return the first column of a stretch and the one after its last."""
    scale = _BINS / max(span[1] - span[0], 1e-9)
    first = max(0, min(int((start - span[0]) * scale), _BINS - _LEAST))
    return first, max(first + _LEAST, int((end - span[0]) * scale))


def dense_colour(phase: Shown, colour: str, theme: Theme) -> tuple[float, float, float]:
    """Return the colour of a cell."""
    return theme.filling(cell_style(phase, colour))
