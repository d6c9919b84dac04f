"""Progress: what counts as begun and complete, what comes next, and that all views say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner
from verdicts import verdict_of

from daemonset_course import judged, own_copy
from daemonset_course.catalogue import Notebook, Part, catalogue, duration
from daemonset_course.cli import app
from daemonset_course.course_progress import Done, Progress, progress
from daemonset_course.lab import results
from daemonset_course.lab.lab import EXERCISES, LABS
from daemonset_course.prediction import predict

ONE, TWO, THREE = (
    Notebook("lessons", "lesson", f"0{number}", f"Title {number}", 10, questions=("a", "b"))
    for number in (1, 2, 3)
)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


def of(*rows: Done) -> Progress:
    return Progress(((Part("A part", "", tuple(row.notebook for row in rows)), rows),))


def row(name: str) -> Done:
    (found,) = (done for done in progress().rows if done.notebook.path.startswith(name))
    return found


def test_at_the_beginning_nothing_is_begun_and_the_first_lesson_is_next() -> None:
    found = progress()

    assert {done.state for done in found.rows} == {""}
    assert found.next is not None
    assert found.next.label == "lesson 00"
    assert found.headline.startswith("0 of 27 lessons complete, 0 of ")
    assert found.advice.startswith("Begin with lesson 00, ")


def test_answers_and_verdicts_are_counted_for_their_lesson() -> None:
    for question, answer in {"rolling-length": 5, "pods": 4}.items():
        predict(question, unit="Pods", answer=answer)
    judged.keep("pods", False, True)
    judged.keep("start-current", True, True)
    lesson = row("notebooks/00")

    assert (lesson.answered, lesson.judged, lesson.right, lesson.state) == (1, 2, 1, "begun")
    assert "1 of 2 predictions right at the first try" in progress().headline


def test_a_passed_task_counts_for_its_lab_and_an_exercise_for_its_lesson() -> None:
    results.keep("06-roll-within-budget", 2, verdict_of("passed"), [])
    results.keep("taints", 1, verdict_of("passed"), [])
    results.keep("04-tainted-fleet", 1, verdict_of("wrong"), [])

    lab, lesson, wrong = row("labs/06"), row("notebooks/04"), row("labs/04")
    assert (lab.passed, lab.tasks, lab.state) == (1, 3, "begun")
    assert (lesson.passed, lesson.tasks, lesson.state) == (1, 1, "begun")
    assert (wrong.passed, wrong.state) == (0, "begun")


def test_a_lab_is_complete_when_all_tasks_are_passed() -> None:
    for number in (1, 2, 3):
        results.keep("06-roll-within-budget", number, verdict_of("passed"), [])

    assert row("labs/06").state == "complete"


def test_a_lesson_is_begun_when_a_cell_was_run_in_the_learners_copy(work: Path) -> None:
    path = work / row("notebooks/03").notebook.path
    path.parent.mkdir(parents=True)
    for count, begun in {"null": "", "1": "begun"}.items():
        path.write_text(f'{{"cells": [{{"execution_count": {count}}}]}}')
        assert row("notebooks/03").state == begun


@pytest.mark.parametrize(
    ("states", "next_one"),
    [
        (("", "", ""), ONE),
        (("complete", "", ""), TWO),
        (("", "complete", ""), THREE),
        (("", "complete", "complete"), ONE),
        (("begun", "complete", ""), ONE),
        (("begun", "begun", "complete"), TWO),
        (("complete", "complete", "complete"), None),
    ],
)
def test_the_next_step(states: tuple[str, ...], next_one: Notebook | None) -> None:
    answered = {"": 0, "begun": 1, "complete": 2}
    rows = [
        Done(one, answered=answered[state])
        for one, state in zip((ONE, TWO, THREE), states, strict=True)
    ]
    found = of(*rows)

    assert tuple(done.state for done in rows) == states
    assert found.next == next_one
    if next_one is None:
        assert found.advice == "You have done the whole course."
    else:
        assert next_one.label in found.advice


def test_a_notebook_shows_a_table_and_a_link_that_fits_its_folder(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(catalogue().notebooks())
    (work / "notebooks").mkdir(parents=True)
    (work / first.path).write_text("{}")
    for folder, link in {"": first.path, "notebooks": f"../{first.path}"}.items():
        monkeypatch.chdir(work / folder)
        html = progress()._repr_html_()
        assert Path(work / folder / link).resolve() == (work / first.path).resolve()
        hrefs = re.findall(r'<a href="([^"]*)">lesson 00, Start here</a>', html)
        assert [(work / folder / one).resolve() for one in hrefs] == [(work / first.path).resolve()]

    assert html.count("<tr") > 28
    monkeypatch.chdir("/")
    assert "<a " not in progress()._repr_html_()


def test_the_terminal_says_the_same() -> None:
    predict("pods", unit="Pods", answer=4)
    said = CliRunner().invoke(app, ["progress"])
    data = json.loads(CliRunner().invoke(app, ["progress", "--json"]).output)

    assert said.exit_code == 0, said.output
    assert progress().headline in said.output
    assert "Lesson 00  Start here" in said.output
    asked = len(next(catalogue().notebooks("lessons")).questions)
    assert f"◐ begun, answered 1 of {asked}" in said.output
    assert said.output.endswith("\nnotebooks/00-start-here.ipynb\n")
    assert data["next"] == "notebooks/00-start-here.ipynb"
    assert [one["path"] for one in data["notebooks"]] == [
        one.path for one in catalogue().notebooks()
    ]
    assert len(data["tasks"]) == sum(one["tasks"] for one in data["notebooks"])


def test_the_catalogue_has_every_lab_and_exercise() -> None:
    assert {one.name for one in catalogue().notebooks("labs")} == set(LABS)
    assert {e for one in catalogue().notebooks() for e in one.exercises} == set(EXERCISES)


def test_forget_removes_the_verdicts() -> None:
    judged.keep("pods", True, True)
    assert CliRunner().invoke(app, ["forget", "--yes"]).exit_code == 0
    assert judged.load() == {}


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(5, "5 minutes"), (90, "90 minutes"), (91, "1.5 hours"), (118, "2 hours"), (164, "2.5 hours")],
)
def test_a_length_in_words(minutes: int, words: str) -> None:
    assert duration(minutes) == words


def test_the_start_notebook_and_its_pages_are_in_the_copy(work: Path) -> None:
    added = own_copy.update().added

    assert {"START.ipynb", "glossary.md", "source.md"} <= set(added)
    assert (work / "START.ipynb").exists()
