"""Turn the rules of one DaemonSet into columns, in the controller's order, each with a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daemonset_course.placement.decision import other_node
from daemonset_course.placement.selectors import (
    labels_of,
    missing_label,
    pair,
    required_terms,
    term_mismatch,
    term_words,
)
from daemonset_course.placement.tolerations import (
    BLOCKING,
    EVICTING,
    seconds_tolerated,
    taint_name,
    taints_of,
    tolerating,
    toleration_name,
)

Field = Literal["nodeName", "nodeSelector", "nodeAffinity", "taint"]
Mark = Literal["ok", "no match", "keeps off", "removes", "for a time", "not used"]
Node = Mapping[str, Any]
Judge = Callable[[Node], "tuple[Cell, ...]"]

MOST_LABELS, MOST_TERMS, MOST_TAINTS = 4, 4, 6  # the most columns of one field
_WORST: tuple[Mark, ...] = ("not used", "ok", "for a time", "keeps off", "removes")


@dataclass(frozen=True, slots=True)
class Column:
    """One rule.

    Attributes:
        field: the field of the template that sets it, or ``taint`` for taints of nodes.
        label: the head of the column: ``zone=a``, ``term 1``, ``gpu=true:NoSchedule``.
        rule: the full rule in words.
    """

    field: Field
    label: str
    rule: str

    @property
    def name(self) -> str:
        """Field and label: ``taint gpu=true:NoSchedule``; only the field if it is not set."""
        return self.field if self.label == self.field else f"{self.field} {self.label}"


@dataclass(frozen=True, slots=True)
class Cell:
    """The result of one rule for one node.

    Attributes:
        mark: ``ok``: the rule allows the Pod. ``keeps off``: no new Pod is created. ``removes``: an
            existing Pod is also deleted. ``no match``: the affinity term does not match, but
            another one does. ``for a time``: a NoExecute taint is tolerated for some seconds.
            ``not used``: the template does not set the field, or the node has no such taint.
        detail: the reason in plain words.
        seconds: for ``for a time``, the seconds until the Pod is evicted.
    """

    mark: Mark
    detail: str = ""
    seconds: int | None = None


NOT_SET = Cell("not used", "not set")
NOT_THERE = Cell("not used", "the node does not have this taint")
_HELD, _NAMED, _MATCHES = Cell("ok", "the node has it"), Cell("ok", "it is"), Cell("ok", "matches")


@dataclass(frozen=True, slots=True)
class Group:
    """The columns of one field, and the check that returns a node's cell for each column."""

    columns: tuple[Column, ...]
    judge: Judge


def groups_of(
    spec: Mapping[str, Any],
    tolerations: Sequence[Mapping[str, Any]],
    automatic: Sequence[Mapping[str, Any]],
    nodes: Sequence[Node],
) -> tuple[Group, ...]:
    """Return the rules of a template and of the nodes' taints, by field.

    A field that is not set has one column. A field with too many rules has one column for all of
    them. Of too many taints, the most severe ones have a column each.
    """
    return (
        _name_group(spec),
        _label_group(spec.get("nodeSelector") or {}),
        _term_group(required_terms(spec)),
        _taint_group(tolerations, automatic, nodes),
    )


def _not_set(field: Field) -> Group:
    return Group((Column(field, field, "not set"),), lambda _: (NOT_SET,))


def _name_group(spec: Mapping[str, Any]) -> Group:
    wanted = spec.get("nodeName")
    if not wanted:
        return _not_set("nodeName")

    def judge(node: Node) -> tuple[Cell, ...]:
        words = other_node(node, spec)
        return (Cell("removes", words) if words else _NAMED,)

    return Group((Column("nodeName", wanted, wanted),), judge)


def _label_group(wanted: Mapping[str, Any]) -> Group:
    if not wanted:
        return _not_set("nodeSelector")
    names = [pair(key, value) for key, value in wanted.items()]
    as_one = len(names) > MOST_LABELS

    def judge(node: Node) -> tuple[Cell, ...]:
        labels = labels_of(node)
        words = [missing_label(key, value, labels) for key, value in wanted.items()]
        if as_one:
            words = ["; ".join(filter(None, words))]
        return tuple(Cell("removes", each) if each else _HELD for each in words)

    if as_one:
        return Group((Column("nodeSelector", f"{len(names)} labels", ", ".join(names)),), judge)
    return Group(tuple(Column("nodeSelector", name, name) for name in names), judge)


def _term_group(terms: Sequence[Mapping[str, Any]] | None) -> Group:
    if terms is None:
        return _not_set("nodeAffinity")
    as_one = not terms or len(terms) > MOST_TERMS

    def judge(node: Node) -> tuple[Cell, ...]:
        reasons = [term_mismatch(term, node) for term in terms]
        met = not all(reasons)  # terms are ORed: one match is enough
        if as_one:
            words = "; or ".join(reasons) or "there is no term"
            return (_MATCHES if met else Cell("removes", words),)
        against: Mark = "no match" if met else "removes"
        return tuple(Cell(against, reason) if reason else _MATCHES for reason in reasons)

    if as_one:
        rule = "; or ".join(map(term_words, terms)) or "there is no term, so no node matches"
        label = f"{len(terms)} terms" if terms else "no term"
        return Group((Column("nodeAffinity", label, rule),), judge)
    words = (f"term {i + 1}: {term_words(term)}" for i, term in enumerate(terms))
    columns = (Column("nodeAffinity", each.partition(":")[0], each) for each in words)
    return Group(tuple(columns), judge)


def _taint_group(
    tolerations: Sequence[Mapping[str, Any]],
    automatic: Sequence[Mapping[str, Any]],
    nodes: Sequence[Node],
) -> Group:
    count = Counter(taint_name(taint) for node in nodes for taint in taints_of(node))
    if not count:
        return Group((Column("taint", "taint", "no node has one"),), lambda _: (NOT_THERE,))
    found = {taint_name(taint): taint for node in nodes for taint in taints_of(node)}
    cells = {name: _taint_cell(taint, tolerations, automatic) for name, taint in found.items()}
    order = sorted(found, key=lambda name: (-_WORST.index(cells[name].mark), -count[name], name))
    alone = order if len(order) <= MOST_TAINTS else order[: MOST_TAINTS - 1]
    rest = frozenset(order[len(alone) :])

    def judge(node: Node) -> tuple[Cell, ...]:
        mine = [taint_name(taint) for taint in taints_of(node)]
        if not mine:
            return nothing
        some = tuple(cells[name] if name in mine else NOT_THERE for name in alone)
        return (*some, _worst([cells[name] for name in mine if name in rest])) if rest else some

    columns = [Column("taint", name, f"{name} ({_nodes(count[name])})") for name in alone]
    if rest:
        columns.append(Column("taint", f"{len(rest)} more taints", f"{len(rest)} more taints"))
    nothing = (NOT_THERE,) * len(columns)
    return Group(tuple(columns), judge)


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count != 1 else ''}"


def _taint_cell(
    taint: Mapping[str, Any],
    tolerations: Sequence[Mapping[str, Any]],
    automatic: Sequence[Mapping[str, Any]],
) -> Cell:
    name = taint_name(taint)
    if taint.get("effect") not in BLOCKING:
        return Cell("ok", f"taint {name} keeps no DaemonSet Pod off")
    accepted = tolerating(tolerations, taint)
    if accepted is None:
        mark: Mark = "removes" if taint["effect"] == EVICTING else "keeps off"
        return Cell(mark, f"taint {name} is not tolerated")
    whose = "the controller's own" if accepted in automatic else "the template's"
    by = f"taint {name} is tolerated by {whose} toleration ({toleration_name(accepted)})"
    seconds = seconds_tolerated(accepted, taint)
    if seconds is None:
        return Cell("ok", by)
    return Cell("for a time", f"{by}, for {seconds} s", seconds)


def _worst(cells: Sequence[Cell]) -> Cell:
    """Return one cell for several taints: the most severe mark, with its details."""
    if not cells:
        return NOT_THERE
    worst = max(cells, key=lambda cell: _WORST.index(cell.mark))
    limits = [cell.seconds for cell in cells if cell.seconds is not None]
    words = "; ".join(cell.detail for cell in cells if cell.mark == worst.mark)
    return Cell(worst.mark, words, min(limits, default=None))
