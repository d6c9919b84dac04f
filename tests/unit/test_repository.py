from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from daemonset_course.binaries.pinned import versions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "daemonset_course"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tools").glob("*.py"), ROOT / "conftest.py"])
PURE = sorted(
    [
        *(PACKAGE / "analysis").glob("*.py"),
        *(PACKAGE / "history").glob("*.py"),
        PACKAGE / "arguments.py",
        PACKAGE / "manifest_text.py",
        PACKAGE / "metrics.py",
        PACKAGE / "simulation.py",
        PACKAGE / "yaml_nodes.py",
        PACKAGE / "figures" / "__init__.py",
        PACKAGE / "figures" / "colours.py",
        PACKAGE / "figures" / "pods.py",
        PACKAGE / "figures" / "shapes.py",
        PACKAGE / "figures" / "table_html.py",
        *(
            PACKAGE / "figures" / "rollout" / f"{name}.py"
            for name in (
                "axis",
                "bounds",
                "chart",
                "drawn_in",
                "expected",
                "folding",
                "key",
                "letters",
                "pauses",
                "pieces",
                "row_labels",
                "row_order",
                "status_strip",
                "tile_map",
            )
        ),
        *(PACKAGE / "placement").glob("*.py"),
        *(PACKAGE / "lab" / "criteria").glob("*.py"),
        *(PACKAGE / "lab" / "tasks").glob("*.py"),
        PACKAGE / "lab" / "agent_manifest.py",
        PACKAGE / "lab" / "agent_tries.py",
        PACKAGE / "lab" / "evidence.py",
        PACKAGE / "lab" / "lab.py",
        PACKAGE / "lab" / "learner_yaml.py",
        PACKAGE / "lab" / "pod_fields.py",
        PACKAGE / "lab" / "quantities.py",
        PACKAGE / "lab" / "solutions.py",
        PACKAGE / "lab" / "typed.py",
        PACKAGE / "lab" / "verdict.py",
        PACKAGE / "playground" / "settings.py",
    ]
)
EDGES = {
    *("cluster", "binaries", "verbs", "figures", "recording", "lab"),
    *("cli", "doctor", "doctor_report"),
}
LIMIT = 400  # lines
HEAVY = {"kubernetes", "matplotlib", "ipywidgets", "jupyterlab"}


LESSONS = sorted((ROOT / "content").rglob("*.py"))
SOURCES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *LESSONS]


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, in full; relative ones are refused."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert not node.level
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def conditions(path: Path) -> list[str]:
    """Every expression by which a file's code decides something."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
                found.append(node.test)
            case ast.comprehension():
                found += node.ifs
            case ast.Match():
                found.append(node.subject)
            case ast.Compare() | ast.BoolOp():
                found.append(node)
    return [ast.unparse(one) for one in found]


def warn_of_long_files(paths: Iterable[Path]) -> None:
    """A file ends where its subject ends: one above the limit is worth a look, no more."""
    lines = {path.name: len(path.read_text().splitlines()) for path in paths}
    long = [f"{name} ({count})" for name, count in lines.items() if count > LIMIT]
    if long:
        warnings.warn(f"More than {LIMIT} lines: {', '.join(long)}", stacklevel=2)


@pytest.fixture(scope="module", autouse=True)
def long_modules() -> None:
    warn_of_long_files(MODULES)


def test_only_files_above_the_limit_are_named_in_a_warning(tmp_path: Path) -> None:
    for name, count in {"short.py": LIMIT, "long.py": LIMIT + 1}.items():
        (tmp_path / name).write_text("pass\n" * count)

    with pytest.warns(UserWarning, match=r"^More than 400 lines: long\.py \(401\)$"):
        warn_of_long_files(sorted(tmp_path.iterdir()))


def test_no_file_name_stands_twice() -> None:
    names = Counter(path.name for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_pure_module_knows_no_client_clock_or_picture(path: Path) -> None:
    pure = {
        f"daemonset_course.{p.relative_to(PACKAGE).with_suffix('')}".replace("/", ".")
        for p in (path.parent / "" if path.name == "__init__.py" else path for path in PURE)
    }
    ours = {name for name in imports(path) if name.startswith("daemonset_course.")}
    edges = {name for name in ours if name.split(".")[1] in EDGES}
    others = {name.split(".")[0] for name in imports(path)} - {"daemonset_course"}

    assert others - set(sys.stdlib_module_names) <= {"yaml", "prometheus_client"}
    assert not others & {"time", "subprocess", "socket", "urllib", "http"}
    assert {name for name in edges if not any(name.startswith(one) for one in pure)} == set()


def test_the_wheel_has_every_file_of_the_package_and_says_that_it_is_typed(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith("daemonset_course/")}
    files = {path for path in PACKAGE.rglob("*") if path.is_file()}
    ours = {path for path in files if path.parent.name != "__pycache__"}

    assert packed == {path.relative_to(PACKAGE.parent).as_posix() for path in ours}
    assert "daemonset_course/py.typed" in packed


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, daemonset_course; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert not HEAVY & set(loaded.stdout.split())


def test_ci_runs_every_test_that_needs_no_kind() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script
    assert [line for line in script.splitlines() if line.startswith("make ")] == [
        "make test", "make test-live", "make proof",
        "make test-browser || make test-browser PYTESTARGS=--last-failed",
    ]  # fmt: skip
    assert not re.search(r"\bsleep\b", script + (ROOT / "Makefile").read_text())


def test_each_kubernetes_that_can_be_chosen_is_proven() -> None:
    minors = sorted(version.removeprefix("v").rpartition(".")[0] for version in versions())
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yaml").read_text())["jobs"]

    for job in ("kubernetes", "kind"):
        assert sorted(jobs[job]["strategy"]["matrix"]["kubernetes"]) == minors
    assert f"\nVERSIONS ?= {' '.join(minors)}\n" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_lesson_or_lab_decides_by_its_backend(path: Path) -> None:
    assert [one for one in conditions(path) if re.search(r"\bbackend\b|'embedded'", one)] == []


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert re.findall(r"^  make ([\w-]+) +\S", shown.stdout, re.M) != []
    assert set(re.findall(r"^  make ([\w-]+) +\S", shown.stdout, re.M)) == set(phony.split())


def test_what_the_tests_share_hides_no_installed_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = settings["tool"]["pytest"]["ini_options"]["pythonpath"]
    shared = {path.stem for folder in folders for path in (ROOT / folder).glob("*.py")}
    assert "chromium" in shared
    assert shared & packages_distributions().keys() == set()


def test_the_licence_is_the_one_that_pyproject_names() -> None:
    licence = (ROOT / "LICENSE").read_text()

    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
    assert "Version 2.0, January 2004" in licence
    assert "9. Accepting Warranty or Additional Liability." in licence


def without_reason(code: str) -> list[int]:
    """The lines that throw a cause away, with no comment on that line or on the one before."""
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    }
    thrown = [
        node.cause.lineno
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Raise)
        and isinstance(node.cause, ast.Constant)
        and node.cause.value is None
    ]
    return [line for line in thrown if not {line - 1, line} & comments]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("raise A('x') from None", [1]),
        ("raise A(\n    'from None'\n) from None", [3]),
        ("raise A('x') from None  # the URL has a token", []),
        ("# the URL has a token\nraise A('x') from None", []),
        ("# the URL has a token\nraise A(\n    'x'\n) from None", [4]),
        ("raise A('x') from error", []),
        ("a = '# from None'", []),
    ],
)
def test_a_cause_thrown_away_is_seen(code: str, lines: list[int]) -> None:
    assert without_reason(code) == lines


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_cause_is_thrown_away_without_a_reason(path: Path) -> None:
    assert without_reason(path.read_text()) == [], "raise ... from error, or say why not"
