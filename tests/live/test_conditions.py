"""Conditions that a lesson sets on a node, and the taints that follow them."""

from __future__ import annotations

import pytest

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput
from daemonset_course.verbs.conditions import (
    pressure,
    set_network_unavailable,
    set_pressure,
    without_network,
)
from daemonset_course.verbs.kubectl import kubectl


def test_a_node_without_a_network_has_the_taint_until_it_has_one(live_cluster: Cluster) -> None:
    worker = live_cluster.workers()[0]
    taints = f"get node {worker} -o jsonpath={{.spec.taints[*].key}}"

    set_network_unavailable(worker, status=True)
    assert "node.kubernetes.io/network-unavailable" in kubectl(taints)

    set_network_unavailable(worker, status=False)
    assert "node.kubernetes.io/network-unavailable" not in kubectl(taints)


@pytest.mark.only("embedded", "on kind the kubelets are real")
def test_pressure_is_refused_where_kubelets_are_simulated(live_cluster: Cluster) -> None:
    with (
        pytest.raises(BadInput, match="real nodes: what a kubelet measures"),
        pressure({live_cluster.workers()[0]: "disk"}),
    ):
        pass


@pytest.mark.only("embedded", "on kind the nodes are real")
def test_a_network_plugin_is_not_taken_from_a_simulated_node(live_cluster: Cluster) -> None:
    with (
        pytest.raises(BadInput, match="real nodes: a network plugin"),
        without_network(live_cluster.workers()[0]),
    ):
        pass


@pytest.mark.only("embedded", "on kind the nodes are real")
def test_a_simulated_node_says_that_it_is_short_and_its_taint_follows(
    live_cluster: Cluster,
) -> None:
    worker = live_cluster.workers()[0]
    taints = f"get node {worker} -o jsonpath={{.spec.taints[*].key}}"

    set_pressure(worker, "disk", status=True)
    assert "node.kubernetes.io/disk-pressure" in kubectl(taints)

    set_pressure(worker, "disk", status=False)
    assert "node.kubernetes.io/disk-pressure" not in kubectl(taints)


def test_a_node_says_nothing_about_what_it_cannot_be_short_of(live_cluster: Cluster) -> None:
    with pytest.raises(BadInput, match="no pressure condition for 'luck'"):
        set_pressure(live_cluster.workers()[0], "luck", status=True)  # type: ignore[arg-type]


@pytest.mark.only("kind", "there a kubelet measures")
def test_a_real_node_says_itself_what_it_is_short_of(live_cluster: Cluster) -> None:
    with pytest.raises(BadInput, match="has a real kubelet"):
        set_pressure(live_cluster.workers()[0], "disk", status=True)
