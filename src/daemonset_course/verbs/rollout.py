"""Wait for a DaemonSet's rollout, and say which nodes are missing and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from daemonset_course import placement
from daemonset_course.cluster import topology
from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.components import components_first
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import BadInput, NotFinished
from daemonset_course.timeline import podstate
from daemonset_course.timeline.creation import not_created, template_age

Explain = Callable[[Object], str]

# Seen with 1.36: a node that comes back while its old Pod is still listed is not counted at once.
# Source: syncNodeUpdate in pkg/controller/daemon/daemon_controller.go.
NO_POD = "no pod yet"
LATE = "; the controller counts again when the DaemonSet or one of its Pods changes"


@dataclass(frozen=True)
class Status:
    """The seven numbers of a DaemonSet's status, each a count of nodes."""

    desired: int
    current: int
    ready: int
    updated: int
    available: int
    unavailable: int
    misscheduled: int

    def __repr__(self) -> str:
        return (
            f"desired {self.desired}, current {self.current}, ready {self.ready}, "
            f"updated {self.updated}, available {self.available}, "
            f"unavailable {self.unavailable}, misscheduled {self.misscheduled}"
        )


def status_of(daemonset: Object) -> Status:
    """The seven numbers as the controller last wrote them."""
    status = daemonset.get("status") or {}
    keys = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "numberMisscheduled",
    )
    return Status(*(int(status.get(key) or 0) for key in keys))


def wait_rollout(name: str, *, namespace: str = "default", timeout: float = 120) -> Status:
    """The DaemonSet's status once every node that should run it has an available new pod.

    The condition is that of ``kubectl rollout status`` (the controller has seen the latest
    template, and updated = available = desired), that the pods bear it out, and that the status
    counts every node that should run it: on a busy control plane it may be behind the nodes.

    Raises:
        BadInput: there is no such DaemonSet.
        NotFinished: not within ``timeout`` seconds; names the components of the control plane that
            do not run, else the nodes still missing, and why.
    """
    with components_first():
        return _waited(name, namespace, timeout)


def _waited(name: str, namespace: str, timeout: float) -> Status:
    api = current().api
    path = f"/apis/apps/v1/namespaces/{namespace}/daemonsets"
    if api.find(f"{path}/{name}") is None:
        others = [item["metadata"]["name"] for item in api.items(path)]
        raise BadInput(
            f"There is no DaemonSet {name!r} in namespace {namespace!r}.",
            seen=f"found there: {', '.join(others) or 'none'}",
        )
    deadline = time.monotonic() + timeout

    def missed(daemonset: Object) -> int:
        return uncounted(daemonset, api.items("/api/v1/nodes"))

    def wait(done: Callable[[Object], bool], what: str, why: Explain, timeout: float) -> Object:
        return wait_for(
            api,
            path,
            lambda items: name in items and done(items[name]),
            what=what,
            explain=lambda items: why(items[name]) if name in items else "the DaemonSet is gone",
            timeout=timeout,
            selector={"fieldSelector": f"metadata.name={name}"},
        )[name]

    try:
        found = wait(finished, f"the rollout of {name}", partial(_explain, api), timeout)
        _wait_pods(api, found, deadline - time.monotonic())
        counted = wait(
            lambda daemonset: finished(daemonset) and not missed(daemonset),
            f"the rollout of {name} in its status",
            lambda daemonset: (
                f"DESIRED leaves out {missed(daemonset)} nodes that should run it{LATE}"
            ),
            max(deadline - time.monotonic(), 1.0),
        )
    except NotFinished as error:
        error.next_step = f"kubectl describe daemonset {name}, and look at the nodes named above."
        raise
    return status_of(counted)


def _wait_pods(api: Api, daemonset: Object, timeout: float) -> None:
    """Return when the pods are what the status says: it may be a moment behind them."""
    nodes, newest = api.items("/api/v1/nodes"), _newest_hash(api, daemonset)
    meta = daemonset["metadata"]
    wait_for(
        api,
        f"/api/v1/namespaces/{meta['namespace']}/pods",
        lambda pods: not lagging(daemonset, nodes, pods.values(), newest),
        what=f"the pods of {meta['name']} ready",
        explain=lambda pods: "; ".join(
            _with_refusal(api, daemonset, reasons(daemonset, nodes, pods.values(), newest))
        ),
        timeout=max(timeout, 1.0),
    )


def _explain(api: Api, daemonset: Object) -> str:
    pods = api.items(f"/api/v1/namespaces/{daemonset['metadata']['namespace']}/pods")
    nodes, newest = api.items("/api/v1/nodes"), _newest_hash(api, daemonset)
    found = reasons(daemonset, nodes, pods, newest, wanted_only=False)
    lines = _with_refusal(api, daemonset, found)
    return "; ".join(lines) or "every node has its pod; the controller has not counted it yet"


def _with_refusal(api: Api, daemonset: Object, found: Mapping[str, str]) -> list[str]:
    """The nodes' lines; one sentence for all nodes without a pod, if an Event says why."""
    meta = daemonset["metadata"]
    events, pods = (
        api.items(f"/api/v1/namespaces/{meta['namespace']}/{kind}") for kind in ("events", "pods")
    )
    missing = [node for node, reason in found.items() if reason == NO_POD]
    since = template_age(daemonset, [p for p in pods if podstate.is_owned(p, meta["name"])])
    said = not_created(events, daemonset, missing, since=since)
    return [said, *_lines(found, but=NO_POD)] if said else _lines(found)


def _lines(found: Mapping[str, str], *, but: str = "") -> list[str]:
    return [f"{node}: {reason}" for node, reason in found.items() if reason != but]


def finished(daemonset: Object) -> bool:
    """Whether the latest template is on every node that should run it, and available.

    Source: kubectl's ``pkg/polymorphichelpers/rollout_status.go``.
    """
    status = status_of(daemonset)
    seen = (daemonset.get("status") or {}).get("observedGeneration", 0)
    return (
        seen >= daemonset["metadata"]["generation"]
        and status.updated >= status.desired
        and status.available >= status.desired
    )


def uncounted(daemonset: Object, nodes: Iterable[Object]) -> int:
    """How many nodes should run the DaemonSet beyond the number that its status gives."""
    template = daemonset["spec"]["template"]
    wanted = sum(placement.should_run(node, template).run for node in nodes)
    return max(0, wanted - status_of(daemonset).desired)


def lagging(
    daemonset: Object,
    nodes: Iterable[Object],
    pods: Iterable[Object],
    newest: str,
    *,
    wanted_only: bool = True,
) -> list[str]:
    """A line for each node that lacks a ready pod of the newest revision, with its reason."""
    return _lines(reasons(daemonset, nodes, pods, newest, wanted_only=wanted_only))


def reasons(
    daemonset: Object,
    nodes: Iterable[Object],
    pods: Iterable[Object],
    newest: str,
    *,
    wanted_only: bool = True,
) -> dict[str, str]:
    """Why each node that lacks a ready pod of the newest revision lacks it, by the node's name.

    ``wanted_only`` leaves out nodes where the DaemonSet should not run but still has a pod.
    """
    owned: dict[str, list[Object]] = {}
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or []
        if any(owner["uid"] == daemonset["metadata"]["uid"] for owner in owners):
            owned.setdefault(podstate.node_of(pod), []).append(pod)
    found = {}
    for node in sorted(nodes, key=lambda n: topology.natural(n["metadata"]["name"])):
        name = node["metadata"]["name"]
        wanted = placement.should_run(node, daemonset["spec"]["template"]).run
        reason = _reason(owned.get(name, []), newest, wanted) if wanted or not wanted_only else ""
        if reason:
            found[name] = reason
    return found


def _newest_hash(api: Api, daemonset: Object) -> str:
    path = f"/apis/apps/v1/namespaces/{daemonset['metadata']['namespace']}/controllerrevisions"
    mine = [
        item
        for item in api.items(path)
        for owner in item["metadata"].get("ownerReferences") or []
        if owner["uid"] == daemonset["metadata"]["uid"]
    ]
    newest = max(mine, key=lambda item: int(item["revision"]), default=None)
    return newest["metadata"]["labels"]["controller-revision-hash"] if newest else ""


def _reason(pods: list[Object], newest: str, wanted: bool) -> str:
    """Why a node has no available pod of the newest revision; empty when it has or needs none."""
    if not pods:
        return NO_POD if wanted else ""
    terminating = [p for p in pods if p["metadata"].get("deletionTimestamp")]
    if terminating:
        return f"pod {terminating[0]['metadata']['name']} is terminating"
    # No revision: that of a deleted namesake served, and went with it. The status is all there is.
    new = [
        pod
        for pod in pods
        if not newest or pod["metadata"]["labels"].get("controller-revision-hash") == newest
    ]
    if not new:
        return "still runs the old template"
    return pod_reason(new[0])


def pod_reason(pod: Object) -> str:
    """Why a pod is not ready, in the kubelet's or scheduler's own words; empty when it is."""
    status: dict[str, Any] = pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"pending, {scheduled.get('reason', '')}: {scheduled.get('message', '')}"
    if (container := podstate.unready(pod)) and (container.container or container.reason):
        words = f"{container.reason}: {container.message}".strip(": ")
        words = words or f"{container.state}, not ready"
        return f"{container.container}: {words}".removeprefix(": ")
    return f"{status.get('phase', 'Pending').lower()}, not ready"
