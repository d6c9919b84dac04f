"""Random dirt that a lesson or a learner can leave, and a fingerprint of a clean cluster."""

from __future__ import annotations

import random
from typing import Any

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, break_node, cordon, label, remove_node, taint

STUCK = ["course.example/nobody-serves-this"]
COMES_AND_GOES = {"Event", "Lease", "EndpointSlice", "ControllerRevision", "CSINode"}


def fresh(cluster: Cluster) -> dict[str, Any]:
    """Every node as it is configured, and the name of every object that a learner could make."""
    nodes = {}
    for node in cluster.api.items("/api/v1/nodes"):
        conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
        nodes[node["metadata"]["name"]] = {
            "labels": node["metadata"]["labels"],
            "taints": node["spec"].get("taints"),
            "cordoned": node["spec"].get("unschedulable"),
            "ready": conditions["Ready"],
            "broken": node["metadata"].get("annotations", {}).get("daemonset-course/kubelet"),
        }
    return {"nodes": nodes, "objects": sorted(_objects(cluster))}


def _objects(cluster: Cluster) -> set[str]:
    found = set()
    for version in cluster.api.group_versions():
        for resource in cluster.api.resources(version):
            if "list" not in resource["verbs"] or resource["kind"] in COMES_AND_GOES:
                continue
            places = ["", "/namespaces/default"] if resource["namespaced"] else [""]
            root = f"{resource['root']}{places[-1]}/{resource['name']}"
            kind = resource["kind"]
            found |= {f"{kind}/{one['metadata']['name']}" for one in cluster.api.items(root)}
    return found


def make_dirty(cluster: Cluster, chance: random.Random) -> list[str]:
    """Do three to seven random things to a cluster; returns what the drift report must name."""
    kinds = chance.sample(list(DIRT), k=chance.randint(3, len(DIRT)))
    workers = cluster.workers()
    chance.shuffle(workers)
    told = []
    for kind in sorted(kinds, key=list(DIRT).index):
        told += DIRT[kind](workers, chance)
    return told


def _labels(workers: list[str], chance: random.Random) -> list[str]:
    label(workers[0], dirt=str(chance.randint(0, 9)), disk=None)
    return [f"{workers[0]}: label"]


def _taints(workers: list[str], chance: random.Random) -> list[str]:
    effect = chance.choice(["NoSchedule", "NoExecute", "PreferNoSchedule"])
    taint(workers[1], f"dirt=1:{effect}")
    return [f"taint dirt=1:{effect} taken off"]


def _cordon(workers: list[str], _: random.Random) -> list[str]:
    cordon(workers[0])
    return ["uncordoned"]


def _extra(_: list[str], chance: random.Random) -> list[str]:
    return [f"{name}: node removed" for name in add_node(count=chance.randint(1, 5))]


def _removed(workers: list[str], _: random.Random) -> list[str]:
    remove_node(workers[2])
    return [f"{workers[2]}: node added"]


def _broken(workers: list[str], _: random.Random) -> list[str]:
    break_node(workers[1], "not ready")
    return [workers[1]]


def _namespace(_: list[str], chance: random.Random) -> list[str]:
    name = f"dirt-{chance.randint(0, 99)}"
    kubectl("create namespace", name)
    stuck = {"metadata": {"name": "stuck", "finalizers": STUCK}, "data": {"a": "b"}}
    apply({"apiVersion": "v1", "kind": "ConfigMap"} | stuck, namespace=name)
    kubectl("delete namespace --wait=false", name)
    return [f"Namespace/{name} removed"]


def _cluster_scoped(_: list[str], chance: random.Random) -> list[str]:
    value = chance.randint(1, 1000)
    priority = {"metadata": {"name": "dirt"}, "value": value}
    apply({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"} | priority)
    kubectl("create clusterrole dirt --verb=get --resource=pods")
    return ["PriorityClass/dirt removed", "ClusterRole/dirt removed"]


def _in_default(_: list[str], chance: random.Random) -> list[str]:
    for name in ("one", "two")[: chance.randint(1, 2)]:
        apply(_daemonset(name))
    kubectl("create configmap dirt --from-literal=a=b")
    kubectl("create poddisruptionbudget dirt --selector=app=one --min-available=1")
    return ["DaemonSet/one", "ConfigMap/dirt", "PodDisruptionBudget/dirt"]


def _daemonset(name: str) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "finalizers": STUCK if name == "two" else []},
        "spec": {"containers": [{"name": "a", "image": "registry.k8s.io/pause:3.10"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


DIRT = {
    "labels": _labels,
    "taints": _taints,
    "cordon": _cordon,
    "namespace": _namespace,
    "cluster-scoped": _cluster_scoped,
    "default": _in_default,
    "broken": _broken,
    "extra": _extra,
    "removed": _removed,
}
