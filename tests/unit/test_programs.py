"""Programs that end well, fail, hang, are missing or write nonsense: one form of error."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from daemonset_course import cli
from daemonset_course.errors import CommandFailed
from daemonset_course.programs import Output, follow, last_lines, run, start
from daemonset_course.verbs import kubectl as verb

PACKAGE = Path(cli.__file__).parent
Program = Callable[..., Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A shell script called ``tool``."""

    def make(script: str, mode: int = 0o755) -> Path:
        path = tmp_path / "tool"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return path

    return make


def failed(*command: str | Path, timeout: float = 20, **given: object) -> CommandFailed:
    with pytest.raises(CommandFailed) as caught:
        run(command, timeout=timeout, **given)  # type: ignore[arg-type]
    return caught.value


def test_what_a_program_wrote_comes_back_apart(program: Program) -> None:
    assert run([program("echo out; echo err >&2")], timeout=20) == Output("out\n", "err\n")


def test_text_is_handed_over_and_without_it_there_is_no_input(program: Program) -> None:
    assert run([program("cat")], timeout=20, stdin="ä\n").stdout == "ä\n"
    assert run([program("cat")], timeout=20).stdout == ""


def test_output_that_is_no_utf8_is_read_all_the_same(program: Program) -> None:
    assert run([program(r"printf 'a\377b'")], timeout=20).stdout == "a\N{REPLACEMENT CHARACTER}b"
    assert failed(program(r"printf '\377' >&2; exit 1")).seen == "\N{REPLACEMENT CHARACTER}"


def test_a_failure_says_what_failed_its_last_lines_and_what_to_do(program: Program) -> None:
    script = "echo out; for i in 1 2 3 4; do echo line $i >&2; echo >&2; done; exit 3"
    error = failed(program(script), "get", "pods", "-A", next_step="Look.")

    assert str(error) == ("tool get pods failed.\n  Seen: line 2 / line 3 / line 4\n  Next: Look.")


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("echo only here; exit 1", "only here"),
        ("exit 7", "exit status 7, no output"),
        ("kill -9 $$", "ended by SIGKILL, no output"),
    ],
)
def test_there_is_evidence_also_where_nothing_went_to_standard_error(
    program: Program, script: str, seen: str
) -> None:
    assert failed(program(script)).seen == seen


def test_a_caller_chooses_name_and_evidence(program: Program) -> None:
    error = failed(program("echo ' all of it '; exit 1"), name="that", evidence=str.strip)

    assert (error.failed, error.seen) == ("that failed.", "all of it")


def test_a_program_that_hangs_is_killed_and_its_words_until_then_are_kept(
    program: Program, tmp_path: Path
) -> None:
    path = program(f"echo $$ >{tmp_path}/pid; printf 'waiting \\377' >&2; exec sleep 60")
    error = failed(path, timeout=0.5, next_step="Look.", if_slow="Wait longer.")

    assert error.failed == "tool did not end."
    assert error.seen.startswith("no answer within 0.5 s; waiting")
    assert error.next_step == "Wait longer."
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    assert failed(path, timeout=0.1, next_step="Look.").next_step == "Look."


def test_one_that_never_stops_talking_is_quoted_by_its_last_lines(program: Program) -> None:
    path = program("for i in $(seq 500); do echo $i; done; exec sleep 60")

    assert failed(path, timeout=0.5, evidence=str.strip).seen.endswith(" s; 498 / 499 / 500")


def test_a_missing_program_and_one_that_cannot_be_executed_are_no_surprise(
    program: Program, tmp_path: Path
) -> None:
    missing = failed(tmp_path / "none", "get", next_step="Look.", if_missing="Bring it.")
    assert str(missing) == (
        "none get did not start.\n"
        f"  Seen: {tmp_path}/none: No such file or directory\n"
        "  Next: Bring it."
    )
    assert failed("no-such-program").seen == "no-such-program: No such file or directory"
    assert failed(program("", mode=0o644)).seen.endswith("/tool: Permission denied")
    path = program("")
    path.write_bytes(b"\x7fELF\x02\x01")
    assert failed(path).seen.endswith("/tool: Exec format error")
    assert failed(path, "a\0b").seen.endswith("embedded null byte")


def test_a_program_runs_in_the_environment_made_for_programs(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "x")
    monkeypatch.setenv("KUBERC", "/home/me/kuberc")
    path = program('echo "$KUBECTL_EXTERNAL_DIFF|$KUBERC|$OWN|$(pwd)"')

    assert run([path], timeout=20).stdout == f"|off||{Path.cwd()}\n"
    own = os.environ | {"OWN": "1"}
    found = run([path], timeout=20, env=own, cwd=str(tmp_path)).stdout
    assert found == f"x|/home/me/kuberc|1|{tmp_path}\n"


def test_lines_are_handed_over_as_they_come(program: Program) -> None:
    lines: list[str] = []
    follow([program(r"echo a; echo b >&2; printf 'c\377\n'")], lines.append)

    assert lines == ["a", "b", "c\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("script", "seen"),
    [("for i in 1 2 3 4 5 6 7 8 9; do echo $i; done; exit 1", "2 / 3 / 4 / 5 / 6 / 7 / 8 / 9"),
     ("exit 1", "exit status 1, no output")],
)  # fmt: skip
def test_a_program_that_is_followed_fails_in_the_same_form(
    program: Program, script: str, seen: str
) -> None:
    with pytest.raises(CommandFailed) as caught:
        follow([program(script), "build"], lambda _: None, next_step="Again.")

    assert (caught.value.failed, caught.value.seen) == ("tool build failed.", seen)
    assert caught.value.next_step == "Again."
    with pytest.raises(CommandFailed, match="did not start"):
        follow(["no-such-program"], lambda _: None)


def test_a_program_that_is_started_outlives_its_starter_and_is_nobody_s_child(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("before\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    start(
        [program(f'echo "$1"; echo $$ >{pipe}; exec sleep 60'), "two words"], log=tmp_path / "log"
    )
    process = psutil.Process(int(pipe.read_text()))
    try:
        assert process.ppid() != os.getpid()
        assert os.getsid(process.pid) != os.getsid(0)
        assert (tmp_path / "log").read_text() == "before\ntwo words\n"
    finally:
        process.kill()


def test_the_last_lines_of_nothing_are_nothing() -> None:
    assert last_lines("\n \n") == ""
    assert last_lines("a\n\nb\n", 1) == "b"


def test_kubectl_that_is_gone_is_brought_by_course_up(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = SimpleNamespace(programs=tmp_path)
    cluster = SimpleNamespace(name="second", backend=backend, environment=dict)
    monkeypatch.setattr(verb, "current", lambda: cluster)
    with pytest.raises(CommandFailed, match="kubectl get pods did not start") as gone:
        verb.kubectl("get pods")
    assert gone.value.next_step.startswith("course up --name second")

    program("printf 'a\\nb\\n' >&2; exit 1").rename(tmp_path / "kubectl")
    with pytest.raises(CommandFailed, match="kubectl get pods -l 'a in \\(b\\)' failed") as wrong:
        verb.kubectl("get pods", "-l", "a in (b)")
    assert wrong.value.seen == "a\nb", "all of kubectl's own words"
