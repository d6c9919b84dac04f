"""The paper of a small picture: title, legend, one panel, caption, laid out in inches."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import Look

WIDTH, LEFT, RIGHT, EDGE = 9.4, 1.25, 1.25, 0.15
_TITLE, _LEGEND, _AXIS, _TEXT = 0.21, 0.3, 0.5, 0.175
_TITLE_FITS, _TEXT_FITS = 92, 138  # characters of a line
_SWATCH, _LETTER, _GAP = 0.26, 0.064, 0.2  # inches

# A word of the legend: its label, how high its swatch is (0 to 1), the swatch's style; the text
# under "mark" is written on the swatch.
Entry = tuple[str, float, dict[str, Any]]


def paper(
    look: Look,
    *,
    title: str,
    caption: str,
    height: float,
    legend: Sequence[Entry] = (),
    panels: int = 1,
    axis: float = _AXIS,
    left: float = LEFT,
) -> tuple[Figure, list[Axes]]:
    """A figure with ``panels`` empty panels of ``height`` inches side by side."""
    titles = textwrap.wrap(title, _TITLE_FITS)
    told = textwrap.wrap(caption, _TEXT_FITS)
    row = _LEGEND if legend else 0.0
    full = 0.24 + _TITLE * len(titles) + row + 0.12 + height + axis + _TEXT * len(told) + 0.1
    figure = Figure(figsize=(WIDTH, full), facecolor=look.ground)
    y = full - 0.12
    _write(figure, titles, y, size=11, weight="bold", color=look.ink)
    y -= _TITLE * len(titles) + 0.06
    if legend:
        box = (EDGE / WIDTH, (y - 0.2) / full, (WIDTH - 2 * EDGE) / WIDTH, 0.2 / full)
        _draw_legend(figure.add_axes(box), legend, look)
    y -= row + 0.12 + height
    wide = (WIDTH - left - (RIGHT if panels == 1 else EDGE + 0.1)) / panels
    axes = [
        _panel(figure, (left + i * wide, y, wide - (0.3 if panels > 1 else 0), height), full, look)
        for i in range(panels)
    ]
    _write(figure, told, y - axis, size=8.5, color=look.ink, linespacing=1.25)
    return figure, axes


def _panel(
    figure: Figure, inches: tuple[float, float, float, float], full: float, look: Look
) -> Axes:
    x, y, wide, high = inches
    ax = figure.add_axes((x / WIDTH, y / full, wide / WIDTH, high / full), facecolor="none")
    ax.tick_params(color=look.muted, labelcolor=look.ink)
    for spine in ax.spines.values():
        spine.set_color(look.muted)
    return ax


def _write(figure: Figure, lines: Sequence[str], y: float, **style: Any) -> None:
    full = figure.get_figheight()
    figure.text(EDGE / WIDTH, y / full, "\n".join(lines), va="top", **style)


def _draw_legend(ax: Axes, entries: Sequence[Entry], look: Look) -> None:
    ax.set_axis_off()
    ax.set_xlim(0, WIDTH - 2 * EDGE)
    ax.set_ylim(-0.5, 0.5)
    x = 0.0
    for label, height, style in entries:
        mark = style.get("mark", "")
        shown = {key: value for key, value in style.items() if key != "mark"}
        ax.add_patch(Rectangle((x, -height / 2), _SWATCH, height, **shown))
        if mark:
            ax.text(
                x + _SWATCH / 2, -0.04, mark, size=6.5, ha="center", va="center", color=look.ink
            )  # fmt: skip
        ax.text(x + _SWATCH + 0.06, -0.03, label, size=7.5, va="center", color=look.ink)
        x += _SWATCH + 0.06 + _LETTER * len(label) + _GAP
