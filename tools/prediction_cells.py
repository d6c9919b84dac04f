"""Find the predictions of a lesson: where each is asked, and which cells show its result.

A prediction is asked in a cell of its own, ``x = predict("rolling-length", ...)``, and its result
is shown by the cells after it, up to the last one that calls ``x.compare(...)``. JupyterLab lets
these wait for the answer (``held_back.py``), except those that ask the next question.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemonset_course.recording.plain_python import plain_python

_BEFORE = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)  # beside a question, or a call
_SHOW = {"print", "display", "show"}
_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class Asked:
    """One prediction of a lesson.

    Attributes:
        variable: the name that it has in the lesson.
        call: the call of ``predict``.
        cell: the index of the cell that asks it.
        last: the index of the last cell that compares it; that of ``cell`` if none does.
    """

    question_id: str
    variable: str
    call: ast.Call
    cell: int
    last: int


def asked(codes: Sequence[str | None]) -> list[Asked]:
    """Return the predictions of cells, given as their code; None stands for a text."""
    trees = [parsed(code) for code in codes]
    found = [
        (index, variable, call)
        for index, tree in enumerate(trees)
        for variable, call in _predictions(tree)
    ]
    predictions = []
    for index, variable, call in found:
        later = [other for other, again, _ in found if again == variable and other > index]
        end = min(later, default=len(trees))
        compared = [n for n in range(index, end) if variable in compares(trees[n])]
        last = max(compared, default=index)
        predictions.append(Asked(_id_of(call), variable, call, index, last))
    return predictions


def shows(codes: Sequence[str | None]) -> list[list[str]]:
    """Return for each cell the questions whose result it shows."""
    predictions = asked(codes)
    asking = {each.cell for each in predictions}
    return [
        [each.question_id for each in predictions if each.cell < index <= each.last]
        if code is not None and index not in asking
        else []
        for index, code in enumerate(codes)
    ]


def problems(codes: Sequence[str | None]) -> Iterator[tuple[int, int, str]]:
    """Yield what keeps a result from waiting: the cell's index, the line in it (from 1), a text."""
    for index, code in enumerate(codes):
        for line, says in _cell_problems(parsed(code)):
            yield index, line, says
    for each in asked(codes):
        if each.last == each.cell and each.variable not in compares(parsed(codes[each.cell])):
            yield each.cell, each.call.lineno, f"{each.variable} is compared in no cell after it."


def compares(tree: ast.Module) -> set[str]:
    """Return the names whose ``compare`` a cell calls."""
    return {name for name, _ in comparisons(tree)}


def comparisons(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """Return the calls ``x.compare(...)`` of a cell, each with the name ``x``."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="compare")):
                found.append((name, node))
    return found


def _cell_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_predict(node)]
    named = {call for _, call in _predictions(tree)}
    for call in calls:
        if call not in named:
            yield call.lineno, "give a prediction a name of its own: x = predict(...)."
        elif not _id_of(call):
            yield call.lineno, "the first argument of predict must be a text."
    if len(named) > 1:
        yield calls[-1].lineno, "two predictions in a cell: give each its own."
    if len(named) != 1:
        return
    ((variable, call),) = _predictions(tree)
    at = next(n for n, one in enumerate(tree.body) if getattr(one, "value", None) is call)
    for before in tree.body[:at]:
        if not isinstance(before, _BEFORE) and not _prepares(before):
            yield before.lineno, "before predict(...) only assignments and calls that prepare it."
    after = tree.body[at + 1 :]
    if [ast.unparse(one) for one in after] != [variable]:
        line = after[0].lineno if after else call.lineno
        yield line, f"a cell with predict(...) ends in {variable}: put the rest into the next cell."


def _prepares(statement: ast.stmt) -> bool:
    """Whether a statement calls a function such as ``taint`` or ``reset``, and shows nothing."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
    return bool(name) and name not in _SHOW


def _predictions(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    found = []
    for one in tree.body:
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                if _is_predict(call):
                    found.append((name, call))
    return found


def _is_predict(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "predict"


def _id_of(call: ast.Call) -> str:
    match call.args:
        case [ast.Constant(value=str(text)), *_]:
            return text
    return ""


def parsed(code: str | None) -> ast.Module:
    """Return the tree of a cell; an empty one for a text, or for what is not Python."""
    try:
        tree = compile(plain_python(code or ""), "cell", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError:
        return ast.Module([], [])
    assert isinstance(tree, ast.Module)
    return tree
