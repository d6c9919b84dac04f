"""A learner sees three lines; the causes are kept for those who look for them."""

from __future__ import annotations

import inspect
import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
from typer.testing import CliRunner

import daemonset_course as course
from daemonset_course import cli, cluster, errors
from daemonset_course.binaries.archive import unpack
from daemonset_course.cluster import topology
from daemonset_course.errors import BadInput, CourseError
from daemonset_course.files import write_whole
from daemonset_course.recording import live_output

THREE_LINES = [
    "BadInput: The manifest cannot be read.",
    "  Seen: agent.yaml: no such file",
    "  Next: Correct the path.",
]


def fail() -> None:
    """Raise an error of the course that has a cause."""
    try:
        Path("/nowhere/agent.yaml").read_text()
    except OSError as error:
        raise BadInput(
            "The manifest cannot be read.",
            seen="agent.yaml: no such file",
            next_step="Correct the path.",
        ) from error


def failed() -> CourseError:
    try:
        fail()
    except CourseError as error:
        return error
    raise AssertionError


@pytest.fixture
def down_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_DEBUG", raising=False)
    monkeypatch.setattr(cluster, "down", lambda _: fail())


@pytest.mark.usefixtures("down_fails")
def test_a_command_shows_three_lines() -> None:
    shown = CliRunner().invoke(cli.app, ["down"])

    assert shown.exit_code == 1
    first, *rest = shown.stderr.splitlines()
    assert [first.replace("BadInput ", "BadInput: "), *rest] == THREE_LINES


@pytest.mark.usefixtures("down_fails")
@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_shows_the_causes_before_the_three_lines(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "variable":
        monkeypatch.setenv("COURSE_DEBUG", "1")

    shown = CliRunner().invoke(cli.app, [*(["--debug"] if how == "option" else []), "down"])

    assert shown.exit_code == 1
    assert shown.stderr.count("Traceback (most recent call last):") == 2
    assert "FileNotFoundError: [Errno 2] No such file" in shown.stderr
    assert "The above exception was the direct cause" in shown.stderr
    assert ", in fail\n" in shown.stderr
    first, *rest = shown.stderr.splitlines()[-3:]
    assert [first.replace("BadInput ", "BadInput: "), *rest] == THREE_LINES


@pytest.mark.usefixtures("down_fails")
def test_the_next_command_has_its_own_debug() -> None:
    CliRunner().invoke(cli.app, ["--debug", "down"])

    assert "Traceback" not in CliRunner().invoke(cli.app, ["down"]).stderr


def test_a_debug_that_is_no_switch_is_three_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DEBUG", "perhaps")

    shown = CliRunner().invoke(cli.app, ["status"])

    assert shown.exit_code == 1
    assert shown.stderr.startswith("BadInput The environment variable COURSE_DEBUG must be 1 or 0.")
    assert "Traceback" not in shown.stderr


def cell_that_fails(folder: Path) -> str:
    """What a notebook's shell prints for a cell in which ``fail`` is called."""
    config = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=config, ipython_dir=str(folder), user_ns={"fail": fail})
    with redirect_stdout(io.StringIO()) as out:
        shell.run_cell("fail()")
    return out.getvalue()


@pytest.mark.parametrize("debug", ["", "0", "perhaps"])
def test_a_cell_shows_three_lines(
    debug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_DEBUG", debug)

    assert cell_that_fails(tmp_path).splitlines() == THREE_LINES


def test_a_cell_shows_the_notes_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_DEBUG", raising=False)
    error = failed()
    error.add_note("The recorder failed too.")

    assert error._render_traceback_() == ["\n".join(THREE_LINES), "The recorder failed too."]


def test_a_cell_shows_the_causes_where_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_DEBUG", "1")

    shown = cell_that_fails(tmp_path)

    assert "FileNotFoundError: [Errno 2] No such file" in shown
    assert "\n".join(THREE_LINES) in shown


def test_the_live_view_shows_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(*_: object, **_options: object) -> str:
        fail()
        return ""

    monkeypatch.setattr(live_output, "view", draw)
    recording: Any = type("Recording", (), {"recent": None, "predicted": None})()

    shown = live_output.Frames(recording).next()

    assert "BadInput: The manifest cannot be read." in shown
    assert "FileNotFoundError" not in shown


def test_causes_are_kept(tmp_path: Path) -> None:
    archive = tmp_path / "etcd.tar.gz"
    archive.write_bytes(b"no archive")
    config = tmp_path / "kind-config.yaml"
    config.write_text("kind: [")

    with pytest.raises(CourseError, match="cannot be unpacked") as unpacked:
        unpack(archive, "etcd", tmp_path / "etcd")
    with pytest.raises(CourseError, match="is not valid YAML") as read:
        topology.read("course", path=config)
    with pytest.raises(CourseError, match="cannot be written") as written:
        write_whole(tmp_path / "missing" / "file", "text")

    causes = [type(error.value.__cause__).__name__ for error in (unpacked, read, written)]
    assert causes == ["ReadError", "ParserError", "FileNotFoundError"]


def test_the_tree_names_every_error_under_its_base() -> None:
    drawn = re.findall(r"^ {4}([│ ]*)[├└]── (\w+)", str(errors.__doc__), re.M)
    above: list[type] = [CourseError]
    for indent, name in drawn:
        level = len(indent) // 4
        assert getattr(errors, name).__bases__[0] is above[level], name
        above[level + 1 :] = [getattr(errors, name)]
    classes = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, CourseError)
    }
    assert {name for _, name in drawn} == classes - {"CourseError"}
    assert len(drawn) == len({name for _, name in drawn})


VERBS = {name for name in course.__all__ if not isinstance(getattr(course, name), type)}


@pytest.mark.parametrize("name", sorted(VERBS - {"compare", "proved", "show"}))  # these only show
def test_a_verb_says_which_errors_it_raises(name: str) -> None:
    _, _, raises = str(inspect.getdoc(getattr(course, name))).partition("Raises:\n")
    named = re.findall(r"^    (\w+): ", raises, re.M)

    assert named
    assert all(issubclass(getattr(errors, one), CourseError) for one in named)
