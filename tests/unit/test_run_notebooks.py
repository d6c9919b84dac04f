"""How pytest is told to run notebooks, in one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import kind_suite
import minutes
import orders
import run_notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ["--nbval-lax", "--nbval-current-env"]
PLACES = [
    ROOT / "Makefile",
    *(ROOT / "tools").glob("*.py"),
    *(ROOT / ".github" / "workflows").glob("*"),
    ROOT / ".ci" / "run",
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]


def test_no_other_place_tells_pytest_how_to_run_notebooks() -> None:
    found = [path.name for path in PLACES if "--nbval" in path.read_text()]

    assert found == ["run_notebooks.py"]


def test_the_command_is_pytest_of_this_python() -> None:
    start = [sys.executable, "-m", "pytest", *NOTEBOOKS]

    assert run_notebooks.command("a", "-x") == [*start, "--nbval-cell-timeout=180", "a", "-x"]
    assert run_notebooks.command(cell_seconds=9, test_seconds=10) == [
        *start,
        "--nbval-cell-timeout=9",
        "--timeout=10",
    ]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that tools started; each ended badly."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_the_tools_run_notebooks_so_each_with_its_own_patience(
    ran: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SimpleNamespace(name="docker", version="28", cgroup="2")
    monkeypatch.setattr(kind_suite, "needed_engine", lambda: engine)

    assert minutes.main(["--only", "00"]) == 1
    assert orders.main(["--folder", str(tmp_path), "--runs", "twice", "--only", "00"]) == 1
    assert kind_suite.main(["notebooks/00-start-here.ipynb"]) == 1

    lesson = "notebooks/00-start-here.ipynb"
    assert [command[1:5] for command in ran] == [["-m", "pytest", *NOTEBOOKS]] * 3
    assert [command[5:7] for command in ran] == [
        ["--nbval-cell-timeout=600", "--timeout=900"],
        ["--nbval-cell-timeout=180", "--timeout=600"],
        ["--nbval-cell-timeout=300", "--timeout=600"],
    ]
    assert [command.count(lesson) for command in ran] == [1, 2, 1]


@pytest.mark.parametrize(("line", "status"), [("assert True", 0), ("assert False", 1)])
def test_the_exit_status_is_pytest_s(tmp_path: Path, line: str, status: int) -> None:
    # tests/notebooks runs real notebooks so; a kernel takes seconds
    (tmp_path / "test_a.py").write_text(f"def test_a():\n    {line}\n")

    done = subprocess.run(
        [
            sys.executable,
            ROOT / "tools" / "run_notebooks.py",
            "-p",
            "no:cacheprovider",
            "test_a.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout + done.stderr
    assert f"1 {'failed' if status else 'passed'}" in done.stdout
