"""Wait until nodes have joined: they are Ready, and have no taints of joining nodes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.leases import LEASES, renewed_at
from daemonset_course.cluster.topology import NodeSpec
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import NotFinished
from daemonset_course.history.podstate import is_ready

PATIENCE = 120  # seconds that nodes may take to join; real kubelets need most of a minute

# Objects that the control plane creates asynchronously after startup. Without the ServiceAccount no
# Pod is admitted. If `up` took the baseline before they exist, `reset` would report them as created
# by the learner.
BOOTSTRAP_OBJECTS = (
    ("/api/v1/namespaces/default/serviceaccounts", "default"),
    ("/api/v1/namespaces/default/configmaps", "kube-root-ca.crt"),
    ("/api/v1/namespaces/default/services", "kubernetes"),
    ("/apis/networking.k8s.io/v1/servicecidrs", "kubernetes"),
)


def wait_bootstrapped(api: Api, *, timeout: float = 60) -> None:
    """Return when the control plane has created all ``BOOTSTRAP_OBJECTS``."""
    for path, name in BOOTSTRAP_OBJECTS:
        wait_for(
            api,
            path,
            partial(_has, name),
            what=f"{name} in {path}",
            explain=lambda items: f"there: {', '.join(items) or 'nothing'}",
            timeout=timeout,
        )


def _has(name: str, items: dict[str, Object]) -> bool:
    return name in items


def admit_nodes(api: Api, specs: Iterable[NodeSpec], *, timeout: float = 60) -> None:
    """Remove the taints of joining nodes from Ready nodes, and return when all have joined.

    The node controller does the same, but with 20 requests a second: a minute for 300 nodes.
    Only ``up`` and ``reset`` use this; ``add_node`` leaves the taints to the controller.
    """
    wanted = {spec.name: spec for spec in specs}
    admitted: set[str] = set()

    def admit(node: Object) -> None:
        name = node["metadata"]["name"]
        taints = [{"key": k, "value": v, "effect": e} for k, v, e in wanted[name].taints]
        api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": taints}})

    def joined(nodes: dict[str, Object]) -> bool:
        new = [
            n
            for name, n in nodes.items()
            if name in wanted and name not in admitted and is_ready(n)
        ]
        if len(admitted) + len(new) < len(wanted):
            return False
        admitted.update(node["metadata"]["name"] for node in new)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(admit, (node for node in new if not has_joined(node))))
        return True

    if wanted:
        names = list(wanted)
        wait_for(
            api,
            "/api/v1/nodes",
            joined,
            what="all nodes Ready",
            explain=lambda nodes: _late(nodes, names),
            timeout=timeout,
        )
        wait_ready(api, names, timeout=timeout)


def wait_ready(api: Api, names: Iterable[str], *, timeout: float = 60) -> None:
    """Return when every node named is Ready and free of the taints of a joining node."""
    wanted = set(names)

    def done(nodes: dict[str, Any]) -> bool:
        return wanted <= {name for name, node in nodes.items() if has_joined(node)}

    wait_for(
        api,
        "/api/v1/nodes",
        done,
        what="all nodes Ready",
        explain=lambda nodes: _late(nodes, wanted),
        timeout=timeout,
    )


def wait_stable(api: Api, names: Iterable[str], *, seconds: float, timeout: float = 60) -> None:
    """Return when all named nodes have stayed joined for ``seconds`` without interruption.

    Right after healing a node may be Ready only briefly. The node controller may still add a taint
    for an older observation, and removes it in its next round. A kubelet whose container runtime
    has just started may report Ready=False once more.
    Source: ``pkg/controller/nodelifecycle/node_lifecycle_controller.go``.
    """
    wanted = set(names)
    deadline = time.monotonic() + timeout

    def lost(nodes: dict[str, Any]) -> bool:
        return not wanted <= {name for name, node in nodes.items() if has_joined(node)}

    while True:
        wait_ready(api, wanted, timeout=max(deadline - time.monotonic(), 1.0))
        with suppress(NotFinished):
            wait_for(
                api,
                "/api/v1/nodes",
                lost,
                what="a node lost",
                explain=lambda _: "none",
                timeout=seconds,
                say=lambda _: f"every node stays Ready for {seconds:.0f} s",
            )
            continue
        return


def wait_lease_renewed(
    api: Api, names: Iterable[str], *, since: datetime, timeout: float = 60
) -> None:
    """Return when every named node has renewed its lease after ``since``: its kubelet runs.

    A node stays Ready for a grace period after its kubelet has stopped: Ready alone is not enough.
    """
    wanted = set(names)

    def silent(leases: dict[str, Any]) -> set[str]:
        return {n for n in wanted if n not in leases or renewed_at(leases[n]) <= since}

    wait_for(
        api,
        LEASES,
        lambda leases: not silent(leases),
        what="the lease of every node renewed",
        explain=lambda leases: f"not renewed: {', '.join(sorted(silent(leases)))}",
        timeout=timeout,
    )


def _late(nodes: dict[str, Any], wanted: Iterable[str]) -> str:
    late = [name for name in sorted(wanted) if name not in nodes or not has_joined(nodes[name])]
    return f"not Ready: {', '.join(late)}"


def has_joined(node: dict[str, Any]) -> bool:
    """Whether a node is Ready and has no taint of a joining or an unreachable node."""
    taints = {taint["key"] for taint in node["spec"].get("taints") or []}
    unready = {
        f"node.kubernetes.io/{word}" for word in ("not-ready", "unreachable", "network-unavailable")
    }
    return is_ready(node) and not taints & unready
