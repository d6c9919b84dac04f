"""The script of the timeline's drawing, in a browser: hover, slider, keys, replay, theme."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, browser
from fleet import Fleet, timeline_of

from daemonset_course.figures.colours import luminance
from daemonset_course.figures.rollout.chart import ChartSet, one_chart
from daemonset_course.figures.rollout.inline import inline, script
from daemonset_course.history.spans import Segment
from daemonset_course.history.timeline import Timeline

WIDTH = 900


def rolled(workers: int = 3) -> Timeline:
    fleet = Fleet(workers, max_unavailable=max(1, workers // 10)).run(1).apply().run(14)
    return timeline_of(fleet.log())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Any:
    """Opens a page with these pieces of HTML."""

    def show(*pieces: str, style: str = "") -> Page:
        page.errors.clear()
        page.requests.clear()
        page.size(WIDTH, 1600)
        body = f"<!doctype html><meta charset=utf-8><body style='margin:0;{style}'>"
        (tmp_path / "page.html").write_text(body + "".join(pieces), encoding="utf-8")
        page.open(tmp_path / "page.html")
        return page

    return show


def place(page: Page, charts: ChartSet, lane: int, t: float) -> tuple[float, float]:
    """Where a lane is at a time, in pixels of the page."""
    x, y, wide = page.ask(
        "(b => [b.x, b.y, b.width])(document.querySelector('.dst-w svg').getBoundingClientRect())"
    )
    top, high, (left, room, units, _) = page.ask(
        "(D => [D.c[0].y, D.c[0].h, D.w])(JSON.parse(document.querySelector('.dst').dataset.d))"
    )
    low, end = charts.span
    scale = wide / units
    return (
        x + (left + (t - low) / (end - low) * room) * scale,
        y + (top + (lane + 0.5) * high) * scale,
    )


def status(page: Page) -> list[str]:
    return list(page.ask("[...document.querySelectorAll('.dst td')].map(e => e.textContent)"))


def one(timeline: Timeline, node: str, phase: str) -> Segment:
    return next(s for s in timeline.segments if (s.node, s.phase) == (node, phase))


def test_hovering_a_bar_names_it_and_shows_the_status_of_that_moment(show: Any) -> None:
    timeline = rolled()
    charts = one_chart(timeline)
    page = show(inline(charts))
    before = status(page)
    bar = one(timeline, "course-worker2", "not ready")
    t = (bar.start + bar.end) / 2
    page.move(*place(page, charts, 2, t))
    words = page.text(".dst-r")

    assert float(words.split(" s")[0]) == pytest.approx(t, abs=0.05)
    assert f"worker2: {bar.name}, template 2, not ready, {bar.start:.2f}".rstrip("0") in words
    then = [now for at, now in timeline.status if at <= t][-1]
    assert status(page) == [str(number) for number in then] != before
    assert page.text(".dst-s").startswith(f"status at {t:.1f}"[:-1])
    assert page.errors == []


def test_a_number_that_differs_from_desired_is_marked_not_by_colour_alone(show: Any) -> None:
    timeline = rolled()
    charts = one_chart(timeline)
    page = show(inline(charts))
    bar = one(timeline, "course-worker2", "not ready")
    page.move(*place(page, charts, 2, bar.end - 0.05))
    marked = page.ask("[...document.querySelectorAll('.dst td')].map(e => e.className == 'x')")
    then = [now for at, now in timeline.status if at <= bar.end - 0.05][-1]

    assert marked[2] == (then.ready != then.desired) is True
    assert page.ask("getComputedStyle(document.querySelector('.dst td.x')).fontWeight") == "700"


def test_where_a_node_has_no_pod_the_cursor_says_so_and_why(show: Any) -> None:
    fleet = Fleet(2).run(1).cordon("course-worker").run(3)
    charts = one_chart(timeline_of(fleet.log()))
    page = show(inline(charts))
    page.move(*place(page, charts, 0, 2.0))
    assert page.text(".dst-r").endswith("control-plane: no Pod")
    page.move(*place(page, charts, 1, 2.0))
    assert page.text(".dst-r").endswith("; cordoned")


def test_the_slider_moves_the_cursor_over_all_lanes(show: Any) -> None:
    timeline = rolled()
    page = show(inline(one_chart(timeline)))
    page.ask(
        "(e => { e.value = 500; e.dispatchEvent(new Event('input', {bubbles: true})); })"
        "(document.querySelector('.dst input'))"
    )
    path = page.ask("document.querySelector('.dst .u').getAttribute('d')")

    assert page.text(".dst-s") == f"status at {timeline.end / 2:.2f} s"
    assert path.startswith(f"M{146 + 580 / 2:g} 0V")
    assert page.ask("document.querySelector('.dst .u').getBBox().height") > 0


def test_keys_move_the_node_and_the_time_and_a_reader_hears_it(show: Any) -> None:
    timeline = rolled()
    page = show(inline(one_chart(timeline)))
    heard = "document.querySelector('.dst input').getAttribute('aria-valuetext')"
    page.ask("document.querySelector('.dst input').focus()")
    assert "control-plane: no Pod" in page.ask(heard)
    page.press("ArrowDown")
    assert "worker: agent-" in page.ask(heard)
    page.press("PageUp")  # to the last change on this node
    bar = [s for s in timeline.segments if s.node == "course-worker"][-1]
    assert page.ask(heard).startswith(f"{bar.start:.2f} s, worker: {bar.name}, ")
    page.press("PageUp")
    assert float(page.ask(heard).split(" ")[0]) < bar.start
    page.press("Home")
    assert page.ask(heard).startswith("0.00 s")
    assert page.errors == []


def test_replay_runs_to_the_end_and_can_be_paused(show: Any) -> None:
    timeline = timeline_of(Fleet(2).run(1).apply().run(4).log())
    page = show(inline(one_chart(timeline)))
    assert page.text(".dst button") == "▶ replay"
    page.click(".dst button")
    page.until("document.querySelector('.dst').t > 0.2")
    assert page.ask("document.querySelector('.dst .v').getBBox().width") > 0
    page.click(".dst button")
    paused = page.ask("document.querySelector('.dst').t")
    assert page.text(".dst button") == "▶ replay"
    assert 0 < paused < timeline.end
    assert page.ask("document.querySelector('.dst .v').getBBox().width") == 0
    page.click(".dst button")
    page.until(f"document.querySelector('.dst').t >= {timeline.end}")
    assert page.text(".dst-s") == f"status at {timeline.end:.2f} s"
    assert page.errors == []


def test_a_picture_that_comes_later_needs_no_script_of_its_own(show: Any) -> None:
    """As in the live view, which puts a new picture in place of the old one."""
    charts = one_chart(rolled())
    page = show(script(), "<div id=live></div>")
    html = inline(charts, scripted=False)
    for _ in range(2):
        page.ask(f"document.getElementById('live').innerHTML = {html!r}; 1")
        page.move(*place(page, charts, 0, 3.0))
        page.move(*place(page, charts, 1, 3.0))
        assert "worker: agent-" in page.text(".dst-r")
    assert page.errors == []


def test_the_live_view_s_next_picture_keeps_the_cursor_and_the_focus(show: Any) -> None:
    charts = one_chart(rolled())
    html = inline(charts, scripted=False)
    page = show(script(), f"<div id=live>{html}</div>")
    page.move(*place(page, charts, 2, 3.0))
    page.ask("document.querySelector('.dst input').focus()")
    words = page.text(".dst-r")
    page.ask(f"document.querySelector('#live').innerHTML = {html!r}; 1")
    page.until("document.querySelector('.dst-r').textContent")

    assert page.text(".dst-r") == words
    assert words.startswith("3.0")
    assert "worker2: " in words
    assert page.ask("document.activeElement.type") == "range"
    assert page.errors == []


def test_a_cursor_at_the_end_stays_at_the_end_of_the_next_picture(show: Any) -> None:
    short, long = (timeline_of(Fleet(2).run(1).apply().run(t).log()) for t in (4, 9))
    page = show(script(), f"<div id=live>{inline(one_chart(short), scripted=False)}</div>")
    page.ask("document.querySelector('.dst input').focus()")
    html = inline(one_chart(long), scripted=False)
    page.ask(f"document.querySelector('#live').innerHTML = {html!r}; 1")
    page.until("document.querySelector('.dst-r').textContent")

    assert page.text(".dst-r").startswith(f"{long.end:.2f} s")


def test_a_page_with_several_pictures_has_a_cursor_in_each(show: Any) -> None:
    charts = one_chart(rolled())
    page = show(inline(charts), inline(charts))
    page.move(*place(page, charts, 1, 3.0))

    assert page.ask("[...document.querySelectorAll('.dst-r')].map(e => e.textContent != '')") == [
        True, False,
    ]  # fmt: skip


def test_many_rows_are_named_by_hovering_them(show: Any) -> None:
    charts = one_chart(rolled(100))
    page = show(inline(charts))
    for row in (0, 57, 99):
        page.move(*place(page, charts, row, 0.5))
        lane = charts.charts[0].lanes[row]
        assert f"{lane.name}: {lane.bars[0].pod}" in page.text(".dst-r")


@pytest.mark.parametrize("width", [700, 900, 1920])  # of a page without a margin
def test_it_fits_its_page_and_words_keep_apart(show: Any, width: int) -> None:
    page = show(inline(one_chart(rolled(11))))
    page.size(width, 1600)
    figure, svg, page_wide = page.ask(
        "['.dst', '.dst-w svg'].map(s => document.querySelector(s).getBoundingClientRect().width)"
        ".concat(document.documentElement.scrollWidth)"
    )
    boxes = page.ask(
        "[...document.querySelectorAll('.dst-w svg text')].map(e => e.getBoundingClientRect())"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    size = page.ask(
        "parseFloat(getComputedStyle(document.querySelector('.dst-w text')).fontSize)"
    ) * svg / 740  # fmt: skip
    least = 5 * svg / 740  # boxes of lines overlap a little where their words do not
    over = [
        (a, b)
        for a, b in itertools.combinations(boxes, 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > least
    ]

    assert page_wide <= width
    assert figure <= 1080
    assert svg > 0.9 * min(width, 1080)
    assert size >= 12
    assert over == []
    assert min(box[0] for box in boxes) >= 0
    assert max(box[2] for box in boxes) <= width


def test_on_a_narrow_page_picture_and_table_scroll_within_themselves(show: Any) -> None:
    page = show(inline(one_chart(rolled(11))))
    page.size(400, 1600)
    rooms = page.ask(
        "[...document.querySelectorAll('.dst-w')].map(e => [e.clientWidth, e.scrollWidth])"
    )

    assert page.ask("document.documentElement.scrollWidth") <= 400
    assert [wide > room for room, wide in rooms] == [True, True]
    assert rooms[0][1] == 684


DARK = (
    "--jp-content-font-color1:#fff;--jp-content-font-color2:#bdbdbd;--jp-layout-color0:#111111;"
    "--jp-layout-color1:#212121;--jp-border-color2:#424242"
)


def test_it_follows_a_change_of_jupyterlab_s_theme(show: Any) -> None:
    page = show(inline(one_chart(rolled())))
    ground = "getComputedStyle(document.querySelector('.dst')).backgroundColor"
    ink = "getComputedStyle(document.querySelector('.dst-w .h, .dst-w text')).fill"
    light = page.ask(ground), page.ask(ink)
    page.ask(f"document.body.style.cssText += '{DARK}'; 1")

    assert light[0] == "rgb(255, 255, 255)"
    assert page.ask(ground) == "rgb(17, 17, 17)"
    assert page.ask(ink) != light[1]


SEEN = """(color => {
    const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    c.fillStyle = color;
    c.fillRect(0, 0, 1, 1);
    return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255);
})"""
THEMES = {"light": "--jp-content-font-color1:rgba(0,0,0,.87);--jp-layout-color0:#fff", "dark": DARK}


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_in_both_themes(show: Any, theme: str) -> None:
    page = show(inline(one_chart(rolled())), style=THEMES[theme])
    ground = "getComputedStyle(document.querySelector('.dst')).backgroundColor"
    inks = [
        f"getComputedStyle(document.querySelector('.dst-w {one}')).fill" for one in (".e", ".m")
    ]
    inks.append("getComputedStyle(document.querySelector('.dst figcaption')).color")
    page_colour = tuple(page.ask(f"{SEEN}({ground})"))
    for ink in inks:
        low, high = sorted((luminance(page_colour), luminance(tuple(page.ask(f"{SEEN}({ink})")))))
        assert (high + 0.05) / (low + 0.05) >= 5, "the stripes of lanes cost a little"


def test_outside_jupyterlab_it_follows_the_reader_s_preference(show: Any) -> None:
    page = show(inline(one_chart(rolled())))
    ground = "getComputedStyle(document.querySelector('.dst')).backgroundColor"
    for scheme, colour in (("dark", "rgb(20, 23, 28)"), ("light", "rgb(255, 255, 255)")):
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        assert page.ask(ground) == colour


def test_the_bars_of_a_picture_are_one_tab_stop(show: Any) -> None:
    page = show(inline(one_chart(rolled())))
    stops = page.ask(
        "[...document.querySelectorAll('.dst *')].filter(e => e.tabIndex >= 0).map(e => e.tagName)"
    )

    # Arrow keys move over the bars, see above; picture and status can be scrolled by keys.
    assert stops == ["DIV", "BUTTON", "INPUT", "DIV"]


def test_nothing_is_loaded_from_anywhere(show: Any) -> None:
    page = show(inline(one_chart(rolled())))
    page.move(300, 300)

    assert [url for url in page.requests if not url.startswith("file:")] == []


def test_without_script_there_is_no_dead_control_and_all_the_rest(show: Any) -> None:
    page = show(inline(one_chart(rolled()), scripted=False))

    assert page.ask("getComputedStyle(document.querySelector('.dst-c')).display") == "none"
    assert page.ask("getComputedStyle(document.querySelector('.dst-o')).display") == "none"
    assert page.text(".dst-s") == "status at the end"
    assert page.ask("document.querySelectorAll('.dst-w path[fill]').length") > 4
