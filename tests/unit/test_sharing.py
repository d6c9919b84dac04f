"""Pods of several applications side by side: what was where, and what the picture says of it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
from fleet import HEADER, change, control_plane, node

from daemonset_course.plot.capacity import capacity_caption, capacity_headline, plot_capacity
from daemonset_course.plot.sharing import plot_sharing
from daemonset_course.timeline.sharing import sharing, sharing_caption, sharing_headline

Record = dict[str, Any]


def pod(name: str, app: str, where: str, *, ready: bool = False, bound: bool = True) -> Record:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [where]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pinned = {"affinity": {"nodeAffinity": required}} if where else {}
    conditions = [{"type": "Ready", "status": str(ready)}]
    if not bound:
        conditions.append({"type": "PodScheduled", "status": "False", "reason": "Unschedulable"})
    return {
        "metadata": {"name": name, "uid": name, "labels": {"app": app}},
        "spec": {"nodeName": where} if bound else pinned,
        "status": {"phase": "Running" if bound else "Pending", "conditions": conditions},
    }


def race() -> list[Record]:
    """red has n1, blue has n2; at 5 s red leaves n1 and blue gets it."""
    nodes = [control_plane(), node("n1"), node("n2")]
    return [
        HEADER,
        *(change(0.01, "nodes", each, "ADDED", "list") for each in nodes),
        change(0.02, "pods", pod("red-1", "red", "n1", ready=True), "ADDED", "list"),
        change(1, "pods", pod("red-2", "red", "n2", bound=False), "ADDED"),
        change(1, "pods", pod("blue-1", "blue", "n1", bound=False), "ADDED"),
        change(1, "pods", pod("blue-2", "blue", "n2"), "ADDED"),
        change(2, "pods", pod("blue-2", "blue", "n2", ready=True)),
        change(5, "pods", pod("red-1", "red", "n1", ready=True), "DELETED"),
        change(6, "pods", pod("blue-1", "blue", "n1", ready=True)),
        change(7, "pods", pod("other", "green", "n1", ready=True), "ADDED"),
        {"record": "end", "t": 10},
    ]


def test_each_app_holds_the_nodes_on_which_its_pods_are() -> None:
    found = sharing(race(), ["red", "blue"])

    assert found.held("red", 3) == {("n1", "ready"): 1, ("n2", "pending"): 1}
    assert found.held("blue", 3) == {("n1", "pending"): 1, ("n2", "ready"): 1}
    assert found.held("blue") == {("n1", "ready"): 1, ("n2", "ready"): 1}
    assert found.count("red", "ready") == 0


def test_only_the_apps_asked_for_and_no_idle_control_plane() -> None:
    found = sharing(race(), ["red"])

    assert found.nodes == ("n1", "n2")
    assert set(found.lives) == {"red"}


def test_a_pod_meant_for_no_node_has_a_lane_of_its_own() -> None:
    log = race()
    log.insert(-1, change(8, "pods", pod("web", "blue", "", bound=False), "ADDED"))

    assert sharing(log, ["blue"]).nodes == ("n1", "n2", "")


def test_while_the_watch_was_blind_pods_are_unknown() -> None:
    log = race()
    gap = {"record": "gap", "t": 4, "resource": "pods", "start": 3.0, "end": 4.0, "reason": ""}
    log.insert(-4, gap)
    (life,) = [one for one in sharing(log, ["blue"]).lives["blue"] if one[0].name == "blue-2"]

    assert [(s.phase, s.start, s.end) for s in life] == [
        ("not ready", 1, 2),
        ("ready", 2, 3.0),
        ("unknown", 3.0, 4.0),
        ("ready", 4.0, 10),
    ]


def test_headline_and_caption_count_what_was_at_the_end() -> None:
    found = sharing(race(), ["red", "blue"])

    assert sharing_headline(found) == "At the end red runs on 0, blue on 2 of 2 nodes"
    assert sharing_caption(found) == (
        "red: 1 ready at first, 1 pending at the end (Unschedulable). blue: 2 ready at the end."
    )


def test_the_picture_has_a_row_for_each_pod_and_says_what_it_shows() -> None:
    picture = plot_sharing(race(), ["red", "blue"])
    dark = plot_sharing(race(), ["red", "blue"], title="Who has the port", dark=True)

    ElementTree.fromstring(picture.svg())
    assert picture.caption == sharing_caption(sharing(race(), ["red", "blue"]))
    assert [label.get_text() for label in picture.figure.axes[-1].get_yticklabels()] == ["n1", "n2"]
    assert dark.title == "Who has the port"


FITS = {"without requests": {0: 8, 10: 8}, "with requests": {0: 8, 5: 7, 10: 6}}


def test_capacity_tells_what_the_agents_took() -> None:
    assert capacity_headline(FITS, "web") == (
        "10 agents took the room of 0 (without requests), 2 (with requests) Pods of web"
    )
    assert "with requests: 8 beside 0, 7 beside 5, 6 beside 10." in capacity_caption(FITS, "web")


def test_capacity_draws_a_line_for_each_kind_of_agent() -> None:
    picture = plot_capacity(FITS, app="web", dark=True)
    lines = picture.figure.axes[-1].lines

    assert [np.asarray(line.get_ydata()).tolist() for line in lines] == [[8, 8], [8, 7, 6]]
    assert len({line.get_marker() for line in lines}) == 2
