"""Draw lanes: rows of bars over time, with the zones behind them and the points on them."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.page import (
    EDGE,
    LEFT,
    RIGHT,
    TEXT,
    TICKS,
    WIDTH,
    Panel,
    inches,
    widest,
)
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Point, Row, Stroke
from daemonset_course.figures.theme import Theme
from daemonset_course.history.spans import Span

_SPACE = 0.45  # rows between two lanes of several rows
_LEAST = 1 / 500  # of the time axis: 1 px where the picture is 700 px wide
_SIGN = 0.07  # inches from the middle of a sign to its edge
# Signs of points that are drawn as markers; any other is written in a box.
MARKERS = {
    sign: Stroke("foreground", dash="none", marker=marker, size=4.0)
    for sign, marker in (("◆", "D"), ("●", "o"))
}


def lanes_panel(lanes: Lanes) -> Panel:
    """Return the panel of all lanes: names of lanes at the left, names of rows at the right."""
    drawing = _Drawing(lanes)
    names = (line for lane in lanes.lanes for line in lane.label.split("\n"))
    labels = (row.label for lane in lanes.lanes for row in lane.rows)
    return Panel(
        height=lanes.row * drawing.rows,
        draw=drawing.draw,
        left=max(LEFT, EDGE + TICKS + widest(names, TEXT)),
        right=min(max(0.4, TICKS + widest(labels, TEXT) + EDGE), RIGHT + 0.4),
    )


class _Drawing:
    """The drawing of one panel; y counts rows from the top."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        several = any(len(lane.rows) > 1 for lane in lanes.lanes)
        space = _SPACE if several else 0.0
        self._tops: list[float] = []
        y = 0.0
        for lane in lanes.lanes:
            self._tops.append(y)
            y += len(lane.rows) + space
        self.rows = max(1.0, y - space)
        self._inch = 1.0  # of the time axis, set when drawn

    def draw(self, ax: Axes, theme: Theme) -> None:
        """Draw the lanes into the axes, and set their limits and labels."""
        lanes, (low, high) = self._lanes, self._lanes.span
        self._inch = ax.get_position().width * WIDTH / max(high - low, 1e-9)
        ax.set(xlim=(low, high), ylim=(self.rows - 0.5, -0.5), xlabel=lanes.axis)
        middles = [
            top + (len(lane.rows) - 1) / 2
            for top, lane in zip(self._tops, lanes.lanes, strict=True)
        ]
        ax.set_yticks(middles, [lane.label for lane in lanes.lanes])
        for number, (top, lane) in enumerate(zip(self._tops, lanes.lanes, strict=True)):
            self._draw_lane(ax, theme, number, top, lane)
        self._draw_zones(ax, theme)
        self._draw_links(ax, theme)
        for t in lanes.moments:
            ax.axvline(t, color=theme.foreground, linewidth=0.9, linestyle=(0, (3, 2)), zorder=3.5)
        hatch_unknown(ax, theme, lanes.unknown)

    def _draw_lane(self, ax: Axes, theme: Theme, number: int, top: float, lane: Lane) -> None:
        low, high = self._lanes.span
        end = high if lane.end is None else min(lane.end, high)
        if len(lane.rows) > 1 or number % 2 == 0:
            draw_stripe(ax, theme, (low, end), top, len(lane.rows))
        for y, row in enumerate(lane.rows):
            self._draw_row(ax, theme, top + y, row)
        if end < high - 0.03 * (high - low):
            middle = top + (len(lane.rows) - 1) / 2
            ends = [top - 0.5, top + len(lane.rows) - 0.5]
            ax.plot([end, end], ends, color=theme.muted, linewidth=0.6)
            if (high - end) * self._inch > 1.1:
                write(ax, theme, (end, middle), "recording ended", size=TEXT, style="italic",
                      color=theme.muted)  # fmt: skip

    def _draw_row(self, ax: Axes, theme: Theme, y: float, row: Row) -> None:
        for bar in sorted(row.bars, key=longest_first):
            self._draw_bar(ax, theme, y, bar, row.points)
        for point in row.points:
            _draw_point(ax, theme, y, point)
        if row.label:
            ax.annotate(
                row.label, (1, y), (5, 0), xycoords=("axes fraction", "data"), size=TEXT,
                textcoords="offset points", va="center", color=theme.foreground,
            )  # fmt: skip

    def _draw_bar(
        self, ax: Axes, theme: Theme, y: float, bar: Bar, points: tuple[Point, ...]
    ) -> None:
        low, high = self._lanes.span
        start, style = max(bar.start, low), self._lanes.styles[bar.style]
        if bar.end < low or bar.start > high:
            return
        draw_bar(ax, (start, bar.end), y, style.height, self._lanes.span, **theme.patch(style))
        # A text on a thin or hatched bar gets a background of its own.
        plain = not style.hatch and style.height > 0.5
        room = (0.12 + inches(bar.text, TEXT)) / self._inch
        at = start  # or right of the moments and signs that the text would be written over
        for t in sorted([*self._lanes.moments, *(p.t + _SIGN / self._inch for p in points)]):
            at = t if at < t < at + room else at
        if bar.text and bar.end - at > room:
            write(
                ax, theme, (at, y), bar.text, size=TEXT,
                color=theme.text_on(style) if plain else theme.foreground, boxed=not plain,
            )  # fmt: skip

    def _draw_zones(self, ax: Axes, theme: Theme) -> None:
        for zone in self._lanes.zones:
            corner = (zone.start, self._tops[zone.lane] - 0.5)
            wide, high = zone.end - zone.start, len(self._lanes.lanes[zone.lane].rows)
            face = theme.patch(self._lanes.styles[zone.style])
            ax.add_patch(Rectangle(corner, wide, high, zorder=0.5, **face))
            if zone.text:
                at = (zone.start, corner[1] + 0.35)
                write(ax, theme, at, zone.text, size=TEXT, boxed=True)

    def _draw_links(self, ax: Axes, theme: Theme) -> None:
        for link in self._lanes.links:
            ends = [self._tops[lane] + row for lane, row in (link.start, link.end)]
            ax.plot([link.t] * 2, ends, color=theme.muted, linewidth=0.7, zorder=1.5)


def draw_bar(ax: Axes, time: Span, y: float, high: float, span: Span, **style: Any) -> None:
    """Draw the bar of ``time`` (from, until) with its middle at ``y``, wide enough to be seen.

    ``span`` is the axis' (from, until).
    """
    least = (span[1] - span[0]) * _LEAST
    start = min(time[0], span[1] - least)
    wide = max(time[1] - start, least)
    ax.add_patch(Rectangle((start, y - high / 2), wide, high, **{"zorder": 2, **style}))


def draw_stripe(ax: Axes, theme: Theme, time: Span, top: float, rows: int = 1) -> None:
    """Shade the background of rows; ``top`` is the first row."""
    corner = (time[0], top - 0.5)
    wide = time[1] - time[0]
    ax.add_patch(Rectangle(corner, wide, rows, facecolor=theme.stripe, linewidth=0, zorder=0))


def longest_first(bar: Any) -> float:
    """Return a sort key, so that a long bar is drawn first and does not hide a short one."""
    return float(bar.start - bar.end)


def hatch_unknown(
    ax: Axes, theme: Theme, spans: tuple[Span, ...], *, over_raster: bool = False
) -> None:
    """Hatch the stretches in which a watch was interrupted; ``over_raster``: over filled cells."""
    edge = theme.background if over_raster else theme.muted
    for start, end in spans:
        ax.axvspan(
            start, end, facecolor="none", edgecolor=edge, hatch="...", linewidth=0, alpha=0.45,
            zorder=2.6,
        )  # fmt: skip


def write(
    ax: Axes,
    theme: Theme,
    at: tuple[float, float],
    text: str,
    *,
    boxed: bool = False,
    **style: Any,
) -> None:
    """Write a text to the right of a point; ``boxed``: on a box of the background's colour."""
    box: Any = {"facecolor": theme.background, "edgecolor": "none", "pad": 0.8} if boxed else None
    given: dict[str, Any] = {"color": theme.foreground, "va": "center", "zorder": 5} | style
    ax.annotate(text, at, (4, -0.3), textcoords="offset points", bbox=box, **given)


def _draw_point(ax: Axes, theme: Theme, y: float, point: Point) -> None:
    if point.sign in MARKERS:
        ax.plot(point.t, y, zorder=4, **theme.line(MARKERS[point.sign]))
        return
    box = {
        "facecolor": theme.background, "edgecolor": theme.foreground, "linewidth": 0.8, "pad": 1.5,
    }  # fmt: skip
    ax.text(
        point.t, y, point.sign, size=TEXT, ha="center", va="center_baseline", bbox=box, zorder=4,
        color=theme.foreground,
    )  # fmt: skip
