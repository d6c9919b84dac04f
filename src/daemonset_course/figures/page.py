"""Lay out the page of every figure, in inches: title, legend, panels, notes and caption.

A panel has the room that it needs and a function that draws it into the axes of the page; the page
does not depend on what a panel shows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from daemonset_course.figures.shapes import Legend, LegendMark, Stroke
from daemonset_course.figures.theme import Theme

# Inches: the page, as wide as a cell of JupyterLab in a window of 1280 px, and its margin.
WIDTH, EDGE = 8.5, 0.15
LEFT, RIGHT = 1.25, 1.25  # of a panel, for the names of lanes and lines
AXIS = 0.5  # under a panel, for ticks and the axis' name
TICKS = 0.12  # between a name and the axes
_TOP, _BOTTOM, _GAP = 0.12, 0.1, 0.12
_TITLE, _LEGEND, _HEADING, _NOTE, _TEXT = 0.21, 0.26, 0.22, 0.175, 0.185  # one line of each
_TITLE_FITS, _NOTE_FITS, _TEXT_FITS = 83, 113, 117  # characters of one line
_SWATCH, _BEFORE_WORD, _AFTER_WORD = 0.26, 0.06, 0.18

TITLE = {"size": 11.0, "weight": "bold"}
TEXT = 9.0  # points: the least that is read with ease at a notebook's width


def inches(text: str, size: float) -> float:
    """Return a text's width in inches, a little more than DejaVu Sans needs on average."""
    return len(text) * size * 0.0084


def draw_grid(ax: Axes, theme: Theme, axis: Literal["x", "y", "both"] = "y") -> None:
    """Draw faint lines at the ticks of an axis, behind everything else."""
    ax.grid(axis=axis, color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def widest(texts: Iterable[str], size: float) -> float:
    """Return the width of the longest text in inches; 0 without any."""
    return max((inches(text, size) for text in texts), default=0.0)


Draw = Callable[[Axes, Theme], None]


@dataclass(frozen=True)
class Panel:
    """Room for one drawing, in inches.

    Attributes:
        height: of the axes.
        draw: draws into them.
        left: from the page's edge to the axes.
        right: from the axes to the page's other edge.
        above: between the heading and the axes.
        below: under the axes.
        heading: bold words above; empty: none.
        timed: whether the panel shares its x axis with the other timed ones.
    """

    height: float
    draw: Draw
    left: float = LEFT
    right: float = RIGHT
    above: float = 0.0
    below: float = AXIS
    heading: str = ""
    timed: bool = False


@dataclass(frozen=True)
class Page:
    """The parts around the panels; ``notes`` stand between the panels and the caption."""

    title: str
    caption: str
    theme: Theme
    legend: Legend = ()
    notes: Sequence[str] = ()

    def draw(self, panels: Sequence[Panel], *, beside: bool = False) -> Figure:
        """Return the figure, with the panels below each other, or ``beside`` each other."""
        titles = [part for line in self.title.split("\n") for part in _wrap(line, _TITLE_FITS)]
        caption = _wrap(self.caption, _TEXT_FITS)
        rows = _legend_rows(self.legend)
        notes, deep, columns = _laid_out(self.notes)
        between = max if beside else sum
        height = (
            2 * _TOP + _TITLE * len(titles) + _LEGEND * len(rows) + _GAP
            + between(_room(panel) for panel in panels)
            + _NOTE * deep + (0.06 if notes else 0) + _TEXT * len(caption) + _BOTTOM
        )  # fmt: skip
        figure = Figure(figsize=(WIDTH, height), facecolor=self.theme.background)
        pen = _Pen(figure, self.theme, height - _TOP)
        pen.write(titles, _TITLE, **TITLE)
        pen.y -= 0.06
        for row in rows:
            pen.legend(row)
        pen.y -= _GAP
        if beside:
            pen.beside(panels)
        else:
            pen.stack(panels)
        pen.notes(notes, deep, columns)
        pen.write(caption, _TEXT, size=TEXT)
        return figure


def _room(panel: Panel) -> float:
    return panel.height + panel.above + panel.below + (_HEADING if panel.heading else 0.0)


@dataclass
class _Pen:
    """A pen that draws from the top down; ``y`` is the room left below, in inches."""

    figure: Figure
    theme: Theme
    y: float

    def write(self, lines: Sequence[str], step: float, **style: Any) -> None:
        for line in lines:
            self.text(EDGE, self.y, line, **style)
            self.y -= step

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        style = {"color": self.theme.foreground, "va": "top"} | style
        self.figure.text(x / WIDTH, y / self.figure.get_figheight(), text, **style)

    def legend(self, entries: Legend) -> None:
        ax = self.axes(EDGE, WIDTH - 2 * EDGE, self.y - 0.2, 0.2)
        ax.set_axis_off()
        ax.set_xlim(0, WIDTH - 2 * EDGE)
        ax.set_ylim(-0.5, 0.5)
        x = 0.0
        for word, mark in entries:
            self.swatch(ax, x, mark)
            at = x + _SWATCH + _BEFORE_WORD
            ax.text(at, -0.03, word, size=TEXT, va="center", color=self.theme.foreground)
            x += _step(word)
        self.y -= _LEGEND

    def swatch(self, ax: Axes, x: float, mark: LegendMark) -> None:
        middle = x + _SWATCH / 2
        if isinstance(mark, Stroke):
            xs = [middle] if mark.dash == "none" else [x, x + _SWATCH]
            ax.plot(xs, [0.0] * len(xs), clip_on=False, **self.theme.line(mark))
            return
        parts = mark if isinstance(mark, tuple) else (mark,)
        wide = _SWATCH / len(parts)
        for i, part in enumerate(parts):
            corner = (x + i * wide, -part.height / 2)
            ax.add_patch(Rectangle(corner, wide, part.height, **self.theme.patch(part)))
        if isinstance(mark, tuple):
            return
        colour = self.theme.text_on(mark) if not mark.hatch else self.theme.foreground
        ax.text(middle, -0.04, mark.sign, size=TEXT, ha="center", va="center", color=colour)

    def stack(self, panels: Sequence[Panel]) -> None:
        first: Axes | None = None
        for panel in panels:
            if panel.heading:
                self.text(EDGE, self.y - 0.02, panel.heading, size=TEXT, weight="bold")
                self.y -= _HEADING
            self.y -= panel.above + panel.height
            wide = WIDTH - panel.left - panel.right
            ax = self.axes(
                panel.left, wide, self.y, panel.height, share=first if panel.timed else None
            )
            first = first or (ax if panel.timed else None)
            panel.draw(ax, self.theme)
            self.y -= panel.below

    def beside(self, panels: Sequence[Panel]) -> None:
        deepest, wide = max(map(_room, panels)), WIDTH / len(panels)
        for i, panel in enumerate(panels):
            bottom = self.y - panel.above - panel.height
            room = wide - panel.left - panel.right
            panel.draw(self.axes(i * wide + panel.left, room, bottom, panel.height), self.theme)
        self.y -= deepest

    def axes(
        self, x: float, wide: float, y: float, high: float, *, share: Axes | None = None
    ) -> Axes:
        full = self.figure.get_figheight()
        box = (x / WIDTH, y / full, wide / WIDTH, high / full)
        ax = self.figure.add_axes(box, sharex=share, facecolor="none")
        ax.tick_params(color=self.theme.muted, labelcolor=self.theme.foreground)
        for spine in ax.spines.values():
            spine.set_color(self.theme.muted)
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_color(self.theme.foreground)
        return ax

    def notes(self, notes: Sequence[str], deep: int, columns: int) -> None:
        wide = (WIDTH - EDGE) / max(1, columns)
        for i, line in enumerate(notes):
            column, row = divmod(i, deep)
            self.text(
                EDGE + column * wide, self.y - _NOTE * row, line, size=TEXT, color=self.theme.muted
            )
        self.y -= _NOTE * deep + (0.06 if notes else 0)


def _wrap(text: str, fits: int) -> list[str]:
    return textwrap.wrap(text, fits, break_on_hyphens=False)


def _laid_out(notes: Sequence[str]) -> tuple[list[str], int, int]:
    """Return the lines of the notes, the number of rows, and the number of columns.

    Two columns when there are many notes and all fit; else a long note is wrapped.
    """
    if len(notes) > 4 and max(map(len, notes)) <= _NOTE_FITS / 2:
        return list(notes), -(-len(notes) // 2), 2
    lines = [
        line
        for note in notes
        for line in textwrap.wrap(note, _NOTE_FITS, subsequent_indent=" " * 11)
    ]
    return lines, len(lines), 1


def _legend_rows(entries: Legend) -> list[list[tuple[str, LegendMark]]]:
    """Return the entries in rows that fit on the page."""
    rows: list[list[tuple[str, LegendMark]]] = []
    x = WIDTH
    for entry in entries:
        if x + _step(entry[0]) > WIDTH - 2 * EDGE + _AFTER_WORD:
            rows.append([])
            x = 0.0
        rows[-1].append(entry)
        x += _step(entry[0])
    return rows


def _step(word: str) -> float:
    return _SWATCH + _BEFORE_WORD + _width(word) + _AFTER_WORD


@cache
def _width(word: str) -> float:
    """Return the width of a legend's word in inches, from the font's own metrics."""
    font = FontProperties(family="DejaVu Sans", size=TEXT)
    wide, _, _ = text_to_path.get_text_width_height_descent(word, font, ismath=False)
    return float(wide) / 72
