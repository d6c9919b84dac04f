"""Break a DaemonSet's Pods, or fill a node.

``kubectl rollout undo`` repairs the Pods; deleting the filler frees the node. Each fault is an
ordinary change of a manifest, so it has the same effect on real and on simulated nodes. For nodes
use ``break_node``, for components of the control plane ``stop_component``.
"""

from __future__ import annotations

import json
from typing import Any

from daemonset_course.cluster.api import segment
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import NotFound
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import Output, kubectl
from daemonset_course.verbs.nodes import require_node

# The domain .invalid never resolves (RFC 2606).
NO_SUCH_IMAGE = "registry.invalid/agent:2"
FILLER_IMAGE = "registry.k8s.io/pause:3.10"


def slow_start(daemonset: str, seconds: int) -> Output:
    """Make a DaemonSet's new Pods ready only ``seconds`` after their start.

    The image must have ``true``, as busybox does.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": seconds}
    return _change(daemonset, {"readinessProbe": probe})


def never_ready(daemonset: str) -> Output:
    """Make a DaemonSet's new Pods run and never be ready; the image must have ``false``.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    return _change(daemonset, {"readinessProbe": {"exec": {"command": ["false"]}}})


def crash(daemonset: str) -> Output:
    """Make a DaemonSet's new Pods crash at once, again and again.

    The image must have ``false``. Without the probe, a real kubelet may report such a Pod as ready
    between start and end, and the rollout would go on.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": 1}
    return _change(daemonset, {"command": ["false"], "readinessProbe": probe})


def missing_image(daemonset: str) -> Output:
    """Give a DaemonSet's new Pods an image that cannot be pulled.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    return _change(daemonset, {"image": NO_SUCH_IMAGE})


def fill_node(node: str) -> str:
    """Fill a node with a Pod ``filler-<node>`` that requests all of the node's remaining CPU.

    Waits until the Pod is bound. Then no Pod that requests CPU fits on the node.

    Raises:
        NotFound: there is no such node.
        CommandFailed: the Pod was not bound within 30 s.
    """
    left = _cpu_left(require_node(node))
    if left <= 0:
        return f"{node}: was full"
    name = f"filler-{node}"
    resources = {"requests": {"cpu": f"{left}m"}}
    container = {"name": "filler", "image": FILLER_IMAGE, "resources": resources}
    spec = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    kubectl(f"wait pod/{name} --for=condition=PodScheduled --timeout=30s")
    return f"{node}: full"


def _change(daemonset: str, container: dict[str, Any]) -> Output:
    """Change a DaemonSet's first container.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    path = f"/apis/apps/v1/namespaces/default/daemonsets/{segment(daemonset)}"
    found = current().api.find(path)
    if found is None:
        raise NotFound(f"There is no DaemonSet {daemonset!r} in namespace 'default'.")
    name = found["spec"]["template"]["spec"]["containers"][0]["name"]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": name, **container}]}}}}
    return kubectl("patch daemonset", daemonset, "--patch", json.dumps(patch))


def _cpu_left(node: str) -> int:
    """Return the millicores of a node that no Pod has requested; init containers do not count."""
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 380 ms

    api = current().api
    pods = api.items("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")
    taken = sum(
        parse_quantity(container.get("resources", {}).get("requests", {}).get("cpu", "0"))
        for pod in pods
        if pod["status"].get("phase") not in ("Succeeded", "Failed")
        for container in pod["spec"]["containers"]
    )
    allocatable = api.get(f"/api/v1/nodes/{node}")["status"]["allocatable"]["cpu"]
    return int(1000 * (parse_quantity(allocatable) - taken))
