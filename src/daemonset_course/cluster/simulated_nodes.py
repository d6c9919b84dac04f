"""Create simulated Node objects, whose kubelets kwok simulates, and break and recover them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.topology import Failure, NodeSpec
from daemonset_course.history.podstate import MANAGED
from daemonset_course.history.text import natural_key

OS_IMAGE = "simulated by kwok"
# The conditions that kwok writes when a node joins; a simulated kubelet never updates them.
_HEALTHY = {
    "NetworkUnavailable": ("RouteCreated", "RouteController created a route"),
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


def node_object(
    spec: NodeSpec, *, index: int, kubernetes: str, pod_cidr: bool = True
) -> dict[str, Any]:
    """Return a simulated Node object with 8 CPUs, 16 GiB, 100 GiB for Pods' files and 110 Pods.

    Args:
        spec: its name, labels and taints.
        index: a number that no other node has: its address and its Pods' addresses depend on it.
        kubernetes: the version of its kubelet.
        pod_cidr: set ``spec.podCIDR``; not where the controller manager allocates it.
    """
    # A kubelet also sets these older labels; otherwise the node controller adds them one by one.
    beta = {f"beta.{key}": spec.labels[key] for key in ("kubernetes.io/os", "kubernetes.io/arch")}
    size = {"cpu": "8", "memory": "16Gi", "ephemeral-storage": "100Gi", "pods": "110"}
    # One machine's IDs are the same each time; no two machines share one.
    machine = uuid.uuid5(uuid.NAMESPACE_DNS, spec.name)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": spec.labels | beta},
        "spec": {
            "taints": [{"key": k, "value": v, "effect": e} for k, v, e in spec.taints],
            **({"podCIDR": f"10.{64 + index // 256}.{index % 256}.0/24"} if pod_cidr else {}),
        },
        "status": {
            "capacity": size,
            "allocatable": size,
            # A kubelet registers with this condition. Without a Ready condition the node controller
            # may remove the not-ready taint at once.
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": ""}
            ],
            "addresses": [
                {"type": "InternalIP", "address": internal_ip(index)},
                {"type": "Hostname", "address": spec.name},
            ],
            "nodeInfo": {
                "architecture": spec.labels["kubernetes.io/arch"],
                "operatingSystem": "linux",
                "kubeletVersion": kubernetes,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "kwok://simulated",
                "kernelVersion": OS_IMAGE,
                "osImage": OS_IMAGE,
                "machineID": machine.hex,
                "systemUUID": str(machine),
                "bootID": str(uuid.uuid5(machine, "boot")),
            },
        },
    }


def create_nodes(
    api: Api, specs: Iterable[NodeSpec], kubernetes: str, *, pod_cidr: bool = True
) -> None:
    """Create simulated nodes, several at a time; existing nodes stay unchanged."""
    existing = {node["metadata"]["name"]: node for node in api.items("/api/v1/nodes")}
    new = [spec for spec in specs if spec.name not in existing]
    indexes = islice(free_indexes(existing.values()), len(new))
    objects = [
        node_object(spec, index=index, kubernetes=kubernetes, pod_cidr=pod_cidr)
        for spec, index in zip(new, indexes, strict=True)
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda body: api.request("POST", "/api/v1/nodes", body), objects))


def internal_ip(index: int) -> str:
    """Return the address of the simulated node with this index, in the range of kind's network."""
    return f"172.18.{index // 250}.{index % 250 + 2}"


def free_indexes(nodes: Collection[Object]) -> Iterable[int]:
    """Yield the numbers whose address no node has, in order, without end.

    A number is free again when its node has been removed; a real node of kind may have the address
    of a low one.
    """
    taken = {
        address["address"] for node in nodes for address in node["status"].get("addresses") or []
    }
    return (index for index in count() if internal_ip(index) not in taken)


def healthy_condition(condition: str, *, simulated: bool) -> Object:
    """Return the status patch that restores a node condition to its value at join time."""
    if not simulated or condition not in _HEALTHY:
        return {"type": condition, "$patch": "delete"}
    reason, message = _HEALTHY[condition]
    return {"type": condition, "status": "False", "reason": reason, "message": message}


def break_kubelet(api: Api, node: str, how: Failure) -> None:
    """Make kwok ignore the node, or make its simulated kubelet report not ready.

    The annotation says that it is on purpose: see ``unmanaged``.
    """
    change: Object = {"annotations": {MANAGED: how.replace(" ", "-")}}
    if how == "unreachable":
        change["labels"] = {MANAGED: None}
    api.merge(f"/api/v1/nodes/{node}", {"metadata": change})


def recover_kubelet(api: Api, node: str) -> None:
    """Make kwok manage the node again, with a kubelet that reports Ready."""
    change = {"labels": {MANAGED: "simulated"}, "annotations": {MANAGED: None}}
    api.merge(f"/api/v1/nodes/{node}", {"metadata": change})


def is_simulated(node: Object) -> bool:
    """Whether this node is simulated; true also while it has no label and kwok ignores it."""
    return bool(node["status"]["nodeInfo"]["osImage"] == OS_IMAGE)


def is_broken(node: Object) -> bool:
    """Whether this simulated node is broken on purpose, as by ``break_kubelet``."""
    works = is_managed(node) and MANAGED not in node["metadata"].get("annotations", {})
    return is_simulated(node) and not works


def is_managed(node: Object) -> bool:
    """Whether kwok runs this node's kubelet and renews its Lease, Ready or not."""
    return (node["metadata"].get("labels") or {}).get(MANAGED) == "simulated"


def unmanaged(nodes: Iterable[Object]) -> list[str]:
    """Return the simulated nodes that have lost the label by which kwok manages them, sorted.

    Nobody runs their kubelets: each becomes unreachable. A node broken on purpose is none of them.
    """
    found = [
        node["metadata"]["name"]
        for node in nodes
        if is_simulated(node)
        and not is_managed(node)
        and MANAGED not in (node["metadata"].get("annotations") or {})
    ]
    return sorted(found, key=natural_key)


def unmanaged_words(names: Iterable[str]) -> str:
    """Return a sentence about nodes that ``unmanaged`` has found; empty without one."""
    listed = ", ".join(names)
    return f"no kubelet runs on {listed}: the label {MANAGED} is missing" if listed else ""
