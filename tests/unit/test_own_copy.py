"""The learner's own copy: an update brings what the course changed, and nothing edited is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from daemonset_course import own_copy
from daemonset_course.cli import app
from daemonset_course.errors import BadInput, FileFailed
from daemonset_course.store import JsonStore

ROOT = Path(__file__).parents[2]
LESSON = "notebooks/06-taints.ipynb"
LAB = "labs/06-roll.ipynb"
MANIFEST = "manifests/taints-and-tolerations/agent.yaml"


def notebook(*sources: str, **metadata: Any) -> str:
    cells = [{"cell_type": "code", "source": one, "outputs": [], "metadata": {}} for one in sources]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})


def run(text: str) -> str:
    """The same notebook after JupyterLab ran and saved it."""
    found = json.loads(text)
    for number, cell in enumerate(found["cells"]):
        cell["outputs"] = [{"output_type": "stream", "text": "3\n"}]
        cell["execution_count"] = number
        cell["source"] = cell["source"].splitlines(keepends=True)
    found["metadata"] = {"language_info": {"version": "3.12"}}
    return json.dumps(found, indent=1)


def cells_of(path: Path) -> Any:
    return json.loads(path.read_text())["cells"]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository of a small course."""
    root = tmp_path / "course"
    for name, text in {
        LESSON: notebook("guess = ...", "run()"),
        LAB: notebook("lab.start(1)"),
        MANIFEST: "kind: DaemonSet\n",
        "solutions/06-roll.ipynb": notebook("lab.apply()"),
        "notebooks/.ipynb_checkpoints/06-taints-checkpoint.ipynb": notebook("old"),
    }.items():
        write(root / name, text)
    monkeypatch.setattr(own_copy, "REPOSITORY", root)
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    own_copy.update()
    return root


@pytest.fixture
def work(course: Path) -> Path:
    assert course
    return own_copy.work_folder()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_the_checkout_stays_clean_while_one_learns_and_after_a_pull(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_WORK")
    shutil.copy(ROOT / ".gitignore", course)
    git(course, "init", "--quiet")
    git(course, "add", ".")
    git(course, "commit", "--quiet", "--message=course")

    own_copy.update()
    work = own_copy.work_folder()
    write(work / LESSON, run((work / LESSON).read_text()))
    write(work / LAB, notebook("my own answer"))
    write(work / "notebooks" / "mine.ipynb", notebook("1 + 1"))
    write(work / "notebooks" / ".ipynb_checkpoints" / "mine-checkpoint.ipynb", notebook("1"))
    assert work.parent == course
    assert git(course, "status", "--porcelain") == ""

    for name in (LESSON, LAB):
        write(course / name, notebook("of the next version"))
    git(course, "commit", "--quiet", "--all", "--message=as a pull brings it")
    update = own_copy.update()
    assert (update.changed, update.kept) == ((LESSON,), (LAB,))
    assert git(course, "status", "--porcelain") == ""


def git(folder: Path, *words: str) -> str:
    """What git prints; no configuration of this machine is read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    someone = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    return subprocess.run(
        ["git", "-C", str(folder), *someone, *words],
        env=kept | config, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def test_the_copy_has_lessons_labs_and_manifests_and_no_solutions(work: Path) -> None:
    names = {path.relative_to(work).as_posix() for path in work.rglob("*.*") if path.is_file()}
    names -= {".course/files.json", ".course/files.json.lock"}

    assert names == {LESSON, LAB, MANIFEST}


def test_nothing_is_done_twice(course: Path) -> None:
    assert course
    assert own_copy.update() == own_copy.Update()
    assert not list(own_copy.update().lines())


def test_a_lesson_that_was_only_run_is_updated(course: Path, work: Path) -> None:
    write(work / LESSON, run((work / LESSON).read_text()))
    assert own_copy.update() == own_copy.Update()

    write(course / LESSON, notebook("guess = ...", "run(2)"))

    assert own_copy.update().changed == (LESSON,)
    assert cells_of(work / LESSON) == cells_of(course / LESSON)


@pytest.mark.parametrize("name", [LESSON, MANIFEST])
def test_what_was_edited_is_never_overwritten(course: Path, work: Path, name: str) -> None:
    mine = notebook("guess = 3", "run()") if name == LESSON else "kind: Deployment\n"
    write(work / name, mine)
    assert own_copy.update().kept == ()

    write(course / name, notebook("guess = ...", "run(2)"))
    for _ in range(2):  # it says so each time
        update = own_copy.update()
        assert update.kept == (name,)
        assert f"course lessons diff {name}" in "\n".join(update.lines())

    assert (work / name).read_text() == mine


def test_an_edit_that_the_course_makes_too_is_no_edit_any_more(course: Path, work: Path) -> None:
    for root in (work, course):
        write(root / MANIFEST, "kind: Deployment\n")
    assert own_copy.update() == own_copy.Update()

    write(course / MANIFEST, "kind: Pod\n")

    assert own_copy.update().changed == (MANIFEST,)


def test_a_file_that_the_course_no_longer_has_goes_unless_it_was_edited(
    course: Path, work: Path
) -> None:
    write(work / LESSON, notebook("mine"))
    (course / LESSON).unlink()
    (course / LAB).unlink()
    update = own_copy.update()

    assert (update.removed, update.kept) == ((LAB,), (LESSON,))
    assert not (work / LAB).exists()
    assert (work / LESSON).exists()
    assert own_copy.update() == own_copy.Update()


def test_a_deleted_file_comes_back(work: Path) -> None:
    (work / LESSON).unlink()

    assert own_copy.update().added == (LESSON,)


def test_without_its_records_every_changed_file_counts_as_edited(course: Path, work: Path) -> None:
    (work / ".course" / "files.json").write_text("{damaged")
    write(course / LESSON, notebook("new"))
    update = own_copy.update()

    assert update.kept == (LESSON,)
    assert "guess" in (work / LESSON).read_text()


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff{",
        b"[" * 100_000,
        b'{"cells": [1]}',
        b'{"cells": [{"cell_type": "code", "source": "x", "metadata": null}]}',
        b'{"cells": [{"cell_type": "code", "source": "x", "metadata": []}]}',
        b'{"cells": [{"cell_type": "code", "source": "x", "metadata": {"course": [1]}}]}',
    ],
    ids=lambda damaged: damaged[-30:],
)
def test_a_learners_damaged_notebook_is_kept(course: Path, work: Path, damaged: bytes) -> None:
    (work / LESSON).write_bytes(damaged)
    write(course / LESSON, notebook("new"))

    assert own_copy.update().kept == (LESSON,)
    assert own_copy.states()[LESSON].startswith("edited")
    assert "yours" in own_copy.difference(LESSON)
    assert (work / LESSON).read_bytes() == damaged


def test_the_difference_is_that_of_the_cells(work: Path) -> None:
    write(work / LESSON, run(notebook("guess = 3", "run()")))
    found = own_copy.difference("06").splitlines()

    assert [one for one in found if one[0] in "-+" and one[1] not in "-+"] == [
        "-guess = 3",
        "+guess = ...",
    ]
    assert not own_copy.difference("labs/06")


@pytest.mark.parametrize("name", [LESSON, "06", "06-taints", "notebooks/06"])
def test_a_lesson_begun_afresh_leaves_the_learners_version(work: Path, name: str) -> None:
    original = (work / LESSON).read_text()
    for number in (1, 2):
        write(work / LESSON, notebook(f"mine {number}"))
        own_copy.begin_afresh(name)

    assert (work / LESSON).read_text() == original
    earlier = sorted(path.name for path in (work / "earlier" / "notebooks").iterdir())
    assert earlier == ["06-taints-2.ipynb", "06-taints.ipynb"]
    assert "mine 1" in (work / "earlier" / LESSON).read_text()
    assert own_copy.begin_afresh(name) == (LESSON, "")


@pytest.mark.parametrize("name", ["", "09", "0", "../secret", "notebooks", "solutions/06"])
def test_a_name_that_does_not_name_one_file_is_refused(course: Path, name: str) -> None:
    write(course / "notebooks" / "07-agent.ipynb", notebook("x"))
    with pytest.raises(BadInput):
        own_copy.difference(name)


def test_a_folder_that_cannot_be_written_is_named_with_its_variable(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert course
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_WORK", str(blocked / "work"))
    with pytest.raises(FileFailed) as caught:
        own_copy.update()

    assert "COURSE_WORK" in str(caught.value)


def test_an_interrupted_update_goes_on_with_the_next(
    course: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(course / LESSON, notebook("new"))
    write(course / MANIFEST, "kind: Pod\n")
    with monkeypatch.context() as patch:
        patch.setattr(JsonStore, "change", lambda _, edit: edit(own_copy._store().read()[0]))
        own_copy.update()  # the files are there, the records are not

    assert own_copy.update() == own_copy.Update()
    write(course / MANIFEST, "kind: Job\n")
    assert own_copy.update().changed == (MANIFEST,)
    assert (work / MANIFEST).read_text() == "kind: Job\n"


def test_the_commands_say_what_they_did(course: Path, work: Path) -> None:
    def course_says(*words: str, **options: Any) -> str:
        found = CliRunner().invoke(app, list(words), **options)
        assert found.exit_code == 0, found.output
        return found.output

    write(work / LESSON, notebook("guess = 3", "run()"))
    write(course / LAB, notebook("lab.start(2)"))

    assert "edited" in course_says("lessons", "list")
    assert f"Updated: {LAB}" in course_says("lessons", "update")
    assert course_says("lessons", "update") == "Nothing has changed.\n"
    assert "-guess = 3" in course_says("lessons", "diff", "06")
    assert f"earlier/{LESSON}" in course_says("lessons", "fresh", "06")
    assert course_says("lessons", "diff", "06") == "No difference.\n"


def test_forget_removes_answers_and_results_and_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    files = ["predictions.json", "predictions.json.bad", "labs.json", "leaderboard.json"]
    for name in [*files, "clusters"]:
        (tmp_path / name).write_text("{}")

    refused = CliRunner().invoke(app, ["forget"], input="n\n")
    assert refused.exit_code == 1
    assert len(list(tmp_path.iterdir())) == 5
    agreed = CliRunner().invoke(app, ["forget"], input="y\n")
    assert agreed.exit_code == 0
    assert [one.name for one in tmp_path.iterdir()] == ["clusters"]
    assert "no predictions" in CliRunner().invoke(app, ["forget"]).output


def test_a_copy_says_of_its_language_what_the_kernel_does(work: Path) -> None:
    from ipykernel.ipkernel import IPythonKernel  # noqa: PLC0415 - 300 ms

    said = json.loads((work / LESSON).read_text())["metadata"]["language_info"]
    assert said == IPythonKernel.language_info


def test_a_mark_of_the_course_on_a_cell_is_brought(course: Path, work: Path) -> None:
    marked = json.loads((course / LESSON).read_text())
    marked["cells"][1]["metadata"]["course"] = {"shows": ["06-guess"]}
    write(course / LESSON, json.dumps(marked))

    assert own_copy.update().changed == (LESSON,)
    assert cells_of(work / LESSON) == cells_of(course / LESSON)
