"""Five shapes of figures as plain data: Table, Lanes, Lines, Bars, Tiles. Pure.

A finding's ``figure()`` returns one shape, or a tuple of shapes of one kind, which stand side by
side. A shape names its colours (see ``Style``), so the same data is drawn in light and in dark,
and a test compares data and draws nothing.

``styles`` maps words to styles. A bar, a cell or a tile gives the word; the legend explains each
word that is used, in the order of ``styles``, unless the shape has a ``legend`` of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from daemonset_course.history.spans import Span, Steps

SINCE_START = "seconds since the recording began"

Dash = Literal["solid", "dashed", "dotted", "none"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a bar, a cell or a tile is filled.

    Attributes:
        colour: a name that the theme knows: ``accent``, ``alarm``, ``surge``, ``compared``,
            ``foreground``, ``muted``, ``faint``, ``stripe``, ``background``, ``series 0`` to
            ``series 6``.
        fade: how much of the background is mixed into the filling: 0 is full, 1 is hollow.
        hatch: matplotlib's pattern over the filling.
        height: the share of its row that a bar fills.
        sign: what the legend writes on the swatch.
        edge: the colour of the edge; empty: the colour.
        width: the width of the edge in points.
        shade: how much of the foreground is mixed into the filling, after the background.
    """

    colour: str
    fade: float = 0.0
    hatch: str = ""
    height: float = 0.74
    sign: str = ""
    edge: str = ""
    width: float = 0.8
    shade: float = 0.0


Styles = Mapping[str, Style]
_SERIES = 7  # colours for revisions or applications


def series(number: int) -> str:
    """Return the name of the colour of the ``number``-th revision or application, from 0."""
    return f"series {number % _SERIES}"


# Table


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the word of its style, and the text on it."""

    style: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row or column of a table: its name, a second name, the group it belongs to.

    ``text`` is written for the name: two rows may have the same text.
    """

    name: str
    detail: str = ""
    group: str = ""
    text: str = ""

    @property
    def written(self) -> str:
        """The text, or the name if there is none."""
        return self.text or self.name


@dataclass(frozen=True, slots=True)
class Side:
    """A column of bold text behind the cells: its head, and a text for each row."""

    head: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows by columns of styled cells.

    Attributes:
        rows: from the top; a row's ``detail`` stands beside its name, in HTML a ``group`` above.
        columns: from the left; neighbours of another ``group`` are set apart, with the group's name
            above them unless the columns' names are slanted.
        cells: (row's name, column's name) -> cell; a pair without a cell stays empty.
        styles: the words of the cells.
        totals: a line below the cells: its name, and a text for each column.
        sides: columns of text behind the cells.
        remarks: row's name -> words in regular weight behind cells and sides, wrapped. A row is as
            high as its remark, of which seven lines are written.
        links: ((row, column), (row, column), colour) of lines between cells.
        row_title: what the rows' names are values of.
        column_title: what the columns' names are values of.
        slanted: whether long column names are written at an angle.
        widest: how wide a column may be, in inches.
        notes: lines under the table.
        legend: words and styles to explain in place of ``styles``.
        remark_title: the head of the remarks, in HTML.
    """

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    cells: Mapping[tuple[str, str], Cell]
    styles: Styles
    totals: tuple[str, tuple[str, ...]] | None = None
    sides: tuple[Side, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[tuple[str, str], tuple[str, str], str], ...] = ()
    row_title: str = ""
    column_title: str = ""
    slanted: bool = False
    widest: float = 1.5
    notes: tuple[str, ...] = ()
    legend: Styles | None = None
    remark_title: str = ""

    @property
    def used(self) -> frozenset[str]:
        """The words that cells use."""
        return frozenset(cell.style for cell in self.cells.values())


def lines(names: Sequence[str]) -> tuple[Line, ...]:
    """Return rows or columns that have a name only."""
    return tuple(Line(name) for name in names)


# Lanes


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time; its text is written on it if it fits."""

    start: float
    end: float
    style: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A moment: a sign at a time; ``style`` is its word in the legend."""

    t: float
    sign: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Bars and points on one line; its label stands at the right."""

    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows that belong together; the label stands at the left.

    ``end`` is where the lane ends; if that is before the axis' end, "recording ended" is written.
    """

    label: str
    rows: tuple[Row, ...]
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of time shaded behind the lane with that number."""

    start: float
    end: float
    style: str
    lane: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A thin line at a time between two (lane, row) places."""

    t: float
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True)
class Lanes:
    """Rows of bars over time.

    Attributes:
        lanes: from the top.
        span: (from, until) of the time axis.
        styles: the words of bars, points and zones.
        axis: the name of the time axis.
        row: the height of a row in inches.
        zones: what is shaded behind the bars.
        moments: the times of dashed lines over all lanes.
        links: thin lines between rows.
        unknown: stretches in which a watch was interrupted, hatched over all lanes.
        legend: words and styles to explain in place of ``styles``.
    """

    lanes: tuple[Lane, ...]
    span: Span
    styles: Styles
    axis: str = SINCE_START
    row: float = 0.24
    zones: tuple[Zone, ...] = ()
    moments: tuple[float, ...] = ()
    links: tuple[Link, ...] = ()
    unknown: tuple[Span, ...] = ()
    legend: Styles | None = None

    @property
    def used(self) -> frozenset[str]:
        """The words that bars, points and zones use."""
        rows = [row for lane in self.lanes for row in lane.rows]
        bars = [bar.style for row in rows for bar in row.bars]
        points = [point.style for row in rows for point in row.points]
        return frozenset([*bars, *points, *(zone.style for zone in self.zones)])


def explained(shape: Table | Lanes) -> Styles:
    """Return the words and styles that a legend explains: its own, or those that are used."""
    used = {word: style for word, style in shape.styles.items() if word in shape.used}
    return used if shape.legend is None else shape.legend


# Lines


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn; with ``dash="none"`` its points alone.

    ``marker`` is matplotlib's; ``hollow`` markers are drawn without a filling.
    """

    colour: str
    width: float = 1.8
    dash: Dash = "solid"
    marker: str = ""
    size: float = 7.0
    hollow: bool = False
    fade: float = 0.0


# Of a legend's entry: a filled box, boxes that share one, or a line or marker as it is drawn.
LegendMark = Style | Stroke | tuple[Style, ...]
Legend = Sequence[tuple[str, LegendMark]]


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its label, its (x, y) points, its stroke. A ``None`` as y is unknown.

    ``steps``: a value holds until the next point. ``named``: whether the label stands at the
    line's right end; else it is explained in the legend.
    """

    label: str
    points: tuple[tuple[float, float | None], ...]
    stroke: Stroke
    steps: bool = True
    named: bool = True


def points_of(steps: Steps) -> tuple[tuple[float, float | None], ...]:
    """Return the points of a step line."""
    return tuple(zip(steps.times, steps.values, strict=True))


@dataclass(frozen=True, slots=True)
class Shade:
    """The area where one series is above another, named by their labels; its word and style."""

    upper: str
    lower: str
    word: str
    style: Style


@dataclass(frozen=True)
class Lines:
    """Lines against an axis.

    Attributes:
        series: in the order in which they are drawn.
        x: the name of the x axis.
        y: the name of the y axis.
        x_span: (from, until); None: that of the points.
        y_top: the upper end of the y axis; None: above the highest point.
        log: whether both axes are logarithmic.
        shades: areas between two series.
        unknown: stretches of x in which a watch was interrupted, hatched.
        heading: words within the panel, at the top left.
        height: of the panel, in inches.
    """

    series: tuple[Series, ...]
    x: str
    y: str
    x_span: Span | None = None
    y_top: float | None = None
    log: bool = False
    shades: tuple[Shade, ...] = ()
    unknown: tuple[Span, ...] = ()
    heading: str = ""
    height: float = 2.3


# Bars


@dataclass(frozen=True)
class Bars:
    """Values by group: bars beside each other, with the value written at each end.

    Attributes:
        groups: names along the axis.
        values: word of a style -> a value for each group.
        styles: the words, which are also the legend where there is more than one.
        group_axis: what the groups are.
        value_axis: what the values are.
        unit: what is written behind each value, such as ``s``.
        horizontal: whether the bars are horizontal.
        texts: (word, group) -> what is written in place of the value.
    """

    groups: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    styles: Styles
    group_axis: str = ""
    value_axis: str = ""
    unit: str = ""
    horizontal: bool = False
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)


# Tiles


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: a name and a text on it, the word of its style, a dot, a ring around it."""

    name: str
    text: str
    style: str
    dot: bool = False
    ring: bool = False


@dataclass(frozen=True)
class Tiles:
    """Tiles in a grid, row by row.

    Attributes:
        tiles: in reading order.
        columns: how many stand in one row.
        styles: the words of the tiles.
        heading: words under the grid.
        dot: what a dot means.
        ring: what a ring means.
    """

    tiles: tuple[Tile, ...]
    columns: int
    styles: Styles
    heading: str = ""
    dot: str = ""
    ring: str = ""


Shape = Table | Lanes | Lines | Bars | Tiles
