from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemonset_course.cluster.kind import engine
from daemonset_course.cluster.kind.engine import (
    Engine,
    Missing,
    engines,
    find_engine,
    needed_engine,
)
from daemonset_course.errors import CommandFailed, NotRunning

DOCKER = {"ServerVersion": "28.1.0", "CgroupVersion": "2", "SecurityOptions": ["name=rootless"]}
PODMAN = {
    "host": {"cgroupVersion": "v1", "security": {"rootless": False}},
    "version": {"Version": "5.4.0"},
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's own shell."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    monkeypatch.setattr(engine.shutil, "which", lambda name: (folder / name).exists() or None)
    return folder


def program(folder: Path, name: str, says: object, status: int = 0) -> None:
    text = says if isinstance(says, str) else json.dumps(says)
    (folder / f"{name}.txt").write_text(text)
    script = f"#!/bin/sh\ncat {folder}/{name}.txt\nexit {status}\n"
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_docker_that_answers_is_taken_before_podman(programs: Path) -> None:
    program(programs, "docker", DOCKER)
    program(programs, "podman", PODMAN)

    assert find_engine() == Engine("docker", "28.1.0", cgroup=2, rootless=True)


def test_podman_is_taken_first_where_kind_s_own_variable_says_so(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "docker", DOCKER)
    program(programs, "podman", PODMAN)
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")

    assert find_engine() == needed_engine() == Engine("podman", "5.4.0", cgroup=1, rootless=False)


def test_podman_serves_where_docker_is_silent(programs: Path) -> None:
    program(programs, "docker", {"ServerErrors": ["Cannot connect to the Docker daemon"]})
    program(programs, "podman", PODMAN)

    assert find_engine() == Engine("podman", "5.4.0", cgroup=1, rootless=False)


def test_each_missing_engine_says_why(programs: Path) -> None:
    program(programs, "docker", "permission denied", status=1)

    assert find_engine() is None
    assert engines() == [Missing("docker", "permission denied"), Missing("podman", "not on PATH")]
    with pytest.raises(NotRunning, match="Docker or podman") as error:
        needed_engine()
    assert error.value.seen == "docker: permission denied; podman: not on PATH"
    assert "--backend embedded" in error.value.next_step


@pytest.mark.parametrize("says", ["no json", {}, {"ServerVersion": ""}])
def test_an_answer_that_makes_no_sense_is_no_engine(programs: Path, says: object) -> None:
    program(programs, "docker", says)

    assert find_engine() is None


@pytest.mark.parametrize("slash", ["/", ""], ids=["docker", "podman"])
def test_the_containers_of_one_cluster_with_their_state(programs: Path, slash: str) -> None:
    says = f"{slash}a-worker\\tpaused\\n{slash}a-control-plane\\trunning\\n"
    script = f"""#!/bin/sh
case "$1" in ps) echo a-worker; echo a-control-plane;; inspect) printf "{says}";; esac
"""
    (programs / "docker").write_text(script)
    (programs / "docker").chmod(0o755)
    nodes = Engine("docker", "28", 2, False).nodes("a")

    assert nodes == {"a-control-plane": "running", "a-worker": "paused"}
    assert list(nodes) == sorted(nodes)


def test_a_cluster_without_containers_is_not_inspected(programs: Path) -> None:
    (programs / "docker").write_text('#!/bin/sh\n[ "$1" = ps ]\n')
    (programs / "docker").chmod(0o755)

    assert Engine("docker", "28", 2, False).nodes("a") == {}


def test_an_image_is_pulled_only_when_it_is_missing(programs: Path) -> None:
    log = programs / "log"
    for status, asked in ((0, ["image"]), (1, ["image", "pull"])):
        log.write_text("")
        script = f'#!/bin/sh\necho "$1" >> {log}\n[ "$1" = pull ] || exit {status}\n'
        (programs / "docker").write_text(script)
        (programs / "docker").chmod(0o755)

        Engine("docker", "28.1.0", cgroup=2, rootless=False).bring("node:1")

        assert log.read_text().split() == asked


def test_a_pause_is_tried_again_on_a_busy_machine(programs: Path) -> None:
    tried = programs / "tried"
    script = f"#!/bin/sh\necho x >> {tried}\n[ $(wc -l < {tried}) -ge 3 ] || exit 1\n"
    (programs / "docker").write_text(script)
    (programs / "docker").chmod(0o755)

    Engine("docker", "28.1.0", cgroup=2, rootless=False).pause("course-worker")

    assert tried.read_text() == "x\n" * 3


def test_a_pause_that_never_works_says_what_the_engine_said(programs: Path) -> None:
    program(programs, "docker", "unable to freeze", status=1)

    with pytest.raises(CommandFailed, match="unable to freeze"):
        Engine("docker", "28.1.0", cgroup=2, rootless=False).pause("course-worker")
