"""What a recorded step was made from, as a hash: another hash, and the recording is stale."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

_MANIFEST = re.compile(r"\.\./(manifests/\S+?\.yaml)")

Definitions = dict[str, ast.stmt]


def step_hashes(code: str, folder: Path) -> dict[str, str]:
    """By name: the hash of each step in a lesson's code.

    It is of the step's function, of what the lesson defines and the function uses, as last defined
    before it, and of the manifests named in all that; a name with a ``{part}`` names every file
    that it can mean. Comments and layout do not count.

    Args:
        code: all code cells, in order.
        folder: where the notebook is; manifests are named from there.
    """
    found: dict[str, str] = {}
    defined: Definitions = {}
    for statement in ast.parse(code).body:
        if name := _step_name(statement):
            found[name] = _hash(statement, defined, folder)
        defined |= dict.fromkeys(_names(statement), statement)
    return found


def _step_name(statement: ast.stmt) -> str | None:
    """The name in ``@step("00-name", ...)``."""
    for call in getattr(statement, "decorator_list", []):
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "step":
            return str(ast.literal_eval(call.args[0]))
    return None


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a lesson gives a value, modules and their contents aside."""
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


def _hash(step: ast.stmt, defined: Mapping[str, ast.stmt], folder: Path) -> str:
    parts = [step]
    for part in parts:  # grows: what is used uses more
        used = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
        parts += [defined[n] for n in sorted(used & set(defined)) if defined[n] not in parts]
    code = "\n".join(map(ast.unparse, parts))
    patterns = {re.sub(r"\{[^}]*\}", "*", name) for name in _MANIFEST.findall(code)}
    manifests = sorted({path for pattern in patterns for path in folder.parent.glob(pattern)})
    made_from = [
        [_tree(part) for part in parts],
        {path.name: list(yaml.safe_load_all(path.read_text("utf-8"))) for path in manifests},
    ]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]


def _tree(node: object) -> object:
    """A part of the code as plain lists; unlike ``ast.unparse`` the same in every Python."""
    if isinstance(node, ast.AST):
        # An empty list may be a field that older Pythons do not have.
        fields = {name: _tree(value) for name, value in ast.iter_fields(node) if value != []}
        return [type(node).__name__, fields]
    return list(map(_tree, node)) if isinstance(node, list) else repr(node)
