"""Draw a finding: its figure on the one page, with its headline, caption and legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from matplotlib.figure import Figure

from daemonset_course.figures.bars import bars_panel
from daemonset_course.figures.lanes import MARKERS, lanes_panel
from daemonset_course.figures.lines import lines_panel, strokes
from daemonset_course.figures.page import Page, Panel
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.shapes import (
    Bars,
    Lanes,
    Legend,
    LegendMark,
    Lines,
    Shape,
    Style,
    Table,
    Tiles,
    explained,
)
from daemonset_course.figures.table import table_panel
from daemonset_course.figures.table_html import tables_html
from daemonset_course.figures.theme import DARK, LIGHT, Theme, course_style
from daemonset_course.figures.tiles import tiles_panel


class Finding(Protocol):
    """The result of an analysis: data, texts made from the data, and a figure of the data."""

    @property
    def headline(self) -> str:
        """The finding in a few words."""

    @property
    def caption(self) -> str:
        """The finding in full, and what is unknown."""

    def figure(self) -> Shape | tuple[Shape, ...]:
        """Return one shape, or several of one kind that stand side by side."""


_PANELS: dict[type, Callable[[Any], Panel]] = {
    Table: table_panel,
    Lanes: lanes_panel,
    Lines: lines_panel,
    Bars: bars_panel,
    Tiles: tiles_panel,
}


def show(finding: Finding, *, title: str | None = None, dark: bool = False) -> Picture:
    """Return the picture of a finding; its headline is the title unless one is given.

    A notebook shows tables as HTML, and what else there is as SVG, light or dark as its page is
    unless ``dark`` is asked for.
    """
    made = finding.figure()
    shapes = made if isinstance(made, tuple) else (made,)
    words = finding.headline if title is None else title
    tables = [one for one in shapes if isinstance(one, Table)]
    notes = [note for one in tables for note in one.notes]

    def figure(theme: Theme) -> Figure:
        page = Page(words, finding.caption, theme, legend(shapes), notes)
        with course_style():
            panels = [_PANELS[type(one)](one) for one in shapes]
            return page.draw(panels, beside=len(shapes) > 1)

    def html() -> str:
        return tables_html(tables, title=words, caption=finding.caption)

    # The lines between cells, and the dark theme that was asked for, are drawn.
    written = bool(tables) and not dark and not any(one.links for one in tables)
    return Picture(
        lambda: figure(DARK if dark else LIGHT),
        finding.caption,
        words,
        html=html if written else None,
        dark=None if dark else lambda: figure(DARK),
    )


def legend(shapes: tuple[Shape, ...]) -> Legend:
    """Return each word that the shapes use, once, with its style."""
    found: dict[str, LegendMark] = {}
    for shape in shapes:
        entries: Mapping[str, LegendMark]
        match shape:
            case Table() | Lanes():
                markers = MARKERS if isinstance(shape, Lanes) else {}
                entries = {word: markers.get(s.sign, s) for word, s in explained(shape).items()}
            case Lines():
                entries = strokes(shape)
            case Bars():
                entries = shape.styles if len(shape.values) > 1 else {}
            case Tiles():
                used = {tile.style for tile in shape.tiles}
                entries = {word: style for word, style in shape.styles.items() if word in used}
        found |= {word: style for word, style in entries.items() if word not in found}
    for tiles in (shape for shape in shapes if isinstance(shape, Tiles)):
        found |= _marks(tiles)
    return tuple(found.items())


def _marks(shape: Tiles) -> dict[str, Style]:
    words = {}
    if shape.dot:
        words[shape.dot] = Style("background", edge="muted", width=0.5, sign="●", height=0.8)
    if shape.ring:
        words[shape.ring] = Style("background", edge="alarm", width=2.0, height=0.8)
    return words
