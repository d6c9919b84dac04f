from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, change, daemonset, node, pod

from daemonset_course.errors import BadInput
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.scale import plot_creation, plot_scale
from daemonset_course.timeline.scale import (
    Creation,
    Length,
    Rate,
    corner,
    creation,
    creation_caption,
    creation_headline,
    last_node_ready,
    lengths_caption,
    lengths_headline,
)
from daemonset_course.timeline.timeline import build

Record = dict[str, Any]
RATE = Rate(qps=20, burst=30)
RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "14-scale.json").read_text())
LENGTHS = [Length(100, 10, 11.5), Length(300, 10, 30.6, True), Length(300, 50, 29.1, True)]


def steady(count: int, *, burst: int = 30, qps: float = 20) -> Creation:
    created = tuple(max(0.0, (n - burst) / qps) for n in range(1, count + 1))
    return Creation(created, tuple(t + 1 for t in created))


def log(*, created: bool = True) -> list[Record]:
    via = "watch" if created else "list"
    names = [f"n{i}" for i in range(3)]
    records = [change(0.0, "nodes", node(name), "ADDED", "list") for name in names]
    records.append(change(1.0 if created else 0.0, "daemonsets", daemonset(), "ADDED", via))
    for i, name in enumerate(names):
        made = pod(f"p{i}", name, phase="not ready")
        records.append(change(1.5 + i, "pods", made, "ADDED"))
        if i < 2:
            records.append(change(2.5 + i, "pods", pod(f"p{i}", name)))
    records.sort(key=lambda record: record["t"])
    return [HEADER, *records, {"record": "end", "t": 6}]


def test_pods_are_counted_from_the_creation_of_their_daemonset() -> None:
    found = creation(build(log()))

    assert found.created == pytest.approx((0.5, 1.5, 2.5))
    assert found.ready == pytest.approx((1.5, 2.5))


def test_a_recording_that_began_too_late_is_refused() -> None:
    with pytest.raises(BadInput, match="does not show how a DaemonSet's first pods came"):
        creation(build(log(created=False)))


def test_the_burst_is_free_and_the_rest_waits() -> None:
    assert [RATE.takes(n) for n in (0, 30, 50, 1030)] == [0, 0, 1, 50]
    assert [RATE.sent(t) for t in (0, 1, 50)] == [30, 50, 1030]


@pytest.mark.parametrize("qps", [5, 20, 100])
def test_the_rate_leaves_the_burst_out(qps: float) -> None:
    assert steady(300, qps=qps).rate(RATE) == pytest.approx(qps)


@pytest.mark.parametrize("count", [3, 30, 39])
def test_a_run_that_hardly_outlasts_the_burst_has_no_rate(count: int) -> None:
    found = steady(count)

    assert found.rate(RATE) is None
    assert ("limit" in creation_headline(found, RATE)) == (count > RATE.burst)


def joining(*ready: float) -> list[Record]:
    names = [f"n{i}" for i in range(3)]
    added = [change(1, "nodes", node(name, ready="False"), "ADDED") for name in names]
    later = [change(t, "nodes", node(name)) for t, name in zip(ready, names, strict=False)]
    again = [change(9, "nodes", node("old")), change(9.5, "nodes", node("n0"))]
    return [HEADER, change(0, "nodes", node("old"), "ADDED", "list"), *added, *later, *again]


def test_the_last_node_counts_from_when_it_was_first_ready() -> None:
    assert last_node_ready(joining(2, 3, 5)) == 5


@pytest.mark.parametrize("log", [joining(2, 3), joining(2, 3)[:2]], ids=["one late", "none"])
def test_nodes_that_did_not_all_join_are_told(log: list[Record]) -> None:
    with pytest.raises(BadInput, match="does not show nodes that join"):
        last_node_ready(log)


def test_at_the_corner_ten_rounds_take_as_long_as_the_requests() -> None:
    for restart in (0.5, 1.6):
        nodes = corner(restart=restart, rate=RATE)
        assert RATE.takes(2 * nodes) == pytest.approx(10 * restart, abs=0.1)


def test_the_words_are_made_of_the_numbers() -> None:
    assert creation_headline(steady(100), RATE) == (
        "100 pods created in 3.5 s; the request limit alone takes 3.5 s"
    )
    assert creation_caption(steady(100), RATE) == (
        "100 pods, the last created after 3.5 s, the last ready after 4.5 s; "
        "30 requests at once and 20 a second would take 3.5 s."
    )
    assert "none ready" in creation_caption(Creation((0.5,), ()), RATE)
    assert lengths_headline(0.5, RATE).startswith("Above 65 nodes requests")
    assert "100 nodes with 10% 11.5 s, 300 nodes with 10% 30.6 s (recorded)" in lengths_caption(
        LENGTHS, 0.5, RATE
    )


def pictures(*, dark: bool) -> list[Picture]:
    return [
        plot_creation(steady(100), rate=RATE, dark=dark),
        plot_creation(steady(100), rate=RATE, recorded=steady(1000), dark=dark),
        plot_creation(Creation((0.5,), ()), rate=RATE, dark=dark),
        plot_scale(LENGTHS, restart=0.5, rate=RATE, dark=dark),
        plot_scale(LENGTHS[:1], restart=0.5, rate=RATE, dark=dark),
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_each_picture_can_be_shown_with_its_caption(dark: bool) -> None:
    for picture in pictures(dark=dark):
        svg = ElementTree.fromstring(picture.svg())
        assert picture.caption in [part.text for part in svg.iter() if part.text]


def test_recorded_points_are_hollow() -> None:
    (ax,) = plot_scale(LENGTHS, restart=0.5, rate=RATE).figure.axes
    faces = {line.get_label(): line.get_markerfacecolor() for line in ax.lines}

    assert faces["10%, recorded"] == faces["50%, recorded"] != faces["10%, measured now"]


def test_both_panels_show_every_pod() -> None:
    picture = plot_creation(steady(100), rate=RATE, recorded=steady(1000))
    highest = [max(line.get_ydata().max() for line in ax.lines) for ax in picture.figure.axes[-2:]]

    assert highest == [100, 1000]


def test_the_recorded_runs_are_whole() -> None:
    assert RECORDED["controller requests per second"] == RATE.qps
    assert RECORDED["controller burst"] == RATE.burst
    assert RECORDED["runs"][-1]["nodes"] == 1000
    for run in RECORDED["runs"]:
        assert len(run["created"]) == len(run["ready"]) == run["nodes"]
        assert run["created"] == sorted(run["created"])
        assert set(run["rollouts"]) == {"10", "50"}
        assert all(length > RATE.takes(2 * run["nodes"]) for length in run["rollouts"].values())
