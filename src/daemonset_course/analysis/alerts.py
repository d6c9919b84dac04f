"""What monitoring sees of a DaemonSet, and which alert rules fire on it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge

from daemonset_course.figures.shapes import Cell, Side, Style, Table, lines
from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.index import History
from daemonset_course.history.log import Object


@dataclass(frozen=True)
class Sample:
    """The numbers that rules can be written about, at one moment.

    Attributes:
        desired: and the next five: of the DaemonSet's status.
        current: nodes that should run it and have a Pod, also one that waits for room.
        ready: nodes that should run it and have a ready Pod.
        updated: nodes that should run it and have one of the newest template.
        available: nodes that should run it and have an available Pod.
        misscheduled: nodes that should not run it and have a Pod.
        nodes: workers that there are; the status does not know them.
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


@dataclass(frozen=True)
class Alerts:
    """Which rule fires on which fault.

    Attributes:
        rules: the names of the rules.
        fired: by fault, the names of the rules that fire.
        unknown: faults whose numbers nobody saw.
    """

    rules: tuple[str, ...]
    fired: Mapping[str, frozenset[str]]
    unknown: tuple[str, ...] = ()

    @property
    def unseen(self) -> tuple[str, ...]:
        """Faults on which no rule fires."""
        return tuple(fault for fault, names in self.fired.items() if not names)

    def seen_by(self, *rules: str) -> tuple[str, ...]:
        """Faults on which at least one of these rules fires."""
        return tuple(fault for fault, names in self.fired.items() if names & set(rules))

    @property
    def headline(self) -> str:
        """How many faults the first rule sees, and how many all of them see."""
        first, together = len(self.seen_by(self.rules[0])), len(self.seen_by(*self.rules))
        return (
            f"“{self.rules[0]}” sees {first} of {len(self.fired)} faults; "
            f"all {len(self.rules)} rules together see {together}"
        )

    @property
    def caption(self) -> str:
        """For each fault the rules that fire."""
        by_fault = {f: [r for r in self.rules if r in names] for f, names in self.fired.items()}
        parts = [f"{f}: {', '.join(names) or 'nothing fires'}" for f, names in by_fault.items()]
        parts += [f"{fault}: not seen" for fault in self.unknown]
        return f"{'; '.join(parts)}."

    def figure(self) -> Table:
        """A row a fault, a column a rule; a fault on which nothing fires is marked."""
        cells = {}
        for fault, names in self.fired.items():
            for rule in self.rules:
                word = "fires" if rule in names else "silent"
                cells[fault, rule] = Cell(word, word)
        cells |= {(f, rule): Cell("not seen", "?") for f in self.unknown for rule in self.rules}
        faults = (*self.fired, *self.unknown)
        unseen = tuple("unseen" if fault in self.unseen else "" for fault in faults)
        styles = {
            "fires": Style("alarm"), "silent": Style("faint"),
            "not seen": Style("muted", 0.75, "xxxx"),
        }  # fmt: skip
        sides = (Side("", unseen),)
        return Table(lines(faults), lines(self.rules), cells, styles, sides=sides, legend={})


def sample(history: History, daemonset: str) -> Sample | None:
    """The numbers of one DaemonSet at the end of a recording; None if nobody saw them."""
    found = history.find("daemonsets", daemonset)
    if not history.known("nodes", "daemonsets"):
        return None
    return _sampled(found or {}, history.objects("nodes"))


def samples(history: History, daemonset: str) -> Iterator[Sample]:
    """The numbers of one DaemonSet after each change of a DaemonSet or a node that was seen.

    The first is that of the log's first word about the DaemonSet.
    """
    last: dict[str, dict[str, Object]] = {"nodes": {}, "daemonsets": {}}
    changes = [*merge(*map(history.changes, last), key=lambda change: change.t)]
    for change, following in zip(changes, [*changes[1:], None], strict=True):
        there = last[change.resource]
        if change.gone:
            there.pop(change.name, None)
        else:
            there[change.name] = change.object
        seen = history.known("nodes", "daemonsets", at=change.t)
        if following and change.t == following.t:
            continue  # one state a moment: a list shows it object by object, also after a gap
        if seen and daemonset in last["daemonsets"]:
            yield _sampled(last["daemonsets"][daemonset], last["nodes"].values())


def alerts(samples: Mapping[str, Sample | None], rules: Mapping[str, Rule]) -> Alerts:
    """Which of the rules fire on the samples, by the name of the fault; None was not seen."""
    fired = {
        fault: frozenset(name for name, rule in rules.items() if rule(seen))
        for fault, seen in samples.items()
        if seen is not None
    }
    return Alerts(tuple(rules), fired, tuple(name for name in samples if name not in fired))


def _sampled(daemonset: Object, nodes: Iterable[Object]) -> Sample:
    workers = [node for node in nodes if not podstate.is_control_plane(node)]
    desired, current, ready, updated, available, _, misscheduled = status_of(daemonset)
    return Sample(
        desired, current, ready, updated, available, misscheduled,
        nodes=len(workers), nodes_ready=sum(map(podstate.is_ready, workers)),
    )  # fmt: skip
