"""The data of a timeline's picture, which both drawings read."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from fleet import HEADER, Fleet, change, daemonset, gap, node, pod, present, timeline_of

from daemonset_course.figures.rollout.chart import (
    MOST_LANES,
    Chart,
    PodBar,
    one_chart,
    two_charts,
)
from daemonset_course.figures.rollout.letters import MOST_MARKS
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]


def log(*records: Record, end: float = 10) -> Timeline:
    ordered = sorted(records, key=lambda r: r["t"])
    return timeline_of([HEADER, *ordered, {"record": "end", "t": end}])


def chart(timeline: Timeline, **options: Any) -> Chart:
    (found,) = one_chart(timeline, **options).charts
    return found


def stretches(bars: tuple[PodBar, ...]) -> list[tuple[str, float, float]]:
    return [(bar.phase, bar.start, bar.end) for bar in sorted(bars, key=lambda bar: bar.start)]


# Bars


def test_a_ready_pod_that_waits_for_min_ready_seconds_has_a_bar_of_its_own() -> None:
    timeline = log(
        *present("nodes", node("n1")),
        *present("daemonsets", daemonset(min_ready=3)),
        change(1, "pods", pod("p", "n1", phase="not ready"), "ADDED"),
        change(2, "pods", pod("p", "n1")),
    )
    (lane,) = chart(timeline).lanes

    assert stretches(lane.bars) == [
        ("not ready", 1, 2), ("not yet available", 2, 5), ("ready", 5, 10),
    ]  # fmt: skip
    assert "Pod ready, not yet available" in dict(one_chart(timeline).key)


def test_a_failed_pod_keeps_its_reason() -> None:
    timeline = log(
        *present("nodes", node("n1")),
        *present("daemonsets", daemonset()),
        change(1, "pods", pod("p", "n1", phase="failed", reason="OutOfcpu"), "ADDED"),
    )
    ((bar,),) = [lane.bars for lane in chart(timeline).lanes]

    assert (bar.phase, bar.reason) == ("failed", "OutOfcpu")


def test_each_stretch_of_a_pod_is_named_once_where_it_has_its_lane_for_itself() -> None:
    fleet = Fleet(2, max_unavailable=0, max_surge=1, termination=2).run(1).apply().run(20)
    for lane in chart(timeline_of(fleet.log())).lanes[1:]:
        ready = [bar for bar in lane.bars if bar.phase == "ready"]
        named = [bar for bar in ready if bar.named]

        assert {bar.rows for bar in ready} == {1, 2}
        assert sorted((bar.number, bar.rows) for bar in named) == [("1", 1), ("2", 1)]


def test_what_keeps_pods_off_a_node_is_the_ground_of_its_lane() -> None:
    fleet = Fleet(2).run(1).cordon("course-worker").run(1).kubelet_silent("course-worker2").run(1)
    data = one_chart(timeline_of(fleet.log()))
    states = {lane.name: [one.words for one in lane.states] for lane in data.charts[0].lanes}

    assert states == {
        "control-plane": [], "worker": [("cordoned",)], "worker2": [("node NotReady (Unknown)",)],
    }  # fmt: skip
    assert {"node NotReady", "node tainted or cordoned"} <= dict(data.key).keys()


# Marks


def test_marks_are_letters_and_equal_ones_of_a_moment_share_one() -> None:
    fleet = Fleet(3).run(1).cordon("course-worker").cordon("course-worker2").run(5)
    first, second = chart(timeline_of(fleet.note("now").run(1).log())).letters

    assert (first.letter, second.letter) == ("A", "B")
    assert first.words == "1.0 s  worker, worker2: cordon"
    assert [lane for lane, *_ in first.places] == [1, 2]
    assert [(lane, t) for lane, t, _ in second.places] == [(-1, 6.0)]


def test_equal_marks_one_after_the_other_share_a_letter_where_there_would_be_many() -> None:
    fleet = Fleet(9).run(1)
    for i in range(2, 10):
        fleet.cordon(f"course-worker{i}").run(0.4)
    few = Fleet(9).run(1).cordon("course-worker2").run(1).cordon("course-worker3").run(8)
    (one,) = chart(timeline_of(fleet.run(5).log()), fold=False).letters

    assert one.words == "1.0 to 3.8 s  8 nodes: cordon"
    assert sorted((lane, t) for lane, t, _ in one.places) == [
        (i, pytest.approx(1 + 0.4 * (i - 2))) for i in range(2, 10)
    ]
    assert [each.words for each in chart(timeline_of(few.log())).letters] == [
        "1.0 s  worker2: cordon", "2.0 s  worker3: cordon",
    ]  # fmt: skip


def test_that_a_component_was_stopped_stands_where_its_outage_begins() -> None:
    def state(t: float, state: str) -> Record:
        return {"record": "component", "t": t, "component": "etcd", "state": state}

    def said(t: float, text: str) -> Record:
        return {"record": "mark", "t": t, "text": text, "kind": "note", "node": ""}

    log = [
        *Fleet(1).run(1).log()[:-1], state(2.0, "stopped"), said(3.2, "etcd: stopped"),
        state(5.0, "running"), said(5.5, "etcd: started"), said(6.0, "kubelet: stopped"),
        said(15.0, "etcd: stopped"), {"record": "end", "t": 20.0},
    ]  # fmt: skip
    (found,) = one_chart(timeline_of(log)).charts

    assert [(one.start, one.end) for one in timeline_of(log).outages] == [(2.0, 5.0)]
    assert [one.words for one in found.letters] == [
        "2.0 s  etcd: stopped", "5.0 s  etcd: started", "6.0 s  kubelet: stopped",
        "15.0 s  etcd: stopped",
    ]  # fmt: skip


def test_letters_of_one_moment_keep_apart_and_stay_on_the_axis() -> None:
    for before, after in ((0, 20), (20, 0.01)):
        fleet = Fleet(1).run(before)
        for i in range(6):
            fleet.note(f"note {i}")
        data = one_chart(timeline_of(fleet.run(after).log()))
        shown = [at for one in data.charts[0].letters for _, _, at in one.places]
        gaps = [b - a for a, b in itertools.pairwise(shown)]

        assert len(shown) == 6
        assert min(gaps) == pytest.approx(0.03 * data.span[1])
        assert -1e-9 < shown[0] < shown[-1] < data.span[1] + 1e-9


def test_more_marks_than_the_picture_has_room_for_are_counted() -> None:
    fleet = Fleet(1)
    for i in range(MOST_MARKS + 3):
        fleet.run(1).note(f"note {i}")
    found = chart(timeline_of(fleet.run(1).log()))

    assert [one.letter for one in found.letters] == list("ABCDEFGHIJKL")
    assert found.more_marks == 3


# The panel


def counted(*counts: tuple[float, int], budget: int = 1) -> Chart:
    """A rollout with these counts of nodes without an available Pod, of six."""
    names = [f"n{i}" for i in range(6)]
    rolling = {"maxUnavailable": budget, "maxSurge": 0}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    records = [
        *present("nodes", *map(node, names)),
        *present("daemonsets", daemonset(strategy=strategy)),
        *present("pods", *(pod(name, name, "r1") for name in names)),
        change(1, "daemonsets", daemonset(2, strategy=strategy, image="a:2")),
    ]
    down = 0
    for t, count in counts:
        for i in range(min(down, count), max(down, count)):
            phase = "not ready" if count > down else "ready"
            records.append(change(t, "pods", pod(names[i], names[i], "r1", phase=phase)))
        down = count
    return chart(log(*records))


@pytest.mark.parametrize(
    ("counts", "above"),
    [
        ([(2, 3), (3, 2), (4, 1), (5, 0)], [(2, 3, 1, 3), (3, 4, 1, 2)]),
        ([(2, 2), (3, 0)], [(2, 3, 1, 2)]),
        ([(2, 1), (3, 0)], []),
        ([(2, 2)], [(2, 10, 1, 2)]),
    ],
)
def test_time_above_the_budget_is_exact_stretch_by_stretch(
    counts: list[tuple[float, int]], above: list[tuple[float, float, int, int]]
) -> None:
    panel = counted(*counts).panel

    assert panel is not None
    assert list(panel.above) == above


def test_the_budget_is_there_only_while_a_template_is_rolled_out() -> None:
    timeline = timeline_of(Fleet(4).run(1).apply().run(30).kubelet_silent("course-worker").log())
    (rollout,) = rollouts(timeline)
    panel = chart(timeline).panel

    assert panel is not None
    known = [(a, b) for a, b, value in panel.budget.stretches() if value is not None and b > a]
    assert (known[0][0], known[-1][1]) == (rollout.start, rollout.end)
    assert panel.surge.times == panel.surge_budget.times == ()


def test_where_the_panel_would_say_nothing_there_is_none() -> None:
    still = timeline_of(Fleet(3).run(4).log())

    assert chart(still).panel is None
    assert chart(still, counts=True).panel is not None
    assert chart(timeline_of(Fleet(3).run(1).apply().run(9).log()), counts=False).panel is None


# The whole


def test_gaps_and_outages_are_stretches_of_the_axis() -> None:
    stopped = [
        {"record": "component", "t": t, "component": "kube-scheduler", "state": state}
        for t, state in ((2.0, "stopped"), (4.0, "running"), (6.0, "ended"))
    ]
    data = one_chart(log(*present("nodes", node("n1")), gap(1, 3), gap(5, 6, "nodes"), *stopped))
    (found,) = data.charts

    assert found.unseen == ((1, 3),)
    assert found.gaps == ((1, 3), (5, 6))
    assert found.outages == ((2, 4, "kube-scheduler stopped"), (6, 10, "kube-scheduler away"))
    assert {"kube-scheduler stopped", "kube-scheduler away"} <= dict(data.key).keys()


def test_above_forty_lanes_rows_are_in_the_order_of_the_rollout() -> None:
    few, many = (Fleet(n, max_unavailable=9).run(1).apply().run(30) for n in (39, 40))
    timeline = timeline_of(many.log())
    (rollout,) = rollouts(timeline)
    data = one_chart(timeline)

    assert not one_chart(timeline_of(few.log())).dense
    assert data.dense
    assert len(timeline.nodes) == MOST_LANES + 1
    nodes = [lane.node for lane in data.charts[0].lanes]
    assert nodes == [*rollout.order, "course-control-plane"]


def test_without_a_rollout_rows_are_in_the_order_in_which_their_pods_ended() -> None:
    names = [f"n{i:02}" for i in range(50)]
    records = [
        *present("nodes", *map(node, names)),
        *present("daemonsets", daemonset()),
        *present("pods", *(pod(name, name) for name in names)),
        *(change(9 - i / 10, "pods", pod(name, name), "DELETED")
          for i, name in enumerate(names[:30])),
    ]  # fmt: skip
    found = chart(log(*records), fold=False)

    assert [lane.node for lane in found.lanes[:30]] == names[:30][::-1]
    assert found.order == "by end of their last Pod"


def test_compared_timelines_share_an_axis_and_each_has_its_panel() -> None:
    early = timeline_of(Fleet(3, min_ready=1).run(1).apply().run(9).log())
    late = timeline_of(Fleet(3).run(2).apply().run(1).cordon("course-worker").run(3).log())
    data = two_charts(early, late, ("one", "two"))
    a, b = data.charts

    assert (a.label, b.label, data.span[1], b.end) == ("one", "two", 9.0, 4.0)
    assert [one.places[0][1] for one in (a.letters[0], b.letters[0])] == [0.0, 0.0]
    assert a.panel is not None
    assert b.panel is not None
    waits = [bar for lane in a.lanes for bar in lane.bars if bar.phase == "not yet available"]
    assert len(waits) == 3
    assert all(bar.end - bar.start == pytest.approx(1.0, abs=0.1) for bar in waits)
    assert [one.start for lane in b.lanes for one in lane.states] == [1.0]
    assert b.status[0][0] < 0


def test_both_ways_to_draw_have_the_same_words() -> None:
    data = one_chart(timeline_of(Fleet(3).run(1).apply().run(9).log()), title="Mine", caption="So.")

    assert (data.title, data.caption, data.word) == ("Mine", "So.", "template")
