"""The status over time under the lanes, and where it lags behind the Pods."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fleet import Fleet, change, daemonset, gap, history, listed, node, pod, timeline_of
from matplotlib.figure import Figure

from daemonset_course.figures.rollout.chart import Chart, one_chart, two_charts
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.rollout.plot import plot
from daemonset_course.figures.rollout.status_strip import LAG, status_strip
from daemonset_course.history.timeline import Timeline

NODES = ("n1", "n2", "n3")
FULL = {
    "desiredNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 3,
    "numberAvailable": 3,
}  # fmt: skip


def scene(*records: dict[str, Any], min_ready: int = 0, end: float = 20) -> Timeline:
    """Three nodes with a ready Pod each, and a status that says so."""
    log = history(
        *listed("nodes", *map(node, NODES)),
        *listed("daemonsets", daemonset(min_ready=min_ready, **FULL)),
        *listed("pods", *(pod(name, name) for name in NODES)),
        *records, end=end,
    )  # fmt: skip
    return log.timeline()


def lags(timeline: Timeline) -> dict[str, list[tuple[float, float]]]:
    return {row.name: list(row.lags) for row in status_strip(timeline) if row.lags}


def late(*, at: float) -> tuple[dict[str, Any], ...]:
    """A Pod goes at 2 s, and the status says so later."""
    down = FULL | {"numberReady": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    return (
        change(2, "pods", pod("n1", "n1"), "DELETED"),
        change(at, "daemonsets", daemonset(**down)),
    )


def test_a_status_that_follows_the_pods_does_not_lag() -> None:
    strip = status_strip(timeline_of(Fleet(5).run(1).apply().run(20).log()))

    assert [row.lags for row in strip] == [(), ()]
    assert [row.name for row in strip] == ["READY, AVAILABLE", "UP-TO-DATE"]
    assert [v for v in strip[1].values.values if v is not None][-1] == 5


def test_a_row_of_three_columns_has_its_name_on_two_lines_beside_the_lanes() -> None:
    html = inline(one_chart(scene(*late(at=9))))
    named = re.findall(r'<text class="e" x="138" y="([\d.]+)">([A-Z, -]+)</text>', html)

    assert [line for _, line in named] == ["READY, UP-TO-DATE,", "AVAILABLE"]
    assert float(named[1][0]) - float(named[0][0]) == 17


def test_a_status_that_comes_late_lags_from_the_pod_s_end_on() -> None:
    assert lags(scene(*late(at=9))) == {"READY, UP-TO-DATE, AVAILABLE": [(2, 9)]}


def test_what_two_watches_can_be_apart_is_no_lag() -> None:
    assert lags(scene(*late(at=2.9))) == {}


def test_a_terminating_pod_may_count_and_may_not() -> None:
    leaving = change(2, "pods", pod("n1", "n1", phase="terminating"))

    assert lags(scene(leaving)) == {}
    assert (
        lags(scene(leaving, change(9, "daemonsets", daemonset(**FULL | {"numberReady": 2})))) == {}
    )


def test_a_pod_that_waits_for_min_ready_seconds_is_ready_and_not_available() -> None:
    came = change(2, "pods", pod("n1", "n1", phase="not ready")), change(4, "pods", pod("n1", "n1"))
    down = FULL | {"numberReady": 2, "numberAvailable": 2}
    written = [change(t, "daemonsets", daemonset(min_ready=5, **numbers)) for t, numbers in (
        (2, down), (4, FULL | {"numberAvailable": 2}), (14, FULL),
    )]  # fmt: skip

    assert lags(scene(*came, *written, min_ready=5)) == {"AVAILABLE": [(9, 14)]}


@pytest.mark.parametrize("resource", ["pods", "nodes", "daemonsets"])
def test_in_a_gap_nothing_lags(resource: str) -> None:
    found = lags(scene(*late(at=9), gap(4, 7, resource)))

    assert found == {"READY, UP-TO-DATE, AVAILABLE": [(2, 4), (7, 9)]}


def test_without_a_daemonset_there_is_no_number() -> None:
    gone = change(5, "daemonsets", daemonset(**FULL), "DELETED")
    (row, *_) = status_strip(scene(*late(at=3), gone))

    assert row.values.at(4) == 2
    assert row.values.at(6) is None


def test_where_the_strip_would_say_nothing_there_is_none() -> None:
    assert status_strip(scene()) == ()
    assert one_chart(scene()).charts[0].strip == ()
    assert one_chart(scene(*late(at=9)), counts=False).charts[0].strip == ()


def test_desired_has_a_row_where_it_changes() -> None:
    more = change(5, "daemonsets", daemonset(**FULL | {"desiredNumberScheduled": 4}))

    assert [row.name for row in status_strip(scene(more))] == ["DESIRED"]


def test_compared_charts_have_a_strip_each_on_their_own_clock() -> None:
    one = timeline_of(Fleet(3).run(1).apply().run(9).log())
    other = timeline_of(Fleet(3).run(2).apply().run(9).log())
    data = two_charts(one, other, ("one", "two"))

    a, b = (chart.strip for chart in data.charts)
    assert [row.name for row in a] == [row.name for row in b]
    assert a[0].values.times[0] == pytest.approx(-1, abs=0.1)
    assert b[0].values.times[0] == pytest.approx(-2, abs=0.1)


# The drawings


def words(figure: Figure) -> set[str]:
    return {text.get_text() for ax in figure.axes for text in ax.texts}


def test_both_drawings_write_the_numbers_and_the_lag() -> None:
    timeline = scene(*late(at=9))
    html = inline(one_chart(timeline))
    figure = plot(timeline).figure
    (row,) = (
        ax for ax in figure.axes if any("READY" in t.get_text() for t in ax.get_yticklabels())
    )

    assert {"lag 7.0 s", "3", "2"} <= words(figure)
    assert [patch.get_hatch() for patch in row.patches] == ["////"]
    assert ">lag 7.0 s</text>" in html
    assert re.findall(r"<tspan x=.\d+.>(\d)</tspan>", html) == ["3", "2"]
    assert f" {LAG}</li>" in html
    assert LAG in dict(one_chart(timeline).key)
    assert LAG not in dict(one_chart(timeline_of(Fleet(3).run(1).apply().run(9).log())).key)


def test_a_number_that_has_room_in_its_stretch_alone_is_written_there() -> None:
    dip = [change(t, "daemonsets", daemonset(**FULL | {"numberReady": n})) for t, n in (
        (1, 2), (8, 3),
    )]  # fmt: skip
    timeline = scene(*dip, end=100)
    html = inline(one_chart(timeline))

    assert re.findall(r"<tspan x=.\d+.>(\d)</tspan>", html) == ["3", "2", "3"]


def test_the_names_of_equal_columns_fit_the_margin() -> None:
    html = inline(one_chart(scene(*fewer(2))))
    names = re.findall(r'<text class="e" x="138" y="([\d.]+)">([A-Z ,-]+)</text>', html)
    numbers = re.search(r'<text class="o" y="([\d.]+)"><tspan', html)

    assert [name for _, name in names] == ["DESIRED, READY,", "UP-TO-DATE,", "AVAILABLE"]
    assert numbers is not None
    assert numbers[1] == names[1][0], "the numbers stand beside the middle line"


def test_both_drawings_have_room_for_the_names_of_equal_columns() -> None:
    figure = plot(scene(*fewer(2))).figure
    names = (text for ax in figure.axes for text in ax.get_yticklabels())
    (name,) = (text for text in names if "READY" in text.get_text())
    figure.draw_without_rendering()

    assert name.get_window_extent().x0 >= 0


def fewer(count: int) -> list[dict[str, Any]]:
    """All columns of the status change at once."""
    status = dict.fromkeys(FULL, count)
    return [
        change(2, "pods", pod("n1", "n1"), "DELETED"),
        change(2, "daemonsets", daemonset(**status)),
    ]


def chart(timeline: Timeline) -> Chart:
    (found,) = one_chart(timeline).charts
    return found


# Nodes that were not seen


def test_the_state_of_a_node_within_a_gap_of_its_watch_is_unknown() -> None:
    unsure = node("n1", ready="Unknown")
    timeline = scene(change(2, "nodes", unsure), gap(5, 8, "nodes"))
    states = {
        lane.node: [(s.start, s.end, s.words[0]) for s in lane.states]
        for lane in chart(timeline).lanes
    }

    assert states["n1"] == [
        (2, 5, "node NotReady (Unknown)"), (5, 8, "node state unknown"),
        (8, 20, "node NotReady (Unknown)"),
    ]  # fmt: skip
    assert states["n2"] == [(5, 8, "node state unknown")]
    assert "node state unknown" in dict(one_chart(timeline).key)
    assert " node state unknown</li>" in inline(one_chart(timeline))
