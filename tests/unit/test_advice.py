"""What the course tells a learner to type acts on the cluster in question, not on another one."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from daemonset_course import cli, cluster, doctor
from daemonset_course.cli import app
from daemonset_course.cluster import lifecycle, marker
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.embedded import embedded_backend
from daemonset_course.cluster.kind import kind_program, static_pods
from daemonset_course.cluster.kind.engine import Engine, needed_engine
from daemonset_course.cluster.state import State
from daemonset_course.errors import CommandFailed, CourseError
from daemonset_course.places import cluster_dir, course_command

PACKAGE = Path(cli.__file__).parent
VERBS = "up|down|reset|status|doctor|open|lab"
SETTINGS: dict[str, Any] = {"kubernetes": "v1.36.3", "pace": 1.0}
Advice = Callable[[Path], Any]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("COURSE_CLUSTER", raising=False)
    return cluster_dir("second")


def kubeconfig(folder: Path, server: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kubeconfig").write_text(json.dumps(config))
    return folder / "kubeconfig"


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\nexit 1\n")
    (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("name", "in_use", "typed"),
    [
        (None, None, "course down"),
        ("course", None, "course down"),
        ("second", None, "course down --name second"),
        (None, "second", "course down --name second"),
        ("course", "second", "course down --name course"),
        ("course", "course", "course down"),
        ("course", "", "course down"),
    ],
)
def test_a_command_names_the_cluster_unless_it_acts_on_it_anyway(
    name: str | None, in_use: str | None, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_use is not None:
        monkeypatch.setenv("COURSE_CLUSTER", in_use)

    assert course_command("down", name) == typed


def test_no_other_place_writes_a_command_of_a_cluster() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        prose = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
            if isinstance(text, str) and re.search(rf"\bcourse ({VERBS})\b", text):
                found.append(f"{path.name}:{node.lineno}: {text}")

    assert found == []


def silent(_: object, *words: str, **__: object) -> str:
    raise CommandFailed(f"{words[0]} failed.")


PLACES: dict[str, Advice] = {
    "a cluster that is not up": lambda _: cluster.current("second"),
    "a kubeconfig that cannot be used": lambda home: Api(home / "kubeconfig").get("/"),
    "a server that does not answer": lambda home: Api(kubeconfig(home, "http://127.0.0.1:9")).get(
        "/"
    ),
    "a foreign server": lambda home: marker.require_marker(
        kubeconfig(home, "https://10.0.0.1"), "id"
    ),
    "no engine": lambda _: needed_engine("second"),
    "kind fails": lambda home: kind_program.run(
        program(home / "bin", "kind"), Engine("docker", "28", 2, False), "second", "create"
    ),
    "kwokctl fails": lambda home: (
        embedded_backend.Embedded("second", **SETTINGS).create()
        if program(home / "bin", "kwokctl")
        else None
    ),
    "a component without metrics": lambda _: embedded_backend.Embedded(
        "second", **SETTINGS
    ).metrics("etcd"),
    "a static pod without metrics": lambda _: static_pods.metrics(
        Engine("docker", "28", 2, False), "second-control-plane", "kube-scheduler"
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_error_s_next_step_names_the_cluster(
    place: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(Engine, "run", silent)
    with pytest.raises(CourseError) as error:
        PLACES[place](home)

    commands = re.findall(rf"\bcourse (?:{VERBS})\b[^,;]*", error.value.next_step)

    assert commands
    assert all("--name second" in command for command in commands)


def test_a_doctor_s_cures_name_the_cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "engines", lambda: [Engine("docker", "28", 1, False)])
    monkeypatch.setattr(Engine, "run", silent)
    home.mkdir(parents=True)
    State("second", "id", "embedded", "v1.36.3", 1.0, complete=True).save()
    cures = " ".join(one.cure for one in doctor.examine("second"))
    commands = re.findall(rf"\bcourse (?:{VERBS})\b[^,;:]*", cures)

    assert len(commands) > 2
    assert all("--name second" in command for command in commands)


@pytest.fixture
def finished(home: Path) -> State:
    """The folder of a finished `up`, whose API server listens at 20123."""
    kubeconfig(home, "https://127.0.0.1:20123")
    state = State("second", "id", "embedded", "v1.36.3", 1.0, complete=True)
    state.save()
    return state


@pytest.mark.usefixtures("finished")
def test_another_port_than_the_running_cluster_s_is_refused() -> None:
    result = CliRunner().invoke(app, ["up", "--name", "second", "--api-port", "20124"])

    assert result.exit_code == 1
    assert "port 20123" in result.stderr
    assert "course down --name second first" in result.stderr


@pytest.mark.parametrize("option", ["--api-port", "--port"])
def test_the_running_cluster_s_own_port_is_no_other_setting(
    finished: State, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = SimpleNamespace(name="second", state=finished, backend=SimpleNamespace(kubeconfig=""))
    monkeypatch.setattr(lifecycle, "_healed", lambda *_: running)

    assert CliRunner().invoke(app, ["up", "--name", "second", option, "20123"]).exit_code == 0


def opened(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, list[str], Any]:
    """What `course open` prints, what it hands to JupyterLab, and the API server's port."""
    handed: list[Any] = []

    def up(name: str | None, *, port: int | None, **_: object) -> SimpleNamespace:
        handed.append(port)
        return SimpleNamespace(name=name or "course")

    def start(_: object, words: list[str]) -> SimpleNamespace:
        handed.extend(words)
        return SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(cluster, "up", up)
    monkeypatch.setattr(cli.jupyter, "start", start)
    result = CliRunner().invoke(app, ["open", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout, handed[1:], handed[0]


def test_open_ends_with_commands_for_its_own_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    named, plain = opened(monkeypatch, "--name", "second")[0], opened(monkeypatch)[0]

    assert "course down --name second" in named
    assert "course open --name second" in named
    assert "make lab" in plain
    assert "--name" not in plain


def test_open_s_port_is_jupyterlab_s(monkeypatch: pytest.MonkeyPatch) -> None:
    _, words, port = opened(monkeypatch, "--port=9999", "--api-port", "20123", "--no-browser")

    assert words == ["--port=9999", "--no-browser"]
    assert port == 20123


def test_an_interrupted_command_names_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "up", interrupted)
    result = CliRunner().invoke(app, ["up", "--name", "second"])

    assert result.exit_code == 130
    assert result.stderr.endswith("or: course down --name second\n")
