"""Deploy copies of an exporter under other names, and read the metrics of its Pods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from daemonset_course.cluster.api import Object
from daemonset_course.metrics import gauge
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout

_POD = "/api/v1/namespaces/{}/pods/{}:{}/proxy/metrics"
_READINGS = 6  # the CPU of one is too little to measure
_CPU, _MEMORY = "process_cpu_seconds_total", "process_resident_memory_bytes"


def renamed(
    daemonset: Object, name: str, container: Mapping[str, Any] | None = None, **pod: Any
) -> Object:
    """Return a copy of a DaemonSet with another name and label ``app``, and without a namespace.

    Args:
        daemonset: the manifest.
        name: the new name.
        container: fields of its first container.
        pod: fields of its Pods.
    """
    made = deepcopy(daemonset)
    made["metadata"] = {"name": name}
    made["spec"]["selector"]["matchLabels"]["app"] = name
    template = made["spec"]["template"]
    template["metadata"]["labels"]["app"] = name
    template["spec"] |= pod
    template["spec"]["containers"][0] |= container or {}
    return made


def at_port(
    daemonset: Object,
    port: int,
    *,
    host_port: bool = False,
    arguments: Sequence[str] | None = None,
    **pod: Any,
) -> Object:
    """Return a copy of an exporter, called ``at-<port>``, which listens on this port.

    Args:
        daemonset: the manifest.
        port: the port. The Pod is ready when it answers there.
        host_port: whether the Pod names the port as ``hostPort``, or no port at all.
        arguments: of its first container; None: as in the manifest.
        pod: fields of its Pods.
    """
    given = daemonset["spec"]["template"]["spec"]["containers"][0]["args"]
    container = {
        "args": [*(given if arguments is None else arguments), f"--web.listen-address=:{port}"],
        "ports": [{"containerPort": port, "hostPort": port}] if host_port else [],
        "readinessProbe": {"httpGet": {"path": "/", "port": port}, "periodSeconds": 1},
    }
    return renamed(daemonset, f"at-{port}", container, **pod)


def deploy(daemonsets: Mapping[str, Object]) -> dict[str, str]:
    """Apply DaemonSets, wait for their Pods, and return their names.

    Raises:
        Rejected: the API server refused a DaemonSet.
        NotFinished: the Pods of a DaemonSet were not available in time.
    """
    names = {key: str(each["metadata"]["name"]) for key, each in daemonsets.items()}
    for each in daemonsets.values():
        apply(each)
    for name in names.values():
        wait_rollout(name)
    return names


def scrape(daemonset: str, port: int, *, namespace: str = "default") -> dict[str, str]:
    """Return the metrics of a DaemonSet's Pods by node, fetched through the API server.

    Raises:
        CommandFailed: kubectl returned an error, for example if a Pod does not listen on the port.
    """
    items = json.loads(kubectl(f"-n {namespace} get pods -o json"))["items"]
    mine = {
        pod["spec"]["nodeName"]: pod["metadata"]["name"]
        for pod in items
        if "nodeName" in pod["spec"]
        and any(owner["name"] == daemonset for owner in pod["metadata"].get("ownerReferences", []))
    }
    return {
        node: str(kubectl("get --raw", _POD.format(namespace, pod, port)))
        for node, pod in mine.items()
    }


def scrape_cost(daemonset: str, port: int, *, namespace: str = "default") -> dict[str, int]:
    """Return what the metrics cost the most expensive Pod of a DaemonSet, from some readings.

    Returns:
        ``Mi``: the memory of its process; ``ms``: the milliseconds of CPU for one reading.

    Raises:
        CommandFailed: kubectl returned an error, for example if a Pod does not listen on the port.
    """
    first, *rest = [scrape(daemonset, port, namespace=namespace) for _ in range(_READINGS)]
    last = rest[-1]
    spent = max(gauge(last[node], _CPU) - gauge(first[node], _CPU) for node in last) / len(rest)
    used = max(gauge(text, _MEMORY) for text in last.values())
    return {"Mi": round(used / 2**20), "ms": round(1000 * spent)}
