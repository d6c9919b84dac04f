"""What a cell shows that was interrupted, or that names what a restarted kernel does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import daemonset_course
from daemonset_course import cell_errors
from daemonset_course.cell_errors import FROM_THE_TOP, GOES_ON, RESTARTED
from daemonset_course.cluster import components
from daemonset_course.history.outages import Down


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("COURSE_DEBUG", raising=False)
    monkeypatch.setenv("COURSE_CLUSTER", "mine")  # which no notebook has reset
    InteractiveShell.clear_instance()
    config = Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "nocolor"})
    shell = InteractiveShell.instance(config=config)
    daemonset_course.load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def shown(shell: InteractiveShell, code: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert shell.run_cell(code).error_in_exec is not None
    found = capsys.readouterr()
    return (found.out + found.err).strip().splitlines()


def test_an_interrupt_is_two_lines_with_the_line_of_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "def wait():\n    raise KeyboardInterrupt\n\nwait()"

    assert shown(shell, code, capsys) == ["Interrupted in line 4: wait()", GOES_ON]


def test_with_debug_an_interrupt_has_its_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_DEBUG", "1")

    assert "Traceback" in "\n".join(shown(shell, "raise KeyboardInterrupt", capsys))


def test_a_name_that_is_not_defined_says_what_helps_after_a_restart(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(shell, "x = 1\nprint(pods)", capsys)

    assert lines[-2:] == ["NameError: name 'pods' is not defined", RESTARTED]
    assert any("print(pods)" in line for line in lines)


def test_other_errors_stay_as_ipython_shows_them(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(shown(shell, "1 / 0", capsys))

    assert "ZeroDivisionError" in text
    assert RESTARTED not in text
    assert GOES_ON not in text


@pytest.mark.parametrize(
    "code",
    [
        "from daemonset_course.errors import NotFound\nraise NotFound('There is no DaemonSet.')",
        "assert False, 'There is no DaemonSet.'",
    ],
)
def test_an_error_after_another_notebook_s_reset_says_who_reset_the_cluster(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    code: str,
) -> None:  # fmt: skip
    alone = "\n".join(shown(shell, code, capsys))
    monkeypatch.setattr(cell_errors, "reset_since", lambda name: f"Another has reset {name}")
    monkeypatch.setenv("COURSE_CLUSTER", "second")
    lines = shown(shell, code, capsys)

    assert "There is no DaemonSet." in alone
    assert FROM_THE_TOP not in alone
    assert lines[-1] == f"Another has reset second, after this notebook did: {FROM_THE_TOP}"
    assert "There is no DaemonSet." in lines[-2]


def test_an_error_of_the_course_has_no_traceback_as_before(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "from daemonset_course.errors import BadInput\nraise BadInput('No.', next_step='Yes.')"

    assert shown(shell, code, capsys) == ["BadInput: No.", "  Next: Yes."]


@pytest.mark.parametrize("kind", ["NotRunning", "CommandFailed"])
def test_an_error_begins_with_the_component_that_has_ended(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(components, "components_down", lambda _: [Down("etcd", "ended")])
    code = f"from daemonset_course.errors import {kind}\nraise {kind}('No answer.')"

    first, seen, cure = shown(shell, code, capsys)

    assert first == f"{kind}: etcd has ended and was not started again."
    assert seen == "  Seen: No answer."
    assert "course up" in cure


def test_a_command_that_failed_by_itself_names_no_component(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    down = [Down("kube-scheduler", "stopped")]
    monkeypatch.setattr(components, "components_down", lambda _: down)
    code = "from daemonset_course.errors import CommandFailed\nraise CommandFailed('No such Pod.')"

    assert shown(shell, code, capsys) == ["CommandFailed: No such Pod."]
