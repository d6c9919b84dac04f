"""Sabotage of a real node and its cure: scripts run by a real shell on a pretended node."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster.embedded.embedded_backend import Embedded
from daemonset_course.cluster.kind import node_faults
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.cluster.kind.kind_backend import Kind
from daemonset_course.errors import BadInput
from daemonset_course.verbs import conditions

SYSTEMCTL = """#!/bin/sh
echo "$*" >>{root}/calls
case "$1" in
is-active) [ ! -e {root}/stopped ];;
stop) touch {root}/stopped;;
start) rm -f {root}/stopped;;
esac
"""


class Node:
    """Folders and a systemctl that look like a node's to the scripts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / node_faults.CONFIG.lstrip("/")
        self.plugins = root / node_faults.PLUGINS.lstrip("/")
        self.config.parent.mkdir(parents=True)
        self.plugins.mkdir(parents=True)
        self.config.write_text("kind: KubeletConfiguration\nmaxPods: 110\n")
        (self.plugins / "10-kindnet.conflist").write_text("{}")
        (root / "bin").mkdir()
        (root / "bin" / "systemctl").write_text(SYSTEMCTL.format(root=root))
        (root / "bin" / "systemctl").chmod(0o755)

    def __call__(self, script: str) -> str:
        for path in (node_faults.CONFIG, node_faults.PLUGINS):
            script = script.replace(path, f"{self.root}{path}")
        env = {"PATH": f"{self.root}/bin:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-c", script], env=env, capture_output=True, text=True, check=False, timeout=20
        )
        assert not done.stderr
        return done.stdout

    def files(self) -> dict[str, str | None]:
        """Every file with its text, every folder with None."""
        found = {
            path: path.read_text() if path.is_file() else None for path in self.root.rglob("*")
        }
        return {
            path.relative_to(self.root).as_posix(): text
            for path, text in found.items()
            if path.name != "calls"
        }

    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "node")


SABOTAGES: dict[str, Callable[[Node], None]] = {
    "kubelet configuration": lambda node: node_faults.press(node, "disk"),
    "network plugin": node_faults.unplug,
    "containerd": node_faults.stop_runtime,
}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("what", SABOTAGES)
def test_each_node_faults_is_undone_also_where_it_was_done_twice(
    node: Node, what: str, times: int
) -> None:
    before = node.files()
    for _ in range(times):
        SABOTAGES[what](node)
    assert node.files() != before

    assert node_faults.mend(node) == [what]
    assert node.files() == before
    assert node_faults.mend(node) == []


def test_all_at_once_are_undone_at_once(node: Node) -> None:
    before = node.files()
    for spoil in SABOTAGES.values():
        spoil(node)

    assert node_faults.mend(node) == list(SABOTAGES)
    assert node.files() == before


def test_a_pressed_kubelet_keeps_its_other_settings_and_is_restarted(node: Node) -> None:
    node_faults.press(node, "memory")
    config: dict[str, Any] = yaml.safe_load(node.config.read_text())

    assert config["maxPods"] == 110
    assert config["evictionSoft"] == {"memory.available": "99.9%"}
    assert "evictionHard" not in config  # it would lower the node's allocatable memory
    assert node.calls() == ["restart kubelet"]


def test_a_plugin_cannot_write_its_file_anew_while_it_is_set_aside(node: Node) -> None:
    node_faults.unplug(node)

    with pytest.raises(IsADirectoryError):
        (node.plugins / "10-kindnet.conflist").write_text("{}")


def test_a_runtime_that_was_stopped_is_started_alone(node: Node) -> None:
    node_faults.stop_runtime(node)
    node_faults.start_runtime(node)

    assert node.calls() == ["stop containerd", "start containerd"]


def test_the_kind_backend_runs_them_in_the_node_s_container(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def run(_: Engine, *words: str, **__: object) -> str:
        asked.append(words[:-1])
        return node(words[-1])

    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(Engine, "run", run)
    kind = Kind("mine", kubernetes="v1.36.3", pace=1.0)
    kind.__dict__["engine"] = Engine("docker", "28", 2, False)
    kind.press_node("mine-worker", "pid")
    kind.unplug_node("mine-worker")

    assert kind.mend_node("mine-worker") == ["kubelet configuration", "network plugin"]
    assert set(asked) == {("exec", "mine-worker", "sh", "-c")}


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Embedded:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    backend = Embedded("mine", kubernetes="v1.36.3", pace=1.0)
    monkeypatch.setattr(conditions, "current", lambda: SimpleNamespace(backend=backend))
    return backend


REFUSED: dict[str, Callable[[Embedded], Any]] = {
    "pressure": lambda backend: backend.press_node("n", "disk"),
    "network": lambda backend: backend.unplug_node("n"),
    "the verb pressure": lambda _: conditions.pressure({"n": "disk"}).__enter__(),
    "the verb without_network": lambda _: conditions.without_network("n").__enter__(),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_embedded_backend_refuses_what_it_does_not_declare(
    embedded: Embedded, what: str
) -> None:
    with pytest.raises(BadInput, match="real nodes") as error:
        REFUSED[what](embedded)

    assert "embedded" in error.value.seen
    assert "--backend kind" in error.value.next_step
    assert embedded.mend_node("n") == []


def test_a_backend_declares_what_the_verbs_ask_for() -> None:
    assert {"pressure", "network"} <= set(CAPABILITIES) == Kind.capabilities
