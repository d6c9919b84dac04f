from __future__ import annotations

import ast
import builtins

import pytest

import course_catalogue
from daemonset_course.errors import BadInput
from daemonset_course.recording.plain_python import plain_python
from notebook_source import read_sources
from path_sections import chosen

CELLS = [
    ("markdown", "# Title"), ("code", "import x"),
    ("markdown", "## The claim\n\nText."), ("code", "## not a heading"),
    ("markdown", "### Below it"), ("code", "b"),
    ("markdown", "## Run"), ("code", "c"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "places"),
    [
        ([], [0, 1, 2, 3, 4, 5, 6, 7]),
        (["Run"], [0, 1, 6, 7]),
        (["The claim"], [0, 1, 2, 3, 4, 5]),
        (["Run", "The claim"], [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_path_takes_the_beginning_and_the_named_sections(
    sections: list[str], places: list[int]
) -> None:
    assert chosen(CELLS, sections) == places


def test_a_cell_that_ends_a_section_and_begins_the_next_belongs_to_both() -> None:
    cells = [("code", "a"), ("markdown", "## One\n\nText."), ("code", "b"),
             ("markdown", "The end of one.\n\n## Two"), ("code", "c")]  # fmt: skip

    assert chosen(cells, ["One"]) == [0, 1, 2, 3]
    assert chosen(cells, ["Two"]) == [0, 3, 4]


def test_an_unknown_section_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="it has The claim, Run"):
        chosen(CELLS, ["run"])


def _chosen_sections() -> list[tuple[str, list[str]]]:
    return [
        (lesson, sections)
        for path in course_catalogue.read()["path"]
        for lesson, sections in path.get("sections", {}).items()
    ]


@pytest.mark.parametrize(("lesson", "sections"), _chosen_sections())
def test_the_chosen_cells_use_no_name_of_a_section_that_is_left_out(
    lesson: str, sections: list[str]
) -> None:
    (source,) = read_sources(course_catalogue.ROOT, lesson)[0]
    texts = [(cell.kind, cell.text) for cell in source.cells]
    codes = [texts[place][1] for place in chosen(texts, sections) if texts[place][0] == "code"]
    names = [
        node
        for code in codes
        for node in ast.walk(ast.parse(plain_python(code)))
        if isinstance(node, ast.Name | ast.alias | ast.arg | ast.FunctionDef)
    ]
    used = {one.id for one in names if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    bound = {
        one.id if isinstance(one, ast.Name)
        else one.arg if isinstance(one, ast.arg)
        else getattr(one, "asname", None) or one.name
        for one in names
        if not (isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))
    }  # fmt: skip

    assert used - bound - {*dir(builtins)} - {"get_ipython"} == set()
