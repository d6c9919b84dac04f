from __future__ import annotations

import pytest
from fleet import daemonset, node, pod

from daemonset_course.timeline.podstate import phase_of
from daemonset_course.verbs.rollout import finished, lagging, pod_reason, status_of, uncounted

OWNER = daemonset() | {"metadata": daemonset()["metadata"] | {"uid": "ds", "namespace": "default"}}


def owned(*arguments, **options):
    made = pod(*arguments, **options)
    made["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent", "uid": "ds"}]
    return made


def status(**numbers):
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2} | numbers}


@pytest.mark.parametrize(
    ("numbers", "done"),
    [
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}, True),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 3}, False),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}, False),
        ({"observedGeneration": 1}, False),
        ({}, True),  # no node should run it
    ],
)
def test_a_rollout_is_finished_when_the_latest_template_is_available_everywhere(numbers, done):
    assert finished(status(**numbers)) is done


def test_the_status_is_told_in_kubectls_order():
    told = status_of({"status": {"desiredNumberScheduled": 7, "numberMisscheduled": 1}})

    assert repr(told).startswith("desired 7, current 0, ready 0")
    assert told.misscheduled == 1


def test_each_lagging_node_is_named_with_its_reason():
    nodes = [node(name) for name in ("n1", "n2", "n3", "n4", "n10")]
    pods = [
        owned("a", "n1", "new"),
        owned("b", "n2", "old"),
        owned("c", "n3", "old", phase="terminating"),
        owned("d", "n4", "new", phase="pending", reason="ImagePullBackOff"),
        pod("stranger", "n10", "new", owned=False),
    ]

    lines = lagging(OWNER, nodes, pods, "new")

    assert [line.partition(":")[0] for line in lines] == ["n2", "n3", "n4", "n10"]
    assert "still runs the old template" in lines[0]
    assert "is terminating" in lines[1]
    assert "ImagePullBackOff" in lines[2]
    assert "no pod yet" in lines[3]


def test_pods_are_judged_by_the_status_alone_while_the_daemonset_owns_no_revision():
    pods = [owned("a", "n1", "a-namesakes"), owned("b", "n2", "a-namesakes", phase="pending")]

    lines = lagging(OWNER, [node("n1"), node("n2")], pods, "")

    assert [line.partition(":")[0] for line in lines] == ["n2"]
    assert "old template" not in lines[0]


def test_a_node_that_should_not_run_it_does_not_hold_the_rollout_up():
    dead = node("n1", taints=[{"key": "dead", "effect": "NoSchedule"}])
    pods = [owned("a", "n1", "old", phase="terminating")]

    assert lagging(OWNER, [dead], pods, "new") == []
    assert lagging(OWNER, [dead], pods, "new", wanted_only=False) != []


@pytest.mark.parametrize(("desired", "missing"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_a_status_that_is_behind_the_nodes_is_noticed(desired, missing):
    dead = node("n3", taints=[{"key": "dead", "effect": "NoSchedule"}])
    behind = OWNER | {"status": {"desiredNumberScheduled": desired}}

    assert uncounted(behind, [node("n1"), node("n2"), dead]) == missing


def test_a_pod_that_no_node_takes_is_explained_in_the_schedulers_words():
    unscheduled = {
        "status": {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/4 nodes are available",
                }
            ]
        }
    }

    assert pod_reason(unscheduled) == "pending, Unschedulable: 0/4 nodes are available"


def statuses(phase="Running", init=(), main=()):
    """A pod whose containers are (name, state with its reason and message, ready)."""

    def made(containers):
        return [
            {"name": name, "state": state, "ready": ready, "restartCount": 0}
            for name, state, ready in containers
        ]

    return {
        "metadata": {"name": "agent-1"},
        "spec": {"nodeName": "n1"},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "False"}],
            "initContainerStatuses": made(init),
            "containerStatuses": made(main),
        },
    }


RUNS = {"running": {"startedAt": "2026-11-24T03:30:05Z"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
ENDED = {"terminated": {"reason": "Completed", "exitCode": 0}}
FAILED = {"terminated": {"reason": "Error", "exitCode": 1}}
UNPULLED = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
WEB = ("web", INITIALIZING, False)


@pytest.mark.parametrize(
    ("pod", "told", "drawn"),
    [
        (
            statuses("Pending", main=[("web", UNPULLED, False)]),
            "ImagePullBackOff: Back-off pulling image",
            ("pending", "ImagePullBackOff"),
        ),
        (
            statuses("Pending", main=[("web", CREATING, False)]),
            "ContainerCreating",
            ("pending", ""),
        ),
        (statuses(main=[("web", RUNS, False)]), "running, not ready", ("not ready", "")),
        (statuses("Pending"), "pending, not ready", ("pending", "")),
        (
            statuses("Pending", [("setup", UNPULLED, False)], [WEB]),
            "init container setup: ImagePullBackOff: Back-off pulling image",
            ("pending", "init container setup: ImagePullBackOff"),
        ),
        (
            statuses("Pending", [("first", ENDED, True), ("setup", CRASHED, False)], [WEB]),
            "init container setup: CrashLoopBackOff: back-off 10s",
            ("pending", "init container setup: CrashLoopBackOff"),
        ),
        (
            statuses("Pending", [("setup", FAILED, False)], [WEB]),
            "init container setup: Error",
            ("pending", "init container setup: Error"),
        ),
        (
            statuses("Pending", [("setup", RUNS, False)], [WEB]),
            "init container setup: running, not ready",
            ("pending", ""),
        ),
        (
            statuses("Pending", [("setup", ENDED, True)], [WEB]),
            "container web: PodInitializing",
            ("pending", ""),
        ),
        (
            statuses("Pending", [("proxy", RUNS, True), ("setup", UNPULLED, False)], [WEB]),
            "init container setup: ImagePullBackOff: Back-off pulling image",
            ("pending", "init container setup: ImagePullBackOff"),
        ),
        (
            statuses(init=[("proxy", RUNS, False)], main=[("web", RUNS, True)]),
            "init container proxy: running, not ready",
            ("not ready", ""),
        ),
        (
            statuses("Pending", main=[("good", RUNS, True), ("bad", UNPULLED, False)]),
            "container bad: ImagePullBackOff: Back-off pulling image",
            ("pending", "container bad: ImagePullBackOff"),
        ),
        (
            statuses(main=[("slow", RUNS, False), ("bad", CRASHED, False)]),
            "container bad: CrashLoopBackOff: back-off 10s",
            ("not ready", "container bad: CrashLoopBackOff"),
        ),
        (
            statuses(main=[("good", RUNS, True), ("slow", RUNS, False)]),
            "container slow: running, not ready",
            ("not ready", ""),
        ),
        (
            statuses(main=[("good", RUNS, True), ("other", RUNS, True)]),
            "running, not ready",
            ("not ready", ""),
        ),
    ],
)
def test_the_container_that_holds_a_pod_up_is_blamed_by_name(pod, told, drawn):
    assert pod_reason(pod) == told
    assert phase_of(pod) == drawn
