"""Write ``docs/variables.md``: every environment variable that configures the course.

    python tools/variables_page.py

The page is built from ``daemonset_course.variables``; a test compares the two.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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

`PATH`, `SHELL`, `KIND_EXPERIMENTAL_PROVIDER` and the proxies (`HTTPS_PROXY`, `NO_PROXY`, ...) mean
what they mean to other programs. `src/daemonset_course/environment.py` decides which variables the
programs get that the course starts.
"""


def page() -> str:
    """Return the text of the page."""
    tables = []
    for title, variables in GROUPS.items():
        rows = "".join(f"| `{v.name}` | {v.meaning} | {_default(v)} |\n" for v in variables)
        tables.append(f"\n## {title}\n\n| variable | meaning | default |\n|---|---|---|\n{rows}")
    return f"{_TOP}{''.join(tables)}{_END}"


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
