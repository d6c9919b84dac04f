"""The gallery has every shape and state, and its pictures are those that somebody looked at."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from typing import get_args

import pytest

import gallery
from daemonset_course.figures.pods import PHASES
from daemonset_course.figures.rollout.chart import Chart, ChartSet
from daemonset_course.figures.rollout.key import NODE_STATES, node_state
from daemonset_course.figures.shapes import Shape, Table
from gallery_pictures import PICTURES, Exhibit


@cache
def pictures() -> dict[str, Exhibit]:
    return {name: make() for name, make in PICTURES.items()}


def charts() -> list[Chart]:
    sets = (one.data for one in pictures().values())
    return [chart for one in sets if isinstance(one, ChartSet) for chart in one.charts]


# What is in it


def test_every_shape_is_there() -> None:
    data = (one.data if isinstance(one.data, tuple) else (one.data,) for one in pictures().values())

    assert {type(one) for one in chain(*data)} == {ChartSet, *get_args(Shape)}, (
        "a picture of it is missing in tools/gallery_pictures.py"
    )


def test_every_phase_of_a_pod_and_state_of_a_node_is_there() -> None:
    lanes = [lane for chart in charts() for lane in chart.lanes]
    phases = {bar.phase for lane in lanes for bar in lane.bars}
    states = {node_state(state.words) for lane in lanes for state in lane.states}

    assert phases == set(PHASES)
    assert states == set(NODE_STATES)
    words = {word for lane in lanes for state in lane.states for word in state.words}
    assert {"cordoned", "taint gpu=true:NoSchedule"} <= words


def test_gap_outage_surge_budget_letters_raster_and_compared_rollouts_are_there() -> None:
    found, sets = charts(), [one.data for one in pictures().values()]
    panels = [chart.panel for chart in found if chart.panel]

    assert any(chart.gaps for chart in found)
    assert any(chart.outages for chart in found)
    assert any(panel.above for panel in panels)
    assert any(panel.surge.max() for panel in panels)
    assert any(len(chart.letters) > 1 for chart in found)
    assert any(one.dense for one in sets if isinstance(one, ChartSet))
    assert any(len(one.charts) == 2 for one in sets if isinstance(one, ChartSet))


def test_every_part_of_a_table_is_there() -> None:
    tables = [one.data for one in pictures().values() if isinstance(one.data, Table)]
    for part in ("totals", "sides", "remarks", "links", "slanted", "notes", "legend", "row_title"):
        assert any(getattr(table, part) for table in tables), part
    assert any(line.group for table in tables for line in table.rows)
    assert any(line.group for table in tables for line in table.columns)
    assert any(style.hatch for table in tables for style in table.styles.values())


# The page


def test_the_page_has_each_picture_light_and_dark_and_loads_nothing() -> None:
    some = {name: pictures()[name] for name in ("timeline: a rollout", "status", "tiles")}
    html = gallery.page(some)
    ids = re.findall(r'\bid="([^"]+)"', html)

    assert html.count("<figure") == 4
    assert html.count("<img alt=") == 2
    assert [html.count(style) for style in gallery.THEMES.values()] == [3, 3]
    assert len(ids) == len(set(ids)) > 4, "an id stands once on the page"
    assert set(re.findall(r'aria-(?:labelled|described)by="([^"]+)"', html)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)
    assert not re.search(r'(?:src|href)="(?!data:)', html)


# The digests


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_it_was_when_somebody_looked_at_it(name: str) -> None:
    found, before = gallery.digests({name: pictures()[name]}), gallery.stored()

    assert found[name] == before.get(name), (
        f"{name} is not as it was. Look at it (make gallery), then: {gallery.COMMAND}"
    )


def test_no_digest_is_left_of_a_picture_that_is_gone() -> None:
    assert list(gallery.stored()) == list(PICTURES), f"then: {gallery.COMMAND}"


def test_a_digest_depends_on_the_data_alone() -> None:
    name = "timeline: surge"
    again = {name: PICTURES[name]()}

    assert gallery.digests(again) == gallery.digests({name: pictures()[name]})
    assert gallery.plain((0.1 + 0.2, {"b", "a"}, {"k": None})) == [0.3, ["a", "b"], [["k", None]]]


def test_what_differs_is_named() -> None:
    before = {"a": {"data": "1", "html": "1"}, "b": {"data": "1"}, "gone": {"data": "1"}}
    now = {"a": {"data": "1", "html": "2"}, "b": {"data": "1"}, "c": {"data": "1"}}

    assert list(gallery.differing(now, before)) == ["a: html", "c: new", "gone: no longer there"]
    assert list(gallery.differing(before, before)) == []
