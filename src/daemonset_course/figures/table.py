"""Draw a table: names at the left and on top, a box for each cell, texts behind the cells."""

from __future__ import annotations

import math
import textwrap
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.page import EDGE, TEXT, WIDTH, Panel, inches, widest
from daemonset_course.figures.shapes import Cell, Line, Table
from daemonset_course.figures.theme import Theme

_ROW, _HEAD = 0.32, 0.17  # inches: a row, a line of the columns' names
_GAP = 0.12  # between two groups of columns
_INSET, _LINKED = 0.06, 0.4  # between two cells of a row, without links and with them
_BETWEEN = 0.18  # between a row's two names, and beside the cells
_SLOPE = 35.0  # degrees of a slanted name
_REMARK = 3.4  # the most that is kept free for remarks
_REMARK_LINE, _REMARK_LINES = 0.14, 7  # the height of a line, and how many are written
_MARGIN = 0.2


def table_panel(table: Table) -> Panel:
    """Return the panel of a table; its columns are as wide as their texts need."""
    grid = _Grid(table)
    return Panel(
        height=grid.above + grid.below,
        draw=grid.draw,
        left=EDGE,
        right=EDGE,
        below=0.12,
    )


class _Grid:
    """The places of a table's parts, in inches from the panel's left edge and its first row."""

    def __init__(self, table: Table) -> None:
        self._table = table
        names = [table.row_title, table.totals[0] if table.totals else ""]
        self._first = widest([*names, *(row.written for row in table.rows)], TEXT)
        self._second = widest((row.detail for row in table.rows), TEXT)
        self._cells = self._first + _BETWEEN + (self._second + _BETWEEN if self._second else 0)
        self._groups = _groups(table.columns)
        sides = sum(0.15 + widest(side.texts, TEXT) for side in table.sides)
        # A remark takes two lines where one is too narrow.
        behind = sides + min(_REMARK, 0.6 * widest(table.remarks.values(), TEXT))
        slant = _slant(table) * math.cos(math.radians(_SLOPE)) if table.slanted else 0.0
        room = WIDTH - 2 * EDGE - _MARGIN - self._cells - max(behind + _BETWEEN, slant)
        room -= _GAP * (len(self._groups) - 1)
        self._wide = min(table.widest, room / max(1, len(table.columns)))
        fits = max(4, int((self._wide - _INSET) / inches("n", TEXT)))
        self._inset = _LINKED if table.links else _INSET
        self._heads = [textwrap.wrap(c.written, fits) or [""] for c in table.columns]
        self.above = self._above()
        self._beside = self._end + _BETWEEN + sides  # where remarks begin
        self._remarks = [self._wrapped(table.remarks.get(row.name, "")) for row in table.rows]
        heights = [max(_ROW, _REMARK_LINE * (len(some) + 1)) for some in self._remarks]
        self._tops = list(accumulate(heights, initial=0.0))
        self.below = self._tops[-1] + (_ROW if table.totals else 0.0)

    def _above(self) -> float:
        table = self._table
        if table.slanted:
            heads = _slant(table) * math.sin(math.radians(_SLOPE)) + 0.2
        else:
            heads = _HEAD * max(map(len, self._heads), default=0) + 0.1
        grouped = any(group for group, _ in self._groups) and not table.slanted
        return heads + (0.24 if grouped or table.column_title else 0.0)

    def draw(self, ax: Axes, theme: Theme) -> None:
        """Draw the table; the axes' units are inches, with y downwards from the first row."""
        table = self._table
        ax.set_xlim(0, ax.get_position().width * WIDTH)
        ax.set_ylim(self.below, -self.above)
        ax.set_axis_off()
        pen = _Words(ax, theme)
        self._draw_heads(pen)
        for y, row in enumerate(table.rows):
            pen.write(0, self._y(y), row.written)
            pen.write(self._first + _BETWEEN, self._y(y), row.detail)
            remark = "\n".join(self._remarks[y])
            pen.write(self._beside, self._y(y), remark, linespacing=1.05)
        for start, end, colour in table.links:
            self._draw_link(pen, start, end, colour)
        for place, cell in table.cells.items():
            self._draw_cell(pen, self._at(place), cell)
        self._draw_totals(pen)
        self._draw_sides(pen)

    def _wrapped(self, remark: str) -> list[str]:
        fits = max(12, int((WIDTH - 2 * EDGE - self._beside) / inches("n", TEXT)))
        return textwrap.wrap(remark, fits, max_lines=_REMARK_LINES, placeholder=" …")

    def _x(self, column: int) -> float:
        """Return the middle of a column."""
        gaps = sum(start <= column for _, start in self._groups[1:])
        return self._cells + self._wide * (column + 0.5) + _GAP * gaps

    def _y(self, row: int) -> float:
        return (self._tops[row] + self._tops[row + 1]) / 2

    def _at(self, place: tuple[str, str]) -> tuple[float, float]:
        """Return the middle of a cell, by the names of its row and its column."""
        row, column = place
        y = next(i for i, one in enumerate(self._table.rows) if one.name == row)
        x = next(i for i, one in enumerate(self._table.columns) if one.name == column)
        return self._x(x), self._y(y)

    @property
    def _end(self) -> float:
        return self._x(len(self._table.columns) - 1) + self._wide / 2

    def _draw_heads(self, pen: _Words) -> None:
        table = self._table
        for x, lines in enumerate(self._heads):
            if table.slanted:
                pen.slanted(self._x(x) - 0.04, table.columns[x].written)
            else:
                pen.write(self._x(x), -0.06, "\n".join(lines), ha="center", va="bottom")
        top = 0.1 - self.above
        pen.write(self._cells, top, table.column_title, weight="bold")
        pen.write(0, -0.14, table.row_title, weight="bold")
        for i, (group, start) in enumerate(self._groups):
            last = self._groups[i + 1][1] if i + 1 < len(self._groups) else len(table.columns)
            middle = (self._x(start) + self._x(last - 1)) / 2
            if not table.column_title and not table.slanted:
                pen.write(middle, top, group, weight="bold", ha="center")

    def _draw_cell(self, pen: _Words, at: tuple[float, float], cell: Cell) -> None:
        style = self._table.styles[cell.style]
        wide, high = self._wide - self._inset, _ROW * 0.82
        corner = (at[0] - wide / 2, at[1] - high / 2)
        pen.ax.add_patch(Rectangle(corner, wide, high, zorder=3, **pen.theme.patch(style)))
        plain = not style.hatch
        pen.write(
            *at, cell.text, ha="center", va="center_baseline", zorder=4,
            color=pen.theme.text_on(style) if plain else pen.theme.foreground,
            bbox=None if plain else {
                "facecolor": pen.theme.background, "edgecolor": "none", "pad": 1.2,
            },
        )  # fmt: skip

    def _draw_link(
        self, pen: _Words, start: tuple[str, str], end: tuple[str, str], colour: str
    ) -> None:
        half = (self._wide - self._inset) / 2
        (x, y), (to_x, to_y) = self._at(start), self._at(end)
        xs, paint = [x + half, to_x - half], pen.theme.colour(colour)
        pen.ax.plot(xs, [y, to_y], color=paint, linewidth=1.5, zorder=2)

    def _draw_totals(self, pen: _Words) -> None:
        if self._table.totals is None:
            return
        name, texts = self._table.totals
        y = self._tops[-1] + _ROW / 2
        edge = [self._tops[-1]] * 2
        pen.ax.plot([0, self._end], edge, color=pen.theme.muted, linewidth=0.8)
        pen.write(0, y, name, weight="bold")
        for x, text in enumerate(texts):
            pen.write(self._x(x), y, text, weight="bold", ha="center")

    def _draw_sides(self, pen: _Words) -> None:
        x = self._end + _BETWEEN
        for side in self._table.sides:
            if self._table.slanted:
                pen.slanted(x, side.head, weight="bold")
            else:
                pen.write(x, -0.06, side.head, weight="bold", va="bottom")
            for y, text in enumerate(side.texts):
                pen.write(x, self._y(y), text, weight="bold")
            x += widest(side.texts, TEXT) + 0.15


class _Words:
    """A writer of texts into the axes, in the page's size and colour."""

    def __init__(self, ax: Axes, theme: Theme) -> None:
        self.ax, self.theme = ax, theme

    def write(self, x: float, y: float, text: str, **style: Any) -> None:
        given: dict[str, Any] = {"size": TEXT, "va": "center"}
        given |= {"color": self.theme.foreground} | style
        if text:
            self.ax.text(x, y, text, **given)

    def slanted(self, x: float, text: str, **style: Any) -> None:
        """Write the head of a column at an angle, upwards from its lower end."""
        turned = {"rotation": _SLOPE, "rotation_mode": "anchor", "va": "bottom"}
        self.write(x, -0.08, text, **turned, **style)


def _groups(columns: tuple[Line, ...]) -> list[tuple[str, int]]:
    """Return (name, first column) of each group of neighbours."""
    found: list[tuple[str, int]] = []
    for x, column in enumerate(columns):
        if not found or found[-1][0] != column.group:
            found.append((column.group, x))
    return found


def _slant(table: Table) -> float:
    """Return the length of the longest slanted name in inches."""
    names = [*(c.written for c in table.columns), *(side.head for side in table.sides)]
    return widest(names, TEXT)
