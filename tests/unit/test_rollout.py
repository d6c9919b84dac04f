from __future__ import annotations

from types import SimpleNamespace

import pytest
from fleet import HEADER, daemonset, node, pod, present

from daemonset_course.analysis.causes import kubelet_words
from daemonset_course.analysis.explain import explain
from daemonset_course.errors import BadInput
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.index import History
from daemonset_course.history.podstate import phase_of
from daemonset_course.verbs import daemonsets, rollout
from daemonset_course.verbs.rollout import finished, uncounted

OWNER = daemonset()


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
    status = status_of({"status": {"desiredNumberScheduled": 7, "numberMisscheduled": 1}})

    assert repr(status).startswith("desired 7, current 0, ready 0")
    assert status.misscheduled == 1


def test_pods_are_judged_by_the_status_alone_while_the_daemonset_owns_no_revision():
    pods = [pod("a", "n1", "a-namesakes"), pod("b", "n2", "a-namesakes", phase="pending")]
    log = [*present("nodes", node("n1"), node("n2")), *present("daemonsets", daemonset())]

    assert explain(History([HEADER, *log, *present("pods", *pods)])).lines() == (
        "n2: pending, not ready",
    )


def test_adopted_orphans_of_the_same_generation_run_the_old_template():
    """As in lesson 01: the controller takes them for up to date, ControllerRevisions do not."""
    revisions = [
        {
            "metadata": {
                "name": f"agent-{name}",
                "uid": f"cr-{name}",
                "labels": {"controller-revision-hash": name},
                "ownerReferences": [{"kind": "DaemonSet", "name": "agent"}],
            },
            "revision": number,
        }
        for number, name in enumerate(("old", "new"), start=1)
    ]
    log = [
        *present("controllerrevisions", *revisions),
        *present("nodes", node("n1")),
        *present("daemonsets", daemonset()),
        *present("pods", pod("a", "n1", "old")),
    ]

    assert explain(History([HEADER, *log])).lines() == ("n1: still runs the old template",)


@pytest.mark.parametrize(("desired", "missing"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_a_status_that_is_behind_the_nodes_is_noticed(desired, missing):
    dead = node("n3", taints=[{"key": "dead", "effect": "NoSchedule"}])
    behind = OWNER | {"status": {"desiredNumberScheduled": desired}}

    assert uncounted(behind, [node("n1"), node("n2"), dead]) == missing


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
    ("pod", "reason", "drawn"),
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
def test_the_container_that_holds_a_pod_up_is_blamed_by_name(pod, reason, drawn):
    short, _, whole = kubelet_words(pod)

    assert (whole or short) == reason
    assert phase_of(pod) == drawn


@pytest.fixture
def one_daemonset(monkeypatch):
    """A cluster with one DaemonSet, ``agent``."""
    numbers = {"desiredNumberScheduled": 3, "numberReady": 2}
    item = {"metadata": {"name": "agent"}, "status": numbers}
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    api = SimpleNamespace(find={f"{path}/agent": item}.get, items=lambda _: [item])
    monkeypatch.setattr(rollout, "current", lambda: SimpleNamespace(api=api))


@pytest.mark.usefixtures("one_daemonset")
def test_the_status_is_read_without_a_wait():
    assert rollout.daemonset_status("agent")[:3] == (3, 0, 2)


@pytest.mark.usefixtures("one_daemonset")
@pytest.mark.parametrize("verb", [rollout.daemonset_status, rollout.wait_rollout])
def test_a_daemonset_that_is_not_there_is_bad_input_with_the_names_that_are(verb):
    with pytest.raises(BadInput, match="no DaemonSet 'agnet'") as error:
        verb("agnet")

    assert error.value.seen == "found there: agent"


@pytest.mark.parametrize(
    ("observed", "ends"),
    [({}, False), ({"observedGeneration": 1}, False), ({"observedGeneration": 2}, True)],
)
def test_the_wait_ends_when_the_newest_template_is_observed(monkeypatch, observed, ends):
    item = {"metadata": {"name": "agent", "generation": 2}, "status": observed}
    api = SimpleNamespace(find=lambda _: item)

    def wait_for(_api, path, done, **options):
        assert (path, options["timeout"]) == ("/apis/apps/v1/namespaces/default/daemonsets", 30)
        assert done({"agent": item}) is ends
        assert not done({})
        return {"agent": item}

    monkeypatch.setattr(rollout, "current", lambda: SimpleNamespace(api=api))
    monkeypatch.setattr(rollout, "wait_for", wait_for)

    assert rollout.wait_observed("agent").updated == 0


def test_revisions_are_listed_by_number(monkeypatch):
    items = [{"revision": 10}, {"revision": 9}]
    asked = []

    def listed(path, labelSelector):  # noqa: N803
        asked.append((path, labelSelector))
        return items

    monkeypatch.setattr(
        daemonsets, "current", lambda: SimpleNamespace(api=SimpleNamespace(items=listed))
    )

    assert daemonsets.revisions("agent", namespace="x") == [{"revision": 9}, {"revision": 10}]
    assert asked == [("/apis/apps/v1/namespaces/x/controllerrevisions", "app=agent")]
