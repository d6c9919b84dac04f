"""The strip under the lanes: the status' numbers where they change, and where they lag."""

from __future__ import annotations

from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.lanes import write
from daemonset_course.figures.page import TEXT, inches
from daemonset_course.figures.rollout.chart import Chart
from daemonset_course.figures.rollout.key import LAGGING
from daemonset_course.figures.theme import Theme
from daemonset_course.history.spans import Span

_ROW = 0.2  # inches, a line of a name
_COLUMNS = 16  # characters of a line with names of columns
_INCHES = 6.9  # width of the panel


def strip_height(chart: Chart) -> float:
    """Return the height of the strip in inches."""
    return _ROW * sum(len(row.lines(_COLUMNS)) for row in chart.strip)


def draw_strip(ax: Axes, theme: Theme, chart: Chart, span: Span) -> None:
    """Draw a row for each column of the strip."""
    names = [row.lines(_COLUMNS) for row in chart.strip]
    highs = list(map(len, names))
    tops = list(accumulate(highs, initial=0))
    middles = [top + high / 2 for top, high in zip(tops, highs, strict=False)]
    ax.set_ylim(tops[-1], 0)
    ax.set_yticks(middles, list(map("\n".join, names)))
    ax.tick_params(labelbottom=False, bottom=False)
    ax.tick_params(axis="y", pad=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    inch = (span[1] - span[0]) / _INCHES
    style = theme.patch(LAGGING)
    for top, high, y, row in zip(tops, highs, middles, chart.strip, strict=False):
        for start, end in row.lags:
            ax.add_patch(Rectangle((start, top), end - start, high, zorder=1, **style))
            words = f"lag {end - start:.1f} s"
            room = inches(f"{words} 000", TEXT) + 0.2
            if end - start > room * inch:
                left = end - (inches(words, TEXT) + 0.1) * inch
                write(ax, theme, (left, y), words, size=TEXT, boxed=True)
        free = span[0]
        for start, end, value in row.values.stretches():
            if value is None or end <= start or end < span[0]:
                continue
            since = max(start, span[0])
            ax.vlines(since, top, top + high, color=theme.muted, linewidth=0.6)
            wide, at = (inches(str(value), TEXT) + 0.08) * inch, max(since, free)
            if at + wide < (end if at > since else span[1]):
                write(ax, theme, (at, y), str(value), size=TEXT, boxed=bool(row.lags))
                free = at + wide
