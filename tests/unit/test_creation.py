from __future__ import annotations

from typing import Any

import pytest
from fleet import HEADER, Fleet, change, daemonset, node, pod, present, timeline_of

from daemonset_course.analysis.explain import explain_timeline
from daemonset_course.analysis.rollout_caption import caption, headline
from daemonset_course.history.failed_creates import not_created, template_age
from daemonset_course.history.rollouts import rollouts

SAID = {
    "service account": 'pods "agent-" is forbidden: error looking up service account '
    'default/nobody: serviceaccount "nobody" not found',
    "pod security": 'pods "agent-x7k2p" is forbidden: violates PodSecurity "baseline:latest": '
    "host namespaces (hostNetwork=true)",
    "quota": 'pods "agent-" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, '
    "limited: pods=2",
    "priority class": 'pods "agent-" is forbidden: no PriorityClass with name nope was found',
    "webhook": 'admission webhook "pods.example.com" denied the request: no agents on Fridays',
}


def event(message: str = SAID["quota"], *, at: str = "", **fields: Any) -> dict[str, Any]:
    """A FailedCreate Event as the DaemonSet controller writes it."""
    about = {"kind": "DaemonSet", "name": "agent", "namespace": "default", "uid": "ds-1"}
    made = {
        "metadata": {"name": "agent.1", "uid": "e-1"},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": f"Error creating: {message}",
        "involvedObject": about,
    }
    return made | ({"lastTimestamp": f"2026-11-24T{at}Z"} if at else {}) | fields


# From the API: not_created


@pytest.mark.parametrize("message", SAID.values(), ids=SAID)
def test_the_nodes_without_a_pod_are_explained_by_the_event(message: str) -> None:
    said = not_created([event(message)], daemonset(), ["worker", "worker2"])

    assert said == f"no Pod could be created on worker, worker2: {message}"


@pytest.mark.parametrize(
    "other",
    [
        {"reason": "FailedPlacement"},
        {"reason": "SuccessfulCreate"},
        {"involvedObject": {"kind": "DaemonSet", "name": "other", "uid": "ds-2"}},
        {"involvedObject": {"kind": "DaemonSet", "name": "agent", "uid": "ds-0"}},  # a namesake's
        {"involvedObject": {"kind": "ReplicaSet", "name": "agent", "uid": "ds-1"}},
    ],
)
def test_an_event_about_something_else_explains_nothing(other: dict[str, Any]) -> None:
    assert not_created([event() | other], daemonset(), ["worker"]) == ""


def test_the_newest_event_counts_by_its_series_or_last_timestamp() -> None:
    old = event("old", at="03:30:05", firstTimestamp="2026-11-24T03:30:00Z")
    once = event("once", at="03:30:07")
    series = {
        "regarding": once["involvedObject"],
        "reason": "FailedCreate",
        "note": "(combined from similar events): Error creating: series",
        "eventTime": "2026-11-24T03:30:01.000000Z",
        "series": {"count": 9, "lastObservedTime": "2026-11-24T03:30:09.500000Z"},
    }

    assert not_created([once, old], daemonset(), ["n1"]).endswith(": once")
    assert not_created([series, once, old], daemonset(), ["n1"]).endswith("on n1: series")


@pytest.mark.parametrize(("at", "counts"), [("03:30:04", False), ("03:30:05", True)])
def test_an_event_from_before_the_template_or_the_last_creation_is_stale(
    at: str, counts: bool
) -> None:
    owner = daemonset()
    owner["metadata"] |= {
        "creationTimestamp": "2026-11-24T03:00:00Z",
        "managedFields": [
            {"time": "2026-11-24T03:30:05Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
            {
                "time": "2026-11-24T03:40:00Z",
                "subresource": "status",
                "fieldsV1": {"f:status": {}},
            },
            {"time": "2026-11-24T03:40:00Z", "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
        ],
    }
    made = {"metadata": {"creationTimestamp": "2026-11-24T03:30:05Z"}}
    bare = {"metadata": {"name": "agent", "creationTimestamp": "2026-11-24T03:00:00Z"}}

    for since in (template_age(owner, []), template_age(bare, [made])):
        assert bool(not_created([event(at=at)], owner, ["n1"], since=since)) is counts


def test_many_nodes_are_counted_and_none_needs_no_explanation() -> None:
    names = [f"n{i}" for i in range(9)]
    surge = daemonset(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})

    assert "on n0, n1, n2, n3, n4, n5 and 3 more: " in not_created([event()], daemonset(), names)
    assert not_created([event()], daemonset(), []) == ""
    assert not_created([event("why")], surge, []) == "no new Pod could be created: why"


# From a recording: facts and caption


def log(*records: dict[str, Any], before: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    begun = present("nodes", *(node(f"course-{n}") for n in ("w", "w2", "w10")))
    begun += present("pods", *(pod(n, f"course-{n}") for n in before))
    return [HEADER, *begun, *records, {"record": "end", "t": 20}]


def refused(t: float, message: str) -> dict[str, Any]:
    return change(t, "events", event(message), "MODIFIED")


def test_a_first_rollout_without_pods_says_why_in_facts_and_caption() -> None:
    created = change(1, "daemonsets", daemonset(), "ADDED")
    timeline = timeline_of(log(created, refused(2, "first"), refused(3, "newest")))
    refusals = explain_timeline(timeline).of("refused")

    assert [one.node for one in refusals] == ["course-w", "course-w2", "course-w10"]
    assert {one.reason for one in refusals} == {"newest"}
    assert caption(timeline).endswith("; no Pod could be created on w, w2, w10: newest.")
    assert "newest" not in headline(timeline)


def test_only_some_nodes_lack_a_pod() -> None:
    created = change(1, "daemonsets", daemonset(), "ADDED")
    made = change(2, "pods", pod("a", "course-w", phase="pending", reason="ErrImagePull"), "ADDED")
    timeline = timeline_of(log(created, made, refused(2.5, "quota")))

    assert caption(timeline).endswith(
        "; no Pod could be created on w2, w10: quota; w: ErrImagePull."
    )


def test_a_refusal_before_the_last_creation_or_the_next_template_is_no_reason() -> None:
    created = change(1, "daemonsets", daemonset(), "ADDED")
    made = change(3, "pods", pod("a", "course-w", phase="pending"), "ADDED")
    newer = change(3, "daemonsets", daemonset(2, image="a:2"))
    after_pod = timeline_of(log(created, refused(2, "stale"), made))
    both = timeline_of(log(created, refused(2, "stale"), newer))
    first, second = (explain_timeline(both, one).of("refused") for one in both.templates)

    assert "stale" not in caption(after_pod)
    missing = explain_timeline(after_pod).of("missing")
    assert [one.node for one in missing] == ["course-w2", "course-w10"]
    assert {one.reason for one in first} == {"stale"}
    assert second == ()


def test_a_rollout_that_ended_and_nodes_that_need_no_pod_are_not_explained() -> None:
    kept_off = node("course-w3", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    pods = [change(3, "pods", pod(n, f"course-{n}"), "ADDED") for n in ("w", "w2", "w10")]
    timeline = timeline_of(
        log(
            change(1, "nodes", kept_off, "ADDED"),
            change(1, "daemonsets", daemonset(), "ADDED"),
            refused(2, "quota"),
            *pods,
            refused(4, "late"),
        )
    )
    (rollout,) = rollouts(timeline)

    assert rollout.end == 3
    assert explain_timeline(timeline).causes == ()
    assert "could be created" not in caption(timeline)


def test_with_surge_no_node_lacks_a_pod_and_the_new_ones_are_refused() -> None:
    fleet = Fleet(3, max_unavailable=0, max_surge=1).run(1)
    fleet._sync = lambda: None  # type: ignore[method-assign]  # the controller creates nothing
    fleet.apply()
    fleet._emit("events", event("quota"), "ADDED")
    timeline = timeline_of(fleet.run(5).log())

    assert explain_timeline(timeline).of("missing") == ()
    assert caption(timeline).endswith("; no new Pod could be created: quota.")


def test_a_recording_that_begins_with_pods_missing_says_why() -> None:
    owner = change(0, "daemonsets", daemonset(), "ADDED", "list")
    timeline = timeline_of(log(owner, refused(4, "quota"), before=("w",)))

    assert caption(timeline) == (
        "In 20.0 s: no Pod created or deleted; 2 of 3 nodes without an available Pod; "
        "no Pod could be created on w2, w10: quota."
    )
