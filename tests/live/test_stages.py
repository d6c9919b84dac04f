"""Each stage of ``data/stages.yaml``, seen by a recorder: what a simulated kubelet does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daemonset_course.apply import apply
from daemonset_course.cluster import Cluster
from daemonset_course.embedded import Timing
from daemonset_course.kubectl import kubectl
from daemonset_course.nodes import add_node, break_node, recover_node, remove_node
from daemonset_course.record import Recorder, record
from daemonset_course.reset import reset
from daemonset_course.rollout import wait_rollout
from live.scenes import PACE, daemonset, histories, lasted, state, until, words

NAMESPACE = "stages"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BEFORE = ["pending", "bound", "ContainerCreating"]
AFTER = ["terminating", "gone"]
WAIT = {"readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 4}}
NEVER = {"readinessProbe": {"exec": {"command": ["false"]}}}


def sleep(seconds: int) -> dict[str, Any]:
    return {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}


SCENES = {
    "good": (daemonset("good"), "ready"),
    "waits": (daemonset("waits", WAIT), "ready"),
    "never": (daemonset("never", NEVER), "running"),
    "unpulled": (daemonset("unpulled", {"image": "registry.invalid/a:1"}), "ImagePullBackOff"),
    "crash": (daemonset("crash", {"command": ["false"]}), "CrashLoopBackOff"),
    "slow": (daemonset("slow", sleep(6)), "ready"),
    "cut": (daemonset("cut", sleep(30), terminationGracePeriodSeconds=1), "ready"),
}
PLAYED = {
    "good": ["running", "ready"],
    "waits": ["running", "ready"],
    "never": ["running"],
    "unpulled": ["ErrImagePull", "ImagePullBackOff"],
    "crash": ["CrashLoopBackOff"],
    "slow": ["running", "ready"],
    "cut": ["running", "ready"],
}


def arrived(pods: dict[str, Any]) -> bool:
    """Whether each pod of each scene is in the last state of its life."""
    there = [(pod["metadata"]["labels"]["app"], state(pod)) for pod in pods.values()]
    return len(there) == 3 * len(SCENES) and all(SCENES[app][1] == word for app, word in there)


def versions(cluster: Cluster) -> dict[str, str]:
    paths = (PODS, "/api/v1/nodes", f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets")
    found = [item["metadata"] for path in paths for item in cluster.api.items(path)]
    return {meta["uid"]: f"{meta['name']} {meta['resourceVersion']}" for meta in found}


def two_renewals(cluster: Cluster) -> None:
    """Return when a node's lease was renewed twice: a while without a sleep."""
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    seen: set[str] = set()

    def done(leases: dict[str, Any]) -> bool:
        seen.add(leases[cluster.workers()[0]]["spec"]["renewTime"])
        return len(seen) > 2

    until(cluster, path, done)


@pytest.fixture(scope="module")
def played(live_cluster: Cluster) -> Iterator[Recorder]:
    """All pods brought to the last state of their life, watched there, and deleted."""
    reset(live_cluster.name)
    kubectl("create namespace", NAMESPACE)
    with record("good", namespace=NAMESPACE) as recorder:
        for manifest, _ in SCENES.values():
            apply(manifest, namespace=NAMESPACE)
        until(live_cluster, PODS, arrived)
        before = versions(live_cluster)
        two_renewals(live_cluster)
        recorder.quiet = (before, versions(live_cluster))  # type: ignore[attr-defined]
        kubectl("delete daemonset --all --wait=false --namespace", NAMESPACE)
        until(live_cluster, PODS, lambda pods: not pods)
    yield recorder
    reset(live_cluster.name)


@pytest.mark.parametrize("app", SCENES)
def test_a_pod_goes_through_each_of_its_states_exactly_once(played: Recorder, app: str) -> None:
    found = histories(played.records, app)

    assert [words(steps) for steps in found.values()] == [[*BEFORE, *PLAYED[app], *AFTER]] * 3


def test_no_stage_matches_its_own_result(played: Recorder) -> None:
    before, after = played.quiet  # type: ignore[attr-defined]

    assert len(before) == 3 * len(SCENES) + 4 + len(SCENES)
    assert after == before


def test_initial_delay_seconds_is_honoured(played: Recorder) -> None:
    waiting = [lasted(s, "running") for s in histories(played.records, "waits").values()]
    other = [lasted(s, "running") for s in histories(played.records, "good").values()]

    assert min(waiting) >= 0.95 * 4.4 * PACE
    assert max(other) < 4 * PACE


def test_a_pod_takes_its_pre_stop_time_but_never_more_than_its_grace_period(
    played: Recorder,
) -> None:
    slow = [lasted(s, "terminating") for s in histories(played.records, "slow").values()]
    cut = [lasted(s, "terminating") for s in histories(played.records, "cut").values()]

    assert min(slow) >= 0.95 * 6.4 * PACE
    assert min(cut) >= 0.95 * 1 * PACE
    assert max(cut) < 6 * PACE  # of 30 that its preStop asks for


def test_a_failed_pull_and_a_crash_leave_the_kubelet_s_event(played: Recorder) -> None:
    events = [r["object"] for r in played.records if r.get("resource") == "events"]
    warned = {
        (e["involvedObject"]["name"].split("-")[0], e["reason"])
        for e in events
        if e["type"] == "Warning"
    }

    assert {("unpulled", "Failed"), ("crash", "BackOff")} <= warned


@pytest.fixture(scope="module")
def broken(live_cluster: Cluster) -> Iterator[tuple[Recorder, list[str]]]:
    """A node joins, falls silent, comes back, reports not ready, comes back; nothing is quick."""
    fleet = reset(live_cluster.name)
    silent, unwell = fleet.workers[0], fleet.workers[1]
    apply(daemonset("plain"))
    apply(daemonset("other"))
    wait_rollout("plain")
    wait_rollout("other")
    with record("plain") as recorder:
        joined = add_node()[0]
        wait_rollout("plain")
        recorder.mark("silent")
        break_node(silent)
        pod = kubectl(f"get pods -l app=other -o name --field-selector spec.nodeName={silent}")
        kubectl("delete --wait=false", pod.strip())
        recorder.mark("deleted on the silent node")
        two_renewals_of(live_cluster, fleet.workers[2])
        recorder.mark("recover")
        recover_node(silent)
        recorder.mark("recovered")
        break_node(unwell, "not ready")
        recorder.mark("not ready")
        recover_node(unwell)
        remove_node(joined)
        wait_rollout("other")
    yield recorder, [silent, unwell, joined]
    reset(live_cluster.name)


def two_renewals_of(cluster: Cluster, node: str) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    seen: set[str] = set()

    def done(leases: dict[str, Any]) -> bool:
        seen.add(leases[node]["spec"]["renewTime"])
        return len(seen) > 2

    until(cluster, path, done)
