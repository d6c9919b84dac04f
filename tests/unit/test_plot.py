from __future__ import annotations

import base64
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from fleet import Fleet
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from daemonset_course.caption import caption, headline
from daemonset_course.errors import BadInput
from daemonset_course.facts import rollouts
from daemonset_course.look import DARK, HEIGHT, LIGHT, PHASES
from daemonset_course.picture import Picture
from daemonset_course.plot import compare, plot
from daemonset_course.plot_budget import as_arrays
from daemonset_course.plot_dense import raster, sorted_nodes
from daemonset_course.plot_lanes import badges, pieces
from daemonset_course.spans import Mark, Segment, Steps
from daemonset_course.timeline import Timeline, build

BLUE, ORANGE = "#0072B2", "#E69F00"


@pytest.fixture(scope="module")
def rolled() -> Timeline:
    return build(Fleet(3).run(1).apply().run(12).log())


@pytest.fixture(scope="module")
def large() -> Timeline:
    return build(Fleet(60, max_unavailable=20).run(1).apply().run(2).blind(1).run(12).log())


def panels(picture: Picture) -> tuple[Any, Any]:
    """The (first) lanes' axes and the budget's; the legend's come before them."""
    return picture.figure.axes[1], picture.figure.axes[-1]


def words(picture: Picture) -> list[str]:
    axes = picture.figure.axes
    return [text.get_text() for part in (picture.figure, *axes) for text in part.texts]


# What is shown


def test_each_segment_is_one_bar_at_its_place_in_its_colour(rolled: Timeline) -> None:
    lanes, _ = panels(plot(rolled))
    bars = [p for p in lanes.patches if isinstance(p, Rectangle) and p.get_zorder() == 2]
    drawn = {
        (round(b.get_x(), 6), round(b.get_width(), 6), round(b.get_y() + b.get_height() / 2, 6))
        for b in bars
    }

    assert len(bars) == len(rolled.segments)
    assert drawn == {
        (round(s.start, 6), round(s.end - s.start, 6), rolled.nodes.index(s.node))
        for s in rolled.segments
    }
    assert {b.get_edgecolor()[:3] for b in bars} == {to_rgb(BLUE), to_rgb(ORANGE)}


def test_phases_differ_without_colour() -> None:
    styles = {phase: LIGHT.bar(phase, BLUE) for phase in PHASES}
    shapes = {
        (style.get("hatch"), style["facecolor"] == LIGHT.ground, HEIGHT[phase])
        for phase, style in styles.items()
    }

    assert len(shapes) == len(PHASES)


def test_pods_that_share_a_node_share_its_lane() -> None:
    old = Segment("a", "a", "n", "r1", "ready", 0, 10)
    new = Segment("b", "b", "n", "r2", "pending", 4, 12)

    found = sorted((p.segment.pod, p.start, p.end, p.row, p.rows) for p in pieces([old, new]))

    assert found == [
        ("a", 0, 4, 0, 1),
        ("a", 4, 10, 0, 2),
        ("b", 4, 10, 1, 2),
        ("b", 10, 12, 0, 1),
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.lists(st.integers(1, 5), min_size=1, max_size=3)),
        max_size=5,
    )
)
def test_pieces_cover_every_segment_once_and_never_each_other(
    lives: list[tuple[int, list[int]]],
) -> None:
    segments = []
    for number, (start, lengths) in enumerate(lives):
        edges = [start + sum(lengths[:i]) for i in range(len(lengths) + 1)]
        segments += [
            Segment(str(number), "", "n", "r", ("ready", "pending")[i % 2], a, b)
            for i, (a, b) in enumerate(pairwise(edges))
        ]
    found = list(pieces(segments))

    for segment in segments:
        mine = sorted((p.start, p.end) for p in found if p.segment is segment)
        assert (mine[0][0], mine[-1][1]) == (segment.start, segment.end)
        assert all(a[1] == b[0] for a, b in pairwise(mine))
    for a, b in combinations(found, 2):
        if a.start < b.end and b.start < a.end:
            assert (a.row, a.rows) != (b.row, b.rows)
            assert a.rows == b.rows


def test_a_lane_without_a_pod_says_so(rolled: Timeline) -> None:
    assert words(plot(rolled)).count("no pod") == 1


def test_the_reason_that_holds_a_pod_up_is_written_on_its_bar() -> None:
    timeline = build(Fleet(2).run(1).apply(bad={"course-worker", "course-worker2"}).run(9).log())

    assert "ImagePullBackOff" in words(plot(timeline))


def test_the_title_states_the_finding_and_the_caption_is_under_it(rolled: Timeline) -> None:
    picture = plot(rolled)

    assert headline(rolled) in words(picture)
    assert caption(rolled) in [text.replace("\n", " ") for text in words(picture)]
    assert repr(picture) == picture.caption == caption(rolled)
    assert "mine" in words(plot(rolled, title="mine"))


# Marks


def test_equal_marks_of_one_moment_share_a_badge() -> None:
    marks = [
        Mark(1.0, "cordon", "action", "n1"),
        Mark(1.1, "cordon", "action", "n2"),
        Mark(1.2, "patch", "note"),
        Mark(9.0, "cordon", "action", "n1"),
    ]

    assert [(b.number, b.text, len(b.marks)) for b in badges(marks, 0.5)] == [
        (1, "cordon", 2),
        (2, "patch", 1),
        (3, "cordon", 1),
    ]


def test_marks_are_numbered_in_the_picture_and_listed_under_it() -> None:
    fleet = Fleet(2).run(1).cordon("course-worker2").run(2).note("look").run(2)
    shown = words(plot(build(fleet.log())))

    assert "1  1.0 s  worker2: cordon" in shown
    assert "2  3.0 s  look" in shown
    assert {"1", "2"} <= set(shown)


def test_too_many_marks_are_counted_not_hidden() -> None:
    fleet = Fleet(1)
    for i in range(20):
        fleet.run(1).note(f"note {i}")

    assert "… and 8 more" in words(plot(build(fleet.log())))


# Budget


def test_the_lines_are_the_timelines_own_numbers(rolled: Timeline) -> None:
    _, budget = panels(plot(rolled))
    lines = {line.get_label(): line for line in budget.get_lines()}

    assert set(lines) == {"unavailable", "budget 1"}
    x, y = as_arrays(rolled.unavailable)
    np.testing.assert_array_equal(lines["unavailable"].get_xdata(), x)
    np.testing.assert_array_equal(lines["unavailable"].get_ydata(), y)
    assert lines["budget 1"].get_linestyle() == "--"


def test_unknown_leaves_a_hole_in_the_line() -> None:
    _, y = as_arrays(Steps((0, 1, 2), (3, None, 1)))

    assert np.isnan(y).tolist() == [False, True, False]


def test_surge_has_its_own_line_and_bound() -> None:
    timeline = build(Fleet(3, max_unavailable=0, max_surge=1).run(1).apply().run(8).log())
    _, budget = panels(plot(timeline))

    assert {line.get_label() for line in budget.get_lines()} == {
        "unavailable", "budget 0", "extra pods", "surge budget 1",
    }  # fmt: skip


def shaded(picture: Picture) -> float:
    """The seconds that are filled as above the budget."""
    _, budget = panels(picture)
    paths = [path for fill in budget.collections for path in fill.get_paths()]
    return float(sum(np.ptp(path.vertices[:, 0]) for path in paths if len(path.vertices)))


def test_what_is_above_the_budget_is_shaded() -> None:
    fleet = Fleet(4).run(1).kubelet_silent("course-worker").kubelet_silent("course-worker2")
    timeline = build(fleet.run(1).apply().run(4).log())

    assert shaded(plot(timeline)) == pytest.approx(timeline.unavailable.longest(1)) == 5


def test_the_start_of_a_new_daemonset_is_not_shaded() -> None:
    timeline = build(Fleet(4, started=False).run(1).create().run(9).log())

    assert timeline.unavailable.longest(1) > 0.5
    assert shaded(plot(timeline)) == 0


# Many nodes


def test_the_raster_is_sorted_by_the_start_of_the_new_pods(large: Timeline) -> None:
    order = sorted_nodes(large)

    assert order[:60] == list(rollouts(large)[0].order)
    assert order[60:] == ["course-control-plane"]


def test_the_raster_shows_who_ran_what_when(large: Timeline) -> None:
    order = sorted_nodes(large)
    image = raster(large, order, LIGHT, (0.0, large.end))
    column = {t: int(t / large.end * image.shape[1]) for t in (0.5, 3.5, large.end - 0.5)}

    assert image.shape[0] == 61
    assert image[:60, column[0.5]] == pytest.approx(np.tile(to_rgb(BLUE), (60, 1)))
    assert image[:60, column[large.end - 0.5]] == pytest.approx(np.tile(to_rgb(ORANGE), (60, 1)))
    grey = image[0, column[3.5]]
    assert grey == pytest.approx(np.full(3, grey[0]))
    assert image[60, column[0.5]] == pytest.approx(to_rgb(LIGHT.ground))


@pytest.mark.parametrize(("workers", "kind"), [(39, "image/svg+xml"), (40, "image/png")])
def test_up_to_forty_lanes_are_svg_and_more_are_png(workers: int, kind: str) -> None:
    data, metadata = plot(build(Fleet(workers).run(1).log()))._repr_mimebundle_()

    assert set(data) == {"text/plain", kind}
    assert metadata[kind]["alt"] == data["text/plain"]
    if kind == "image/png":
        assert base64.b64decode(data[kind]).startswith(b"\x89PNG")


# Files


def test_the_svg_is_an_image_with_title_and_description(rolled: Timeline) -> None:
    picture = plot(rolled, title="a < b & c")
    root = ElementTree.fromstring(picture.svg())
    space = "{http://www.w3.org/2000/svg}"

    assert root.get("role") == "img"
    assert [(child.tag, child.text) for child in list(root)[:2]] == [
        (f"{space}title", "a < b & c"),
        (f"{space}desc", caption(rolled)),
    ]


def test_the_same_log_gives_the_same_bytes(rolled: Timeline) -> None:
    first = plot(rolled)

    assert first.svg() == plot(rolled).svg() == first.svg()


def test_a_picture_is_saved_by_its_ending(rolled: Timeline, tmp_path: Path) -> None:
    picture = plot(rolled)

    assert picture.save(tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg()
    assert picture.save(str(tmp_path / "a.png")).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BadInput, match=r"\.svg or \.png"):
        picture.save(tmp_path / "a.pdf")


def test_drawing_changes_no_global_setting(rolled: Timeline) -> None:
    before = dict(mpl.rcParams)
    plot(rolled, dark=True).svg()

    assert dict(mpl.rcParams) == before


def test_nothing_is_drawn_through_pyplot() -> None:
    code = "import sys, daemonset_course.plot; sys.exit('matplotlib.pyplot' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_closed_picture_keeps_its_caption(rolled: Timeline) -> None:
    picture = plot(rolled)
    picture.close()

    assert picture.figure.axes == []
    assert repr(picture) == caption(rolled)


# Looks


def test_the_dark_picture_is_dark_and_keeps_the_revisions_colours(rolled: Timeline) -> None:
    picture = plot(rolled, dark=True)
    lanes, _ = panels(picture)
    edges = {p.get_edgecolor()[:3] for p in lanes.patches if p.get_zorder() == 2}

    assert picture.figure.get_facecolor()[:3] == to_rgb(DARK.ground)
    assert edges == {to_rgb(BLUE), to_rgb(ORANGE)}


@pytest.mark.parametrize("labels", [("", ""), ("maxUnavailable 1", "a much longer label " * 3)])
def test_no_text_runs_off_the_paper(labels: tuple[str, str]) -> None:
    fleet = Fleet(4, max_unavailable=0, max_surge=2).run(1).cordon("course-worker3")
    fleet.add_node("ip-10-0-113-7.eu-central-1.compute.internal")
    timeline = build(fleet.apply(bad={"course-worker2"}).run(9).log())
    picture = compare(timeline, timeline, labels=labels) if labels[0] else plot(timeline)
    width, height = picture.figure.get_size_inches() * picture.figure.dpi

    texts = [t for part in (picture.figure, *picture.figure.axes) for t in part.texts]
    texts += [t for ax in picture.figure.axes[1:] for t in ax.get_yticklabels()]
    for text in (t for t in texts if t.get_text()):
        box = text.get_window_extent()
        assert box.x0 >= 0, text
        assert box.x1 <= width, text
        assert box.y0 >= 0, text
        assert box.y1 <= height, text


# Two timelines


def test_two_timelines_begin_at_their_new_templates(rolled: Timeline) -> None:
    later = build(Fleet(3, max_unavailable=0, max_surge=1).run(4).apply().run(12).log())
    picture = compare(rolled, later, labels=("one at a time", "surge"))
    _, above, below, budget = picture.figure.axes

    for lanes, timeline in ((above, rolled), (below, later)):
        bars = [p for p in lanes.patches if p.get_zorder() == 2]
        start = rollouts(timeline)[0].start
        drawn = {round(bar.get_x(), 6) for bar in bars}
        assert drawn >= {round(s.start - start, 6) for s in timeline.segments}
    assert above.get_xlim() == below.get_xlim() == budget.get_xlim()
    assert {"one at a time", "surge"} <= {line.get_label() for line in budget.get_lines()}
    assert picture.caption == f"one at a time: {caption(rolled)} surge: {caption(later)}"


def test_two_timelines_of_many_nodes_are_rasters(large: Timeline) -> None:
    picture = compare(large, large)

    assert not picture.vector
    assert [len(ax.images) for ax in picture.figure.axes] == [0, 1, 1, 0]


@pytest.mark.parametrize("fleet", [Fleet(0, started=False), Fleet(1, started=False).run(2)])
def test_a_recording_in_which_nothing_happened_can_be_drawn(fleet: Fleet) -> None:
    assert "<svg" in plot(build(fleet.log())).svg()
