"""What every lesson keeps to: its size, kubectl as at work, machinery in the package."""

from __future__ import annotations

import ast
import re

import pytest

import course_catalogue
import minutes
from daemonset_course.recording.plain_python import plain_python
from notebook_source import Source, read_sources

CELLS = 45  # of code
MINUTES = 35  # of a learner, by the rates of `make minutes`
LINES = 5  # of a function
LESSONS = [one for one in read_sources(course_catalogue.ROOT, None)[0] if one.group == "lessons"]
NAMES = [lesson.name for lesson in LESSONS]


def codes(lesson: Source) -> list[str]:
    return [plain_python(cell.text) for cell in lesson.cells if cell.kind == "code"]


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_has_one_idea_of_at_most_35_minutes(lesson: Source) -> None:
    assert len(codes(lesson)) <= CELLS
    assert minutes.effort(lesson.cells).minutes <= MINUTES + 1


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_has_pictures_of_its_own_and_questions(lesson: Source) -> None:
    asked = minutes.effort(lesson.cells)

    assert asked.pictures >= (1 if lesson.name == "whats-next" else 2)  # a page of links
    assert asked.questions >= 3


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_function_in_a_lesson_is_short(lesson: Source) -> None:
    found = {
        node.name: len([line for line in body(node) if line.strip()])
        for code in codes(lesson)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef)
        and not any(getattr(one, "func", one) for one in node.decorator_list)
    }

    assert {name: lines for name, lines in found.items() if lines > LINES} == {}


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_command_can_be_pasted_into_a_terminal(lesson: Source) -> None:
    doubled = [line for code in codes(lesson) for line in code.splitlines()
               if re.search(r"\{\{.*\}\}", line)]  # fmt: skip

    assert doubled == []


def body(function: ast.FunctionDef) -> list[str]:
    """Return the lines of a function after its docstring."""
    after = function.body[1:] if ast.get_docstring(function) else function.body
    return [line for node in after for line in ast.unparse(node).splitlines()]
