"""``reset``: from anything a lesson can leave behind to the cluster right after ``up``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemonset_course.cluster import fingerprint
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.readiness import has_joined
from daemonset_course.cluster.reset import PODS, Fleet, reset
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import NotFinished
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.conditions import set_network_unavailable
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, break_node, cordon, label, remove_node, taint
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

REPLICASETS = "/apis/apps/v1/namespaces/default/replicasets"
LEFT_BEHIND = """
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: node-reader}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: agents}
value: 1000
---
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/nobody-serves-this]}
"""


def seen(cluster: Cluster) -> dict[str, object]:
    """All that a lesson could have changed."""
    nodes = cluster.api.items("/api/v1/nodes")
    specs = {spec.name: spec for spec in cluster.backend.specs()}
    return {
        "cluster-scoped": fingerprint.cluster_scoped(cluster.api),
        "objects": fingerprint.objects_created_since_up(cluster.api, cluster.state.baseline),
        "pods": [
            p["metadata"]["name"] for p in cluster.api.items("/api/v1/namespaces/default/pods")
        ],
        "namespaces": {n["metadata"]["name"] for n in cluster.api.items("/api/v1/namespaces")},
        "nodes": {
            node["metadata"]["name"]: (
                {k: v for k, v in node["metadata"]["labels"].items() if "kwok" not in k},
                [(t["key"], t["effect"]) for t in node["spec"].get("taints", [])],
                node["spec"].get("unschedulable", False),
                has_joined(node),
                {one["type"]: one["status"] for one in node["status"]["conditions"]},
                fingerprint.node_drift(node, specs[node["metadata"]["name"]])[0],
            )
            for node in nodes
        },
    }


@pytest.fixture(scope="module")
def dirt(live_cluster: Cluster) -> Iterator[tuple[dict[str, object], Fleet, dict[str, object]]]:
    """(what the fresh cluster was like, what reset said of a dirty one, what it is like now)."""
    reset(live_cluster.name)
    fresh = seen(live_cluster)
    first, second, third = live_cluster.workers()
    added = add_node()[0]
    apply(LEFT_BEHIND)
    for namespace in ("default", "monitoring"):
        apply(daemonset("agent"), namespace=namespace)
        wait_rollout("agent", namespace=namespace)
    label(first, disk="floppy", gpu="yes", **{"topology.kubernetes.io/zone": None})
    taint(first, "maintenance=now:NoSchedule", "node.kubernetes.io/out-of-service=off:NoExecute")
    cordon(first)
    set_network_unavailable(first, status=True)
    break_node(second, "not ready")
    break_node(added)  # a dead one with pods on it
    kubectl("delete pods --all --wait=false")
    remove_node(third)
    yield fresh, reset(live_cluster.name), seen(live_cluster)
    reset(live_cluster.name)


Dirt = tuple[dict[str, object], Fleet, dict[str, object]]


def test_after_a_reset_no_event_is_about_what_was_there_before(live_cluster: Cluster) -> None:
    apply(daemonset("agent"))
    wait_rollout("agent")
    assert "SuccessfulCreate" in kubectl("get events --field-selector involvedObject.name=agent")

    reset(live_cluster.name)

    assert "event" not in kubectl("get events -o name --field-selector involvedObject.name=agent")


def test_the_cluster_is_as_it_was(dirt: Dirt) -> None:
    fresh, _, now = dirt

    assert fresh["objects"] == fresh["pods"] == []
    assert now == fresh


def test_the_drift_report_names_each_change(dirt: Dirt, live_cluster: Cluster) -> None:
    _, fleet, _ = dirt
    name = live_cluster.name
    said = str(fleet)
    real = live_cluster.state.backend == "kind"

    for words in (
        "DaemonSet/agent in default removed",
        "ConfigMap/held in default removed",
        "Namespace/monitoring removed",
        "ClusterRole/node-reader removed",
        "PriorityClass/agents removed",
        f"{name}-worker4: node removed",
        f"{name}-worker3: node added",
        "label disk",
        "label gpu",
        "label topology.kubernetes.io/zone",
        "taint maintenance=now:NoSchedule",
        "taint node.kubernetes.io/out-of-service=off:NoExecute",
        "cordon",
        "condition NetworkUnavailable put right",
        f"containerd on {name}-worker2: put right" if real else f"{name}-worker2: kubelet repaired",
    ):
        assert words in said
    assert fleet.workers == tuple(f"{name}-worker{i}" for i in ("", 2, 3))


@pytest.mark.usefixtures("dirt")
def test_a_second_reset_has_nothing_to_say(live_cluster: Cluster) -> None:
    again = reset(live_cluster.name)

    assert again.changes == ()
    assert "nothing: it was fresh" in str(again)


@pytest.mark.usefixtures("dirt")
def test_a_dead_node_is_revived_and_another_number_of_workers_made(live_cluster: Cluster) -> None:
    dead = live_cluster.workers()[0]
    break_node(dead)

    more = reset(live_cluster.name, workers=5)

    name = live_cluster.name
    assert len(more.workers) == 5
    assert f"{name}-worker4 … {name}-worker5: node added" in str(more)
    assert any(line.startswith(f"{dead}: ") for line in more.changes)
    assert all(has_joined(node) for node in live_cluster.api.items("/api/v1/nodes"))
    assert len(reset(live_cluster.name).workers) == 3


def test_no_pod_comes_back_when_the_garbage_collector_is_behind(live_cluster: Cluster) -> None:
    api = live_cluster.api
    web = daemonset("web")
    web["kind"], web["spec"]["replicas"] = "Deployment", 6
    apply(web)
    kubectl("rollout status deployment/web --timeout=60s")
    _keep_garbage_collector_busy(live_cluster)
    kubectl("delete deployment web")
    assert api.items(REPLICASETS), "the collector was not behind: this test shows nothing"

    reset()
    assert api.items(REPLICASETS) == api.items(PODS) == []
    with pytest.raises(NotFinished):
        wait_for(api, PODS, bool, what="a pod", explain=str, timeout=2)


def _keep_garbage_collector_busy(cluster: Cluster) -> None:
    """Give the collector several seconds of requests, at the rate that it may send them."""
    root = "/api/v1/namespaces/default/configmaps"
    owner = cluster.api.request("POST", root, {"metadata": {"name": "owner"}})["metadata"]
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}

    def make(number: int) -> None:
        metadata = {"name": f"owned-{number}", "ownerReferences": [mine]}
        cluster.api.request("POST", root, {"metadata": metadata})

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(make, range(250)))
    cluster.api.delete(f"{root}/owner", propagationPolicy="Background")
