"""`make test-kind`: its exit status, what ran for real only there, and the logs of a failure."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import kind_suite
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.cluster.kind.kind_backend import Kind

ROOT = Path(__file__).parents[2]
DOCKER = {"ServerVersion": "28.1.0", "CgroupVersion": "2"}
TESTS = """
import os, pytest
from daemonset_course.recording import steps

@pytest.mark.parametrize("name", ["bind", "00-agents", "bind"])
def test_step(name):
    steps._note_live_run(name, ["logs", "exec"])

def test_backend():
    assert os.environ["COURSE_TEST_BACKEND"] == os.environ["COURSE_BACKEND"] == "kind"

def test_failing():
    raise AssertionError
"""


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    return folder


@pytest.mark.usefixtures("programs")
def test_without_an_engine_nothing_runs_and_status_and_words_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kind_suite.subprocess, "run", lambda *_, **__: pytest.fail("it ran"))

    assert kind_suite.main(["tests/live"]) == kind_suite.NO_ENGINE == 3
    output = capsys.readouterr().err
    assert output.startswith("Nothing was run on kind. No container engine answers")
    assert "docker: not on PATH; podman: not on PATH" in output
    assert "Next: Start Docker or podman" in output


def test_with_an_engine_the_status_is_pytest_s_and_each_real_step_is_told_once(
    programs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program(programs, "docker", f"echo '{json.dumps(DOCKER)}'")
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    for name in ("conftest.py", "tests/what_ran.py", "tests/around_lessons.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "unit" / "test_a.py").write_text(TESTS)
    monkeypatch.chdir(tmp_path)

    assert kind_suite.main([]) == 1
    output = capfd.readouterr().out
    assert "kind on docker 28.1.0, cgroup v2\n" in output
    assert "1 failed, 4 passed" in output
    assert "ran for real only here: 00-agents (logs, exec), bind (logs, exec)\n" in output


@pytest.fixture
def session(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The end of a test run that failed on kind, with a cluster that notes what is asked of it."""
    spec = importlib.util.spec_from_file_location("our_conftest", ROOT / "conftest.py")
    assert spec
    assert spec.loader
    ours = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ours)
    notes: list[str] = []
    monkeypatch.setattr(ours, "BACKEND", "kind")
    monkeypatch.setattr(ours, "_cluster_module", lambda: SimpleNamespace(down=notes.append))
    monkeypatch.setenv("COURSE_KIND_LOGS", str(tmp_path / "logs"))
    cluster = ours.LiveCluster("main", tmp_path)
    backend = Kind(cluster.name, kubernetes="v1.36.3", pace=1.0)
    backend.programs = programs
    backend.__dict__["engine"] = Engine("podman", "5", 2, False)
    monkeypatch.setattr(backend, "_bring_programs", lambda _report: None)  # nor can they be brought
    cluster.value = SimpleNamespace(backend=backend)
    cluster._tried = True
    stash = {ours.CLUSTER_KEY: cluster}
    return SimpleNamespace(
        finish=ours.pytest_sessionfinish,
        cluster=cluster,
        downs=notes,
        testsfailed=1,
        config=SimpleNamespace(stash=stash),
    )


SAY = 'echo "$@" "$KIND_EXPERIMENTAL_PROVIDER" > "$3"'


def test_the_cluster_s_own_kind_writes_the_logs_of_a_failure(
    session: Any, programs: Path, tmp_path: Path
) -> None:
    program(programs, "kind", SAY)

    session.finish(session)

    assert (tmp_path / "logs").read_text() == (
        f"export logs {tmp_path}/logs --name test-main podman\n"
    )
    assert session.downs == ["test-main"]


@pytest.mark.parametrize("kind", [None, "exit 1"])
def test_logs_that_cannot_be_written_do_not_keep_the_cluster(
    session: Any, programs: Path, kind: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind:
        program(programs, "kind", kind)

    session.finish(session)

    assert "cleaning up after the tests failed" in capsys.readouterr().err
    assert session.downs == ["test-main"]


@pytest.mark.parametrize("left", ["no failure", "no cluster"])
def test_there_are_no_logs_without_a_failure_or_a_cluster(
    session: Any, programs: Path, tmp_path: Path, left: str
) -> None:
    program(programs, "kind", SAY)
    if left == "no failure":
        session.testsfailed = 0
    else:
        session.cluster.value = None

    session.finish(session)

    assert not (tmp_path / "logs").exists()
    assert session.downs == ["test-main"]
