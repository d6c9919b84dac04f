"""Draws nodes by rules: which rule lets the controller run a Pod where, and which keeps it off.

What a rule says is a shape and a filling as well as a colour, so that the picture reads in
greyscale: a tick, a hollow square with a cross, a full square with a cross.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from daemonset_course.placement import Matrix, told
from daemonset_course.placement.columns import Column, Mark
from daemonset_course.placement.matrix import MOST_ROWS, Line, Row
from daemonset_course.plot.look import ALARM, DARK, LIGHT, SURGE, Look, course_style, text_on
from daemonset_course.plot.picture import Picture

# Inches.
_WIDTH, _EDGE, _ROW = 9.4, 0.15, 0.27
_RUN, _THERE = 0.66, 0.86
_WIDEST = 0.42  # of a column
_TITLE, _KEY, _TEXT, _NOTE = 0.21, 0.24, 0.175, 0.16
_LETTER = 0.066  # the width of a letter of 8 points
_TITLE_FITS, _TEXT_FITS, _NOTE_FITS = 92, 138, 150
_HEAD = 34  # characters of a column's head
_NAME = 28  # of a node's name
_SLOPE = 40.0  # degrees; sine and cosine below
_SIN, _COS = 0.643, 0.766
_SEEN = re.compile(r"\(the node (has [^)]*)\)")
_GLYPHS: dict[Mark, str] = {
    "ok": "✓", "keeps off": "✗", "removes": "✗", "for a time": "◔", "no match": "○",
    "not used": "·",
}  # fmt: skip


def plot_why(matrix: Matrix, *, title: str | None = None, dark: bool = False) -> Picture:
    """The picture of a matrix; its title states the finding unless one is given.

    Up to 40 nodes have a row each; more are grouped by equal answers, with their number.
    """
    title = told.headline(matrix) if title is None else title
    caption = told.summary(matrix)
    with course_style():
        figure = _Paper(matrix, DARK if dark else LIGHT).draw(title, caption)
    return Picture(figure, caption, title)


class _Paper:
    """One picture in the making, from the title down; ``y`` is what is left below."""

    def __init__(self, matrix: Matrix, look: Look) -> None:
        lines = matrix.lines()
        self._matrix, self._look = matrix, look
        self._lines, self._unseen = lines[:MOST_ROWS], told.unseen(lines)
        self._names = 0.25 + _LETTER * max([len(told.label(one, _NAME)) for one in lines] or [4])
        room = _WIDTH - 2 * _EDGE - self._names - _RUN - _THERE
        self._cell = min(_WIDEST, room / len(matrix.columns))
        self._figure = Figure(facecolor=look.ground)
        self._height = self._y = 0.0

    def draw(self, title: str, caption: str) -> Figure:
        titles = textwrap.wrap(title, _TITLE_FITS, break_on_hyphens=False)
        notes, words = _notes(self._matrix, self._lines), textwrap.wrap(caption, _TEXT_FITS)
        heads = [_head(column) for column in self._matrix.columns]
        above = max(len(head) for head in [*heads, "Pod there"]) * _LETTER * _SIN + 0.2
        rows = _ROW * max(1, len(self._lines))
        self._height = (
            0.24 + _TITLE * len(titles) + _KEY + above + rows + 0.24
            + _NOTE * (len(notes) + len(self._unseen)) + 0.06 + _TEXT * len(words) + 0.06
        )  # fmt: skip
        self._figure.set_size_inches(_WIDTH, self._height)
        self._y = self._height - 0.12
        for line in titles:
            self._write(line, _TITLE, size=11, weight="bold")
        self._key()
        self._y -= above
        self._grid(rows, heads)
        self._y -= 0.08
        for note in [*self._unseen, *notes]:
            self._write(note, _NOTE, size=7.5, color=self._look.muted)
        self._y -= 0.06
        for line in words:
            self._write(line, _TEXT, size=8.5)
        return self._figure

    def _write(self, text: str, step: float, **style: Any) -> None:
        style = {"color": self._look.ink} | style
        self._figure.text(_EDGE / _WIDTH, self._y / self._height, text, va="top", **style)
        self._y -= step

    def _axes(self, left: float, width: float, height: float) -> Axes:
        """Axes whose units are inches, y downwards from their top."""
        box = (left / _WIDTH, self._y / self._height, width / _WIDTH, height / self._height)
        ax = self._figure.add_axes(box, facecolor="none")
        ax.set_xlim(0, width)
        ax.set_ylim(height, 0)
        ax.set_axis_off()
        return ax

    def _key(self) -> None:
        """One entry for each mark that is used."""
        self._y -= _KEY
        ax = self._axes(_EDGE, _WIDTH - 2 * _EDGE, 0.2)
        used = {cell.mark for line in self._lines for cell in line.row.cells}
        x = 0.1
        for mark in (mark for mark in _GLYPHS if mark in used):
            words = _KEY_WORDS[mark]
            draw_mark(ax, x, 0.1, mark, self._look)
            ax.text(x + 0.16, 0.11, words, size=7.5, va="center", color=self._look.ink)
            x += 0.42 + len(words) * 0.058

    def _grid(self, height: float, heads: Sequence[str]) -> None:
        self._y -= height
        ax = self._axes(_EDGE, _WIDTH - 2 * _EDGE, height)
        wide = self._cell * len(heads)
        end = self._names + wide + _RUN + _THERE
        self._ground(ax, height, end)
        for i, head in enumerate([*heads, "new Pod", "Pod there"]):
            x = self._names + self._cell * (i + 0.5)
            if i >= len(heads):
                x = self._names + wide + (_RUN * 0.5 if i == len(heads) else _RUN + _THERE * 0.42)
            bold = "bold" if i >= len(heads) else "normal"
            ax.text(
                x - 0.03, -0.06, head, size=8, rotation=_SLOPE, rotation_mode="anchor", va="center",
                weight=bold, color=self._look.ink,
            )  # fmt: skip
        for i, line in enumerate(self._lines):
            self._row(ax, _ROW * (i + 0.5), line, end)

    def _ground(self, ax: Axes, height: float, end: float) -> None:
        """Stripes for the rows; a line where another field begins."""
        for i in range(0, len(self._lines), 2):
            ax.add_patch(
                Rectangle((0, i * _ROW), end, _ROW, facecolor=self._look.stripe, linewidth=0)
            )
        fields = [column.field for column in self._matrix.columns]
        for i in range(len(fields) + 1):
            if i in (0, len(fields)) or fields[i] != fields[i - 1]:
                x = self._names + i * self._cell
                ax.plot([x, x], [0, height], color=self._look.muted, lw=0.6)

    def _row(self, ax: Axes, y: float, line: Line, end: float) -> None:
        look, row = self._look, line.row
        name = told.label(line, _NAME)
        ax.text(
            self._names - 0.1, y, name, size=8, ha="right", va="center_baseline", color=look.ink
        )
        for i, cell in enumerate(row.cells):
            draw_mark(ax, self._names + self._cell * (i + 0.5), y, cell.mark, look)
        x = self._names + self._cell * len(row.cells)
        _draw_run(ax, x + _RUN * 0.5, y, row.decision.run, look)
        weak = look.muted if row.decision.keep else look.ink
        ax.text(x + _RUN + 0.04, y, row.there, size=8, va="center_baseline", color=weak)
        room = int((_WIDTH - 2 * _EDGE - end) / 0.056)
        if room >= 18 and line.count == 1:
            seen = told.shortened(_seen(row), room)
            ax.text(end + 0.05, y, seen, size=7.2, va="center_baseline", color=look.muted)


_KEY_WORDS: dict[Mark, str] = {
    "ok": "allows the Pod",
    "keeps off": "no new Pod",
    "removes": "no new Pod, one there goes",
    "for a time": "evicts after a time",
    "no match": "another term matches",
    "not used": "not set, not there",
}


def draw_mark(ax: Axes, x: float, y: float, mark: Mark, look: Look) -> None:
    """One cell: the glyph, in a square where the rule is against the Pod."""
    colour = {"ok": SURGE, "keeps off": look.ink, "removes": text_on(ALARM)}.get(mark, look.muted)
    if mark in ("keeps off", "removes", "for a time"):
        face: Any = {"removes": ALARM, "keeps off": look.fade(ALARM, 0.8)}.get(mark, "none")
        edge = ALARM if mark != "for a time" else look.muted
        ax.add_patch(
            Rectangle((x - 0.1, y - 0.1), 0.2, 0.2, facecolor=face, edgecolor=edge, linewidth=1.0)
        )
    size = {"ok": 9.5, "no match": 8.0}.get(mark, 9.0)
    ax.text(x, y + 0.005, _GLYPHS[mark], size=size, ha="center", va="center", color=colour)


def _draw_run(ax: Axes, x: float, y: float, run: bool, look: Look) -> None:
    """Yes in a full box, no in an empty one."""
    face = look.ink if run else "none"
    ax.add_patch(
        Rectangle((x - 0.17, y - 0.09), 0.34, 0.18, facecolor=face, edgecolor=look.muted, lw=0.8)
    )
    ax.text(
        x, y + 0.005, "yes" if run else "no", size=7.5, ha="center", va="center",
        color=look.ground if run else look.ink,
    )  # fmt: skip


def _seen(row: Row) -> str:
    """What the node has instead of what a label rule wants; taints stand in the columns."""
    return ", ".join(dict.fromkeys(_SEEN.findall(row.decision.detail)))


def _head(column: Column) -> str:
    """The head of a column: its field, unless the label says it."""
    if column.field == column.label:
        return f"{column.field}{'' if column.field == 'taint' else ': not set'}"
    short = {"nodeAffinity": "affinity", "nodeName": "nodeName"}.get(column.field, column.field)
    return told.shortened(f"{short} {column.label}", _HEAD)


def _notes(matrix: Matrix, lines: Sequence[Line]) -> list[str]:
    """The terms in full, and the rules whose head was too short for them."""
    notes = [
        column.rule if column.field == "nodeAffinity" else f"{column.field} {column.rule}"
        for column in matrix.columns
        if column.field != column.label
        and (column.field == "nodeAffinity" or "…" in _head(column) or " labels" in column.label)
    ]
    if any(line.count > 1 for line in lines):
        notes.append("'117 like n': 117 nodes with the same answers as node n")
    return [told.shortened(note, _NOTE_FITS) for note in notes]
