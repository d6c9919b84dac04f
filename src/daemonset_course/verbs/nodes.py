"""Change nodes: label, taint, cordon, drain, break, recover, add, remove."""

from __future__ import annotations

from collections.abc import Sequence
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
from daemonset_course.placement.tolerations import taint_name
from daemonset_course.verbs.kubectl import Output, kubectl

PATIENCE = 120  # seconds that a real kubelet may take to join or to come back


def label(node: str, **labels: str | None) -> Output:
    """Set labels on a node; None removes one: ``label(node, disk="ssd", gpu=None)``.

    Write a key that is no Python name as ``**{"topology.kubernetes.io/zone": "a"}``.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with kubectl's message.
    """
    changes = [f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items()]
    return kubectl("label node --overwrite", require_node(node), *changes)


def taint(node: str, *taints: str) -> Output:
    """Set taints as kubectl writes them: ``key=value:NoSchedule``, or ``key:NoSchedule-``.

    Removing a taint that does not exist is no error, so that a cell can be run again.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with kubectl's message.
    """
    try:
        return kubectl("taint node --overwrite", require_node(node), *taints)
    except CommandFailed as error:
        # Only the message identifies this error: kubectl's exit status is 1, as for any error.
        if not (taints and all(one.endswith("-") for one in taints) and "not found" in error.seen):
            raise
        return Output(f"{node}: {', '.join(one.rstrip('-') for one in taints)} was not there")


def cordon(node: str, *, undo: bool = False) -> Output:
    """Mark a node unschedulable; ``undo`` uncordons it.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with kubectl's message.
    """
    return kubectl("uncordon" if undo else "cordon", require_node(node))


def drain(node: str, *options: str) -> Output:
    """Cordon a node and evict its pods; DaemonSet pods need ``--ignore-daemonsets``.

    Raises:
        NotFound: there is no such node.
        CommandFailed: kubectl returned an error; with kubectl's message.
    """
    return kubectl("drain --timeout=50s", require_node(node), *options)


def break_node(node: str, how: topology.Failure = "unreachable") -> str:
    """Break a node, and wait until the control plane has noticed.

    ``unreachable``: the kubelet stops reporting, as on a dead machine. ``not ready``: the kubelet
    runs and reports that its container runtime does not work.

    Raises:
        NotFound: there is no such node.
        BadInput: ``how`` is unknown, or the kubelet is to report a fault and reports nothing.
        NotFinished: the control plane did not notice in time.
        CommandFailed: the container engine cannot stop the node, on kind.
    """
    cluster = current()
    if how not in ("unreachable", "not ready"):
        raise BadInput(
            f"There is no way {how!r} to break a node.",
            next_step="One of: 'unreachable', 'not ready'",
        )
    _require_reporting(cluster, require_node(node), how)
    cluster.backend.break_node(cluster.api, node, how)
    status, word = ("Unknown", "unreachable") if how == "unreachable" else ("False", "not-ready")
    wait_status(cluster, node, status, f"node.kubernetes.io/{word}")
    return f"{node}: Ready={status}, tainted node.kubernetes.io/{word}"


def _require_reporting(cluster: Cluster, node: str, how: topology.Failure) -> None:
    found = cluster.api.find(f"/api/v1/nodes/{segment(node)}") or {}
    if how == "not ready" and podstate.condition(found, "Ready").get("status") == "Unknown":
        raise BadInput(
            f"The kubelet of {node} cannot report that it is not ready: it reports nothing.",
            seen="Ready=Unknown: the node is unreachable",
            next_step=f"recover_node({node!r}), then break_node again.",
        )


def recover_node(node: str) -> str:
    """Recover a broken node, and wait until the node and its Pods are Ready.

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


def add_node(*, count: int = 1, taints: Sequence[str] = (), **labels: str) -> list[str]:
    """Add workers, wait until they are Ready, and return their names.

    ``taints`` are written as kubectl writes them; a simulated node has them before its first Pod.
    They get the labels of ``kind-config.yaml`` in turn. kind cannot add a machine to a running
    cluster: there, removed workers are added again, and further ones are simulated, as on the
    embedded cluster.

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
    simulated = [spec.name for spec in specs if spec.is_simulated]
    if simulated and not all(spec.is_simulated for spec in enough):
        print(f"kind cannot add a machine: {simulated[0]} is simulated", end="")
        print(f", and {len(simulated) - 1} more" if simulated[1:] else "")
    given = tuple(map(split_taint, taints))
    made = [
        replace(s, labels=s.labels | labels, taints=s.taints + given) if s.is_simulated else s
        for s in specs
    ]
    cluster.backend.create_nodes(cluster.api, made)
    names = [spec.name for spec in specs]
    wait_ready(cluster.api, names, timeout=PATIENCE)
    for spec in specs:
        if labels and not spec.is_simulated:
            label(spec.name, **labels)
        if given and not spec.is_simulated:
            taint(spec.name, *taints)
    return names


def split_taint(text: str) -> tuple[str, str, str]:
    """Return key, value and effect of a taint as kubectl writes it: ``dedicated=db:NoSchedule``.

    Raises:
        BadInput: it has no key or no effect.
    """
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise BadInput(f"{text!r} is no taint.", next_step="Write it as key=value:NoSchedule.")
    return key, value, effect


def remove_node(*nodes: str) -> str:
    """Delete Node objects, as a cloud does when a machine was deleted.

    Raises:
        NotFound: there is no such node.
    """
    cluster = current()
    cluster.backend.remove_nodes(cluster.api, [require_node(node) for node in nodes])
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
    """Return the name, after a check that the node exists.

    Raises:
        NotFound: there is no such node; with the names of the nodes.
        BadInput: no node can have this name.
    """
    if current().api.find(f"/api/v1/nodes/{segment(node)}") is None:
        names = current().nodes()
        listed = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        raise NotFound(f"There is no node {node!r}.", seen=f"nodes: {listed}")
    return node


def wait_status(cluster: Cluster, node: str, status: str, taint_key: str) -> None:
    """Wait until the node has this status and both of its taints.

    The taint NoExecute is added shortly after NoSchedule, and not at all if too many nodes of a
    zone are broken. A node recovered in between would be tainted late.
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

    def explain(nodes: dict[str, Any]) -> str:
        if node not in nodes:
            return "the node is gone"
        ready = podstate.condition(nodes[node], "Ready").get("status")
        taints = map(taint_name, nodes[node]["spec"].get("taints") or [])
        return f"Ready={ready}, taints: {', '.join(taints) or 'none'}"

    wait_for(
        cluster.api,
        "/api/v1/nodes",
        done,
        what=f"{node} Ready={status}",
        explain=explain,
        timeout=timeout,
        selector={"fieldSelector": f"metadata.name={node}"},
    )


def _wait_pods_again(cluster: Cluster, node: str) -> None:
    """Wait until no Pod on the node is still marked not ready by the node controller."""

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
