from __future__ import annotations

from typing import Any

import pytest
from fleet import HEADER, Fleet, change, daemonset, gap, node, pod, present, timeline_of

from daemonset_course.analysis.explain import explain_timeline
from daemonset_course.history.rollouts import Rollout, rollouts


def facts(*records: dict[str, Any], before: tuple[str, ...] = ("n1",)) -> tuple[Rollout, ...]:
    """Rollouts of a log in which each node of ``before`` has a ready old pod at the start."""
    begun = [*present("nodes", *map(node, before)), *present("daemonsets", daemonset())]
    begun += present("pods", *(pod(f"old-{n}", n) for n in before))
    return rollouts(timeline_of([HEADER, *begun, *sorted(records, key=lambda r: r["t"])]))


def new(uid: str, on: str, **kind: Any) -> dict[str, Any]:
    return pod(uid, on, "bbb", generation=2, **kind)


TEMPLATE = change(1, "daemonsets", daemonset(2, image="a:2"))
END = {"record": "end", "t": 20}


def test_a_rollout_ends_when_the_new_pod_is_available_and_the_old_one_has_left() -> None:
    (rollout,) = facts(
        TEMPLATE,
        change(2, "pods", pod("old-n1", "n1", phase="terminating")),
        change(3, "pods", pod("old-n1", "n1"), "DELETED"),
        change(3.25, "pods", new("new", "n1", phase="unbound"), "ADDED"),
        change(5, "pods", new("new", "n1")),
        END,
    )

    assert (rollout.revision, rollout.start, rollout.end, rollout.duration) == ("bbb", 1, 5, 4)
    assert (rollout.updated, rollout.nodes, rollout.order) == (1, 1, ("n1",))
    assert (rollout.max_unavailable, rollout.budget, rollout.over_budget) == (1, 1, 0)
    assert rollout.overlap == {"n1": -3}
    assert not rollout.created


def test_with_surge_both_pods_are_ready_for_a_while_and_the_end_waits_for_the_old_one() -> None:
    (rollout,) = facts(
        TEMPLATE,
        change(2, "pods", new("new", "n1", phase="pending"), "ADDED"),
        change(4, "pods", new("new", "n1")),
        change(4.5, "pods", pod("old-n1", "n1", phase="terminating")),
        change(6, "pods", pod("old-n1", "n1"), "DELETED"),
        END,
    )

    assert rollout.end == 6
    assert rollout.overlap == {"n1": 0.5}
    assert (rollout.max_unavailable, rollout.max_surge) == (0, 1)


def test_overlap_is_not_told_when_nobody_was_watching() -> None:
    (rollout,) = facts(
        TEMPLATE,
        gap(2, 6),
        change(6, "pods", pod("old-n1", "n1"), "DELETED", "list"),
        change(6, "pods", new("new", "n1"), "ADDED", "list"),
        END,
    )

    assert (rollout.end, rollout.updated) == (6, 1)
    assert rollout.overlap == {}


def test_a_stuck_rollout_has_no_end_and_says_who_waits_and_why() -> None:
    timeline = timeline_of(Fleet(6).run(1).apply(bad={"course-worker3"}).run(30).log())
    (rollout,) = rollouts(timeline)

    assert rollout.end is None
    assert rollout.duration is None
    (cause,) = explain_timeline(timeline).of("kubelet")
    assert (cause.node, cause.reason) == ("course-worker3", "ImagePullBackOff")
    assert rollout.updated is not None
    assert rollout.updated < 6 == rollout.nodes
    assert rollout.order[-1] == "course-worker3"
    assert rollout.max_unavailable == 1


def test_the_next_template_supersedes_and_the_undo_is_a_rollout_of_the_old_revision() -> None:
    first, second = facts(
        TEMPLATE,
        change(2, "pods", pod("old-n1", "n1"), "DELETED"),
        change(2, "pods", new("new", "n1", phase="pending", reason="ErrImagePull"), "ADDED"),
        change(8, "daemonsets", daemonset(3)),
        change(9, "pods", new("new", "n1"), "DELETED"),
        change(9, "pods", pod("back", "n1", "aaa", generation=3), "ADDED"),
        END,
    )

    assert (first.end, first.stop, first.updated) == (None, 8, 0)
    assert (second.revision, second.start, second.end, second.order) == ("aaa", 8, 9, ("n1",))


def test_an_undo_before_any_pod_was_replaced_ends_at_once() -> None:
    _, undo = facts(TEMPLATE, change(1.5, "daemonsets", daemonset(3)), END)

    assert (undo.revision, undo.duration) == ("aaa", 0)


def test_nodes_that_all_left_do_not_end_a_rollout_and_it_goes_on_when_they_are_back() -> None:
    unreachable = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
    left = [
        TEMPLATE,
        change(2, "nodes", node("n1", taints=[unreachable])),
        change(3, "pods", pod("old-n1", "n1"), "DELETED"),
    ]
    back = [
        change(5, "nodes", node("n1")),
        change(5, "pods", new("new", "n1", phase="unbound"), "ADDED"),
        change(7, "pods", new("new", "n1")),
    ]

    assert facts(*left, END)[0].end is None
    assert facts(*left, *back, END)[0].end == 7


def test_a_rollout_over_no_node_at_all_ends_at_once() -> None:
    assert facts(TEMPLATE, END, before=())[0].duration == 0


def test_a_deleted_daemonset_never_finished_its_rollout() -> None:
    (rollout,) = facts(
        TEMPLATE,
        change(3, "daemonsets", daemonset(2, image="a:2"), "DELETED"),
        change(4, "pods", pod("old-n1", "n1"), "DELETED"),
        END,
    )

    assert (rollout.end, rollout.stop) == (None, 3)


def test_adopted_orphans_of_another_template_do_not_count_as_updated() -> None:
    orphan = pod("orphan", "n1", "aaa", owned=False)
    begun = [*present("nodes", node("n1")), *present("pods", orphan)]
    log = [HEADER, *begun, change(1, "daemonsets", daemonset(image="a:9"), "ADDED")]
    log += [change(2, "pods", pod("orphan", "n1", "aaa")), END]
    (rollout,) = rollouts(timeline_of(log))

    assert (rollout.end, rollout.updated, rollout.created) == (None, 0, True)


def test_the_first_rollout_of_a_new_daemonset_is_not_judged_by_the_budget() -> None:
    first, second = rollouts(
        timeline_of(Fleet(5, started=False).run(1).create().run(5).apply().run(20).log())
    )

    assert (first.created, first.max_unavailable, first.over_budget) == (True, 5, 0)
    assert first.duration is not None
    assert (second.created, second.max_unavailable) == (False, 1)


def test_over_budget_is_the_longest_stretch_above_what_was_allowed_then() -> None:
    gone = [change(t, "pods", pod(f"old-{n}", n), "DELETED") for t, n in ((2, "n1"), (4, "n2"))]
    (rollout,) = facts(TEMPLATE, *gone, END, before=("n1", "n2", "n3"))

    assert (rollout.budget, rollout.max_unavailable, rollout.over_budget) == (1, 2, 16)


@pytest.mark.parametrize("min_ready", [0, 2])
def test_min_ready_seconds_slow_a_rollout_down(min_ready: int) -> None:
    (rollout,) = rollouts(timeline_of(Fleet(3, min_ready=min_ready).run(1).apply().run(30).log()))

    assert rollout.duration is not None
    assert 3 < rollout.duration - 3 * min_ready < 9
    assert rollout.max_unavailable == 1


def test_pods_without_generation_labels_are_told_by_their_new_revision() -> None:
    bare = new("new", "n1")
    del bare["metadata"]["labels"]["pod-template-generation"]
    (rollout,) = facts(
        TEMPLATE,
        change(2, "pods", pod("old-n1", "n1"), "DELETED"),
        change(3, "pods", bare, "ADDED"),
        END,
    )

    assert (rollout.revision, rollout.end) == ("bbb", 3)


@pytest.mark.parametrize("left", [0.9, 2])
def test_a_pod_that_arrives_a_moment_before_its_template_belongs_to_it(left: float) -> None:
    (rollout,) = facts(
        change(left, "pods", pod("old-n1", "n1"), "DELETED"),
        change(0.95, "pods", new("new", "n1", phase="pending"), "ADDED"),
        TEMPLATE,
        change(3, "pods", new("new", "n1")),
        END,
    )

    assert (rollout.revision, rollout.end, rollout.order) == ("bbb", 3, ("n1",))


def test_the_gap_is_known_where_the_old_pod_left_a_moment_before_the_template() -> None:
    (rollout,) = facts(
        change(0.95, "pods", pod("old-n1", "n1", phase="terminating"), "MODIFIED"),
        TEMPLATE,
        change(2, "pods", pod("old-n1", "n1", phase="terminating"), "DELETED"),
        change(2, "pods", new("new", "n1", phase="pending"), "ADDED"),
        change(3, "pods", new("new", "n1")),
        END,
    )

    assert rollout.overlap == {"n1": pytest.approx(0.95 - 3)}


def test_the_controller_s_word_that_all_are_available_ends_a_rollout() -> None:
    log = Fleet(3, min_ready=2).run(1).apply().run(30).log()
    end = rollouts(timeline_of(log))[0].end
    assert end
    done = next(r for r in reversed(log) if r.get("resource") == "daemonsets")
    seen = {"observedGeneration": 2, "updatedNumberScheduled": 3}
    done["object"]["status"] |= seen
    earlier = end - 0.5  # it counts from a time without fractions of a second
    cut = [r for r in log if r["record"] != "change" or r["t"] < earlier]
    cut = [r for r in cut if r["record"] != "end"]
    cut += [done | {"t": earlier}, {"record": "end", "t": end - 0.1}]

    (rollout,) = rollouts(timeline_of(cut))

    assert rollout.end == earlier
    assert rollout.updated == 3
