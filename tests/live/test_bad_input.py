"""What a learner can get wrong around a cluster: each is refused, and nothing is touched."""

from __future__ import annotations

import shutil
import socket
import struct
from pathlib import Path

import pytest

from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.cluster import marker
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput, NotOurs
from live.scenes import PACE, processes

pytestmark = pytest.mark.only("embedded", "it makes many clusters that must not start")


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CLUSTER", "own")
    return tmp_path


def test_a_taken_port(empty: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"Port {port} on 127.0.0.1 cannot be used"):
            cluster.up(pace=PACE, port=port)

    assert processes(empty) == []
    assert cluster.names() == []


def test_programs_of_another_machine(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = empty / "programs"
    programs.mkdir()
    foreign = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, 243)  # RISC-V
    (programs / "etcd").write_bytes(foreign + bytes(100))
    (programs / "etcd").chmod(0o755)
    monkeypatch.setenv("COURSE_BINARIES", str(programs))

    with pytest.raises(BadInput, match="cannot serve as etcd"):
        cluster.up(pace=PACE)

    assert cluster.names() == []


@pytest.mark.parametrize("name", ["Capital", "-dash", "a/b", "..", "a" * 31])
@pytest.mark.usefixtures("empty")
def test_a_name_that_cannot_be_used(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be the name"):
        cluster.up(name)
    with pytest.raises(BadInput, match="cannot be the name"):
        cluster.down(name)


@pytest.mark.parametrize(
    "wrong", [{"backend": "minikube"}, {"pace": 0.0}, {"pace": 99.0}, {"kubernetes": "latest"}]
)
def test_a_setting_that_cannot_be_used(empty: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        cluster.up(**wrong)  # type: ignore[arg-type]

    assert processes(empty) == []
    assert cluster.names() == []


def test_other_settings_than_those_of_the_running_cluster(live_cluster: Cluster) -> None:
    with pytest.raises(BadInput, match="up with other settings") as caught:
        cluster.up(live_cluster.name, pace=PACE * 2)

    assert caught.value.seen == f"pace {PACE}"
    assert live_cluster.api.get("/version")


def test_a_server_on_another_machine_is_not_even_asked(tmp_path: Path) -> None:
    foreign = Path.home() / ".kube" / "config"  # server 10.9.8.7

    with pytest.raises(NotOurs, match="nothing was touched") as caught:
        marker.require_marker(foreign, "id")

    assert "10.9.8.7" in caught.value.seen
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_kubeconfig_and_a_lost_marker(own: Cluster, live_cluster: Cluster) -> None:
    config = own.backend.kubeconfig
    kept = config.read_bytes()
    before = versions(live_cluster.api)

    shutil.copy(live_cluster.backend.kubeconfig, config)
    cluster._clusters.clear()  # as in a new process
    for act in (cluster.current, cluster.up):
        with pytest.raises(NotOurs, match="nothing was touched"):
            act("own")
    assert versions(live_cluster.api) == before

    config.write_bytes(kept)
    own.api.delete(marker.MARKER)
    before = versions(own.api)
    cluster._clusters.clear()
    for act in (cluster.current, cluster.up):
        with pytest.raises(NotOurs, match="marker"):
            act("own")
    assert versions(own.api) == before


def versions(api: Api) -> dict[str, str]:
    """The version of each node and ConfigMap: what the course would touch first."""
    paths = ("/api/v1/nodes", "/api/v1/configmaps", "/api/v1/namespaces")
    found = [item["metadata"] for path in paths for item in api.items(path)]
    return {meta["uid"]: meta["resourceVersion"] for meta in found}
