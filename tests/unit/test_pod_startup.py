"""Who created, who bound, who ran a Pod, and how a node joined."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, control_plane, daemonset, gap, history, listed, node, pod

from daemonset_course.analysis.pod_startup import Startup, joining, startup
from daemonset_course.errors import BadInput
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN

Record = dict[str, Any]
TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def note(t: float, text: str) -> Record:
    return {"record": "mark", "t": t, "text": text}


def born(t: float, uid: str, on: str) -> Record:
    return change(t, "pods", pod(uid, on, phase="unbound"), "ADDED")


def found_in(*records: Record) -> Startup:
    return startup(history(*records))


def without_scheduler(*more: Record, started: float = 7) -> Startup:
    """n1's Pod is replaced while there is no scheduler; n2's runs on."""
    return found_in(
        *listed("pods", pod("a", "n1"), pod("b", "n2")),
        note(1, "kube-scheduler: stopped"),
        change(2, "pods", pod("a", "n1", phase="terminating")),
        change(3, "pods", pod("a", "n1", phase="terminating"), "DELETED"),
        born(3.1, "c", "n1"),
        change(6, "pods", pod("c", "n1", phase="pending")),
        change(6.2, "pods", pod("c", "n1", phase="not ready")),
        change(6.5, "pods", pod("c", "n1")),
        note(started, "kube-scheduler: started"),
        *more,
    )


def test_the_headline_says_when_no_pod_was_created_or_one_is_not_ready() -> None:
    bound = (born(1, "a", "n1"), change(2, "pods", pod("a", "n1", phase="pending")))
    waits = (born(1, "b", "n2"), change(3, "pods", pod("a", "n1")))

    assert found_in(*listed("pods", pod("a", "n1"))).headline == "No Pod was created"
    assert found_in(*bound).headline == "1 Pod created, 1 never ready"
    assert found_in(*bound, *waits).headline == "2 Pods created, 1 never ready"


def test_each_step_of_a_life_has_its_moment() -> None:
    [old, new, other] = without_scheduler().lives

    assert (old.created, old.bound, old.stopping, old.gone) == (None, None, 2, 3)
    assert (new.created, new.bound, new.ready, new.gone) == (3.1, 6, 6.5, None)
    assert "nodeName" not in new.first["spec"]
    assert new.last["spec"]["nodeName"] == "n1"
    assert (other.node, other.created, other.placed, other.ready) == ("n2", None, True, None)


def test_the_scheduler_is_away_until_it_binds_or_says_that_it_started_or_the_end() -> None:
    never = found_in(note(1, "kube-scheduler: stopped"), born(3, "c", "n1"))

    assert without_scheduler(started=7).away == ((1, 6),)
    assert without_scheduler(started=5).away == ((1, 5),)
    assert never.away == ((1, 10),)
    assert never.caption.endswith("without a node. No scheduler from 1.0 to 10.0 s.")


def test_the_headline_tells_who_waited_and_who_ran_on() -> None:
    found = without_scheduler()

    assert found.headline == "No scheduler: 1 Pod waited for it, 1 Pod ran on"
    assert found.caption == (
        "1 Pod created, 1 of them without a node. The scheduler bound 1 of them within 2.9 s. "
        "The kubelets had 1 ready within 0.50 s more. No scheduler from 1.0 to 6.0 s."
    )


def test_with_a_scheduler_the_headline_names_the_three() -> None:
    found = found_in(born(1, "a", "n1"), change(1.2, "pods", pod("a", "n1")))

    assert found.headline == "The controller creates, the scheduler binds, the kubelet runs"


def test_a_pod_with_a_node_from_its_creation_on_was_bound_by_nobody() -> None:
    found = found_in(*listed("pods", pod("z", "n2")),
                     change(1, "pods", pod("a", "n1", phase="pending"), "ADDED"))  # fmt: skip

    assert [(life.placed, life.bound) for life in found.new] == [(True, None)]
    assert found.headline == "The scheduler bound none of the Pods"
    assert found.caption == "1 Pod created, 0 of them without a node."


def test_an_adopted_pod_is_not_a_created_one() -> None:
    stray = pod("a", "n1", owned=False)
    found = found_in(change(1, "pods", stray, "ADDED"), change(2, "pods", pod("a", "n1")))

    assert [life.name for life in found.lives] == ["agent-a"]
    assert found.new == ()


def test_a_recording_without_a_pod_is_refused() -> None:
    with pytest.raises(BadInput, match="shows no Pod of agent"):
        found_in(change(1, "pods", pod("a", "n1", owned=False), "ADDED"))


def test_a_pod_has_a_row_with_each_of_the_three() -> None:
    figure = without_scheduler().figure()
    controller, scheduler, kubelets = figure.lanes

    assert [row.label for row in kubelets.rows] == ["n1", "n1", "n2"]
    assert [[point.t for point in row.points] for row in controller.rows] == [[], [3.1], []]
    assert [[point.t for point in row.points] for row in scheduler.rows] == [[], [6], []]
    assert [(bar.start, bar.end) for bar in scheduler.rows[1].bars] == [(3.1, 6)]
    assert [(bar.style, bar.start) for bar in kubelets.rows[1].bars] == [
        ("starts", 6), ("ready", 6.5),
    ]  # fmt: skip
    assert [(zone.start, zone.end, zone.lane) for zone in figure.zones] == [(1, 6, 1)]
    assert [(link.t, link.start, link.end) for link in figure.links] == [
        (3.1, (0, 1), (1, 1)), (6, (1, 1), (2, 1)),
    ]  # fmt: skip


def test_a_step_that_nobody_saw_is_not_timed() -> None:
    listed_after = change(8, "pods", pod("d", "n3"), "ADDED", "list")
    found = without_scheduler(gap(7, 8), listed_after)
    (unseen,) = [life for life in found.lives if life.node == "n3"]

    assert (unseen.created, unseen.bound) == (UNKNOWN, UNKNOWN)
    assert found.caption.startswith(
        "1 Pod created, 1 of them without a node. 1 Pod came while nobody watched. "
        "The scheduler bound 1 of them within 2.9 s."
    )
    assert found.figure().unknown == ((7, 8),)
    assert "not seen" in found.figure().used


def test_a_gap_up_to_the_end_leaves_it_open_whether_pods_were_bound() -> None:
    found = found_in(*listed("pods", pod("b", "n2")), born(1, "a", "n1"), gap(2, 10))

    assert found.headline == "The controller creates, the scheduler binds, the kubelet runs"
    assert found.new[0].bound is UNKNOWN
    assert found.caption.endswith("The watch of pods saw nothing from 2.0 s to 10.0 s.")
    assert found.figure().lanes[2].rows[1].bars[-1].style == "not seen"


# Joining


def versioned(made: Record, version: int) -> Record:
    made["metadata"]["resourceVersion"] = str(version)
    return made


def joined(*more: Record) -> History:
    """The watch of Pods brings agent's Pod before the watch of nodes tells that the taint went."""
    eager, agent = (pod(name, "n9", owner=name) for name in ("eager", "agent"))
    return history(
        *listed("nodes", control_plane(), node("n1")),
        *listed("daemonsets", daemonset(), daemonset(name="eager")),
        change(1, "nodes", versioned(node("n9", taints=[TAINT], ready="False"), 10), "ADDED"),
        change(1.1, "pods", versioned(eager, 11), "ADDED"),
        change(2, "nodes", versioned(node("n9", taints=[TAINT]), 12)),
        change(2.5, "pods", versioned(agent, 14), "ADDED"),
        change(2.6, "nodes", versioned(node("n9"), 13)),
        *more,
    )


def test_joining_orders_steps_as_they_were_stored_not_as_they_arrived() -> None:
    found = joining(joined(), "n9", ["eager", "agent"])

    assert found.ready.t <= found.untainted.t <= found.created["agent"].t
    assert found.created["eager"] < found.ready < found.untainted < found.created["agent"]
    assert found.headline == "eager did not wait for the node; agent did"
    assert found.caption.startswith("After the node was added: Pod of eager created 0.10 s")


def test_the_node_stands_over_the_pods_and_the_axis_begins_when_it_was_added() -> None:
    figure = joining(joined(), "n9", ["eager", "agent"]).figure()
    (first,) = figure.lanes[0].rows

    assert [lane.label for lane in figure.lanes] == ["node", "Pod of eager", "Pod of agent"]
    assert [(bar.style, bar.start, bar.end) for bar in first.bars] == [
        ("node tainted not-ready", 0, 1.5), ("node without the taint", 1.5, 9),
    ]  # fmt: skip
    assert figure.lanes[1].rows[0].bars[0].start == pytest.approx(0.1)
    assert figure.moments == (1.5,)


@pytest.mark.parametrize(
    ("log", "name", "missing"),
    [
        (joined(), "nobody", "no Pod of: nobody"),
        (joined(gap(1.5, 1.9, "nodes")), "agent", "The watch of nodes saw nothing"),
        (joined(gap(1.5, 1.9, "pods")), "agent", "The watch of pods saw nothing"),
    ],
)
def test_a_joining_that_was_not_all_seen_is_refused_with_what_is_missing(
    log: History, name: str, missing: str
) -> None:
    with pytest.raises(BadInput, match="does not show how n9 joined") as caught:
        joining(log, "n9", ["eager", name])

    assert missing in caught.value.seen


def test_a_gap_after_the_joining_is_drawn_and_told() -> None:
    found = joining(joined(gap(5, 10)), "n9", ["eager", "agent"])

    assert found.figure().unknown == ((4, 9),)
    assert found.figure().lanes[1].rows[0].bars[-1].style == "Pod unknown"
    assert found.caption.endswith("The watch of pods saw nothing from 5.0 s to 10.0 s.")
