"""Where the API server has DaemonSets and their revisions; the error for one that is missing."""

from __future__ import annotations

from collections.abc import Iterable

from daemonset_course.cluster.api import Object, segment
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import NotFound


def daemonsets_path(namespace: str) -> str:
    """Return the URL path of the DaemonSets of a namespace.

    Raises:
        BadInput: the API server takes no namespace of that name.
    """
    return f"/apis/apps/v1/namespaces/{segment(namespace)}/daemonsets"


def revisions(app: str, *, namespace: str = "default") -> list[Object]:
    """Return the ControllerRevisions with this label ``app``, the oldest number first."""
    path = f"/apis/apps/v1/namespaces/{segment(namespace)}/controllerrevisions"
    found = current().api.items(path, labelSelector=f"app={app}")
    return sorted(found, key=lambda item: int(item["revision"]))


def no_daemonset(
    name: str, namespace: str, others: Iterable[str], *, next_step: str = ""
) -> NotFound:
    """Return the error for a DaemonSet that is not among ``others``, those of the namespace."""
    return NotFound(
        f"There is no DaemonSet {name!r} in namespace {namespace!r}.",
        seen=f"found there: {', '.join(others) or 'none'}",
        next_step=next_step,
    )
