"""A DaemonSet in the place of a deleted one with the same name and template."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

REVISIONS = "/apis/apps/v1/namespaces/default/controllerrevisions"
HOLD = {"metadata": {"finalizers": ["course.daemonset.example/hold"]}}


@pytest.fixture(autouse=True)
def fresh(live_cluster: Cluster) -> Iterator[None]:
    reset(live_cluster.name)
    yield
    reset(live_cluster.name)


def test_a_rollout_ends_though_its_revision_still_belongs_to_the_deleted_one(
    live_cluster: Cluster,
) -> None:
    api = live_cluster.api
    apply(daemonset("namesake"))
    wait_rollout("namesake")
    (revision,) = [
        item["metadata"]["name"]
        for item in api.items(REVISIONS)
        if item["metadata"]["name"].startswith("namesake-")
    ]
    api.merge(f"{REVISIONS}/{revision}", HOLD)
    kubectl("delete daemonset namesake")
    kubectl("wait --for=delete pod -l app=namesake --timeout=30s")
    apply(daemonset("namesake"))
    kubectl("wait --for=jsonpath={.status.numberAvailable}=3 daemonset/namesake --timeout=30s")

    assert wait_rollout("namesake", timeout=10).ready == 3

    api.merge(f"{REVISIONS}/{revision}", {"metadata": {"finalizers": None}})
    assert wait_rollout("namesake", timeout=10).ready == 3
