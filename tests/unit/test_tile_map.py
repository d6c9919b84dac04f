"""The tile map beside the replay: what each node has at a moment, and how it is written."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from fleet import Fleet, timeline_of

from daemonset_course.figures.rollout.chart import Chart, ChartSet, one_chart, two_charts
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.rollout.tile_map import (
    FEWEST,
    counts_of,
    has_tiles,
    tiles_at,
)


def rolled(workers: int, budget: int = 3, length: float = 15, **options: Any) -> ChartSet:
    fleet = Fleet(workers, max_unavailable=budget).run(1).apply().run(length)
    return one_chart(timeline_of(fleet.log()), **options)


def state(chart: Chart, t: float) -> dict[str, tuple[str, bool]]:
    return {tile.node: (tile.number, tile.ready) for tile in tiles_at(chart, t)}


def data_of(html: str) -> Any:
    (found,) = re.findall(r"data-d='(.*?)'", html, re.S)
    return json.loads(unescape(found))


# The data


def test_each_node_has_a_tile_in_the_order_of_the_names() -> None:
    (chart,) = rolled(12).charts
    names = [tile.node for tile in tiles_at(chart, 0.5)]

    assert names == ["control-plane", "worker", *(f"worker{i}" for i in range(2, 13))]


@pytest.mark.parametrize("workers", [12, 60])
def test_a_tile_shows_what_its_lane_shows_at_that_moment(workers: int) -> None:
    (chart,) = rolled(workers, 9, fold=False).charts
    seen = set()
    for lane in chart.lanes:
        for bar in lane.bars:
            t = (bar.start + bar.end) / 2
            number, ready = state(chart, t)[lane.name]
            assert (number, ready) == (bar.number, bar.phase == "ready")
            seen.add((bar.phase, ready))

    assert {("ready", True), ("not ready", False), ("terminating", False)} <= seen


def test_at_the_end_a_tile_has_the_pod_that_is_there_then() -> None:
    (chart,) = rolled(12).charts
    found = state(chart, chart.end)

    assert found.pop("control-plane") == ("", False)
    assert set(found.values()) == {("2", True)}


def test_of_two_pods_the_ready_one_counts() -> None:
    fleet = Fleet(12, max_unavailable=0, max_surge=2).run(1).apply().run(20)
    (chart,) = one_chart(timeline_of(fleet.log())).charts
    both = [(lane.name, bar) for lane in chart.lanes for bar in lane.bars
            if bar.rows == 2 and bar.phase == "ready" and bar.number == "1"]  # fmt: skip

    assert both
    for name, bar in both:
        assert state(chart, (bar.start + bar.end) / 2)[name] == ("1", True)


def test_a_pod_that_is_not_yet_available_is_not_ready() -> None:
    fleet = Fleet(12, max_unavailable=3, min_ready=2).run(1).apply().run(20)
    (chart,) = one_chart(timeline_of(fleet.log())).charts
    name, bar = next((lane.name, bar) for lane in chart.lanes for bar in lane.bars
                     if bar.phase == "not yet available")  # fmt: skip

    assert state(chart, (bar.start + bar.end) / 2)[name] == ("2", False)


def test_nodes_that_share_a_lane_have_a_tile_each() -> None:
    names = {"course-worker", *(f"course-worker{i}" for i in range(2, 13))}
    fleet = Fleet(12).run(1).apply(bad=names).run(9)
    (chart,) = one_chart(timeline_of(fleet.log())).charts
    tiles = tiles_at(chart, chart.end)

    assert len(chart.lanes) == 3
    assert len(tiles) == 13
    assert sorted({tile.lane for tile in tiles}) == [0, 1, 2]
    assert sum(tile.lane == 2 for tile in tiles) == 11


def test_the_counts_are_of_all_tiles() -> None:
    (chart,) = rolled(30, 5).charts
    for t in (0.5, 2.0, 4.0, 9.0, chart.end):
        tiles = tiles_at(chart, t)
        counts = {words: count for _, count, words in counts_of(tiles, "template")}
        down = 0 if chart.panel is None else chart.panel.unavailable.at(t) or 0

        assert sum(counts.values()) == 31
        assert counts["no Pod"] >= 1
        assert counts.get("Pod not available", 0) + counts["no Pod"] - 1 == down


def test_few_nodes_and_compared_charts_have_no_map() -> None:
    few, enough = (rolled(workers) for workers in (FEWEST - 2, FEWEST - 1))
    one = timeline_of(Fleet(12).run(1).apply().run(9).log())

    assert not has_tiles(few)
    assert has_tiles(enough)
    assert not has_tiles(two_charts(one, one, ("a", "b")))
    assert "dst-m" not in inline(few)


# The HTML


def tiles_in(html: str) -> list[tuple[str, str]]:
    (found,) = re.findall(r"<div class=dst-m aria-hidden=true>(.*?)</div>", html)
    return re.findall(r'<i class="?([^">]*)"?>([^<]*)</i>', found)


def test_without_a_script_the_map_is_that_of_the_end_and_says_so() -> None:
    html = inline(rolled(12), scripted=False)

    assert "<div class=dst-l>nodes at the end:<span>" in html
    assert tiles_in(html) == [("z", "-"), *[("c1", "2")] * 12]
    assert "</i>template 2: 12</span>" in html
    assert "</i>no Pod: 1</span>" in html


def test_states_differ_by_more_than_their_colour() -> None:
    html = inline(rolled(30, 5, length=4, fold=False))
    kinds = {text if "h" not in name.split() else "hatched" for name, text in tiles_in(html)}

    assert kinds == {"-", "1", "2", "hatched"}
    assert ".dst-t .h{background:repeating-linear-gradient" in html
    assert ".dst-y .o{border-radius:50%}" in html, "an old revision, where numbers have no room"


def test_many_tiles_are_small() -> None:
    assert '<div class="dst-t"' in inline(rolled(100, 10))
    assert '<div class="dst-t dst-y"' in inline(rolled(250, 25))


def test_an_untrusted_notebook_shows_no_bare_digits() -> None:
    """It drops the style and keeps texts; so the map is hidden but for the style."""
    html = inline(rolled(12))

    assert re.search(r'<div class="dst-t" style="display:none">', html)
    assert ".dst .dst-t{display:block!important" in html.replace(" !", "!")


def test_the_script_s_data_lead_from_a_tile_to_its_lane_and_from_a_number_to_its_colour() -> None:
    charts = rolled(60, 6)
    data = data_of(inline(charts))
    (chart,) = charts.charts

    assert [data["c"][0]["l"][lane][0] for lane in data["m"]] == [
        tile.node for tile in tiles_at(chart, 0)
    ]
    assert (data["q"], data["n"]) == ({"1": 0, "2": 1}, 1)


@pytest.mark.parametrize(("workers", "most"), [(12, 20_000), (99, 60_000), (999, 350_000)])
def test_the_whole_stays_small(workers: int, most: int) -> None:
    assert len(inline(rolled(workers, max(1, workers // 10), 40)).encode()) < most
