"""What a backend declares is what it has: each capability is really tried."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import CourseError
from daemonset_course.lab import session
from daemonset_course.lab.session import open_lab
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

WAIT = "trap 'exit 0' TERM; sleep infinity & wait"
BUSYBOX = {"image": "busybox:1.36", "command": ["sh", "-c", f"echo hello; {WAIT}"]}


@pytest.fixture(scope="module")
def tried(live_cluster: Cluster) -> Cluster:
    """A cluster with a DaemonSet that prints, mounts a folder of its node, and is probed."""
    reset(live_cluster.name)
    mount = {"volumeMounts": [{"name": "node", "mountPath": "/node"}]}
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/ill"]}, "periodSeconds": 1}
    volume = {"name": "node", "hostPath": {"path": "/etc"}}
    container = BUSYBOX | mount | {"readinessProbe": probe}
    apply(daemonset("tried", container, volumes=[volume]))
    wait_rollout("tried", timeout=90)
    return live_cluster


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
    """A node's kubelet reports the images that it holds; a simulated one holds none."""
    node = cluster.api.get(f"/api/v1/nodes/{cluster.workers()[0]}")
    images = [name for image in node["status"].get("images", []) for name in image["names"]]
    return any("busybox" in name for name in images)


def pressure(cluster: Cluster) -> bool:
    node = cluster.workers()[0]
    told = kubectl("get --raw", f"/api/v1/nodes/{node}/proxy/stats/summary")
    return int(json.loads(told)["node"]["memory"]["workingSetBytes"]) > 0


TRIES: dict[str, Callable[[Cluster], bool]] = {
    "logs": logs,
    "exec": exec_,
    "hostpath": hostpath,
    "probes": probes,
    "pull": pull,
    "pressure": pressure,
}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_capability_is_there_exactly_when_it_is_declared(tried: Cluster, name: str) -> None:
    try:
        there = TRIES[name](tried)
    except CourseError:
        there = False

    assert there == (name in tried.backend.capabilities)


def test_a_task_whose_capability_is_missing_cannot_be_checked(
    tried: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab: Any = open_lab("06-roll-within-budget")
    monkeypatch.setattr(type(tried.backend), "capabilities", frozenset({"exec"}))
    task = lab._lab.tasks[0]
    object.__setattr__(task, "needs", ("exec", "logs"))
    try:
        verdict = lab.check(1)
    finally:
        object.__setattr__(task, "needs", ())

    assert verdict.outcome == "cannot check"
    assert "needs logs" in repr(verdict)
    assert "--backend kind" in repr(verdict)
    assert session.CAPABILITIES["logs"] in repr(verdict)
