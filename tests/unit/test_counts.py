"""How many nodes there are, and how many a DaemonSet and applications reach."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, control_plane, daemonset, gap, history, listed, node
from fleet import pod as owned_pod

from daemonset_course.analysis.counts import Counts, Reach, counts, pods_per_node, reach
from daemonset_course.history.index import History

Record = dict[str, Any]
APPS = ["agent", "web"]
NODES = (control_plane(), *map(node, ("n1", "n2", "n3")))


def status(desired: int, ready: int) -> Record:
    made = daemonset()
    made["status"] = {"desiredNumberScheduled": desired, "numberReady": ready}
    return made


def leaving(*more: Record) -> Counts:
    """Two of three nodes are deleted at 1; the status follows at 8."""
    log = history(
        *listed("nodes", *NODES),
        *listed("daemonsets", status(3, 3)),
        change(1, "nodes", node("n2"), "DELETED"),
        change(1, "nodes", node("n3"), "DELETED"),
        change(8, "daemonsets", status(1, 1)),
        *more,
    )
    return counts(log)


def growing(*more: Record) -> Counts:
    log = history(
        *listed("nodes", *NODES[:2]),
        *listed("daemonsets", status(1, 1)),
        change(1, "nodes", node("n2"), "ADDED"),
        change(2, "daemonsets", status(2, 1)),
        change(4, "daemonsets", status(2, 2)),
        *more,
    )
    return counts(log)


def test_counts_leave_out_the_control_plane_and_begin_after_the_list_of_nodes() -> None:
    found = leaving()

    assert found.workers.values == (3, 1, 1)
    assert [found.desired.at(t) for t in (0, 1, 8)] == [None, 3, 1]


def test_the_status_is_stale_from_the_removal_until_it_follows() -> None:
    found = leaving()

    assert found.stale == pytest.approx(7)
    assert found.headline == "2 nodes removed: the status kept counting them for 7.0 s"
    assert found.caption == (
        "Workers 3 → 1; desired 1, ready 1 at the end; the status counted missing nodes for 7.0 s."
    )


def test_a_growing_fleet_tells_how_long_a_worker_had_no_ready_pod() -> None:
    found = growing()

    assert found.behind == pytest.approx(3)
    assert found.headline == "1 to 2 workers: desired and ready follow the nodes"
    assert found.caption.endswith("not all workers had a ready Pod for 3.0 s at a stretch.")


def test_another_daemonset_does_not_count() -> None:
    other = status(9, 9)
    other["metadata"] |= {"name": "other", "uid": "ds-2"}

    assert growing(change(5, "daemonsets", other, "ADDED")).desired.max() == 2


def test_workers_are_a_band_and_what_is_counted_and_not_there_is_shaded() -> None:
    figure = leaving().figure()

    assert [(one.label, [y for _, y in one.points]) for one in figure.series] == [
        ("workers", [3, 1, 1]), ("desired", [None, 3, 1, 1]), ("ready", [None, 3, 1, 1]),
    ]  # fmt: skip
    assert [(one.upper, one.lower) for one in figure.shades] == [("desired", "workers")]


@pytest.mark.parametrize(
    ("resource", "line"), [("nodes", "workers"), ("daemonsets", "desired"), ("daemonsets", "ready")]
)
def test_a_count_is_unknown_in_a_gap(resource: str, line: str) -> None:
    middle, open_ = leaving(gap(3, 4, resource)), leaving(gap(9, 10, resource))

    assert getattr(middle, line).at(3.5) is None
    assert getattr(middle, line).at(5) is not None
    assert middle.headline.endswith("kept counting them for at least 4.0 s")
    assert getattr(open_, line).at(10) is None
    assert open_.figure().unknown == ((9, 10),)
    assert f"The watch of {resource} saw nothing from 9.0 s to 10.0 s." in open_.caption


def test_what_nobody_saw_at_the_end_is_unknown_in_words_too() -> None:
    assert "desired unknown, ready unknown at the end" in leaving(gap(9, 10, "daemonsets")).caption
    nodes = leaving(gap(9, 10, "nodes"))
    assert (nodes.headline, nodes.caption.partition(";")[0]) == (
        "3 workers at first, an unknown number of them at the end",
        "Workers 3 → unknown",
    )


def test_a_pod_that_begins_as_another_ends_does_not_share_its_node() -> None:
    log = history(
        *listed("nodes", *NODES[:3]),
        *listed("daemonsets", daemonset()),
        change(1, "pods", owned_pod("a", "n1"), "ADDED"),
        change(3, "pods", owned_pod("a", "n1"), "DELETED"),
        change(3, "pods", owned_pod("b", "n1"), "ADDED"),
        change(3, "pods", owned_pod("c", "n2"), "ADDED"),
        change(4, "pods", owned_pod("d", "n2"), "ADDED"),
    )

    assert pods_per_node(log.timeline()) == {"n1": 1, "n2": 2}


# Applications


def pod(name: str, where: str, *, ready: bool = True) -> Record:
    return {
        "metadata": {"name": name, "uid": name, "labels": {"app": name.partition("-")[0]}},
        "spec": {"nodeName": where},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def ending(made: Record) -> Record:
    made["metadata"]["deletionTimestamp"] = "2026-11-24T03:30:05Z"
    return made


LISTED = (
    *listed("nodes", *NODES[:3]),
    *listed("pods", pod("agent-1", "n1"), pod("agent-2", "n2"), pod("web-1", "n1")),
    change(0.04, "pods", pod("web-2", "n1"), "ADDED", "list"),
)


def log(*more: Record) -> History:
    """agent on n1 and n2, web twice on n1; n3 joins and gets the agent; n2 is deleted."""
    return history(
        *LISTED,
        change(1, "nodes", node("n3"), "ADDED"),
        change(2, "pods", pod("agent-3", "n3", ready=False), "ADDED"),
        change(3, "pods", pod("agent-3", "n3")),
        change(4, "nodes", node("n2"), "DELETED"),
        *more,
        end=5,
    )


def found_in(*more: Record) -> Reach:
    return reach(log(*more), APPS)


def points(steps: Any) -> list[tuple[float, int | None]]:
    return list(zip(steps.times, steps.values, strict=True))


def test_workers_are_counted_from_the_first_lists_on_without_the_control_plane() -> None:
    assert points(found_in().nodes) == [(0.04, 2), (1, 3), (4, 2), (5, 2)]


def test_a_node_is_reached_while_a_ready_pod_is_on_it_and_it_exists() -> None:
    found = found_in()

    assert points(found.covered["agent"]) == [(0.04, 2), (3, 3), (4, 2), (5, 2)]
    assert points(found.covered["web"]) == [(0.04, 1), (5, 1)]


def test_a_node_whose_only_pod_terminates_is_not_reached() -> None:
    found = found_in(change(4.5, "pods", ending(pod("agent-1", "n1"))))

    assert found.covered["agent"].at(4.6) == 1


def test_the_shares_count_every_present_worker() -> None:
    found = found_in()

    assert found.held == {"agent": {"n1": 1, "n3": 1}, "web": {"n1": 2, "n3": 0}}
    assert found.shares.workers["web"] == {0: 1, 2: 1}


def test_a_recording_in_which_nothing_happened_is_counted_too() -> None:
    quiet = reach(history(*LISTED, end=5), APPS)

    assert points(quiet.covered["agent"]) == [(0.04, 2), (5, 2)]


def test_headlines_and_captions_are_made_of_the_counts() -> None:
    found = found_in()

    assert found.headline == "Of 2 nodes at the end have a ready Pod: agent 2, web 1"
    assert found.caption == (
        "Workers at first, at most, at the end: 2, 3, 2. "
        "Of them with a ready Pod: agent 2, 3, 2; web 1, 1, 1."
    )
    assert found.shares.headline == "Ready Pods on a node: agent 1, web 0 to 2"
    assert found.shares.caption == (
        "Ready Pods at the end of the recording. "
        "agent: 1 on 2 nodes; web: 0 on 1 node, 2 on 1 node."
    )


def test_the_lines_are_the_workers_and_each_app_told_apart_without_colour() -> None:
    series = found_in().figure().series

    assert [(one.label, [y for _, y in one.points]) for one in series] == [
        ("workers", [2, 3, 2, 2]), ("agent", [2, 3, 2, 2]), ("web", [1, 1]),
    ]  # fmt: skip
    assert len({(one.stroke.width, one.stroke.dash) for one in series}) == 3


def test_the_bars_count_nodes_by_pods_for_each_app() -> None:
    figure = found_in().shares.figure()

    assert (figure.groups, figure.values) == (
        ("0", "1", "2"), {"agent": (0, 2, 0), "web": (1, 0, 1)},
    )  # fmt: skip
    assert len({style.hatch for style in figure.styles.values()}) == 2


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_reach_is_unknown_in_a_gap(resource: str) -> None:
    middle = found_in(gap(1.5, 2.5, resource))
    open_ = found_in(gap(4.5, 5, resource))

    assert [middle.covered["agent"].at(t) for t in (1.2, 2, 2.7)] == [2, None, 2]
    assert middle.headline == found_in().headline
    assert "agent unknown, web unknown" in open_.headline
    assert "agent 2, 3, unknown; web 1, 1, unknown." in open_.caption
    assert open_.figure().unknown == ((4.5, 5),)
    assert open_.shares.figure().groups == ("unknown",)
    assert set(open_.shares.figure().texts.values()) == {"?"}
    assert open_.shares.headline == "Ready Pods on a node: agent unknown, web unknown"
    assert "agent: unknown; web: unknown" in open_.shares.caption
