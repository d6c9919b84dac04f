"""Draws a table: names at the left and on top, and a filled, hatched or empty box for each cell."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import Look, course_style, text_on
from daemonset_course.plot.paper import RIGHT, Entry, paper

_ROW, _HEAD = 0.34, 0.17  # inches: a row, a line of the columns' names
_LETTER = 0.072
_COLUMN_FITS = 15  # characters of a column's name on one line

# A cell: the name of its style, and the text on it.
Cell = tuple[str, str]


def draw_table(
    look: Look,
    *,
    title: str,
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    styles: Mapping[str, dict[str, Any]],
) -> Figure:
    """A figure with a box for each (row, column); ``styles`` are also the legend, in this order."""
    heads = {name: textwrap.wrap(name, _COLUMN_FITS) for name in columns}
    above = _HEAD * max(map(len, heads.values())) + 0.1
    legend: list[Entry] = [(name, 0.8, style) for name, style in styles.items()]
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=caption, height=above + _ROW * len(rows), legend=legend,
            axis=0.12, left=0.3 + _LETTER * max(map(len, rows)),
        )  # fmt: skip
        ax.set_position(_wider(ax))
        prepare_rows(ax, rows, len(columns) - 0.5, above / _ROW, look)
        for x, name in enumerate(columns):
            ax.text(
                x, -0.55 - above / _ROW / 2, "\n".join(heads[name]), size=8.5, ha="center",
                va="center", color=look.ink,
            )  # fmt: skip
        for (row, column), cell in cells.items():
            _draw(ax, columns.index(column), rows.index(row), cell, styles[cell[0]], look)
    return figure


def prepare_rows(ax: Axes, rows: Sequence[str], end: float, above: float, look: Look) -> None:
    """Name the rows; columns reach to ``end``, their names take ``above`` rows of height."""
    ax.set_xlim(-0.5, end)
    ax.set_ylim(len(rows) - 0.5, -0.5 - above)
    ax.set_xticks([])
    ax.set_yticks(range(len(rows)), rows, size=8.5)
    ax.tick_params(length=0, labelcolor=look.ink)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _wider(ax: Axes) -> tuple[float, float, float, float]:
    """The axes' place with the margin at the right, which a table does not need."""
    box, figure = ax.get_position(), ax.get_figure()
    assert figure is not None
    margin = (RIGHT - 0.2) / figure.get_figwidth()  # type: ignore[union-attr]
    return box.x0, box.y0, box.width + margin, box.height


def _draw(ax: Axes, x: int, y: int, cell: Cell, style: dict[str, Any], look: Look) -> None:
    ax.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, **style))
    face, solid = style["facecolor"], "hatch" not in style
    ax.text(
        x, y, cell[1], size=8, ha="center", va="center_baseline",
        color=text_on(face) if solid and face != look.ground else look.ink,
        bbox=None if solid else {"facecolor": look.ground, "edgecolor": "none", "pad": 1.2},
    )  # fmt: skip
