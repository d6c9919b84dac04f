"""Make a history of one moment: the present objects of one DaemonSet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from daemonset_course.cluster.api import Api
from daemonset_course.history.failed_creates import failed_create, last_seen, template_age
from daemonset_course.history.index import History
from daemonset_course.history.log import Change, Component, Header, Object
from daemonset_course.history.outages import Down


def snapshot(
    api: Api,
    daemonset: str,
    namespace: str = "default",
    *,
    pods: Iterable[Object] | None = None,
    down: Iterable[Down] = (),
) -> History:
    """Return the DaemonSet, what it owns, the nodes and its FailedCreate Events, as of now.

    Objects that an earlier DaemonSet of the same name owned are left out.

    Args:
        api: the API server.
        daemonset: the DaemonSet's name.
        namespace: its namespace.
        pods: the Pods of the namespace; None: list them.
        down: the components that do not run, which the API server does not report.
    """
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    found = [one for one in api.items(f"{apps}/daemonsets") if one["metadata"]["name"] == daemonset]
    uids = {one["metadata"]["uid"] for one in found}
    listed: dict[str, Sequence[Object]] = {
        "nodes": api.items("/api/v1/nodes"),
        "daemonsets": found,
        "controllerrevisions": _owned(api.items(f"{apps}/controllerrevisions"), uids),
        "pods": _owned(api.items(f"{core}/pods") if pods is None else pods, uids),
    }
    now = datetime.now(UTC).isoformat()
    history = History([Header(daemonset, namespace, api.kubeconfig.parent.name, date=now)])
    for one in down:
        history.append(Component(0.0, one.component, one.why))
    for resource, items in listed.items():
        for item in items:
            history.append(Change(0.0, resource, "ADDED", "list", item))
    for owner in found:
        since = template_age(owner, listed["pods"])
        for event in api.items(f"{core}/events"):
            if failed_create(event, owner) and last_seen(event) >= since:
                # As from the watch: an event of a first list is taken for an old one.
                history.append(Change(0.0, "events", "ADDED", "watch", event))
    return history


def _owned(items: Iterable[Object], uids: set[str]) -> list[Object]:
    return [
        item
        for item in items
        if any(owner["uid"] in uids for owner in item["metadata"].get("ownerReferences") or ())
    ]
