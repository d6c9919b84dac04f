"""Compare a cluster with its state right after ``up``."""

from __future__ import annotations

from typing import Any

from daemonset_course.cluster import topology
from daemonset_course.cluster.api import Api, Object
from daemonset_course.history import podstate

# The control plane creates and deletes objects of these kinds by itself.
CONTROL_PLANE_KINDS = {
    "Event",
    "Lease",
    "Node",
    "ComponentStatus",
    "APIService",
    "CSINode",
    "CertificateSigningRequest",
    "IPAddress",
    "Endpoints",
    "EndpointSlice",
}
# A provisioner deletes its volume together with the claim.
PROVISIONED = "pv.kubernetes.io/provisioned-by"
KUBELET_CONDITIONS = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}
# The only taint of node.kubernetes.io that a person sets and removes.
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
DEFAULT_OBJECTS = {
    "Service/kubernetes",
    "ServiceAccount/default",
    "ConfigMap/kube-root-ca.crt",
}
# Labels that the control plane sets on nodes; all other labels are compared.
CONTROL_PLANE_PREFIXES = ("kwok.x-k8s.io/", "beta.kubernetes.io/")


def cluster_scoped(api: Api) -> tuple[str, ...]:
    """Return ``Kind/name`` of every cluster-scoped object that a lesson could create, sorted."""
    found = [
        f"{kind}/{item['metadata']['name']}" for kind, _, item in _objects(api, namespaced=False)
    ]
    return tuple(sorted(found))


def objects_created_since_up(api: Api, baseline: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (name to print, URL path) of each object and namespace created since ``up``."""
    expected = {*baseline, *(f"Namespace/{name}" for name in SYSTEM_NAMESPACES)}
    found = [
        (f"{kind}/{item['metadata']['name']}", path)
        for kind, path, item in _objects(api, namespaced=False)
        if f"{kind}/{item['metadata']['name']}" not in expected
    ]
    for kind, path, item in _objects(api, namespaced=True):
        title = f"{kind}/{item['metadata']['name']}"
        owned = item["metadata"].get("ownerReferences")
        if title not in DEFAULT_OBJECTS and not owned:
            found.append((f"{title} in default", path))
    return found


def _objects(api: Api, *, namespaced: bool) -> list[tuple[str, str, Object]]:
    """Return (kind, URL path, object) of cluster-scoped objects, or of those in ``default``."""
    found = []
    for version in api.group_versions():
        for resource in api.resources(version):
            if resource["namespaced"] != namespaced or resource["kind"] in CONTROL_PLANE_KINDS:
                continue
            if not {"list", "delete"} <= set(resource["verbs"]):
                continue
            middle = "/namespaces/default" if namespaced else ""
            root = f"{resource['root']}{middle}/{resource['name']}"
            for item in api.items(root):
                if PROVISIONED in (item["metadata"].get("annotations") or {}):
                    continue
                found.append((resource["kind"], f"{root}/{item['metadata']['name']}", item))
    return found


def node_drift(node: Object, spec: topology.NodeSpec) -> tuple[list[str], Object]:
    """Return how a node differs from its spec, in words, and the merge patch that restores it."""
    labels = _label_drift(node["metadata"].get("labels") or {}, spec)
    annotations = node["metadata"].get("annotations") or {}
    words = [f"label {key} {'put back' if value else 'taken off'}" for key, value in labels.items()]
    patch: Object = {"metadata": {"labels": labels}, "spec": {}}
    if podstate.MANAGED in annotations:
        patch["metadata"]["annotations"] = {podstate.MANAGED: None}
        words.append("kubelet repaired")
    if node["spec"].get("unschedulable"):
        patch["spec"]["unschedulable"] = None
        words.append("uncordoned")
    taints = _taint_drift(node["spec"].get("taints") or [], spec)
    if taints:
        patch["spec"]["taints"] = [{"key": k, "value": v, "effect": e} for k, v, e in spec.taints]
        words += taints
    return words, patch


def added_resources(node: Object) -> list[str]:
    """Return the extended resources in a node's status: no kubelet of the course adds any.

    Source: https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
    """
    return sorted(name for name in node["status"].get("capacity") or {} if "/" in name)


def added_conditions(node: Object, spec: topology.NodeSpec) -> list[str]:
    """Return the types of true conditions that no kubelet set.

    A simulated kubelet never reports pressure, so a person set any pressure condition there.
    Source: https://kubernetes.io/docs/reference/node/node-status/#condition
    """
    found = node["status"].get("conditions") or []
    true = {one["type"] for one in found if one["status"] == "True"}
    return sorted(true - ({"Ready"} if spec.is_simulated else KUBELET_CONDITIONS))


def _label_drift(labels: dict[str, str], spec: topology.NodeSpec) -> dict[str, str | None]:
    changed: dict[str, str | None] = {k: v for k, v in spec.labels.items() if labels.get(k) != v}
    for key in labels:
        if key not in spec.labels and not key.startswith(CONTROL_PLANE_PREFIXES):
            changed[key] = None
    return changed


def _taint_drift(taints: list[dict[str, Any]], spec: topology.NodeSpec) -> list[str]:
    """Return how a person changed the taints; the controller removes those of node conditions."""
    there = {(t["key"], t.get("value", ""), t["effect"]) for t in taints}
    by_hand = {
        t for t in there if t[0] == OUT_OF_SERVICE or not t[0].startswith("node.kubernetes.io/")
    }
    wanted = set(spec.taints)
    return [f"taint {_taint(t)} taken off" for t in sorted(by_hand - wanted)] + [
        f"taint {_taint(t)} put back" for t in sorted(wanted - by_hand)
    ]


def _taint(taint: tuple[str, str, str]) -> str:
    key, value, effect = taint
    return f"{key}={value}:{effect}" if value else f"{key}:{effect}"
