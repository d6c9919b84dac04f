"""Lanes on which nothing happens share a row, and what stands beside the low rows of many nodes."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from fleet import (
    HEADER,
    Fleet,
    change,
    control_plane,
    daemonset,
    gap,
    node,
    pod,
    present,
    timeline_of,
)

from daemonset_course.figures.rollout.chart import Chart, ChartSet, one_chart
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.figures.rollout.plot import plot
from daemonset_course.figures.rollout.row_labels import row_labels
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]
NAMES = [f"n{i}" for i in range(1, 8)]


def log(*records: Record, end: float = 10, pods: int = 7) -> Timeline:
    """A recording of seven nodes, of which so many have a ready Pod, and of what else happens."""
    before = [
        *present("nodes", *map(node, NAMES)),
        *present("daemonsets", daemonset()),
        *present("pods", *(pod(name, name, "r1") for name in NAMES[:pods])),
    ]
    ordered = sorted([*before, *records], key=lambda r: r["t"])
    return timeline_of([HEADER, *ordered, {"record": "end", "t": end}])


def stuck(workers: int = 12) -> Timeline:
    """A rollout that a bad image stops at its first node."""
    names = {"course-worker" + (str(i) if i > 1 else "") for i in range(1, workers + 1)}
    return timeline_of(Fleet(workers).run(1).apply(bad=names).run(9).log())


def chart(timeline: Timeline, **options: Any) -> Chart:
    (found,) = one_chart(timeline, **options).charts
    return found


def groups(timeline: Timeline, **options: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    lanes = chart(timeline, **options).lanes
    return [(lane.name, lane.words, lane.folded) for lane in lanes if lane.folded]


def lanes(timeline: Timeline, **options: Any) -> list[str]:
    return [lane.name for lane in chart(timeline, **options).lanes]


# Which lanes share a row


def test_nodes_with_one_ready_pod_throughout_share_a_row_below_the_others() -> None:
    timeline = log(change(4, "pods", pod("n3", "n3", "r1"), "DELETED"))

    assert lanes(timeline) == ["n3", "6 nodes"]
    assert groups(timeline) == [
        ("6 nodes", "template 1, ready throughout", ("n1", "n2", "n4", "n5", "n6", "n7"))
    ]


def test_a_row_of_several_has_the_bar_of_one_pod_without_its_name() -> None:
    lane = chart(log()).lanes[-1]

    assert [(bar.phase, bar.start, bar.end, bar.pod) for bar in lane.bars] == [("ready", 0, 10, "")]


def test_pods_that_differ_in_phase_or_revision_have_rows_of_their_own() -> None:
    waiting = [pod(n, n, "r2", phase="pending", reason="ImagePullBackOff") for n in NAMES[4:]]
    timeline = log(*present("pods", *waiting), pods=4)

    assert [words for _, words, _ in groups(timeline)] == [
        "template 1, ready throughout", "template 2, pending (ImagePullBackOff) throughout",
    ]  # fmt: skip


def test_nodes_without_a_pod_share_a_row_if_none_is_wanted() -> None:
    tainted = [control_plane(name) for name in ("t1", "t2", "t3")]
    found = groups(log(*present("nodes", *tainted), pods=2))

    assert found == [("3 nodes", "no Pod, none wanted", ("t1", "t2", "t3"))]
    assert lanes(log(pods=2)) == NAMES, "n3 to n7 should have one"


@pytest.mark.parametrize(
    "happens",
    [
        change(4, "pods", pod("n3", "n3", "r1", phase="not ready")),
        change(4, "pods", pod("n3", "n3", "r1", phase="terminating")),
        change(4, "pods", pod("more", "n3", "r1"), "ADDED"),
        change(4, "nodes", node("n3", disk="ssd")),
        change(4, "nodes", node("n3", ready="Unknown")),
        change(4, "nodes", node("n3", taints=[{"key": "a", "effect": "NoExecute"}])),
        {"record": "mark", "t": 4.0, "text": "look", "kind": "note", "node": "n3"},
    ],
    ids=["phase", "ends", "second Pod", "mark", "NotReady", "taint", "note"],
)
def test_a_lane_on_which_something_happens_is_drawn(happens: Record) -> None:
    assert lanes(log(happens)) == ["n3", "6 nodes"]


def test_a_lane_that_a_caller_names_is_drawn() -> None:
    assert lanes(log(), keep=["n2"]) == ["n2", "6 nodes"]
    timeline = stuck()
    by_full_name, by_short_name = (
        lanes(timeline, keep=[name]) for name in ("course-worker12", "worker12")
    )
    assert "worker12" in by_full_name
    assert by_full_name == by_short_name


def test_while_a_watch_was_interrupted_no_lane_is_idle() -> None:
    for resource in ("pods", "nodes", "daemonsets"):
        assert lanes(log(gap(2, 3, resource))) == NAMES


def test_fewer_than_two_lanes_saved_are_not_worth_it() -> None:
    ended = [change(4, "pods", pod(n, n, "r1"), "DELETED") for n in NAMES]

    assert lanes(log(*ended[:5])) == NAMES
    assert lanes(log(*ended[:4])) == [*NAMES[:4], "3 nodes"]


def test_one_option_shows_all_lanes() -> None:
    assert lanes(log(), fold=False) == NAMES


def test_letters_stay_on_their_lanes() -> None:
    found = chart(log(change(4, "nodes", node("n7", disk="ssd"))))

    assert [lane.name for lane in found.lanes] == ["n7", "6 nodes"]
    assert [row for one in found.letters for row, *_ in one.places] == [0]


def test_a_large_fleet_of_which_few_nodes_change_has_lanes_and_no_raster() -> None:
    data = one_chart(stuck(100))

    assert not data.dense
    assert [lane.name for lane in data.charts[0].lanes][-1] == "99 nodes"
    assert one_chart(stuck(100), fold=False).dense


# Both drawings, and the live view


def test_the_drawing_has_the_row_its_words_and_the_names_without_a_script() -> None:
    html = inline(one_chart(stuck()), scripted=False)
    words = re.findall(r"<text [^>]*>([^<]*)</text>", html)

    assert {"11 nodes", "template 1, ready throughout"} <= set(words)
    (details,) = re.findall(r"<details>(.*?)</details>", html)
    assert re.search(r"11 nodes, template 1, ready throughout: worker\d*, worker", details)
    assert details.count("worker") == 11


def test_the_script_gets_the_words_and_the_names_of_the_row() -> None:
    (data,) = re.findall(r"data-d='(.*?)'", inline(one_chart(stuck())), re.S)
    row = json.loads(unescape(data))["c"][0]["l"][-1]

    assert (row[0], row[2]) == ("11 nodes", [])
    assert row[3].startswith("template 1, ready throughout: worker")
    assert json.loads(unescape(data))["p"] == "agent-"


def test_a_file_has_the_row_and_its_words() -> None:
    drawn = plot(stuck())
    ax = drawn.figure.axes[1]

    assert [tick.get_text() for tick in ax.get_yticklabels()][-1] == "11 nodes"
    assert "template 1, ready throughout" in [text.get_text() for text in ax.texts]
    assert drawn.figure.get_figheight() < plot(stuck(), fold=False).figure.get_figheight() - 2


def test_in_the_live_view_a_lane_unfolds_when_something_happens_on_it() -> None:
    before = view(timeline_of(Fleet(12).run(1).log()))
    after = view(stuck())

    assert ">12 nodes</text>" in before
    assert ">worker" not in re.sub("<details>.*?</details>", "", before)
    assert ">11 nodes</text>" in after
    assert len(re.findall(r">worker\d*</text>", after)) == 1


def test_a_large_fleet_is_a_raster_in_the_live_view_from_the_beginning() -> None:
    assert ">101 nodes, sorted" in view(timeline_of(Fleet(100).run(1).log()))


# The low rows of many nodes


def rolled(workers: int, seconds: float) -> ChartSet:
    fleet = Fleet(workers, max_unavailable="10%").run(1).apply().run(seconds)
    return one_chart(timeline_of(fleet.log()), fold=False)


@pytest.mark.parametrize(("workers", "seconds"), [(45, 40), (100, 8), (100, 40), (600, 6)])
@pytest.mark.parametrize("share", [0.02, 0.037, 0.08])
def test_words_beside_rows_are_in_order_and_none_overlap(
    workers: int, seconds: float, share: float
) -> None:
    (found,) = rolled(workers, seconds).charts
    rows = len(found.lanes)
    line = share * rows
    labels = row_labels(found, "revision", line)

    assert len(labels) >= 5
    assert min(b - a for (a, _), (b, _) in pairwise(labels)) >= line - 1e-9
    assert labels[0] == (line / 2, found.lanes[0].name)
    assert labels[-1] == (rows - line / 2, found.lanes[-1].name)


def test_beside_the_rows_stands_how_many_are_in_which_state() -> None:
    (found,) = rolled(100, 8).charts
    words = " ".join(text for _, text in row_labels(found, "template", 2.0))
    counts = {state: int(count) for count, state in
              re.findall(r"(\d+) nodes?: (template \d|Pod not ready|no Pod)", words)}  # fmt: skip

    assert counts.keys() == {"template 1", "template 2", "Pod not ready", "no Pod"}
    assert sum(counts.values()) == 101
    assert counts["no Pod"] == 1
    ready = [lane for lane in found.lanes
             if [bar for bar in lane.bars if bar.end == found.end and bar.phase == "ready"
                 and bar.number == "2"]]  # fmt: skip
    assert counts["template 2"] == len(ready)


def test_a_row_that_is_named_has_its_name_beside_it() -> None:
    (found,) = rolled(100, 40).charts
    line = 3.0
    rows = {lane.name: i for i, lane in enumerate(found.lanes)}
    named = [(at, rows[text]) for at, text in row_labels(found, "revision", line) if text in rows]

    assert len(named) >= 4
    assert all(abs(at - (row + 0.5)) <= line / 2 for at, row in named)


def test_rows_without_a_rollout_are_in_the_order_in_which_pods_came() -> None:
    names = [f"n{i:02}" for i in range(50)]
    added = [change(9 - i / 10, "pods", pod(n, n), "ADDED") for i, n in enumerate(names)]
    records = [*present("nodes", *map(node, names)), *present("daemonsets", daemonset())]
    ordered = sorted(added, key=lambda r: r["t"])
    found = chart(timeline_of([HEADER, *records, *ordered, {"record": "end", "t": 10.0}]))

    assert [lane.node for lane in found.lanes] == names[::-1]
    assert found.order == "by start of their Pod"


def test_nodes_that_lost_their_pod_stand_above_those_that_keep_it() -> None:
    (found,) = rolled(100, 8).charts
    lost = [min((bar.end for bar in lane.bars if bar.phase == "ready"), default=99)
            for lane in found.lanes if all(bar.number == "1" for bar in lane.bars)]  # fmt: skip

    assert lost == sorted(lost)


@pytest.mark.parametrize("workers", [45, 99, 299, 999])
def test_low_rows_have_whole_or_half_units_and_sharp_edges(workers: int) -> None:
    html = inline(rolled(workers, 3))
    (data,) = re.findall(r"data-d='(.*?)'", html, re.S)
    high = json.loads(unescape(data))["c"][0]["h"]

    assert float(2 * high).is_integer()
    assert 250 <= high * (workers + 1) <= 640
    low = re.findall(r'<path d="M[^"]*" stroke="[^"]*" stroke-width="[^2][^>]*>', html)
    assert low
    assert all('shape-rendering="crispEdges"' in path for path in low)


def test_the_raster_of_a_file_has_rows_of_whole_pixels_and_the_same_words() -> None:
    timeline = timeline_of(Fleet(100, max_unavailable=9).run(1).apply().run(5).log())
    drawn = plot(timeline, fold=False)
    ax = drawn.figure.axes[1]
    words = [tick.get_text() for tick in ax.get_yticklabels()]
    pixels = ax.get_position().height * drawn.figure.get_figheight() * 160

    assert pixels / 101 == pytest.approx(round(pixels / 101))
    assert words[0] == chart(timeline, fold=False).lanes[0].name
    assert any("nodes: " in word or word.endswith("nodes:") for word in words)
    assert "image-rendering" in drawn.svg()
