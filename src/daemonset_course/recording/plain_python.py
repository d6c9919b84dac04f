"""Turn the code of a notebook's cell into plain Python, for tools that parse lessons."""

from __future__ import annotations

import re

from daemonset_course.command_line import expressions
from daemonset_course.errors import BadInput

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w+)(?P<line>(?:.*\\\n)*.*)(?P<body>(?:\n.*)*)")
_MAGIC = re.compile(
    r"^(?P<before>[^\S\n]*(?P<assigned>[\w, ]+=[^\S\n]*)?)"
    r"(?:%(?P<name>[a-zA-Z]\w*)|!(?!=))(?P<line>(?:.*\\\n)*.*)",
    re.MULTILINE,
)


def plain_python(code: str) -> str:
    """Return the code with each magic as Python that stands on the same lines.

    ``x = %kubectl get {kind}`` becomes ``x = kubectl('get {kind}', kind)``: a tool that
    parses the code finds the call, its text and the names that it uses. Another line magic becomes
    ``None`` or ``pass``. A cell under another cell magic becomes ``pass``: it need not be Python.
    """
    if cell := _CELL_MAGIC.fullmatch(code):
        whole = cell["body"].removeprefix("\n")
        call = _call(cell["line"], f"stdin={whole!r}") if cell["name"] == "kubectl" else "pass"
        return call + "\n" * code.count("\n")
    return _MAGIC.sub(_plain, code)


def kubectl_lines(code: str) -> dict[int, str]:
    """Return the command line of each kubectl magic, by its line in the cell (from 0)."""
    cell = _CELL_MAGIC.fullmatch(code)
    magics = [cell] if cell else _MAGIC.finditer(code)
    return {
        code.count("\n", 0, magic.start("name")): _joined(magic["line"])
        for magic in magics
        if magic["name"] == "kubectl"
    }


def _plain(magic: re.Match[str]) -> str:
    if magic["name"] == "kubectl":
        call = _call(magic["line"])
    else:
        call = "None" if magic["assigned"] else "pass"
    return magic["before"] + call + "\n" * magic["line"].count("\n")


def _call(line: str, *more: str) -> str:
    line = _joined(line)
    try:
        values = expressions(line)
    except BadInput:  # `%kubectl` refuses this line
        values = []
    return f"kubectl({', '.join([repr(line), *values, *more])})"


def _joined(line: str) -> str:
    return re.sub(r"\\\n\s*", "", line).strip()
