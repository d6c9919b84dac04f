"""Write ``docs/names.md``: the names that notebooks can import, each with its summary.

    python tools/names_page.py

The page is built from the two ``__all__`` lists and the docstrings; a test compares them.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

MODULES = ("daemonset_course", "daemonset_course.lessons")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "names.md"

_TOP = """# Names for notebooks

Written by `tools/names_page.py` from `__all__` of the two modules and from the docstrings. A
notebook imports from these two and from nowhere deeper. In a cell, `apply?` shows the whole
docstring.
"""


def page() -> str:
    """Return the text of the page."""
    return _TOP + "".join(map(_table, MODULES))


def _table(module: str) -> str:
    imported = import_module(module)
    summary, _, _ = inspect.cleandoc(imported.__doc__ or "").partition("\n")
    rows = "".join(
        f"| `{name}` | {_first(getattr(imported, name))} |\n" for name in imported.__all__
    )
    return f"\n## `{module}`\n\n{summary}\n\n| name | what it is |\n|---|---|\n{rows}"


def _first(value: object) -> str:
    """Return the first line of a docstring, as Markdown."""
    line, _, _ = (inspect.getdoc(value) or "").partition("\n")
    return re.sub(r"``(.+?)``", r"`\1`", line).replace("|", r"\|")


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
