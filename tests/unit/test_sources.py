"""The recorded steps of a notebook; what a step's hash covers, and what not."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from daemonset_course.recording.sources import StepSource, notebook_steps

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


def steps(code: str, folder: Path) -> dict[str, StepSource]:
    """The steps of a notebook whose code is this, in two cells with a text between them."""
    first, mark, rest = code.partition("\n@step")
    cells = [
        nbformat.v4.new_code_cell(first),
        nbformat.v4.new_markdown_cell("@step('00-text', needs='logs')\ndef text(): ..."),
        nbformat.v4.new_code_cell(mark + rest),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "00-start.ipynb")
    return notebook_steps(folder / "00-start.ipynb")


def changed(folder: Path, old: str, new: str) -> bool:
    """Whether the step of the lesson has another hash after this change of the lesson."""
    assert old in LESSON
    before, after = steps(LESSON, folder), steps(LESSON.replace(old, new), folder)
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
    before = steps(LESSON, folder)
    manifest.write_text("# the same\nkind:   DaemonSet\n")
    assert steps(LESSON, folder) == before
    manifest.write_text("kind: Deployment\n")
    assert steps(LESSON, folder) != before


def test_a_name_with_a_gap_means_every_manifest_that_fits(folder: Path) -> None:
    lesson = LESSON.replace('"../manifests/agent.yaml"', 'f"../manifests/{where}.yaml"')
    before = steps(lesson, folder)
    (folder.parent / "manifests" / "other.yaml").write_text("kind: Service\n")
    assert steps(lesson, folder) != before


def test_the_hash_is_the_same_in_every_python(folder: Path) -> None:
    # `ast.unparse` of 3.12 chooses other quotes here than that of 3.11.
    lesson = "@step('00-a', needs='logs')\ndef a():\n    return f\"{x['kind']} {y!r:>3}\"\n"
    assert steps(lesson, folder) == {"00-a": StepSource("11dbaba30a3b7eac", ("logs",))}


@pytest.mark.parametrize(
    ("decorator", "needs"),
    [
        ('@step("00-a", needs="logs")', ("logs",)),
        ('@steps.step("00-a", needs=("exec", "logs"))', ("exec", "logs")),
        ('@step(\n    "00-a",\n    needs=["exec"],\n)', ("exec",)),
    ],
)
def test_what_a_step_needs_is_read_from_its_decorator(
    folder: Path, decorator: str, needs: tuple[str, ...]
) -> None:
    found = steps(f"{decorator}\ndef a():\n    return 1\n", folder)

    assert {name: source.needs for name, source in found.items()} == {"00-a": needs}


def test_a_notebook_without_a_step_has_none(folder: Path) -> None:
    assert steps("@other('00-a', needs='logs')\ndef a():\n    return 1\n", folder) == {}


MAGIC = """
kind = "pods"


@step("00-a", needs="logs")
def a():
    found = %kubectl get {kind} \\
        -f ../manifests/agent.yaml -o jsonpath='{.items}'
    return found
"""


def test_a_magic_belongs_to_the_step_with_the_names_and_manifests_in_it(folder: Path) -> None:
    before = steps(MAGIC, folder)
    assert before["00-a"].needs == ("logs",)
    assert steps(MAGIC.replace(" \\\n       ", ""), folder) == before, "layout"
    assert steps("%kubectl get nodes\n" + MAGIC, folder) == before, "another magic"
    assert steps(MAGIC.replace("'{.items}'", "'{.kind}'"), folder) != before
    assert steps(MAGIC.replace('"pods"', '"nodes"'), folder) != before

    (folder.parent / "manifests" / "agent.yaml").write_text("kind: Pod\n")
    assert steps(MAGIC, folder) != before
