"""Find whether a lesson's assertions rest on recorded steps, the cluster, or neither.

A step under ``@step`` that this cluster cannot run returns a recording, and so does a file of
``recordings/``. An assertion on such a value can fail only on kind, where the step really runs. The
module follows the names of a lesson from cell to cell by reading its code, without running it.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemonset_course.recording.plain_python import plain_python
from notebook_source import Cell, Source

CLUSTER = "the cluster"

_FILE = re.compile(r"\.\./recordings/(?P<name>[\w-]+)")
_PUBLIC_MODULES = ("daemonset_course", "daemonset_course.lessons")
_ASKS = re.compile(r"daemonset_course\.(verbs|cluster|recording\.recorder)\b")
_NO_FACTS = {"compare", "rejected"}

Grounds = frozenset[str]  # names of recorded steps, and CLUSTER


@dataclass(frozen=True)
class Judged:
    """An ``assert`` or a call of ``compare``, with the sources of its values."""

    cell: Cell
    node: ast.Assert | ast.Call
    grounds: Grounds

    @property
    def recorded(self) -> Grounds:
        """The recorded steps among the sources."""
        return self.grounds - {CLUSTER}


def judged(source: Source) -> list[Judged]:
    """Return the assertions and comparisons of a lesson outside of functions, in order."""
    reader = _Reader()
    for cell in source.cells:
        if cell.kind == "code":
            reader.read(cell)
    return reader.found


class _Reader:
    def __init__(self) -> None:
        self.found: list[Judged] = []
        self._grounds: dict[str, Grounds] = {"kubectl": frozenset({CLUSTER})}  # also as a magic
        self._around: Grounds = frozenset()  # grounds of the conditions around a statement

    def read(self, cell: Cell) -> None:
        try:
            body = ast.parse(plain_python(cell.text)).body
        except SyntaxError:
            return
        self._run(cell, body)

    def _run(self, cell: Cell, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self._statement(cell, statement)

    def _statement(self, cell: Cell, statement: ast.stmt) -> None:
        match statement:
            case ast.ImportFrom(module=str(module), names=names) if module in _PUBLIC_MODULES:
                for alias in names:
                    if _asks_the_cluster(module, alias.name):
                        self._grounds[alias.asname or alias.name] = frozenset({CLUSTER})
            case ast.FunctionDef():
                self._function(statement)
            case ast.For(target=target, iter=over):
                self._bind(target, self._of(over))
            case ast.With(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, self._of(item.context_expr))
            case ast.Assign(targets=targets, value=value):
                for one in targets:
                    self._bind(one, self._of(value))
            case ast.AugAssign(target=changed, value=value):
                self._add(changed, self._of(value))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=changed), args=given)):
                for one in given:  # lengths.append(...)
                    self._add(changed, self._of(one))
            case ast.Assert():
                self.found.append(Judged(cell, statement, self._of(statement.test)))
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            self._calls(cell, statement)
            self._inner(cell, statement)

    def _inner(self, cell: Cell, statement: ast.stmt) -> None:
        """Read the inner statements; the outer condition decides whether they run."""
        around = self._around
        match statement:
            case ast.If(test=test) | ast.While(test=test):
                self._around |= self._of(test)
            case ast.Try(body=body):
                self._around = around.union(*map(self._of, body))
        for field in ("body", "orelse", "finalbody"):
            self._run(cell, getattr(statement, field, []))
        for handler in getattr(statement, "handlers", []):
            self._run(cell, handler.body)
        self._around = around

    def _function(self, function: ast.FunctionDef) -> None:
        step = _step_name(function)
        grounds = frozenset({step}) if step else self._of(function)
        self._grounds[function.name] = grounds
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                self._add(node, grounds)

    def _calls(self, cell: Cell, statement: ast.stmt) -> None:
        """Record comparisons in a statement, and names that its expressions assign."""
        for node in _without_bodies(statement):
            match node:
                case ast.NamedExpr(target=target, value=value):
                    self._bind(target, self._of(value))
                case ast.Call(func=ast.Attribute(attr="compare"), args=[actual, *_]):
                    self.found.append(Judged(cell, node, self._of(actual)))

    def _bind(self, target: ast.expr, grounds: Grounds) -> None:
        match target:
            case ast.Name(id=name):
                self._grounds[name] = grounds | self._around
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._bind(part, grounds)
            case ast.Starred(value=part):
                self._bind(part, grounds)
            case _:
                self._add(target, grounds)

    def _add(self, target: ast.expr, grounds: Grounds) -> None:
        """Add grounds to a name of which a part is assigned: found["x"] = ..."""
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            self._grounds[target.id] = self._grounds.get(target.id, frozenset()) | grounds

    def _of(self, part: ast.AST) -> Grounds:
        own = {node.arg for node in ast.walk(part) if isinstance(node, ast.arg)}
        if isinstance(part, ast.FunctionDef):
            own |= {name.id for name in _names(part) if isinstance(name.ctx, ast.Store)}
        found: set[str] = set()
        for node in ast.walk(part):
            match node:
                case ast.comprehension(target=target):
                    own |= {name.id for name in _names(target)}
                case ast.Constant(value=str(text)) if named := _FILE.search(text):
                    found.add(named["name"])
        names = {name.id for name in _names(part)} - own
        return frozenset(found.union(*(self._grounds.get(name, frozenset()) for name in names)))


def _asks_the_cluster(module: str, name: str) -> bool:
    """Whether an imported name reads facts from the cluster, by the module that defines it."""
    value = getattr(importlib.import_module(module), name, None)
    return name not in _NO_FACTS and bool(_ASKS.match(getattr(value, "__module__", "")))


def _names(part: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(part) if isinstance(node, ast.Name)]


def _without_bodies(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement's expressions, without its inner statements."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.excepthandler):
            yield from ast.walk(child)


def _step_name(function: ast.FunctionDef) -> str | None:
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "step":
            return str(ast.literal_eval(call.args[0]))
    return None
