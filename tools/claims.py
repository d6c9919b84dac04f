"""Count the claims of the source document by verdict and lesson, and check that each is shown.

    python tools/claims.py            # count and check
    python tools/claims.py --write    # first note in the ledger where the tagged cells stand

The ledger is ``content/claims.toml``. A claim that a cluster can decide is shown by every cell of
its lesson that is tagged ``claim-Cnn``. The ledger's ``cells`` names them in the lesson's order,
each by the heading it stands under: without line numbers, and yet one cell less is noticed. Where
``recorded = true``, an assertion of such a cell rests on a recorded step: only kind can fail it.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from daemonset_course.recording.plain_python import plain_python
from notebook_source import Cell, Source, read_sources
from rests_on import judged

ROOT = Path(__file__).resolve().parents[1]
LEDGER = Path("content") / "claims.toml"
IDS = tuple(f"C{number:02}" for number in range(1, 102))
VERDICTS = ("true", "partly", "dated", "wrong", "undecided")
FIELDS = ("id", "says", "verdict", "lesson", "asserts")
MOST_UNDECIDED = 15

_TAG = "claim-"
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

_HEADING = re.compile(r"#+\s+(?P<title>.+)")

Claim = Mapping[str, Any]


def read_claims(path: Path) -> list[dict[str, Any]]:
    """The ledger's rows, in the order of the file."""
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    return rows


def ledger_problems(claims: Sequence[Claim]) -> list[str]:
    """Return the problems of the rows alone; each line names the claim."""
    ids = [claim.get("id", "") for claim in claims]
    found = [f"{one}: missing in the ledger" for one in IDS if one not in ids]
    found += [f"{one}: {n} times in the ledger" for one, n in Counter(ids).items() if n > 1]
    found += [f"{one or '(no id)'}: there is no such claim" for one in ids if one not in IDS]
    ledger_ids = [one for one in ids if one in IDS]
    if ledger_ids != sorted(ledger_ids, key=IDS.index):
        found.append("the ledger is not sorted by id")
    undecided = sum(claim.get("verdict") == "undecided" for claim in claims)
    if undecided > MOST_UNDECIDED:
        found.append(f"{undecided} claims are undecided, at most {MOST_UNDECIDED} may be")
    return found + [line for claim in claims for line in _row_problems(claim)]


def _row_problems(claim: Claim) -> Iterator[str]:
    one, verdict = claim.get("id", "(no id)"), claim.get("verdict", "")
    wanted = [field for field in FIELDS if field != "asserts" or verdict != "undecided"]
    wanted += ["correction"] if verdict in ("partly", "dated", "wrong") else []
    for field in wanted:
        if not claim.get(field, "").strip():
            yield f"{one}: no {field}"
    for field in claim.keys() - {*FIELDS, "correction", "source", "cells", "recorded"}:
        yield f"{one}: unknown field {field}"
    if claim.get("recorded", True) is not True:
        yield f"{one}: recorded is true or left out, not {claim['recorded']!r}"
    if verdict and verdict not in VERDICTS:
        yield f"{one}: verdict {verdict!r} is none of {', '.join(VERDICTS)}"
    if verdict == "undecided" and not re.match(r"https://\S+$", claim.get("source", "")):
        yield f"{one}: undecided without the URL of a source"


def lesson_problems(claims: Sequence[Claim], sources: Sequence[Source]) -> list[str]:
    """Return claims without a cell, cells without an assertion, and tags without a claim."""
    lesson_of = {claim["id"]: claim.get("lesson", "") for claim in claims if "id" in claim}
    cited: set[str] = set()
    found = []
    for source in sources:
        name = source.name if source.group == "lessons" else ""
        for cell in source.cells:
            for tag in sorted(tag for tag in cell.tags if tag.startswith("claim")):
                one, place = tag.removeprefix(_TAG), f"{source.path}:{cell.start}"
                if not name or lesson_of.get(one) != name:
                    found.append(f"{place}: the ledger does not give {tag!r} to this file")
                    continue
                cited.add(one)
                if not asserts(cell):
                    found.append(f"{place}: the cell of {one} asserts nothing")
    there, by_kind = tagged(sources), recorded(sources)
    for claim in claims:
        one, name = claim.get("id", ""), claim.get("lesson", "")
        if claim.get("recorded", False) != ((name, one) in by_kind):
            kind = "recorded, but no" if claim.get("recorded") else "not recorded = true, but an"
            found.append(f"{one}: {kind} assertion of its cells rests on a recorded step")
        if claim.get("verdict") != "undecided" and one not in cited:
            found.append(f"{one}: no cell of lesson {name} shows it")
        elif claim.get("cells", []) != (cells := there.get((name, one), [])):
            found.append(
                f"{one}: the ledger names cells {claim.get('cells', [])}, "
                f"lesson {name} has {cells} (if that is meant: claims.py --write)"
            )
    return found


def tagged(sources: Sequence[Source]) -> dict[tuple[str, str], list[str]]:
    """Return by lesson and claim the heading over each of the claim's cells, in order."""
    found: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        heading, name = "", source.name if source.group == "lessons" else ""
        for cell in source.cells:
            if cell.kind == "markdown":
                titles = [
                    m["title"] for line in cell.text.splitlines() if (m := _HEADING.match(line))
                ]
                heading = titles[-1] if titles else heading
            for tag in cell.tags:
                if name and tag.startswith(_TAG):
                    found.setdefault((name, tag.removeprefix(_TAG)), []).append(heading)
    return found


def recorded(sources: Sequence[Source]) -> set[tuple[str, str]]:
    """By lesson and claim, those of which an assertion rests on a recorded step."""
    return {
        (source.name, tag.removeprefix(_TAG))
        for source in sources
        if source.group == "lessons"
        for one in judged(source)
        if isinstance(one.node, ast.Assert) and one.recorded
        for tag in one.cell.tags
        if tag.startswith(_TAG)
    }


def with_cells(ledger: str, sources: Sequence[Source]) -> str:
    """The ledger's text with the line ``cells`` of each row as the lessons have it."""
    there = tagged(sources)
    head, *rows = re.split(r"(?m)^(?=\[\[claim\]\])", ledger)
    return head + "".join(_row_with_cells(row, there) for row in rows)


def _row_with_cells(row: str, there: Mapping[tuple[str, str], list[str]]) -> str:
    (claim,) = tomllib.loads(row)["claim"]
    cells = there.get((claim.get("lesson", ""), claim.get("id", "")))
    row = re.sub(r"(?m)^cells = .*\n", "", row)
    line = f"cells = {json.dumps(cells, ensure_ascii=False)}\n" if cells else ""
    return re.sub(r"(?m)^lesson = .*\n", lambda found: found[0] + line, row, count=1)


def asserts(cell: Cell) -> bool:
    """Whether running the cell runs an ``assert`` that can fail, or a ``with rejected(...)``.

    What stands in a function counts for nothing: it may never be called. Nor does an assertion
    about nothing but constants and names that the cell itself has set to a constant.
    """
    if cell.kind != "code":
        return False
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree: Any = compile(plain_python(cell.text), "cell", "exec", flags, dont_inherit=True)
    except SyntaxError:
        return False
    nodes = list(_run_at_once(tree))
    fixed = _fixed(nodes)
    return any(_is_assertion(node, fixed) for node in nodes)


def _run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _LATER):
            yield child
            yield from _run_at_once(child)


def _is_assertion(node: ast.AST, fixed: set[str]) -> bool:
    if isinstance(node, ast.Assert):
        return _can_fail(node.test, fixed)
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) == "rejected"
        for item in node.items
    )


def _fixed(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that are assigned once here, and a constant."""
    written = Counter(
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    constant = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in constant if written[name] == 1}


def _can_fail(test: ast.expr, fixed: set[str]) -> bool:
    """Whether an assertion's outcome depends on anything, as far as its form shows."""
    if isinstance(test, ast.Tuple):
        return False
    if isinstance(test, ast.BoolOp):
        every = all if isinstance(test.op, ast.Or) else any
        return every(_can_fail(part, fixed) for part in test.values)
    if isinstance(test, ast.Compare):
        sides = [ast.dump(side) for side in (test.left, *test.comparators)]
        if len(set(sides)) == 1:
            return False
    names = {part.id for part in ast.walk(test) if isinstance(part, ast.Name)}
    return bool(names - fixed - set(dir(builtins)))


def table(claims: Sequence[Claim]) -> str:
    """The number of claims by lesson (rows) and verdict (columns), with totals."""
    cells = Counter((claim.get("lesson", "?"), claim.get("verdict", "?")) for claim in claims)
    lessons = list(dict.fromkeys(claim.get("lesson", "?") for claim in claims))
    lines: list[tuple[str, ...]] = [("lesson", *VERDICTS, "all")]
    for lesson in lessons:
        row = [cells[lesson, verdict] for verdict in VERDICTS]
        lines.append((lesson, *(str(n or "") for n in row), str(sum(row))))
    sums = [sum(cells[lesson, verdict] for lesson in lessons) for verdict in VERDICTS]
    lines.append(("all", *map(str, sums), str(sum(sums))))
    first, *others = (f"{line[0]:<24}" + "".join(f"{n:>11}" for n in line[1:]) for line in lines)
    rule = "-" * len(first)
    return "\n".join([first, rule, *others[:-1], rule, others[-1]])


def main(root: Path = ROOT, arguments: Sequence[str] = ()) -> int:
    """Print the table; exit code 1 after printing each problem, else 0."""
    parser = argparse.ArgumentParser(description="Count and check the claims.")
    parser.add_argument("--write", action="store_true", help="note where the tagged cells stand")
    sources, unread = read_sources(root, None)
    ledger = root / LEDGER
    if parser.parse_args(arguments).write and not unread:
        old = ledger.read_text(encoding="utf-8")
        ledger.write_text(with_cells(old, sources), encoding="utf-8")
    claims = read_claims(ledger)
    print(table(claims))
    by_kind = sum(claim.get("recorded") is True for claim in claims)
    print(
        f"Assertions of {by_kind} claims rest on recorded steps: only a run on kind can fail them."
    )
    problems = [*map(str, unread), *ledger_problems(claims), *lesson_problems(claims, sources)]
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
