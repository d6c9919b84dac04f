"""Read the Pods with a label ``app``: names, nodes, uids, releases, the scheduler's messages.

A terminating Pod is counted until it is gone, as ``kubectl get pods -l app=...`` lists it.
"""

from __future__ import annotations

import json
from collections import Counter

from daemonset_course.cluster.api import Object, segment
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import BadInput
from daemonset_course.history import podstate
from daemonset_course.verbs.expected_errors import try_kubectl


def nodes_with(app: str, *, namespace: str = "default") -> set[str]:
    """Return the nodes to which a Pod with this label ``app`` is bound."""
    return set(count_by_node(app, namespace=namespace))


def count_by_node(app: str, *, namespace: str = "default") -> Counter[str]:
    """Return how many Pods with this label ``app`` are bound to each node that has one."""
    return Counter(node for pod in _pods(app, namespace) if (node := _bound_to(pod)))


def pod_names(app: str, *, node: str | None = None) -> list[str]:
    """Return the names of the Pods with this label ``app``, sorted; of all nodes or of one."""
    found = _pods(app)
    return sorted(pod["metadata"]["name"] for pod in found if node in (None, _bound_to(pod)))


def uids(app: str, *, ready: bool = False) -> set[str]:
    """Return the uids of the Pods with this label ``app``, or of the ready ones only."""
    found = _pods(app)
    return {pod["metadata"]["uid"] for pod in found if not ready or podstate.is_ready(pod)}


def uids_by_node(app: str) -> dict[str, str]:
    """Return for each node the uid of its Pod with this label ``app``; of two Pods, one uid."""
    return {node: pod["metadata"]["uid"] for pod in _pods(app) if (node := _bound_to(pod))}


def releases(app: str) -> dict[str, str]:
    """Return for each node the ``RELEASE`` of its Pod with this label ``app``.

    It is a variable of the Pod's first container; empty if the container has none.
    """
    return {node: _release(pod) for pod in _pods(app) if (node := _bound_to(pod))}


def scheduler_messages(app: str) -> list[str]:
    """Return why the scheduler did not place Pods with this label ``app``, a line for each Pod.

    A Pod that no scheduler has handled has no message.
    """
    found = (podstate.condition(pod, "PodScheduled") for pod in _pods(app))
    return [message for condition in found if (message := str(condition.get("message", "")))]


def bound_by(app: str) -> dict[str, str]:
    """Return for each Pod with this label ``app`` that was bound the component that bound it.

    The component is the one that the Pod's event ``Scheduled`` names.
    """
    events = current().api.items(
        "/api/v1/namespaces/default/events", fieldSelector="reason=Scheduled"
    )
    named = {event["involvedObject"]["uid"]: event["reportingComponent"] for event in events}
    found = {pod["metadata"]["name"]: named.get(pod["metadata"]["uid"]) for pod in _pods(app)}
    return {name: component for name, component in found.items() if component}


def try_evict(app: str, *, node: str | None = None) -> str:
    """Evict the first Pod with this label ``app`` through the API, as ``kubectl drain`` does.

    Args:
        app: the label.
        node: the node of the Pod; None: any node.

    Returns:
        Why the API server refuses the eviction, such as a disruption budget; empty if it accepts.

    Raises:
        BadInput: there is no such Pod.
    """
    found = pod_names(app, node=node)
    if not found:
        where = f" on {node}" if node else ""
        raise BadInput(f"There is no Pod with the label app={app}{where} to evict.")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": found[0]}}
    path = f"/api/v1/namespaces/default/pods/{found[0]}/eviction"
    return try_kubectl(f"create --raw {path} -f -", stdin=json.dumps(eviction))


def _pods(app: str, namespace: str = "default") -> list[Object]:
    path = f"/api/v1/namespaces/{segment(namespace)}/pods"
    return current().api.items(path, labelSelector=f"app={app}")


def _release(pod: Object) -> str:
    variables = pod["spec"]["containers"][0].get("env") or ()
    return next((str(one.get("value", "")) for one in variables if one["name"] == "RELEASE"), "")


def _bound_to(pod: Object) -> str:
    """Return the node that the Pod is bound to; empty before it is bound."""
    return str(pod["spec"].get("nodeName", ""))
