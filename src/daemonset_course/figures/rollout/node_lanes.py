"""The upper panel: a lane for each node, a bar for each Pod, letters for actions and events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.lanes import (
    draw_bar,
    draw_stripe,
    hatch_unknown,
    longest_first,
    write,
)
from daemonset_course.figures.page import TEXT, inches
from daemonset_course.figures.pods import pod_style
from daemonset_course.figures.rollout.chart import Chart, NodeLane, PodBar
from daemonset_course.figures.rollout.drawn_in_axes import draw_names, draw_outlines
from daemonset_course.figures.rollout.key import NODE_STATES, node_state
from daemonset_course.figures.rollout.letters import Letter
from daemonset_course.figures.shapes import series
from daemonset_course.figures.theme import Theme

_FITS = 15  # characters of a node's name beside its lane
_INCHES = 6.9  # width of the panel: what fits on a bar follows from it


def draw_lanes(ax: Axes, chart: Chart, theme: Theme, span: tuple[float, float]) -> None:
    """Draw every Pod of the chart; ``span`` is the time axis' (from, until) in seconds."""
    _prepare(ax, chart, theme)
    _draw_end(ax, chart, theme, span)
    for y, lane in enumerate(chart.lanes):
        for bar in sorted(lane.bars, key=longest_first):
            _draw_pod(ax, bar, y, theme, span)
            if lane.folded:
                _write_fold(ax, lane, bar, y, theme, span)
        if not lane.bars:
            x = max(span[0], chart.start) + (span[1] - span[0]) * 0.008
            ground = theme.background if y % 2 else theme.stripe  # over a mark's line
            ax.text(
                x, y, lane.words or "no Pod", color=theme.muted, style="italic", size=TEXT,
                va="center", bbox={"facecolor": ground, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
        for state in lane.states:
            style = theme.patch(NODE_STATES[node_state(state.words)])
            wide = state.end - state.start
            ax.add_patch(Rectangle((state.start, y - 0.5), wide, 1, zorder=0.6, **style))
    for start, end, words in chart.outages:
        face = theme.fade("alarm", 0.8)
        ax.axvspan(start, end, facecolor=face, linewidth=0, zorder=0.7, alpha=0.6)
        if (end - start) / (span[1] - span[0]) * _INCHES > inches(words, TEXT):
            write(ax, theme, (start, len(chart.lanes) - 0.75), words, size=TEXT, boxed=True)
    draw_waits(ax, chart, theme, span)
    hatch_unknown(ax, theme, chart.unseen)
    draw_outlines(ax, theme, chart, span)
    draw_names(ax, theme, chart)


def draw_waits(ax: Axes, chart: Chart, theme: Theme, span: tuple[float, float]) -> None:
    """Draw how long a controller that runs did not act, on the lane of its first Pod."""
    for start, end, words, y in chart.waits:
        ax.annotate(
            "", (start, y), (end, y), zorder=4,
            arrowprops={"arrowstyle": "|-|,widthA=0.3,widthB=0.3", "color": theme.foreground,
                        "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        if (end - start) / (span[1] - span[0]) * _INCHES > inches(words, TEXT) + 0.1:
            write(ax, theme, (start, y), words, size=TEXT, boxed=True)


def draw_letters(ax: Axes, letters: Sequence[Letter], theme: Theme) -> None:
    """Draw each letter on its node's lane, or above the lanes with a line through them."""
    for letter in letters:
        for row, t, shown in letter.places:
            if row < 0:
                ax.axvline(t, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
            _draw_letter(ax, shown, row, letter, theme)


def _draw_letter(ax: Axes, x: float, row: int, letter: Letter, theme: Theme) -> None:
    violation = letter.kind == "violation"
    box = {
        "boxstyle": "circle,pad=0.18",
        "facecolor": theme.background,
        "edgecolor": theme.colour("alarm") if violation else theme.foreground,
        "linewidth": 2.2 if violation else 0.8,
    }
    top = row < 0  # above the panel, whatever the panel's own scale
    ax.annotate(
        letter.letter, (x, 1.0 if top else row), (0, 9 if top else 0),
        xycoords=("data", "axes fraction" if top else "data"), textcoords="offset points",
        size=TEXT, weight="bold", ha="center", va="center", bbox=box, color=theme.foreground,
        zorder=6, annotation_clip=False,
    )  # fmt: skip


def _prepare(ax: Axes, chart: Chart, theme: Theme) -> None:
    lanes = len(chart.lanes)
    ax.set_ylim(lanes - 0.45, -0.55)
    ax.set_yticks(range(lanes), [_fitting(lane.name) for lane in chart.lanes])
    for label, lane in zip(ax.get_yticklabels(), chart.lanes, strict=True):
        label.set_color(theme.foreground if lane.bars else theme.muted)
    for y in range(0, lanes, 2):
        draw_stripe(ax, theme, (chart.start, chart.end), y)


def _fitting(name: str) -> str:
    """Return the name, or its beginning and end if it is longer than the margin is wide."""
    return name if len(name) <= _FITS else f"{name[:7]}…{name[8 - _FITS :]}"


def _draw_end(ax: Axes, chart: Chart, theme: Theme, span: tuple[float, float]) -> None:
    """Write where the recording ended, if the one that it is compared with is longer."""
    if chart.end > span[1] - 0.03 * (span[1] - span[0]):
        return
    ax.axvline(chart.end, color=theme.muted, linewidth=0.6, zorder=1)
    ax.annotate(
        "recording ended", (chart.end, len(chart.lanes) - 1), (4, 0), size=TEXT, va="center",
        textcoords="offset points", style="italic", color=theme.muted, annotation_clip=False,
    )  # fmt: skip


def _write_fold(
    ax: Axes, lane: NodeLane, bar: PodBar, y: int, theme: Theme, span: tuple[float, float]
) -> None:
    """Write what the row of several nodes says."""
    ink, boxed = theme.foreground, bar.phase != "ready"
    if not boxed:
        ink = theme.text_on(pod_style(bar.phase, series(bar.colour)))
    write(ax, theme, (max(bar.start, span[0]), y), lane.words, size=TEXT, color=ink, boxed=boxed)


def _draw_pod(ax: Axes, bar: PodBar, lane: int, theme: Theme, span: tuple[float, float]) -> None:
    style = pod_style(bar.phase, series(bar.colour))
    middle = lane + bar.offset
    high = style.height * bar.share
    draw_bar(ax, (bar.start, bar.end), middle, high, span, **theme.patch(style))
    if not bar.named or (bar.rows > 1 and bar.phase == "not yet available"):
        return
    x = max(bar.start, span[0])
    room = (bar.end - x) / (span[1] - span[0]) * _INCHES
    label = partial(write, ax, theme, size=TEXT, zorder=3)
    if bar.phase in ("ready", "not yet available"):
        plain = bar.phase == "ready"
        ink = theme.text_on(style) if plain else theme.foreground
        if room > 0.16:
            label((x, middle), bar.number, color=ink, boxed=not plain)
        for t, new in bar.later:
            if x < t and (bar.end - t) / (span[1] - span[0]) * _INCHES > 0.3:
                label((t, middle), f"→{new}", color=ink)
        return
    cross = f"{style.sign} " if style.sign else ""
    for words in bar.words:
        if room > 0.12 + inches(cross + words, TEXT):
            label((x, middle), cross + words, boxed=True)
            return
    if cross:
        label((x, middle), style.sign)
