from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS = [hook for repo in CONFIG["repos"] for hook in repo["hooks"]]


@pytest.fixture(scope="module")
def recipes() -> set[str]:
    """The commands of `make lint test claims` on a machine without conda."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "CONDA_"}
    command = ["make", "--dry-run", "lint", "test", "claims"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_is_a_command_of_make(hook: dict[str, Any], recipes: set[str]) -> None:
    assert hook["entry"] in recipes
    assert hook["pass_filenames"] is False


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_downloads_nothing_and_runs_what_is_locked(hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.M)

    assert hook["language"] == "system"
    assert program.removeprefix(".venv/bin/") in {"python", *locked}
    assert [one for one in arguments if one.endswith(".py") and not (ROOT / one).is_file()] == []


def test_the_hooks_are_local_and_have_every_quick_check_of_make_lint(recipes: set[str]) -> None:
    lint = {one for one in recipes if one.startswith((".venv/bin/ruff", ".venv/bin/codespell"))}

    assert {repo["repo"] for repo in CONFIG["repos"]} == {"local"}
    assert lint <= {hook["entry"] for hook in HOOKS}
