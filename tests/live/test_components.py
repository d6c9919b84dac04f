"""The scheduler and the controller manager, stopped and started alone."""

from __future__ import annotations

import pytest

from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput, CourseError
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.components import start_component, stop_component
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import label
from daemonset_course.verbs.queued import queued
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


def test_components_tell_their_metrics_and_a_stopped_one_says_so(fresh: Cluster) -> None:
    assert "workqueue_adds_total" in fresh.backend.metrics("kube-controller-manager")
    stop_component("kube-controller-manager")
    with pytest.raises(CourseError, match="kube-controller-manager"):
        fresh.backend.metrics("kube-controller-manager")
    start_component("kube-controller-manager")


def test_the_controller_is_told_of_labels_and_not_of_annotations(fresh: Cluster) -> None:
    node = fresh.workers()[0]
    counts = queued(
        {
            "annotation": lambda: kubectl(f"annotate node {node} turn=1"),
            "label": lambda: label(node, turn="1"),
        }
    )
    assert counts == {"annotation": 0, "label": 1}
    assert kubectl("get daemonsets -o name") == ""
