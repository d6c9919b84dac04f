"""Why a rollout is not done: each cause, in a first rollout, an update and a surge."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import HEADER, Fleet, Record, change, daemonset, gap, node, pod, timeline_of

from daemonset_course.analysis.explain import Explanation, explain, explain_timeline
from daemonset_course.history.index import History

END = {"record": "end", "t": 20}
NAMES = ("w1", "w2", "w3")
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
MODES = ("first", "update", "surge")
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
QUOTA = 'pods "agent-" is forbidden: exceeded quota: few'


def explained(*records: Record) -> Explanation:
    by_time = sorted(records, key=lambda record: record["t"])
    return explain(History([HEADER, *by_time, END]))


def owner(generation: int = 1, **options: Any) -> Record:
    """The DaemonSet; it tolerates a dead node's taint."""
    made = daemonset(generation, image=f"a:{generation}", **options)
    made["spec"]["template"]["spec"]["tolerations"] = [{"key": UNREACHABLE["key"]}]
    for one in made["spec"]["template"]["spec"]["tolerations"]:
        one["operator"] = "Exists"
    return made


def begun(mode: str, *, min_ready: int = 0) -> list[Record]:
    """Three nodes, and a rollout that has come to w1: w2 and w3 are done, or wait for it."""
    listed = [change(0, "nodes", node(name), "ADDED", "list") for name in NAMES]
    if mode == "first":
        made = owner(min_ready=min_ready)
        done = [change(2, "pods", pod(n, n), "ADDED") for n in NAMES[1:]]
        return [*listed, change(1, "daemonsets", made, "ADDED"), *done]
    strategy = ROLLING if mode == "update" else SURGE
    listed += [change(0, "pods", pod(f"old-{n}", n), "ADDED", "list") for n in NAMES]
    listed.append(change(0, "daemonsets", owner(strategy=strategy), "ADDED", "list"))
    new = owner(2, strategy=strategy, min_ready=min_ready)
    left = [change(2, "pods", pod("old-w1", "w1"), "DELETED")] if mode == "update" else []
    return [*listed, change(1, "daemonsets", new), *left]


def new(mode: str, t: float = 3, *, status: Record | None = None, **options: Any) -> Record:
    """The new Pod on w1."""
    generation = 1 if mode == "first" else 2
    revision = "aaa" if mode == "first" else "bbb"
    made = pod("new", "w1", revision, generation=generation, **options)
    made["status"] |= status or {}
    return change(t, "pods", made, "ADDED")


def waits(reason: str, message: str = "", *, name: str = "main") -> Record:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": name, "state": state, "ready": False, "restartCount": 0}


def starting(mode: str) -> list[Record]:
    return [new(mode, phase="pending")]


def image(mode: str) -> list[Record]:
    told = {"containerStatuses": [waits("ImagePullBackOff", "no such image")]}
    return [new(mode, phase="pending", status=told)]


def one_of_two(mode: str) -> list[Record]:
    good = {"name": "good", "state": {"running": {}}, "ready": True}
    told = {"containerStatuses": [good, waits("CrashLoopBackOff", name="bad")]}
    return [new(mode, phase="not ready", status=told)]


def both(mode: str) -> list[Record]:
    kinds = [waits("CrashLoopBackOff", name="a"), waits("ErrImagePull", name="b")]
    return [new(mode, phase="not ready", status={"containerStatuses": kinds})]


def init(mode: str) -> list[Record]:
    told = {
        "initContainerStatuses": [waits("ImagePullBackOff", name="setup")],
        "containerStatuses": [waits("PodInitializing")],
    }
    return [new(mode, phase="pending", status=told)]


def unschedulable(mode: str) -> list[Record]:
    said = {
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 1 Insufficient cpu",
    }  # fmt: skip
    return [new(mode, phase="unbound", status={"conditions": [said]})]


def unscheduled(mode: str) -> list[Record]:
    return [new(mode, phase="unbound")]


def unready(mode: str) -> list[Record]:
    return [new(mode, phase="not ready")]


def silent(mode: str) -> list[Record]:
    lost = node("w1", taints=[UNREACHABLE], ready="Unknown")
    return [
        new(mode),
        change(4, "nodes", lost),
        change(4, "pods", new(mode, phase="not ready")["object"]),
    ]


def leaving(mode: str) -> list[Record]:
    lost = node("w1", taints=[UNREACHABLE], ready="Unknown")
    return [
        new(mode, phase="terminating", t=5),
        change(4, "nodes", lost),
        *([change(4, "pods", pod("old-w1", "w1"), "DELETED")] if mode == "surge" else []),
    ]


def refused(_: str) -> list[Record]:
    about = {"kind": "DaemonSet", "name": "agent", "uid": "ds-1"}
    event = {
        "metadata": {"name": "e"}, "type": "Warning", "reason": "FailedCreate",
        "involvedObject": about, "message": f"Error creating: {QUOTA}",
    }  # fmt: skip
    return [change(4, "events", event, "ADDED")]


def stopped(_: str) -> list[Record]:
    return [{"record": "component", "t": 5, "component": "kube-scheduler", "state": "ended"}]


# cause: (records, kind, words, whether it ends by itself)
CAUSES: dict[str, tuple[Any, str, str, bool]] = {
    "starting": (starting, "kubelet", "w1: pending, not ready", True),
    "image": (image, "kubelet", "w1: ImagePullBackOff: no such image", False),
    "one container of two": (one_of_two, "kubelet", "w1: container bad: CrashLoopBackOff", False),
    "two containers": (
        both, "kubelet", "w1: container a: CrashLoopBackOff; container b: ErrImagePull", False,
    ),
    "init container": (
        init, "kubelet", "w1: init container setup: ImagePullBackOff", False,
    ),
    "no room": (
        unschedulable, "scheduler", "w1: Unschedulable: 0/3 nodes are available: 1", False,
    ),
    "not scheduled yet": (unscheduled, "scheduler", "w1: its Pod waits for the scheduler", True),
    "not ready yet": (unready, "kubelet", "w1: running, not ready", True),
    "silent kubelet": (silent, "silent kubelet", "w1: its Pod is not ready, the kubelet", False),
    "terminating on a dead node": (
        leaving, "terminating", "w1: its Pod has been terminating for 15 s, the kubelet is", False,
    ),
    "refused": (refused, "refused", f"could be created{{}}: {QUOTA}", False),
    "component": (stopped, "component", "kube-scheduler has ended and was not started", False),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_named(cause: str, mode: str) -> None:
    records, kind, words, ends = CAUSES[cause]
    found = explained(*begun(mode), *records(mode))
    (one,) = found.of(kind)

    assert not found.done
    assert one.ends_by_itself is ends
    words = words.format("" if mode == "surge" else " on w1")
    assert any(words in line for line in found.lines()), found.lines()
    assert one.reason in found.sentence()
    assert (one in found.permanent) is not ends


@pytest.mark.parametrize("mode", ["update", "surge"])
@pytest.mark.parametrize("cause", ["image", "no room", "silent kubelet", "starting"])
def test_one_sentence_says_who_uses_the_budget_up(cause: str, mode: str) -> None:
    records, _, _, ends = CAUSES[cause]
    found = explained(*begun(mode), *records(mode))
    (budget,) = found.of("budget")
    noun = "1 unavailable node" if mode == "update" else "1 extra Pod"
    lasts = "this ends by itself" if ends else "this does not end by itself"

    assert found.lines()[0].startswith(f"the budget of {noun} is used up, and {lasts}: w1 (")
    assert [one.node for one in budget.users] == ["w1"]
    assert [one.node for one in found.of("old template")][-2:] == ["w2", "w3"]
    assert all(one.ends_by_itself is ends for one in found.of("old template")[-2:])
    assert "old template" not in found.sentence()


@pytest.mark.parametrize("mode", MODES)
def test_a_finished_rollout_needs_no_explanation(mode: str) -> None:
    rest = [] if mode == "first" else NAMES[1:]
    pods = [change(4, "pods", pod(f"n-{n}", n, "bbb", generation=2), "ADDED") for n in rest]
    pods += [change(5, "pods", pod(f"old-{n}", n), "DELETED") for n in NAMES if mode != "first"]
    found = explained(*begun(mode), new(mode), *pods)

    assert found.causes == ()
    assert found.done
    assert found.sentence() == ""


@pytest.mark.parametrize("resource", ["pods", "nodes", "daemonsets", "controllerrevisions"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cause", CAUSES)
def test_nothing_but_the_gap_is_told_where_a_watch_was_interrupted(
    cause: str, mode: str, resource: str
) -> None:
    records = CAUSES[cause][0]
    found = explained(*begun(mode), *records(mode), gap(6, 20, resource))

    assert [one.kind for one in found.causes if one.kind != "component"] == ["unknown"]
    assert f"unknown: the watch of {resource} was interrupted" in found.lines()
    assert not found.done


def test_how_long_a_pod_is_ready_is_a_lower_bound_after_a_gap() -> None:
    listed = change(18, "pods", new("update")["object"], "ADDED", "list")
    found = explained(*begun("update", min_ready=30), gap(2.5, 18), listed)

    assert "w1: ready for at least 2 s of the 30 s of minReadySeconds" in found.lines()


# The rows of ../shared/reviews/bugs.md


def test_the_pod_of_a_removed_node_that_blocks_a_rollout_is_named() -> None:
    left = [one for one in begun("update") if one["t"] < 2]
    leaving = change(1.1, "pods", pod("old-w3", "w3", phase="terminating"))
    found = explained(*left, change(0.5, "nodes", node("w3"), "DELETED"), leaving)

    assert found.lines()[0] == (
        "the budget of 1 unavailable node is used up, and this ends by itself: w3 (its Node object "
        "is gone; the garbage collector deletes its Pod after about a minute)"
    )


def test_on_delete_is_not_waited_for() -> None:
    strategy = {"type": "OnDelete"}
    records = begun("update")[:-2]
    records[-1] = change(0, "daemonsets", owner(strategy=strategy), "ADDED", "list")
    found = explained(*records, change(1, "daemonsets", owner(2, strategy=strategy)))

    assert found.blocked_only_by("OnDelete")
    assert found.lines() == (
        "w1, w2, w3: still runs the old template: with OnDelete nobody replaces the Pod, delete it",
    )
    deleted = change(2, "pods", pod("old-w1", "w1", phase="terminating"))
    again = explained(*records, change(1, "daemonsets", owner(2, strategy=strategy)), deleted)
    assert not again.blocked_only_by("OnDelete")


@pytest.mark.parametrize("mode", MODES)
def test_min_ready_seconds_are_counted_for_each_node(mode: str) -> None:
    found = explained(*begun(mode, min_ready=30), new(mode, t=16))

    assert "w1: ready for 4 s of the 30 s of minReadySeconds" in found.lines()
    assert not any(one.kind == "minReadySeconds" for one in found.permanent)


def test_a_tainted_node_that_lost_its_agent_is_named_though_the_rollout_is_done() -> None:
    gpu = node("w1", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    rest = [change(4, "pods", pod(f"n-{n}", n, "bbb", generation=2), "ADDED") for n in NAMES[1:]]
    rest += [change(5, "pods", pod(f"old-{n}", n), "DELETED") for n in NAMES[1:]]
    stays = explained(*begun("update")[:-1], change(0.5, "nodes", gpu))
    lost = explained(*begun("update"), *rest, change(0.5, "nodes", gpu))

    told = "w1: taint gpu:NoSchedule is not tolerated: its Pod "
    assert f"{told}stays until it is replaced" in stays.lines()
    assert lost.lines() == (f"{told}was deleted and does not come back",)
    assert lost.done
    assert lost.unavailable == (), "a node that should run none spends no budget"


def test_a_daemonset_that_nobody_saw_or_that_was_deleted() -> None:
    seen = begun("first")
    history = History([HEADER, *seen, change(3, "daemonsets", owner(), "DELETED"), END])

    assert explain(history, "typo").lines() == (
        "no DaemonSet typo was seen in namespace lesson-08",
    )
    assert explain(history).lines() == ("the DaemonSet agent was deleted",)
    assert not explain(history).done


def test_why_a_pod_was_not_created_is_unknown_while_the_watch_of_events_is_interrupted() -> None:
    found = explained(*begun("first"), gap(3, 20, "events"))

    assert found.lines() == ("w1: no Pod yet; unknown why: the watch of events was interrupted",)


def test_an_old_pod_that_is_not_ready_is_said_to_be_so() -> None:
    broken = pod("old-w2", "w2", phase="not ready", reason="CrashLoopBackOff")
    found = explained(*begun("update"), new("update"), change(1.5, "pods", broken))

    assert "w2: still runs the old template, CrashLoopBackOff" in found.lines()


def test_many_nodes_are_grouped_by_reason_and_all_are_in_the_data() -> None:
    fleet = Fleet(10, started=False).run(1)
    fleet._bad = frozenset(fleet.nodes)
    found = explain(History(fleet.create().run(5).log()))

    assert found.lines(lambda name: name.removeprefix("course-")) == (
        "worker, worker2 and 8 others: ImagePullBackOff",
    )
    assert len(found.permanent) == 10


def test_a_template_that_the_next_one_replaced_is_explained_as_it_was_then() -> None:
    fleet = Fleet(3).run(1).apply(bad=Fleet(3).nodes).run(9).apply().run(30)
    timeline = timeline_of(fleet.log())
    first, last = timeline.templates

    assert "(ImagePullBackOff)" in explain_timeline(timeline, first).sentence()
    assert explain_timeline(timeline, last).done
