"""A history of one moment: what the API server has now of one DaemonSet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from daemonset_course.cluster.api import Api
from daemonset_course.history.index import History
from daemonset_course.history.log import Change, Component, Header, Object
from daemonset_course.history.outages import Down
from daemonset_course.history.refusals import last_seen, refusal, template_age


def snapshot(
    api: Api,
    daemonset: str,
    namespace: str = "default",
    *,
    pods: Iterable[Object] | None = None,
    down: Iterable[Down] = (),
) -> History:
    """What there is now: the DaemonSet, what it owns, the nodes, and the refusals that count.

    Namesakes that were deleted are left out, with what they owned.

    Args:
        api: the API server.
        daemonset: the DaemonSet's name.
        namespace: its namespace.
        pods: the Pods of the namespace, if they are at hand.
        down: the components that do not run; the API server does not know them.
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
            if refusal(event, owner) and last_seen(event) >= since:
                # By the watch: it is no old news.
                history.append(Change(0.0, "events", "ADDED", "watch", event))
    return history


def _owned(items: Iterable[Object], uids: set[str]) -> list[Object]:
    return [
        item
        for item in items
        if any(owner["uid"] in uids for owner in item["metadata"].get("ownerReferences") or ())
    ]
