"""What a recorded pod says: whose it is, where it runs, its revision, its phase and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from daemonset_course.timeline.spans import Phase

Object = Mapping[str, Any]

# Waiting reasons of a container that is simply being started: no news, no segment of its own.
_STARTING = {"", "ContainerCreating", "PodInitializing"}


def is_owned(pod: Object, daemonset: str) -> bool:
    """Whether the DaemonSet of that name owns the pod."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(o.get("kind") == "DaemonSet" and o.get("name") == daemonset for o in owners)


def node_of(pod: Object) -> str:
    """The node the pod is bound to or meant for; empty when it is meant for none.

    The controller pins an unbound pod by affinity on the field ``metadata.name``. Source:
    ``ReplaceDaemonSetPodNodeNameNodeAffinity``, ``pkg/controller/daemon/util``.
    """
    spec = pod.get("spec") or {}
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity")) or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for match in term.get("matchFields") or ():
            if match.get("key", "metadata.name") == "metadata.name" and match.get("values"):
                return str(match["values"][0])
    return ""


def revision_of(pod: Object) -> str:
    """The pod's ``controller-revision-hash``; empty when it has none."""
    return str((pod["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def template_generation(pod: Object) -> str:
    """The pod's ``pod-template-generation``; empty when it has none."""
    return str((pod["metadata"].get("labels") or {}).get("pod-template-generation", ""))


def phase_of(pod: Object) -> tuple[Phase, str]:
    """The phase to draw and the reason that holds the pod up, if the cluster gives one.

    A pod that ended (Failed, Succeeded) counts as not ready: the controller will delete it.
    """
    status = pod.get("status") or {}
    ended = status.get("phase") in {"Failed", "Succeeded"}
    if pod["metadata"].get("deletionTimestamp"):
        return "terminating", ""
    if ended:
        return "not ready", str(status.get("reason") or status["phase"])
    if condition(pod, "Ready").get("status") == "True":
        return "ready", ""
    bound = bool((pod.get("spec") or {}).get("nodeName"))
    phase: Phase = "not ready" if bound and status.get("phase") == "Running" else "pending"
    return phase, _hold_up(pod)


def condition(obj: Object, kind: str) -> Object:
    """The condition of that type of a pod or node; empty when it isn't set."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return {}


def ready_age(pod: Object, began: str) -> float:
    """For how many seconds the pod was Ready when the recording began; 0 when that isn't known.

    The only use of API timestamps (resolution one second): a pod that was Ready before the
    recording has no receive time for it.
    """
    since = moment(str(condition(pod, "Ready").get("lastTransitionTime", "")))
    start = moment(began)
    if since is None or start is None:
        return 0.0
    return max(0.0, (start - since).total_seconds())


def _hold_up(pod: Object) -> str:
    for state in _container_states(pod):
        for kind in ("waiting", "terminated"):
            reason = str((state.get(kind) or {}).get("reason", ""))
            if reason not in _STARTING and reason != "Completed":
                return reason
    scheduled = condition(pod, "PodScheduled")
    return str(scheduled.get("reason", "")) if scheduled.get("status") == "False" else ""


def _container_states(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    for group in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(group) or ():
            yield container.get("state") or {}


def moment(text: str) -> datetime | None:
    """The time that RFC 3339 text gives; None without a zone, or if it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
