"""The renderers: each shape is drawn as its data says, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from xml.etree import ElementTree

import pytest
from fleet import change, daemonset, history, listed, node, pod
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from daemonset_course.figures.page import EDGE, WIDTH
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.chart import one_chart
from daemonset_course.figures.shapes import (
    Bar,
    Bars,
    Cell,
    Lane,
    Lanes,
    Line,
    Lines,
    Point,
    Row,
    Series,
    Shade,
    Shape,
    Side,
    Stroke,
    Style,
    Table,
    Tile,
    Tiles,
    Zone,
)
from daemonset_course.figures.show import show
from daemonset_course.figures.theme import DARK, LIGHT, READABLE, Theme, contrast, course_style

STYLES = {"full": Style("accent"), "hollow": Style("alarm", 1.0), "unused": Style("surge")}
TABLE = Table(
    (Line("worker", "zone a"), Line("worker2", text="2 like worker2")),
    (Line("gpu", group="taints"), Line("disk", group="labels")),
    {("worker", "gpu"): Cell("full", "✓"), ("worker2", "disk"): Cell("hollow", "✗")},
    STYLES,
    totals=("all", ("1", "1")),
    sides=(Side("Pod there", ("stays", "goes")),),
    remarks={"worker": "a remark"},
    links=((("worker", "gpu"), ("worker2", "disk"), "accent"),),
    notes=("a note",),
)
LANES = Lanes(
    (
        Lane("worker", (Row((Bar(0, 4, "full", "1"), Bar(6, 6, "hollow")), (Point(5, "✗"),)),)),
        Lane("worker2", (Row(label="agent"), Row((Bar(1, 2, "full"),))), end=5),
    ),
    (0, 10),
    STYLES,
    zones=(Zone(2, 3, "hollow", lane=0),),
    moments=(3,),
    unknown=((7, 8),),
)
STEPS = ((0.0, 3.0), (1.0, 2.0), (2.0, 1.0), (3.0, 0.0))
LINES = Lines(
    (
        Series("counts", STEPS, Stroke("foreground")),
        Series("budget", ((0.0, 1.0), (3.0, 1.0)), Stroke("alarm", dash="dashed")),
        Series("measured", ((1.0, 2.0),), Stroke("accent", dash="none", marker="o"), named=False),
    ),
    "seconds",
    "nodes",
    shades=(Shade("counts", "budget", "above the budget", Style("alarm", 0.5)),),
)
CURVE = Series("model", ((1.0, 20.0), (10.0, 2.0)), Stroke("muted", dash="dotted"), steps=False)
BARS = Bars(
    ("label", "taint"),
    {"before": (1, 0), "after": (2, 3)},
    {"before": Style("muted"), "after": Style("accent")},
    texts={("before", "taint"): "0: none"},
)
TILES = Tiles(
    tuple(Tile(f"n{i}", "ssd", "full", dot=i == 0, ring=i == 1) for i in range(5)),
    3,
    STYLES,
    dot="tainted",
    ring="not ready",
)
SHAPES = {
    "table": TABLE,
    "slanted table": replace(TABLE, slanted=True),
    "lanes": LANES,
    "lines": LINES,
    "curves": replace(LINES, log=True, shades=(), series=(CURVE, *LINES.series[2:])),
    "bars": BARS,
    "lying bars": replace(BARS, horizontal=True),
    "tiles": TILES,
    "side by side": (LINES, LINES),
}


@dataclass(frozen=True)
class Found:
    """A finding with that figure."""

    shape: Shape | tuple[Shape, ...]
    headline: str = "The finding"
    caption: str = "The finding in full."

    def figure(self) -> Shape | tuple[Shape, ...]:
        return self.shape


def drawn(shape: Shape | tuple[Shape, ...], *, dark: bool = False) -> Picture:
    return show(Found(shape), dark=dark)


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.figure.findobj(Text) if text.get_text()]


def rendered(figure: Figure) -> RendererAgg:
    """What knows the places of the figure's texts."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    return renderer


def panel(picture: Picture) -> Axes:
    return picture.figure.axes[-1]


def boxes(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_drawn_with_its_title_and_caption(name: str, dark: bool) -> None:
    picture = drawn(SHAPES[name], dark=dark)
    theme = DARK if dark else LIGHT
    svg = ElementTree.fromstring(picture.svg())

    assert {"The finding", "The finding in full."} <= {part.text for part in svg.iter()}
    assert to_rgb(picture.figure.get_facecolor()) == to_rgb(theme.background)


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_is_drawn_over_the_edge(name: str) -> None:
    image = Image.open(BytesIO(drawn(SHAPES[name]).png())).convert("RGB")
    wide, high = image.size
    border = [(x, y) for x in range(wide) for y in (0, high - 1)]
    border += [(x, y) for y in range(high) for x in (0, wide - 1)]

    assert {image.getpixel(at) for at in border} == {(255, 255, 255)}


@pytest.mark.parametrize("name", SHAPES)
def test_words_are_large_enough_to_be_read(name: str) -> None:
    with course_style():
        sizes = {t.get_text(): t.get_fontsize() for t in drawn(SHAPES[name]).figure.findobj(Text)}

    assert {words: size for words, size in sizes.items() if words and size < 9} == {}


def test_a_tile_holds_as_much_of_a_long_text_as_it_is_wide() -> None:
    many = tuple(Tile(f"{i}", "a-long-value", "full") for i in range(10))
    (short,), (whole,) = (
        {t.get_text() for t in panel(drawn(Tiles(many, columns, STYLES))).texts} - set("0123456789")
        for columns in (10, 4)
    )

    assert short.endswith("…")
    assert "a-long-value".startswith(short[:-1])
    assert whole == "a-long-value"


def test_a_given_title_takes_the_place_of_the_headline() -> None:
    picture = show(Found(TABLE), title="Another\nin two lines")

    assert picture.title == "Another\nin two lines"
    assert {"Another", "in two lines"} <= set(written(picture))
    assert "The finding" not in written(picture)


@pytest.mark.parametrize("name", ["table", "lanes", "tiles"])
def test_the_legend_explains_words_that_are_used_and_no_others(name: str) -> None:
    shape = SHAPES[name]
    words = set(written(drawn(shape)))

    assert "full" in words
    assert "unused" not in words
    assert not isinstance(shape, Tiles) or {"tainted", "not ready"} <= words


def test_the_legend_draws_a_line_and_a_point_as_they_are_drawn() -> None:
    band = replace(LINES.series[1], named=False)
    at = Lanes(
        (Lane("worker", (Row(points=(Point(1, "◆", "made"), Point(2, "✗", "gone"))),)),),
        (0, 3),
        {"made": Style("background", sign="◆"), "gone": Style("background", sign="✗")},
    )
    for shape, expected in (
        (replace(LINES, series=(LINES.series[0], band, LINES.series[2])),
         [("None", "o"), ("--", "None")]),
        (at, [("None", "D")]),
    ):  # fmt: skip
        figure = drawn(shape).figure
        key, axes = figure.axes
        looks = {(one.get_linestyle(), one.get_marker()) for one in key.lines}

        assert looks == set(expected)
        assert looks <= {(one.get_linestyle(), one.get_marker()) for one in axes.lines}
        assert len(boxes(key)) == 1, "the shade of the lines, the boxed sign of the lanes"


def test_a_legend_of_its_own_takes_the_place_of_the_styles() -> None:
    words = written(drawn(replace(TABLE, legend={"explained": Style("muted")})))

    assert "explained" in words
    assert not {"full", "hollow"} & set(words)


def test_a_long_legend_wraps_on_the_page() -> None:
    many = {f"a rather long word number {i}": Style("accent") for i in range(20)}
    few = dict(list(many.items())[:2])
    long, short = (drawn(replace(TABLE, legend=legend)).figure for legend in (many, few))
    words = [text for text in long.findobj(Text) if text.get_text() in many]
    places = [word.get_window_extent(rendered(long)) for word in words]

    assert len(places) == 20
    assert max(place.x1 for place in places) <= (WIDTH - EDGE) * long.dpi + 1
    assert long.get_figheight() > short.get_figheight()


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (TABLE, replace(TABLE, notes=("a note", "another"))),
        (TABLE, replace(TABLE, rows=(*TABLE.rows, Line("worker3")), sides=())),
        (LANES, replace(LANES, lanes=(*LANES.lanes, Lane("worker3", (Row(),))))),
        (LINES, replace(LINES, height=3.0)),
        (
            replace(BARS, horizontal=True),
            replace(BARS, horizontal=True, groups=("a", "b", "c"),
                    values={"before": (1, 0, 2), "after": (2, 3, 1)}),
        ),
        (TILES, replace(TILES, columns=2)),
    ],
    ids=["notes", "rows", "lanes", "height", "bars", "tiles"],
)  # fmt: skip
def test_a_page_is_as_high_as_its_content(small: Shape, large: Shape) -> None:
    low, high = (show(Found(shape)).figure.get_figheight() for shape in (small, large))
    longer = show(Found(small, caption="One more sentence. " * 20))

    assert low < high
    assert low < longer.figure.get_figheight()


# Words on fillings


def test_the_contrast_is_that_of_the_web_guidelines() -> None:
    white = to_rgb("#FFFFFF")

    assert contrast(to_rgb("#000000"), white) == pytest.approx(21)
    assert contrast(to_rgb("#767676"), white) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read_on_every_filling_and_on_the_page(theme: Theme) -> None:
    names = ["accent", "alarm", "surge", "compared", "foreground", "muted", "faint", "stripe"]
    for name in [*names, *(f"series {i}" for i in range(7))]:
        assert contrast(theme.text(name), to_rgb(theme.background)) >= READABLE, name
        for fade in (0.0, 0.3, 0.5, 0.72, 0.8, 1.0):
            face = theme.fade(name, fade)
            ratio = contrast(to_rgb(theme.text_on(Style(name, fade))), face)
            best = max(contrast(face, to_rgb(word)) for word in ("#000000", "#FFFFFF"))
            assert ratio >= READABLE or ratio == best, (name, fade)


# Table


def test_a_cell_stands_in_its_row_and_column_in_its_style() -> None:
    picture = drawn(TABLE)
    first, second = boxes(panel(picture))

    assert first.get_x() < second.get_x()
    assert first.get_y() < second.get_y(), "y grows downwards"
    assert to_rgb(first.get_facecolor()) == to_rgb(LIGHT.colour("accent"))
    assert to_rgb(second.get_facecolor()) == to_rgb(LIGHT.background)
    assert {
        "✓", "✗", "zone a", "2 like worker2", "taints", "Pod there", "a remark", "all", "a note",
    } <= set(written(picture))  # fmt: skip


def test_slanted_names_leave_no_room_for_the_groups_above_them() -> None:
    assert "taints" not in written(drawn(replace(TABLE, slanted=True)))


def test_a_column_is_no_wider_than_allowed() -> None:
    wide, narrow = (boxes(panel(drawn(replace(TABLE, widest=w))))[0] for w in (1.5, 0.5))

    assert narrow.get_width() < 0.5 < wide.get_width()


def test_a_long_remark_is_written_whole_in_a_row_as_high_as_it_needs() -> None:
    long = "host namespaces and hostPath volumes are forbidden, " * 5 + "hostPort 9100"
    pictures = [drawn(replace(TABLE, remarks={"worker": text})) for text in ("short", long)]
    short, wrapped = (picture.figure.get_figheight() for picture in pictures)
    endless = drawn(replace(TABLE, remarks={"worker": long * 20}))
    whole = [" ".join(words.split()) for words in written(pictures[1])]
    (cut,) = [words for words in written(endless) if words.startswith("host namespaces")]

    assert long in whole
    assert short + 0.2 < wrapped
    assert cut.endswith(" …")
    assert endless.figure.get_figheight() < wrapped + 0.5


# Lanes


def test_a_bar_without_length_has_at_least_a_pixel() -> None:
    ax = panel(drawn(LANES))
    pixel = (10 - 0) / 500  # where the picture is 700 px wide
    widths = [box.get_width() for box in boxes(ax) if box.get_x() == 6]

    assert widths == [pytest.approx(pixel)]


def test_a_bar_outside_the_time_axis_is_not_drawn() -> None:
    bars = (Bar(-3, -1, "full"), Bar(-1, 1, "full"), Bar(11, 12, "full"))
    lanes = replace(LANES, lanes=(Lane("worker", (Row(bars),)),), zones=(), unknown=())
    accent = to_rgb(LIGHT.colour("accent"))
    ax = panel(drawn(lanes))

    assert [box.get_x() for box in boxes(ax) if to_rgb(box.get_facecolor()) == accent] == [0]


def test_the_text_of_a_bar_begins_right_of_a_sign_or_a_moment_that_it_would_cover() -> None:
    bars = (Bar(0, 4, "full", "first"), Bar(5, 9, "full", "second"))
    lanes = replace(LANES, lanes=(Lane("", (Row(bars, (Point(5, "✗"),)),)),), moments=(0.1,))
    places = {text.get_text(): text.xy[0] for text in panel(drawn(lanes)).texts  # type: ignore
              if hasattr(text, "xy")}  # fmt: skip

    assert places["first"] == 0.1
    assert 5 < places["second"] < 5.5


def test_a_lane_that_ends_early_says_so() -> None:
    ended = replace(LANES, lanes=(Lane("worker", (Row(),), end=3),))

    assert "recording ended" in written(drawn(ended))
    assert "recording ended" not in written(drawn(replace(LANES, lanes=LANES.lanes[:1])))


def test_what_nobody_watched_is_hatched() -> None:
    for unknown in (), ((7, 8),):
        patches = panel(drawn(replace(LANES, unknown=unknown))).patches
        hatched = [patch for patch in patches if patch.get_hatch() == "..."]

        assert len(hatched) == len(unknown)
        assert all(patch.get_extents().width > 0 for patch in hatched)


# Lines


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_shade_is_explained_only_where_there_is_one(dark: bool) -> None:
    low = replace(LINES.series[0], points=((0.0, 1.0), (3.0, 1.0)))
    never = replace(LINES, series=(low, *LINES.series[1:]))

    assert "above the budget" in written(drawn(LINES, dark=dark))
    assert "above the budget" not in written(drawn(never, dark=dark))


def test_an_unknown_value_is_a_hole() -> None:
    points = ((0.0, 3.0), (1.0, None), (2.0, 3.0), (3.0, 0.0))
    holed = replace(LINES, series=(replace(LINES.series[0], points=points), *LINES.series[1:]))
    line, *_ = panel(drawn(holed)).lines
    heights = [float(y) for y in line.get_ydata()]  # type: ignore[union-attr]

    assert [y != y for y in heights] == [False, True, False, False], "not a number: a hole"


def test_named_lines_are_named_at_their_end_and_the_others_in_the_legend() -> None:
    picture = drawn(LINES)
    at_the_end = {text.get_text() for text in panel(picture).texts}

    assert {"counts", "budget"} <= at_the_end
    assert "measured" not in at_the_end
    assert "measured" in written(picture)


def test_names_at_the_end_do_not_cover_each_other() -> None:
    same = [replace(LINES.series[0], label=f"line {i}", points=((0, 1), (3, 1))) for i in range(4)]
    figure = drawn(Lines(tuple(same), "x", "y")).figure
    ends = [t.get_window_extent(rendered(figure)) for t in figure.axes[-1].texts]

    assert len(ends) == 4
    assert not [(a, b) for i, a in enumerate(ends) for b in ends[:i] if a.overlaps(b)]


def test_panels_beside_each_other_do_not_touch() -> None:
    figure = drawn((LINES, LINES)).figure
    left, right = (ax.get_tightbbox(rendered(figure)) for ax in figure.axes[-2:])

    assert left is not None
    assert right is not None
    assert not left.overlaps(right)


# Bars and tiles


def test_a_bar_has_its_value_or_the_words_in_its_place() -> None:
    texts = [text.get_text() for text in panel(drawn(BARS)).texts]

    assert texts == ["1", "0: none", "2", "3"]
    assert [bar.get_height() for bar in boxes(panel(drawn(BARS)))] == [1, 0, 2, 3]
    lying = boxes(panel(drawn(replace(BARS, horizontal=True))))
    assert [bar.get_width() for bar in lying] == [1, 0, 2, 3]


@pytest.mark.parametrize(
    ("value", "label"),
    [(1.2224, "1.22 s"), (2.5, "2.5 s"), (3, "3 s"), (0.01273, "0.013 s"), (0, "0 s"),
     (1234567.0, "1234567 s")],
)  # fmt: skip
def test_a_bar_says_its_value_in_few_digits_and_with_its_unit(value: float, label: str) -> None:
    bars = replace(BARS, groups=("a",), values={"before": (value,)}, unit="s")

    assert [text.get_text() for text in panel(drawn(bars)).texts] == [label]


def test_the_axis_of_bars_has_fractions_only_where_a_value_has() -> None:
    small = replace(BARS, values={"before": (0.013, 0.028)})
    fractions, whole = (panel(drawn(bars)).get_yticks() for bars in (small, BARS))

    assert 0 < fractions[1] < fractions[-1] < 0.05, "the axis ends above the highest value"
    assert all(float(tick).is_integer() for tick in whole)


def test_bars_of_one_kind_need_no_legend() -> None:
    one = replace(BARS, values={"before": (1, 2)})

    assert "before" not in written(drawn(one))
    assert "before" in written(drawn(BARS))


def test_tiles_stand_in_rows_with_their_dot_and_ring() -> None:
    ax = panel(drawn(TILES))
    tiles = boxes(ax)

    assert [(int(t.get_x()), int(t.get_y())) for t in tiles] == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1),
    ]  # fmt: skip
    assert [text.get_text() for text in ax.texts].count("●") == 1
    assert [to_rgb(t.get_edgecolor()) == to_rgb(LIGHT.colour("alarm")) for t in tiles] == [
        False, True, False, False, False,
    ]  # fmt: skip


# The timeline


def test_the_lane_of_a_deleted_node_has_another_ground_and_is_explained() -> None:
    whole = [*listed("nodes", node("n1")), *listed("daemonsets", daemonset())]
    gone = change(3, "nodes", node("n1"), "DELETED")
    for records, stretches in ((whole, []), ([*whole, gone], [(3, 10)])):
        data = one_chart(history(*records, *listed("pods", pod("a", "n1"))).timeline())
        (lane,) = data.charts[0].lanes

        assert [(one.start, one.end) for one in lane.states] == stretches
        assert ("node deleted" in dict(data.key)) == bool(stretches)
