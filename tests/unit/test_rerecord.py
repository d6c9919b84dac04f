"""`course record`: a lesson's notebook is run, and its real steps replace the recordings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cli import app
from daemonset_course.errors import BadInput, CommandFailed
from daemonset_course.recording import rerecord
from daemonset_course.recording.steps import load

# The kernel has no cluster either: the step gets one that has all capabilities.
STEP = """
from types import SimpleNamespace
from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.recording import steps

steps.current = lambda: SimpleNamespace(
    backend=SimpleNamespace(capabilities=frozenset(CAPABILITIES)),
    state=SimpleNamespace(backend="kind", kubernetes="v1.36.3"),
)

@steps.step("00-words", needs="logs")
def words():
    return "new"
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cluster that has everything, until a test takes it away."""
    found = SimpleNamespace(
        name="mine",
        backend=SimpleNamespace(capabilities=frozenset(CAPABILITIES)),
        state=SimpleNamespace(backend="kind"),
        environment=lambda: {"COURSE_CLUSTER": "mine"},
    )
    monkeypatch.setattr(rerecord, "current", lambda _: found)
    return found


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recording in a repository of its own."""
    monkeypatch.setattr(rerecord, "REPOSITORY", tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("COURSE_STEPS", raising=False)  # nothing here runs for real
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "recordings").mkdir()
    path = tmp_path / "recordings" / "00-words.jsonl"
    path.write_text("old")
    return path


def lesson(old: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, old.parents[1] / "notebooks" / "00-start.ipynb")


@pytest.mark.usefixtures("cluster")
def test_a_lesson_that_runs_replaces_its_recordings(old: Path) -> None:
    lesson(old, STEP, "import os; assert os.environ['COURSE_CLUSTER'] == 'mine'")

    run = CliRunner().invoke(app, ["record", "00"])

    assert run.stdout == f"recorded {old}\n"
    header, result = load(old)
    assert (header["step"], header["backend"], result) == ("00-words", "kind", "new")


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        ("raise ValueError('the node is gone')", "ValueError: the node is gone"),
        ("import os; os._exit(1)", "Kernel died"),
    ],
)
def test_a_cell_that_fails_after_a_step_keeps_the_old_recording(
    old: Path, cell: str, seen: str
) -> None:
    lesson(old, STEP, cell)

    with pytest.raises(CommandFailed, match=r"A cell of 00-start\.ipynb failed") as error:
        rerecord.record_lesson("00")
    assert error.value.seen.endswith(seen)
    assert [path.read_text() for path in old.parent.iterdir()] == ["old"]


def test_a_cluster_without_real_kubelets_is_refused(cluster: Any, old: Path) -> None:
    lesson(old, "raise AssertionError('it ran')")
    cluster.backend.capabilities = frozenset()
    cluster.state.backend = "embedded"

    with pytest.raises(BadInput, match="'mine' cannot run real steps") as error:
        rerecord.record_lesson("00")
    assert "embedded, has no exec, hostpath, logs" in error.value.seen
    assert "course up --backend kind" in error.value.next_step
    assert old.read_text() == "old"
