"""Compare monitoring agents: deployment attempts, reported series, and permissions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from daemonset_course.figures.shapes import Cell, Line, Style, Table, lines
from daemonset_course.history.text import nodes

Reached = Literal["refused", "stored", "Pods"]

_REACHED: tuple[Reached, ...] = ("refused", "stored", "Pods")
_STAGES = ("sent", "stored", "Pods")


@dataclass(frozen=True)
class Trial:
    """One attempt to deploy a DaemonSet.

    Attributes:
        message: the message of the component that stopped it; empty if none did.
        stored: whether the API server stored the object.
        pods: how many of its Pods are ready.
        wanted: how many nodes should have one.
    """

    message: str
    stored: bool = True
    pods: int = 0
    wanted: int = 0

    @property
    def reached(self) -> Reached:
        """The last stage that the attempt reached."""
        return "Pods" if self.pods else "stored" if self.stored else "refused"


@dataclass(frozen=True)
class Trials:
    """How far each attempt to deploy a DaemonSet got, by the attempt's name."""

    found: Mapping[str, Trial]

    def that(self, reached: Reached) -> list[str]:
        """Return the attempts whose last stage is ``reached``, in order."""
        return [name for name, trial in self.found.items() if trial.reached == reached]

    @property
    def headline(self) -> str:
        """How many attempts reached each stage."""
        refused, stored, ran = (len(self.that(how)) for how in _REACHED)
        return (
            f"{len(self.found)} attempts: {refused} refused, {stored} stored without a Pod, "
            f"{ran} with Pods"
        )

    @property
    def caption(self) -> str:
        """Which attempts reached each stage."""
        ran = [(name, self.found[name]) for name in self.that("Pods")]
        groups = {
            "Refused": self.that("refused"),
            "Stored without a Pod": self.that("stored"),
            "With Pods": [f"{name} ({one.pods} of {nodes(one.wanted)})" for name, one in ran],
        }
        return " ".join(f"{how}: {', '.join(names)}." for how, names in groups.items() if names)

    def figure(self) -> Table:
        """Return a row for each attempt: the stages reached, where it stopped, the message."""
        passed, stopped = Cell("came through", "✓"), Cell("was stopped before it", "✗")
        cells = {}
        for name, trial in self.found.items():
            last = _REACHED.index(trial.reached)
            for x, stage in enumerate(_STAGES[: last + 2]):
                cells[name, stage] = stopped if x > last else passed
        return Table(
            tuple(Line(name, text=f"{i} {name}") for i, name in enumerate(self.found, 1)),
            lines(_STAGES),
            cells,
            {
                passed.style: Style("accent", 1.0, sign="✓", width=1.4),
                stopped.style: Style("alarm", 1.0, sign="✗", width=1.4),
            },
            links=tuple(
                ((name, a), (name, b), "muted")
                for name in self.found
                for a, b in pairwise(_STAGES)
                if (name, b) in cells
            ),
            remarks={
                name: one.message or f"{one.pods} of {one.wanted} nodes have a ready Pod"
                for name, one in self.found.items()
            },
            widest=0.75,
        )


@dataclass(frozen=True)
class Scrapes:
    """The series that variants of an exporter report about one node, compared with the first one.

    Attributes:
        series: the series, each with the label to compare, such as ``node_disk_info{model}``.
        variants: their names; the first one is the base of the comparison.
        values: by variant and series, the values of that label.
    """

    series: tuple[str, ...]
    variants: tuple[str, ...]
    values: Mapping[str, Mapping[str, frozenset[str]]]

    def differing(self, variant: str) -> list[str]:
        """Return the series for which a variant has other values than the first one."""
        first = self.values[self.variants[0]]
        return [each for each in self.series if self.values[variant][each] != first[each]]

    @property
    def headline(self) -> str:
        """For how many series each variant has other values."""
        base, *others = self.variants
        parts = ", ".join(f"{name} {len(self.differing(name))}" for name in others)
        return f"Of {len(self.series)} rows, other than {base}: {parts}"

    @property
    def caption(self) -> str:
        """How many values each variant has more or fewer, by series."""
        base, *others = self.variants
        parts = "; ".join(self._changes(name) for name in others)
        return f"Numbers count the values of a label. Against {base}: {parts}."

    def figure(self) -> Table:
        """Return a table: series by variants; a cell contains the number of values."""
        same, other, none = "as in the first column", "other values", "no value"
        cells = {(s, v): Cell(none, "none") for s in self.series for v in self.variants}
        for variant, seen in self.values.items():
            differing = self.differing(variant)
            for series in (each for each in self.series if seen[each]):
                count = len(seen[series])
                differs = Cell(other, f"{count} other")
                cells[series, variant] = differs if series in differing else Cell(same, f"{count}")
        styles = {
            same: Style("accent"), other: Style("alarm", 0.6, "////"),
            none: Style("background", 1.0, edge="muted"),
        }  # fmt: skip
        return Table(lines(self.series), lines(self.variants), cells, styles)

    def _changes(self, variant: str) -> str:
        first, parts = self.values[self.variants[0]], []
        for series in self.differing(variant):
            mine = self.values[variant][series]
            more, fewer = len(mine - first[series]), len(first[series] - mine)
            changes = [f"{n} {word}" for n, word in ((more, "more"), (fewer, "fewer")) if n]
            parts.append(f"{series} {' and '.join(changes)}")
        return f"{variant}: {', '.join(parts) or 'no difference'}"


@dataclass(frozen=True)
class Rights:
    """What agents can access on their node.

    Attributes:
        agents: their names, in the order given.
        places: the attempts, in the order given.
        can: by agent and place, whether the attempt succeeded.
    """

    agents: tuple[str, ...]
    places: tuple[str, ...]
    can: Mapping[str, Mapping[str, bool]]

    def granted(self, agent: str) -> list[str]:
        """Return the places that this agent can access."""
        return [place for place in self.places if self.can[agent][place]]

    @property
    def headline(self) -> str:
        """How many places each agent can access."""
        parts = "; ".join(f"{agent} {len(self.granted(agent))}" for agent in self.agents)
        return f"Of {len(self.places)} attempts succeed: {parts}"

    @property
    def caption(self) -> str:
        """The places that each agent can access."""
        parts = [f"{agent}: {', '.join(self.granted(agent)) or 'nothing'}" for agent in self.agents]
        return f"{'; '.join(parts)}."

    def figure(self) -> Table:
        """Return a table: places by agents."""
        words = {True: Cell("succeeds", "succeeds"), False: Cell("refused", "refused")}
        cells = {(p, a): words[self.can[a][p]] for p in self.places for a in self.agents}
        styles = {"succeeds": Style("alarm"), "refused": Style("background", edge="muted")}
        return Table(lines(self.places), lines(self.agents), cells, styles)


def trials(found: Mapping[str, Trial]) -> Trials:
    """Return the attempts, given by name, as a finding."""
    return Trials(found)


def scrapes(seen: Mapping[str, Mapping[str, Sequence[str]]]) -> Scrapes:
    """Return the comparison of values by variant and series; the first variant is the base."""
    values = {
        name: {series: frozenset(some) for series, some in each.items()}
        for name, each in seen.items()
    }
    return Scrapes(tuple(next(iter(seen.values()))), tuple(seen), values)


def rights(can: Mapping[str, Mapping[str, bool]]) -> Rights:
    """Return what agents can access, given by agent and place; all agents have the same places."""
    return Rights(tuple(can), tuple(next(iter(can.values()))), can)
