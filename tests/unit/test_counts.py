"""How many nodes there are, and how many a DaemonSet and applications reach."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, control_plane, daemonset, gap, history, listed, node, pod

from daemonset_course.analysis.counts import (
    Counts,
    CoverageOverTime,
    counts,
    coverage_over_time,
    pods_per_node,
)
from daemonset_course.history.index import History

Record = dict[str, Any]
APPS = ["agent", "web"]
NODES = (control_plane(), *map(node, ("n1", "n2", "n3")))


def status(desired: int, ready: int, name: str = "agent") -> Record:
    return daemonset(name=name, desiredNumberScheduled=desired, numberReady=ready)


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
    assert found.headline == "1 to 2 workers: not all had a ready Pod for 3.0 s"
    assert found.caption.endswith("not all workers had a ready Pod for 3.0 s at a stretch.")


def test_the_headline_claims_no_status_that_followed_where_it_did_not() -> None:
    behind = growing(change(6, "daemonsets", status(2, 1)))
    unseen = counts(history(*listed("nodes", *NODES[:2]), change(1, "nodes", node("n2"), "ADDED")))

    assert behind.headline == "1 to 2 workers: desired 2, ready 1 at the end"
    assert unseen.headline == "1 to 2 workers: desired unknown, ready unknown at the end"


def test_another_daemonset_does_not_count() -> None:
    other = change(5, "daemonsets", status(9, 9, "other"), "ADDED")

    assert growing(other).desired.max() == 2


def test_counts_leave_out_the_control_plane_and_shade_what_is_not_there() -> None:
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
    nodes, status = (leaving(gap(9, 10, resource)) for resource in ("nodes", "daemonsets"))

    assert nodes.headline == "3 workers at first, an unknown number of them at the end"
    assert nodes.caption.startswith("Workers 3 → unknown;")
    assert "desired unknown, ready unknown at the end" in status.caption


def test_a_pod_that_begins_as_another_ends_does_not_share_its_node() -> None:
    log = history(
        *listed("nodes", *NODES[:3]),
        *listed("daemonsets", daemonset()),
        change(1, "pods", pod("a", "n1"), "ADDED"),
        change(3, "pods", pod("a", "n1"), "DELETED"),
        change(3, "pods", pod("b", "n1"), "ADDED"),
        change(3, "pods", pod("c", "n2"), "ADDED"),
        change(4, "pods", pod("d", "n2"), "ADDED"),
    )

    assert pods_per_node(log.timeline()) == {"n1": 1, "n2": 2}


# Applications


def of(uid: str, where: str, phase: str = "ready") -> Record:
    return pod(uid, where, phase=phase, app=uid.partition("-")[0])


LISTED = (
    *listed("nodes", *NODES[:3]),
    *listed("pods", of("agent-1", "n1"), of("agent-2", "n2"), of("web-1", "n1")),
    change(0.04, "pods", of("web-2", "n1"), "ADDED", "list"),
)


def log(*more: Record) -> History:
    """agent on n1 and n2, web twice on n1; n3 joins and gets the agent; n2 is deleted."""
    return history(
        *LISTED,
        change(1, "nodes", node("n3"), "ADDED"),
        change(2, "pods", of("agent-3", "n3", "not ready"), "ADDED"),
        change(3, "pods", of("agent-3", "n3")),
        change(4, "nodes", node("n2"), "DELETED"),
        *more,
        end=5,
    )


def found_in(*more: Record) -> CoverageOverTime:
    return coverage_over_time(log(*more), APPS)


def test_a_node_is_reached_while_a_ready_pod_is_on_it_and_it_exists() -> None:
    figure = found_in().figure()

    assert [(one.label, one.points) for one in figure.series] == [
        ("workers", ((0.04, 2), (1, 3), (4, 2), (5, 2))),
        ("agent", ((0.04, 2), (3, 3), (4, 2), (5, 2))),
        ("web", ((0.04, 1), (5, 1))),
    ]
    # The lines can be distinguished without colour.
    assert len({(one.stroke.width, one.stroke.dash) for one in figure.series}) == 3


def test_a_node_whose_only_pod_terminates_is_not_reached() -> None:
    found = found_in(change(4.5, "pods", of("agent-1", "n1", "terminating")))

    assert found.covered["agent"].at(4.6) == 1


def test_a_recording_in_which_nothing_happened_is_counted_too() -> None:
    quiet = coverage_over_time(history(*LISTED, end=5), APPS)

    assert (quiet.covered["agent"].times, quiet.covered["agent"].values) == ((0.04, 5), (2, 2))


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


def test_the_bars_count_every_present_worker_by_its_pods() -> None:
    found = found_in()
    figure = found.shares.figure()

    assert found.held == {"agent": {"n1": 1, "n3": 1}, "web": {"n1": 2, "n3": 0}}
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
    bars = open_.shares.figure()
    assert (bars.groups, set(bars.texts.values())) == (("unknown",), {"?"})
    assert open_.shares.headline == "Ready Pods on a node: agent unknown, web unknown"
    assert "agent: unknown; web: unknown" in open_.shares.caption
