"""Count the claims of the source document by verdict and lesson, and check that each is shown.

    python tools/claims.py

The ledger is ``content/claims.toml``. A claim that a cluster can decide is shown by every cell of
its lesson that is tagged ``claim-Cnn``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from notebook_source import Cell, Source, read_sources

ROOT = Path(__file__).resolve().parents[1]
LEDGER = Path("content") / "claims.toml"
IDS = tuple(f"C{number:02}" for number in range(1, 102))
VERDICTS = ("true", "partly", "dated", "wrong", "undecided")
FIELDS = ("id", "says", "verdict", "lesson", "asserts")
MOST_UNDECIDED = 15

_TAG = "claim-"
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

Claim = Mapping[str, str]


def read_claims(path: Path) -> list[dict[str, str]]:
    """The ledger's rows, in the order of the file."""
    rows: list[dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    return rows


def ledger_problems(claims: Sequence[Claim]) -> list[str]:
    """What is wrong with the rows alone: each line names the claim."""
    ids = [claim.get("id", "") for claim in claims]
    found = [f"{one}: missing in the ledger" for one in IDS if one not in ids]
    found += [f"{one}: {n} times in the ledger" for one, n in Counter(ids).items() if n > 1]
    found += [f"{one or '(no id)'}: there is no such claim" for one in ids if one not in IDS]
    known = [one for one in ids if one in IDS]
    if known != sorted(known, key=IDS.index):
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
    for field in claim.keys() - {*FIELDS, "correction", "source"}:
        yield f"{one}: unknown field {field}"
    if verdict and verdict not in VERDICTS:
        yield f"{one}: verdict {verdict!r} is none of {', '.join(VERDICTS)}"
    if verdict == "undecided" and not re.match(r"https://\S+$", claim.get("source", "")):
        yield f"{one}: undecided without the URL of a source"


def lesson_problems(claims: Sequence[Claim], sources: Sequence[Source]) -> list[str]:
    """Claims that no cell shows, cells that show nothing, tags that the ledger does not give."""
    lesson_of = {claim["id"]: claim.get("lesson", "") for claim in claims if "id" in claim}
    shown: set[str] = set()
    found = []
    for source in sources:
        number = source.name.partition("-")[0] if source.group == "lessons" else ""
        for cell in source.cells:
            for tag in sorted(tag for tag in cell.tags if tag.startswith("claim")):
                one, place = tag.removeprefix(_TAG), f"{source.path}:{cell.start}"
                if not number or lesson_of.get(one) != number:
                    found.append(f"{place}: the ledger does not give {tag!r} to this file")
                    continue
                shown.add(one)
                if not asserts(cell):
                    found.append(f"{place}: the cell of {one} asserts nothing")
    for claim in claims:
        if claim.get("verdict") != "undecided" and claim.get("id") not in shown:
            found.append(f"{claim.get('id')}: no cell of lesson {claim.get('lesson')} shows it")
    return found


def asserts(cell: Cell) -> bool:
    """Whether running the cell runs an ``assert`` about a name, or a ``with rejected(...)``.

    What stands in a function counts for nothing: it may never be called.
    """
    if cell.kind != "code":
        return False
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree: Any = compile(cell.text, "cell", "exec", flags, dont_inherit=True)
    except SyntaxError:
        return False
    return any(_is_assertion(node) for node in _run_at_once(tree))


def _run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _LATER):
            yield child
            yield from _run_at_once(child)


def _is_assertion(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return any(isinstance(part, ast.Name) for part in ast.walk(node.test))
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) == "rejected"
        for item in node.items
    )


def table(claims: Sequence[Claim]) -> str:
    """The number of claims by lesson (rows) and verdict (columns), with totals."""
    cells = Counter((claim.get("lesson", "?"), claim.get("verdict", "?")) for claim in claims)
    lessons = sorted({lesson for lesson, _ in cells})
    lines: list[tuple[str, ...]] = [("lesson", *VERDICTS, "all")]
    for lesson in lessons:
        row = [cells[lesson, verdict] for verdict in VERDICTS]
        lines.append((lesson, *(str(n or "") for n in row), str(sum(row))))
    sums = [sum(cells[lesson, verdict] for lesson in lessons) for verdict in VERDICTS]
    lines.append(("all", *map(str, sums), str(sum(sums))))
    first, *others = (f"{line[0]:<8}" + "".join(f"{n:>11}" for n in line[1:]) for line in lines)
    rule = "-" * len(first)
    return "\n".join([first, rule, *others[:-1], rule, others[-1]])


def main(root: Path = ROOT) -> int:
    """Print the table; exit code 1 after printing each problem, else 0."""
    claims = read_claims(root / LEDGER)
    sources, unread = read_sources(root, None)
    print(table(claims))
    problems = [*map(str, unread), *ledger_problems(claims), *lesson_problems(claims, sources)]
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
