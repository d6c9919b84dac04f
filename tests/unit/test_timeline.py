from __future__ import annotations

import sys
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
    node_name,
    pod,
    present,
    timeline_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from daemonset_course.errors import BadInput
from daemonset_course.history import replay
from daemonset_course.history.podstate import MANAGED
from daemonset_course.history.spans import Steps
from daemonset_course.history.text import natural_key
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]


def log(*records: Record) -> Timeline:
    return timeline_of([HEADER, *sorted(records, key=lambda r: r["t"])])


def begun(*nodes: str, ds: Record | None = None) -> list[Record]:
    return [*present("nodes", *map(node, nodes)), *present("daemonsets", ds or daemonset())]


def end(t: float) -> Record:
    return {"record": "end", "t": t}


def bars(timeline: Timeline) -> list[tuple[str, str, float, float]]:
    return [(s.pod, s.phase, s.start, s.end) for s in timeline.segments]


# Phases


def test_one_pod_runs_through_its_phases_and_its_deletion_ends_it() -> None:
    timeline = log(
        *begun("n1"),
        change(1, "pods", pod("p", "n1", phase="unbound"), "ADDED"),
        change(2, "pods", pod("p", "n1", phase="not ready")),
        change(3, "pods", pod("p", "n1")),
        change(5, "pods", pod("p", "n1", phase="terminating")),
        change(6, "pods", pod("p", "n1", phase="terminating"), "DELETED"),
        end(9),
    )

    assert bars(timeline) == [
        ("p", "pending", 1, 2),
        ("p", "not ready", 2, 3),
        ("p", "ready", 3, 5),
        ("p", "terminating", 5, 6),
    ]
    assert {s.node for s in timeline.segments} == {"n1"}
    assert timeline.revisions == ("aaa",)
    assert (timeline.start, timeline.end) == (0, 9)


def test_revisions_that_were_there_are_numbered_by_their_generation() -> None:
    new = change(0.0, "pods", pod("p", "n1", "new", generation=10), "ADDED", "list")
    old = change(0.0, "pods", pod("q", "n1", "old", generation=9), "ADDED", "list")
    late = change(1, "pods", pod("r", "n1", revision="aaa"), "ADDED")
    timeline = log(*begun("n1"), new, old, late, end(5))

    assert timeline.revisions == ("old", "new", "aaa")


@pytest.mark.parametrize(
    "changes", [[(2, "ready"), (3, "ready")], [(3, "not ready"), (3, "ready")]],
    ids=["heartbeats", "a phase that lasts no time"],
)  # fmt: skip
def test_changes_that_show_nothing_new_make_no_segment(changes: list[tuple[float, str]]) -> None:
    seen = [change(t, "pods", pod("p", "n1", phase=phase)) for t, phase in changes]
    timeline = log(*begun("n1"), change(1, "pods", pod("p", "n1"), "ADDED"), *seen, end(5))

    assert bars(timeline) == [("p", "ready", 1, 5)]


def test_reasons_are_the_clusters_own_words_but_starting_is_none() -> None:
    starting = pod("p", "n1", phase="pending", reason="ContainerCreating")
    pulling = pod("p", "n1", phase="pending", reason="ImagePullBackOff")
    failed = pod("p", "n1", phase="failed", reason="Evicted")
    timeline = log(
        *begun("n1"),
        change(1, "pods", starting, "ADDED"),
        change(2, "pods", pulling),
        change(3, "pods", failed),
        end(4),
    )

    assert [(s.phase, s.reason) for s in timeline.segments] == [
        ("pending", ""),
        ("pending", "ImagePullBackOff"),
        ("failed", "Evicted"),
    ]


def test_a_pod_nobody_can_schedule_waits_on_the_node_it_is_pinned_to() -> None:
    waiting = pod("p", "n1", phase="unbound")
    waiting["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    )
    (segment,) = log(*begun("n1"), change(1, "pods", waiting, "ADDED"), end(2)).segments

    assert (segment.node, segment.phase, segment.reason) == ("n1", "pending", "Unschedulable")


def test_other_pods_are_left_out_but_a_released_one_is_kept() -> None:
    timeline = log(
        *begun("n1"),
        change(1, "pods", pod("mine", "n1"), "ADDED"),
        change(1, "pods", pod("other", "n1", owned=False), "ADDED"),
        change(3, "pods", pod("mine", "n1", phase="not ready", owned=False)),
        end(4),
    )

    assert bars(timeline) == [("mine", "ready", 1, 3), ("mine", "not ready", 3, 4)]


def test_a_pod_that_waits_for_min_ready_seconds_is_ready_and_not_yet_available() -> None:
    timeline = log(
        *begun("n1", "n2", ds=daemonset(min_ready=3)),
        change(1, "pods", pod("p", "n1", phase="not ready"), "ADDED"),
        change(2, "pods", pod("p", "n1")),
        change(2, "pods", pod("q", "n2"), "ADDED"),
        change(4, "pods", pod("q", "n2", phase="not ready")),
        change(6, "pods", pod("q", "n2")),
        change(7, "pods", pod("q", "n2"), "DELETED"),
        end(9),
    )

    assert timeline.waits == {"p": ((2, 5),), "q": ((2, 4), (6, 7))}
    assert ("p", "ready", 2, 9) in bars(timeline)


def test_without_min_ready_seconds_no_pod_waits_and_one_that_waits_at_the_end_is_told() -> None:
    seen = [change(1, "pods", pod("p", "n1"), "ADDED"), end(2)]

    assert log(*begun("n1"), *seen).waits == {}
    assert log(*begun("n1", ds=daemonset(min_ready=9)), *seen).waits == {"p": ((1, 2),)}


def test_what_keeps_pods_off_a_node_is_known_over_time() -> None:
    gpu = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
    echo = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    soft = {"key": "slow", "effect": "PreferNoSchedule"}
    course = {
        "key": MANAGED,
        "value": "simulated",
        "effect": "NoSchedule",
    }
    cordoned = node("n1", taints=[gpu, soft, course])
    cordoned["spec"]["unschedulable"] = True
    timeline = log(
        *present("nodes", control_plane(), node("n1", taints=[gpu]), node("n2")),
        change(2, "nodes", cordoned),
        change(3, "nodes", cordoned),
        change(3, "nodes", node("n2", taints=[echo], ready="Unknown")),
        change(4, "nodes", node("n2")),
        change(5, "nodes", node("n2"), "DELETED"),
        end(9),
    )
    states = {name: [(s.start, s.end, s.words) for s in each]
              for name, each in timeline.node_states.items()}  # fmt: skip

    assert states == {
        "n1": [
            (0, 2, ("taint gpu=true:NoSchedule",)),
            (2, 9, ("cordoned", "taint gpu=true:NoSchedule")),
        ],
        "n2": [(3, 4, ("node NotReady (Unknown)",)), (5, 9, ("node deleted",))],
    }


# Gaps


def test_a_gap_is_unknown_from_its_start_and_never_bridged() -> None:
    timeline = log(
        *begun("n1", "n2", "n3"),
        change(0, "pods", pod("same", "n1"), "ADDED", "list"),
        change(0, "pods", pod("gone", "n2"), "ADDED", "list"),
        gap(2, 4),
        change(4.01, "pods", pod("gone", "n2"), "DELETED", "list"),
        change(4.02, "pods", pod("new", "n3"), "ADDED", "list"),
        end(6),
    )

    assert bars(timeline) == [
        ("same", "ready", 0, 2),
        ("same", "unknown", 2, 4),
        ("same", "ready", 4, 6),
        ("gone", "ready", 0, 2),
        ("gone", "unknown", 2, 4),
        ("new", "ready", 4, 6),
    ]
    assert timeline.unavailable.at(1.9) == 1
    assert timeline.unavailable.at(2) is None
    assert timeline.unavailable.at(3.9) is None
    assert timeline.unavailable.at(5) == 1
    assert timeline.surge.at(3) is None
    assert timeline.budget.at(3) == 1


def test_a_gap_of_nodes_hides_the_counts_but_no_pod() -> None:
    timeline = log(
        *begun("n1"), change(0, "pods", pod("p", "n1"), "ADDED", "list"), gap(2, 3, "nodes"), end(4)
    )

    assert bars(timeline) == [("p", "ready", 0, 4)]
    assert timeline.unavailable.at(2.5) is None


def test_what_changed_in_a_gap_begins_when_the_gap_ends() -> None:
    timeline = log(
        *begun("n1"),
        change(0, "pods", pod("p", "n1"), "ADDED", "list"),
        gap(2, 4),
        change(4.2, "pods", pod("p", "n1", phase="not ready"), via="list"),
        end(6),
    )

    assert bars(timeline)[1:] == [("p", "unknown", 2, 4), ("p", "not ready", 4, 6)]


# Counts


def test_nodes_are_in_scope_when_a_pod_is_there_or_should_be() -> None:
    timeline = log(
        change(0, "nodes", control_plane(), "ADDED", "list"),
        *begun("n1", "n2"),
        change(1, "pods", pod("p", "n1"), "ADDED"),
        change(2, "nodes", node("n2"), "DELETED"),
        change(3, "pods", pod("q", "course-control-plane", phase="pending"), "ADDED"),
        end(4),
    )

    assert [timeline.unavailable.at(t) for t in (0.5, 1.5, 2.5, 3.5)] == [2, 1, 0, 1]
    assert [timeline.scope.at(t) for t in (0.5, 1.5, 2.5, 3.5)] == [2, 2, 1, 2]


def test_until_the_first_lists_are_complete_counts_are_unknown() -> None:
    timeline = log(
        change(0.01, "nodes", node("n1"), "ADDED", "list"),
        change(0.02, "daemonsets", daemonset(), "ADDED", "list"),
        change(0.05, "pods", pod("p", "n1"), "ADDED", "list"),
        end(1),
    )

    assert timeline.unavailable.max() == 0
    assert timeline.unavailable.at(0.03) is None


def test_surge_counts_living_pods_beyond_one_a_node() -> None:
    timeline = log(
        *begun("n1"),
        change(1, "pods", pod("old", "n1"), "ADDED"),
        change(2, "pods", pod("new", "n1", "bbb", phase="pending"), "ADDED"),
        change(3, "pods", pod("old", "n1", phase="terminating")),
        end(4),
    )

    assert [timeline.surge.at(t) for t in (1, 2, 3)] == [0, 1, 0]
    assert [timeline.unavailable.at(t) for t in (1, 2, 3)] == [0, 0, 1]


def test_a_pod_is_available_only_after_min_ready_seconds() -> None:
    timeline = log(
        *begun("n1", ds=daemonset(min_ready=3)),
        change(1, "pods", pod("p", "n1"), "ADDED"),
        change(2, "pods", pod("p", "n1", phase="not ready")),
        change(3, "pods", pod("p", "n1")),
        end(10),
    )

    assert (timeline.unavailable.times, timeline.unavailable.values) == ((0, 6, 10), (1, 0, 0))


def test_a_pod_ready_before_the_recording_needs_no_second_wait() -> None:
    old = pod("p", "n1")
    old["status"]["conditions"][0]["lastTransitionTime"] = "2026-11-24T03:29:00Z"
    timeline = log(
        change(0, "pods", old, "ADDED", "list"), *begun("n1", ds=daemonset(min_ready=30)), end(2)
    )

    assert timeline.unavailable.max() == 0


@pytest.mark.parametrize(
    ("rolling", "nodes", "expected"),
    [
        ({"maxUnavailable": 2}, 4, (2, 0)),
        ({"maxUnavailable": "26%"}, 4, (2, 0)),
        ({"maxUnavailable": "10%"}, 4, (1, 0)),
        ({"maxUnavailable": 0, "maxSurge": "25%"}, 7, (0, 2)),
        ({"maxUnavailable": 0, "maxSurge": 0}, 3, (1, 0)),
        ({}, 3, (1, 0)),
        (None, 3, (None, None)),
    ],
)
def test_budgets_are_rounded_up_and_on_delete_has_none(
    rolling: Record | None, nodes: int, expected: tuple[int | None, int | None]
) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    ds = daemonset(strategy={"type": "OnDelete"} if rolling is None else strategy)
    timeline = log(*begun(*(f"n{i}" for i in range(nodes)), ds=ds), end(1))

    assert (timeline.budget.at(0.5), timeline.surge_budget.at(0.5)) == expected


def test_status_is_kept_as_the_seven_numbers_when_they_change() -> None:
    ds = daemonset()
    later = daemonset()
    later["status"] = {"desiredNumberScheduled": 2, "numberReady": 1, "numberUnavailable": 1}
    timeline = log(
        *begun("n1", ds=ds),
        change(1, "daemonsets", later),
        change(2, "daemonsets", later),
        end(3),
    )

    assert timeline.status == ((0, (0,) * 7), (1, (2, 0, 1, 0, 0, 1, 0)))
    assert timeline.desired.at(2) == 2


# Marks


def texts(timeline: Timeline) -> list[tuple[str, str, str]]:
    return [(m.kind, m.text, m.node) for m in timeline.marks]


@pytest.mark.parametrize(
    ("done", "marks"),
    [
        (lambda _fleet: None, []),  # what was there at the beginning makes no mark
        (lambda fleet: fleet.note("now"), [("note", "now", "")]),
        (
            lambda fleet: fleet.add_node("course-worker2"),
            [("event", "node added", "course-worker2")],
        ),
        # The taints that come with these make no marks of their own.
        (lambda fleet: fleet.cordon("course-worker"), [("action", "cordon", "course-worker")]),
        (
            lambda fleet: fleet.kubelet_silent("course-worker"),
            [("event", "node NotReady (Unknown)", "course-worker")],
        ),
    ],
)
def test_what_is_done_or_happens_is_one_mark(done: Any, marks: list[tuple[str, str, str]]) -> None:
    fleet = Fleet(1).run(1)
    done(fleet)

    assert texts(timeline_of(fleet.log())) == marks


def test_labels_and_taints_are_marks_but_the_courses_own_are_not() -> None:
    before = node("n1", tier="a")
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    after = node("n1", taints=[taint], disk="ssd")
    after["metadata"]["labels"]["course.daemonset.example/managed"] = "true"
    timeline = log(
        change(0, "nodes", before, "ADDED", "list"),
        change(1, "nodes", after),
        change(2, "nodes", after),
        end(3),
    )

    assert texts(timeline) == [
        ("action", "label disk=ssd", "n1"),
        ("action", "label tier removed", "n1"),
        ("action", "taint gpu=yes:NoSchedule", "n1"),
    ]


def test_the_daemonsets_own_changes_are_marks() -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    timeline = log(
        change(1, "daemonsets", daemonset(), "ADDED"),
        change(2, "daemonsets", daemonset(2, image="a:2")),
        change(3, "daemonsets", daemonset(3, image="a:2", strategy=surge)),
        change(4, "daemonsets", daemonset(3, image="a:2", strategy=surge), "DELETED"),
        end(5),
    )

    assert [text for _, text, _ in texts(timeline)] == [
        "DaemonSet created",
        "template changed",
        "update strategy: RollingUpdate, maxSurge 1",
        "DaemonSet deleted",
    ]


def test_warnings_about_our_pods_are_told_once_a_kind() -> None:
    fleet = Fleet(2).run(1)
    for uid, seconds in (("00001", 10), ("00002", 20)):
        fleet.warn("BackOff", f"Back-off {seconds}s restarting agent-{uid}", about=uid)
    fleet.warn("BackOff", "Back-off pulling", about="someone-else")

    assert texts(timeline_of(fleet.log())) == [
        ("event", "BackOff: Back-off 10s restarting agent-00001", "course-worker")
    ]


def failed_pod(uid: str, t: float, text: str) -> Record:
    event = {
        "metadata": {"name": f"e-{uid}", "uid": f"e-{uid}"}, "type": "Warning",
        "reason": "FailedDaemonPod", "message": text,
        "involvedObject": {"kind": "DaemonSet", "uid": "ds-1", "name": "agent"},
    }  # fmt: skip
    return change(t, "events", event, "ADDED")


def test_equal_events_about_different_pods_are_told_once() -> None:
    said = "Found failed daemon pod default/{} on node {}, will try to kill it"
    pods = [("agent-x7k2p", "n1"), ("agent-b4d9z", "n1"), ("agent-9zzqv", "worker-a")]
    named = [failed_pod(pod, 2 + i, said.format(pod, on)) for i, (pod, on) in enumerate(pods)]
    combined = f"(combined from similar events): {said.format('agent-2222z', 'n1')}"
    named.append(failed_pod("y", 6, combined))
    other = failed_pod("z", 7, "Failed to delete pod default/agent-x7k2p")
    timeline = log(*begun("n1", "worker-a"), *named, other, end(9))

    assert [(mark.t, mark.text) for mark in timeline.marks] == [
        (2, f"FailedDaemonPod: {said.format('agent-x7k2p', 'n1')}"),
        (7, "FailedDaemonPod: Failed to delete pod default/agent-x7k2p"),
    ]


def test_the_generated_names_of_a_long_daemonset_name_are_known_too() -> None:
    name = "a" * 63
    header, ds = HEADER | {"daemonset": name}, daemonset()
    ds["metadata"]["name"] = name
    events = [
        failed_pod(uid, t, f"pod {name[:58]}{uid} failed")
        for uid, t in (("x7k2p", 1), ("b4d9z", 2))
    ]
    for event in events:
        event["object"]["involvedObject"]["name"] = name
    timeline = timeline_of([header, change(0, "daemonsets", ds, "ADDED", "list"), *events])

    assert len(timeline.marks) == 1


PORTS = (
    "0/4 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, "
    "3 node(s) didn't satisfy plugin(s) [NodeAffinity]."
)
NO_VICTIMS = "preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod."


@pytest.mark.parametrize(
    "tail", ["", f" {NO_VICTIMS}", f" no new claims to deallocate, {NO_VICTIMS}"]
)
def test_a_warning_keeps_its_reason_and_loses_what_is_beside_the_point(tail: str) -> None:
    fleet = Fleet(1).run(1).warn("FailedScheduling", f"{PORTS} {tail}", about="00001")
    (mark,) = timeline_of(fleet.log()).marks

    assert mark.text.rstrip(".") == f"FailedScheduling: {PORTS}".rstrip(".")


def test_a_very_long_warning_is_cut_between_words_and_keeps_both_ends() -> None:
    message = f"Failed to pull image: {'very-long-part ' * 40}no such host"
    (mark,) = timeline_of(Fleet(1).run(1).warn("Failed", message, about="00001").log()).marks
    head, tail = mark.text.split(" … ")

    assert len(mark.text) <= 280
    assert head.startswith("Failed: Failed to pull image: very-long-part")
    assert tail.endswith("no such host")
    assert {*head.split()[5:], *tail.split()[:-3]} == {"very-long-part"}


# The log as a whole


def test_lanes_are_in_natural_order_with_the_control_plane_first() -> None:
    lanes = timeline_of(Fleet(11).log()).nodes

    assert lanes[:3] == ("course-control-plane", "course-worker", "course-worker2")
    assert lanes[-1] == "course-worker11"
    assert sorted(["b10", "b9", "a", "b"], key=natural_key) == ["a", "b", "b9", "b10"]


def test_a_log_that_breaks_off_ends_with_the_last_thing_seen() -> None:
    assert timeline_of(Fleet(1).run(1).note("last").run(4).log(ended=False)).end == 1


def test_a_file_that_is_no_log_is_refused() -> None:
    with pytest.raises(BadInput, match="not an event log"):
        timeline_of([])
    with pytest.raises(BadInput, match="format 2; known: 1"):
        timeline_of([HEADER | {"format": 2}])


# Steps


def test_steps_know_their_value_their_maximum_and_their_longest_stretch() -> None:
    steps = Steps((0, 2, 3, 5, 9), (0, 2, None, 2, 2))

    assert [steps.at(t) for t in (-1, 0, 2.5, 4, 100)] == [None, 0, 2, None, 2]
    assert (steps.max(), steps.max(0, 1.9), steps.max(3.5, 4)) == (2, 0, None)
    assert steps.longest(1) == 4
    assert steps.longest(1, 2.25, 6) == 1
    assert steps.longest(2) == 0


# Properties

PHASES = ("unbound", "pending", "not ready", "ready", "terminating", "failed")
UIDS = ("p1", "p2", "p3", "p4")
NODES = ("n1", "n2")


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """Any order of pods that come, change and go on two nodes, with gaps between."""
    home = {uid: draw(st.sampled_from(NODES)) for uid in UIDS}
    records = [HEADER, *begun(*NODES, ds=daemonset(min_ready=draw(st.sampled_from([0, 2]))))]
    t, alive = 0.0, set[str]()
    for _ in range(draw(st.integers(0, 25))):
        t += draw(st.sampled_from([0.0, 0.5, 1.0, 3.0]))
        uid = draw(st.sampled_from(UIDS))
        what = draw(st.sampled_from([*PHASES, "ready", "ready", "DELETED", "gap"]))
        if what == "gap":
            records.append(gap(t, t + 1.0))
            t += 1.0
        elif what == "DELETED":
            if uid in alive:
                records.append(change(t, "pods", pod(uid, home[uid]), "DELETED"))
                alive.discard(uid)
        else:
            kind = "MODIFIED" if uid in alive else "ADDED"
            records.append(change(t, "pods", pod(uid, home[uid], phase=what), kind))
            alive.add(uid)
    return [*records, end(t + 4.0)]


@given(logs())
def test_segments_of_a_pod_are_contiguous_and_never_overlap(records: list[Record]) -> None:
    timeline = timeline_of(records)
    births = [r["t"] for r in records if r.get("type") == "ADDED" and r.get("resource") == "pods"]
    for uid in UIDS:
        mine = sorted((s for s in timeline.segments if s.pod == uid), key=lambda s: s.start)
        assert all(s.start < s.end for s in mine)
        for a, b in pairwise(mine):
            assert a.end <= b.start
            # The only holes are between two lives of one uid, and there it was added again.
            assert a.end == b.start or b.start in births
            if a.end == b.start and b.start not in births:
                assert (a.phase, a.reason) != (b.phase, b.reason)


@given(logs())
def test_counts_equal_a_brute_force_replay(records: list[Record]) -> None:
    timeline = timeline_of(records)
    times = sorted({r["t"] for r in records[1:]})
    # Between two records, and (halves) where a pod's minReadySeconds end.
    for t in sorted({*times, *(a + (b - a) / 2 + 0.01 for a, b in pairwise(times))}):
        assert (timeline.unavailable.at(t), timeline.surge.at(t)) == brute_force(records, t)


def brute_force(records: list[Record], t: float) -> tuple[int | None, int | None]:
    """Counts from nothing but the records up to ``t``, each pod's history read anew."""
    if any(r["record"] == "gap" and r["start"] <= t < r["end"] for r in records):
        return None, None
    min_ready = next(
        r["object"]["spec"]["minReadySeconds"] for r in records if r.get("resource") == "daemonsets"
    )
    available, living = dict.fromkeys(NODES, 0), dict.fromkeys(NODES, 0)
    for uid in UIDS:
        ready_for: float | None = None
        last: Record | None = None
        for r in records[1:]:
            if r["t"] > t or r["record"] != "change" or r["object"]["metadata"].get("uid") != uid:
                continue
            last = None if r["type"] == "DELETED" else r["object"]
            if last is None or "deletionTimestamp" in last["metadata"]:
                ready_for = None
            elif last["status"]["conditions"][0]["status"] == "True":
                ready_for = r["t"] if ready_for is None else ready_for
            else:
                ready_for = None
        if last is None:
            continue
        on = node_name(last)
        living[on] += "deletionTimestamp" not in last["metadata"]
        available[on] += ready_for is not None and t - ready_for >= min_ready
    return (
        sum(n == 0 for n in available.values()),
        sum(max(0, n - 1) for n in living.values()),
    )


@settings(max_examples=15)
@given(
    workers=st.integers(1, 6),
    surge=st.booleans(),
    k=st.integers(1, 3),
    seed=st.integers(0, 50),
    blind=st.booleans(),
)
def test_a_simulated_rollout_keeps_its_budget(
    workers: int, surge: bool, k: int, seed: int, blind: bool
) -> None:
    strategy = {"max_surge": k, "max_unavailable": 0} if surge else {"max_unavailable": k}
    fleet = Fleet(workers, seed=seed, **strategy).run(1).apply().run(2)  # type: ignore[arg-type]
    timeline = timeline_of((fleet.interrupt_watch(1) if blind else fleet).run(40).log())

    assert timeline.behind.at(timeline.end) == 0
    assert (timeline.unavailable.max() or 0) <= (0 if surge else k)
    assert (timeline.surge.max() or 0) <= (k if surge else 0)
    assert timeline.unavailable.values.count(None) == (2 if blind else 1)


# Cost


def lines_run(records: list[Record]) -> int:
    """How many lines of Python run: a measure of work that no busy machine disturbs."""
    count = 0

    def tracer(*_: object) -> Any:
        nonlocal count
        count += 1
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        timeline_of(records)
    finally:
        sys.settrace(before)
    return count


def test_building_is_linear_in_the_number_of_events() -> None:
    small = Fleet(10, max_unavailable="50%", min_ready=1).run(1).apply().run(30).log()
    large = Fleet(40, max_unavailable="50%", min_ready=1).run(1).apply().run(30).log()

    events = len(large) / len(small)
    assert 3 < events < 6
    assert lines_run(large) / lines_run(small) < 1.3 * events


def test_placement_is_asked_only_when_a_node_or_the_template_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def counted(node: Any, template: Any) -> Any:
        asked.append(node["metadata"]["name"])
        return real(node, template)

    real = replay.should_run
    monkeypatch.setattr(replay, "should_run", counted)
    heartbeats = [change(i, "nodes", node("n1")) for i in range(2, 50)]
    changed = change(60, "daemonsets", daemonset(image="b"))
    timeline_of([HEADER, *begun("n1", "n2"), *heartbeats, changed])

    assert len(asked) == 4
