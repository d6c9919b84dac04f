"""Compare monitoring agents: the series that they report, and what they may do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemonset_course.figures.shapes import Cell, Style, Table, lines

_SUCCEEDS = "succeeds"


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

    def deciding(self, *fields: str) -> str:
        """Return without which of two fields, ``no <field>``, a variant has other values.

        ``both`` and ``none`` stand for two fields and for no field.
        """
        found = [each for each in fields if self.differing(f"no {each}")]
        return found[0] if len(found) == 1 else "both" if found else "none"

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


def scrapes(seen: Mapping[str, Mapping[str, Sequence[str]]]) -> Scrapes:
    """Return the comparison of values by variant and series; the first variant is the base."""
    values = {
        name: {series: frozenset(some) for series, some in each.items()}
        for name, each in seen.items()
    }
    return Scrapes(tuple(next(iter(seen.values()), {})), tuple(seen), values)


def rights(tried: Mapping[str, Mapping[str, bool | str]]) -> Rights:
    """Return what agents can access, given by agent and place; all agents have the same places.

    An attempt is true or false, or a text: ``succeeds`` or an error message.
    """
    can = {
        agent: {place: said in (True, _SUCCEEDS) for place, said in each.items()}
        for agent, each in tried.items()
    }
    return Rights(tuple(can), tuple(next(iter(can.values()), {})), can)
