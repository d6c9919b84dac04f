"""The scheduler and the controller manager, stopped and started alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded.embedded_backend import PROCESSES, Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput, CourseError, NotFinished
from daemonset_course.recording import record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.control_plane import start_component, stop_component
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import label
from daemonset_course.verbs.queue_adds import count_queue_adds
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset, eventually
from live.test_cli import course

MANAGER = "kube-controller-manager"
STALL = 15.0  # seconds: a leader that cannot renew its lease gives up after 10
NEXT = {"image": "registry.k8s.io/pause:3.9"}


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
    counts = count_queue_adds(
        {
            "annotation": lambda: kubectl(f"annotate node {node} turn=1"),
            "label": lambda: label(node, turn="1"),
        }
    )
    assert counts == {"annotation": 0, "label": 1}
    assert kubectl("get daemonsets -o name") == ""


def processes(cluster: Cluster) -> dict[str, psutil.Process]:
    """The process of each component that has one."""
    assert isinstance(cluster.backend, Embedded)
    found = {component: cluster.backend.process(component) for component in PROCESSES}
    return {component: process for component, process in found.items() if process}


@contextmanager
def suspended(*stalled: psutil.Process) -> Iterator[None]:
    """Stall these processes while the block runs."""
    try:
        for process in stalled:
            process.suspend()
        yield
    finally:
        for process in stalled:
            process.resume()


@pytest.mark.only("embedded", "it suspends processes")
def test_the_control_plane_outlives_a_stall_of_the_api_server(fresh: Cluster) -> None:
    apply(daemonset("agent"))
    wait_rollout("agent")
    before = processes(fresh)
    with record("agent") as rollout:
        with suspended(before["kube-apiserver"]):
            status = course("status")
            eventually(lambda: rollout.elapsed > STALL)
        apply(daemonset("agent", NEXT))
        assert wait_rollout("agent").updated == 3

    assert status.returncode == 1
    assert "kube-apiserver is suspended" in status.stdout.splitlines()[0]
    assert processes(fresh) == before, "no component ended, and none was started again"
    assert rollout.caption.startswith("kube-apiserver was suspended from ")
    assert course("status").returncode == 0


@pytest.mark.only("embedded", "it kills a process")
def test_a_dead_component_is_said_first_everywhere_and_up_starts_it_again(fresh: Cluster) -> None:
    apply(daemonset("agent"))
    wait_rollout("agent")
    with record("agent") as rollout:
        processes(fresh)[MANAGER].kill()
        apply(daemonset("agent", NEXT))
        with pytest.raises(NotFinished) as late:
            wait_rollout("agent", timeout=1)
        eventually(lambda: rollout.caption.startswith(f"{MANAGER} has ended"))
        caption = rollout.caption
        status, data = course("status"), course("status", "--json")
        up = course("up")
        wait_rollout("agent")

    cure = f"course up --name {fresh.name}"
    assert late.value.failed.startswith(f"{MANAGER} has ended")
    assert "not within 1 s" in late.value.seen
    assert cure in late.value.next_step
    assert cure in caption
    assert f"{MANAGER} has ended" in status.stdout.splitlines()[0]
    assert cure in status.stdout
    assert json.loads(data.stdout)["down"] == {MANAGER: "ended"}
    assert status.returncode == data.returncode == 1
    assert f"Started again: {MANAGER}" in up.stdout + up.stderr
    assert rollout.caption.startswith(f"{MANAGER} did not run from ")
    assert course("status").returncode == 0


@pytest.mark.usefixtures("live_cluster")
def test_what_was_stopped_on_purpose_is_not_said_to_have_ended() -> None:
    with record("agent") as rollout:
        stop_component(MANAGER)
        apply(daemonset("agent"))
        with pytest.raises(NotFinished) as late:
            wait_rollout("agent", timeout=1)
        eventually(lambda: rollout.caption.startswith(f"{MANAGER} was stopped on purpose"))
        status = course("status")
        start_component(MANAGER)
        wait_rollout("agent")

    assert late.value.failed == f"{MANAGER} was stopped on purpose."
    assert f'start_component("{MANAGER}")' in late.value.next_step
    assert f"{MANAGER} was stopped on purpose" in status.stdout.splitlines()[0]
    assert status.returncode == 1
    assert rollout.caption.startswith(f"{MANAGER} was stopped from ")


@pytest.mark.only("embedded", "it suspends processes")
def test_up_resumes_what_was_suspended(fresh: Cluster) -> None:
    stalled = processes(fresh)
    with suspended(*stalled.values()):
        output = course("up")

        assert output.returncode == 0, output.stderr
        assert f"Started again: {', '.join(PROCESSES)}" in output.stdout + output.stderr
        assert fresh.backend.down_components() == []
    assert processes(fresh) == stalled
