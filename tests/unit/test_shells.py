"""Commands in the containers of Pods: kubectl exec is replaced by a shell on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemonset_course.verbs import shells
from daemonset_course.verbs.kubectl import Output


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What kubectl was asked to run commands in; the commands run here."""
    asked: list[tuple[str, ...]] = []

    def kubectl(*words: str) -> Output:
        where, command = words[: words.index("--")], words[words.index("--") + 1 :]
        asked.append(where)
        return Output(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    monkeypatch.setattr(shells, "kubectl", kubectl)
    return asked


def test_a_failing_command_is_no_error_and_its_message_is_returned(
    targets: list[tuple[str, ...]], tmp_path: Path
) -> None:
    touch = "touch {}/x && echo written"

    assert shells.shell("daemonset/open", touch.format(tmp_path)) == "written"
    assert "No such file" in shells.shell("agent-x7f2p", touch.format(tmp_path / "none"))
    assert targets == [("exec daemonset/open",), ("exec agent-x7f2p",)]


def test_a_command_runs_in_the_container_of_that_name(targets: list[tuple[str, ...]]) -> None:
    assert shells.shell("agent", "echo 1; echo 2", container="second") == "1\n2"
    assert targets == [("exec agent", "-c", "second")]


def test_each_command_succeeds_or_has_its_error_output(
    targets: list[tuple[str, ...]], tmp_path: Path
) -> None:
    commands = {"here": f"ls {tmp_path}", "nowhere": f"ls {tmp_path}/none", "again": "true"}

    found = shells.try_commands("hands", {"root": "given-root", "nobody": "other"}, commands)

    assert list(found) == ["root", "nobody"]
    for each in found.values():
        assert (each["here"], each["again"]) == ("succeeds", "succeeds")
        assert "No such file" in each["nowhere"]
    assert targets[0] == ("exec daemonset/hands", "-c", "given-root")
