"""Each stage of ``data/stages.yaml``, seen by a recorder: what a simulated kubelet does."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import pytest

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import Fleet, reset
from daemonset_course.cluster.timing import Settings
from daemonset_course.history.index import History
from daemonset_course.history.podstate import condition
from daemonset_course.recording.recorder import Recorder, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, break_node, recover_node
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import PACE, daemonset, eventually, histories, lasted, renewed, state, until, words

pytestmark = pytest.mark.only("embedded", "it looks at simulated kubelets")

NAMESPACE = "stages"
DAEMONSETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BEFORE = ["pending", "bound", "ContainerCreating"]
AFTER = ["terminating", "gone"]
WAIT = {"readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 4}}
NEVER = {"readinessProbe": {"exec": {"command": ["false"]}}}

Scene = tuple[Recorder, Fleet, str]


class Played(NamedTuple):
    """A recording of every scene, and the versions of all objects at two moments of quiet."""

    history: History
    before: dict[str, str]
    after: dict[str, str]


def sleep(seconds: int) -> dict[str, Any]:
    return {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}


SCENES = {
    "good": (daemonset("good"), "ready"),
    "waits": (daemonset("waits", WAIT), "ready"),
    "never": (daemonset("never", NEVER), "running"),
    "unpulled": (daemonset("unpulled", {"image": "registry.invalid/a:1"}), "ImagePullBackOff"),
    "crash": (daemonset("crash", {"command": ["false"]}), "CrashLoopBackOff"),
    "slow": (daemonset("slow", sleep(6)), "ready"),
    "cut": (daemonset("cut", sleep(20)), "ready"),
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


def counted(daemonsets: dict[str, Any]) -> bool:
    """Whether the controller has counted each ready pod."""
    ready = {name: item["status"].get("numberReady") for name, item in daemonsets.items()}
    return ready == {app: 3 if last == "ready" else 0 for app, (_, last) in SCENES.items()}


def versions(cluster: Cluster) -> dict[str, str]:
    paths = (PODS, "/api/v1/nodes", DAEMONSETS)
    found = [item["metadata"] for path in paths for item in cluster.api.items(path)]
    found = [meta for meta in found if not meta["name"].startswith("crash-")]  # it starts again
    return {meta["uid"]: f"{meta['name']} {meta['resourceVersion']}" for meta in found}


@pytest.fixture(scope="module")
def played(live_cluster: Cluster) -> Iterator[Played]:
    """All pods brought to the last state of their life, watched there, and deleted."""
    reset(live_cluster.name)
    kubectl("create namespace", NAMESPACE)
    with record("good", namespace=NAMESPACE) as recorder:
        for manifest, _ in SCENES.values():
            apply(manifest, namespace=NAMESPACE)
        until(live_cluster, PODS, arrived)
        until(live_cluster, DAEMONSETS, counted)
        before = versions(live_cluster)
        renewed(live_cluster, live_cluster.workers()[0])
        after = versions(live_cluster)
        kubectl("delete daemonset cut --cascade=orphan --namespace", NAMESPACE)
        kubectl("delete pod -l app=cut --grace-period=1 --wait=false --namespace", NAMESPACE)
        kubectl("delete daemonset --all --wait=false --namespace", NAMESPACE)
        until(live_cluster, PODS, lambda pods: not pods)
    yield Played(recorder.history, before, after)
    reset(live_cluster.name)


@pytest.mark.parametrize("app", SCENES)
def test_a_pod_goes_through_each_of_its_states_exactly_once(played: Played, app: str) -> None:
    found = histories(played.history, app)

    assert [words(steps) for steps in found.values()] == [[*BEFORE, *PLAYED[app], *AFTER]] * 3


def test_no_stage_matches_its_own_result(played: Played) -> None:
    assert len(played.before) == 3 * (len(SCENES) - 1) + 4 + len(SCENES)
    assert played.after == played.before


def test_initial_delay_seconds_is_honoured(played: Played) -> None:
    waiting = [lasted(s, "running") for s in histories(played.history, "waits").values()]
    other = [lasted(s, "running") for s in histories(played.history, "good").values()]

    # The kubelet counts from the container's start, which a busy machine sees late.
    assert median(waiting) >= 0.9 * 4 * PACE
    assert max(other) < 4 * PACE


def test_a_pod_takes_its_pre_stop_time_but_never_more_than_its_grace_period(
    played: Played,
) -> None:
    slow = [lasted(s, "terminating") for s in histories(played.history, "slow").values()]
    cut = [lasted(s, "terminating") for s in histories(played.history, "cut").values()]

    assert min(slow) >= 0.9 * 6.4 * PACE  # a busy machine sees the begin late
    assert min(cut) >= 0.95 * 1 * PACE
    assert max(cut) < 6 * PACE  # of 20 that its preStop asks for


def test_a_failed_pull_and_a_crash_leave_the_kubelet_s_event(played: Played) -> None:
    events = [change.object for change in played.history.changes("events")]
    warned = {
        (e["involvedObject"]["name"].split("-")[0], e["reason"])
        for e in events
        if e["type"] == "Warning"
    }

    assert {("unpulled", "Failed"), ("crash", "BackOff")} <= warned


@pytest.fixture(scope="module")
def broken(live_cluster: Cluster) -> Iterator[Scene]:
    """A node joins; another falls silent and comes back; a third reports not ready, comes back."""
    fleet = reset(live_cluster.name)
    silent, unwell, healthy = fleet.workers
    for app in ("plain", "other"):
        apply(daemonset(app))
        wait_rollout(app)
    with record("plain") as recorder:
        joined = add_node()[0]
        recorder.mark("silent")
        break_node(silent)
        recorder.mark("noticed")
        pod = kubectl(f"get pods -l app=other -o name --field-selector spec.nodeName={silent}")
        kubectl("delete --wait=false", pod.strip())
        renewed(live_cluster, healthy, 1)
        recorder.mark("recover")
        recover_node(silent)
        wait_rollout("other")
        break_node(unwell, "not ready")
        recover_node(unwell)
    yield recorder, fleet, joined
    reset(live_cluster.name)


def at(recorder: Recorder, text: str) -> float:
    return next(mark.t for mark in recorder.history.marks if mark.text == text)


def seen_on(recorder: Recorder, node: str) -> list[tuple[float, str, set[str]]]:
    """(t, status of Ready, the control plane's taints) of a node, whenever one changed."""
    found: list[tuple[float, str, set[str]]] = []
    for change in recorder.history.changes("nodes", lambda item: item["metadata"]["name"] == node):
        taints = {
            f"{t['key'].removeprefix('node.kubernetes.io/')}:{t['effect']}"
            for t in change.object["spec"].get("taints", [])
        }
        now = (change.t, condition(change.object, "Ready").get("status", ""), taints)
        if not found or found[-1][1:] != now[1:]:
            found.append(now)
    return found


def test_a_new_node_becomes_ready_and_sheds_the_taints_of_joining(broken: Scene) -> None:
    recorder, _, joined = broken
    steps = seen_on(recorder, joined)

    assert steps[0][1] == "False"  # as a kubelet registers
    assert any("not-ready:NoSchedule" in taints for _, _, taints in steps)
    assert steps[-1][1:] == ("True", set())
    assert list(dict.fromkeys(s[1] for s in steps)) == ["False", "True"]


def test_a_silent_node_is_unreachable_after_the_grace_period(broken: Scene) -> None:
    recorder, fleet, _ = broken
    steps = seen_on(recorder, fleet.workers[0])
    unknown = next(t for t, ready, _ in steps if ready == "Unknown")
    grace = Settings.at_pace(PACE).node_grace_seconds

    assert list(dict.fromkeys(s[1] for s in steps)) == ["True", "Unknown"]
    assert grace - 2 < unknown - at(recorder, "silent") < grace + 5
    assert any(s[2] == {"unreachable:NoSchedule", "unreachable:NoExecute"} for s in steps)
    assert steps[-1][1:] == ("True", set())


def test_pods_of_a_silent_node_are_marked_not_ready_and_ready_again(broken: Scene) -> None:
    recorder, _, _ = broken
    found = [words(s) for s in histories(recorder.history, "plain").values()]

    assert found.count(["ready", "marked not ready", "ready"]) == 1
    assert found.count(["ready"]) == 2
    assert found.count([*BEFORE, *PLAYED["good"]]) == 1  # on the node that joined


def test_a_pod_deleted_on_a_silent_node_stays_until_the_node_is_back(broken: Scene) -> None:
    recorder, _, _ = broken
    ends = [s for s in histories(recorder.history, "other").values() if "gone" in words(s)]

    assert [words(s) for s in ends] == [["ready", "marked not ready", *AFTER]]
    assert ends[0][-1][1] > at(recorder, "recover") > ends[0][-2][1] > at(recorder, "noticed")


def test_a_not_ready_node_keeps_its_lease_and_its_pods_stay_ready(broken: Scene) -> None:
    recorder, fleet, _ = broken
    steps = seen_on(recorder, fleet.workers[1])

    assert list(dict.fromkeys(s[1] for s in steps)) == ["True", "False"]
    assert any("not-ready:NoSchedule" in s[2] for s in steps)
    assert steps[-1][1:] == ("True", set())


def test_a_pod_that_no_scheduler_placed_is_rejected_where_it_has_no_room(
    live_cluster: Cluster,
) -> None:
    node = reset(live_cluster.name, workers=3).workers[0]
    greedy = {"resources": {"requests": {"cpu": "1000"}}}
    seen: set[str] = set()

    def replaced(pods: dict[str, Any]) -> bool:
        seen.update(pods)
        return len(seen) == 2

    with record("pinned") as recorder:
        apply(daemonset("pinned", greedy, nodeName=node))
        until(live_cluster, "/api/v1/namespaces/default/pods", replaced)
    reset(live_cluster.name)
    first = next(iter(histories(recorder.history, "pinned")))
    pods = [change.object for change in recorder.history.changes("pods")]
    phases = [p["status"]["phase"] for p in pods if p["metadata"]["name"] == first]
    reasons = {p["status"].get("reason") for p in pods if p["status"]["phase"] == "Failed"}

    assert [*dict.fromkeys(phases)] == ["Pending", "Failed"]
    assert reasons == {"OutOfcpu"}


@pytest.mark.only("embedded", "kind's own kubelets do it")
def test_an_extended_resource_of_the_capacity_becomes_allocatable(live_cluster: Cluster) -> None:
    """As it says in https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/."""
    node = reset().workers[0]

    def written(amount: str) -> None:
        patch = f'{{"status":{{"capacity":{{"example.com/gpu":{amount}}}}}}}'
        kubectl(f"patch node {node} --subresource=status --type=merge -p", patch)

    def allocatable() -> str:
        status = live_cluster.api.get(f"/api/v1/nodes/{node}")["status"]
        return str(status["allocatable"].get("example.com/gpu"))

    for amount, becomes in (('"4"', "4"), ('"2"', "2"), ("null", "None")):
        written(amount)
        assert eventually(lambda becomes=becomes: allocatable() == becomes)
