from __future__ import annotations

import hashlib
import io
import itertools
import math
import os
import re
import subprocess
import sys
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib
import pytest
from fleet import Fleet, change, daemonset, history, listed, node, pod, timeline_of
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from daemonset_course.analysis.rollout_caption import caption, headline
from daemonset_course.errors import BadInput
from daemonset_course.figures.colours import PALETTE
from daemonset_course.figures.lines import shade_above
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.chart import one_chart
from daemonset_course.figures.rollout.counts_panel import EXTRA, UNAVAILABLE
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.figures.rollout.plot import compare, plot
from daemonset_course.figures.rollout.raster import dense_colour
from daemonset_course.figures.shapes import Style, series
from daemonset_course.figures.theme import (
    DARK,
    LIGHT,
    READABLE,
    Theme,
    contrast,
    course_style,
)
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.spans import union
from daemonset_course.history.timeline import Timeline

PATH = os.pathsep.join([str(Path(__file__).parent), *sys.path])  # of another process
SVG = "{http://www.w3.org/2000/svg}"
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def rolled() -> Fleet:
    fleet = Fleet(5, max_unavailable=2).run(1).note("version 2 goes out").apply().run(1)
    return fleet.cordon("course-worker3").run(11)


def stuck() -> Fleet:
    fleet = Fleet(4).run(1).apply(bad={"course-worker4"}).run(9)
    return fleet.kubelet_silent("course-worker2").run(4)


def surged() -> Fleet:
    return Fleet(4, max_unavailable=0, max_surge=2, min_ready=1).run(1).apply().run(12)


def blinded() -> Fleet:
    return Fleet(4, max_unavailable=2).run(1).apply().run(2).interrupt_watch(2).run(4)


def crowded() -> Fleet:
    return Fleet(60, max_unavailable=10).run(1).apply().run(2).interrupt_watch(2).run(15)


SCENES = {f.__name__: f for f in (rolled, stuck, surged, blinded, crowded)}


@cache
def timeline(scene: str) -> Timeline:
    return timeline_of(SCENES[scene]().log())


@cache
def picture(scene: str, dark: bool = False) -> Picture:
    if scene == "compared":
        return compare(timeline("rolled"), timeline("stuck"), labels=("k=2", "k=1"), dark=dark)
    return plot(timeline(scene), dark=dark)


ALL_PICTURES = pytest.mark.parametrize("scene", [*SCENES, "compared"])


def panels_of(drawn: Picture) -> list[Axes]:
    """The lanes and the counts; the strip of the status has tests of its own."""
    seen = [ax for ax in drawn.figure.axes if ax.axison]  # not those of the legend
    return [ax for ax in seen if not any("UP-TO" in t.get_text() for t in ax.get_yticklabels())]


def lanes_of(drawn: Picture) -> Axes:
    return panels_of(drawn)[0]


def counts_of(drawn: Picture) -> Axes:
    return panels_of(drawn)[1]


def extra_of(drawn: Picture) -> Axes:
    return panels_of(drawn)[2]


def bars(ax: Axes, lane: int | None = None) -> list[Rectangle]:
    """The bars of pods, by time; stripes and gaps lie below them."""
    found = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() == 2]
    if lane is not None:
        found = [p for p in found if abs(p.get_y() + p.get_height() / 2 - lane) < 0.5]
    return sorted(found, key=Rectangle.get_x)


def reach(bar: Any) -> tuple[float, float]:
    """(from, until) of a bar or a band."""
    return bar.get_x(), bar.get_x() + bar.get_width()


def line(drawn: Picture, label: str) -> Any:
    axes = panels_of(drawn)[1:]
    (found,) = [one for ax in axes for one in ax.lines if one.get_label() == label]
    return found


def written(drawn: Picture) -> list[str]:
    return [text.get_text() for text in drawn.figure.texts]


def letters(ax: Axes) -> dict[str, tuple[float, float]]:
    """Letter -> place of the letters, which are the only texts that lie above everything."""
    return {t.get_text(): t.xy for t in ax.texts if t.get_zorder() == 6}  # type: ignore[attr-defined]


def settings() -> dict[str, Any]:
    """Matplotlib's global settings, but not the backend: reading it loads pyplot."""
    return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}


def known(values: Any) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def grey(colour: Any) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


@cache
def restarted(dark: bool = False) -> Picture:
    """Two nodes; the pod of ``a`` goes at 2 s, and its successor is ready at 5 s."""
    old = pod("old", "a", "r1")
    log = history(
        *listed("nodes", node("a"), node("b"), t=0.0),
        *listed("daemonsets", daemonset(), t=0.0),
        *listed("pods", old, pod("b", "b", "r1"), t=0.0),
        change(1.0, "daemonsets", daemonset(2, image="a:2")),
        change(2.0, "pods", pod("old", "a", "r1", phase="terminating")),
        change(3.0, "pods", old, "DELETED"),
        change(3.0, "pods", pod("new", "a", "r2", phase="pending", generation=2), "ADDED"),
        change(4.0, "pods", pod("new", "a", "r2", phase="not ready", generation=2)),
        change(5.0, "pods", pod("new", "a", "r2", generation=2)),
        end=8,
    )
    return plot(log.timeline(), dark=dark)


# What a file holds


def digests() -> list[str]:
    """Of some pictures, saved in both ways."""
    drawn = [picture(scene) for scene in ("rolled", "blinded", "compared")]
    return [hashlib.sha256(one.png() + one.svg().encode()).hexdigest() for one in drawn]


def test_another_process_gives_the_same_bytes_and_loads_no_pyplot() -> None:
    code = """if True:
        import sys
        from test_plot import digests, settings
        before = settings()
        print(*digests(), "matplotlib.pyplot" in sys.modules, settings() == before)
    """
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "3", "PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert found == [*digests(), "False", "True"]
    assert len(set(digests())) == 3


def test_the_learners_matplotlib_settings_neither_change_nor_count() -> None:
    with matplotlib.rc_context({"font.size": 31, "lines.linewidth": 9, "hatch.linewidth": 5}):
        before = settings()
        drawn = picture.__wrapped__("surged")

        assert drawn.svg() == picture("surged").svg()
        assert settings() == before


@ALL_PICTURES
def test_svg_is_an_image_with_title_and_description(scene: str) -> None:
    drawn = picture(scene)
    root = ElementTree.fromstring(drawn.svg())

    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert [e.text for e in root.findall(f"{SVG}title")] == [drawn.title]
    assert [e.text for e in root.findall(f"{SVG}desc")] == [drawn.caption]


def test_words_with_markup_in_them_stay_words() -> None:
    one = timeline("rolled")
    root = ElementTree.fromstring(compare(one, one, labels=("<b> & co", "b")).svg())

    for tag in ("title", "desc"):
        assert (root.findtext(f"{SVG}{tag}") or "").startswith("<b> & co: 5 nodes rolled")


def test_png_carries_the_caption() -> None:
    image = Image.open(io.BytesIO(picture("rolled").png()))

    assert image.format == "PNG"
    assert image.info["Description"] == caption(timeline("rolled"))  # type: ignore[index]


def test_saved_by_the_ending_of_the_name(tmp_path: Path) -> None:
    drawn = picture("rolled")

    assert drawn.save(tmp_path / "a.svg").read_text(encoding="utf-8") == drawn.svg()
    assert drawn.save(str(tmp_path / "a.png")).read_bytes() == drawn.png()


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.svg.txt"])
def test_another_ending_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=re.escape(name)):
        picture("rolled").save(tmp_path / name)

    assert not list(tmp_path.iterdir())


# What Jupyter shows


def test_jupyter_gets_the_drawing_in_html_and_the_caption() -> None:
    for scene in ("rolled", "crowded"):
        data, metadata = picture(scene)._repr_mimebundle_()

        assert set(data) == {"text/plain", "text/html"}
        assert data["text/plain"] == picture(scene).caption
        assert f"<b>{headline(timeline(scene))}</b>" in data["text/html"]
        assert metadata == {}


def test_without_html_of_its_own_jupyter_gets_the_figure_with_its_alternative_text() -> None:
    figure = Figure(figsize=(5, 2))
    figure.text(0.123456, 0.5, "12.3456 <s>   of 20")
    drawn = Picture(lambda: figure, 'Two "nodes" <of> 3.', "A title")
    data, metadata = drawn._repr_mimebundle_()
    html = data["text/html"]
    (source,) = re.findall(r'src="data:image/svg\+xml,([^"]+)"', html)
    root = ElementTree.fromstring(unquote(unescape(source)))  # as a browser reads the attribute
    (words,) = root.iter("{http://www.w3.org/2000/svg}text")

    assert data["text/plain"] == drawn.caption
    assert 'alt="A title. Two &quot;nodes&quot; &lt;of&gt; 3."' in html
    assert "min-width:480px;max-width:960px" in html
    assert words.text == "12.3456 <s> of 20"
    assert re.fullmatch(r"\d+\.\d\d?", words.attrib["x"])
    assert len(source) < len(drawn.svg()) / 2
    assert metadata == {}


def test_a_picture_that_is_only_shown_is_not_drawn_by_matplotlib() -> None:
    code = """if True:
        import sys
        from fleet import Fleet, timeline_of
        from daemonset_course.figures.rollout.plot import plot
        from daemonset_course.figures.rollout.live_view import view
        timeline = timeline_of(Fleet(3).run(1).apply().run(5).log())
        assert "svg" in plot(timeline)._repr_mimebundle_()[0]["text/html"]
        assert "svg" in view(timeline)
        print("matplotlib" in sys.modules)
    """
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert found == "False\n"


# The texts around the picture


@pytest.mark.parametrize("scene", SCENES)
def test_the_title_states_the_finding_and_the_caption_stands_below(scene: str) -> None:
    texts = written(picture(scene))

    assert texts[0] == headline(timeline(scene))
    assert " ".join(texts).endswith(f" {caption(timeline(scene))}")


@pytest.mark.parametrize("scene", ["rolled", "crowded"])
def test_a_title_and_a_caption_can_be_given_and_are_heard_too(scene: str) -> None:
    titled = plot(timeline(scene), title="Mine")
    asked = plot(timeline(scene), title="Mine?", caption="What the text asks about.")

    assert written(titled)[0] == titled.title == "Mine"
    assert titled.caption == caption(timeline(scene))
    assert titled.alt == f"Mine. {titled.caption}"
    assert written(asked)[-1] == asked.caption == repr(asked) == "What the text asks about."
    assert asked.alt == "Mine? What the text asks about."


WORDS = "the telling part of this long sentence is the very last one of its words "


@pytest.mark.parametrize(
    "text", [f"{WORDS * 3}ports", f"{'course-worker12/agent-x7k2m ' * 8}ports"]
)
def test_a_long_note_is_wrapped_and_keeps_its_last_word(text: str) -> None:
    drawn = plot(timeline_of(Fleet(2).run(1).note(text).run(1).log()))
    right = [box.x1 for _, box in boxes(drawn.figure)]
    note = [t for t in written(drawn)[1:-1] if t]

    assert " ".join(" ".join(note).split()).endswith(text.split()[-1])
    assert max(right) <= drawn.figure.bbox.x1


def test_marks_are_lettered_where_they_were_and_explained_below() -> None:
    drawn, marks = picture("rolled"), timeline("rolled").marks
    shown = letters(lanes_of(drawn))

    assert [mark.text for mark in marks] == [
        "version 2 goes out",
        "template changed",
        "cordon",
    ]
    assert [text for text in written(drawn) if re.match(r"[A-Z]  ", text)] == [
        "A  1.0 s  version 2 goes out",
        "B  1.0 s  template changed",
        "C  2.0 s  worker3: cordon",
    ]
    assert list(shown) == ["A", "B", "C"]
    assert shown["A"][0] == 1.0
    assert 1.0 < shown["B"][0] < 1.5  # beside the first, which it would cover
    assert shown["C"] == (2.0, timeline("rolled").nodes.index("course-worker3"))


def labels_out_of_view(ax: Axes) -> list[Text]:
    """The labels of ticks beyond the axis' ends, and those of axes that are off: not drawn."""
    found = []
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not (ax.axison and low <= tick.get_loc() <= high):
                found += [tick.label1, tick.label2]
    return found


def boxes(figure: Figure) -> list[tuple[str, Any]]:
    """Each text that is seen, with its place on the page."""
    with course_style():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        hidden = {id(text) for ax in figure.axes for text in labels_out_of_view(ax)}
        texts = [t for t in figure.findobj(Text) if t.get_text().strip() and id(t) not in hidden]
        return [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in texts]  # type: ignore[attr-defined]


@ALL_PICTURES
def test_no_text_is_cut_off_or_covered_by_another(scene: str) -> None:
    figure = picture(scene).figure
    page, placed = figure.bbox, boxes(figure)
    out = [
        text
        for text, b in placed
        if b.x0 < page.x0 or b.x1 > page.x1 or b.y0 < page.y0 or b.y1 > page.y1
    ]
    over = [
        (text, other)
        for (text, a), (other, b) in itertools.combinations(placed, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 2
    ]

    assert not out
    assert not over


@ALL_PICTURES
def test_words_are_large_enough_to_be_read(scene: str) -> None:
    with course_style():
        sizes = {t.get_text(): t.get_fontsize() for t in picture(scene).figure.findobj(Text)}

    assert {words: size for words, size in sizes.items() if words and size < 9} == {}


# The lanes


def test_a_lane_shows_each_phase_of_its_pods_in_time() -> None:
    ax = lanes_of(restarted())

    assert [*map(reach, bars(ax, lane=0))] == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 8)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (100, "init container setup: ImagePullBackOff"),
        (10, "ImagePullBackOff"),
        (0.5, ""),
    ],
)
def test_a_lane_shows_as_much_of_a_reason_as_its_bar_has_room_for(
    seconds: float, shown: str
) -> None:
    held = pod("new", "a", "r1", phase="pending", reason="ImagePullBackOff")
    waits = {"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}
    held["status"]["initContainerStatuses"] = [
        {"name": "setup", **held["status"]["containerStatuses"][0]}
    ]
    held["status"]["containerStatuses"] = [waits]
    log = history(
        *listed("nodes", node("a"), t=0.0),
        *listed("daemonsets", daemonset(), t=0.0),
        change(30.0 - min(seconds, 30), "pods", held, "ADDED"),
        end=30,
    )
    texts = {text.get_text() for text in lanes_of(plot(log.timeline())).texts}

    assert {text for text in texts if "ImagePullBackOff" in text} == ({shown} if shown else set())


@THEMES
def test_phases_differ_without_colour(theme: Theme) -> None:
    hollow = to_rgb(theme.background)
    seen = {
        (round(bar.get_height(), 2), bar.get_hatch(), bar.get_facecolor()[:3] == hollow)
        for bar in bars(lanes_of(restarted(dark=theme is DARK)), lane=0)
    }

    assert len(seen) == 4  # ready (of two revisions), terminating, pending, not ready


@THEMES
def test_what_is_unknown_looks_like_no_phase(theme: Theme) -> None:
    drawn = picture("blinded", theme is DARK)
    hatches = {bar.get_hatch() for bar in bars(lanes_of(drawn)) if 3 <= bar.get_x() < 5}
    others = {bar.get_hatch() for bar in bars(lanes_of(drawn)) if not 3 <= bar.get_x() < 5}

    assert len(hatches) == 1
    assert None not in hatches
    assert not hatches & others


def test_revisions_carry_their_number() -> None:
    texts = [t for t in lanes_of(restarted()).texts if t.get_zorder() == 3]
    numbers = [(t.xy[0], t.get_text()) for t in texts]  # type: ignore[attr-defined]

    assert sorted(numbers) == [(0, "1"), (0, "1"), (5, "2")]


def test_neighbouring_revisions_differ_in_lightness() -> None:
    steps = [abs(grey(a) - grey(b)) for a, b in itertools.pairwise(PALETTE)]

    assert min(steps) > 0.08


def test_a_gap_is_drawn_as_unknown_in_every_lane_and_hides_what_came_before() -> None:
    drawn, (gap,) = picture("blinded"), timeline("blinded").gaps
    for lane, name in enumerate(timeline("blinded").nodes):
        spans = {reach(bar): bar.get_hatch() for bar in bars(lanes_of(drawn), lane)}
        inside = [span for span in spans if span[0] < gap.end - 0.01 and span[1] > gap.start + 0.01]
        assert {spans[each] for each in inside} == (set() if "control" in name else {"xxxx"})
        assert not inside or (min(inside)[0], max(inside)[1]) == (gap.start, gap.end)


def test_a_gap_leaves_a_hole_in_the_counts_but_not_in_the_budget() -> None:
    drawn, (gap,) = picture("blinded"), timeline("blinded").gaps
    x, y = line(drawn, UNAVAILABLE).get_data()
    blind = [v for t, v in zip(x, y, strict=True) if gap.start <= t < gap.end]
    seen = [v for t, v in zip(x, y, strict=True) if 0.1 < t < gap.start or t >= gap.end]

    assert blind
    assert all(map(math.isnan, blind))
    assert not any(map(math.isnan, seen))
    times, bound = line(drawn, "budget").get_data()
    (rollout,) = rollouts(timeline("blinded"))
    during = [v for t, v in zip(times, bound, strict=True) if rollout.start <= t < rollout.stop]
    assert set(during) == {2}


@pytest.mark.parametrize("panel", [lanes_of, counts_of])
def test_a_gap_is_hatched_over_its_whole_length(panel: Any) -> None:
    (gap,) = timeline("blinded").gaps
    (band,) = [p for p in panel(picture("blinded")).patches if p.get_hatch() == "..."]

    assert reach(band) == (gap.start, gap.end)


def test_pods_that_share_a_node_share_its_lane_side_by_side() -> None:
    ax, (rollout,) = lanes_of(picture("surged")), rollouts(timeline("surged"))
    first = rollout.order[0]
    lane = timeline("surged").nodes.index(first)
    pods = {s.pod: s for s in timeline("surged").segments if s.node == first}
    assert len(pods) == 2
    both = max(min(s.start for s in timeline("surged").segments if s.pod == pod) for pod in pods)

    shared = [b for b in bars(ax, lane) if reach(b)[0] <= both + 0.1 < reach(b)[1]]
    alone = [b for b in bars(ax, lane) if reach(b)[1] <= both]
    upper, lower = sorted(shared, key=Rectangle.get_y)
    assert upper.get_y() + upper.get_height() <= lower.get_y() + 1e-9
    assert upper.get_height() < min(bar.get_height() for bar in alone)
    assert to_rgb(upper.get_facecolor()) == to_rgb(PALETTE[0])  # the older one on top
    assert to_rgb(lower.get_edgecolor()) == LIGHT.outline("series 1")


def test_a_lane_without_a_pod_says_so() -> None:
    words = [t for t in lanes_of(picture("rolled")).texts if t.get_text() == "no Pod"]

    assert [t.get_position()[1] for t in words] == [0]


def test_the_time_axis_begins_when_the_recording_does() -> None:
    drawn = picture("rolled")

    assert timeline("rolled").start > 0  # the first lists take a moment
    for ax in (lanes_of(drawn), counts_of(drawn)):
        assert ax.get_xlim() == (0, timeline("rolled").end)


# The counts


def test_the_counts_follow_what_happened() -> None:
    count, bound = (line(restarted(), label) for label in (UNAVAILABLE, "budget"))

    assert count.get_drawstyle() == bound.get_drawstyle() == "steps-post"
    assert list(zip(*count.get_data(), strict=True)) == [(0, 0), (2, 1), (5, 0), (8, 0)]
    drawn_bound = [(t, v) for t, v in zip(*bound.get_data(), strict=True) if not math.isnan(v)]
    assert drawn_bound == [(1, 1), (8, 1)]  # from the new template on
    assert count.get_linestyle() != bound.get_linestyle()


def test_extra_pods_have_a_strip_of_their_own_with_their_bound() -> None:
    drawn = picture("surged")
    words = [[t.get_text() for t in ax.texts] for ax in (counts_of(drawn), extra_of(drawn))]

    assert words == [["budget 0"], ["surge budget 2"]]
    assert max(known(line(drawn, EXTRA).get_ydata())) == 2
    assert set(known(line(drawn, "surge budget").get_ydata())) == {2}
    assert set(known(line(drawn, "budget").get_ydata())) == {0}
    assert extra_of(drawn).get_ylabel() == EXTRA
    assert len(panels_of(picture("rolled"))) == 2


def above_budget(drawn: Picture) -> list[tuple[float, float]]:
    """(from, until) of what is shaded in the panel of counts."""
    return shaded(counts_of(drawn))


def shaded(ax: Axes) -> list[tuple[float, float]]:
    hatched = [shade for shade in ax.collections if shade.get_hatch()]
    paths = [path.vertices[:, 0] for shade in hatched for path in shade.get_paths()]
    return union((x.min(), x.max()) for x in paths)


def test_time_above_the_budget_is_shaded() -> None:
    assert above_budget(picture("stuck")) == [(10.0, 14.0)]  # from when a second node fell silent
    assert above_budget(picture("rolled")) == []


@pytest.mark.parametrize(
    ("times", "counts", "expected"),
    [
        ((0, 1, 2, 3), (3, 2, 1, 0), [(0, 2)]),
        ((0, 1, 2, 5), (0, 2, 0, 0), [(1, 2)]),  # a single step
        ((0, 1, 2, 3, 4), (2, 1, 2, 2, 2), [(0, 1), (2, 4)]),
        ((0, 1, 2, 3), (2, None, 2, 1), [(0, 1), (2, 3)]),
        ((0, 1, 2), (1, 1, 1), []),
    ],
)
def test_what_is_above_a_bound_is_shaded_for_exactly_as_long_as_it_is(
    times: tuple[float, ...], counts: tuple[int | None, ...], expected: list[tuple[float, float]]
) -> None:
    ax = Figure().add_subplot()
    upper = list(zip(times, counts, strict=True))
    shade_above(ax, LIGHT, upper, [(0, 1), (times[-1], 1)], Style("alarm", hatch="//"))
    areas = [path.get_extents() for shade in ax.collections for path in shade.get_paths()]

    assert shaded(ax) == expected
    assert [(area.y0, area.y1) for area in areas] == [(1, c) for c in counts[:-1] if c and c > 1]


def test_the_shading_of_a_rollout_has_the_width_of_its_facts() -> None:
    fleet = Fleet(6, max_unavailable=2).run(1).kubelet_silent("course-worker2")
    fleet.kubelet_silent("course-worker4").apply().run(2).kubelet_silent("course-worker5")
    one = timeline_of(fleet.run(0.7).log())
    (rollout,) = rollouts(one)
    above = above_budget(plot(one))

    assert rollout.over_budget > 0
    assert max(b - a for a, b in above) == pytest.approx(rollout.over_budget)


def rolling(log: Timeline) -> set[str]:
    """The words about a budget that a picture has outside its list of notes."""
    drawn = plot(log)
    words = [t.get_text() for ax in drawn.figure.axes for t in ax.texts]
    lines = [one.get_label() for ax in drawn.figure.axes for one in ax.lines]
    return {w for w in (*words, *lines, drawn.title, drawn.caption) if "budget" in str(w)}


def quiet(fleet: Fleet) -> Timeline:
    """Three of six nodes fail in a recording without a new template: three above a budget of 1."""
    for name in ("course-worker2", "course-worker4", "course-worker5"):
        fleet.run(1).kubelet_silent(name)
    return timeline_of(fleet.run(3).log())


@pytest.mark.parametrize(
    "one",
    [quiet(Fleet(6)), timeline_of(Fleet(3, started=False).run(1).create().run(6).log())],
    ids=["nodes fail", "first start"],
)
def test_without_a_new_template_there_is_no_budget_and_no_alarm(one: Timeline) -> None:
    assert one.unavailable.max() == 3
    assert rolling(one) == set() != rolling(EARLY)
    assert above_budget(plot(one)) == []
    assert "budget" not in view(one)


def test_after_a_rollout_the_budget_ends_and_what_fails_then_is_no_alarm() -> None:
    fleet = Fleet(6).run(1).apply().run(40)
    (rollout,) = rollouts(timeline_of(fleet.log()))
    one = quiet(fleet)
    x, y = line(plot(one), "budget").get_data()
    held = [t for t, v in zip(x, y, strict=True) if not math.isnan(v)]

    assert rollout.end is not None
    assert min(held) == rollout.start
    assert max(held) < rollout.end == min(t for t in x if t > max(held))
    assert above_budget(plot(one)) == []


def test_a_rollout_that_began_before_the_recording_has_its_budget() -> None:
    before = Fleet(6).run(1).apply(bad=Fleet(6).nodes).run(10)
    log = history(
        *listed("nodes", *before.nodes.values(), t=0.0),
        *listed("daemonsets", before.daemonset, t=0.0),
        *listed("pods", *before.pods.values(), t=0.0),
        end=5,
    )

    assert set(known(line(plot(log.timeline()), "budget").get_ydata())) == {1}


# Many nodes


def test_many_nodes_become_a_raster_sorted_by_the_start_of_their_new_pod() -> None:
    one = timeline("crowded")
    (rollout,) = rollouts(one)
    (image,) = lanes_of(picture("crowded")).images
    pixels = image.get_array()
    rows, columns, _ = pixels.shape

    def colour(name: str, t: float) -> tuple[float, ...]:
        row = [*rollout.order, "course-control-plane"].index(name)
        return tuple(round(float(c), 3) for c in pixels[row, int(t / one.end * columns)])

    def shade(colour: Any) -> tuple[float, ...]:
        return tuple(round(c, 3) for c in to_rgb(colour))

    assert rows == len(one.nodes) == 61
    old, new, ground = map(shade, (PALETTE[0], PALETTE[1], LIGHT.background))
    unknown = shade(dense_colour("unknown", series(0), LIGHT))
    for name in rollout.order:
        assert [colour(name, t) for t in (0.5, 4.0, one.end - 0.1)] == [old, unknown, new]
    assert colour("course-control-plane", 0.5) == ground


def test_a_raster_shows_a_deleted_node_without_a_pod() -> None:
    names = [f"n{i:02}" for i in range(50)]
    log = history(
        *listed("nodes", *map(node, names), t=0.0),
        *listed("daemonsets", daemonset(), t=0.0),
        *listed("pods", *(pod(name, name) for name in names[1:]), t=0.0),
        change(5, "nodes", node("n00"), "DELETED"),
        end=10,
    )
    drawn = plot(log.timeline(), fold=False)
    (image,) = lanes_of(drawn).images
    pixels = image.get_array()
    data = one_chart(log.timeline(), fold=False)
    row = [lane.node for lane in data.charts[0].lanes].index("n00")
    before, after = (tuple(map(float, pixels[row, int(t / 10 * 1400)])) for t in (2, 8))

    assert before == to_rgb(LIGHT.background) != after
    assert "node deleted" in [t.get_text() for ax in drawn.figure.axes for t in ax.texts]


@THEMES
@pytest.mark.parametrize("colour", [series(0), series(1)])
def test_phases_of_a_raster_differ_in_lightness(theme: Theme, colour: str) -> None:
    shades = sorted(
        grey(dense_colour(p, colour, theme))
        for p in ("pending", "not ready", "ready", "terminating")
    )

    assert min(b - a for a, b in itertools.pairwise(shades)) > 0.06


@THEMES
def test_the_legend_of_a_raster_has_the_colours_of_its_cells(theme: Theme) -> None:
    """On one swatch those of each revision that was seen in the phase."""
    figure = picture("crowded", theme is DARK).figure
    raster = next(i for i, ax in enumerate(figure.axes) if ax.images)
    image = figure.axes[raster].images[0].get_array()
    cells = {tuple(round(float(c), 3) for c in cell) for row in image for cell in row}
    patches = [patch for ax in figure.axes[:raster] for patch in ax.patches]
    texts = [text.get_text() for ax in figure.axes[:raster] for text in ax.texts]
    found = [tuple(round(c, 3) for c in to_rgb(p.get_facecolor())) for p in patches]

    assert cells == {*found, tuple(round(c, 3) for c in to_rgb(theme.background))}
    assert [text for text in texts if text] == [
        "template 1", "template 2", "Pod pending", "Pod not ready", "Pod ready",
        "Pod terminating", "Pod unknown",
    ]  # fmt: skip
    (ready,) = (i for i, colour in enumerate(found[2:], 2) if colour == found[0])
    assert found[ready + 1] == found[1]


# Dark, two at once


@ALL_PICTURES
def test_dark_is_another_picture_with_the_same_words(scene: str) -> None:
    light, dark = picture(scene), picture(scene, dark=True)

    assert grey(dark.figure.get_facecolor()) < 0.2 < 0.8 < grey(light.figure.get_facecolor())
    assert (light.caption, light.title) == (dark.caption, dark.title)


@THEMES
@ALL_PICTURES
def test_words_can_be_read_on_their_ground(scene: str, theme: Theme) -> None:
    figure = picture(scene, theme is DARK).figure
    axes = figure.axes
    words = [*figure.texts, *axes[-1].texts]
    words += [
        t
        for ax in axes
        for axis in (ax.xaxis, ax.yaxis)
        for t in (axis.label, *axis.get_ticklabels())
    ]
    ground = to_rgb(theme.background)

    assert not {
        w.get_text(): w.get_color()
        for w in words
        if w.get_text() and contrast(to_rgb(w.get_color()), ground) < READABLE
    }


EARLY = timeline_of(Fleet(3).run(1).apply().run(9).log())  # 9 s from its new template on
LATE = timeline_of(Fleet(3, max_unavailable=2).run(2).apply().run(4).log())


def test_compared_rollouts_begin_together_at_their_new_template() -> None:
    drawn = compare(EARLY, LATE, labels=("one", "two"))
    above, above_counts, below, below_counts = panels_of(drawn)

    assert {letter: at[0] for letter, at in letters(above).items()} == {"A": 0.0}
    assert letters(above) == letters(below)
    assert min(bar.get_x() for bar in bars(above)) == pytest.approx(EARLY.segments[0].start - 1)
    assert min(bar.get_x() for bar in bars(below)) == pytest.approx(LATE.segments[0].start - 2)
    assert above.get_xlim() == below.get_xlim() == below_counts.get_xlim()
    assert below_counts.get_xlabel() == "seconds since the new template"
    for panel, one, zero in ((above_counts, EARLY, 1.0), (below_counts, LATE, 2.0)):
        x, y = panel.lines[0].get_data()
        assert list(x + zero) == pytest.approx(list(one.unavailable.times))
        assert known(y) == [value for value in one.unavailable.values if value is not None]
    words = [[t.get_text() for t in ax.texts] for ax in (above_counts, below_counts)]
    assert words == [["budget 1"], ["budget 2"]]


def test_compared_findings_both_stand_in_title_and_caption() -> None:
    drawn = picture("compared")
    a, b = timeline("rolled"), timeline("stuck")

    title = " ".join(written(drawn)[:3])
    assert title == f"k=2: {headline(a)} k=1: {headline(b)}"
    assert drawn.caption == f"k=2: {caption(a)} k=1: {caption(b)}"


def test_the_shorter_of_two_recordings_says_where_it_ended() -> None:
    above, _, below, _ = panels_of(compare(EARLY, LATE))

    assert "recording ended" not in [t.get_text() for t in above.texts]
    (word,) = [t for t in below.texts if t.get_text() == "recording ended"]
    assert word.xy[0] == 4.0  # type: ignore[attr-defined]


# The panel of counts


def test_a_panel_that_would_be_one_level_line_or_is_not_wanted_is_left_out() -> None:
    still = timeline_of(Fleet(3).run(4).log())
    left_out = (plot(still), plot(still, counts=True)), (plot(EARLY, counts=False), plot(EARLY))
    for without, full in left_out:
        assert len(panels_of(without)) == len(panels_of(full)) - 1
        assert lanes_of(without) is without.figure.axes[-1]
        assert lanes_of(without).get_xlabel() == "seconds since the recording began"
        assert without.figure.get_figheight() < full.figure.get_figheight()
