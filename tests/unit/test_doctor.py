from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daemonset_course import doctor
from daemonset_course.cli import app
from daemonset_course.cluster.engine import Engine, Missing
from daemonset_course.cluster.state import State
from daemonset_course.doctor import Finding, examine

GOOD = Engine("docker", "28.1.0", cgroup=2, rootless=False)


class Docker(Engine):
    """An engine with containers of its own."""

    def nodes(self, cluster: str) -> dict[str, str]:
        return {f"{cluster}-worker": "running"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine in which all is well; ``engine`` puts another engine on it."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COURSE_BINARIES", str(tmp_path))
    limits = tmp_path / "inotify"
    limits.mkdir()
    for name, least in doctor.INOTIFY.items():
        (limits / name).write_text(f"{least}\n")
    monkeypatch.setattr(doctor, "SYSCTL", limits)

    def engine(*found: Engine | Missing) -> None:
        usable = next((one for one in found if isinstance(one, Engine)), None)
        monkeypatch.setattr(doctor, "engines", lambda: list(found))
        monkeypatch.setattr(doctor, "find_engine", lambda: usable)

    monkeypatch.setattr(Engine, "nodes", lambda _self, _cluster: {})
    engine(GOOD)
    return engine


def look(subject: str) -> Finding:
    return next(one for one in examine("mine") if one.subject == subject)


@pytest.mark.usefixtures("machine")
def test_a_machine_in_which_all_is_well() -> None:
    assert {one.level for one in examine("mine")} == {"ok"}
    assert all(one.seen and not one.cure for one in examine("mine"))


def test_no_engine_is_a_note_with_what_each_said(machine: Any) -> None:
    machine(Missing("docker", "permission denied"), Missing("podman", "not on PATH"))
    found = look("container engine")

    assert found.level == "note"
    assert found.seen == "docker: permission denied; podman: not on PATH"
    assert "embedded" in found.cure
    assert CliRunner().invoke(app, ["doctor", "--name", "mine"]).exit_code == 0


def test_cgroup_v1_is_a_note_with_a_version_that_runs_there(machine: Any) -> None:
    machine(Engine("docker", "20.10", cgroup=1, rootless=False))

    assert look("cgroup").level == "note"
    assert "--kubernetes 1.34" in look("cgroup").cure


@pytest.mark.usefixtures("machine")
def test_low_inotify_limits_are_named_with_the_command_that_raises_them() -> None:
    (doctor.SYSCTL / "max_user_instances").write_text("128\n")
    found = look("inotify")

    assert found.level == "note"
    assert found.cure == "For kind: sudo sysctl fs.inotify.max_user_instances=512"


@pytest.mark.usefixtures("machine")
def test_little_memory_and_disk_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    monkeypatch.setattr(doctor, "DISK", 1e18)

    assert [look(subject).level for subject in ("memory", "disk")] == ["bad", "bad"]
    assert "COURSE_HOME" in look("disk").cure


def test_containers_that_no_folder_knows_are_bad(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "nodes", lambda _self, cluster: {f"{cluster}-worker": "running"})
    machine(GOOD)
    found = look("leftover containers")

    assert (found.level, found.seen) == ("bad", "mine-worker")
    assert "kind delete cluster --name mine" in found.cure


@pytest.mark.usefixtures("machine")
def test_a_kubectl_two_minors_away_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        State, "load", staticmethod(lambda name: State(name, "", "embedded", "v1.34.3", 1.0))
    )
    monkeypatch.setattr(doctor.shutil, "which", lambda name: str(tmp_path / name))
    monkeypatch.setattr(doctor, "processes_of", lambda _folder: [])
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho Client Version: v1.36.3\n")
    (tmp_path / "kubectl").chmod(0o755)
    found = look("kubectl version")

    assert found.level == "note"
    assert "at most one minor away from v1.34.3" in found.seen
    assert "bin/kubectl" in found.cure


@pytest.mark.usefixtures("machine")
def test_scripts_get_json_alone_and_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    well = CliRunner().invoke(app, ["doctor", "--json", "--name", "mine"])
    assert well.exit_code == 0
    assert {frozenset(one) for one in json.loads(well.stdout)} == {
        frozenset({"subject", "level", "seen", "cure"})
    }

    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    ill = CliRunner().invoke(app, ["doctor", "--json", "--name", "mine"])
    assert ill.exit_code == 1
    assert {"bad", "ok"} == {one["level"] for one in json.loads(ill.stdout)}
