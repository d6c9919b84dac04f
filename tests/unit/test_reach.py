"""How many nodes applications reach: over time, at the end, and in the two pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from fleet import HEADER, change, control_plane, node

from daemonset_course.plot.reach import plot_reach, plot_shares
from daemonset_course.timeline.reach import (
    reach,
    reach_caption,
    reach_headline,
    shares_caption,
    shares_headline,
)

Record = dict[str, Any]
APPS = ["agent", "web"]


def pod(name: str, where: str, *, ready: bool = True) -> Record:
    return {
        "metadata": {"name": name, "uid": name, "labels": {"app": name.partition("-")[0]}},
        "spec": {"nodeName": where},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def ending(made: Record) -> Record:
    made["metadata"]["deletionTimestamp"] = "2026-11-24T03:30:05Z"
    return made


def log() -> list[Record]:
    """agent on n1 and n2, web twice on n1; n3 joins and gets the agent; n2 is deleted."""
    return [
        HEADER,
        change(0.01, "nodes", control_plane(), "ADDED", "list"),
        change(0.01, "nodes", node("n1"), "ADDED", "list"),
        change(0.01, "nodes", node("n2"), "ADDED", "list"),
        change(0.02, "pods", pod("agent-1", "n1"), "ADDED", "list"),
        change(0.02, "pods", pod("agent-2", "n2"), "ADDED", "list"),
        change(0.03, "pods", pod("web-1", "n1"), "ADDED", "list"),
        change(0.04, "pods", pod("web-2", "n1"), "ADDED", "list"),
        change(1, "nodes", node("n3"), "ADDED"),
        change(2, "pods", pod("agent-3", "n3", ready=False), "ADDED"),
        change(3, "pods", pod("agent-3", "n3")),
        change(4, "nodes", node("n2"), "DELETED"),
        {"record": "end", "t": 5},
    ]


def points(steps: Any) -> list[tuple[float, int | None]]:
    return list(zip(steps.times, steps.values, strict=True))


def test_workers_are_counted_from_the_first_lists_on_without_the_control_plane() -> None:
    assert points(reach(log(), APPS).nodes) == [(0.04, 2), (1, 3), (4, 2), (5, 2)]


def test_a_node_is_reached_while_a_ready_pod_is_on_it_and_it_exists() -> None:
    found = reach(log(), APPS)

    assert points(found.covered["agent"]) == [(0.04, 2), (3, 3), (4, 2), (5, 2)]
    assert points(found.covered["web"]) == [(0.04, 1), (5, 1)]


def test_a_node_whose_only_pod_terminates_is_not_reached() -> None:
    told = log()
    told.insert(-1, change(4.5, "pods", ending(pod("agent-1", "n1"))))

    assert reach(told, APPS).covered["agent"].at(4.6) == 1


def test_the_shares_count_every_present_worker() -> None:
    found = reach(log(), APPS)

    assert found.held == {"agent": {"n1": 1, "n3": 1}, "web": {"n1": 2, "n3": 0}}
    assert found.shares("web") == {0: 1, 2: 1}


def test_a_recording_in_which_nothing_happened_is_counted_too() -> None:
    quiet = [record for record in log() if record.get("via") != "watch"]

    assert points(reach(quiet, APPS).covered["agent"]) == [(0.04, 2), (5, 2)]


def test_headlines_and_captions_are_made_of_the_counts() -> None:
    found = reach(log(), APPS)

    assert reach_headline(found) == "Of 2 nodes at the end have a ready Pod: agent 2, web 1"
    assert reach_caption(found) == (
        "Workers at first, at most, at the end: 2, 3, 2. "
        "Of them with a ready Pod: agent 2, 3, 2; web 1, 1, 1."
    )
    assert shares_headline(found) == "Ready Pods on a node: agent 1, web 0 to 2"
    assert shares_caption(found) == (
        "Ready Pods at the end of the recording. "
        "agent: 1 on 2 nodes; web: 0 on 1 node, 2 on 1 node."
    )


def test_the_lines_are_the_workers_and_each_app_told_apart_without_colour() -> None:
    ax = plot_reach(log(), APPS).figure.axes[-1]
    drawn = [np.asarray(line.get_ydata()).tolist() for line in ax.lines]

    assert drawn == [[2, 3, 2, 2], [2, 3, 2, 2], [1, 1]]
    assert len({(line.get_linewidth(), str(line.get_linestyle())) for line in ax.lines}) == 3


def test_the_bars_count_nodes_by_pods_for_each_app() -> None:
    picture = plot_shares(log(), APPS, title="Shares", dark=True)
    ax = picture.figure.axes[-1]
    bars = [[bar.get_height() for bar in group] for group in ax.containers]

    assert bars == [[0, 2, 0], [1, 0, 1]]
    assert [text.get_text() for text in ax.texts] == ["0", "2", "0", "1", "0", "1"]
    assert len({bar[0].get_hatch() for bar in ax.containers}) == 2
    assert picture.title == "Shares"
