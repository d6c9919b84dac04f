"""When a recording counts as stale: what its hash covers, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemonset_course.recording.sources import step_hashes

LESSON = """
import os

where = "worker"
unused = 1


def ask(node):
    return kubectl(f"get node {node}")


def other():
    return 2


@step("00-a", needs="logs")
def a():
    apply("../manifests/agent.yaml")
    return ask(where)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "agent.yaml").write_text("kind: DaemonSet\n")
    (tmp_path / "manifests" / "other.yaml").write_text("kind: Pod\n")
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def changed(folder: Path, old: str, new: str) -> bool:
    """Whether the step of the lesson has another hash after this change of the lesson."""
    assert old in LESSON
    before, after = step_hashes(LESSON, folder), step_hashes(LESSON.replace(old, new), folder)
    assert set(before) == set(after) == {"00-a"}
    return before != after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return ask(where)", "return ask(where) + ask(where)"),
        ("get node {node}", "describe node {node}"),
        ('where = "worker"', 'where = "worker2"'),
        ("agent.yaml", "other.yaml"),
    ],
    ids=["the step", "a function that it calls", "a value that it uses", "a manifest's name"],
)
def test_a_change_of_what_the_step_is_made_from_counts(folder: Path, old: str, new: str) -> None:
    assert changed(folder, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("unused = 1", "unused = 2"),
        ("return 2", "return 3"),
        ("return ask(where)\n", 'return ask(\n        where  # here\n    )\n\n\nwhere = "later"\n'),
    ],
    ids=["a value of others", "a function of others", "layout, comments and what comes later"],
)
def test_other_changes_do_not(folder: Path, old: str, new: str) -> None:
    assert not changed(folder, old, new)


def test_a_manifest_counts_by_what_it_says(folder: Path) -> None:
    manifest = folder.parent / "manifests" / "agent.yaml"
    before = step_hashes(LESSON, folder)
    manifest.write_text("# the same\nkind:   DaemonSet\n")
    assert step_hashes(LESSON, folder) == before
    manifest.write_text("kind: Deployment\n")
    assert step_hashes(LESSON, folder) != before


def test_a_name_with_a_gap_means_every_manifest_that_fits(folder: Path) -> None:
    lesson = LESSON.replace('"../manifests/agent.yaml"', 'f"../manifests/{where}.yaml"')
    before = step_hashes(lesson, folder)
    (folder.parent / "manifests" / "other.yaml").write_text("kind: Service\n")
    assert step_hashes(lesson, folder) != before


def test_the_hash_is_the_same_in_every_python(folder: Path) -> None:
    # `ast.unparse` of 3.12 chooses other quotes here than that of 3.11.
    lesson = "@step('00-a', needs='logs')\ndef a():\n    return f\"{x['kind']} {y!r:>3}\"\n"
    assert step_hashes(lesson, folder) == {"00-a": "11dbaba30a3b7eac"}
