"""The notebook gate of `make test`, run on tiny notebooks with a cluster that only takes notes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

import around_lessons
from run_notebooks import command

ROOT = Path(__file__).parents[2]
OPTIONS = re.search(
    r"(-n \$\(WORKERS\).*?) \$\(PYTESTARGS\)", (ROOT / "Makefile").read_text(), re.S
)
FAKE_CLUSTER = """
import os, pathlib
def _note(verb, name):
    with (pathlib.Path(os.environ["NOTES"]) / name).open("a") as notes:
        notes.write(f"{verb} {os.environ['COURSE_HOME']}\\n")
def up(name, *, backend, pace, kubernetes):
    if os.environ.get("BROKEN"):
        raise RuntimeError("no etcd here")
    _note(f"up {backend} {pace}", name)
    (pathlib.Path(os.environ["COURSE_HOME"]) / "clusters" / name).mkdir(parents=True)
    return name
def down(name):
    _note("down", name)
    (pathlib.Path(os.environ["COURSE_HOME"]) / "clusters" / name).rmdir()
def reset(workers):
    assert workers == 3
"""
# the nodes of a cluster are the folders in its home
FAKE_DIRT = """
import os, pathlib
def fresh_nodes(cluster):
    return {p.name: "node" for p in pathlib.Path(os.environ["COURSE_HOME"]).glob("node-*")}
def make_dirty(cluster, chance):
    raise AssertionError("nobody asked for dirt")
def seed():
    return 1
"""
FAKE_SCENES = """
def eventually(true):
    assert true()
"""
FAKE_ENVIRONMENT = """
import os
def for_python():
    return dict(os.environ)  # with PYTHONPATH, by which the fakes are found
"""
LEAVES_A_NODE = "import os, pathlib; pathlib.Path(os.environ['COURSE_HOME'], 'node-9').mkdir()"


class Gate:
    """A folder laid out like the repository, and the run of pytest in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.notes = root, root / "notes"
        self.mark = root / "a-cell-after-the-failed-one-ran"
        for folder in ("notes", "notebooks", "labs", "tests/unit", "tests/live", "tests/faults"):
            (root / folder).mkdir(parents=True)
        for name in (
            "conftest.py", "tests/what_ran.py", "tests/around_lessons.py", "pyproject.toml",
        ):  # fmt: skip
            shutil.copy(ROOT / name, root / name)
        (root / "tests/faults/dirt.py").write_text(FAKE_DIRT)
        (root / "tests/live/scenes.py").write_text(FAKE_SCENES)
        (root / "fake").mkdir()
        package = root / "fake" / "daemonset_course"
        package.mkdir()
        (package / "__init__.py").touch()
        for name in ("places.py", "errors.py", "variables.py"):
            shutil.copy(ROOT / "src" / "daemonset_course" / name, package / name)
        (package / "cluster.py").write_text(FAKE_CLUSTER)
        (package / "environment.py").write_text(FAKE_ENVIRONMENT)
        (package / "lab").mkdir()
        (package / "lab" / "lab_log.py").write_text("def end(cluster):\n    pass\n")

    def notebook(self, name: str, *cells: str) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        nbformat.write(notebook, self.root / name)

    def run(self, *arguments: str, **variables: str) -> None:
        assert OPTIONS
        options = OPTIONS[1].replace("$(WORKERS)", "2").replace("\\", "").split()
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | variables
        env |= {"NOTES": str(self.notes), "PYTHONPATH": str(self.root / "fake"), "COLUMNS": "200"}
        ran = subprocess.run(
            command("--color=no", *options, *arguments),
            cwd=self.root,
            env=env,
            text=True,
            capture_output=True,
            timeout=120,
        )
        self.code, self.output = ran.returncode, ran.stdout + ran.stderr

    def ups_and_downs(self) -> dict[str, list[str]]:
        return {
            p.name: [n.split()[0] for n in p.read_text().splitlines()] for p in self.notes.glob("*")
        }


LOOK = "import os; home = os.environ['COURSE_HOME']; name = os.environ['COURSE_CLUSTER']"
GOOD = (LOOK, "assert home.endswith(name.removeprefix('test-'))", "import matplotlib.pyplot as plt")
LIVE_TESTS = """
class TestOne:
    def test_up(self, live_cluster):
        assert live_cluster.startswith("test-gw")
def test_two():
    pass
"""
UNIT_TESTS = """
import gc, pytest
def test_one():
    gc.collect()  # what a kernel left open would warn here
def test_unmarked(live_cluster):
    pass
@pytest.mark.live
def test_marked():
    pass
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """A gate after a run with everything good and bad in it."""
    gate = Gate(tmp_path_factory.mktemp("gate"))
    for number in range(3):
        gate.notebook(f"notebooks/0{number}-good.ipynb", *GOOD)
    gate.notebook("labs/01-fails.ipynb", "x = 1", "assert x == 2", f"open({str(gate.mark)!r}, 'w')")
    gate.notebook("labs/02-hangs.ipynb", "while True: pass", "x = 1")
    gate.notebook("labs/03-good.ipynb", "y = 2", "assert y == 2")
    (gate.root / "tests/live/test_a.py").write_text(LIVE_TESTS)
    (gate.root / "tests/unit/test_a.py").write_text(UNIT_TESTS)
    gate.run("tests", "labs", "notebooks", "--nbval-cell-timeout=10")
    return gate


def test_only_the_bad_fails(gate: Gate) -> None:
    assert gate.code == 1
    assert "2 failed, 15 passed, 2 skipped, 2 errors" in gate.output, gate.output


def test_notebooks_and_live_tests_share_one_cluster_a_worker(gate: Gate) -> None:
    verbs = gate.ups_and_downs()

    assert set(verbs) <= {"test-gw0", "test-gw1"}
    assert {tuple(some) for some in verbs.values()} == {("up", "down")}
    assert all(re.match("up embedded 0.25 ", path.read_text()) for path in gate.notes.glob("*"))


def test_the_state_folders_are_gone(gate: Gate) -> None:
    homes = {
        line.split()[-1] for path in gate.notes.glob("*") for line in path.read_text().splitlines()
    }

    assert homes
    assert not any(Path(home).parent.exists() for home in homes)


def test_a_failed_cell_stops_its_notebook_only(gate: Gate) -> None:
    assert "skipped 1: Cell 1 failed earlier in this notebook" in gate.output
    assert re.search(r"labs/01-fails.ipynb +3 cells .*failed: Cell 1\n", gate.output)
    assert re.search(r"labs/03-good.ipynb +2 cells .*passed\n", gate.output)
    assert not gate.mark.exists()


def test_a_cell_that_takes_too_long_stops_its_notebook(gate: Gate) -> None:
    assert "Timeout of 10 seconds exceeded" in gate.output
    assert "skipped 1: Cell 0 failed earlier in this notebook" in gate.output


def test_unit_tests_start_no_cluster(gate: Gate) -> None:
    assert "a unit test starts no cluster: move it to tests/live" in gate.output
    assert "mark this test with pytest.mark.live" in gate.output


def test_the_table_says_what_ran(gate: Gate) -> None:
    for row in ("unit tests +1 +2 +0", "live tests +2 +0 +0", "lessons +3 +0 +0", "labs +1 +2 +0"):
        assert re.search(row, gate.output)
    assert "cluster backends exercised: embedded\n" in gate.output
    assert "waiting" not in gate.output  # two workers share the machine's CPU seconds


def test_a_lesson_that_runs_alone_says_how_long_it_waited(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.notebook("notebooks/01-waits.ipynb", "x = 1", "assert x == 1")
    gate.run("notebooks", "-n", "0")

    assert gate.code == 0, gate.output
    lesson = re.search(r"01-waits.ipynb .* s  passed, ([0-9.]+) s of it waiting\n", gate.output)
    assert lesson, gate.output
    assert f"waiting in all lessons: at least {lesson[1]} s, no CPU at work\n" in gate.output


def test_what_no_cpu_accounts_for_is_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around_lessons, "ALONE", True)
    monkeypatch.setattr(around_lessons, "_clock", {"wall": 100.0, "cpu": 40.0})
    monkeypatch.setattr("time.monotonic", lambda: 110.0)
    monkeypatch.setattr(around_lessons, "_cpu_seconds", lambda: 43.0)

    assert around_lessons.waited() == 7.0

    monkeypatch.setattr(around_lessons, "_cpu_seconds", lambda: 55.0)  # two CPUs were busy
    assert around_lessons.waited() == 0.0

    monkeypatch.setattr(around_lessons, "ALONE", False)
    assert around_lessons.waited() is None


def test_a_lesson_that_leaves_a_node_fails_and_a_lab_may(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.notebook("labs/01-a.ipynb", "x = 1")
    gate.notebook("notebooks/01-a.ipynb", "x = 1", "y = 1")
    gate.notebook("notebooks/02-leaves.ipynb", LEAVES_A_NODE, "x = 1")

    gate.run("labs", "notebooks", "-n0")

    assert gate.code == 1
    assert "5 passed, 1 error" in gate.output
    assert "02-leaves.ipynb did not put the nodes back" in gate.output
    assert "node-9: was not there" in gate.output


def test_without_a_cluster_live_items_fail_and_unit_tests_run(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.notebook("notebooks/01-a.ipynb", "x = 1", "y = 1")
    (gate.root / "tests/unit/test_a.py").write_text("def test_one(): pass\n")
    (gate.root / "tests/live/test_a.py").write_text(
        "def test_two(): pass\ndef test_three(): pass\n"
    )

    gate.run("tests", "notebooks", "-n0", BROKEN="yes")

    assert gate.code == 1
    assert len(re.findall(r"E +RuntimeError: no etcd here", gate.output)) == 1
    assert "1 passed, 1 skipped, 3 errors" in gate.output
    assert "cluster backends exercised: none" in gate.output


def test_a_crashed_worker_leaves_no_cluster(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    (gate.root / "tests/live/test_a.py").write_text("import os\ndef test_one(): os._exit(1)\n")

    gate.run("tests")

    assert gate.code == 1
    assert [verbs[-1] for verbs in gate.ups_and_downs().values()] == ["down"]
