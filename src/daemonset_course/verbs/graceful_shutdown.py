"""Play by hand what a kubelet does when its machine shuts down in good order.

kwok plays no shutdown. So kwok lets go of the node, and the course writes through the API what the
kubelet would write, word for word: ``killPods`` and ``Admit`` in ``pkg/kubelet/nodeshutdown``,
``rejectPod`` in ``pkg/kubelet/kubelet.go``. What the controllers do about it is real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from daemonset_course.cluster.api import STRATEGIC, Api, segment
from daemonset_course.cluster.leases import LEASES
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.simulated_nodes import break_kubelet, is_simulated
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import ApiError, BadInput, NotFinished
from daemonset_course.history.log import Object
from daemonset_course.progress import waiting
from daemonset_course.verbs.nodes import require_node, wait_status

_PODS = "/api/v1/namespaces/default/pods"
_TERMINATED = "Pod was terminated in response to imminent node shutdown."
_REJECTED = "Pod was rejected: Pod was rejected as the node is shutting down."
_PAUSE = 0.1  # seconds between two looks at the Pods
_LOOKS = 10  # at the Pods, between two heartbeats


def shut_down(
    node: str, *, rejected: int, mark: Callable[[str], object], timeout: float = 60
) -> list[str]:
    """Shut a simulated node down in good order, and return the Pods that its kubelet rejected.

    The course plays the kubelet by hand, in this order: the node is not ready; each Pod in the
    namespace ``default`` has failed with the reason ``Terminated``; each Pod that is then bound to
    the node fails with the reason ``NodeShutdown``, until there were ``rejected`` of them. Then
    the machine is off, and the kubelet reports nothing: recover or remove the node.

    Args:
        node: its name.
        rejected: how many Pods are waited for; 0: none.
        mark: the recording's ``mark``.
        timeout: in seconds, until the last of these Pods is rejected.

    Raises:
        NotFound: there is no such node.
        BadInput: it is a real node.
        NotFinished: the control plane did not notice in time, or created fewer Pods in time.
    """
    cluster = current()
    api = cluster.api
    if not is_simulated(api.get(f"/api/v1/nodes/{segment(require_node(node))}")):
        raise BadInput(
            f"{node} is a real node, and only the kubelet of a simulated node is played by hand.",
            next_step="node, = add_node(), then the same with this node.",
        )
    mark("kubelet, by hand: shutdown")
    break_kubelet(api, node, "unreachable")  # kwok lets go of it
    _report(api, node)
    wait_status(cluster, node, "False", "node.kubernetes.io/not-ready")
    seen = {pod["metadata"]["uid"] for pod in _pods(api, node)}
    for pod in _pods(api, node):
        _fail(api, pod, "Terminated", _TERMINATED)
    names: list[str] = []
    looks = 0

    def enough() -> bool:
        nonlocal looks
        if looks % _LOOKS == 0:
            _renew(api, node)
        looks += 1
        for pod in _pods(api, node):
            if len(names) < rejected and pod["metadata"]["uid"] not in seen:
                seen.add(pod["metadata"]["uid"])
                names.append(pod["metadata"]["name"])
                _fail(api, pod, "NodeShutdown", _REJECTED)
        return len(names) >= rejected

    with waiting(f"{rejected} new Pods on {node}"):
        done = until(enough, timeout=timeout, pause=_PAUSE)
    if not done:
        raise NotFinished(
            f"The controllers did not create {rejected} new Pods on {node} within {timeout:.0f} s.",
            seen=f"{len(names)} so far",
            next_step=f"kubectl describe node {node}: do the Pods tolerate its taints?",
        )
    return names


def _pods(api: Api, node: str) -> Sequence[Object]:
    return api.items(_PODS, fieldSelector=f"spec.nodeName={node}")


def _report(api: Api, node: str) -> None:
    """Report that the node is not ready, in the words of ``ReadyCondition`` of the kubelet."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "False", "reason": "KubeletNotReady"}
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    api.merge_conditions(node, [{**ready, **times, "message": "node is shutting down"}])
    _renew(api, node)


def _renew(api: Api, node: str) -> None:
    """Renew the node's Lease, so that the node controller knows that its kubelet runs."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    api.merge(f"{LEASES}/{segment(node)}", {"spec": {"renewTime": now}})


def _fail(api: Api, pod: Object, reason: str, message: str) -> None:
    """Write the last status of a Pod, as its kubelet does; a Pod that is gone needs none."""
    conditions = [
        {"type": kind, "status": "False", "reason": "PodFailed"}
        for kind in ("Ready", "ContainersReady")
    ]
    if reason == "Terminated":
        conditions.append({
            "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
            "message": message,
        })  # fmt: skip
    status = {"phase": "Failed", "reason": reason, "message": message, "conditions": conditions}
    path = f"{_PODS}/{segment(pod['metadata']['name'])}/status"
    try:
        api.request("PATCH", path, {"status": status}, content_type=STRATEGIC)
    except ApiError as error:
        if error.status != 404:
            raise
