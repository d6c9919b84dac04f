"""Random changes that a lesson or a learner can leave, and a fingerprint of a clean cluster.

The fingerprint is written anew, from the API alone: it shares nothing with the one that ``reset``
works by.
"""

from __future__ import annotations

import json
import random
from typing import Any

from daemonset_course import variables
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.history import podstate
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.conditions import CONDITIONS, set_network_unavailable, set_pressure
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, break_node, cordon, label, remove_node, taint
from live.scenes import daemonset

STUCK = ["course.example/nobody-serves-this"]
# Kept by the control plane itself, under names that it makes up or at times of its own.
COMES_AND_GOES = {
    "Event", "Lease", "EndpointSlice", "ControllerRevision", "CSINode", "IPAddress",
}  # fmt: skip


def fresh(cluster: Cluster) -> dict[str, Any]:
    """Return each node's configuration, and the name of each object a learner could create."""
    namespaces = {
        one["metadata"]["name"]: one["metadata"].get("labels")
        for one in cluster.api.items("/api/v1/namespaces")
    }
    objects = sorted(_objects(cluster))
    return {"nodes": fresh_nodes(cluster), "namespaces": namespaces, "objects": objects}


def fresh_nodes(cluster: Cluster) -> dict[str, Any]:
    """Return each node's configuration, by name."""
    nodes = {}
    for node in cluster.api.items("/api/v1/nodes"):
        taints = node["spec"].get("taints") or []
        nodes[node["metadata"]["name"]] = {
            "labels": node["metadata"]["labels"],
            "taints": sorted((t["key"], t.get("value", ""), t["effect"]) for t in taints),
            "cordoned": node["spec"].get("unschedulable", False),
            "conditions": {c["type"]: c["status"] for c in node["status"]["conditions"]},
            "resources": sorted(node["status"]["capacity"]),
            "broken": node["metadata"].get("annotations", {}).get(podstate.MANAGED),
        }
    return nodes


def seed() -> int:
    """Return the seed of the random numbers; ``FAULTS_SEED`` repeats a run."""
    return variables.FAULTS_SEED.read()


def _objects(cluster: Cluster) -> set[str]:
    """Return ``Kind/name`` of cluster-scoped objects, objects in ``default``, and all Pods."""
    found = {f"Pod/{one['metadata']['name']}" for one in cluster.api.items("/api/v1/pods")}
    for version in cluster.api.group_versions():
        for resource in cluster.api.resources(version):
            kind = resource["kind"]
            if "list" not in resource["verbs"] or kind in COMES_AND_GOES:
                continue
            place = "/namespaces/default" if resource["namespaced"] else ""
            items = cluster.api.items(f"{resource['root']}{place}/{resource['name']}")
            found |= {f"{kind}/{one['metadata']['name']}" for one in items}
    return found


def make_dirty(cluster: Cluster, chance: random.Random) -> list[str]:
    """Make three or more random changes; return the texts that the drift report must have."""
    kinds = chance.sample(list(DIRT), k=chance.randint(3, len(DIRT)))
    nodes = cluster.api.items("/api/v1/nodes")
    ready = {one["metadata"]["name"] for one in nodes if podstate.is_ready(one)}
    workers = [
        name for name in cluster.workers() if name in ready
    ]  # a task may begin with a dead one
    chance.shuffle(workers)
    expected = []
    for kind in sorted(kinds, key=list(DIRT).index):
        expected += DIRT[kind](workers, chance)
    return expected


def conditions_hold(cluster: Cluster, expected: list[str]) -> bool:
    """Whether the conditions that ``make_dirty`` set are still True.

    A node that missed a lease on a busy machine is joined anew by kwok, which writes them all.
    """
    nodes = cluster.api.items("/api/v1/nodes")
    true = {c["type"] for n in nodes for c in n["status"]["conditions"] if c["status"] == "True"}
    return {words.split()[1] for words in expected if words.startswith("condition ")} <= true


def _labels(workers: list[str], chance: random.Random) -> list[str]:
    node = chance.choice(workers[:2])  # the third one may be removed
    zone = "topology.kubernetes.io/zone"
    label(node, dirt=str(chance.randint(0, 9)), disk=None, **{zone: "nowhere"})
    return [f"{node}: ", "label dirt taken off", "label disk put back", f"label {zone} put back"]


def _taints(workers: list[str], chance: random.Random) -> list[str]:
    effect = chance.choice(["NoSchedule", "NoExecute", "PreferNoSchedule"])
    taint(workers[1], f"dirt=1:{effect}")
    return [f"{workers[1]}: ", f"taint dirt=1:{effect} taken off"]


def _resource(workers: list[str], chance: random.Random) -> list[str]:
    gpus = {"example.com/gpu": str(chance.randint(1, 8))}
    patch = json.dumps({"status": {"capacity": gpus, "allocatable": gpus}})
    kubectl(f"patch node {workers[0]} --subresource=status --type=merge --patch", patch)
    return [f"{workers[0]}: ", "resource example.com/gpu taken off"]


def _conditions(workers: list[str], chance: random.Random) -> list[str]:
    set_network_unavailable(workers[1], status=True)
    what, condition = chance.choice(list(CONDITIONS.items()))
    set_pressure(workers[0], what, status=True)
    conditions = [f"condition {one} put right" for one in ("NetworkUnavailable", condition)]
    return [f"{workers[1]}: ", f"{workers[0]}: ", *conditions]


def _control_plane(_: list[str], __: random.Random) -> list[str]:
    kubectl("taint node --selector=node-role.kubernetes.io/control-plane", CONTROL_PLANE + "-")
    return [f"taint {CONTROL_PLANE} put back"]


def _cordon(workers: list[str], _: random.Random) -> list[str]:
    cordon(workers[0])
    return [f"{workers[0]}: ", "uncordoned"]


def _extra(_: list[str], chance: random.Random) -> list[str]:
    return [f"{name}: node removed" for name in add_node(count=chance.randint(1, 5))]


def _removed(workers: list[str], _: random.Random) -> list[str]:
    remove_node(workers[2])
    return [f"{workers[2]}: node added"]


def _broken(workers: list[str], chance: random.Random) -> list[str]:
    if chance.random() < 0.7:
        break_node(workers[1], "not ready")
        return [f"{workers[1]}: ", "kubelet repaired"]
    break_node(workers[1])  # takes the grace period
    return [f"{workers[1]}: ", "label course.daemonset.example/kubelet put back"]


def _namespace(_: list[str], chance: random.Random) -> list[str]:
    name = f"dirt-{chance.randint(0, 99)}"
    kubectl("create namespace", name)
    apply(_config_map("stuck", STUCK), namespace=name)
    apply(daemonset("agent"), namespace=name)
    if chance.random() < 0.7:
        kubectl("delete namespace --wait=false", name)
    return [f"Namespace/{name} removed"]


def _cluster_scoped(_: list[str], chance: random.Random) -> list[str]:
    value = chance.randint(1, 1000)
    priority = {"metadata": {"name": "dirt"}, "value": value}
    apply({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"} | priority)
    kubectl("create clusterrole dirt --verb=get --resource=pods")
    kubectl("create clusterrolebinding dirt --clusterrole=dirt --serviceaccount=default:default")
    spec = {
        "capacity": {"storage": "1Mi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/tmp/dirt"},
    }
    metadata = {"name": "dirt"}
    apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
    kinds = ("PriorityClass", "ClusterRole", "ClusterRoleBinding", "PersistentVolume")
    return [f"{kind}/dirt removed" for kind in kinds]


def _orphans(_: list[str], __: random.Random) -> list[str]:
    apply(daemonset("orphan"))
    kubectl("wait --for=create controllerrevision --selector=app=orphan --timeout=30s")
    kubectl("delete daemonset orphan --cascade=orphan")
    return ["ControllerRevision/orphan-"]


def _in_default(_: list[str], chance: random.Random) -> list[str]:
    names = ("one", "two")[: chance.randint(1, 2)]
    for name in names:
        made = daemonset(name)
        if name == "two":  # pods that nobody lets go
            made["spec"]["template"]["metadata"]["finalizers"] = STUCK
        apply(made)
    apply(_config_map("dirt", STUCK))
    kubectl("create poddisruptionbudget dirt --selector=app=one --min-available=1")
    kubectl("run bare --image=registry.k8s.io/pause:3.10")
    found = [f"DaemonSet/{name}" for name in names]
    found += ["ConfigMap/dirt", "PodDisruptionBudget/dirt", "Pod/bare"]
    return [f"{title} in default removed" for title in found]


def _config_map(name: str, finalizers: list[str]) -> dict[str, Any]:
    metadata = {"name": name, "finalizers": finalizers}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


CONTROL_PLANE = "node-role.kubernetes.io/control-plane:NoSchedule"
DIRT = {
    "labels": _labels,
    "taints": _taints,
    "resource": _resource,
    "conditions": _conditions,
    "control plane": _control_plane,
    "cordon": _cordon,
    "namespace": _namespace,
    "cluster-scoped": _cluster_scoped,
    "default": _in_default,
    "orphans": _orphans,
    "broken": _broken,
    "extra": _extra,
    "removed": _removed,
}
