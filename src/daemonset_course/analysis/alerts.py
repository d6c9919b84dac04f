"""Evaluate alert rules on the numbers that monitoring reads of a DaemonSet. Pure."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

from daemonset_course.errors import BadInput, shown
from daemonset_course.figures.shapes import Cell, Side, Style, Table, lines
from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.index import History, named
from daemonset_course.history.log import Object


@dataclass(frozen=True)
class Sample:
    """The numbers that rules can use, at one time.

    The first six are fields of the DaemonSet's ``Status``.

    Attributes:
        nodes: workers that exist; the status does not contain this number.
        nodes_ready: workers whose condition Ready is True.
    """

    desired: int
    current: int
    ready: int
    updated: int
    available: int
    misscheduled: int
    nodes: int
    nodes_ready: int


Rule = Callable[[Sample], bool]
_COMPARE: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_NUMBERS = tuple(one.name for one in fields(Sample))


@dataclass(frozen=True)
class Alerts:
    """Which rule fires on which fault.

    Attributes:
        rules: the names of the rules.
        fired: by fault, the names of the rules that fire.
        unknown: faults whose numbers are unknown, because a watch was interrupted.
    """

    rules: tuple[str, ...]
    fired: Mapping[str, frozenset[str]]
    unknown: tuple[str, ...] = ()

    @property
    def unseen(self) -> tuple[str, ...]:
        """Faults on which no rule fires."""
        return tuple(fault for fault, names in self.fired.items() if not names)

    def seen_by(self, *rules: str) -> tuple[str, ...]:
        """Return the faults on which at least one of these rules fires."""
        return tuple(fault for fault, names in self.fired.items() if names & set(rules))

    @property
    def headline(self) -> str:
        """On how many faults the first rule fires, and on how many any of them fires."""
        first, together = len(self.seen_by(self.rules[0])), len(self.seen_by(*self.rules))
        return (
            f"“{self.rules[0]}” sees {first} of {len(self.fired)} faults; "
            f"all {len(self.rules)} rules together see {together}"
        )

    @property
    def caption(self) -> str:
        """The rules that fire, for each fault."""
        by_fault = {f: [r for r in self.rules if r in names] for f, names in self.fired.items()}
        parts = [f"{f}: {', '.join(names) or 'nothing fires'}" for f, names in by_fault.items()]
        parts += [f"{fault}: not seen" for fault in self.unknown]
        return f"{'; '.join(parts)}."

    def figure(self) -> Table:
        """Return a table: faults by rules; a fault on which no rule fires is marked."""
        words = {True: Cell("fires", "fires"), False: Cell("silent", "silent")}
        cells = {(f, r): words[r in names] for f, names in self.fired.items() for r in self.rules}
        cells |= {(fault, r): Cell("not seen", "?") for fault in self.unknown for r in self.rules}
        faults = (*self.fired, *self.unknown)
        unseen = tuple("unseen" if fault in self.unseen else "" for fault in faults)
        styles = {
            "fires": Style("alarm"), "silent": Style("faint"),
            "not seen": Style("muted", 0.75, "xxxx"),
        }  # fmt: skip
        side = Side("", unseen)
        return Table(lines(faults), lines(self.rules), cells, styles, sides=(side,), legend={})


def sample(history: History, daemonset: str) -> Sample | None:
    """Return the numbers of one DaemonSet at the end of a recording; None if unknown."""
    if not history.is_known("nodes", "daemonsets"):
        return None
    return _sampled(history.find("daemonsets", daemonset) or {}, history.objects("nodes"))


def samples(history: History, daemonset: str) -> Iterator[Sample]:
    """Yield the numbers of one DaemonSet after each recorded change of a DaemonSet or a node.

    The first sample is at the first record of the DaemonSet.
    """
    times = {one.t for each in ("nodes", "daemonsets") for one in history.changes(each)}
    for t in sorted(times):  # one sample for each time: a list has many changes at one time
        found = [*filter(named(daemonset), history.objects("daemonsets", at=t))]
        if found and history.is_known("nodes", "daemonsets", at=t):
            yield _sampled(found[0], history.objects("nodes", at=t))


def rule(text: str) -> Rule:
    """Return the rule that a text states: ``"ready < desired or misscheduled > 0"``.

    It compares numbers of a sample, with ``and`` and ``or`` between comparisons.

    Raises:
        BadInput: the text is no rule.
    """
    if not isinstance(text, str):
        raise BadInput("A rule is a text.", seen=shown(text))
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):  # ValueError: no UTF-8, or a NUL
        tree = ast.Constant(None)
    _check(tree, text)
    return lambda sample: _holds(tree, sample)


def alerts(
    samples: Mapping[str, Sample | None], rules: Mapping[str, str] | Iterable[str]
) -> Alerts:
    """Return which rules fire on the samples, by fault; a sample that is None is unknown.

    ``rules`` are texts as ``rule`` takes them, or such texts by name.
    """
    stated = _stated(rules)
    fired = {
        fault: frozenset(name for name, holds in stated.items() if holds(seen))
        for fault, seen in samples.items()
        if seen is not None
    }
    return Alerts(tuple(stated), fired, tuple(name for name in samples if name not in fired))


def fired_during(
    history: History, daemonset: str, rules: Mapping[str, str] | Iterable[str]
) -> tuple[str, ...]:
    """Return the rules that fire at one moment of a recording or more; see ``alerts``."""
    seen = [*samples(history, daemonset)]
    return tuple(name for name, holds in _stated(rules).items() if any(map(holds, seen)))


def _stated(rules: Mapping[str, str] | Iterable[str]) -> dict[str, Rule]:
    named_ = rules.items() if isinstance(rules, Mapping) else ((text, text) for text in rules)
    return {name: rule(text) for name, text in named_}


def _check(tree: ast.expr, text: str) -> None:
    match tree:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(part, text)
            return
        case ast.Compare(left=left, ops=ops, comparators=right) if all(
            type(op) in _COMPARE for op in ops
        ):
            values = [left, *right]
        case _:
            values = [tree]
    for value in values:
        match value:
            case ast.Name(id=name) if name in _NUMBERS and len(values) > 1:
                continue
            case ast.Constant(value=int()) if len(values) > 1:
                continue
        raise BadInput(
            "This is no rule.",
            seen=text,
            next_step=f"Compare two of {', '.join(_NUMBERS)}, or one of them and a number: "
            "ready < desired.",
        )


def _holds(tree: ast.expr, sample: Sample) -> bool:
    if isinstance(tree, ast.BoolOp):
        found = (_holds(part, sample) for part in tree.values)
        return all(found) if isinstance(tree.op, ast.And) else any(found)
    assert isinstance(tree, ast.Compare)
    values = [_value(one, sample) for one in (tree.left, *tree.comparators)]
    return all(
        _COMPARE[type(op)](one, two)
        for op, (one, two) in zip(tree.ops, pairwise(values), strict=True)
    )


def _value(tree: ast.expr, sample: Sample) -> int:
    if isinstance(tree, ast.Name):
        return int(getattr(sample, tree.id))
    assert isinstance(tree, ast.Constant)
    assert isinstance(tree.value, int)
    return tree.value


def _sampled(daemonset: Object, nodes: Iterable[Object]) -> Sample:
    workers = [node for node in nodes if not podstate.is_control_plane(node)]
    desired, current, ready, updated, available, _, misscheduled = status_of(daemonset)
    return Sample(
        desired, current, ready, updated, available, misscheduled,
        nodes=len(workers), nodes_ready=sum(map(podstate.is_ready, workers)),
    )  # fmt: skip
