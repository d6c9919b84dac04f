"""Read fields of recorded objects: a Pod's owner, node, revision, phase and reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from daemonset_course.history.log import Object
from daemonset_course.history.spans import Phase
from daemonset_course.placement.tolerations import taint_name

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
NODE_UNKNOWN = "node state unknown"  # in a gap of the watch of nodes
# The course's labels, annotations and taints: a domain that no one else has (RFC 2606), and that no
# other program clears. Kubernetes' own suite removes each label that begins with "daemonset-".
DOMAIN = "course.daemonset.example/"
MANAGED = f"{DOMAIN}kubelet"  # label: a simulated kubelet runs this node


class PodState(NamedTuple):
    """What a segment shows of a Pod; a new segment begins when one of these fields changes."""

    node: str
    revision: str
    phase: Phase
    reason: str = ""


# Reasons of a container that starts as usual. They begin no segment of their own.
_STARTING = {"", "ContainerCreating", "PodInitializing"}


class Unready(NamedTuple):
    """A container that is not ready, and so keeps its Pod from being ready.

    Attributes:
        container: ``container web`` or ``init container setup``; empty if the Pod has only one.
        state: waiting, running or terminated.
        reason: the kubelet's reason for a state other than running; may be empty.
        message: the kubelet's message with it; may be empty.
    """

    container: str
    state: str
    reason: str
    message: str

    @property
    def is_starting(self) -> bool:
        """Whether the container starts as usual or runs, by the kubelet's reason."""
        return self.reason in _STARTING


def is_owned(pod: Object, daemonset: str) -> bool:
    """Whether the DaemonSet of that name owns the pod."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(o.get("kind") == "DaemonSet" and o.get("name") == daemonset for o in owners)


def node_of(pod: Object) -> str:
    """Return the node that the Pod is bound to, or that its affinity names; empty if none.

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


def containers_of(spec: Object) -> list[Object]:
    """Return the containers of a Pod's spec, init containers first."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def revision_of(pod: Object) -> str:
    """Return the Pod's ``controller-revision-hash``; empty if it has none."""
    return str((pod["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def template_generation(pod: Object) -> str:
    """Return the Pod's ``pod-template-generation``; empty if it has none."""
    return str((pod["metadata"].get("labels") or {}).get("pod-template-generation", ""))


def app_of(item: Object) -> str:
    """Return the value of the label ``app``; empty if there is none."""
    return str((item["metadata"].get("labels") or {}).get("app", ""))


def is_control_plane(node: Object) -> bool:
    """Whether the node has the control plane's role label."""
    return CONTROL_PLANE in (node["metadata"].get("labels") or {})


def node_words(node: Object | None) -> tuple[str, ...]:
    """Return what keeps Pods off the node or from running on it, in a few words; empty: nothing.

    Left out are the control plane's own taint and the course's, which never change, and taints
    that keep no Pod off.
    """
    if node is None:
        return ("node deleted",)
    ready = str(condition(node, "Ready").get("status", "True"))
    found = [] if ready == "True" else ["node NotReady" + " (Unknown)" * (ready == "Unknown")]
    if (node.get("spec") or {}).get("unschedulable"):
        found.append("cordoned")
    ours = (f"{CONTROL_PLANE}:", DOMAIN)
    taints = (text for text in taint_names(node) if not text.startswith(ours))
    return (*found, *(f"taint {text}" for text in taints if not text.endswith(":PreferNoSchedule")))


# These taints repeat another field of the node: cordon, Ready.
_ECHOES = {f"node.kubernetes.io/{name}" for name in ("unschedulable", "not-ready", "unreachable")}


def taint_names(node: Object) -> list[str]:
    """Return the node's taints as text, without those that repeat another of its fields."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return [taint_name(taint) for taint in taints if taint["key"] not in _ECHOES]


def is_silent(node: Object) -> bool:
    """Whether a simulated kubelet sends no heartbeat although nobody stopped it.

    The computer is too busy, or kwok hangs. Who stops it takes its label away.
    """
    runs = (node["metadata"].get("labels") or {}).get(MANAGED) == "simulated"
    return runs and condition(node, "Ready").get("status") == "Unknown"


def is_ready(item: Object) -> bool:
    """Whether the condition Ready of a Pod or node is True."""
    return bool(condition(item, "Ready").get("status") == "True")


def is_terminating(item: Object) -> bool:
    """Whether the object has a ``deletionTimestamp``."""
    return bool(item["metadata"].get("deletionTimestamp"))


def is_bound(pod: Object) -> bool:
    """Whether the Pod has a node."""
    return bool((pod.get("spec") or {}).get("nodeName"))


def is_evicted(pod: Object) -> bool:
    """Whether the Pod's kubelet evicted it, as under node pressure."""
    return bool(condition(pod, "DisruptionTarget").get("reason") == "TerminationByKubelet")


def state_of(pod: Object) -> PodState:
    """Return node, revision, phase and reason of the Pod."""
    return PodState(node_of(pod), revision_of(pod), *phase_of(pod))


def phase_of(pod: Object) -> tuple[Phase, str]:
    """Return the phase to draw, and why the Pod is not ready, if the cluster gives a reason.

    A Pod that Succeeded counts as not ready: the controller will delete it, as one that Failed.
    """
    status = pod.get("status") or {}
    if is_terminating(pod):
        return "terminating", ""
    if (ended := status.get("phase")) in {"Failed", "Succeeded"}:
        reason = str(status.get("reason") or ended)
        return "failed" if ended == "Failed" else "not ready", reason
    if is_ready(pod):
        return "ready", ""
    phase: Phase = "not ready" if is_bound(pod) and status.get("phase") == "Running" else "pending"
    return phase, _hold_up(pod)


def condition(obj: Object, kind: str) -> Object:
    """Return the condition of that type of a Pod or node; empty if it is not set."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return {}


def ready_age(pod: Object, began: str) -> float:
    """Return for how many seconds the Pod was Ready when the recording began; 0 if unknown.

    It reads a timestamp of the API (resolution one second), because the recording did not receive
    earlier changes.
    """
    since = parse_time(str(condition(pod, "Ready").get("lastTransitionTime", "")))
    start = parse_time(began)
    if since is None or start is None:
        return 0.0
    return max(0.0, (start - since).total_seconds())


def phase_age(pod: Object, began: str) -> float:
    """Return ``ready_age``; of a terminating Pod, for how long it had been terminating."""
    asked, start = asked_to_stop(pod), parse_time(began)
    if asked is None or start is None:
        return ready_age(pod, began)
    return max(0.0, (start - asked).total_seconds())


def asked_to_stop(pod: Object) -> datetime | None:
    """Return when the deletion of a Pod was requested, in whole seconds; None if it was not.

    ``deletionTimestamp`` is the end of the grace period.
    """
    leaves = parse_time(str(pod["metadata"].get("deletionTimestamp", "")))
    grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    return leaves - timedelta(seconds=grace) if leaves else None


def unready(pod: Object) -> list[Unready]:
    """Return the containers that keep the pod from being ready, as far as the status names them.

    Failed containers are before starting ones, init containers before others.
    """
    return sorted(_unready(pod), key=lambda one: one.is_starting)


def _hold_up(pod: Object) -> str:
    container = next(iter(unready(pod)), None)
    if container and not container.is_starting:
        return f"{container.container}: {container.reason}".removeprefix(": ")
    scheduled = condition(pod, "PodScheduled")
    return str(scheduled.get("reason", "")) if scheduled.get("status") == "False" else ""


def _unready(pod: Object) -> Iterator[Unready]:
    status = pod.get("status") or {}
    groups = {"init container": "initContainerStatuses", "container": "containerStatuses"}
    several = sum(len(status.get(group) or ()) for group in groups.values()) > 1
    for kind, group in groups.items():
        for container in status.get(group) or ():
            state, found = next(iter((container.get("state") or {}).items()), ("waiting", None))
            reason = str((found or {}).get("reason", ""))
            if not container.get("ready") and reason != "Completed":
                name = f"{kind} {container.get('name', '')}" if several else ""
                yield Unready(name, state, reason, str((found or {}).get("message", "")))


def parse_time(text: str) -> datetime | None:
    """Return the time that RFC 3339 text gives; None without a zone, or if it is not a time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None
