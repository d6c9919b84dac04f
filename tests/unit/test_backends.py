"""What the two backends share: settings, links to programs; and kind's logs."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
import yaml

from daemonset_course import binaries
from daemonset_course.binaries import Binary
from daemonset_course.cluster.embedded import kwokctl
from daemonset_course.cluster.embedded.embedded_backend import Embedded
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.cluster.kind.kind_backend import Kind
from daemonset_course.cluster.kind.kind_config import configuration
from daemonset_course.cluster.timing import DISPLAY_NAMES, Settings
from daemonset_course.errors import CommandFailed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def test_settings_cannot_be_changed_and_each_has_a_name_for_readers() -> None:
    settings = Embedded("mine", kubernetes="v1.36.3", pace=0.5).settings

    assert settings == Settings(0.5, node_grace_seconds=10, node_monitor_seconds=1)
    assert set(DISPLAY_NAMES) == {field.name for field in fields(Settings)}
    assert settings.displayed()["node grace period (s)"] == 10
    with pytest.raises(FrozenInstanceError):
        settings.pace = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("pace", [0.01, 0.25, 1.0, 3.0])
def test_kwok_gets_the_settings_that_the_embedded_backend_reports(pace: float) -> None:
    settings = Embedded("mine", kubernetes="v1.36.3", pace=pace).settings
    text = kwokctl.configuration("mine", Path("/bin"), kubernetes="v1.36.3", pace=pace, port=None)
    patches = next(yaml.safe_load_all(text))["componentsPatches"]
    (manager,) = [one["extraArgs"] for one in patches if one["name"] == "kube-controller-manager"]
    arguments = {one["key"]: one["value"] for one in manager}

    assert arguments["node-monitor-grace-period"] == f"{settings.node_grace_seconds}s"
    assert arguments["node-monitor-period"] == f"{settings.node_monitor_seconds}s"
    assert arguments["kube-api-qps"] == str(settings.controller_requests_per_second)
    assert arguments["kube-api-burst"] == str(settings.controller_burst_requests)


def test_kind_gets_the_settings_that_its_backend_reports() -> None:
    settings = Kind("mine", kubernetes="v1.36.3", pace=1.0).settings
    config = yaml.safe_load(configuration("mine", port=None, cgroup=2))
    manager = yaml.safe_load(config["kubeadmConfigPatches"][0])["controllerManager"]["extraArgs"]

    assert manager == {
        "node-monitor-grace-period": f"{settings.node_grace_seconds}s",
        "node-monitor-period": f"{settings.node_monitor_seconds}s",
    }


def test_links_to_programs_replace_older_ones_also_broken_ones(tmp_path: Path) -> None:
    new = {
        name: Binary(name, "v1", tmp_path / f"{name}-1", "cache") for name in ("kubectl", "etcd")
    }
    folder = tmp_path / "bin"
    binaries.link(new, folder)
    (folder / "etcd").unlink()
    (folder / "etcd").symlink_to(tmp_path / "gone")
    (folder / "other").touch()
    binaries.link(new, folder)

    assert {path.name for path in folder.iterdir()} == {"kubectl", "etcd", "other"}
    assert (folder / "etcd").readlink() == tmp_path / "etcd-1"
    assert (folder / "kubectl").readlink() == tmp_path / "kubectl-1"


@pytest.fixture
def kind() -> Kind:
    """A kind cluster whose program kind notes its arguments, and fails at ``create``."""
    backend = Kind("mine", kubernetes="v1.36.3", pace=1.0, image="node:1")
    backend.__dict__["engine"] = Engine("podman", "5", 2, False)
    backend.programs.mkdir(parents=True)
    script = (
        f'echo "$KIND_EXPERIMENTAL_PROVIDER $*" >>{backend.directory}/calls\n[ "$1" != create ]'
    )
    (backend.programs / "kind").write_text(f"#!/bin/sh\n{script}\n")
    (backend.programs / "kind").chmod(0o755)
    return backend


def calls(backend: Kind) -> list[str]:
    return (backend.directory / "calls").read_text().splitlines()


def test_kind_s_logs_are_exported_by_its_own_program(kind: Kind, tmp_path: Path) -> None:
    kind.export_logs(tmp_path / "logs")

    assert calls(kind) == [f"podman export logs {tmp_path}/logs --name mine"]


def test_a_cluster_that_cannot_be_created_leaves_its_logs_where_they_are_wanted(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_KIND_LOGS", raising=False)
    with pytest.raises(CommandFailed, match="kind create cluster"):
        kind.create()
    assert len(calls(kind)) == 1

    monkeypatch.setenv("COURSE_KIND_LOGS", str(tmp_path / "kept"))
    with pytest.raises(CommandFailed, match="kind create cluster"):
        kind.create()
    assert calls(kind)[-1] == f"podman export logs {tmp_path}/kept --name mine"
