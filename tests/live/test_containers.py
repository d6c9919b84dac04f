"""Pods of several containers: init containers, sidecars, one bad container of two.

The columns READY and STATUS are those of ``kubectl get pods --watch``. What a pod comes to is the
same on a real kubelet; the steps in between are those of ``data/stages.yaml``.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import pytest

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import Fleet, reset
from daemonset_course.errors import NotFinished
from daemonset_course.history.podstate import condition
from daemonset_course.recording.recorder import record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import PAUSE, Object, daemonset, renewed, until

NAMESPACE = "containers"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SHELL = "busybox:1.36"
BAD = "registry.invalid/tool:1"
NEVER = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}
LATE = {"startupProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 5}}
CRASH = {"image": SHELL, "command": ["false"]}


def container(name: str, image: str = PAUSE, **more: Any) -> Object:
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"} | more


def init(name: str, **more: Any) -> Object:
    return container(name, SHELL, command=["true"]) | more


def sidecar(name: str, image: str = PAUSE, **more: Any) -> Object:
    return container(name, image, restartPolicy="Always", **more)


# The container, in the order of the kubelet's list, is "web": a name after and before the others'.
WEB = container("web")
INITS: dict[str, list[Object]] = {
    "two": [init("first"), init("second")],
    "unpulled": [init("first"), init("setup", image=BAD), init("last")],
    "crashing": [init("setup", **CRASH)],
    "sidecar": [sidecar("proxy")],
    "unready": [sidecar("proxy", **NEVER)],
    "between": [init("first"), sidecar("proxy"), init("last")],
    "late": [sidecar("proxy", SHELL) | {"command": ["sleep", "900"]} | LATE, init("last")],
    "stuck": [sidecar("proxy"), init("setup", image=BAD)],
    "nosidecar": [sidecar("proxy", BAD), init("last")],
}
MAINS: dict[str, list[Object]] = {
    "onebad": [WEB, container("agent", BAD)],
    "onecrash": [WEB, container("zeta", **CRASH)],
    "onenever": [container("agent"), container("web", SHELL, command=["sleep", "900"], **NEVER)],
}
PULL = ["0/1 Init:ErrImagePull", "0/1 Init:ImagePullBackOff"]
SHOWN = {
    "two": ["0/1 Init:0/2", "0/1 Init:1/2", "0/1 PodInitializing", "0/1 Running", "1/1 Running"],
    "unpulled": ["0/1 Init:0/3", "0/1 Init:1/3", *PULL],
    "crashing": ["0/1 Init:0/1", "0/1 Init:Error", "0/1 Init:CrashLoopBackOff"],
    "sidecar": ["0/2 Init:0/1", "1/2 PodInitializing", "1/2 Running", "2/2 Running"],
    "unready": ["0/2 Init:0/1", "0/2 PodInitializing", "0/2 Running", "1/2 Running"],
    "between": [
        "0/2 Init:0/3", "0/2 Init:1/3", "1/2 Init:2/3", "1/2 PodInitializing",
        "1/2 Running", "2/2 Running",
    ],
    "late": [
        "0/2 Init:0/2", "1/2 Init:1/2", "1/2 PodInitializing", "1/2 Running", "2/2 Running",
    ],
    "stuck": [
        "0/2 Init:0/2", "1/2 Init:1/2", "1/2 Init:ErrImagePull", "1/2 Init:ImagePullBackOff",
    ],
    "nosidecar": ["0/2 Init:0/2", "0/2 Init:ErrImagePull", "0/2 Init:ImagePullBackOff"],
    "onebad": [
        "0/2 ContainerCreating", "0/2 ErrImagePull", "1/2 ErrImagePull", "1/2 ImagePullBackOff",
    ],
    "onecrash": ["0/2 ContainerCreating", "0/2 CrashLoopBackOff", "1/2 CrashLoopBackOff"],
    "onenever": ["0/2 ContainerCreating", "0/2 Running", "1/2 Running"],
}  # fmt: skip
# phase, containers that are not initialized, containers that are not ready
STATUS = {
    "two": ("Running", [], []),
    "unpulled": ("Pending", ["setup", "last"], ["web"]),
    "crashing": ("Pending", ["setup"], ["web"]),
    "sidecar": ("Running", [], []),
    "unready": ("Running", [], ["proxy"]),
    "between": ("Running", [], []),
    "late": ("Running", [], []),
    "stuck": ("Pending", ["setup"], ["web"]),
    "nosidecar": ("Pending", ["proxy", "last"], ["proxy", "web"]),
    "onebad": ("Pending", [], ["agent"]),
    "onecrash": ("Running", [], ["zeta"]),
    "onenever": ("Running", [], ["web"]),
}


class Played(NamedTuple):
    """What ``kubectl get pods --watch`` showed of each pod, and the pods at the end."""

    shown: dict[str, list[str]]
    pods: dict[str, Object]


def pod(name: str, spec: Object) -> Object:
    spec = {"terminationGracePeriodSeconds": 1} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def pods() -> list[Object]:
    specs = {name: {"initContainers": inits, "containers": [WEB]} for name, inits in INITS.items()}
    specs |= {name: {"containers": mains} for name, mains in MAINS.items()}
    return [pod(name, spec) for name, spec in specs.items()]


@pytest.fixture(scope="module")
def played(live_cluster: Cluster) -> Iterator[Played]:
    """All pods brought to the last state of their life."""
    reset(live_cluster.name)
    kubectl("create namespace", NAMESPACE)
    kubectl(f"wait --for=create serviceaccount/default --timeout=60s --namespace={NAMESPACE}")
    nowhere = {"nodeSelector": {"no": "node"}, "containers": [WEB]}
    apply(pod("unscheduled", nowhere), namespace=NAMESPACE)
    program = str(live_cluster.backend.programs / "kubectl")
    # The watch ends by itself where a pod does not come to its last state.
    command = f"get pods --watch --no-headers --request-timeout=120s --namespace={NAMESPACE}"
    shown: dict[str, list[str]] = {name: [] for name in SHOWN}
    with subprocess.Popen(
        [program, *command.split()],
        env=os.environ | live_cluster.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        lines = iter(watch.stdout or ())
        next(lines)  # of the pod that was there before: what is made from here on is seen
        for made in pods():
            apply(made, namespace=NAMESPACE)
        for line in lines:
            name, ready, status = line.split()[:3]
            if name not in shown:
                continue
            shown[name].append(f"{ready} {status}")
            if all(SHOWN[one][-1] in seen for one, seen in shown.items()):
                break
        watch.terminate()
    found = {item["metadata"]["name"]: item for item in live_cluster.api.items(PODS)}
    yield Played({name: [w for w, _ in groupby(seen)] for name, seen in shown.items()}, found)
    reset(live_cluster.name)


@pytest.mark.parametrize("name", SHOWN)
def test_a_pod_comes_to_what_its_containers_allow(played: Played, name: str) -> None:
    assert SHOWN[name][-1] in played.shown[name]


@pytest.mark.only("embedded", "it looks at the steps of simulated kubelets")
@pytest.mark.parametrize("name", SHOWN)
def test_each_container_takes_its_steps_in_order(played: Played, name: str) -> None:
    waiting = f"0/{SHOWN[name][0][2]} Pending"

    shown = played.shown[name]
    if name == "crashing":  # it starts again
        shown = shown[: len(SHOWN[name]) + 1]
    assert shown == [waiting, *SHOWN[name]]


@pytest.mark.parametrize("name", STATUS)
def test_phase_and_conditions_name_the_containers(played: Played, name: str) -> None:
    phase, incomplete, unready = STATUS[name]
    status = played.pods[name]["status"]
    found = {
        one["type"]: (one["status"], one.get("reason", ""), one.get("message", ""))
        for one in status["conditions"]
    }

    def condition(reason: str, word: str, names: list[str]) -> tuple[str, str, str]:
        message = f"containers with {word} status: [{' '.join(names)}]"
        return ("False", reason, message) if names else ("True", "", "")

    ready = condition("ContainersNotReady", "unready", unready)
    assert status["phase"] == phase
    assert found["Initialized"] == condition("ContainersNotInitialized", "incomplete", incomplete)
    assert (found["ContainersReady"], found["Ready"]) == (ready, ready)


def test_statuses_stand_in_the_kubelets_order(played: Played) -> None:
    inits = played.pods["between"]["status"]["initContainerStatuses"]
    first, proxy, last = inits
    found = played.pods["onebad"]["status"]["containerStatuses"]

    assert [one["name"] for one in inits] == ["first", "proxy", "last"]
    assert [first["state"]["terminated"]["reason"], first["ready"]] == ["Completed", True]
    assert [list(proxy["state"]), proxy["started"], proxy["ready"]] == [["running"], True, True]
    assert last["state"]["terminated"]["exitCode"] == 0
    assert [one["name"] for one in found] == ["agent", "web"]
    assert [list(found[1]["state"]), found[1]["ready"]] == [["running"], True]


def test_a_container_that_waits_for_an_init_container_has_not_started(played: Played) -> None:
    first, setup, last = played.pods["unpulled"]["status"]["initContainerStatuses"]
    (web,) = played.pods["unpulled"]["status"]["containerStatuses"]

    assert first["state"]["terminated"]["reason"] == "Completed"
    assert setup["state"]["waiting"]["reason"] in {"ErrImagePull", "ImagePullBackOff"}
    for waits in (last, web):
        assert waits["state"] == {"waiting": {"reason": "PodInitializing"}}
        assert (waits["ready"], waits["started"]) == (False, False)


@pytest.mark.only("embedded", "a real kubelet goes on trying")
def test_no_stage_matches_its_own_result(played: Played, live_cluster: Cluster) -> None:
    renewed(live_cluster, live_cluster.workers()[0])

    after = {item["metadata"]["name"]: item for item in live_cluster.api.items(PODS)}
    versions = [
        {
            name: one["metadata"]["resourceVersion"]
            for name, one in found.items()
            if name not in ("crashing", "onecrash")  # they start again
        }
        for found in (played.pods, after)
    ]
    assert versions[0] == versions[1]


def at(pod: Object, kind: str) -> str:
    """When a condition became what it is."""
    return str(condition(pod, kind)["lastTransitionTime"])


def test_conditions_become_true_in_the_kubelets_order(played: Played) -> None:
    pod = played.pods["late"]
    order = ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"]

    assert [condition(pod, kind)["status"] for kind in order] == ["True"] * len(order)
    times = [at(pod, kind) for kind in order]
    assert times == sorted(times)
    assert times[1] < times[2]  # the sidecar's startupProbe waits


@pytest.mark.usefixtures("played")
def test_a_crashing_container_starts_again_after_its_back_off(live_cluster: Cluster) -> None:
    def again(found: dict[str, Object]) -> bool:
        init = found["crashing"]["status"]["initContainerStatuses"][0]
        main = found["onecrash"]["status"]["containerStatuses"][1]
        return min(one["restartCount"] for one in (init, main)) >= 2

    found = until(live_cluster, PODS, again)
    web, zeta = found["onecrash"]["status"]["containerStatuses"]

    assert web["ready"]
    assert web["restartCount"] == 0
    assert zeta["lastState"]["terminated"]["exitCode"] == 1


@pytest.fixture
def fleet(live_cluster: Cluster) -> Iterator[Fleet]:
    yield reset(live_cluster.name)
    reset(live_cluster.name)


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        (daemonset("init", initContainers=[init("setup", image=BAD)]), "init container setup"),
        (daemonset("two", containers=[WEB, container("bad", BAD)]), "container bad"),
    ],
)
def test_an_unfinished_rollout_names_the_bad_container(
    live_cluster: Cluster, fleet: Fleet, manifest: Object, named: str
) -> None:
    name = manifest["metadata"]["name"]

    def backs_off(found: dict[str, Object]) -> bool:
        return sum("BackOff" in str(pod["status"]) for pod in found.values()) == 3

    with record(name) as recorder:
        apply(manifest)
        until(live_cluster, "/api/v1/namespaces/default/pods", backs_off)
        with pytest.raises(NotFinished, match=f"rollout of {name}") as caught:
            wait_rollout(name, timeout=1)
    failed = f"{named}: (ImagePullBackOff|ErrImagePull): .+"  # a real kubelet changes between them
    for node in fleet.workers:
        assert re.search(rf"{node}\b[^:]*: {failed}", caught.value.seen)
    reasons = {one.reason for one in recorder.timeline.segments if one.reason}
    assert f"{named}: ImagePullBackOff" in reasons
