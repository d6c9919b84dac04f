"""The scheduler and the controller manager, stopped and started alone."""

from __future__ import annotations

import pytest

from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.components import start_component, stop_component
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset


@pytest.fixture(autouse=True)
def fresh(live_cluster: Cluster) -> Cluster:
    reset(live_cluster.name, workers=3)
    return live_cluster


def test_without_the_scheduler_pods_exist_and_wait(fresh: Cluster) -> None:
    stop_component("kube-scheduler")
    assert fresh.backend.dead_components() == ["kube-scheduler"]
    apply(daemonset("waiting"))
    kubectl(
        "wait --for=jsonpath={.status.currentNumberScheduled}=3 daemonset/waiting --timeout=30s"
    )
    assert kubectl("get pods -l app=waiting -o jsonpath={.items[*].spec.nodeName}") == ""

    start_component("kube-scheduler")
    assert wait_rollout("waiting").ready == 3
    assert fresh.backend.dead_components() == []


def test_without_the_controller_manager_nothing_is_created(fresh: Cluster) -> None:
    stop_component("kube-controller-manager")
    apply(daemonset("ignored"))
    assert kubectl("get daemonset ignored -o jsonpath={.status.observedGeneration}") in ("", "0")

    report = reset(fresh.name)
    assert "kube-controller-manager: put right" in report.changes


@pytest.mark.usefixtures("live_cluster")
def test_other_parts_are_refused() -> None:
    with pytest.raises(BadInput, match="kube-scheduler"):
        stop_component("etcd")
