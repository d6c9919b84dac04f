"""Each protection that SECURITY.md names has a test, by name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
ROWS = re.findall(r"^\| (?!protected|-)(.+) \| (.+) \|$", PAGE, re.M)
FUNCTIONS = {
    (path.relative_to(ROOT).as_posix(), one.name)
    for path in (ROOT / "tests").rglob("*.py")
    for one in ast.walk(ast.parse(path.read_text()))
    if isinstance(one, ast.FunctionDef)
}


@pytest.mark.parametrize(("protected", "proof"), ROWS, ids=[row[0][:40] for row in ROWS])
def test_what_is_protected_is_proved_by_a_test_that_is_there(protected: str, proof: str) -> None:
    named = re.findall(r"`(\w+)`(?: in `([\w./]+)`)?", proof)
    names = {name for _, name in FUNCTIONS}

    assert protected
    assert named
    for name, path in named:
        assert (path, name) in FUNCTIONS if path else name in names


def test_every_line_of_the_table_is_read() -> None:
    assert len(ROWS) == PAGE.count("\n| ") - 1
