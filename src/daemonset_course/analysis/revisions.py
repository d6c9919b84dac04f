"""Show how the numbers of a DaemonSet's revisions change from step to step. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from daemonset_course.figures.shapes import Cell, Style, Table, lines
from daemonset_course.history.log import Object


@dataclass(frozen=True)
class Revision:
    """One ControllerRevision at one time: its number, its name, and a value of its template."""

    number: int
    name: str
    value: str


@dataclass(frozen=True)
class RevisionHistory:
    """The revisions after each of some steps.

    Attributes:
        steps: the names of the steps, in order.
        revisions: after each step, the lowest number first.
        names: the names of the objects by first appearance; each object has one template.
    """

    steps: tuple[str, ...]
    revisions: tuple[tuple[Revision, ...], ...]
    names: tuple[str, ...]

    def numbers(self, step: int = -1) -> list[int]:
        """Return the revision numbers after a step (default: after the last one)."""
        return [revision.number for revision in self.revisions[step]]

    @property
    def renumbered(self) -> list[tuple[str, Revision, Revision]]:
        """(step, before, after) for each object that got a new number."""
        found = []
        for step, (before, after) in zip(self.steps[1:], pairwise(self.revisions), strict=True):
            pairs = ((a, b) for b in after for a in before if a.name == b.name)
            found += [(step, a, b) for a, b in pairs if a.number != b.number]
        return found

    @property
    def headline(self) -> str:
        """The number of templates, how many numbers they got, and the current template."""
        newest, again = self.revisions[-1][-1], len(self.renumbered)
        undone = f", {again} of them by going back to a template" if again else ""
        return f"{len(self.names)} templates, {newest.number} numbers{undone}; now {newest.value}"

    @property
    def caption(self) -> str:
        """The changes of revision numbers by step, and the revisions at the end."""
        changes = "; ".join(
            f"{step}: {a.value}, {a.number} becomes {b.number}" for step, a, b in self.renumbered
        )
        changes = changes or "No revision got a new number"
        left = ", ".join(map(str, self.numbers()))
        return f"{changes}. Revisions at the end: {left}."

    def figure(self) -> Table:
        """Return a table: numbers by steps; the newest is filled, lines connect one template."""
        cells: dict[tuple[str, str], Cell] = {}
        places: dict[str, list[tuple[str, str]]] = {name: [] for name in self.names}
        for step, revisions in zip(self.steps, self.revisions, strict=True):
            for one in revisions:
                state = "current" if one == revisions[-1] else "kept"
                cells[str(one.number), step] = Cell(f"{one.name} {state}", one.value)
                places[one.name].append((str(one.number), step))
        top = max(one.number for revisions in self.revisions for one in revisions)
        colours = {name: f"series {i % 7}" for i, name in enumerate(self.names)}
        styles = {f"{name} current": Style(colour) for name, colour in colours.items()}
        styles |= {f"{n} kept": Style(colour, 1.0, width=1.3) for n, colour in colours.items()}
        return Table(
            lines([str(number) for number in range(top, 0, -1)]),
            lines(self.steps),
            cells,
            styles,
            links=tuple((a, b, colours[n]) for n in self.names for a, b in pairwise(places[n])),
            row_title="revision",
            legend={
                "current template": Style("muted"),
                "kept for undo": Style("muted", 1.0, width=1.3),
            },
        )


def revision_history(snapshots: Mapping[str, Sequence[Object]], env: str) -> RevisionHistory:
    """Return the history of ControllerRevisions from their lists after each step.

    Args:
        snapshots: step -> the ControllerRevisions of one DaemonSet.
        env: the variable of the template's first container that identifies a release.
    """
    revisions = tuple(
        tuple(sorted((_revision(item, env) for item in items), key=lambda one: one.number))
        for items in snapshots.values()
    )
    names = dict.fromkeys(one.name for each in revisions for one in each)
    return RevisionHistory(tuple(snapshots), revisions, tuple(names))


def _revision(item: Object, env: str) -> Revision:
    template = item["data"]["spec"]["template"]
    pairs = template["spec"]["containers"][0].get("env") or ()
    value = next((pair.get("value", "") for pair in pairs if pair["name"] == env), "?")
    return Revision(int(item["revision"]), str(item["metadata"]["name"]), f"{env} {value}")
