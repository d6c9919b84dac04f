"""The verbs of a lesson on a real API server: apply, kubectl, the nodes, and the wait."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import Fleet, reset
from daemonset_course.errors import BadInput, CommandFailed, NotFinished, Rejected
from daemonset_course.verbs.apply import apply, rejected
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import (
    add_node,
    break_node,
    cordon,
    drain,
    label,
    recover_node,
    remove_node,
    taint,
)
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

DAEMONSETS = "/apis/apps/v1/namespaces/default/daemonsets"


@pytest.fixture(scope="module", autouse=True)
def fleet(live_cluster: Cluster) -> Iterator[Fleet]:
    yield reset(live_cluster.name)
    reset(live_cluster.name)


@pytest.fixture(scope="module")
def agent(fleet: Fleet) -> dict[str, Any]:
    """A DaemonSet that runs on every worker."""
    assert len(fleet.workers) == 3
    manifest = daemonset("agent")
    apply(manifest)
    wait_rollout("agent")
    return manifest


@pytest.fixture
def worker(fleet: Fleet, live_cluster: Cluster) -> Iterator[str]:
    yield fleet.workers[1]
    node = fleet.workers[1]
    cordon(node, undo=True)
    live_cluster.api.merge(f"/api/v1/nodes/{node}", {"spec": {"taints": None}})


def names(cluster: Cluster) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.api.items(DAEMONSETS)]


def test_a_second_apply_changes_nothing(agent: dict[str, Any]) -> None:
    first, second = apply(agent).objects[0], apply(yaml.safe_dump(agent)).objects[0]

    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert repr(apply(agent)) == "daemonset.apps/agent applied"


def test_a_file_and_a_dry_run(agent: dict[str, Any], tmp_path: Path, live_cluster: Cluster) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump_all([agent, daemonset("second")]))

    done = apply(file, dry_run=True)

    assert [o["metadata"]["name"] for o in done.objects] == ["agent", "second"]
    assert done.objects[1]["spec"]["updateStrategy"]["type"] == "RollingUpdate"  # completed
    assert repr(apply(str(file), dry_run=True)) == repr(done)
    assert "second" not in names(live_cluster)


def test_a_rejection_names_field_and_reason(capsys: Any) -> None:
    manifest = daemonset("refused")
    manifest["spec"]["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}

    with pytest.raises(Rejected) as caught:
        apply(manifest)
    with rejected("may not be set when maxUnavailable is non-zero"):
        apply(manifest)
    with pytest.raises(AssertionError, match="but not with"), rejected("no such words"):
        apply(manifest)

    [reason] = caught.value.reasons
    assert reason.field == "spec.updateStrategy.rollingUpdate.maxSurge"
    assert str(reason) in capsys.readouterr().out


def test_a_refusal_that_does_not_come_is_a_failure(live_cluster: Cluster) -> None:
    with pytest.raises(AssertionError, match="expected to refuse"), rejected("anything"):
        apply(daemonset(live_cluster.name), dry_run=True)


def test_an_unknown_field_is_refused(live_cluster: Cluster) -> None:
    manifest = daemonset("typo")
    manifest["spec"]["template"]["spec"]["tolerationz"] = []

    with pytest.raises(Rejected) as caught:
        apply(manifest)

    assert caught.value.reasons[0].field == "spec.template.spec.tolerationz"

    assert "typo" not in names(live_cluster)


def test_broken_yaml_names_the_line_and_nothing_is_applied(live_cluster: Cluster) -> None:
    good = yaml.safe_dump(daemonset("first"))
    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: {}\n"
    line = len(good.splitlines()) + 1 + 5

    with pytest.raises(BadInput, match=rf"Line {line} .*nothing was applied"):
        apply(f"{good}---\n{broken}")

    assert "first" not in names(live_cluster)


def test_an_unknown_kind_names_the_nearest_and_nothing_is_applied(live_cluster: Cluster) -> None:
    wrong = daemonset("second") | {"kind": "DeamonSet"}

    with pytest.raises(BadInput, match="Did you mean DaemonSet"):
        apply(yaml.safe_dump_all([daemonset("first"), wrong]))

    assert "first" not in names(live_cluster)


def test_a_namespace_that_is_not_there() -> None:
    with pytest.raises(Rejected, match='namespaces "monitoring" not found') as caught:
        apply(daemonset("agent"), namespace="monitoring")

    assert "namespace" in caught.value.next_step


def test_kubectl_fails_in_its_own_words() -> None:
    with pytest.raises(CommandFailed) as caught:
        kubectl("get daemonset nobody")

    assert caught.value.seen == ('Error from server (NotFound): daemonsets.apps "nobody" not found')


@pytest.mark.usefixtures("agent")
def test_labels_and_taints_move_the_pods(worker: str) -> None:
    label(worker, gpu="yes", disk=None)
    assert "gpu" in kubectl(f"get node {worker} --show-labels")
    assert "disk=" not in kubectl(f"get node {worker} --show-labels")
    label(worker, gpu=None, disk="hdd")

    taint(worker, "maintenance=now:NoExecute")
    assert wait_for_desired(2).ready == 2
    taint(worker, "maintenance-")
    assert wait_for_desired(3).ready == 3

    assert taint(worker, "maintenance-") == f"{worker}: maintenance was not there"
    with pytest.raises(CommandFailed, match="not found"):
        taint(worker, "maintenance-", "other=1:NoSchedule")


def wait_for_desired(count: int) -> Any:
    """The rollout's status once the controller wants ``count`` pods."""
    kubectl(f"wait daemonset/agent --for=jsonpath={{.status.desiredNumberScheduled}}={count}")
    return wait_rollout("agent")


@pytest.mark.usefixtures("agent")
def test_drain_spares_daemonset_pods_only_with_its_flag(worker: str, live_cluster: Cluster) -> None:
    with pytest.raises(CommandFailed, match="cannot delete DaemonSet-managed Pods"):
        drain(worker)
    assert "ignoring DaemonSet-managed Pods" in drain(worker, "--ignore-daemonsets")

    assert live_cluster.api.get(f"/api/v1/nodes/{worker}")["spec"]["unschedulable"] is True
    assert wait_rollout("agent").ready == 3
    assert "uncordoned" in cordon(worker, undo=True)


@pytest.mark.usefixtures("agent")
def test_a_wait_for_a_daemonset_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="no DaemonSet 'agnet'") as caught:
        wait_rollout("agnet")

    assert caught.value.seen == "found there: agent"


def test_a_wait_that_ends_names_each_node_and_its_reason(fleet: Fleet) -> None:
    apply(daemonset("stuck", {"image": "registry.invalid/a:1"}))
    kubectl("wait --for=jsonpath={.status.currentNumberScheduled}=3 daemonset/stuck --timeout=60s")
    path = "{.status.containerStatuses[0].state.waiting.message}"
    kubectl(f"wait --for=jsonpath={path} pod -l app=stuck --timeout=60s")

    with pytest.raises(NotFinished, match="rollout of stuck") as caught:
        wait_rollout("stuck", timeout=1.2)

    for node in fleet.workers:  # a real kubelet says ErrImagePull at its first try
        words = rf"{node}\b[^:]*: (ImagePullBackOff|ErrImagePull): .+"
        assert re.search(words, caught.value.seen), caught.value.seen
    kubectl("delete daemonset stuck")


@pytest.mark.usefixtures("agent")
def test_on_delete_is_not_waited_for() -> None:
    manifest = daemonset("agent", terminationGracePeriodSeconds=1)
    manifest["spec"]["updateStrategy"] = {"type": "OnDelete"}
    apply(manifest)

    with pytest.raises(NotFinished, match="update strategy is OnDelete") as caught:
        wait_rollout("agent", timeout=60)

    assert "nobody replaces the Pod" in caught.value.seen
    assert "Delete the Pods" in caught.value.next_step


def test_a_daemonset_that_is_deleted_ends_the_wait() -> None:
    apply(daemonset("brief", {"image": "registry.invalid/a:1"}))
    later = threading.Timer(1.0, lambda: kubectl("delete daemonset brief"))
    later.start()

    with pytest.raises(NotFinished, match="The DaemonSet brief was deleted during the wait"):
        wait_rollout("brief", timeout=60)

    later.join()


def test_a_wait_names_the_dead_node(agent: dict[str, Any], fleet: Fleet) -> None:
    dead = fleet.workers[2]
    break_node(dead)
    apply(daemonset("agent", tolerations=[{"operator": "Exists"}]))

    with pytest.raises(NotFinished) as caught:
        wait_rollout("agent", timeout=3)
    with pytest.raises(BadInput, match="it reports nothing"):
        break_node(dead, "not ready")

    recover_node(dead)
    assert f"{dead}: " in caught.value.seen
    assert wait_rollout("agent").updated == 4  # it tolerates the control plane's taint as well
    apply(agent)
    assert wait_rollout("agent").updated == 3


@pytest.mark.parametrize("timeout", [0.0, 0.01, 0.3])
@pytest.mark.usefixtures("agent")
def test_a_deadline_however_short_is_a_deadline(timeout: float) -> None:
    apply(daemonset("never", {"readinessProbe": {"exec": {"command": ["false"]}}}))

    with pytest.raises(NotFinished):
        wait_rollout("never", timeout=timeout)


# The last one: pods of nodes that are gone stay for 40 s, and would hold a rollout up.
@pytest.mark.usefixtures("agent")
def test_nodes_come_and_go(live_cluster: Cluster) -> None:
    added = add_node(count=2, disk="nvme")

    assert added == [f"{live_cluster.name}-worker4", f"{live_cluster.name}-worker5"]
    assert "nvme" in kubectl("get nodes -L disk", added[0])
    assert wait_for_desired(5).ready == 5
    assert remove_node(*added) == "2 nodes removed"
    assert set(added).isdisjoint(live_cluster.nodes())
    with pytest.raises(BadInput, match="no node") as caught:
        remove_node(added[0])
    assert f"{live_cluster.name}-worker3" in caught.value.seen
