"""Read the recorded steps of a notebook: what each needs, and a hash of what it is made from.

A recording whose hash differs from the step's is stale.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from daemonset_course.recording.plain_python import plain_python

_MANIFEST = re.compile(r"\.\./(manifests/\S+?\.yaml)")

Definitions = dict[str, ast.stmt]


@dataclass(frozen=True)
class StepSource:
    """A step as a notebook has it.

    Attributes:
        hash: of the step's function; of the notebook's definitions that it uses, also in magics, as
            last defined before it; and of the manifests that all this code names. A manifest's name
            with a ``{part}`` stands for every file that it matches. Comments and layout do not
            count.
        needs: the capabilities that the step needs.
    """

    hash: str
    needs: tuple[str, ...]


def notebook_steps(path: Path) -> dict[str, StepSource]:
    """Return the recorded steps of a notebook, by name."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join(plain_python("".join(c["source"])) for c in cells if c["cell_type"] == "code")
    found: dict[str, StepSource] = {}
    defined: Definitions = {}
    for statement in ast.parse(code).body:
        if call := _step_call(statement):
            name, needs = _arguments(call)
            found[name] = StepSource(_hash(statement, defined, path.parent), needs)
        defined |= dict.fromkeys(_names(statement), statement)
    return found


def _step_call(statement: ast.stmt) -> ast.Call | None:
    """Return the call in ``@step("00-name", needs=...)``."""
    for call in getattr(statement, "decorator_list", []):
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "step":
            return call
    return None


def _arguments(call: ast.Call) -> tuple[str, tuple[str, ...]]:
    """Return a step's name and what it needs; both are literals in every notebook."""
    (needs,) = (ast.literal_eval(word.value) for word in call.keywords if word.arg == "needs")
    return str(ast.literal_eval(call.args[0])), (needs,) if isinstance(needs, str) else tuple(needs)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a lesson assigns or defines; imports are left out."""
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


def _hash(step: ast.stmt, defined: Mapping[str, ast.stmt], folder: Path) -> str:
    parts = [step]
    for part in parts:  # grows: a definition uses other definitions
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
    """Return a part of the code as plain lists, which are the same in every version of Python."""
    if isinstance(node, ast.AST):
        # An empty list may be a field that older versions of Python do not have.
        fields = {name: _tree(value) for name, value in ast.iter_fields(node) if value != []}
        return [type(node).__name__, fields]
    return list(map(_tree, node)) if isinstance(node, list) else repr(node)
