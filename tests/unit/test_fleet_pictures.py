"""The pictures of joining, leaving and relabelled nodes, and the facts that they draw."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, Fleet, change, control_plane, daemonset, node, pod

from daemonset_course.errors import BadInput
from daemonset_course.plot import plot, plot_joining, plot_map, plot_staircase, plot_stripes
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.counts import (
    counts,
    counts_caption,
    counts_headline,
    pods_per_node,
)
from daemonset_course.timeline.fleetmap import fleet_map, map_caption, map_headline
from daemonset_course.timeline.joining import joining, joining_caption, joining_headline
from daemonset_course.timeline.labels import (
    label_spans,
    reactions,
    reactions_caption,
    reactions_headline,
)
from daemonset_course.timeline.timeline import build

Record = dict[str, Any]
TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def log(*records: Record, end: float = 10) -> list[Record]:
    return [HEADER, *records, {"record": "end", "t": end}]


def status(desired: int, ready: int) -> Record:
    made = daemonset()
    made["status"] = {"desiredNumberScheduled": desired, "numberReady": ready}
    return made


def listed(*names: str) -> list[Record]:
    nodes = [change(0.01, "nodes", node(name), "ADDED", "list") for name in names]
    return [change(0.01, "nodes", control_plane(), "ADDED", "list"), *nodes]


def leaving() -> list[Record]:
    return log(
        *listed("n1", "n2", "n3"),
        change(0.02, "daemonsets", status(3, 3), "ADDED", "list"),
        change(1, "nodes", node("n2"), "DELETED"),
        change(1, "nodes", node("n3"), "DELETED"),
        change(8, "daemonsets", status(1, 1)),
    )


def growing() -> list[Record]:
    return log(
        *listed("n1"),
        change(0.02, "daemonsets", status(1, 1), "ADDED", "list"),
        change(1, "nodes", node("n2"), "ADDED"),
        change(2, "daemonsets", status(2, 1)),
        change(4, "daemonsets", status(2, 2)),
    )


def test_counts_leave_out_the_control_plane_and_begin_after_the_list_of_nodes() -> None:
    found = counts(leaving())

    assert found.workers.values == (3, 1, 1)
    assert found.desired.values == (3, 1, 1)


def test_the_status_is_stale_from_the_removal_until_it_follows() -> None:
    found = counts(leaving())

    assert found.stale == pytest.approx(7)
    assert counts_headline(found) == ("2 nodes removed: the status kept counting them for 7.0 s")
    assert counts_caption(found) == (
        "Workers 3 → 1; desired 1, ready 1 at the end; the status counted missing nodes for 7.0 s."
    )


def test_a_growing_fleet_tells_how_long_a_worker_had_no_ready_pod() -> None:
    found = counts(growing())

    assert found.behind == pytest.approx(3)
    assert counts_headline(found) == "1 to 2 workers: desired and ready follow the nodes"


def test_another_daemonset_does_not_count() -> None:
    other = status(9, 9)
    other["metadata"]["name"] = "other"

    assert counts(log(*growing()[1:-1], change(5, "daemonsets", other))).desired.max() == 2


def test_a_pod_that_begins_as_another_ends_does_not_share_its_node() -> None:
    timeline = build(
        log(
            *listed("n1", "n2"),
            change(0.02, "daemonsets", daemonset(), "ADDED", "list"),
            change(1, "pods", pod("a", "n1"), "ADDED"),
            change(3, "pods", pod("a", "n1"), "DELETED"),
            change(3, "pods", pod("b", "n1"), "ADDED"),
            change(3, "pods", pod("c", "n2"), "ADDED"),
            change(4, "pods", pod("d", "n2"), "ADDED"),
        )
    )

    assert pods_per_node(timeline) == {"n1": 1, "n2": 2}


def versioned(made: Record, version: int) -> Record:
    made["metadata"]["resourceVersion"] = str(version)
    return made


def owned(uid: str, by: str, version: int) -> Record:
    made = versioned(pod(uid, "n9"), version)
    made["metadata"]["ownerReferences"][0]["name"] = by
    return made


def joined() -> list[Record]:
    """The watch of pods brings agent's pod before the watch of nodes tells that the taint went."""
    eager = daemonset()
    eager["metadata"]["name"] = "eager"
    return log(
        *listed("n1"),
        change(0.02, "daemonsets", daemonset(), "ADDED", "list"),
        change(0.02, "daemonsets", eager, "ADDED", "list"),
        change(1, "nodes", versioned(node("n9", taints=[TAINT], ready="False"), 10), "ADDED"),
        change(1.1, "pods", owned("e", "eager", 11), "ADDED"),
        change(2, "nodes", versioned(node("n9", taints=[TAINT]), 12)),
        change(2.5, "pods", owned("a", "agent", 14), "ADDED"),
        change(2.6, "nodes", versioned(node("n9"), 13)),
    )


def test_joining_orders_steps_as_they_were_stored_not_as_they_arrived() -> None:
    found = joining(joined(), "n9", ["eager", "agent"])

    assert found.ready.t <= found.untainted.t <= found.created["agent"].t
    assert found.created["eager"] < found.ready < found.untainted < found.created["agent"]
    assert joining_headline(found) == "eager did not wait for the node; agent did"
    assert joining_caption(found).startswith("After the node was added: pod of eager created 0.10")


def test_the_lane_of_a_removed_node_is_cut_up_and_explained() -> None:
    made = change(0.02, "daemonsets", daemonset(), "ADDED", "list")
    there = change(0.03, "pods", pod("a", "n1"), "ADDED", "list")
    gone = change(3, "nodes", node("n1"), "DELETED")
    words = {}
    for name, changes in {"whole": [], "removed": [gone]}.items():
        figure = plot(build(log(*listed("n1"), made, there, *changes))).figure
        cut = [one for one in figure.axes[1].patches if one.get_hatch() == "||||"]
        words[name] = {text.get_text() for text in figure.axes[0].texts}

        assert [(one.get_x(), one.get_width()) for one in cut] == [(3, 7) for _ in changes]
    assert words["removed"] - words["whole"] == {"node removed"}


def test_a_recording_without_the_joining_is_refused_with_what_is_missing() -> None:
    with pytest.raises(BadInput, match="does not show how n9 joined") as caught:
        joining(joined(), "n9", ["eager", "nobody"])

    assert "nobody" in caught.value.seen


def relabelled() -> list[Record]:
    return log(
        *listed("n3"),
        change(0.01, "nodes", node("n1", disk="ssd"), "ADDED", "list"),
        change(0.01, "nodes", node("n2", disk="hdd"), "ADDED", "list"),
        change(0.02, "daemonsets", daemonset(), "ADDED", "list"),
        change(0.03, "pods", pod("a", "n1"), "ADDED", "list"),
        change(2, "nodes", node("n2", disk="ssd")),
        change(2.3, "pods", pod("b", "n2"), "ADDED"),
        change(5, "nodes", node("n1")),
        change(5.4, "pods", pod("a", "n1", phase="terminating")),
        change(6, "pods", pod("a", "n1"), "DELETED"),
    )


def test_label_spans_follow_a_value_through_its_changes() -> None:
    spans = label_spans(relabelled(), "disk")

    assert [(s.value, s.start, s.end) for s in spans["n1"]] == [("ssd", 0, 5), (None, 5, 10)]
    assert [(s.value, s.start, s.end) for s in spans["n2"]] == [("hdd", 0, 2), ("ssd", 2, 10)]
    assert [s.value for s in spans["n3"]] == [None]


def test_reactions_measure_from_the_label_to_the_pod() -> None:
    found = reactions(label_spans(relabelled(), "disk"), build(relabelled()), "ssd")

    assert found.came == {"n2": pytest.approx(0.3)}
    assert found.left == {"n1": pytest.approx(0.4)}
    assert found.waits == []
    assert reactions_headline(found, "disk=ssd") == "Pods follow disk=ssd: 1 came, 1 went"
    assert reactions_caption(found, "disk=ssd") == (
        "1 node got disk=ssd: pod created within 0.30 s. "
        "1 node lost it: pod told to stop within 0.40 s."
    )


def test_a_pod_that_outstays_its_label_is_told() -> None:
    records = [*relabelled()[:-3], {"record": "end", "t": 10}]
    found = reactions(label_spans(records, "disk"), build(records), "ssd")

    assert found.waits == ["n1"]
    assert reactions_headline(found, "disk=ssd") == "disk=ssd is gone from 1 node, the pod is not"


def test_the_map_shows_label_and_pod_before_and_after() -> None:
    found, timeline = fleet_map(relabelled(), "disk")

    assert [(s.node, s.value, s.pod) for s in found.before] == [
        ("n1", "ssd", True),
        ("n2", "hdd", False),
        ("n3", None, False),
    ]
    assert [(s.value, s.pod) for s in found.after] == [(None, False), ("ssd", True), (None, False)]
    assert found.relabelled == ("n1", "n2")
    assert map_headline(found, "disk") == "2 nodes got another disk: 1 lost the pod, 1 got one"
    assert "n1: disk=ssd was removed, its pod went." in map_caption(found, timeline, "disk")


def pictures(*, dark: bool) -> dict[str, Picture]:
    fleet = Fleet(40).run(1).label("course-worker3", disk="ssd").run(2).log()
    return {
        "staircase": plot_staircase(leaving(), dark=dark),
        "joining": plot_joining(joined(), "n9", ["eager", "agent"], dark=dark),
        "stripes": plot_stripes(relabelled(), "disk", "ssd", dark=dark),
        "map": plot_map(relabelled(), "disk", dark=dark),
        "forty stripes": plot_stripes(fleet, "disk", "ssd", dark=dark),
        "forty on a map": plot_map(fleet, "disk", dark=dark),
    }


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_picture_is_svg_with_its_caption_as_description(dark: bool) -> None:
    for name, picture in pictures(dark=dark).items():
        text = picture.svg()

        assert ElementTree.fromstring(text).tag.endswith("svg"), name
        assert picture.caption in text.replace("&gt;", ">"), name
        assert "NaN" not in text, name


def test_text_stays_on_the_paper_and_does_not_cover_other_text() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for name, picture in pictures(dark=False).items():
        figure = picture.figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        paper = figure.bbox
        boxes = [text.get_window_extent(renderer) for text in figure.texts]
        boxes += [text.get_window_extent(renderer) for ax in figure.axes for text in ax.texts]

        assert all(paper.x0 <= b.x0 and b.x1 <= paper.x1 for b in boxes), name
        overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
        assert not overlaps, name
