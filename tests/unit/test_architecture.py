"""What docs/architecture.md says is what the code has."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from daemonset_course.cluster.backend import Backend
from daemonset_course.cluster.watch import Ended
from daemonset_course.history import log

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "daemonset_course"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)
TEXT = BLOCK.sub("", PAGE)
NAMED = sorted(set(re.findall(r"`([^`]+)`", TEXT)))
RECORDS: dict[str, type] = {kind.__name__: kind for kind in log._KINDS.values()}
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
}


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    table = re.search(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.M)
    assert table, head
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def defined() -> set[str]:
    """The names that the package and its tests give: ``Class``, ``Class.member``, ``NAME``."""
    trees = [*MODULES.values(), *(ast.parse(p.read_text()) for p in ROOT.glob("tests/unit/*.py"))]
    found: set[str] = set()
    for tree in trees:
        found |= set(names(tree.body))
        for one in ast.walk(tree):
            if isinstance(one, ast.ClassDef):
                found |= {f"{one.name}.{name}" for name in (*names(one.body), *own(one))}
    return found


def names(body: list[ast.stmt]) -> list[str]:
    found = []
    for one in body:
        match one:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.append(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.append(name)
            case ast.Assign(targets=targets):
                found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def own(kind: ast.ClassDef) -> set[str]:
    """The attributes that a class gives ``self``."""
    return {
        one.attr
        for one in ast.walk(kind)
        if isinstance(one, ast.Attribute)
        and isinstance(one.ctx, ast.Store)
        and isinstance(one.value, ast.Name)
        and one.value.id == "self"
    }


DEFINED = defined()
MEMBERS = {name.partition(".")[2] for name in DEFINED}
FREE = {  # words of the page that are no names of the code
    "src/daemonset_course/", "import daemonset_course", "feed-RESOURCE", "live-NAME", "components",
    "looks", "up", "down", "reset",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMED if name not in FREE])
def test_what_the_page_names_is_there(name: str) -> None:
    path = PACKAGE / name
    files = (path, path.with_suffix(".py"), ROOT / name)
    known = DEFINED | (set() if name[0].isupper() else MEMBERS)

    assert name in known or any(file.exists() for file in files)


def test_every_module_of_the_diagram_is_there() -> None:
    diagrams = [text for kind, text in BLOCK.findall(PAGE) if kind == "mermaid"]
    paths = re.findall(r"<br/>([\w./]+)\"", "".join(diagrams))

    assert len(paths) > 10
    assert [path for path in paths if not (PACKAGE / path).exists()] == []


def test_the_records_and_their_fields_are_those_of_the_log() -> None:
    listed = {quoted(row[0])[0]: quoted(row[2]) for row in rows("record")}

    assert list(listed) == list(RECORDS)
    assert listed == {name: [one.name for one in fields(kind)] for name, kind in RECORDS.items()}


def test_each_record_has_an_example_line_that_loads() -> None:
    (lines,) = (text.splitlines() for kind, text in BLOCK.findall(PAGE) if kind == "json")

    assert [type(log.parse(json.loads(line))) for line in lines] == list(RECORDS.values())
    assert [log.to_json(log.parse(json.loads(line))) for line in lines] == [*map(json.loads, lines)]


def test_the_format_is_that_of_the_log() -> None:
    assert re.findall(r"`FORMAT` is (\d+), and format (\d+) alone loads", PAGE) == [
        (str(log.FORMAT), str(log.FORMAT))
    ]


def test_the_endings_of_a_watch_are_those_of_the_code() -> None:
    assert tuple(row[0] for row in rows("ending")) == get_args(Ended)


def test_the_members_of_a_backend_are_those_of_the_protocol() -> None:
    listed = [name for row in rows("members") for name in quoted(row[0])]
    members = {*Backend.__annotations__, *(n for n in vars(Backend) if not n.startswith("_"))}

    assert len(listed) == len(set(listed))
    assert set(listed) == members


LAYERS = {row[0]: quoted(row[1]) for row in rows("layer")}
IMPORTS = {row[0]: [one.strip() for one in row[2].split(",") if one] for row in rows("layer")}


def layer_of(module: str) -> str:
    """The layer that names a module; its full name comes before its folder, an inner one first."""
    folders = [f"{path}/" for path in map(str, Path(module).parents) if path != "."]
    for name in (module, *folders):
        if found := [layer for layer, listed in LAYERS.items() if name in listed]:
            assert len(found) == 1, f"docs/architecture.md names {module} in {found}"
            return found[0]
    raise AssertionError(f"docs/architecture.md names {module} in no layer")


def imported(tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports anywhere, also for types alone."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("daemonset_course"):
            path = "/".join((node.module or "").split(".")[1:])
            for name in node.names:
                inner = f"{path}/{name.name}".strip("/")
                tried = [inner, f"{inner}/__init__", path, f"{path}/__init__".strip("/")]
                found.add(next(one for one in tried if one in MODULES))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_the_layers_that_its_row_names(module: str) -> None:
    layer = layer_of(module)
    used = {other: layer_of(other) for other in imported(MODULES[module])}
    allowed = {layer, *IMPORTS[layer]}

    assert {other: found for other, found in used.items() if found not in allowed} == {}


def test_each_layer_imports_what_its_row_names_and_no_circle_is_there() -> None:
    used: dict[str, set[str]] = {layer: set() for layer in LAYERS}
    for module, tree in MODULES.items():
        used[layer_of(module)] |= {layer_of(other) for other in imported(tree)}

    assert {layer: found - {layer} for layer, found in used.items()} == {
        layer: set(listed) for layer, listed in IMPORTS.items()
    }
    order = list(LAYERS)
    for layer, listed in IMPORTS.items():
        assert all(order.index(one) < order.index(layer) for one in listed)
