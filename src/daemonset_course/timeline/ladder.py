"""How a DaemonSet's revisions are numbered, and numbered anew, step by step. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Rung:
    """One ControllerRevision at one moment: its number, its object's name, what it holds."""

    number: int
    name: str
    holds: str


@dataclass(frozen=True)
class Ladder:
    """The revisions after each of some steps.

    Attributes:
        steps: what was done, in order.
        rungs: after each step the revisions, the lowest number first.
        names: the objects by first appearance.
    """

    steps: tuple[str, ...]
    rungs: tuple[tuple[Rung, ...], ...]
    names: tuple[str, ...]

    def numbers(self, step: int = -1) -> list[int]:
        """The revision numbers after a step (left out: after the last one)."""
        return [rung.number for rung in self.rungs[step]]

    @property
    def climbs(self) -> list[tuple[str, Rung, Rung]]:
        """(step, before, after) for each object that got a new number."""
        found = []
        for step, (before, after) in zip(self.steps[1:], pairwise(self.rungs), strict=True):
            was = {rung.name: rung for rung in before}
            found += [
                (step, was[rung.name], rung)
                for rung in after
                if rung.name in was and was[rung.name].number != rung.number
            ]
        return found


def ladder(snapshots: Mapping[str, Sequence[Object]], env: str) -> Ladder:
    """The ladder of ControllerRevisions, given as they were listed after each step.

    Args:
        snapshots: step -> the ControllerRevisions of one DaemonSet.
        env: the variable of the template's first container that tells one release from another.
    """
    rungs = tuple(
        tuple(sorted((_rung(item, env) for item in items), key=lambda rung: rung.number))
        for items in snapshots.values()
    )
    names = dict.fromkeys(rung.name for each in rungs for rung in each)
    return Ladder(tuple(snapshots), rungs, tuple(names))


def ladder_headline(found: Ladder) -> str:
    """The finding in a few words."""
    top = found.rungs[-1][-1]
    climbs = len(found.climbs)
    undone = f", {climbs} of them by going back to a template" if climbs else ""
    return f"{len(found.names)} templates, {top.number} numbers{undone}; now {top.holds}"


def ladder_caption(found: Ladder) -> str:
    """Which revision got which number at which step, and which ones are left."""
    told = [f"{step}: {a.holds}, {a.number} becomes {b.number}" for step, a, b in found.climbs]
    left = ", ".join(map(str, found.numbers()))
    return f"{'; '.join(told) or 'No revision got a new number'}. Revisions at the end: {left}."


def _rung(item: Object, env: str) -> Rung:
    template = item["data"]["spec"]["template"]
    pairs = template["spec"]["containers"][0].get("env") or ()
    value = next((pair.get("value", "") for pair in pairs if pair["name"] == env), "?")
    return Rung(int(item["revision"]), str(item["metadata"]["name"]), f"{env} {value}")
