"""The two modules from which notebooks import: their lists are true, and nothing is deeper."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import names_page

ROOT = Path(__file__).parents[2]
MOST, LESSONS = names_page.MODULES
SOURCES = sorted((ROOT / "content").rglob("*.py"))
NAMES = [(module, name) for module in names_page.MODULES for name in import_module(module).__all__]
MOST_NAMES = 28


def imported(code: str) -> Iterator[tuple[str, str]]:
    """Each module of ours and the name that the code imports from it (none: the module itself)."""
    for node in ast.walk(ast.parse(code)):
        found: list[tuple[str, str]] = []
        if isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(node.module or "", alias.name) for alias in node.names]
        yield from (one for one in found if one[0].split(".")[0] == MOST)


def outside(code: str) -> list[tuple[str, str]]:
    """What the code imports of ours that is in neither list."""
    return [one for one in imported(code) if one not in NAMES]


@pytest.mark.parametrize("module", names_page.MODULES)
def test_a_list_is_sorted_and_has_each_name_once(module: str) -> None:
    names = import_module(module).__all__

    assert names == sorted(set(names))


def test_no_name_is_in_both_lists_and_the_first_is_short() -> None:
    most, lessons = (set(import_module(module).__all__) for module in names_page.MODULES)

    assert not most & lessons
    assert len(most) <= MOST_NAMES


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_can_be_imported_and_says_what_it_is(module: str, name: str) -> None:
    value = getattr(import_module(module), name)

    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}("), "a dataclass without a docstring of its own"


def test_what_is_in_neither_list_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = import_module(MOST).nothing


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_lesson_imports_from_the_two_lists_alone(path: Path) -> None:
    assert outside(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "from daemonset_course.verbs.apply import apply",
        "from daemonset_course import verbs",
        "import daemonset_course.verbs.apply",
        "def later():\n    from daemonset_course.errors import CourseError",
    ],
)
def test_an_import_from_deeper_is_noticed(code: str) -> None:
    assert len(outside(code)) == 1


def test_each_name_for_single_lessons_is_used_by_one() -> None:
    used = {one for path in SOURCES for one in imported(path.read_text())}

    assert [
        name for module, name in NAMES if module == LESSONS and (module, name) not in used
    ] == []


def test_the_page_of_names_is_as_it_is_made() -> None:
    assert names_page.PAGE.read_text() == names_page.page(), "run tools/names_page.py"
    assert "](docs/names.md)" in (ROOT / "CONTRIBUTING.md").read_text()
