"""Draw into matplotlib's panels of a timeline what was predicted, and the bounds of a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.page import TEXT, inches
from daemonset_course.figures.rollout.chart import Chart
from daemonset_course.figures.rollout.drawn_in import DrawnIn, Level, Window
from daemonset_course.figures.theme import Theme
from daemonset_course.history.spans import Span

ROW = 0.22  # inches: the height of a row between the panels and the time axis
_INCHES = 6.9  # width of the panels
_GHOST: dict[str, Any] = {"linewidth": 1.5, "linestyle": (0, (5, 3))}


def rows_of(drawn: DrawnIn) -> int:
    """Return the number of rows that ``draw_rows`` draws."""
    return len(drawn.windows) + len(drawn.moments)


def draw_rows(ax: Axes, theme: Theme, drawn: DrawnIn, span: Span) -> None:
    """Draw stretches of the time axis, a row each, then a row with the words of each moment."""
    ax.set_ylim(rows_of(drawn), 0)
    ax.set_yticks([])
    ax.tick_params(labelbottom=False)
    for name in ("left", "right", "top"):
        ax.spines[name].set_visible(False)
    for i, window in enumerate(drawn.windows):
        _draw_window(ax, theme, window, i + 0.5, span)
    for i, moment in enumerate(drawn.moments, len(drawn.windows)):
        room = (span[1] - moment.t) / (span[1] - span[0]) * _INCHES
        left = not moment.beyond and room > inches(moment.words, TEXT) + 0.1
        words = f"{moment.words} →" if moment.beyond else moment.words
        _write(ax, theme, (moment.t, i + 0.5), words, 4 if left else -4, weight="bold")


def draw_moments(ax: Axes, theme: Theme, drawn: DrawnIn) -> None:
    """Draw a line through a panel at each predicted moment that lies on the axis."""
    for moment in drawn.moments:
        if not moment.beyond:
            ax.axvline(moment.t, color=theme.foreground, zorder=4, **_GHOST)


def draw_levels(ax: Axes, theme: Theme, found: Sequence[Level]) -> None:
    """Draw the levels on a panel; words stand above the right end, or right of a short level."""
    low, high = ax.get_xlim()
    for i, level in enumerate(found):
        ghost = level.kind == "predicted"
        style = _GHOST if ghost else {"linewidth": 2.2}
        colour = theme.foreground if ghost else theme.colour("alarm")
        ax.plot([level.start, level.end], [level.value] * 2, color=colour, zorder=4, **style)
        same = [one.words for one in found[:i] if one.value == level.value]
        aside = sum(inches(words, TEXT) * 72 + 12 for words in same)
        wide = inches(level.words, TEXT) / _INCHES * (high - low)
        short = level.end - level.start < 2 * wide and level.end + wide < high
        ax.annotate(
            level.words, (level.end, level.value), (4 + aside, 0) if short else (-2 - aside, 2),
            textcoords="offset points", size=TEXT, weight="bold", ha="left" if short else "right",
            va="center" if short else "bottom", color=theme.foreground, annotation_clip=False,
            zorder=5, bbox=_box(theme, 0.6),
        )  # fmt: skip


def draw_outlines(ax: Axes, theme: Theme, chart: Chart, span: Span) -> None:
    """Draw a frame around each violation on the lane of its node."""
    places = {lane.node: i for i, lane in enumerate(chart.lanes)}
    for node, start, end in chart.drawn_in.outlines:
        if node in places:
            wide = max(end - start, 0.005 * (span[1] - span[0]))
            frame: dict[str, Any] = {
                "facecolor": "none",
                "edgecolor": theme.colour("alarm"),
                "linewidth": 2.0,
            }
            corner = (start, places[node] - 0.46)
            ax.add_patch(Rectangle(corner, wide, 0.92, zorder=5, **frame))


def draw_names(ax: Axes, theme: Theme, chart: Chart) -> None:
    """Write what was predicted of a node at the right end of its lane."""
    for i, lane in enumerate(chart.lanes):
        if lane.predicted:
            ax.annotate(
                lane.predicted, (1.0, i), (5, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", size=TEXT, weight="bold", va="center",
                color=theme.foreground, annotation_clip=False,
            )  # fmt: skip


def _draw_window(ax: Axes, theme: Theme, window: Window, y: float, span: Span) -> None:
    ends = [window.start, window.end]
    ax.plot(ends, [y, y], color=theme.foreground, linewidth=1.1, clip_on=False)
    for t, marker in zip(ends, ("|", 5 if window.beyond else "|"), strict=True):  # 5: ▶
        ax.plot([t], [y], color=theme.foreground, marker=marker, markersize=7, clip_on=False)
    wide = inches(window.words, TEXT) + 0.15
    inch = (span[1] - span[0]) / _INCHES
    if window.end - window.start > (wide + 0.2) * inch:
        _write(ax, theme, (sum(ends) / 2, y), window.words, 0)
    elif window.end + wide * inch < span[1]:
        _write(ax, theme, (window.end, y), window.words, 5)
    else:
        _write(ax, theme, (window.start, y), window.words, -5)


def _write(ax: Axes, theme: Theme, at: Span, words: str, aside: float, **style: Any) -> None:
    """Write words in a row: centred, or ``aside`` (points) to the right or left."""
    ax.annotate(
        words, at, (aside, 0), textcoords="offset points", size=TEXT, color=theme.foreground,
        ha="center" if not aside else "left" if aside > 0 else "right", va="center_baseline",
        annotation_clip=False, zorder=5,
        bbox=_box(theme, 0.8), **style,
    )  # fmt: skip


def _box(theme: Theme, pad: float) -> dict[str, Any]:
    return {"facecolor": theme.background, "edgecolor": "none", "pad": pad, "alpha": 0.85}
