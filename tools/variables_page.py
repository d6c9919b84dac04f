"""Write ``docs/variables.md``: every environment variable that configures the course.

    python tools/variables_page.py

The page is built from ``daemonset_course.variables``; a test compares the two.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from daemonset_course.environment import KINDS, RULES, SET, Rule
from daemonset_course.variables import GROUPS, TERMINAL, Variable

PAGE = Path(__file__).resolve().parents[1] / "docs" / "variables.md"

_TOP = """# Environment variables

Written by `tools/variables_page.py` from `src/daemonset_course/variables.py`, the only module that
reads them. A variable that is unset or empty has its default. An option of a command counts more
than a variable.
"""
_END = f"""
## Set by the course

{", ".join(f"`{name}`" for name in TERMINAL)}:
for the shells of JupyterLab's terminals, which read them in `src/daemonset_course/data/terminal`.
Leave them alone.

## Not the course's own

`PATH`, `SHELL`, `KIND_EXPERIMENTAL_PROVIDER`, `DOCKER_HOST` and the proxies (`HTTPS_PROXY`,
`NO_PROXY`, ...) mean what they mean to other programs. A relative folder in `PATH` is skipped where
the course looks for the cluster's programs. `course` itself runs Python with `-I`: no variable of
Python's reaches it.

## What of yours reaches the programs of the course

`src/daemonset_course/environment.py` makes the environment of every program that the course starts.
It is yours without these variables, and with a few of the course's own:

| program | is |
|---|---|
"""


def page() -> str:
    """Return the text of the page."""
    tables = []
    for title, variables in GROUPS.items():
        rows = "".join(f"| `{v.name}` | {v.meaning} | {_default(v)} |\n" for v in variables)
        tables.append(f"\n## {title}\n\n| variable | meaning | default |\n|---|---|---|\n{rows}")
    return f"{_TOP}{''.join(tables)}{_END}{_programs()}"


def _programs() -> str:
    meaning = "".join(f"| {kind} | {words} |\n" for kind, words in KINDS.items())
    removed = "".join(
        f"| {_names(rule)} | {', '.join(rule.kinds)} | {rule.why} |\n" for rule in RULES
    )
    added = "".join(f"| `{name}` | {', '.join(kinds)} | {what} |\n" for name, kinds, what in SET)
    return (
        f"{meaning}\n| removed | from | because it would change |\n|---|---|---|\n{removed}"
        f"\n| set | for | to what, or why |\n|---|---|---|\n{added}"
        "\nWhat no row names stays: how to reach a package index or a container engine, "
        "certificates, your shell\nand editor.\n"
    )


def _names(rule: Rule) -> str:
    names = ", ".join(f"`{name}`" for name in rule.names)
    return f"{names} (not {', '.join(f'`{name}`' for name in rule.kept)})" if rule.kept else names


def _default(variable: Variable[Any]) -> str:
    if variable.otherwise:
        return variable.otherwise
    default = variable.default
    return str(int(default) if isinstance(default, bool) else default)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
