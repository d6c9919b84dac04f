"""What a fresh cluster looks like, and how the present one differs from it."""

from __future__ import annotations

from typing import Any

from daemonset_course.cluster import topology
from daemonset_course.cluster.api import Api, Object

# Made and kept by the control plane itself; it comes and goes without us.
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
# A volume that a provisioner made goes with its claim.
PROVISIONED = "pv.kubernetes.io/provisioned-by"
KUBELET_CONDITIONS = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}
# Of the taints of node.kubernetes.io the one that a person sets, and takes off.
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
DEFAULT_OBJECTS = {
    "Service/kubernetes",
    "ServiceAccount/default",
    "ConfigMap/kube-root-ca.crt",
}
# The control plane's own mark on nodes; everything else on a node is compared.
CONTROL_PLANE_PREFIXES = ("kwok.x-k8s.io/", "beta.kubernetes.io/")


def cluster_scoped(api: Api) -> tuple[str, ...]:
    """``Kind/name`` of every cluster-scoped object that a lesson could have made, sorted."""
    found = [
        f"{kind}/{item['metadata']['name']}" for kind, _, item in _objects(api, namespaced=False)
    ]
    return tuple(sorted(found))


def objects_created_since_up(api: Api, baseline: tuple[str, ...]) -> list[tuple[str, str]]:
    """What was made since ``up``: (name to print, URL path) of objects and namespaces."""
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
    """(kind, URL path, object) of all objects; of namespaced kinds, those in ``default``."""
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
    """What differs on one node, in words, and the merge patch that puts it right."""
    labels = _label_drift(node["metadata"].get("labels") or {}, spec)
    annotations = node["metadata"].get("annotations") or {}
    words = [f"label {key} {'put back' if value else 'taken off'}" for key, value in labels.items()]
    patch: Object = {"metadata": {"labels": labels}, "spec": {}}
    if topology.MANAGED in annotations:
        patch["metadata"]["annotations"] = {topology.MANAGED: None}
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
    """The extended resources that somebody wrote into a node's status: a kubelet here has none.

    Source: https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
    """
    return sorted(name for name in node["status"].get("capacity") or {} if "/" in name)


def added_conditions(node: Object, spec: topology.NodeSpec) -> list[str]:
    """The conditions that somebody wrote into a node's status and that hold: none of a kubelet's.

    A simulated kubelet is never short of anything, so there a pressure is somebody's too.
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
    """Taints that a person set or took away; those of node conditions go with their cause."""
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
