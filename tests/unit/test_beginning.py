"""The time before a recording's first lists, and bars of no length: neither is drawn as absence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from fake_server import pod as served
from fleet import HEADER, Fleet, change, daemonset, gap, node, pod
from matplotlib.patches import Rectangle
from test_recorder import recorder

from daemonset_course.plot import plot, plot_staircase, plot_stripes
from daemonset_course.plot.frame import frame
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.reach import plot_reach
from daemonset_course.plot.sequence import plot_sequence
from daemonset_course.plot.sharing import plot_sharing
from daemonset_course.plot.trouble import plot_trouble
from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.counts import counts
from daemonset_course.timeline.labels import label_spans
from daemonset_course.timeline.reach import reach
from daemonset_course.timeline.sharing import sharing
from daemonset_course.timeline.timeline import build
from daemonset_course.timeline.trouble import trouble

Record = dict[str, Any]
END = 4.0


def agent(uid: str, on: str, **more: Any) -> Record:
    made = pod(uid, on, **more)
    made["metadata"]["labels"]["app"] = "agent"
    return made


def slow() -> list[Record]:
    """The lists of a slow server: nodes at 0.3 s, the DaemonSet at 0.5 s, the Pods at 0.8 s."""
    tainted = node("n2", taints=[{"key": "gpu", "effect": "NoSchedule"}], disk="ssd")
    return [
        HEADER,
        change(0.3, "nodes", node("n1", disk="ssd"), "ADDED", "list"),
        change(0.3, "nodes", tainted, "ADDED", "list"),
        change(0.5, "daemonsets", daemonset(), "ADDED", "list"),
        change(0.8, "pods", agent("p", "n1"), "ADDED", "list"),
        change(0.8, "pods", agent("q", "n2"), "ADDED", "list"),
        change(2.0, "pods", agent("q", "n2", phase="terminating")),
        {"record": "end", "t": END},
    ]


def bars(drawn: Picture, panel: int) -> list[Rectangle]:
    """What is drawn of pods, labels and taints."""
    found = [p for p in drawn.figure.axes[panel].patches if p.get_zorder() == 2]
    return [p for p in found if isinstance(p, Rectangle)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda log: plot(build(log)),
        lambda log: plot_stripes(log, "disk", "ssd"),
        lambda log: plot_sharing(log, ["agent"]),
        lambda log: plot_trouble(log, ["n1", "n2"], ["agent"]),
        plot_sequence,
    ],
    ids=["timeline", "stripes", "sharing", "trouble", "sequence"],
)
def test_the_axis_begins_when_all_lists_had_arrived_and_no_lane_is_blank_there(draw: Any) -> None:
    drawn = draw(slow())
    panel = next(i for i, ax in enumerate(drawn.figure.axes) if ax.get_xlim()[1] == END)
    left = drawn.figure.axes[panel].get_xlim()[0]
    there = [bar for bar in bars(drawn, panel) if bar.get_x() <= left]

    assert left == begun(slow()) == 0.8
    assert len({round(bar.get_y() + bar.get_height() / 2, 1) for bar in there}) >= 2


def test_counts_are_unknown_until_all_lists_had_arrived() -> None:
    reached, counted = reach(slow(), ["agent"]), counts(slow())

    for steps in (reached.nodes, reached.covered["agent"], counted.workers):
        assert (steps.times[0], steps.values[0]) == (0.8, 2)
    for drawn in (plot_reach(slow(), ["agent"]), plot_staircase(slow())):
        assert drawn.figure.axes[-1].get_xlim() == (0.8, END)


def test_the_live_view_begins_there_too() -> None:
    found = [float(x) for x in re.findall(r'<rect x="([0-9.]+)"', frame(build(slow())))]

    assert found[:2] == [150, 150]  # the left end of the lanes


def test_what_a_relist_finds_was_not_there_from_the_beginning() -> None:
    late = [
        gap(2.1, 2.5),
        gap(2.1, 2.5, "nodes"),
        change(2.6, "pods", agent("r", "n3"), "ADDED", "list"),
        change(2.6, "nodes", node("n3", taints=[{"key": "a", "effect": "NoSchedule"}]), via="list"),
    ]
    log = [*slow()[:-1], *late, slow()[-1]]
    (found,) = trouble(log, ["n3"], ["agent"])

    assert found.pods["agent"][0].start == found.taints[0].start == 2.6
    assert sharing(log, ["agent"]).lives["agent"][-1][0].start == 2.6
    assert label_spans(log, "disk")["n3"][0].start == 2.6
    assert begun(log) == 0.8


def still() -> list[Record]:
    """A recording that ended with its last list."""
    return [*(r for r in slow() if r.get("t", 0.0) < 1)]


def test_pods_of_a_recording_that_has_no_length_are_drawn() -> None:
    one = build(still())
    drawn = plot(one)
    left, right = drawn.figure.axes[1].get_xlim()

    assert {s.node for s in one.segments} == {"n1", "n2"}
    assert [bar for bar in bars(drawn, 1) if bar.get_width() <= 0] == []
    assert {round(bar.get_y() + bar.get_height() / 2) for bar in bars(drawn, 1)} == {0, 1}
    assert "no pod" not in [t.get_text() for t in drawn.figure.axes[1].texts]
    for bar in bars(drawn, 1):
        assert left <= bar.get_x() < bar.get_x() + bar.get_width() <= right


@pytest.mark.parametrize("draw", [plot_sharing, lambda log, apps: plot_trouble(log, ["n1"], apps)])
def test_short_and_momentary_pods_are_seen_in_the_other_pictures(draw: Any) -> None:
    log = [
        *slow()[:-1],
        change(3.0, "pods", agent("s", "n1", phase="pending"), "ADDED"),
        change(3.001, "pods", agent("s", "n1", phase="ready")),
        change(END, "pods", agent("z", "n1", phase="pending"), "ADDED"),
    ]
    drawn = draw(log, ["agent"])
    ax = drawn.figure.axes[-1]
    pixel = (ax.get_xlim()[1] - ax.get_xlim()[0]) / 520  # of a picture that is 700 px wide
    narrow = [bar for bar in bars(drawn, -1) if bar.get_width() < 3 * pixel]

    assert sorted(round(bar.get_x(), 1) for bar in narrow) == [3.0, END]
    assert all(bar.get_width() > pixel for bar in narrow)


def test_a_short_phase_is_drawn_above_the_long_one_that_follows() -> None:
    fleet = Fleet(1).run(1)
    log = fleet.log(ended=False)
    log += [
        change(1, "pods", pod("x", "course-worker", phase="pending"), "ADDED"),
        change(1.0005, "pods", pod("x", "course-worker", phase="not ready")),
        {"record": "end", "t": 9},
    ]
    found = [bar for bar in bars(plot(build(log)), 1) if bar.get_x() >= 1]

    assert min(found, key=Rectangle.get_width) is found[-1]


def test_the_clock_begins_when_all_first_lists_are_in(tmp_path: Path) -> None:
    with FakeServer() as server:
        server.objects = [served("agent-1", 5)]
        recording = recorder(server, tmp_path)
        since = recording.elapsed
        recording.start()
        first = [r["t"] for r in recording.records if r["record"] == "change"]
        recording.mark("now")
        recording.stop()

    assert since >= 0
    assert set(first) == {0.0}
    assert recording.timeline.start == 0.0
    assert recording.records[-1]["t"] >= recording.timeline.marks[0].t >= 0.0
