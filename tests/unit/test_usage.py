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


def test_a_reset_is_refused_while_the_process_runs() -> None:
    usage.begin("course", "lab 06, task 1", os.getpid())
    with pytest.raises(InUse) as caught:
        usage.require_free("course", force=False)

    text = str(caught.value)
    assert text.startswith("Lab 06, task 1 runs on the cluster 'course'")
    assert "the notebook 06-roll.ipynb" in text
    assert "reset(force=True)" in text


def test_force_ends_the_process_and_notes_who_did(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        usage.begin("course", "lab 06, task 1", process.pid)
        monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/03-scheduling.ipynb")
        usage.require_free("course", force=True)
        assert process.poll() is not None

    found = usage.usage_of("course")
    assert found is not None
    assert found.reset_by.startswith("the notebook 03-scheduling.ipynb at ")
    usage.require_free("course", force=False)


def test_another_process_with_the_same_number_is_not_it(tmp_path: Path) -> None:
    usage.begin("course", "lab 06, task 1", os.getpid())
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
