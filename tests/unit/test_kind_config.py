from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from daemonset_course.binaries.pinned import versions
from daemonset_course.cluster import topology
from daemonset_course.cluster.backend import choose, image_of
from daemonset_course.cluster.kind import kind_config
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.cluster.kind.kind_config import configuration, node_image
from daemonset_course.errors import BadInput, CommandFailed
from daemonset_course.progress import Lines


def made(**given: Any) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(configuration("c", **{"port": None, "cgroup": 2} | given))
    return made


def patches(config: dict[str, Any]) -> dict[str, Any]:
    return {p["kind"]: p for p in map(yaml.safe_load, config["kubeadmConfigPatches"])}


def test_the_nodes_are_those_of_the_one_description() -> None:
    described = yaml.safe_load(topology.config_file().read_text())

    assert made()["nodes"] == described["nodes"]
    assert made()["name"] == "c"


def test_it_listens_on_this_machine_only() -> None:
    assert made()["networking"] == {"apiServerAddress": "127.0.0.1"}
    assert made(port=7001)["networking"]["apiServerPort"] == 7001


def test_an_address_in_the_file_does_not_open_the_api_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"kind": "Cluster", "networking": {"apiServerAddress": "0.0.0.0", "podSubnet": "x"}}
    (tmp_path / "kind.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("COURSE_CONFIG", str(tmp_path / "kind.yaml"))

    assert made()["networking"] == {"apiServerAddress": "127.0.0.1", "podSubnet": "x"}


def test_a_kubelet_renews_its_lease_in_time_for_the_node_controller() -> None:
    found = patches(made())
    manager = found["ClusterConfiguration"]["controllerManager"]["extraArgs"]
    lease = found["KubeletConfiguration"]["nodeLeaseDurationSeconds"]

    # a kubelet renews four times in the lease's length: pkg/kubelet/kubelet.go
    assert lease / 4 < kind_config.GRACE / 2
    assert manager["node-monitor-grace-period"] == f"{kind_config.GRACE}s"


def test_only_on_cgroup_v1_the_kubelet_is_configured_to_accept_it() -> None:
    assert "failCgroupV1" not in patches(made())["KubeletConfiguration"]
    assert patches(made(cgroup=1))["KubeletConfiguration"]["failCgroupV1"] is False


def test_the_node_image_is_pinned_by_digest_and_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COURSE_IMAGE", raising=False)
    assert "@sha256:" in node_image(None)
    for version in versions():
        minor = version.rpartition(".")[0]
        assert f":{minor}." in node_image(minor.removeprefix("v"))
        assert f":{minor}." in node_image(f"{minor}.90")
    with pytest.raises(BadInput, match=r"1\.12"):
        node_image("1.12")
    monkeypatch.setenv("COURSE_IMAGE", "my/node:1")
    assert node_image(None) == "my/node:1"


def test_an_image_is_for_kind_only() -> None:
    assert image_of("kind", "my/node:1", None) == "my/node:1"
    assert image_of("embedded", None, None) == ""
    with pytest.raises(BadInput, match="kind backend"):
        image_of("embedded", "my/node:1", None)


class RecordingReport(Lines):
    """A report that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        super().__init__()

    def done(self, text: str) -> None:
        self.lines.append(text)


def test_kind_is_chosen_when_an_engine_answers_and_has_the_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COURSE_BACKEND", raising=False)
    found = Engine("docker", "28.1.0", cgroup=2, rootless=False)
    monkeypatch.setattr(Engine, "bring", lambda *_: None)
    for answers, backend in ((found, "kind"), (None, "embedded")):
        monkeypatch.setattr("daemonset_course.cluster.backend.find_engine", lambda a=answers: a)
        assert choose(None, None, RecordingReport()) == backend
    assert choose("kind", None, RecordingReport()) == "kind"
    monkeypatch.setenv("COURSE_BACKEND", "kind")
    assert choose(None, None, RecordingReport()) == "kind"
    with pytest.raises(BadInput, match="minikube"):
        choose("minikube", None, RecordingReport())


def test_without_its_image_kind_is_not_chosen_and_the_reason_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise CommandFailed("docker pull failed.", seen="no such host")

    monkeypatch.delenv("COURSE_BACKEND", raising=False)
    found = Engine("docker", "28.1.0", cgroup=2, rootless=False)
    monkeypatch.setattr("daemonset_course.cluster.backend.find_engine", lambda: found)
    monkeypatch.setattr(Engine, "bring", fails)
    report = RecordingReport()

    assert choose(None, None, report) == "embedded"
    assert "no such host" in report.lines[-1]
    assert "--image" in report.lines[-1]
