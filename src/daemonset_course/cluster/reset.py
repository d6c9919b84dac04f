"""Restore a cluster to its state right after ``up``, and report what differed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from daemonset_course.cluster import fingerprint, usage
from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.lifecycle import Cluster, current, locked, up
from daemonset_course.cluster.readiness import PATIENCE, admit_nodes, wait_ready, wait_stable
from daemonset_course.cluster.simulated_nodes import healthy_condition
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import NotRunning, Rejected
from daemonset_course.history.text import natural_key
from daemonset_course.places import cluster_name
from daemonset_course.progress import waiting

PODS = "/api/v1/namespaces/default/pods"
EVENTS = "/api/v1/namespaces/default/events"
# A Deployment or a CronJob owns these objects, and their controllers create Pods until the garbage
# collector deletes them. It may first have to delete the Pods of a hundred nodes.
POD_OWNERS = (
    "/apis/apps/v1/namespaces/default/replicasets",
    "/apis/batch/v1/namespaces/default/jobs",
)


@dataclass(frozen=True)
class Fleet:
    """The nodes that a lesson starts with, and the changes that ``reset`` made.

    ``note``: a sentence about another open notebook that used the cluster until now; else empty.
    """

    nodes: tuple[str, ...]
    workers: tuple[str, ...]
    changes: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        found = (
            "\n".join(f"  {line}" for line in _folded(self.changes)) or "  nothing: it was fresh"
        )
        note = f"\n{self.note}" if self.note else ""
        return f"{len(self.workers)} workers, all Ready. Put right:\n{found}{note}"

    __repr__ = __str__


def reset(name: str | None = None, *, workers: int | None = None, force: bool = False) -> Fleet:
    """Restore the cluster to its state right after ``up``, with ``workers`` workers.

    Objects and node changes of earlier lessons are removed; the result says so if another open
    notebook used the cluster until now. A lab task that this notebook began ends. ``force`` ends
    one of another notebook too; the next check of it says who did so.

    Raises:
        InUse: a lab task runs on the cluster, begun by another notebook or a terminal.
        NotRunning: the cluster is not up and cannot be started again.
    """
    usage.require_free(cluster_name(name), force=force)
    with waiting("the reset of the cluster"):
        return _reset(name, workers)


def _reset(name: str | None, workers: int | None) -> Fleet:
    try:
        cluster = current(name)
        cluster.api.get("/version")
    except NotRunning:
        cluster = up(name)
    if not (cluster.backend.programs / "kubectl").exists():  # its target in the cache was deleted
        cluster = up(name)
    with locked(cluster.name):
        fleet = _restore(cluster, workers)
        return replace(fleet, note=usage.note_reset(cluster.name))


def _restore(cluster: Cluster, workers: int | None) -> Fleet:
    healed = [f"{part}: put right" for part in cluster.backend.heal()]
    changes = healed + _remove_created_objects(cluster) + _restore_nodes(cluster, workers)
    if healed:
        names = [spec.name for spec in cluster.backend.specs(workers)]
        wait_stable(cluster.api, names, seconds=cluster.round_seconds, timeout=PATIENCE)
    return Fleet(tuple(cluster.nodes()), tuple(cluster.workers()), tuple(changes))


def _folded(changes: Iterable[str]) -> list[str]:
    """Fold equal changes of consecutive nodes in one line: ``worker4 … worker9: node removed``."""
    lines: list[tuple[str, str, str]] = []  # first node, last node, change
    for change in changes:
        node, _, what = change.rpartition(": ")
        first, last, before = lines[-1] if lines else ("", "", "")
        if node and what == before and node == _next(last):
            lines[-1] = (first, node, what)
        else:
            lines.append((node, node, what))
    return [
        f"{first if first == last else f'{first} … {last}'}: {what}" if first else what
        for first, last, what in lines
    ]


def _next(node: str) -> str:
    return re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), node)


def _remove_created_objects(cluster: Cluster) -> list[str]:
    api = cluster.api
    found = fingerprint.objects_created_since_up(api, cluster.state.baseline)
    for _, path in found:
        # Background: the garbage collector deletes dependents, so a dead node does not block this.
        api.delete(path, propagationPolicy="Background", gracePeriodSeconds=0)
    for title, path in found:
        if not title.startswith("Pod/"):
            _wait_gone(api, title, path)
    for path in POD_OWNERS:
        _delete_all(api, path)
    _delete_all(api, PODS)
    api.delete(EVENTS)  # `kubectl events` shows those of this lesson only
    return [f"{title} removed" for title, _ in found]


def _delete_all(api: Api, path: str) -> None:
    """Delete all objects of a collection, and return when none is left."""
    asked: set[str] = set()

    def gone(items: dict[str, Object]) -> bool:
        late = {name: one for name, one in items.items() if one["metadata"]["uid"] not in asked}
        for name, item in late.items():
            asked.add(item["metadata"]["uid"])
            _remove_finalizers(api, f"{path}/{name}", item)
        if late:
            api.delete(path, propagationPolicy="Background", gracePeriodSeconds=0)
        return not items

    kind = path.rpartition("/")[2]
    wait_for(api, path, gone, what=f"no {kind} left", explain=lambda i: ", ".join(i), timeout=60)


def _wait_gone(api: Api, title: str, path: str) -> None:
    """Remove the finalizers of an object, and return when it is gone."""
    item = api.find(path)
    if item is None:
        return
    if title.startswith("Namespace/"):
        _empty_namespace(api, item["metadata"]["name"])
    else:
        _remove_finalizers(api, path, item)
    root, _, name = path.rpartition("/")
    wait_for(
        api,
        root,
        lambda items: name not in items,
        what=f"{title} gone",
        explain=lambda items: str(items[name].get("status", {}).get("conditions", "")),
        timeout=60,
        selector={"fieldSelector": f"metadata.name={name}"},
    )


def _empty_namespace(api: Api, namespace: str) -> None:
    """Delete the objects of a namespace, without their finalizers, so that it can terminate."""
    for version in api.group_versions():
        for resource in api.resources(version):
            if not resource["namespaced"] or not {"list", "patch"} <= set(resource["verbs"]):
                continue
            root = f"{resource['root']}/namespaces/{namespace}/{resource['name']}"
            for item in api.items(root):
                path = f"{root}/{item['metadata']['name']}"
                _remove_finalizers(api, path, item)
                api.delete(path, gracePeriodSeconds=0)


def _remove_finalizers(api: Api, path: str, item: Object) -> None:
    if not item["metadata"].get("finalizers"):
        return
    try:
        api.merge(path, {"metadata": {"finalizers": None}})
    except Rejected:
        if api.find(path) is not None:  # deleted meanwhile: nothing is left to do
            raise


def _remove_resources(api: Api, node: str, names: list[str]) -> None:
    gone = dict.fromkeys(names)
    api.merge(f"/api/v1/nodes/{node}/status", {"status": {"capacity": gone, "allocatable": gone}})


def _restore_nodes(cluster: Cluster, workers: int | None) -> list[str]:
    api = cluster.api
    specs = {s.name: s for s in cluster.backend.specs(workers)}
    nodes = {n["metadata"]["name"]: n for n in api.items("/api/v1/nodes")}
    extra = [name for name in nodes if name not in specs]
    changes = [f"{name}: node removed" for name in sorted(extra, key=natural_key)]
    cluster.backend.remove_nodes(api, extra)
    for name in sorted(set(nodes) & set(specs), key=natural_key):
        words, patch = fingerprint.node_drift(nodes[name], specs[name])
        if words:
            api.merge(f"/api/v1/nodes/{name}", patch)
        if added := fingerprint.added_resources(nodes[name]):
            _remove_resources(api, name, added)
            words += [f"resource {resource} taken off" for resource in added]
        if added := fingerprint.added_conditions(nodes[name], specs[name]):
            fresh = [healthy_condition(one, simulated=specs[name].is_simulated) for one in added]
            api.merge_conditions(name, fresh)
            words += [f"condition {condition} put right" for condition in added]
        if words:
            changes.append(f"{name}: {', '.join(words)}")
    missing = [spec for name, spec in specs.items() if name not in nodes]
    cluster.backend.create_nodes(api, missing)
    changes += [f"{spec.name}: node added" for spec in missing]
    admit_nodes(api, missing, timeout=PATIENCE)
    wait_ready(api, list(specs), timeout=PATIENCE)
    return changes
