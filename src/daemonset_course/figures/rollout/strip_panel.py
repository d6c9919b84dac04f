"""The strip under the lanes: the status' numbers where they change, and where they lag."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.lanes import write
from daemonset_course.figures.page import TEXT, inches
from daemonset_course.figures.rollout.chart import Chart
from daemonset_course.figures.rollout.key import LAGGING
from daemonset_course.figures.theme import Theme
from daemonset_course.history.spans import Span

ROW = 0.2  # inches
_INCHES = 6.9  # width of the panel


def draw_strip(ax: Axes, theme: Theme, chart: Chart, span: Span) -> None:
    """Draw a row for each column of the strip."""
    ax.set_ylim(len(chart.strip) - 0.5, -0.5)
    ax.set_yticks(range(len(chart.strip)), [row.name for row in chart.strip])
    ax.tick_params(labelbottom=False, bottom=False)
    ax.tick_params(axis="y", pad=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    inch = (span[1] - span[0]) / _INCHES
    style = theme.patch(LAGGING)
    for y, row in enumerate(chart.strip):
        for start, end in row.lags:
            ax.add_patch(Rectangle((start, y - 0.5), end - start, 1, zorder=1, **style))
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
            ax.vlines(since, y - 0.5, y + 0.5, color=theme.muted, linewidth=0.6)
            wide, at = (inches(str(value), TEXT) + 0.08) * inch, max(since, free)
            if at + wide < (end if at > since else span[1]):
                write(ax, theme, (at, y), str(value), size=TEXT, boxed=bool(row.lags))
                free = at + wide
