"""What every rule says about every node, not only the first one that decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.placement.columns import Cell, Column, Field, Mark, groups_of
from daemonset_course.placement.decision import Decision, decide
from daemonset_course.placement.selectors import name_of, pod_spec
from daemonset_course.placement.tolerations import automatic_tolerations, pod_tolerations

__all__ = ["MOST_ROWS", "Cell", "Column", "Field", "Line", "Mark", "Matrix", "Row", "matrix"]

MOST_ROWS = 40  # more nodes are grouped by equal answers
AGAINST: frozenset[Mark] = frozenset({"keeps off", "removes"})


@dataclass(frozen=True, slots=True)
class Row:
    """One node's answers.

    Attributes:
        node: its name.
        cells: what each rule says, in the order of the matrix's columns.
        decision: what the controller does.
    """

    node: str
    cells: tuple[Cell, ...]
    decision: Decision

    @property
    def seconds(self) -> int | None:
        """After how many seconds a pod that runs here is evicted and created anew; None: never."""
        if not self.decision.run:
            return None
        return min((c.seconds for c in self.cells if c.seconds is not None), default=None)

    @property
    def there(self) -> str:
        """What becomes of a Pod already there: ``stays``, ``is deleted`` or ``is evicted``.

        The last two both mean that it goes; it is called eviction when NoExecute does it.
        ``stays 5 s``: a NoExecute taint is tolerated for that long.
        """
        if self.decision.keep:
            return "stays" if self.seconds is None else f"stays {self.seconds} s"
        return "is evicted" if self.decision.rule == "taint" else "is deleted"


@dataclass(frozen=True, slots=True)
class Line:
    """A row to be shown: one node, or ``count`` nodes with equal answers (``row`` is the first)."""

    row: Row
    count: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Nodes by rules. ``placement.told`` has its words: text, sentences, headline.

    Attributes:
        daemonset: its name.
        columns: the rules in the controller's order.
        rows: one for each node, in the order given.
    """

    daemonset: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def lines(self, most: int = MOST_ROWS) -> list[Line]:
        """Every node by itself; more than ``most`` nodes grouped by equal answers, largest first.

        Equal is what the marks and the decision say; the values seen on the nodes may differ.
        """
        if len(self.rows) <= most:
            return [Line(row, 1) for row in self.rows]
        first: dict[tuple[Any, ...], Row] = {}
        count: Counter[tuple[Any, ...]] = Counter()
        for row in self.rows:
            key = (*(cell.mark for cell in row.cells), row.decision.run, row.there)
            first.setdefault(key, row)
            count[key] += 1
        return [Line(first[key], number) for key, number in count.most_common()]

    def deciding(self, row: Row) -> Column | None:
        """The first rule that keeps the pod off this node; None where one is created."""
        if row.decision.run:
            return None
        return next(
            column
            for column, cell in zip(self.columns, row.cells, strict=True)
            if cell.mark in AGAINST
        )


def matrix(nodes: Iterable[Mapping[str, Any]], daemonset: Mapping[str, Any]) -> Matrix:
    """What every rule of a DaemonSet says about each node.

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
