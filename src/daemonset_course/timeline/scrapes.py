"""What variants of an exporter tell of one node, compared with the first of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Seen = Mapping[str, Mapping[str, Sequence[str]]]
Kind = Literal["same", "other", "none"]

_SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Scrapes:
    """A table of metric families and variants.

    Attributes:
        families: each with the label that is compared, such as ``node_disk_info{model}``.
        variants: their names; the first one is what the others are compared with.
        values: by variant and family, the values of that label.
    """

    families: tuple[str, ...]
    variants: tuple[str, ...]
    values: Mapping[str, Mapping[str, frozenset[str]]]

    def kind(self, family: str, variant: str) -> Kind:
        """Whether a variant tells the same of a family as the first one, other things, or none."""
        mine, first = (self.values[name][family] for name in (variant, self.variants[0]))
        return "none" if not mine else "same" if mine == first else "other"

    def differing(self, variant: str) -> list[str]:
        """The families of which a variant tells other things than the first one."""
        first = self.values[self.variants[0]]
        return [each for each in self.families if self.values[variant][each] != first[each]]


def labels(text: str, wanted: Mapping[str, str]) -> dict[str, list[str]]:
    """What a scrape says: for each wanted family the values of one of its labels.

    Args:
        text: the answer of an exporter, in Prometheus' text format.
        wanted: family -> label. Values that are empty are left out.
    """
    found: dict[str, set[str]] = {_row(family, label): set() for family, label in wanted.items()}
    for line in text.splitlines():
        series = _SERIES.match(line)
        if series and series[1] in wanted:
            label = wanted[series[1]]
            value = dict(_LABEL.findall(series[2] or "")).get(label, "")
            found[_row(series[1], label)] |= {value} - {""}
    return {family: sorted(values) for family, values in found.items()}


def gauge(text: str, name: str) -> float:
    """The value of a series, named as in the scrape; 0 when the scrape does not have it."""
    line = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(line[1]) if line else 0.0


def families(text: str) -> set[str]:
    """The names of all metric families of a scrape, without those about the exporter itself."""
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    return {name for name in names if name.startswith("node_") and "scrape" not in name}


def scrapes(seen: Seen) -> Scrapes:
    """The table of what was seen, by variant; the first one is the base."""
    first = next(iter(seen.values()))
    values = {
        name: {family: frozenset(told) for family, told in each.items()}
        for name, each in seen.items()
    }
    return Scrapes(tuple(first), tuple(seen), values)


def scrapes_headline(found: Scrapes) -> str:
    """The finding: of how many families each variant tells other things."""
    base, *others = found.variants
    told = ", ".join(f"{name} {len(found.differing(name))}" for name in others)
    return f"Of {len(found.families)} rows, other than {base}: {told}"


def scrapes_caption(found: Scrapes) -> str:
    """For each variant what it gains and loses."""
    base, *others = found.variants
    told = "; ".join(_told(found, name) for name in others)
    return f"Numbers count the values of a label. Against {base}: {told}."


def _row(family: str, label: str) -> str:
    return f"{family}{{{label}}}"


def _told(found: Scrapes, variant: str) -> str:
    first = found.values[found.variants[0]]
    parts = []
    for family in found.differing(variant):
        mine = found.values[variant][family]
        more, less = len(mine - first[family]), len(first[family] - mine)
        changes = [f"{n} {word}" for n, word in ((more, "more"), (less, "fewer")) if n]
        parts.append(f"{family} {' and '.join(changes)}")
    return f"{variant}: {', '.join(parts) or 'no difference'}"
