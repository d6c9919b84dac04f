from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from fleet import Fleet, change, daemonset, gap, history, listed, node, node_name, pod, timeline_of

from daemonset_course.analysis.rollout_caption import caption, headline
from daemonset_course.history.index import History
from daemonset_course.history.log import SUSPENDED
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline


def told(fleet: Fleet) -> tuple[str, Timeline]:
    timeline = timeline_of(fleet.log())
    return caption(timeline), timeline


def after(fleet: Fleet, *changes: dict[str, Any], end: float) -> str:
    """The caption when the fleet's log goes on with these changes."""
    return caption(timeline_of([*fleet.log(ended=False), *changes, {"record": "end", "t": end}]))


def test_a_finished_rollout_is_told_with_its_facts() -> None:
    text, timeline = told(Fleet(4).run(1).apply().run(20))
    (rollout,) = rollouts(timeline)
    order = ", ".join(name.removeprefix("course-") for name in rollout.order)

    assert text == (
        f"4 nodes rolled in {rollout.duration:.1f} s, at most 1 unavailable (budget 1), "
        f"order {order}."
    )


def test_a_long_order_is_cut() -> None:
    text, _ = told(Fleet(12).run(1).apply().run(60))

    assert re.search(r"order (\w+, ){6}…$", text)


def test_surge_is_told_with_its_own_budget() -> None:
    text, _ = told(Fleet(4, max_unavailable=0, max_surge=2).run(1).apply().run(20))

    assert "at most 0 unavailable (budget 0), at most 2 extra (surge budget 2)" in text


def test_a_stuck_rollout_tells_who_waits_and_why() -> None:
    text, timeline = told(Fleet(6).run(1).apply(bad={"course-worker3"}).run(30))
    (rollout,) = rollouts(timeline)

    assert text == (
        f"{rollout.updated} of 6 nodes updated when the recording ended, "
        "at most 1 unavailable (budget 1); worker3: ImagePullBackOff."
    )


def test_the_same_reason_of_two_rollouts_in_a_row_is_told_once() -> None:
    bad = {"course-worker", "course-worker2", "course-worker3"}
    text, _ = told(Fleet(3).run(1).apply(bad=bad).run(9).apply(bad=bad).run(9))

    assert text.count("ImagePullBackOff") == 1
    assert re.search(r"next template came, at most 1 .*?\(budget 1\)\. Then 0 of 3 .*Back", text)


def test_each_rollout_has_its_sentence_and_the_headline_is_the_last() -> None:
    fleet = Fleet(3, started=False).run(1).create().run(5).apply().run(1).apply().run(20)
    text, timeline = told(fleet)

    assert re.match(
        r"3 nodes started in 1\.\d s, order .*\. "
        r"Then 0 of 3 nodes updated when the next template came, .*\. "
        r"Then 3 nodes rolled in ",
        text,
    )
    assert re.fullmatch(r"3 nodes rolled in \d\.\d s, at most 1 unavailable .*", headline(timeline))


def test_a_deleted_daemonset_is_the_reason_of_the_stop() -> None:
    log = history(
        *listed("nodes", node("n1")),
        change(1, "daemonsets", daemonset(), "ADDED"),
        change(2, "daemonsets", daemonset(), "DELETED"),
    )

    assert caption(log.timeline()) == "0 of 1 node started when the DaemonSet was deleted."


def test_a_breached_budget_is_told() -> None:
    fleet = Fleet(3).run(1).kubelet_silent("course-worker").kubelet_silent("course-worker2")
    fleet.apply().run(4)
    text, _ = told(fleet)

    assert "at most 2 unavailable (budget 1), above the budget for up to 4.0 s" in text


def test_on_delete_is_told_and_what_it_waits_for() -> None:
    first, second = (
        change(t, "daemonsets", daemonset(t, image=f"a:{t}", strategy={"type": "OnDelete"}))
        for t in (1, 2)
    )

    assert after(Fleet(2).run(0.5), first, second, end=3) == (
        "0 of 2 nodes updated when the recording ended, "
        "at most 0 unavailable (no budget: OnDelete); worker, worker2: still runs the old "
        "template: with OnDelete nobody replaces the Pod, delete it."
    )


def test_a_budget_that_changes_on_the_way_is_told() -> None:
    wider = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    begun = change(1, "daemonsets", daemonset(2, image="a:2"))
    widened = change(2, "daemonsets", daemonset(3, image="a:2", strategy=wider))

    assert "at most 0 unavailable (budget 1, later 2)" in after(Fleet(2), begun, widened, end=3)


def test_gaps_are_told() -> None:
    text, _ = told(Fleet(3).run(1).apply().run(2).interrupt_watch(1.5).run(20))

    assert text.endswith("The watch of pods saw nothing from 3.0 s to 4.5 s.")


def asleep(log: list[dict[str, Any]], start: float, seconds: float) -> list[dict[str, Any]]:
    """The log of a recorder that did not run meanwhile, and nothing else did."""
    end = start + seconds
    late = [one | {"t": one["t"] + seconds} if one.get("t", 0) > start else one for one in log]
    gaps = [
        gap(start, end, name) | {"reason": SUSPENDED} for name in ("nodes", "daemonsets", "pods")
    ]
    return [late[0], *sorted([*late[1:], *gaps], key=lambda one: one["t"])]


def test_the_time_in_which_everything_stood_still_is_no_time_of_the_rollout() -> None:
    log = Fleet(3).run(1).apply().run(20).log()
    awake, slept = History(log).timeline(), History(asleep(log, 2.0, 60)).timeline()
    (usual,), (rollout,) = rollouts(awake), rollouts(slept)

    assert usual.duration is not None
    assert rollout.duration == pytest.approx(usual.duration)
    assert rollout.suspended == 60
    assert rollout.over_budget == usual.over_budget
    text = caption(slept)
    assert f"rolled in {usual.duration:.1f} s besides 60.0 s in which the recorder was sus" in text
    assert text.count("The recorder was suspended, and saw nothing, from 2.0 s to 62.0 s.") == 1


def test_a_rollout_that_ended_about_the_end_of_a_suspension_may_have_ended_in_it() -> None:
    log = Fleet(3).run(1).apply().run(20).log()
    (usual,) = rollouts(History(log).timeline())
    assert usual.end is not None
    timeline = History(asleep(log, usual.end - 0.3, 60)).timeline()
    (rollout,) = rollouts(timeline)

    assert not rollout.exact
    assert rollout.duration == pytest.approx(usual.end + 60 - usual.start)
    assert "rolled within" in caption(timeline)
    assert "besides" not in caption(timeline)


def test_without_a_rollout_the_caption_tells_how_many_nodes_were_without_a_pod() -> None:
    text, timeline = told(Fleet(3).run(1).kubelet_silent("course-worker2").run(2))

    progress = "nodes without an available Pod: 0 of 3 at first, at most 1, 1 of 3 at the end"
    assert text == f"In 3.0 s: no Pod created or deleted; {progress}."
    assert headline(timeline) == progress.capitalize().replace(" pod", " Pod")


def test_an_undo_tells_that_it_rolled_only_what_had_changed() -> None:
    fleet = Fleet(3).run(1).apply(bad={"course-worker", "course-worker2", "course-worker3"}).run(4)
    broken = next(p for p in fleet.pods.values() if p["metadata"]["name"] > "agent-00003")
    text = after(
        fleet,
        change(6, "daemonsets", daemonset(3)),
        change(6.5, "pods", broken, "DELETED"),
        change(7, "pods", pod("back", node_name(broken), "rev1", generation=3), "ADDED"),
        end=9,
    )

    assert "Then 1 of 3 nodes rolled in 1.0 s" in text


def test_pods_replaced_without_a_new_template_are_told() -> None:
    gone = change(2, "pods", pod("00002", "course-worker2", "rev1"), "DELETED")
    back = change(3, "pods", pod("back", "course-worker2", "rev1"), "ADDED")

    assert after(Fleet(3).run(1), gone, back, end=4) == (
        "In 4.0 s: 1 Pod created on worker2, 1 Pod deleted on worker2; "
        "nodes without an available Pod: 0 of 3 at first, at most 1, 0 of 3 at the end."
    )


def test_a_pod_that_was_pending_before_the_recording_is_not_a_new_one() -> None:
    there = [*listed("nodes", node("n1")), *listed("daemonsets", daemonset())]
    pending = listed("pods", pod("p", "n1", phase="unbound"))
    log = history(*there, *pending, change(2, "pods", pod("p", "n1")), end=2)

    assert caption(log.timeline()) == (
        "In 2.0 s: no Pod created or deleted; "
        "nodes without an available Pod: 1 of 1 at first, at most 1, 0 of 1 at the end."
    )


OFF_TOPIC = ("template", "rollout", "rolled", "budget", "recording", "revision")


def test_a_recording_without_a_rollout_says_what_became_of_nodes_and_pods() -> None:
    fleet = Fleet(6).run(1).add_node("course-worker7").run(9)
    log = fleet.log(ended=False)
    evicted = pod("00003", "course-worker3", "rev1", phase="failed", reason="Evicted")
    log += [
        change(10.1, "pods", evicted),
        change(10.5, "pods", evicted, "DELETED"),
        *(change(11, "nodes", node(f"course-worker{i}"), "DELETED") for i in (4, 5)),
        {"record": "end", "t": 12.0},
    ]
    timeline = timeline_of(log)

    assert caption(timeline) == (
        "In 12.0 s: 1 node added (worker7), 2 nodes deleted (worker4, worker5), "
        "1 Pod created on worker7, 1 Pod deleted on worker3, Evicted: 1 Pod; "
        "nodes without an available Pod: 0 of 6 at first, at most 1, 1 of 5 at the end."
    )
    assert headline(timeline) == "1 node added (worker7), 2 nodes deleted (worker4, worker5)"


def test_no_word_of_rollouts_where_nothing_was_rolled_out() -> None:
    still, silent = Fleet(3).run(2), Fleet(3).run(1).kubelet_silent("course-worker").run(1)
    joined = Fleet(3).run(1).add_node("course-worker4").run(9)
    for fleet in (still, silent, joined):
        text, timeline = told(fleet)
        assert [word for word in OFF_TOPIC if word in f"{text} {headline(timeline)}"] == []
    assert told(Fleet(3).run(2))[0] == (
        "In 2.0 s: no Pod created or deleted; none of 3 nodes without an available Pod."
    )


def test_many_nodes_are_counted_and_not_named() -> None:
    fleet = Fleet(3).run(1)
    for i in range(4, 9):
        fleet.add_node(f"course-worker{i}")
    text, _ = told(fleet.run(9))

    assert text.startswith("In 10.0 s: 5 nodes added, 5 Pods created on 5 nodes; ")


def test_a_rollout_that_had_begun_before_is_told_as_one() -> None:
    before = Fleet(4).run(1).apply(bad=Fleet(4).nodes).run(9)
    log = history(
        *listed("nodes", *before.nodes.values()),
        *listed("daemonsets", before.daemonset),
        *listed("pods", *before.pods.values()),
        end=5,
    )

    assert caption(log.timeline()) == (
        "In 5.0 s: no Pod created or deleted, ImagePullBackOff: 1 Pod; a rollout from before "
        "stood at 0 of 4 nodes updated, at most 1 unavailable (budget 1); "
        "the budget of 1 unavailable node is used up, and this does not end by itself: "
        "worker3 (ImagePullBackOff)."
    )


def test_a_rollout_from_before_that_went_on_is_the_headline() -> None:
    fleet = Fleet(4).run(1).apply().run(2)
    there = [
        *listed("nodes", *fleet.nodes.values()),
        *listed("daemonsets", fleet.daemonset),
        *listed("pods", *fleet.pods.values()),
    ]
    begun, there = fleet.t, copy.deepcopy(there)
    later = [
        one | {"t": one["t"] - begun}
        for one in fleet.run(60).log()
        if one["record"] == "change" and one["t"] > begun
    ]
    timeline = history(*there, *later, end=60).timeline()

    assert re.fullmatch(
        r"A rollout from before went on from \d to 4 of 4 nodes updated, "
        r"at most 1 unavailable \(budget 1\)",
        headline(timeline),
    )


def test_lanes_lose_the_clusters_prefix() -> None:
    _, timeline = told(Fleet(1))

    assert [timeline.lane(n) for n in (*timeline.nodes, "edge-1", "")] == [
        "control-plane", "worker", "edge-1", "no node",
    ]  # fmt: skip


def test_a_daemonset_that_nobody_saw_is_said_not_to_be_there() -> None:
    timeline = History(Fleet(3).run(2).log()).timeline("typo")

    assert caption(timeline) == "In 2.0 s: no DaemonSet typo was seen in namespace lesson-08."
    assert headline(timeline) == "No DaemonSet typo was seen in namespace lesson-08"


def test_a_node_that_lost_its_agent_in_an_update_is_named_with_its_taint() -> None:
    taint = {"key": "gpu", "effect": "NoSchedule"}
    text = after(
        Fleet(2).run(1),
        change(1.5, "nodes", node("course-worker2", taints=[taint])),
        change(2, "daemonsets", daemonset(2, image="a:2")),
        change(3, "pods", pod("00002", "course-worker2", "rev1"), "DELETED"),
        change(4, "pods", pod("00001", "course-worker", "rev1"), "DELETED"),
        change(5, "pods", pod("new", "course-worker", "rev2", generation=2), "ADDED"),
        end=9,
    )

    assert text.startswith("1 node rolled in 3.0 s")
    assert text.endswith(
        "; worker2: taint gpu:NoSchedule is not tolerated: its Pod was deleted and does not come "
        "back."
    )
