"""Read the sources of lessons and labs, find problems in them, and select cells for a notebook.

Sources are in jupytext's percent format. A lab marks what only one of its two notebooks shows:
cells by the tags ``solution`` and ``exercise``, lines by ``# SOLUTION BEGIN`` / ``# SOLUTION END``
(cut in the exercise) and ``# STUB: code`` (``code`` in the exercise, nothing in the solution).

A magic is a comment in a source, as in jupytext: ``# pods = %kubectl get pods -o name``. Under
a cell magic (``# %%kubectl apply -f -``) the rest of the cell is a comment, too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

import prediction_cells
from daemonset_course.command_line import expressions
from daemonset_course.errors import BadInput
from daemonset_course.recording.plain_python import kubectl_lines, plain_python

LONGEST_CELL = 12
MOST_IMPORTS = 3  # lines of a cell
FOLDERS = {"lessons": ("notebooks",), "labs": ("labs", "solutions")}
OUR_TAGS = {"solution", "exercise"}
KEPT_METADATA = ("tags", "editable", "deletable", "jupyter", "slideshow")

_NAMES = {
    "lessons": (r"[a-z][a-z0-9-]+", "a-z 0-9 '-': its number is its place in content/course.toml"),
    "labs": (r"\d\d-[a-z0-9-]+", "two digits, '-', and a-z 0-9 '-'"),
}
_CELL_START = re.compile(r"#\s*%%(%*\s.*)?$")
_MARKER = re.compile(r"\s*# SOLUTION (?P<edge>BEGIN|END)\s*$|(?P<indent>\s*)# STUB: ?(?P<stub>.*)$")
_LIKE_MARKER = re.compile(r"\s*#\s*(solution\s*:?\s*(begin|end)|stub\b)", re.IGNORECASE)
_SHELL = re.compile(r"\s*([\w, ]+=\s*)?!(?!=)|\s*%%?(bash|sh|script|sx|system|!)")

Line = tuple[int, str]


@dataclass(frozen=True, order=True)
class Problem:
    """One problem of a source: the file, the line (from 1), and a text with the cure."""

    path: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.says}"


@dataclass(frozen=True)
class Cell:
    """One cell of a source, its lines numbered as in the file."""

    kind: str
    start: int
    lines: tuple[Line, ...]
    metadata: dict[str, Any]

    @property
    def tags(self) -> set[str]:
        """The cell's tags."""
        return set(self.metadata.get("tags", ()))

    @property
    def text(self) -> str:
        """The cell's source without blank lines at the start and the end."""
        return "\n".join(text for _, text in self.lines).strip("\n")


def proves(cell: Cell) -> bool:
    """Whether a cell ends in ``proved(...)``: it only asserts, so its source is folded."""
    if cell.kind != "code":
        return False
    try:
        body = ast.parse(plain_python(cell.text)).body
    except SyntaxError:
        return False
    call = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "proved"


@dataclass(frozen=True)
class Source:
    """One lesson, lab or other notebook: ``group`` is the folder under content; the file's stem."""

    path: str
    group: str
    name: str
    cells: tuple[Cell, ...]


def read_sources(root: Path, only: str | None) -> tuple[list[Source], list[Problem]]:
    """Return the sources under ``root/content`` (of one name, or one lab), and read errors."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for group in FOLDERS:
        for path in sorted((root / "content" / group).glob("*.py")):
            if only not in (None, path.stem, path.stem.partition("-")[0]):  # of a lab its number
                continue
            result = read_source(path, root, group)
            if isinstance(result, Source):
                sources.append(result)
            else:
                problems.append(result)
    return sources, problems


def lesson_notebooks(root: Path, only: Sequence[str] | None) -> list[Path]:
    """Return the lessons' notebooks in order; with ``only``, those with these numbers or names."""
    found = sorted((root / "notebooks").glob("*.ipynb"))
    return [path for path in found if not only or {*path.stem.split("-", 1)} & {*only}]


def read_source(path: Path, root: Path, group: str) -> Source | Problem:
    """Return the source at ``path``, or why it cannot be read."""
    name = path.relative_to(root).as_posix()
    if group in _NAMES and not re.fullmatch(_NAMES[group][0], path.stem):
        return Problem(name, 1, f"rename the file to {_NAMES[group][1]}.")
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, 1) if _CELL_START.match(line)]
    try:
        cells = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:  # jupytext, YAML and nbformat each have their own
        return Problem(name, 1, f"jupytext cannot read it: {str(error).splitlines()[0]}.")
    if len(cells) != len(starts):
        return Problem(
            name, 1, f"{len(starts)} '# %%' lines but {len(cells)} cells: start every cell so."
        )
    read = tuple(_cell(cell, start, lines) for cell, start in zip(cells, starts, strict=True))
    return Source(name, group, path.stem, read)


def _cell(cell: Any, start: int, lines: list[str]) -> Cell:
    """Add line numbers to a jupytext cell, which may lack blank lines at the start."""
    texts = cell.source.strip("\n").split("\n")
    first = start + 1
    while first <= len(lines) and not lines[first - 1].strip():
        first += 1
    if cell.cell_type == "code" and texts[0].startswith("%%"):
        raw = lines[
            first : first + len(texts) - 1
        ]  # jupytext leaves most of these lines as comments
        texts[1:] = [
            re.sub(r"# ?", "", line, count=1) if line.startswith("#") else line for line in raw
        ]
    kept = {key: cell.metadata[key] for key in KEPT_METADATA if key in cell.metadata}
    return Cell(cell.cell_type, start, tuple(enumerate(texts, first)), kept)


def find_problems(source: Source) -> list[Problem]:
    """Return the problems of a source by line, each once."""
    found: list[Line] = []
    for cell in source.cells:
        found += _tag_problems(cell, source.group)
        marks = list(_marker_problems(cell, source.group))
        found += marks
        if cell.kind == "code" and not marks:
            for folder in FOLDERS.get(source.group, ("",)):
                found += [line for one in variant(cell, folder) for line in _code_rules(one)]
    for folder in FOLDERS.get(source.group, ("",)):
        found += _prediction_problems(source, folder)
    return sorted({Problem(source.path, number, says) for number, says in found})


def _prediction_problems(source: Source, folder: str) -> Iterator[Line]:
    cells = [one for cell in source.cells for one in variant(cell, folder)]
    for index, line, says in prediction_cells.problems(codes(cells)):
        yield cells[index].lines[line - 1][0], says


def codes(cells: Sequence[Cell]) -> list[str | None]:
    """Return the code of each cell; None for a text."""
    return [cell.text if cell.kind == "code" else None for cell in cells]


def _tag_problems(cell: Cell, group: str) -> Iterator[Line]:
    for tag in sorted(cell.tags):
        if tag.startswith(("nbval-", "raises-exception")):
            yield cell.start, f"tag {tag!r} hides failures: assert in the cell instead."
        if tag in OUR_TAGS and group != "labs":
            yield cell.start, f"tag {tag!r} has a meaning in labs only: remove it."
    if cell.tags >= OUR_TAGS:
        yield cell.start, "tags 'solution' and 'exercise' exclude each other: keep one."
    if cell.kind not in ("code", "markdown"):
        yield cell.start, f"a {cell.kind} cell: make it code or markdown."


def _marker_problems(cell: Cell, group: str) -> Iterator[Line]:
    opened = 0
    for number, text in cell.lines:
        match = _MARKER.match(text)
        if not match:
            if _LIKE_MARKER.match(text):
                yield number, "write '# SOLUTION BEGIN', '# SOLUTION END' or '# STUB: code'."
            continue
        if group != "labs" or cell.kind != "code":
            yield number, "a marker belongs in a code cell of a lab: remove it."
        elif match["edge"] == "BEGIN" and opened:
            yield number, f"SOLUTION BEGIN inside the one of line {opened}: end that first."
        elif match["edge"] == "END" and not opened:
            yield number, "SOLUTION END without a SOLUTION BEGIN in this cell: remove it."
        if match["edge"]:
            opened = number if match["edge"] == "BEGIN" else 0
    if opened and group == "labs" and cell.kind == "code":
        yield opened, "SOLUTION BEGIN without a SOLUTION END in this cell: add it."


def variant(cell: Cell, folder: str) -> list[Cell]:
    """Return the cell for the notebooks of ``folder``: a list of one, or empty if left out."""
    if (folder, True) in {
        ("labs", "solution" in cell.tags),
        ("solutions", "exercise" in cell.tags),
    }:
        return []
    lines = tuple(_exercise_lines(cell) if folder == "labs" else _solution_lines(cell))
    metadata = {**cell.metadata, "tags": sorted(cell.tags - OUR_TAGS)}
    return [Cell(cell.kind, cell.start, lines, metadata)]


def _exercise_lines(cell: Cell) -> Iterator[Line]:
    cut = False
    for number, text in cell.lines:
        match = _MARKER.match(text) if cell.kind == "code" else None
        if match and match["edge"]:
            cut = match["edge"] == "BEGIN"
        elif match:
            yield number, match["indent"] + match["stub"]
        elif not cut:
            yield number, text


def _solution_lines(cell: Cell) -> Iterator[Line]:
    for number, text in cell.lines:
        if cell.kind != "code" or not _MARKER.match(text):
            yield number, text


def _code_rules(cell: Cell) -> Iterator[Line]:
    """Yield the problems of a code cell of a generated notebook."""
    size = len(cell.text.splitlines())
    if size > LONGEST_CELL:
        yield cell.start, f"{size} lines of code; at most {LONGEST_CELL}: split, or move to src."
    if not cell.text.strip():
        yield cell.start, "nothing is left of this cell: add '# STUB: code' or tag it 'solution'."
    for number, text in cell.lines:
        if _SHELL.match(text):
            yield number, "a failing shell line passes unnoticed: call a function that raises."
        if re.match(r"\s*#+\s*(NBVAL|PYTEST_VALIDATE)_", text):
            yield number, "an nbval comment hides failures: assert in the cell instead."
    for at, line in kubectl_lines(cell.text).items():
        try:
            expressions(line)
        except BadInput as error:
            yield cell.lines[at][0], f"{error.failed} {error.next_step}"
    yield from _python_rules(cell)


def _python_rules(cell: Cell) -> Iterator[Line]:
    numbers = [number for number, _ in cell.lines]
    code = plain_python(cell.text)
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile(code, "cell", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        at = min(error.lineno or 1, len(numbers)) if numbers else 1
        yield (numbers[at - 1] if numbers else cell.start), f"not Python: {error.msg}."
        return
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    lines = sum((each.end_lineno or each.lineno) - each.lineno + 1 for each in imports)
    if lines > MOST_IMPORTS:
        says = (
            f"{lines} lines of imports; at most {MOST_IMPORTS}: import where a name is first used."
        )
        yield numbers[imports[0].lineno - 1], says
    for node in ast.walk(tree):
        if _sleeps(node):
            yield numbers[node.lineno - 1], "no sleep: wait for a condition with a deadline."  # type: ignore[attr-defined]


def _sleeps(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(name.name == "sleep" for name in node.names)
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.sleep", "asyncio.sleep")
