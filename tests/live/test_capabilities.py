"""What a backend declares is what it has: each capability is really tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import CourseError
from daemonset_course.lab import session
from daemonset_course.lab.session import open_lab
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.conditions import pressure, without_network
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

WAIT = "trap 'exit 0' TERM; sleep infinity & wait"
BUSYBOX = {"image": "busybox:1.36", "command": ["sh", "-c", f"echo hello; {WAIT}"]}


@pytest.fixture(scope="module")
def tried(live_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with a DaemonSet that prints, mounts a folder of its node, and is probed."""
    reset(live_cluster.name)
    mount = {"volumeMounts": [{"name": "node", "mountPath": "/node"}]}
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/ill"]}, "periodSeconds": 1}
    volume = {"name": "node", "hostPath": {"path": "/etc"}}
    container = BUSYBOX | mount | {"readinessProbe": probe}
    apply(daemonset("tried", container, volumes=[volume]))
    wait_rollout("tried", timeout=90)
    yield live_cluster
    reset(live_cluster.name)


def logs(_: Cluster) -> bool:
    return "hello" in kubectl("logs daemonset/tried --tail=5")


def exec_(_: Cluster) -> bool:
    return "42" in kubectl("exec daemonset/tried -- echo 42")


def hostpath(_: Cluster) -> bool:
    return "tried" not in kubectl("exec daemonset/tried -- cat /node/hostname")


def probes(cluster: Cluster) -> bool:
    pod = cluster.api.items("/api/v1/namespaces/default/pods", labelSelector="app=tried")[0]
    name = pod["metadata"]["name"]
    kubectl("exec", name, "--", "touch", "/tmp/ill")
    kubectl(f"wait --for=condition=Ready=False pod/{name} --timeout=20s")
    kubectl("exec", name, "--", "rm", "/tmp/ill")
    kubectl(f"wait --for=condition=Ready pod/{name} --timeout=20s")
    return True


def pull(cluster: Cluster) -> bool:
    """A kubelet takes an image that is there, asks a registry for one that is not, and says both.

    A simulated one plays the state of a failed pull, but asks nobody.
    """
    absent = {"name": "main", "image": "registry.invalid/nobody-has:1"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "absent"}}
    apply(pod | {"spec": {"containers": [absent]}})
    given_up = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff"
    kubectl(f"wait pod/absent --for={given_up} --timeout=90s", timeout=100)
    events = cluster.api.items("/api/v1/namespaces/default/events")
    lines = [f"{e['involvedObject']['name']} {e['reason']}: {e.get('message')}" for e in events]
    wanted = (r"tried-\w+ Pulled", "absent Pulling", "absent Failed: Failed to pull image")
    return all(any(re.match(words, line) for line in lines) for words in wanted)


def pressed(cluster: Cluster) -> bool:
    """A kubelet told to want its disk free measures that it is not, and says so of its node.

    ``test_conditions`` has the words that refuse this where kubelets are simulated.
    """
    node = cluster.workers()[0]
    condition = "jsonpath={.status.conditions[?(@.type=='DiskPressure')].status}"
    with pressure({node: "disk"}):
        status = kubectl(f"get node {node} -o", condition)
    wait_rollout("tried", timeout=90)  # such a kubelet evicts, and refuses what is not critical
    return status == "True"


def unplugged(cluster: Cluster) -> bool:
    """A kubelet whose node has no network plugin reports that the node is not ready."""
    node = cluster.workers()[0]
    condition = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    with without_network(node):
        return kubectl(f"get node {node} -o", condition) == "False"


TRIES: dict[str, Callable[[Cluster], bool]] = {
    "logs": logs,
    "exec": exec_,
    "hostpath": hostpath,
    "probes": probes,
    "pull": pull,
    "pressure": pressed,
    "network": unplugged,
}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_capability_is_there_exactly_when_it_is_declared(tried: Cluster, name: str) -> None:
    why = ""
    try:
        there = TRIES[name](tried)
    except CourseError as error:
        there, why = False, str(error)

    assert there == (name in tried.backend.capabilities), why


def test_a_task_whose_capability_is_missing_cannot_be_checked(
    tried: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab: Any = open_lab("06-roll-within-budget")
    monkeypatch.setattr(type(tried.backend), "capabilities", frozenset({"exec"}))
    task = replace(lab.lab.task(1), needs=("exec", "logs"))
    lab.lab = replace(lab.lab, tasks=(task, *lab.lab.tasks[1:]))
    verdict = lab.check(1)

    assert verdict.outcome == "cannot check"
    assert "needs logs" in repr(verdict)
    assert "--backend kind" in repr(verdict)
    assert session.CAPABILITIES["logs"] in repr(verdict)
