"""``up`` and ``down`` at any moment: interrupted, twice at once, with files gone, with a foreigner.

These clusters live in state folders of their own; each process of them has its folder's path on
its command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from daemonset_course.cluster import leases
from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.cluster.embedded.embedded_backend import KUBELETS, PROCESSES, Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.readiness import has_joined
from daemonset_course.errors import NotRunning
from daemonset_course.verbs.kubectl import kubectl
from live.scenes import PACE, course, eventually, processes, servers

pytestmark = pytest.mark.only(
    "embedded", "it kills processes; test_kind.py has the same for containers"
)

UP = f"c = up(pace={PACE}); print(c.state.id, len(c.nodes()))"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A state folder of the test's own; no process outlives the test."""
    path = tmp_path / "home"
    monkeypatch.setenv("COURSE_HOME", str(path))
    monkeypatch.setenv("COURSE_CLUSTER", "own")
    yield path
    for name in cluster.names():
        cluster.down(name)
    assert processes(path) == []


def healthy(one: Cluster) -> None:
    """Each component runs once, all nodes are Ready, and kubectl works."""
    assert [name for name, _ in servers(one.backend.directory)] == sorted(PROCESSES)
    # a node that was Ready may miss a lease on a busy machine
    eventually(lambda: all(has_joined(node) for node in one.api.items("/api/v1/nodes")))
    assert len(kubectl("get nodes -o name").split()) == 4


def test_up_is_private_and_listens_on_this_machine_only(own: Cluster) -> None:
    backend = own.backend
    assert isinstance(backend, Embedded)
    healthy(own)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (backend.directory, backend.kubeconfig)}
    listening = [
        (component, connection.laddr.ip)
        for component in PROCESSES
        if (process := backend.process(component))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert modes == {backend.directory: 0o700, backend.kubeconfig: 0o600}
    assert {component for component, _ in listening} == set(PROCESSES)
    assert {address for _, address in listening} == {"127.0.0.1"}
    assert cluster.up("own").state == own.state  # a second `up` finds it as it is


def test_down_removes_every_process_and_file(folder: Path) -> None:
    cluster.up(pace=PACE)
    assert len(processes(folder)) == len(PROCESSES)

    assert cluster.down() is True

    assert processes(folder) == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert cluster.down() is False
    with pytest.raises(NotRunning, match="is not up"):
        cluster.current()


def test_killed_components_are_started_again(own: Cluster) -> None:
    backend = own.backend
    assert isinstance(backend, Embedded)
    for component in ("kube-controller-manager", "kwok-controller", "etcd"):
        process = backend.process(component)
        assert process is not None
        process.kill()
    eventually(lambda: len(backend.dead_components()) >= 3)

    again = cluster.up("own")

    assert again.state.id == own.state.id
    eventually(lambda: all(has_joined(n) for n in again.api.items("/api/v1/nodes")))
    healthy(again)


def test_kwok_is_started_again_when_it_renews_no_lease_any_more(
    own: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = own.backend
    assert isinstance(backend, Embedded)
    before = backend.process(KUBELETS)
    monkeypatch.setattr(leases, "renewals_stopped", lambda _: True)

    again = cluster.up("own")

    assert again.state.id == own.state.id
    assert before is not None
    assert backend.process(KUBELETS) not in (None, before)
    healthy(again)


def test_up_repairs_a_folder_that_lost_a_part(folder: Path) -> None:
    one = cluster.up(pace=PACE)
    for lost in ("bin", "kubeconfig", "kwok", "cluster.json"):
        path = folder / "clusters" / "own" / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink()

        one = cluster.up(pace=PACE)

        healthy(one)


def test_up_interrupted_at_any_moment_can_be_run_again(folder: Path) -> None:
    sockets = folder / "clusters" / "own"
    moments = [
        lambda: sockets.exists(),
        lambda: (sockets / "kwokctl.yaml").exists(),
        lambda: any(sockets.glob("kwok/clusters/own/pids/etcd.pid")),
        lambda: any(sockets.glob("kwok/clusters/own/pids/kube-apiserver.pid")),
        lambda: len(list(sockets.glob("kwok/clusters/own/pids/*.pid"))) == len(PROCESSES),
        lambda: (sockets / "kubeconfig").exists(),
    ]
    for number, moment in enumerate(moments):
        process = course(UP, folder)
        eventually(moment)
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode != 0, f"moment {number} came too late"

    one = cluster.up(pace=PACE)

    # The node controller may still set a taint for the time in which the kubelets were dead.
    eventually(lambda: all(has_joined(n) for n in one.api.items("/api/v1/nodes")))
    healthy(one)
    assert cluster.down()


def test_two_at_once(folder: Path) -> None:
    both = [course(UP, folder), course(UP, folder), course(UP, folder, COURSE_CLUSTER="other")]
    said = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0, 0], said
    ids = [out.split() for out, _ in said]
    assert ids[0] == ids[1]
    assert ids[2][0] != ids[0][0]
    assert [nodes for _, nodes in ids] == ["4", "4", "4"]
    assert len(processes(folder)) == 2 * len(PROCESSES)
    assert cluster.names() == ["other", "own"]
    assert os.environ["COURSE_CLUSTER"] == "own"
