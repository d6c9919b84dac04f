"""Write a matrix as plain text: one sentence for each node, or a table."""

from __future__ import annotations

import textwrap

from daemonset_course.placement.matrix import AGAINST, MOST_ROWS, Line, Mark, Matrix, Row, shortened

WIDTH = 100
_SHORT: dict[Mark, str] = {
    "ok": "ok",
    "keeps off": "off",
    "removes": "out",
    "for a time": "tmp",
    "no match": "or",
    "not used": "-",
}
MEANING: dict[Mark, str] = {
    "ok": "allows the Pod",
    "keeps off": "no new Pod; one already there stays until it is replaced",
    "removes": "no new Pod; one already there goes",
    "for a time": "tolerated for some seconds, then evicted and created anew",
    "no match": "does not match, but another term does",
    "not used": "not set, or not on this node",
}


def sentence(matrix: Matrix, row: Row) -> str:
    """Return one node in words: whether a Pod is created, by which rule, and existing Pods."""
    decision = row.decision
    if decision.run:
        tolerated = _tolerated(matrix, row)
        why = "; ".join(tolerated) or "no rule keeps it off"
        words = f"{row.node}: a Pod is created: {why}."
        if row.seconds is not None:
            return f"{words} After {row.seconds} s it is evicted, and a new one is created."
        return f"{words} A Pod that is already there stays."
    field = "" if decision.rule == "taint" else f"{decision.rule}: "
    words = f"{row.node}: no Pod is created: {field}{decision.detail}."
    until = " until it is replaced" if decision.keep else ""
    words += f" A Pod that is already there {row.existing_pod}{until}."
    further = _further(matrix, row)
    return f"{words} Also against it: {'; '.join(further)}." if further else words


def table(matrix: Matrix) -> str:
    """Return the matrix as aligned text, at most 100 characters wide.

    The rules are numbered. More than 40 nodes are grouped by equal results, with their number.
    """
    lines = matrix.lines()
    head = textwrap.wrap(f"DaemonSet {matrix.caption}", WIDTH, break_on_hyphens=False)
    return "\n".join([*head, "", *_rules(matrix), "", *_grid(matrix, lines), "", *_key(lines)])


def _rules(matrix: Matrix) -> list[str]:
    lines = ["   rule          (in the controller's order)"]
    for i, column in enumerate(matrix.columns):
        start = f"{i + 1:>2} {column.field:<13} "
        lines += textwrap.wrap(
            shortened(column.rule, 3 * (WIDTH - len(start))), WIDTH,
            break_on_hyphens=False, initial_indent=start, subsequent_indent=" " * len(start),
        )  # fmt: skip
    return lines


def _grid(matrix: Matrix, lines: list[Line]) -> list[str]:
    names = [line.label for line in lines[:MOST_ROWS]]
    wide = max(map(len, ["node", *names]))
    numbers = "".join(f"{i + 1:>4}" for i in range(len(matrix.columns)))
    rows = [f"{'node':<{wide}}{numbers}   new Pod  Pod there"]
    for name, line in zip(names, lines[:MOST_ROWS], strict=True):
        cells = "".join(f"{_SHORT[cell.mark]:>4}" for cell in line.row.cells)
        run = "yes" if line.row.decision.run else "no"
        rows.append(f"{name:<{wide}}{cells}   {run:<7}  {line.row.existing_pod}")
    return [*rows, *matrix.omitted()]


def _key(lines: list[Line]) -> list[str]:
    seen = {cell.mark for line in lines for cell in line.row.cells}
    return [f"{_SHORT[mark]:<3} {MEANING[mark]}" for mark in _SHORT if mark in seen]


def _tolerated(matrix: Matrix, row: Row) -> list[str]:
    pairs = zip(matrix.columns, row.cells, strict=True)
    return [c.detail for column, c in pairs if column.field == "taint" and c.mark != "not used"]


def _further(matrix: Matrix, row: Row) -> list[str]:
    """Return the rules after the deciding field that also keep the Pod off."""
    found: dict[str, list[str]] = {}
    for column, cell in zip(matrix.columns, row.cells, strict=True):
        if cell.mark in AGAINST:
            found.setdefault(column.field, []).append(cell.detail)
    found.pop(row.decision.rule, None)
    terms = {"nodeAffinity": "; or "}  # ORed; all others must be met one by one
    return [
        ("" if field == "taint" else f"{field}: ") + terms.get(field, "; ").join(details)
        for field, details in found.items()
    ]
