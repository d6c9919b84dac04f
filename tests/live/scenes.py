"""Helpers of the live tests: manifests, the states of a Pod, and separate clusters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import psutil

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.processes import RECORDER, processes_of
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.history.index import History, of_app
from daemonset_course.places import cluster_dir, cluster_name

Object = dict[str, Any]
PAUSE = "registry.k8s.io/pause:3.10"
PACE = 0.25


def daemonset(name: str, container: Object | None = None, **pod: Any) -> Object:
    """A DaemonSet of one container; ``pod`` goes into the pod's spec."""
    main = {"name": "main", "image": PAUSE} | (container or {})
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main]} | pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def state(pod: Object) -> str:
    """Return a Pod's state in one or a few words."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    containers = pod["status"].get("containerStatuses") or [{"state": {}}]
    if pod["metadata"].get("deletionTimestamp"):
        return "terminating"
    if conditions.get("Ready") == "True":
        return "ready"
    if conditions.get("ContainersReady") == "True":
        return "marked not ready"
    if "waiting" in containers[0]["state"]:
        return str(containers[0]["state"]["waiting"]["reason"])
    if "running" in containers[0]["state"]:
        return "running"
    return "bound" if pod["spec"].get("nodeName") else "pending"


def histories(history: History, app: str) -> dict[str, list[tuple[str, float]]]:
    """Return the states of each Pod of an app with their start times; the last is ``gone``."""
    seen: dict[str, list[tuple[str, float]]] = {}
    for change in history.changes("pods", of_app(app)):
        word = "gone" if change.gone else state(change.object)
        seen.setdefault(change.name, []).append((word, change.t))
    return {
        name: [next(run) for _, run in groupby(steps, key=lambda step: step[0])]
        for name, steps in seen.items()
    }


def words(steps: list[tuple[str, float]]) -> list[str]:
    return [word for word, _ in steps]


def lasted(steps: list[tuple[str, float]], word: str) -> float:
    """Return how long a Pod was in a state, in seconds."""
    at = words(steps).index(word)
    return steps[at + 1][1] - steps[at][1]


def until(cluster: Cluster, path: str, done: Callable[[dict[str, Object]], bool]) -> Any:
    """Wait until ``done`` is true for the objects of a collection, and return them."""
    return wait_for(cluster.api, path, done, what="the test's condition", explain=str, timeout=30)


def renewed(cluster: Cluster, node: str, times: int = 2) -> None:
    """Wait until a node's lease was renewed that often: a delay without a sleep."""
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    seen: set[str] = set()

    def done(leases: dict[str, Any]) -> bool:
        seen.add(leases[node]["spec"]["renewTime"])
        return len(seen) > times

    until(cluster, path, done)


def eventually(true: Callable[[], Any], *, within: float = 20) -> Any:
    """Poll something that cannot be watched, such as a file; return the first true value."""
    deadline = time.monotonic() + within
    while not (value := true()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
    return value


def processes(home: Path) -> list[psutil.Process]:
    """Return the running processes whose command line has this folder; of Python, the recorders."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or ["python"]
        living = process.info["status"] != psutil.STATUS_ZOMBIE
        counts = RECORDER in line or "python" not in Path(line[0]).name
        if living and counts and f"{home}/" in " ".join(line):
            found.append(process)
    return found


def servers(home: Path) -> list[tuple[str, psutil.Process]]:
    """Return the servers that run in this folder, each with the name of its program."""
    lines = [(one, one.info["cmdline"]) for one in processes(home)]
    # kwokctl also asks programs for their version
    found = ((Path(line[0]).name, one) for one, line in lines if "--version" not in line)
    return sorted(found, key=itemgetter(0))


def recorders() -> list[psutil.Process]:
    """Return the processes that record a task of a lab on the current cluster."""
    found = []
    for one in processes_of(cluster_dir(cluster_name(None))):
        with suppress(psutil.Error):  # it has ended since
            if RECORDER in one.cmdline():
                found.append(one)
    return found


def course(code: str, home: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a Python process that runs ``code`` on the clusters in ``home``.

    It handles SIGINT even if these tests are a background job of a shell, which ignores it.
    """
    return subprocess.Popen(
        [sys.executable, "-c", f"from daemonset_course.cluster import *\n{code}"],
        env=os.environ | {"COURSE_HOME": str(home)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
