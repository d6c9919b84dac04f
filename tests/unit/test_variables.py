"""Each environment variable is read in one module, and listed on one page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import variables_page
from daemonset_course import variables
from daemonset_course.errors import BadInput
from daemonset_course.variables import GROUPS, TERMINAL, Variable

ROOT = Path(__file__).parents[2]
HOME = ROOT / "src" / "daemonset_course" / "variables.py"
ALL = [variable for group in GROUPS.values() for variable in group]
NAMES = {variable.name for variable in ALL}


def files(pattern: str, *folders: str) -> list[Path]:
    """The files of these folders, without tests: a test may look at what it set itself."""
    found = (path for folder in folders for path in (ROOT / folder).rglob(pattern))
    return sorted(
        path
        for path in found
        if path.is_file() and path.parent.name != "__pycache__" and path.name[:5] != "test_"
    )


READERS = [*files("*.py", "src", "tools", "tests", "content"), ROOT / "conftest.py"]
READERS.remove(HOME)
TEXTS = [
    *files("*", "src", "tools", "tests", "content", "docs", ".github"),
    *(ROOT / name for name in ("conftest.py", "Makefile", "README.md", "CONTRIBUTING.md")),
]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def reads(code: str) -> Iterator[str]:
    """The names of environment variables that code reads by a name of its own."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=attr), args=[ast.Constant(name), *_]):
                read = attr in ("get", "pop", "setdefault", "__getitem__") and _environ(of)
                if read or attr == "getenv":
                    yield str(name)
            case ast.Call(func=ast.Name("getenv"), args=[ast.Constant(name), *_]):
                yield str(name)
            case ast.Subscript(value=of, slice=ast.Constant(name), ctx=ast.Load()) if _environ(of):
                yield str(name)
            case ast.Compare(left=ast.Constant(name), comparators=[of]) if _environ(of):
                yield str(name)


def _environ(node: ast.expr) -> bool:
    return ast.unparse(node).split(".")[-1] == "environ"


@pytest.mark.parametrize(
    "code",
    [
        "os.environ.get('COURSE_X')",
        "os.environ.get('COURSE_X', '') or 1",
        "os.environ['COURSE_X']",
        "os.environ.pop('COURSE_X')",
        "os.getenv('COURSE_X')",
        "getenv('COURSE_X', 'a')",
        "environ['COURSE_X']",
        "'COURSE_X' in os.environ",
    ],
)
def test_every_way_of_reading_is_seen(code: str) -> None:
    assert list(reads(code)) == ["COURSE_X"]


@pytest.mark.parametrize(
    "code",
    ["os.environ['COURSE_X'] = '1'", "env = os.environ | {'COURSE_X': '1'}", "d['COURSE_X']"],
)
def test_what_sets_a_variable_reads_none(code: str) -> None:
    assert list(reads(code)) == []


@pytest.mark.parametrize("path", READERS, ids=shown)
def test_no_other_module_reads_a_variable_of_the_course(path: Path) -> None:
    found = [n for n in reads(path.read_text()) if n in NAMES or n.startswith("COURSE_")]

    assert found == [], "read it in src/daemonset_course/variables.py"


def test_each_variable_that_is_named_anywhere_is_listed_and_each_listed_one_is_used() -> None:
    named: dict[str, list[str]] = {}
    for path in TEXTS:
        if path not in (HOME, variables_page.PAGE):
            for name in re.findall(r"\bCOURSE_[A-Z]+(?:_[A-Z]+)*\b", path.read_text()):
                named.setdefault(name, []).append(shown(path))
    constants = {getattr(variables, name).name: name for name in dir(variables)
                 if isinstance(getattr(variables, name), Variable)}  # fmt: skip
    readers = (
        "".join(path.read_text() for path in READERS)
        + Path(ROOT / "tests/live/played_attempts.py").read_text()
    )

    assert {n: where for n, where in named.items() if n not in NAMES | set(TERMINAL)} == {}
    assert set(constants) == NAMES
    assert len(ALL) == len(NAMES)
    for name, constant in constants.items():
        assert re.search(rf"\bvariables\.{constant}\.", "".join(readers)), f"nobody reads {name}"


def test_the_page_is_as_the_module_says() -> None:
    assert variables_page.PAGE.read_text() == variables_page.page(), "tools/variables_page.py"
    for name in NAMES:
        assert f"\n| `{name}` | " in variables_page.page()
    assert "](docs/variables.md)" in (ROOT / "README.md").read_text()
    assert "](docs/variables.md)" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("variable", ALL, ids=lambda variable: variable.name)
def test_unset_and_empty_are_the_default(
    variable: Variable[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable.name, raising=False)
    assert variable.read() == variable.default
    monkeypatch.setenv(variable.name, "")
    assert variable.read() == variable.default


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        (variables.HOME, "/a b", Path("/a b")),
        (variables.CLUSTER, "mine", "mine"),
        (variables.RECORD, "1", True),
        (variables.RECORD, "no", False),
        (variables.TEST_PACE, "0.25", 0.25),
        (variables.TEST_BACKEND, "kind", "kind"),
        (variables.FAULTS, "50", 50),
    ],
)
def test_a_value_has_its_type(
    variable: Variable[Any], text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable.name, text)

    assert (type(variable.read()), variable.read()) == (type(value), value)


@pytest.mark.parametrize(
    ("variable", "text", "must"),
    [
        (variables.RECORD, "perhaps", "1 or 0"),
        (variables.TEST_PACE, "quick", "a number above 0"),
        (variables.TEST_PACE, "nan", "a number above 0"),
        (variables.TEST_PACE, "0", "a number above 0"),
        (variables.TEST_BACKEND, "docker", "one of embedded, kind"),
        (variables.FAULTS, "-1", "a whole number"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(
    variable: Variable[Any], text: str, must: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable.name, text)

    with pytest.raises(BadInput) as refused:
        variable.read()
    assert refused.value.failed == f"The environment variable {variable.name} must be {must}."
    assert refused.value.seen == repr(text)
