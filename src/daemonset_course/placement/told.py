"""A matrix in words: a sentence a node, a headline for all, and a table of plain text."""

from __future__ import annotations

import textwrap
from collections import Counter

from daemonset_course.placement.matrix import AGAINST, MOST_ROWS, Line, Mark, Matrix, Row

WIDTH = 100
_NAME = 26  # characters of a node's name in the table
_MOST_REASONS = 3
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
    "keeps off": "no new Pod; one already there stays",
    "removes": "no new Pod; one already there goes",
    "for a time": "tolerated for some seconds, then evicted and created anew",
    "no match": "does not match, but another term does",
    "not used": "not set, or not on this node",
}


def sentence(matrix: Matrix, row: Row) -> str:
    """One node in plain words: what is created, by which rule, and what a Pod there may expect."""
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
    words += f" A Pod that is already there {row.there}."
    further = _further(matrix, row)
    return f"{words} Also against it: {'; '.join(further)}." if further else words


def headline(matrix: Matrix) -> str:
    """The finding: ``5 of 8 nodes get a Pod: taint gpu=true:NoSchedule keeps 2 off, ...``."""
    total, run = len(matrix.rows), sum(row.decision.run for row in matrix.rows)
    if not total:
        return "There is no node"
    if run == total:
        return f"All {total} nodes get a Pod" if total > 1 else "The node gets a Pod"
    reasons = _reasons(matrix).most_common()
    shown = [f"{reason} {count}" for reason, count in reasons[:_MOST_REASONS]]
    rest = sum(count for _, count in reasons[_MOST_REASONS:])
    shown += [f"other rules {rest}"] if rest else []
    first, count = reasons[0]
    shown[0] = f"{first} keeps {count} off"
    some = f"{run} of {total} nodes get" if run != 1 else f"1 of {total} nodes gets"
    return f"{some if run else f'None of {total} nodes gets'} a Pod: {', '.join(shown)}"


def summary(matrix: Matrix) -> str:
    """The headline, and what becomes of Pods where none is created."""
    off = [row for row in matrix.rows if not row.decision.run]
    if not off:
        return f"{matrix.daemonset}: {headline(matrix)}."
    stay = sum(row.decision.keep for row in off)
    fate = f"stays on {stay} of these {len(off)} nodes and goes on the others"
    fate = {len(off): "stays", 0: "goes"}.get(stay, fate)
    return (
        f"{matrix.daemonset}: {headline(matrix)}. "
        f"Where none is created, a Pod that is already there {fate}."
    )


def table(matrix: Matrix) -> str:
    """The matrix as aligned text, at most 100 characters wide.

    The rules are numbered. More than 40 nodes are grouped by equal answers, with their number.
    """
    lines = matrix.lines()
    head = textwrap.wrap(f"DaemonSet {summary(matrix)}", WIDTH, break_on_hyphens=False)
    return "\n".join([*head, "", *_rules(matrix), "", *_grid(matrix, lines), "", *_key(lines)])


def label(line: Line, most: int = _NAME) -> str:
    """What stands before a line: the node's name, or ``12 nodes: name ...``, shortened."""
    name = line.row.node if line.count == 1 else f"{line.count} like {line.row.node}"
    return shortened(name, most)


def unseen(lines: list[Line]) -> list[str]:
    """A line about the groups beyond the 40 that are shown; none when all are."""
    rest = lines[MOST_ROWS:]
    if not rest:
        return []
    return [f"and {sum(line.count for line in rest)} nodes with {len(rest)} other answers"]


def shortened(text: str, most: int) -> str:
    """The text with its middle left out where it is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    left = (most - 1) // 2
    return f"{text[:left]}…{text[len(text) - (most - 1 - left) :]}"


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
    names = [label(line) for line in lines[:MOST_ROWS]]
    wide = max(map(len, ["node", *names]))
    numbers = "".join(f"{i + 1:>4}" for i in range(len(matrix.columns)))
    rows = [f"{'node':<{wide}}{numbers}   new Pod  Pod there"]
    for name, line in zip(names, lines[:MOST_ROWS], strict=True):
        cells = "".join(f"{_SHORT[cell.mark]:>4}" for cell in line.row.cells)
        run = "yes" if line.row.decision.run else "no"
        rows.append(f"{name:<{wide}}{cells}   {run:<7}  {line.row.there}")
    return [*rows, *unseen(lines)]


def _key(lines: list[Line]) -> list[str]:
    seen = {cell.mark for line in lines for cell in line.row.cells}
    return [f"{_SHORT[mark]:<3} {MEANING[mark]}" for mark in _SHORT if mark in seen]


def _reasons(matrix: Matrix) -> Counter[str]:
    """By which rule each node is decided that gets no Pod; ORed terms count as one rule."""
    found: Counter[str] = Counter()
    for row in matrix.rows:
        column = matrix.deciding(row)
        if column:
            whole = column.field in ("nodeName", "nodeAffinity")
            found[column.field if whole else f"{column.field} {column.label}"] += 1
    return found


def _tolerated(matrix: Matrix, row: Row) -> list[str]:
    pairs = zip(matrix.columns, row.cells, strict=True)
    return [c.detail for column, c in pairs if column.field == "taint" and c.mark != "not used"]


def _further(matrix: Matrix, row: Row) -> list[str]:
    """The rules after the deciding field that would keep the Pod off all the same."""
    found: dict[str, list[str]] = {}
    for column, cell in zip(matrix.columns, row.cells, strict=True):
        if cell.mark in AGAINST:
            found.setdefault(column.field, []).append(cell.detail)
    found.pop(row.decision.rule, None)
    terms = {"nodeAffinity": "; or "}  # ORed; everything else must be cured one by one
    return [
        ("" if field == "taint" else f"{field}: ") + terms.get(field, "; ").join(details)
        for field, details in found.items()
    ]
