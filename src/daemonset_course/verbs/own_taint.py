"""Do on simulated nodes what an agent does: remove the startup taint of its node with its token."""

from __future__ import annotations

from collections.abc import Iterable

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import NotFinished
from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.placement.tolerations import taints_of
from daemonset_course.progress import waiting
from daemonset_course.verbs.tokens import api_with_token, make_token, refusal

_PAUSE = 0.1  # seconds between two looks


def untaint_as_agent(
    daemonset: str, key: str, home: str, nodes: Iterable[str], *, timeout: float = 60
) -> dict[str, str]:
    """Remove a taint from nodes with the token of the agent of one of them, once it is ready.

    Args:
        daemonset: the agent; its Pod is in the namespace ``default``.
        key: the key of the taint.
        home: the node of the Pod whose token is used.
        nodes: the nodes from which the taint is to be removed.
        timeout: in seconds, until the Pod is ready.

    Returns:
        For each node why the API server refuses; empty where it removed the taint.

    Raises:
        NotFinished: the Pod was not ready in time.
    """
    pod = _ready_pod(daemonset, home, timeout)
    token = make_token(pod["spec"]["serviceAccountName"], pod["metadata"]["name"])
    found = current().api.items("/api/v1/nodes")
    taints = {one["metadata"]["name"]: taints_of(one) for one in found}
    with api_with_token(token) as api:
        return {
            node: refusal(api, node, _without(taints[node], key), dry_run=False) for node in nodes
        }


def _without(taints: Iterable[Object], key: str) -> Object:
    return {"spec": {"taints": [taint for taint in taints if taint["key"] != key]}}


def _ready_pod(daemonset: str, node: str, timeout: float) -> Object:
    query = {"fieldSelector": f"spec.nodeName={node}"}

    def found() -> list[Object]:
        pods = current().api.items("/api/v1/namespaces/default/pods", **query)
        return [pod for pod in pods if podstate.is_owned(pod, daemonset) and podstate.is_ready(pod)]

    with waiting(f"the Pod of {daemonset} on {node}"):
        ready = until(found, timeout=timeout, pause=_PAUSE)
    if not ready:
        raise NotFinished(
            f"The Pod of {daemonset} on {node} was not ready within {timeout:.0f} s.",
            next_step=f"kubectl get pods -o wide; kubectl describe node {node}",
        )
    return ready[0]
