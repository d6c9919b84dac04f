from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fleet import change, daemonset, gap, history, listed, node, pod

from daemonset_course.analysis.scale import (
    Creation,
    Creations,
    Length,
    LengthsByNodes,
    Rate,
    creation,
    crossover_nodes,
)
from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Lines
from daemonset_course.figures.show import show

Record = dict[str, Any]
RATE = Rate(qps=20, burst=30)
RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "scale.json").read_text())
LENGTHS = [Length(100, 10, 11.5), Length(300, 10, 30.6, True), Length(300, 50, 29.1, True)]
BY_NODES = LengthsByNodes(LENGTHS, restart=0.5, rate=RATE)


def steady(count: int, *, burst: int = 30, qps: float = 20) -> Creation:
    created = tuple(max(0.0, (n - burst) / qps) for n in range(1, count + 1))
    return Creation(created, tuple(t + 1 for t in created))


def points(figure: Lines, label: str) -> list[tuple[float, Any]]:
    return next(list(one.points) for one in figure.series if one.label == label)


NAMES = ["n0", "n1", "n2"]
CREATED = [change(1, "daemonsets", daemonset(), "ADDED")]


def created(daemonset: list[Record], *more: Record) -> Creation:
    """The creation of three Pods, of which two are ready by the end."""
    came = [change(1.5 + i, "pods", pod(n, n, phase="not ready"), "ADDED")
            for i, n in enumerate(NAMES)]  # fmt: skip
    ready = [change(2.5 + i, "pods", pod(n, n)) for i, n in enumerate(NAMES[:2])]
    nodes = listed("nodes", *map(node, NAMES))
    return creation(history(*nodes, *daemonset, *came, *ready, *more).timeline())


def test_pods_are_counted_from_the_creation_of_their_daemonset() -> None:
    found = created(CREATED)

    assert found.created == pytest.approx((0.5, 1.5, 2.5))
    assert found.ready == pytest.approx((1.5, 2.5))


@pytest.mark.parametrize(
    ("daemonset", "more", "seen"),
    [
        (listed("daemonsets", daemonset()), [], "3 Pods"),
        (CREATED, [gap(4, 5)], "The watch of pods saw nothing from 4.0 s to 5.0 s."),
    ],
    ids=["began too late", "interrupted"],
)
def test_a_creation_that_was_not_all_seen_is_refused(
    daemonset: list[Record], more: list[Record], seen: str
) -> None:
    with pytest.raises(
        BadInput, match="does not show how a DaemonSet's first Pods were created"
    ) as error:
        created(daemonset, *more)

    assert error.value.seen == seen


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
    assert ("limit" in Creations(found, RATE).headline) == (count > RATE.burst)


def test_at_the_corner_ten_rounds_take_as_long_as_the_requests() -> None:
    for restart in (0.5, 1.6):
        nodes = crossover_nodes(restart=restart, rate=RATE)
        assert RATE.takes(2 * nodes) == pytest.approx(10 * restart, abs=0.1)


def test_the_words_are_made_of_the_numbers() -> None:
    found = Creations(steady(100), RATE, recorded=steady(1000))

    assert found.headline == "100 Pods created in 3.5 s; the request limit alone takes 3.5 s"
    assert found.caption == (
        "100 Pods, the last created after 3.5 s, the last ready after 4.5 s; "
        "30 requests at once and 20 a second would take 3.5 s. "
        "Recorded: 1000 Pods, the last created after 48.5 s, the last ready after 49.5 s; "
        "30 requests at once and 20 a second would take 48.5 s."
    )
    assert "none ready" in Creations(Creation((0.5,), ()), RATE).caption
    assert BY_NODES.headline.startswith("Above 65 nodes requests")
    assert "100 nodes with 10% 11.5 s, 300 nodes with 10% 30.6 s (recorded)" in BY_NODES.caption


def test_each_panel_shows_every_pod_on_the_band_of_requests() -> None:
    now, recorded = Creations(steady(100), RATE, recorded=steady(1000)).figure()

    assert [one.heading for one in (now, recorded)] == ["now: 100 nodes", "recorded: 1000 nodes"]
    for panel, pods in ((now, 100), (recorded, 1000)):
        assert [points(panel, label)[-1][1] for label in ("created", "ready")] == [pods, pods]
    assert points(now, "requests allowed: burst, then so many a second") == [
        (0, 0), (0, 30), (3.5, 100), (pytest.approx(4.5 * 1.05), 100),
    ]  # fmt: skip


def test_a_prediction_is_a_line_in_the_panel_of_now_alone() -> None:
    found = Creations(steady(100), RATE, recorded=steady(1000), predicted=9.0)
    now, recorded = found.figure()

    assert points(now, "predicted: last Pod created") == [(9.0, 0), (9.0, 100)]
    assert now.x_span == (0, pytest.approx(9.0 * 1.05))
    assert all(one.label != "predicted: last Pod created" for one in recorded.series)
    assert "You predicted 9.0 s for the last one created. Recorded:" in found.caption


def test_a_rollout_without_a_ready_pod_has_a_line_at_zero() -> None:
    (panel,) = Creations(Creation((0.5,), ()), RATE).figure()

    assert {y for _, y in points(panel, "ready")} == {0}


def test_recorded_points_are_hollow() -> None:
    hollow = {one.label: one.stroke.hollow for one in BY_NODES.figure().series if not one.named}

    assert hollow == {"10%, measured now": False, "10%, recorded": True, "50%, recorded": True}


def test_lengths_by_nodes_stand_over_rounds_and_requests() -> None:
    figure = BY_NODES.figure()
    requests = points(figure, "two requests\na node")

    assert {y for _, y in points(figure, "10%: 10 rounds")} == {5}
    assert {y for _, y in points(figure, "50%: 2 rounds")} == {1}
    assert all(y == pytest.approx((2 * n - 30) / 20) for n, y in requests)
    assert figure.x_span == (pytest.approx(requests[0][0]), pytest.approx(390))


def test_the_axis_of_nodes_names_those_that_were_measured() -> None:
    axis = show(BY_NODES).figure.axes[-1].xaxis

    assert {one.nodes for one in BY_NODES.measured} == {100, 300} <= set(axis.get_ticklocs())


def test_the_recorded_runs_are_whole() -> None:
    assert RECORDED["controller requests per second"] == RATE.qps
    assert RECORDED["controller burst"] == RATE.burst
    assert RECORDED["runs"][-1]["nodes"] == 1000
    for run in RECORDED["runs"]:
        assert len(run["created"]) == len(run["ready"]) == run["nodes"]
        assert run["created"] == sorted(run["created"])
        assert set(run["rollouts"]) == {"10", "50"}
        assert all(length > RATE.takes(2 * run["nodes"]) for length in run["rollouts"].values())
