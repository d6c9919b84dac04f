from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from daemonset_course import doctor
from daemonset_course.binaries.pinned import pins, resolve
from daemonset_course.cli import app
from daemonset_course.cluster.kind.engine import Engine, Missing
from daemonset_course.cluster.simulated_nodes import OS_IMAGE
from daemonset_course.cluster.state import MADE_BY_KIND, State
from daemonset_course.doctor import Finding, examine
from daemonset_course.errors import CommandFailed, CourseError
from daemonset_course.history.outages import Down
from daemonset_course.places import cluster_dir

LINUX = "linux/amd64"
GOOD = Engine("docker", "28.1.0", cgroup=2, rootless=False)
OLD = Engine("docker", "20.10", cgroup=1, rootless=False)
NONE = Missing("docker", "not on PATH")
Machine = Callable[..., None]


def put(path: Path, says: str = "") -> Path:
    """A program that says this; for a cache or PATH."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def raising(error: Exception) -> Callable[..., Any]:
    def raises(*_: object) -> None:
        raise error

    return raises


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine in which all is well; ``machine(...)`` puts other engines on it."""
    for variable in ("COURSE_BACKEND", "COURSE_BINARIES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(doctor.search, "this_platform", lambda: LINUX)
    monkeypatch.setattr(doctor, "get_path", lambda _which: str(tmp_path / "path"))
    put(tmp_path / "path" / "course")
    for pin in pins(LINUX).values():
        put(tmp_path / "cache" / "bin" / f"{pin.program}-{pin.version}-linux-amd64")
    limits = tmp_path / "inotify"
    limits.mkdir()
    for name, least in doctor.INOTIFY.items():
        (limits / name).write_text(f"{least}\n")
    monkeypatch.setattr(doctor, "SYSCTL", limits)

    def engine(*found: Engine | Missing) -> None:
        monkeypatch.setattr(doctor, "engines", lambda: list(found))

    monkeypatch.setattr(Engine, "nodes", lambda _self, _cluster: {})
    engine(GOOD)
    return engine


def finding_on(subject: str) -> Finding:
    return next(one for one in examine("mine") if one.subject == subject)


def unfinished(backend: str) -> Path:
    """The folder that an interrupted `up` leaves."""
    folder = cluster_dir("mine")
    folder.mkdir(parents=True)
    State("mine", "", backend, "v1.34.3", 1.0).save()
    return folder


@pytest.fixture
def process(tmp_path: Path) -> Iterator[None]:
    """A process of the cluster's folder: a shell that waits, under the name of etcd."""
    program = tmp_path / "home" / "clusters" / "mine" / "bin" / "etcd"
    command = [str(program), "-c", "read line"]
    with subprocess.Popen(command, executable="/bin/sh", stdin=subprocess.PIPE) as started:
        yield
        started.kill()


@pytest.mark.usefixtures("machine")
def test_a_machine_in_which_all_checks_are_ok() -> None:
    assert {one.level for one in examine("mine")} == {"ok"}
    assert all(one.seen and not one.cure for one in examine("mine"))


@pytest.mark.parametrize(
    ("engine", "nodes", "ok"),
    [
        (NONE, {}, {"cgroup", "leftover containers"}),
        (OLD, {"mine-worker": "running"}, {"container engine"}),
        (OLD, CommandFailed("docker ps failed.", seen="permission denied"), {"container engine"}),
        (OLD, PermissionError(13, "Permission denied"), {"container engine"}),
    ],
    ids=["no engine", "containers are left", "docker ps fails", "docker does not run"],
)
@pytest.mark.usefixtures("process")
def test_where_everything_is_wrong_every_finding_has_a_cure(
    machine: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine | Missing,
    nodes: Any,
    ok: set[str],
) -> None:
    answer = raising(nodes) if isinstance(nodes, Exception) else lambda *_: nodes
    monkeypatch.setattr(Engine, "nodes", answer)
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _: (64, 64))
    machine(engine)
    unfinished("kind")
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(version_info=(3, 10, 1)))
    for module in (doctor, doctor.search):
        monkeypatch.setattr(module, "this_platform", raising(CourseError("An odd machine.")))
    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    monkeypatch.setattr(doctor, "DISK", {"COURSE_CACHE": 1e18, "COURSE_HOME": 1e18})
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    monkeypatch.setattr(doctor, "free_ports", raising(OSError(99, "Cannot assign")))
    monkeypatch.setenv("COURSE_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("COURSE_BINARIES", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    put(tmp_path / "other" / "kubectl", "Client Version: v1.36.3")
    for name in doctor.INOTIFY:
        (doctor.SYSCTL / name).write_text("1\n")
    found = examine("mine")

    assert {one.subject for one in found if one.level == "ok"} == ok
    assert [one for one in found if one.level != "ok" and not (one.seen and one.cure)] == []


def test_no_engine_is_a_note_with_what_each_said(machine: Machine) -> None:
    machine(Missing("docker", "permission denied"), Missing("podman", "not on PATH"))
    found = finding_on("container engine")

    assert found.level == "note"
    assert found.seen == "docker: permission denied; podman: not on PATH"
    assert "embedded" in found.cure
    assert CliRunner().invoke(app, ["doctor", "--name", "mine"]).exit_code == 0


def test_cgroup_v1_is_a_note_with_a_backend_that_runs_there(machine: Machine) -> None:
    machine(OLD)

    assert finding_on("cgroup").level == "note"
    assert "course up --backend embedded --name mine" in finding_on("cgroup").cure


@pytest.mark.usefixtures("machine")
def test_low_inotify_limits_are_named_with_the_command_that_raises_them() -> None:
    (doctor.SYSCTL / "max_user_instances").write_text("128\n")
    found = finding_on("inotify")

    assert found.level == "note"
    assert found.cure == "For kind: sudo sysctl fs.inotify.max_user_instances=512"


@pytest.mark.usefixtures("machine")
def test_little_memory_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY", 1e18)

    assert finding_on("memory").level == "bad"


@pytest.mark.parametrize(
    ("full", "variable", "other"),
    [("cache", "COURSE_CACHE", "COURSE_HOME"), ("home", "COURSE_HOME", "COURSE_CACHE")],
)
@pytest.mark.usefixtures("machine")
def test_either_disk_may_be_full_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str, variable: str, other: str
) -> None:
    for folder in ("cache", "home"):
        (tmp_path / folder).mkdir(exist_ok=True)

    def usage(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=1e8 if path == tmp_path / full else 1e11)

    monkeypatch.setattr(doctor.shutil, "disk_usage", usage)
    found = finding_on("disk")

    assert found.level == "bad"
    assert f"0.1 GB free for {tmp_path / full}" in found.seen
    assert f"set {variable} to another disk" in found.cure
    assert other not in found.cure


@pytest.mark.usefixtures("machine")
def test_a_state_folder_that_cannot_be_made_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    found = finding_on("state folder")

    assert (found.level, found.seen) == ("bad", str(tmp_path / "file" / "home"))
    assert "COURSE_HOME" in found.cure


@pytest.mark.usefixtures("machine")
def test_a_machine_without_a_port_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_ports", raising(OSError(99, "Cannot assign address")))
    found = finding_on("ports")

    assert found.level == "bad"
    assert "Cannot assign address" in found.seen
    assert "loopback" in found.cure


@pytest.mark.parametrize(
    "error", [CommandFailed("docker ps failed.", seen="is it up?"), OSError(5, "is it up?")]
)
def test_an_engine_that_fails_halfway_is_named_with_a_cure(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Engine, "nodes", raising(error))
    machine(GOOD)
    found = finding_on("leftover containers")

    assert found.level == "bad"
    assert "is it up?" in found.seen
    assert "--backend embedded" in found.cure


def empty_cache(tmp_path: Path) -> None:
    for path in (tmp_path / "cache" / "bin").iterdir():
        path.unlink()


def without_programs_on_a_mac(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(NONE)
    empty_cache(tmp_path)
    monkeypatch.setattr(doctor.search, "this_platform", lambda: "darwin/arm64")


def test_programs_that_can_be_downloaded_are_a_note(machine: Machine, tmp_path: Path) -> None:
    machine(NONE)
    empty_cache(tmp_path)
    found = finding_on("programs")

    assert found.level == "note"
    assert found.seen.startswith("to be downloaded: etcd, kube-apiserver, ")
    assert found.seen.endswith("Go: not there")
    assert "kind" not in found.seen
    assert "course up --name mine brings" in found.cure
    assert list((tmp_path / "cache" / "bin").iterdir()) == []
    assert CliRunner().invoke(app, ["doctor", "--name", "mine"]).exit_code == 0


@pytest.mark.usefixtures("machine")
def test_a_program_in_the_cache_counts_at_its_pinned_version_alone(tmp_path: Path) -> None:
    (kept,) = (tmp_path / "cache" / "bin").glob("etcd-*")
    kept.rename(kept.with_name("etcd-v3.4.0-linux-amd64"))
    found = finding_on("programs")

    assert (found.level, found.seen) == ("note", "to be downloaded: etcd; Go: not there")


def test_programs_that_go_can_build_are_a_note(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_programs_on_a_mac(machine, tmp_path, monkeypatch)
    put(tmp_path / "path" / "go", "go1.99.0 auto")
    found = finding_on("programs")

    assert found.level == "note"
    assert "to be downloaded: kubectl, kwok, kwokctl" in found.seen
    assert "to be built by Go: etcd, kube-apiserver, " in found.seen


def test_programs_that_nothing_can_bring_are_bad_unless_kind_does_without(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_programs_on_a_mac(machine, tmp_path, monkeypatch)
    found = finding_on("programs")
    assert found.level == "bad"
    assert "there is no Go on PATH: etcd, kube-apiserver, " in found.seen
    assert found.cure.startswith("Install Go")

    machine(GOOD)
    assert finding_on("programs").level == "note"
    monkeypatch.setenv("COURSE_BACKEND", "embedded")
    assert finding_on("programs").level == "bad"


def test_a_named_folder_has_to_be_there_with_every_program(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(NONE)
    empty_cache(tmp_path)
    monkeypatch.setenv("COURSE_BINARIES", str(tmp_path / "mine"))
    assert (finding_on("programs").level, finding_on("programs").cure) == (
        "bad",
        "Correct or unset COURSE_BINARIES.",
    )

    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"):
        put(tmp_path / "mine" / name, resolve())
    for name in ("kwok", "kwokctl"):
        put(tmp_path / "mine" / name, "v0.8.0")
    found = finding_on("programs")
    assert found.level == "bad"
    assert f"not in {tmp_path / 'mine'}, on PATH or in the cache: etcd;" in found.seen
    assert "Put them into that folder" in found.cure

    put(tmp_path / "mine" / "etcd", "etcd Version: 3.6.10")
    assert finding_on("programs") == Finding("programs", "ok", "all there: directory")


@pytest.mark.usefixtures("machine")
def test_a_terminal_that_finds_another_kubectl_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cluster_dir("mine") / "bin"
    put(folder / "kubectl")
    put(tmp_path / "path" / "kubectl")
    found = finding_on("PATH")
    assert found.level == "note"
    assert f"kubectl {tmp_path / 'path' / 'kubectl'}" in found.seen
    assert f'export PATH="{folder}:$PATH"' in found.cure

    monkeypatch.setenv("PATH", f"{folder}:{tmp_path / 'path'}")
    assert finding_on("PATH").level == "ok"


@pytest.mark.usefixtures("machine")
def test_a_terminal_without_the_course_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = finding_on("PATH")

    assert (found.level, found.seen) == ("note", "course not there")
    assert f'export PATH="{tmp_path / "path"}:$PATH"' in found.cure


def test_containers_that_no_folder_knows_are_bad(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "nodes", lambda _self, cluster: {f"{cluster}-worker": "running"})
    machine(GOOD)
    found = finding_on("leftover containers")

    assert (found.level, found.seen) == ("bad", "mine-worker")
    assert "kind delete cluster --name mine" in found.cure


@pytest.mark.usefixtures("machine")
def test_containers_of_an_interrupted_up_go_with_course_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Engine, "nodes", lambda _self, cluster: {f"{cluster}-worker": "running"})
    (unfinished("kind") / MADE_BY_KIND).touch()
    found = finding_on("leftover containers")

    assert (found.level, found.seen) == ("bad", "mine-worker")
    assert found.cure == "course down --name mine"


@pytest.mark.usefixtures("machine", "process")
def test_processes_of_an_interrupted_up_go_with_course_down() -> None:
    found = finding_on("leftovers")

    assert (found.level, found.seen) == ("bad", "1 processes of an interrupted run")
    assert found.cure == "course down --name mine"


@pytest.mark.usefixtures("machine")
def test_a_cluster_with_dead_parts_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished("embedded")
    running = SimpleNamespace(
        api=SimpleNamespace(get=lambda _path: {}),
        backend=SimpleNamespace(dead_components=lambda: ["etcd", "kube-scheduler"]),
    )
    monkeypatch.setattr(doctor.cluster, "current", lambda _name: running)
    found = finding_on("cluster mine")

    assert (found.level, found.seen) == ("bad", "stopped: etcd, kube-scheduler")
    assert found.cure == "course up --name mine"


@pytest.mark.usefixtures("machine")
def test_a_node_that_has_lost_its_label_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished("embedded")
    info = {"nodeInfo": {"osImage": OS_IMAGE}}
    nodes = [{"metadata": {"name": "mine-worker2", "labels": {}}, "status": info}]
    running = SimpleNamespace(
        api=SimpleNamespace(get=lambda _path: {}, items=lambda _path: nodes),
        backend=SimpleNamespace(dead_components=list),
    )
    monkeypatch.setattr(doctor.cluster, "current", lambda _name: running)
    found = finding_on("cluster mine")

    assert (found.level, found.seen.split(":")[0]) == ("bad", "no kubelet runs on mine-worker2")
    assert found.cure.startswith("course reset --name mine ")


@pytest.mark.usefixtures("machine")
def test_components_that_do_not_run_are_bad_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished("embedded")
    down = [Down("etcd", "ended"), Down("kube-scheduler", "stopped")]
    monkeypatch.setattr(doctor, "asker", lambda _name: lambda: down)
    found = finding_on("cluster mine")

    assert (found.level, found.seen) == ("bad", f"{down[0]}; {down[1]}")
    assert "course up --name mine" in found.cure


@pytest.mark.usefixtures("machine")
def test_a_kubectl_two_minors_away_is_a_note(tmp_path: Path) -> None:
    unfinished("embedded")
    put(tmp_path / "path" / "kubectl", "Client Version: v1.36.3")
    found = finding_on("kubectl version")

    assert found.level == "note"
    assert "at most one minor away from v1.34.3" in found.seen
    assert "bin/kubectl" in found.cure


@pytest.mark.usefixtures("machine")
def test_scripts_get_json_alone_and_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    ok = CliRunner().invoke(app, ["doctor", "--json", "--name", "mine"])
    assert ok.exit_code == 0
    assert {one["level"] for one in json.loads(ok.stdout)["checks"]} == {"ok"}

    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    ill = CliRunner().invoke(app, ["doctor", "--json", "--name", "mine"])
    assert ill.exit_code == 1
    assert {"bad", "ok"} == {one["level"] for one in json.loads(ill.stdout)["checks"]}


def test_the_backends_that_up_may_choose_depend_on_the_engine_and_on_what_is_asked_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.candidates() == ["kind", "embedded"]

    machine(NONE)
    assert doctor.candidates() == ["embedded"]

    monkeypatch.setenv("COURSE_BACKEND", "kind")
    assert doctor.candidates() == ["kind"]


@pytest.mark.usefixtures("machine")
def test_the_engines_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs costs its whole timeout."""
    answers = iter([[NONE]])
    monkeypatch.setattr(doctor, "engines", lambda: next(answers))

    assert all(one.level != "bad" for one in doctor.examine("mine"))
