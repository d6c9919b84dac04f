"""Who uses a cluster: only a process that still runs, not another one with its number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemonset_course.cluster import usage
from daemonset_course.errors import InUse
from daemonset_course.places import cluster_dir


@pytest.fixture(autouse=True)
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "labs/06-roll.ipynb")
    cluster_dir("course").mkdir(parents=True)


def by_another(monkeypatch: pytest.MonkeyPatch, pid: int | None = None) -> None:
    """Begin a task in the notebook of lab 06, and go on in a kernel of another notebook."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        usage.begin("course", "lab 06, task 1", os.getppid() if pid is None else pid)
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/03-scheduling.ipynb")


def test_a_reset_is_refused_while_the_process_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    by_another(monkeypatch)
    with pytest.raises(InUse) as caught:
        usage.require_free("course", force=False)

    text = str(caught.value)
    assert text.startswith("Lab 06, task 1 runs on the cluster 'course'")
    assert "the notebook 06-roll.ipynb" in text
    assert "reset(force=True)" in text


def test_force_ends_the_process_and_notes_who_did(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        by_another(monkeypatch, process.pid)
        usage.require_free("course", force=True)
        assert process.poll() is not None

    found = usage.usage_of("course")
    assert found is not None
    assert found.reset_by.startswith("the notebook 03-scheduling.ipynb at ")
    usage.require_free("course", force=False)


@pytest.mark.parametrize("notebook", ["labs/06-roll.ipynb", ""])
def test_the_notebook_that_began_it_may_reset(
    monkeypatch: pytest.MonkeyPatch, notebook: str
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", notebook)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with monkeypatch.context() as patch:
            if notebook:  # its kernel was restarted
                patch.setattr(os, "getpid", lambda: 1)
            usage.begin("course", "lab 06, task 1", process.pid)
        usage.require_free("course", force=False)
        assert process.poll() is not None


def test_another_process_with_the_same_number_is_not_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_another(monkeypatch)
    path = tmp_path / "clusters" / "course" / "usage.json"
    found = usage.usage_of("course")
    assert found is not None
    path.write_text(path.read_text().replace(str(found.began), str(found.began - 60)))

    usage.require_free("course", force=False)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"what": "x"}', '{"other": 1}'])
def test_a_damaged_note_is_no_use(tmp_path: Path, text: str) -> None:
    (tmp_path / "clusters" / "course" / "usage.json").write_text(text)

    assert usage.usage_of("course") is None
    usage.require_free("course", force=False)


def in_notebook(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    monkeypatch.setattr(usage, "_own_resets", {})


def test_a_reset_names_the_open_notebook_that_used_the_cluster_until_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_notebook(monkeypatch, "notebooks/06-taints.ipynb")
    assert usage.note_reset("course") == ""
    assert usage.note_reset("course") == "", "a second reset of the same notebook"
    in_notebook(monkeypatch, "notebooks/08-rolling-update.ipynb")

    assert usage.note_reset("course").startswith("Until now the notebook 06-taints.ipynb used")
    in_notebook(monkeypatch, "")
    assert "08-rolling-update.ipynb" in usage.note_reset("course")
    in_notebook(monkeypatch, "notebooks/06-taints.ipynb")
    assert usage.note_reset("course") == "", "a command in a terminal is no open notebook"


def test_a_notebook_whose_kernel_has_ended_is_not_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_notebook(monkeypatch, "notebooks/06-taints.ipynb")
    usage.note_reset("course")
    path = tmp_path / "clusters" / "course" / "last-reset.json"
    path.write_text(path.read_text().replace(f'"kernel": {os.getpid()}', '"kernel": 4194303'))
    in_notebook(monkeypatch, "notebooks/08-rolling-update.ipynb")

    assert usage.note_reset("course") == ""


def test_the_other_notebook_knows_who_has_reset_the_cluster_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert usage.reset_since("course") == ""
    in_notebook(monkeypatch, "notebooks/06-taints.ipynb")
    usage.note_reset("course")
    own = dict(usage._own_resets)
    assert usage.reset_since("course") == ""
    in_notebook(monkeypatch, "notebooks/08-rolling-update.ipynb")
    usage.note_reset("course")
    assert usage.reset_since("course") == ""
    monkeypatch.setattr(usage, "_own_resets", own)

    assert usage.reset_since("course").startswith(
        "The notebook 08-rolling-update.ipynb reset the cluster 'course' at "
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"where": "x"}'])
def test_a_damaged_note_of_a_reset_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "clusters" / "course" / "last-reset.json").write_text(text)
    in_notebook(monkeypatch, "notebooks/06-taints.ipynb")

    assert usage.note_reset("course") == ""


def test_another_lab_is_not_started_over_a_task_of_an_open_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_another(monkeypatch)  # its kernel is process 1
    with pytest.raises(InUse) as caught:
        usage.require_other_task_ended("course", "lab 05,")

    assert "Lab 06, task 1 runs" in str(caught.value)
    assert "discard it: start(force=True)" in str(caught.value)
    usage.require_other_task_ended("course", "lab 06,")


def test_a_task_whose_notebook_is_closed_does_not_keep_another_lab_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_another(monkeypatch)
    monkeypatch.setattr("psutil.pid_exists", lambda _: False)

    usage.require_other_task_ended("course", "lab 05,")
