"""The fence: the course acts on a cluster only if it carries the course's own marker."""

from __future__ import annotations

from pathlib import Path

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.state import State
from daemonset_course.environment import is_loopback
from daemonset_course.errors import NotOurs
from daemonset_course.places import course_command

MARKER = "/api/v1/namespaces/kube-system/configmaps/daemonset-course"


def require_marker(kubeconfig: Path, marker: str) -> Api:
    """The API behind a kubeconfig, after checking that it is the course's own cluster.

    Raises:
        NotOurs: another host than this machine, or no marker, or another cluster's.
    """
    api = Api(kubeconfig)
    if not is_loopback(api.server):
        raise _foreign(kubeconfig, f"its server is {api.server}")
    found = api.find(MARKER)
    if (found or {}).get("data", {}).get("id") != marker:
        raise _foreign(kubeconfig, "the course's marker is missing or another's")
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
    """Leave the course's marker in a cluster that was just made."""
    marker = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "daemonset-course", "namespace": "kube-system"},
        "data": {"id": state.id, "cluster": state.name},
    }
    api.request("POST", MARKER.rpartition("/")[0], marker)
