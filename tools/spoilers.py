"""Find what gives an answer away in the cells around a prediction.

From two cells before a question to the last cell that compares its answer, no visible cell asserts,
has a fixed title, compares the result with a literal, or names the answer. A cell that ends in
``proved(...)`` is folded, so it may.

The answer is known from an assertion of the lesson about the compared expression, or from
``content/facts.json``, which ``tools/facts.py`` makes of a run.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from daemonset_course.answers import same
from daemonset_course.recording.plain_python import plain_python
from notebook_source import Cell, Source, codes, proves
from prediction_cells import Asked, asked, comparisons, parsed

BEFORE, AFTER = 2, 4  # cells: in sight of the question; with an assertion about its answer

_EVERYWHERE = {0, 1}  # numbers that stand in any code: indices, counters
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
_NUMBERED = re.compile(r"^[#\s]*\d+\.\s|\b(rules?|lessons?|labs?|steps?) \d+\b", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Spoiler:
    """One thing that gives an answer away, with its file and line (from 1)."""

    path: str
    line: int
    question_id: str
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.question_id}: {self.says}"


def spoilers(source: Source, facts: Mapping[str, Any]) -> list[Spoiler]:
    """Return what gives an answer away in a lesson, by line, each once.

    Args:
        source: the lesson.
        facts: the answers that are known from a run, by question.
    """
    found = set()
    for one in asked(codes(source.cells)):
        known = _stated(source.cells, one)
        if one.question_id in facts:
            known.append(facts[one.question_id])
        for index in range(max(0, one.cell - BEFORE), one.last + 1):
            cell = source.cells[index]
            if proves(cell):
                continue
            for line, says in (*_shape(cell, one), *_literals(cell, index, one, known)):
                number = cell.lines[min(line, len(cell.lines)) - 1][0]
                found.add(Spoiler(source.path, number, one.question_id, says))
    return sorted(found)


def _shape(cell: Cell, one: Asked) -> Iterator[tuple[int, str]]:
    """Yield what gives answers away whatever the answer is."""
    for node in ast.walk(_tree(cell)):
        match node:
            case ast.Assert():
                yield node.lineno, "asserts in sight: fold it with proved(...)."
            case ast.keyword(arg="title", value=ast.Constant(value=str())):
                yield node.lineno, "a fixed title in sight: let the recording say it."
    for name, call in comparisons(_tree(cell)):
        for argument in call.args if name == one.variable else ():
            for value in _expected(argument):
                if not _is_named(value, _words(one)):
                    yield argument.lineno, f"compares the result with {value!r}: compute it."


def _expected(argument: ast.expr) -> Iterator[Any]:
    """Yield the literals to which a compared yes or no says that something is equal."""
    for test in argument.values if isinstance(argument, ast.BoolOp) else [argument]:
        for kind, left, right in _sides(test) if isinstance(test, ast.Compare) else ():
            if isinstance(kind, ast.Eq):
                yield from (value for value in map(_value, (left, right)) if tells(value))


def _words(one: Asked) -> str:
    """Return what a question says, with its numbers also as digits."""
    text = ast.unparse(one.call)
    found = re.findall(rf"(?i)\b({'|'.join(_NUMBERS)})\b", text)
    return " ".join([text, *(str(_NUMBERS.index(word.lower())) for word in found)])


def _sides(node: ast.Compare) -> Iterator[tuple[ast.cmpop, ast.expr, ast.expr]]:
    for kind, (left, right) in zip(node.ops, pairwise((node.left, *node.comparators)), strict=True):
        yield kind, left, right


def _literals(
    cell: Cell, index: int, one: Asked, known: Sequence[Any]
) -> Iterator[tuple[int, str]]:
    """Yield where a cell names an answer that the question does not name itself."""
    if index == one.cell:
        return
    question, listed = _words(one), any(each.arg == "nodes" for each in one.call.keywords)
    for fact in known:
        for line, value in _named(cell):
            if listed and not isinstance(value, list):
                continue  # the question lists the names; one of them is not yet the answer
            if _is_named(fact, value) and not _is_named(fact, question):
                yield line, f"names the answer, {fact!r}."


def _is_named(fact: Any, value: Any) -> bool:
    """Whether a text has the fact as a whole token, or a literal is the fact."""
    if isinstance(fact, list) and isinstance(value, list):
        return sorted(map(str, fact)) == sorted(map(str, value)) and fact != []
    if not isinstance(value, str):
        return same(fact, value)
    token = ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
    return bool(token) and bool(re.search(rf"(?<![\w.%-]){re.escape(token)}(?![\w%-]|\.\d)", value))


def _named(cell: Cell) -> Iterator[tuple[int, Any]]:
    """Yield the values that a cell names, with their line in the cell (from 1).

    Of the code these are texts, comments, lists, and numbers that something is compared with.
    """
    if cell.kind != "code":
        yield from ((n, _NUMBERED.sub("", line)) for n, (_, line) in enumerate(cell.lines, 1))
        return
    for node in ast.walk(_tree(cell)):
        match node:
            case ast.Constant(value=str(text)):
                yield node.lineno, text
            case ast.List() | ast.Tuple() | ast.Set():
                yield node.lineno, _value(node)
            case ast.Compare():
                for _, left, right in _sides(node):
                    yield node.lineno, _value(left)
                    yield node.lineno, _value(right)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(plain_python(cell.text)).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    yield from ((each.start[0], each.string) for each in tokens if each.type == tokenize.COMMENT)


def _stated(cells: Sequence[Cell], one: Asked) -> list[Any]:
    """Return what assertions of the lesson say of the compared expressions."""
    compared = {
        ast.unparse(call.args[0])
        for cell in cells[one.cell : one.last + 1]
        for name, call in comparisons(_tree(cell))
        if name == one.variable and call.args
    }
    facts = []
    for cell in cells[one.cell : one.last + 1 + AFTER]:
        for node in ast.walk(_tree(cell)):
            if isinstance(node, ast.Assert):
                facts += [value for text, value in _equations(node.test) if text in compared]
    return [fact for fact in facts if tells(fact)]


def tells(fact: Any) -> bool:
    """Whether a literal in a cell could give this fact away."""
    return not isinstance(fact, bool | float) and fact not in (None, "", [], *_EVERYWHERE)


def _equations(test: ast.expr) -> Iterator[tuple[str, Any]]:
    """Yield each expression that a test says equal to a literal, and the literal."""
    for node in ast.walk(test):
        for kind, left, right in _sides(node) if isinstance(node, ast.Compare) else ():
            if not isinstance(kind, ast.Eq):
                continue
            pairs = [(left, right)]
            if isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple):
                pairs += zip(left.elts, right.elts, strict=False)
            for one, other in (*pairs, *((other, one) for one, other in pairs)):
                if (value := _value(other)) is not None:
                    yield ast.unparse(one), value


def _value(node: ast.expr) -> Any:
    """Return the value of a literal as an answer has it; None for what is none."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    if isinstance(value, set | tuple | list):
        return sorted(value, key=str) if isinstance(value, set) else list(value)
    return value if isinstance(value, int | float | str) else None


def _tree(cell: Cell) -> ast.Module:
    return parsed(cell.text if cell.kind == "code" else None)
