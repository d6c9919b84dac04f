"""The tile map and the names of low rows, in a browser: they follow the cursor and lead it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, browser
from fleet import Fleet, timeline_of

from daemonset_course.figures.rollout.chart import ChartSet, one_chart
from daemonset_course.figures.rollout.inline import inline, script
from daemonset_course.figures.rollout.tile_html import tile_map
from daemonset_course.figures.rollout.tile_map import counts_of, tiles_at

MAP = "[...document.querySelectorAll('.dst-m i')].map(e => [e.className, e.textContent])"


def rolled(workers: int, budget: int) -> ChartSet:
    fleet = Fleet(workers, max_unavailable=budget).run(1).apply().run(14)
    return one_chart(timeline_of(fleet.log()))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Any:
    def show(*pieces: str) -> Page:
        page.errors.clear()
        page.size(900, 1600)
        text = "<!doctype html><meta charset=utf-8><body style='margin:0'>" + "".join(pieces)
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        page.open(tmp_path / "page.html")
        return page

    return show


def slide(page: Page, charts: ChartSet, t: float) -> None:
    """Move the slider to a time."""
    value = 1000 * (t - charts.span[0]) / (charts.span[1] - charts.span[0])
    page.ask(
        f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
        "(document.querySelector('.dst input'))"
    )


def tile(page: Page, number: int) -> tuple[float, float]:
    x, y = page.ask(
        "(b => [b.x + b.width / 2, b.y + b.height / 2])"
        f"(document.querySelectorAll('.dst-m i')[{number}].getBoundingClientRect())"
    )
    return x, y


@pytest.mark.parametrize(("workers", "budget"), [(12, 3), (60, 9)])
def test_the_map_is_that_of_the_cursor_s_moment(show: Any, workers: int, budget: int) -> None:
    charts = rolled(workers, budget)
    (chart,) = charts.charts
    page = show(inline(charts))
    for t in (0.5, 1.5, 2.25, 4.75, chart.end):
        slide(page, charts, t)
        found = [(kind, text) for kind, text in page.ask(MAP)]
        given = [
            (f"c{one.colour}" + ("" if one.ready else " h") + ("" if one.colour == 1 else " o"),
             one.number) if one.number else ("z", "-")
            for one in tiles_at(chart, t)
        ]  # fmt: skip

        assert found == given
        counts = counts_of(tiles_at(chart, t), "template")
        shown = page.ask(
            "[...document.querySelectorAll('.dst-l span')].map(e => e.lastChild.textContent)"
        )
        assert shown == [f"{words}: {count}" for _, count, words in counts]
        assert page.text(".dst-l").startswith(f"nodes at {t:.2f} s:")
    assert page.errors == []


def test_after_the_replay_the_map_is_that_of_the_end_as_without_a_script(show: Any) -> None:
    charts = rolled(12, 3)
    page = show(inline(charts))
    slide(page, charts, 2.0)
    slide(page, charts, charts.span[1])
    html = page.ask("document.querySelector('.dst-m').innerHTML").replace('"', "")

    assert html in tile_map(charts.charts[0], charts.word)


def test_hovering_a_tile_leads_the_cursor_to_its_lane(show: Any) -> None:
    charts = rolled(60, 9)
    page = show(inline(charts))
    slide(page, charts, 2.25)
    for number in (3, 40):
        page.move(*tile(page, number))
        name = tiles_at(charts.charts[0], 0)[number].node
        assert page.text(".dst-r").startswith(f"2.25 s, {name}: ")
        marked = page.ask("[...document.querySelectorAll('.dst-m i')].findIndex("
                          "e => e.classList.contains('s'))")  # fmt: skip
        assert marked == number
        assert page.text(".dst-w .w") == name
    assert page.errors == []


def test_a_tile_of_a_shared_lane_names_all_its_nodes(show: Any) -> None:
    names = {"course-worker", *(f"course-worker{i}" for i in range(2, 13))}
    charts = one_chart(timeline_of(Fleet(12).run(1).apply(bad=names).run(9).log()))
    page = show(inline(charts))
    number = next(i for i, one in enumerate(tiles_at(charts.charts[0], 0)) if one.lane == 2)
    page.move(*tile(page, number))
    words = page.text(".dst-r")

    assert "11 nodes: template 1, ready throughout: worker" in words
    assert len(re.findall(r"worker", words)) == 11
    assert page.ask("document.querySelectorAll('.dst-m .s').length") == 11


def test_names_of_shared_lanes_unfold_without_a_script(show: Any) -> None:
    names = {"course-worker", *(f"course-worker{i}" for i in range(2, 13))}
    charts = one_chart(timeline_of(Fleet(12).run(1).apply(bad=names).run(9).log()))
    page = show(inline(charts, scripted=False))
    high = "document.querySelector('.dst details').getBoundingClientRect().height"
    before = page.ask(high)
    page.click(".dst summary")

    assert page.ask(high) > before + 10
    assert page.text(".dst details div").startswith("11 nodes, template 1, ready throughout: ")


def test_the_row_under_the_cursor_is_named_beside_it_by_pointer_and_keys(show: Any) -> None:
    charts = rolled(60, 9)
    (chart,) = charts.charts
    page = show(inline(charts))
    page.ask("document.querySelector('.dst input').focus()")
    for row in (0, 1, 2):
        assert page.text(".dst-w .w") == chart.lanes[row].name
        page.press("ArrowDown")
    left, right = page.ask(
        "(b => [b.left, b.right])(document.querySelector('.dst-w .w').getBoundingClientRect())"
    )
    assert 0 < left < right < 900


@pytest.mark.parametrize("width", [700, 1920])
def test_tiles_and_their_key_fit_the_page(show: Any, width: int) -> None:
    page = show(inline(rolled(100, 20)))
    page.size(width, 1600)
    right, page_wide, size = page.ask(
        "[Math.max(...[...document.querySelectorAll('.dst-t *')].map("
        "e => e.getBoundingClientRect().right)), document.documentElement.scrollWidth, "
        "parseFloat(getComputedStyle(document.querySelector('.dst-m i')).fontSize)]"
    )

    assert right <= width
    assert page_wide <= width
    assert size >= 12


def test_a_picture_that_comes_later_has_a_map_that_follows(show: Any) -> None:
    """As in the live view, whose script is there before the first node is."""
    charts = rolled(12, 3)
    page = show(script(tiles=True), script(tiles=True), "<div id=live></div>")
    page.ask(f"document.getElementById('live').innerHTML = {inline(charts, scripted=False)!r}; 1")
    slide(page, charts, 0.5)

    assert [text for _, text in page.ask(MAP)] == ["-", *["1"] * 12]
    assert page.ask("document.querySelectorAll('.dst-l span').length") == 2
    assert page.errors == []


def test_at_the_end_the_cursor_names_the_pod_that_is_there_then_alone(show: Any) -> None:
    charts = rolled(12, 3)
    page = show(inline(charts))
    page.ask("document.querySelector('.dst input').focus()")
    page.press("ArrowDown")
    last = max(charts.charts[0].lanes[1].bars, key=lambda bar: bar.start)

    assert page.text(".dst-r").split(": ")[1].startswith(f"{last.pod}, template 2, ready, ")
    assert page.text(".dst-r").count("template") == 1
