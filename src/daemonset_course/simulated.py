"""Simulated nodes: the objects to post, and the wait until their kubelets say Ready."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from daemonset_course.api import Api
from daemonset_course.topology import MANAGED, NodeSpec
from daemonset_course.waiting import wait_for


def node_object(spec: NodeSpec, *, index: int, kubernetes: str) -> dict[str, Any]:
    """A simulated Node object: 8 CPUs, 16 GiB, 110 pods, run by kwok."""
    size = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    simulated = "simulated by kwok"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": spec.labels | {MANAGED: "simulated"}},
        "spec": {
            "taints": [{"key": k, "value": v, "effect": e} for k, v, e in spec.taints],
            "podCIDR": f"10.{64 + index // 256}.{index % 256}.0/24",
        },
        "status": {
            "capacity": size,
            "allocatable": size,
            "addresses": [
                {"type": "InternalIP", "address": f"172.18.{index // 250}.{index % 250 + 2}"},
                {"type": "Hostname", "address": spec.name},
            ],
            "nodeInfo": {
                "architecture": spec.labels["kubernetes.io/arch"],
                "operatingSystem": "linux",
                "kubeletVersion": kubernetes,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "kwok://simulated",
                "kernelVersion": simulated,
                "osImage": simulated,
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def create_nodes(api: Api, specs: Iterable[NodeSpec], kubernetes: str) -> None:
    """Post simulated nodes, several at a time; those that exist already are left alone."""
    known = {node["metadata"]["name"] for node in api.items("/api/v1/nodes")}
    new = [spec for spec in specs if spec.name not in known]
    objects = [
        node_object(spec, index=len(known) + i, kubernetes=kubernetes) for i, spec in enumerate(new)
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda body: api.request("POST", "/api/v1/nodes", body), objects))


def wait_ready(api: Api, names: Iterable[str], *, timeout: float = 60) -> None:
    """Return when every node named is Ready and free of the taints of a joining node."""
    wanted = set(names)

    def done(nodes: dict[str, Any]) -> bool:
        return wanted <= {name for name, node in nodes.items() if settled(node)}

    def explain(nodes: dict[str, Any]) -> str:
        late = [n for n in sorted(wanted) if n not in nodes or not settled(nodes[n])]
        return f"not Ready: {', '.join(late)}"

    wait_for(api, "/api/v1/nodes", done, what="all nodes Ready", explain=explain, timeout=timeout)


def settled(node: dict[str, Any]) -> bool:
    """Whether a node is Ready and carries no not-ready or unreachable taint."""
    conditions = node.get("status", {}).get("conditions") or []
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    taints = {taint["key"] for taint in node["spec"].get("taints") or []}
    unready = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    return ready and not taints & unready
