"""What the course says on a machine whose folders, limits and variables are in its way."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from daemonset_course import console, doctor, files
from daemonset_course.binaries import download, search
from daemonset_course.cluster import lifecycle
from daemonset_course.cluster.state import State
from daemonset_course.environment import for_go, for_programs, for_python
from daemonset_course.errors import FileFailed, NoAnswerError

ROOT = Path(__file__).parents[2]
PYTHON = {
    "PYTHONHOME": "/nope",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "/nope",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "tr_TR.ISO-8859-9",
}


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """The script `course` beside a Python, reached through a link, as in a learner's ~/bin."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "course").write_bytes((ROOT / "src" / "course").read_bytes())
    (tmp_path / "bin" / "course").chmod(0o755)
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    (tmp_path / "bin" / "python").write_text(python)
    (tmp_path / "bin" / "python").chmod(0o755)
    (tmp_path / "course").symlink_to("bin/course")
    return tmp_path / "course"


def test_no_variable_of_python_and_no_file_beside_reaches_the_command(
    command: Path, tmp_path: Path
) -> None:
    for name in ("random", "yaml", "typer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the learner')\n")
    done = subprocess.run(
        [command, "status", "--name", "nobody"],
        env=os.environ | PYTHON | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NotRunning The cluster 'nobody' is not up.\n")


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "ulimit -n"),
        (errno.EAGAIN, "ulimit -u"),
        (errno.EFBIG, "ulimit -f"),
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "Set COURSE_HOME to a folder"),
        (errno.ENOTDIR, "Set COURSE_HOME to a folder"),
    ],
)
def test_what_the_system_refuses_is_said_with_its_cure(
    number: int, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit), console.errors_as_text():
        raise OSError(number, os.strerror(number), "/some/file")

    seen = capsys.readouterr().err
    assert "/some/file" in seen
    assert os.strerror(number) in seen
    assert cure in seen


def test_a_reader_that_has_gone_is_no_error_of_ours() -> None:
    with pytest.raises(BrokenPipeError), console.errors_as_text():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_folder_of_another_user_is_named_with_the_command_that_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / ".local" / "state"
    (state / "daemonset-course").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    error = PermissionError(
        errno.EACCES, "Permission denied", str(state / "daemonset-course" / "x")
    )
    inside = files.unwritable(Path("unused"), error)
    monkeypatch.setenv("HOME", "/home/somebody")
    outside = files.unwritable(Path("unused"), error)

    assert f"sudo chown -R 12345 {state / 'daemonset-course'};" in inside.next_step
    assert "chown" not in outside.next_step, "a folder of the system stays root's"


def test_a_state_folder_that_is_a_file_is_said_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file"))

    with pytest.raises(FileFailed, match="file"), lifecycle.locked("mine"):
        pass
    with pytest.raises(FileFailed, match="file"):
        for_python()


def test_a_state_that_may_not_be_read_is_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)

    with pytest.raises(FileFailed, match=r"cluster\.json cannot be read"):
        State.load("mine")


def test_what_of_path_cannot_be_read_or_is_relative_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.is_relative_to(tmp_path / "unreadable"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path)

    (tmp_path / "kubectl").write_text("#!/bin/sh\nexit 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setenv("PATH", f":.:bin:{tmp_path / 'unreadable'}")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_BINARIES", raising=False)
    found = search.find_local(programs=["kubectl"])

    assert found.reasons["PATH"] == {"not there": ["kubectl"]}


def test_a_cache_without_execution_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noexec(_: Any, mode: int) -> bool:
        return mode != os.X_OK

    fetched: list[object] = []
    monkeypatch.setattr(download, "install", lambda *given, **_: fetched.append(given))
    monkeypatch.setattr(os, "access", noexec)
    monkeypatch.setenv("PATH", "/nope")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.delenv("COURSE_BINARIES", raising=False)

    with pytest.raises(FileFailed, match="No program can be executed"):
        search.ensure(programs=["kubectl"])
    assert fetched == []
    assert [path.name for path in (tmp_path / "bin").iterdir() if path.name != ".lock"] == []


@pytest.mark.parametrize("variable", download.CERTIFICATES)
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_named(
    variable: str, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "file"))

    def client(**_: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    if content is not None:
        (tmp_path / "file").write_text(content)
    monkeypatch.setattr(httpx, "Client", client)

    with pytest.raises(NoAnswerError) as error:
        download._client("https://example.org/file")
    assert f"{variable}={tmp_path / 'file'}" in error.value.seen


@pytest.mark.parametrize("option", doctor.LIMITS)
def test_doctor_names_a_limit_that_is_too_low(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    low = getattr(resource, doctor.LIMITS[option][0])
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 64) if which == low else endless)
    level, seen, cure = doctor._limits()

    assert level == "bad"
    assert f"ulimit {option}" in seen
    assert seen.count("ulimit") == 1
    assert "ulimit" in cure


def test_doctor_is_content_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: endless)

    assert doctor._limits()[0] == "ok"


def test_kubectl_speaks_english_and_go_builds_for_this_machine_whatever_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GOOS", "GOARCH", "GOFLAGS", "GO111MODULE", "GOWORK", "LC_ALL"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("GOPROXY", "off")

    assert for_programs()["LC_ALL"] == "C"
    assert for_python()["LC_ALL"] == "theirs"
    made = for_go("linux/arm64")
    assert (made["GOOS"], made["GOARCH"], made["GOPROXY"]) == ("linux", "arm64", "off")
    assert "theirs" not in {value for name, value in made.items() if name[:2] == "GO"}
