"""What can be done to a node: label, taint, cordon, drain, break, recover, add, remove."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from daemonset_course.cluster import topology
from daemonset_course.cluster.api import segment
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.readiness import wait_ready
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import BadInput, CommandFailed, NotFinished, NotFound
from daemonset_course.history import podstate
from daemonset_course.verbs.kubectl import Output, kubectl

PATIENCE = 120  # seconds that a real kubelet may take to join or to come back


def label(node: str, **labels: str | None) -> Output:
    """Set labels on a node; None takes one away: ``label(node, disk="ssd", gpu=None)``.

    A key that Python cannot spell goes in as ``**{"topology.kubernetes.io/zone": "a"}``.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with its own words.
    """
    changes = [f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items()]
    return kubectl("label node --overwrite", require_node(node), *changes)


def taint(node: str, *taints: str) -> Output:
    """Set taints as kubectl writes them: ``key=value:NoSchedule``, or ``key:NoSchedule-``.

    To take one away that is not there is no error: a cell can be run again.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with its own words.
    """
    try:
        return kubectl("taint node --overwrite", require_node(node), *taints)
    except CommandFailed as error:
        # kubectl gives nothing but its words for it: exit status 1, as for any error.
        if not (taints and all(one.endswith("-") for one in taints) and "not found" in error.seen):
            raise
        return Output(f"{node}: {', '.join(one.rstrip('-') for one in taints)} was not there")


def cordon(node: str, *, undo: bool = False) -> Output:
    """Mark a node unschedulable; ``undo`` uncordons it.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with its own words.
    """
    return kubectl("uncordon" if undo else "cordon", require_node(node))


def drain(node: str, *options: str) -> Output:
    """Cordon a node and evict its pods; DaemonSet pods need ``--ignore-daemonsets``.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with its own words.
    """
    return kubectl("drain --timeout=50s", require_node(node), *options)


def break_node(node: str, how: topology.Failure = "unreachable") -> str:
    """Break a node, and return when the control plane has noticed.

    ``unreachable``: its kubelet falls silent, as on a dead machine. ``not ready``: the kubelet
    lives and reports that its container runtime does not work.

    Raises:
        NotFound: there is no such node.
        BadInput: an unknown way to break one.
        NotFinished: the control plane did not notice in time.
        CommandFailed: the container engine cannot stop the node, on kind.
    """
    cluster = current()
    if how not in ("unreachable", "not ready"):
        raise BadInput(f"A node cannot be broken {how!r}.", next_step="'unreachable', 'not ready'")
    cluster.backend.break_node(cluster.api, require_node(node), how)
    status, word = ("Unknown", "unreachable") if how == "unreachable" else ("False", "not-ready")
    _wait_status(cluster, node, status, f"node.kubernetes.io/{word}")
    return f"{node}: Ready={status}, tainted node.kubernetes.io/{word}"


def recover_node(node: str) -> str:
    """Bring a broken node back, and return when it is Ready and its pods are again.

    Raises:
        NotFound: there is no such node.
        NotFinished: the node or its pods were not Ready in time.
        CommandFailed: the container engine cannot start the node, on kind.
    """
    cluster = current()
    cluster.backend.recover_node(cluster.api, require_node(node))
    wait_ready(cluster.api, [node], timeout=PATIENCE)
    _wait_pods_again(cluster, node)
    return f"{node}: Ready"


def add_node(*, count: int = 1, **labels: str) -> list[str]:
    """New workers, Ready; returns their names. They repeat the labels of ``kind-config.yaml``.

    kind cannot add a machine to a running cluster: there, workers that were removed come back, and
    further ones are simulated, as on the embedded cluster.

    Raises:
        BadInput: ``count`` is below 1.
        Rejected: the API server refused a label.
        NotFinished: a node was not Ready in time.
    """
    cluster = current()
    if count < 1:
        raise BadInput("count must be at least 1.", seen=f"count={count}")
    taken = set(cluster.nodes())
    enough = cluster.backend.specs(len(taken) + count)
    specs = [spec for spec in enough if spec.name not in taken][:count]
    played = [spec.name for spec in specs if spec.is_simulated]
    if played and not all(spec.is_simulated for spec in enough):
        print(f"kind cannot add a machine: {played[0]} is simulated", end="")
        print(f", and {len(played) - 1} more" if played[1:] else "")
    made = [replace(s, labels=s.labels | labels) if s.is_simulated else s for s in specs]
    cluster.backend.create_nodes(cluster.api, made)
    names = [spec.name for spec in specs]
    wait_ready(cluster.api, names, timeout=PATIENCE)
    for spec in specs:
        if labels and not spec.is_simulated:
            label(spec.name, **labels)
    return names


def remove_node(*nodes: str) -> str:
    """Delete Node objects, as a cloud does when a machine is gone for good.

    Raises:
        NotFound: there is no such node.
    """
    cluster = current()
    for node in nodes:
        cluster.backend.remove_node(cluster.api, require_node(node))
    return f"{len(nodes)} node{'s' if len(nodes) != 1 else ''} removed"


def allocatable_cpu(node: str) -> int:
    """Return the CPU of a node that Pods can request, in millicores, rounded down.

    Raises:
        BadInput: there is no such node.
    """
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 300 ms

    found = current().api.get(f"/api/v1/nodes/{require_node(node)}")
    return int(1000 * parse_quantity(found["status"]["allocatable"]["cpu"]))


def require_node(node: str) -> str:
    """The name, if there is such a node.

    Raises:
        NotFound: there is none; with the names that there are.
        BadInput: no node can have this name.
    """
    if current().api.find(f"/api/v1/nodes/{segment(node)}") is None:
        names = current().nodes()
        listed = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        raise NotFound(f"There is no node {node!r}.", seen=f"nodes: {listed}")
    return node


def _wait_status(cluster: Cluster, node: str, status: str, taint_key: str) -> None:
    """Return when the node has this status and both of its taints.

    NoExecute comes a moment after NoSchedule, and not at all when the control plane holds it back
    because too many nodes of a zone broke. A node mended in between would be tainted late.
    Source: ``pkg/controller/nodelifecycle/node_lifecycle_controller.go``.
    """
    grace = cluster.settings.node_grace_seconds
    soon = 2 * cluster.settings.node_monitor_seconds + 1
    _wait_tainted(cluster, node, status, {(taint_key, "NoSchedule")}, 2 * grace + 60)
    with suppress(NotFinished):
        _wait_tainted(cluster, node, status, {(taint_key, "NoExecute")}, soon)


def _wait_tainted(
    cluster: Cluster, node: str, status: str, wanted: set[tuple[str, str]], timeout: float
) -> None:
    def done(nodes: dict[str, Any]) -> bool:
        found = nodes.get(node)
        if found is None:
            return False
        taints = {(t["key"], t["effect"]) for t in found["spec"].get("taints") or []}
        reported = podstate.condition(found, "Ready").get("status")
        return reported == status and wanted <= taints

    wait_for(
        cluster.api,
        "/api/v1/nodes",
        done,
        what=f"{node} Ready={status}",
        explain=lambda nodes: "not noticed yet" if node in nodes else "the node is gone",
        timeout=timeout,
        selector={"fieldSelector": f"metadata.name={node}"},
    )


def _wait_pods_again(cluster: Cluster, node: str) -> None:
    """Return when no pod on the node is left as the node controller marked it."""

    def marked(pod: dict[str, Any]) -> bool:
        statuses = (
            podstate.condition(pod, kind).get("status") for kind in ("Ready", "ContainersReady")
        )
        return [*statuses] == ["False", "True"]

    wait_for(
        cluster.api,
        "/api/v1/pods",
        lambda pods: not any(map(marked, pods.values())),
        what=f"the pods of {node} ready again",
        explain=lambda pods: ", ".join(name for name, pod in pods.items() if marked(pod)),
        timeout=60,
        selector={"fieldSelector": f"spec.nodeName={node}"},
    )
