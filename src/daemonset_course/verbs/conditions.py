"""Set conditions of a node: NetworkUnavailable, and the pressure conditions.

The node controller adds a taint for each condition, and removes a taint of that key that has no
condition. So a taint that is set by hand would not last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from daemonset_course import capabilities
from daemonset_course.cluster.backend import Pressure
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.simulated_nodes import healthy_condition, is_simulated
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import BadInput
from daemonset_course.history import podstate
from daemonset_course.verbs.nodes import require_node

CONDITIONS: Mapping[Pressure, str] = {
    "disk": "DiskPressure",
    "memory": "MemoryPressure",
    "pid": "PIDPressure",
}
_NODES = "/api/v1/nodes"
_OWN = "node.kubernetes.io/"
_PATIENCE = 90.0


def set_network_unavailable(node: str, *, status: bool) -> str:
    """Set the condition ``NetworkUnavailable``, and wait until the node's taint has followed.

    A kubelet does not write this condition; a network plugin or the cloud's route controller does.
    With the status False the condition is as it was when the node joined.

    Raises:
        NotFinished: the taint was not added or removed in time.
    """
    word, simulated = "network-unavailable", _is_simulated(require_node(node))
    _set_condition(node, "NetworkUnavailable", word, status=status, simulated=simulated)
    return f"{node}: network {'unavailable' if status else 'available'}"


def set_pressure(node: str, what: Pressure, *, status: bool) -> str:
    """Set a simulated node's pressure condition, and wait until the node's taint has followed.

    Only the status changes: no kubelet measures the node, rejects Pods or evicts them.

    Args:
        node: its name.
        what: the resource under pressure: ``disk``, ``memory`` or ``pid``.
        status: the status of the condition.

    Raises:
        BadInput: an unknown node or resource, or a node whose real kubelet sets the condition.
        NotFinished: the taint was not added or removed in time.
    """
    _check_resource(what)
    if not _is_simulated(require_node(node)):
        raise BadInput(
            f"{node} has a real kubelet, which sets its pressure conditions itself.",
            next_step="with pressure({node: 'disk'}): …",
        )
    _set_condition(node, CONDITIONS[what], f"{what}-pressure", status=status, simulated=True)
    return f"{node}: {CONDITIONS[what]}={status}"


def _is_simulated(node: str) -> bool:
    return is_simulated(current().api.get(f"{_NODES}/{node}"))


def _check_resource(what: str) -> None:
    if what not in CONDITIONS:
        raise BadInput(
            f"There is no pressure condition for {what!r}.",
            next_step=f"One of: {', '.join(CONDITIONS)}",
        )


def _set_condition(node: str, kind: str, word: str, *, status: bool, simulated: bool) -> None:
    """Write a condition into a node's status, and wait until its taint was added or removed."""
    api = current().api
    condition = {"type": kind, "status": "True", "reason": "Lesson", "message": ""}
    if not status:
        condition = healthy_condition(kind, simulated=simulated)
    api.merge_conditions(node, [condition])
    wait_for(
        api,
        _NODES,
        lambda nodes: (f"{_OWN}{word}" in _keys(nodes[node])) == status,
        what=f"the taint of {node}",
        explain=lambda nodes: f"taints: {', '.join(_keys(nodes[node])) or 'none'}",
        timeout=_PATIENCE,
        selector={"fieldSelector": f"metadata.name={node}"},
    )


@contextmanager
def pressure(short: Mapping[str, Pressure]) -> Iterator[None]:
    """Put each of these nodes under ``disk``, ``memory`` or ``pid`` pressure within the block.

    The eviction threshold of each kubelet is raised above what is free. The block begins when all
    nodes have the taint of their condition. At its end the kubelets have their old thresholds.

    Raises:
        BadInput: an unknown node or resource, or a cluster without real kubelets.
        NotFinished: a condition was not set or removed in time.
    """
    backend = current().backend
    capabilities.require("pressure", backend)
    for node, what in short.items():
        _check_resource(what)
        require_node(node)
    try:
        for node, what in short.items():
            backend.press_node(node, what)
        _wait_pressure(short, wanted=True)
        yield
    finally:
        for node in short:
            backend.mend_node(node)
        _wait_pressure(short, wanted=False)


@contextmanager
def without_network(node: str) -> Iterator[None]:
    """Run the block while the node has no network plugin, and so is not ready.

    Raises:
        BadInput: an unknown node, or a cluster without real nodes.
        NotFinished: the node did not become not ready, or ready again, in time.
    """
    backend = current().backend
    capabilities.require("network", backend)
    require_node(node)
    try:
        backend.unplug_node(node)
        _wait_ready(node, wanted=False)
        yield
    finally:
        backend.mend_node(node)
        _wait_ready(node, wanted=True)


def _wait_ready(node: str, *, wanted: bool) -> None:
    """Wait until the node has the taint ``not-ready``, or has it no longer."""
    wait_for(
        current().api,
        _NODES,
        lambda nodes: (f"{_OWN}not-ready" not in _keys(nodes[node])) == wanted,
        what=f"{node} {'ready' if wanted else 'not ready'}",
        explain=lambda nodes: f"taints: {', '.join(_keys(nodes[node])) or 'none'}",
        timeout=_PATIENCE,
        selector={"fieldSelector": f"metadata.name={node}"},
    )


def _wait_pressure(short: Mapping[str, Pressure], *, wanted: bool) -> None:
    """Wait until the nodes have their conditions and taints, or have neither any longer."""

    def state(node: dict[str, Any], what: Pressure) -> tuple[bool, bool, bool]:
        status = podstate.condition(node, CONDITIONS[what]).get("status")
        tainted = f"{_OWN}{what}-pressure" in _keys(node)
        return status == "True", tainted, podstate.is_ready(node)

    wait_for(
        current().api,
        _NODES,
        lambda nodes: all(
            state(nodes[node], what) == (wanted, wanted, True) for node, what in short.items()
        ),
        what="pressure on the nodes" if wanted else "nodes without pressure",
        explain=lambda nodes: ", ".join(
            f"{node}: {CONDITIONS[what]}, tainted, Ready = {state(nodes[node], what)}"
            for node, what in short.items()
        ),
        timeout=_PATIENCE,
    )


def _keys(node: dict[str, Any]) -> list[str]:
    return [taint["key"] for taint in node["spec"].get("taints") or []]
