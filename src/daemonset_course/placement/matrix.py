"""Evaluate every rule for every node, not only the first one that decides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import daemonset_course.figures.shapes as shapes
from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Style
from daemonset_course.placement.columns import Cell, Column, Field, Mark, groups_of
from daemonset_course.placement.decision import Decision, decide
from daemonset_course.placement.selectors import name_of, pod_spec
from daemonset_course.placement.tolerations import automatic_tolerations, pod_tolerations

__all__ = ["MOST_ROWS", "Cell", "Column", "Field", "Line", "Mark", "Matrix", "Row", "matrix"]

MOST_ROWS = 40  # more nodes are grouped by equal results
AGAINST: frozenset[Mark] = frozenset({"keeps off", "removes"})
_MOST_REASONS = 3
_NAME, _HEAD, _REMARK, _NOTE = 26, 34, 36, 150  # characters
_HAS = re.compile(r"\(the node (has [^)]*)\)")
# A mark in the figure: its sign, and what it means. Each differs from the others without colour.
SIGNS: dict[Mark, tuple[str, str, Style]] = {
    "ok": ("✓", "allows the Pod", Style("surge", 0.75, width=0)),
    "keeps off": ("✗", "no new Pod", Style("alarm", 0.8, width=1)),
    "removes": ("✗", "no new Pod, one there goes", Style("alarm", width=1)),
    "for a time": ("◔", "evicts after a time", Style("background", edge="muted", width=1)),
    "no match": ("○", "another term matches", Style("background", edge="faint")),
    "not used": ("·", "not set, not there", Style("background", edge="faint")),
}
_NEW = {"yes": Style("foreground", edge="muted"), "no": Style("background", edge="muted")}


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one node.

    Attributes:
        node: its name.
        cells: the result of each rule, in the order of the matrix's columns.
        decision: the controller's decision.
    """

    node: str
    cells: tuple[Cell, ...]
    decision: Decision

    @property
    def seconds(self) -> int | None:
        """After how many seconds a Pod here is evicted and created again; None: never."""
        if not self.decision.run:
            return None
        return min((c.seconds for c in self.cells if c.seconds is not None), default=None)

    @property
    def existing_pod(self) -> str:
        """What happens to an existing Pod: ``stays``, ``is deleted`` or ``is evicted``.

        ``is evicted``: a NoExecute taint causes the deletion. ``stays 5 s``: the Pod tolerates a
        NoExecute taint for that long.
        """
        if self.decision.keep:
            return "stays" if self.seconds is None else f"stays {self.seconds} s"
        return "is evicted" if self.decision.rule == "taint" else "is deleted"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: a node, or ``count`` nodes with equal results (``row``: the first)."""

    row: Row
    count: int

    @property
    def label(self) -> str:
        """The node's name, or ``12 like name``, shortened."""
        return shortened(f"{self.count} like " * (self.count > 1) + self.row.node, _NAME)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Nodes by rules; a finding. ``placement.plain_text`` writes it as sentences and as a table.

    Attributes:
        daemonset: its name.
        columns: the rules in the controller's order.
        rows: one for each node, in the order given.
    """

    daemonset: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def lines(self, most: int = MOST_ROWS) -> list[Line]:
        """Return one line for each node; more than ``most`` nodes are grouped by equal results.

        The largest group is first. The marks and the decision of a group are equal; the labels of
        its nodes may differ.
        """
        if len(self.rows) <= most:
            return [Line(row, 1) for row in self.rows]
        first: dict[tuple[Any, ...], Row] = {}
        count: Counter[tuple[Any, ...]] = Counter()
        for row in self.rows:
            key = (*(cell.mark for cell in row.cells), row.decision.run, row.existing_pod)
            first.setdefault(key, row)
            count[key] += 1
        return [Line(first[key], number) for key, number in count.most_common()]

    def deciding(self, row: Row) -> Column | None:
        """Return the first rule that keeps the Pod off this node; None if a Pod is created."""
        if row.decision.run:
            return None
        return next(
            column
            for column, cell in zip(self.columns, row.cells, strict=True)
            if cell.mark in AGAINST
        )

    @property
    def headline(self) -> str:
        """How many nodes get a Pod, and which rules exclude the others."""
        total, run = len(self.rows), sum(row.decision.run for row in self.rows)
        if not total:
            return "There is no node"
        if run == total:
            return f"All {total} nodes get a Pod" if total > 1 else "The node gets a Pod"
        reasons = self._reasons().most_common()
        parts = [f"{reason} {count}" for reason, count in reasons[:_MOST_REASONS]]
        rest = sum(count for _, count in reasons[_MOST_REASONS:])
        parts += [f"other rules {rest}"] if rest else []
        first, count = reasons[0]
        parts[0] = f"{first} keeps {count} off"
        some = f"{run} of {total} nodes get" if run != 1 else f"1 of {total} nodes gets"
        return f"{some if run else f'None of {total} nodes gets'} a Pod: {', '.join(parts)}"

    @property
    def caption(self) -> str:
        """The headline, and what happens to existing Pods on the other nodes."""
        off = [row for row in self.rows if not row.decision.run]
        if not off:
            return f"{self.daemonset}: {self.headline}."
        stay = sum(row.decision.keep for row in off)
        some = f"stays on {stay} of these {len(off)} nodes and goes on the others"
        existing = {len(off): "stays", 0: "goes"}.get(stay, some)
        return (
            f"{self.daemonset}: {self.headline}. "
            f"Where none is created, a Pod that is already there {existing}."
        )

    def omitted(self) -> list[str]:
        """Return a line about the groups after the first 40; none if there are no more."""
        rest = self.lines()[MOST_ROWS:]
        if not rest:
            return []
        return [f"and {sum(line.count for line in rest)} nodes with {len(rest)} other answers"]

    def figure(self, *, reasons: bool = False) -> shapes.Table:
        """Return a table: nodes by rules, and what happens to a new and to an existing Pod.

        With ``reasons`` each node has the decision in words, else its labels that a rule requires.
        """
        visible = self.lines()[:MOST_ROWS]
        cells = {}
        for row in (line.row for line in visible):
            for column, cell in zip(self.columns, row.cells, strict=True):
                sign, word, _ = SIGNS[cell.mark]
                cells[row.node, column.name] = shapes.Cell(word, sign)
            new = "yes" if row.decision.run else "no"
            cells[row.node, "new Pod"] = shapes.Cell(new, new)
        used = {cell.mark for line in visible for cell in line.row.cells}
        words = {line.row.node: self._reason(line) for line in visible}
        return shapes.Table(
            tuple(shapes.Line(line.row.node, text=line.label) for line in visible),
            (
                *(shapes.Line(c.name, group=c.field, text=_head(c)) for c in self.columns),
                shapes.Line("new Pod", group="new Pod"),
            ),
            cells,
            {word: style for _, word, style in SIGNS.values()} | _NEW,
            sides=(shapes.Side("Pod there", tuple(line.row.existing_pod for line in visible)),),
            remarks=words
            if reasons
            else {line.row.node: _has(line.row) for line in visible if line.count == 1},
            slanted=True,
            widest=0.42,
            notes=(*self.omitted(), *self._notes(visible)),
            legend={
                word: replace(style, sign=sign)
                for mark, (sign, word, style) in SIGNS.items()
                if mark in used
            },
            row_title="node" if reasons else "",
            remark_title="reason" if reasons else "",
        )

    def _reason(self, line: Line) -> str:
        """Return the decision in words; of several nodes, without what only the first one has."""
        column, decision = self.deciding(line.row), line.row.decision
        if column is None:
            return decision.detail
        if line.count > 1 and column.field != "taint":
            return f"{column.name} does not match"
        return decision.detail if column.field == "taint" else f"{column.field}: {decision.detail}"

    def _notes(self, visible: list[Line]) -> list[str]:
        """Return the full texts of the terms, and of the rules that do not fit in the head."""
        notes = [
            column.rule if column.field == "nodeAffinity" else f"{column.field} {column.rule}"
            for column in self.columns
            if column.field != column.label
            and (
                column.field == "nodeAffinity" or "…" in _head(column) or " labels" in column.label
            )
        ]
        if any(line.count > 1 for line in visible):
            notes.append("'117 like n': 117 nodes with the same answers as node n")
        return [shortened(note, _NOTE) for note in notes]

    def _reasons(self) -> Counter[str]:
        """Count the nodes without a Pod by the rule that decides; ORed terms count as one rule."""
        found: Counter[str] = Counter()
        for row in self.rows:
            column = self.deciding(row)
            if column:
                whole = column.field in ("nodeName", "nodeAffinity")
                found[column.field if whole else column.name] += 1
        return found


def matrix(nodes: Iterable[Mapping[str, Any]], daemonset: Mapping[str, Any]) -> Matrix:
    """Return the result of every rule of a DaemonSet for each node.

    Args:
        nodes: as the API server returns them.
        daemonset: a whole DaemonSet, from the API server or from a manifest.

    Raises:
        BadInput: it is no DaemonSet with a pod template.
    """
    nodes, template = list(nodes), _template(daemonset)
    spec, tolerations = pod_spec(template), pod_tolerations(template)
    groups = groups_of(spec, tolerations, automatic_tolerations(template), nodes)
    rows = tuple(
        Row(
            name_of(node),
            tuple(cell for group in groups for cell in group.judge(node)),
            decide(node, spec, tolerations),
        )
        for node in nodes
    )
    name = (daemonset.get("metadata") or {}).get("name") or "DaemonSet"
    return Matrix(name, tuple(c for group in groups for c in group.columns), rows)


def _template(daemonset: Mapping[str, Any]) -> Mapping[str, Any]:
    template = (daemonset.get("spec") or {}).get("template")
    if daemonset.get("kind", "DaemonSet") != "DaemonSet" or not isinstance(template, Mapping):
        raise BadInput(
            "A whole DaemonSet is needed, with its pod template.",
            seen=f"kind {daemonset.get('kind', 'none')}",
            next_step="Pass the object that the API server returns, or the manifest as a dict.",
        )
    return template


def shortened(text: str, most: int) -> str:
    """Return the text; if it is longer than ``most`` characters, without its middle."""
    if len(text) <= most:
        return text
    left = (most - 1) // 2
    return f"{text[:left]}…{text[len(text) - (most - 1 - left) :]}"


def _head(column: Column) -> str:
    """Return the head of a column, shortened."""
    if column.field == column.label:
        return column.field if column.field == "taint" else f"{column.field}: not set"
    return shortened(column.name.replace("nodeAffinity ", "affinity "), _HEAD)


def _has(row: Row) -> str:
    """Return the node's values for labels that a rule requires; taints have columns."""
    return shortened(", ".join(dict.fromkeys(_HAS.findall(row.decision.detail))), _REMARK)
