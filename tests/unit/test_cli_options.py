"""`course up` and `course open` start a cluster by the same options."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from daemonset_course import cli, cluster

OPTIONS = {
    "--name": ("name", "second"),
    "--backend": ("backend", "embedded"),
    "--pace": ("pace", 0.5),
    "--kubernetes": ("kubernetes", "1.35"),
    "--api-port": ("port", 20123),
    "--image": ("image", "my/node:1"),
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `cluster.up` was called with."""
    calls: list[dict[str, Any]] = []

    def up(**options: Any) -> SimpleNamespace:
        del options["report"]
        calls.append(options)
        state = SimpleNamespace(backend="embedded", kubernetes="v1.36.3")
        return SimpleNamespace(name="second", state=state, backend=SimpleNamespace(kubeconfig="k"))

    monkeypatch.setattr(cluster, "up", up)
    monkeypatch.setattr(cli.jupyter, "start", lambda *_: SimpleNamespace(wait=lambda: 0))
    return calls


@pytest.mark.parametrize("command", ["up", "open"])
def test_both_commands_hand_every_option_over(command: str, asked: list[dict[str, Any]]) -> None:
    words = [word for option, (_, value) in OPTIONS.items() for word in (option, str(value))]

    assert CliRunner().invoke(cli.app, [command, *words]).exit_code == 0
    assert CliRunner().invoke(cli.app, [command]).exit_code == 0
    assert asked == [dict(OPTIONS.values()), dict.fromkeys((k for k, _ in OPTIONS.values()), None)]


def test_no_option_of_up_is_left_out() -> None:
    known = set(inspect.signature(cluster.up).parameters) - {"report"}
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]

    assert {name for name, _ in OPTIONS.values()} == known
    for command in ("up", "open"):
        assert {one.opts[0] for one in commands[command].params} == set(OPTIONS)
    assert [one.opts for one in commands["up"].params if "--port" in one.opts] == [
        ["--api-port", "--port"]
    ]


@pytest.mark.parametrize("command", ["up", "open"])
def test_a_wrong_option_is_three_lines_of_either_command(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--name", "No_Good"])

    assert result.exit_code == 1
    assert re.match(
        r"BadInput 'No_Good' cannot be the name of a cluster\.\n  Next: ", result.stderr
    )
