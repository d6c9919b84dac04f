"""Check the marker: the course changes only a cluster that carries the course's own ConfigMap."""

from __future__ import annotations

from pathlib import Path

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.state import State
from daemonset_course.environment import is_loopback
from daemonset_course.errors import NotOurs
from daemonset_course.places import course_command

MARKER = "/api/v1/namespaces/kube-system/configmaps/daemonset-course"


def require_marker(kubeconfig: Path, marker: str) -> Api:
    """Return the API of a kubeconfig, after checking that the course created the cluster.

    Raises:
        NotOurs: the server is on another host, or the marker is missing or of another cluster.
    """
    api = Api(kubeconfig)
    if not is_loopback(api.server):
        raise _foreign(kubeconfig, f"its server is {api.server}")
    found = api.find(MARKER)
    if (found or {}).get("data", {}).get("id") != marker:
        raise _foreign(kubeconfig, "the course's marker is missing or of another cluster")
    return api


def _foreign(kubeconfig: Path, seen: str) -> NotOurs:
    name = kubeconfig.parent.name
    return NotOurs(
        f"The cluster behind {kubeconfig} was not made by this course: nothing was touched.",
        seen=seen,
        next_step=f"{course_command('down', name)}, then {course_command('up', name)}, "
        "to have the course's own cluster again",
    )


def mark(api: Api, state: State) -> None:
    """Create the course's marker in a new cluster."""
    marker = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "daemonset-course", "namespace": "kube-system"},
        "data": {"id": state.id, "cluster": state.name},
    }
    api.request("POST", MARKER.rpartition("/")[0], marker)
