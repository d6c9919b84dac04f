"""Read the seven numbers of a DaemonSet's status. Each counts nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from daemonset_course.figures.shapes import Cell, Line, Style, Table, lines
from daemonset_course.figures.table_html import tables_html
from daemonset_course.history.log import Object
from daemonset_course.history.text import joined

FIELDS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "numberMisscheduled",
)
# The columns of kubectl, and the two numbers that it does not print.
COLUMNS = ("DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "UNAVAILABLE", "MISSCHEDULED")
_TOTAL, _NONE = slice(1, 5), slice(5, 7)  # what should be DESIRED, what should be 0
_AS_IT_SHOULD, _MORE = "as it should be", "more than 0"
_MARKED = {
    "fewer than DESIRED": Style("alarm", 0.8, sign="▼", width=2),
    "more than DESIRED": Style("alarm", 0.8, sign="▲", width=2),
    _MORE: Style("alarm", 0.8, sign="▲", width=2),
}


class Status(NamedTuple):
    """The numbers that the controller wrote last; they can be older than the nodes' state.

    Attributes:
        desired: nodes that should run it.
        current: nodes that should run it and have a Pod, also a Pending one.
        ready: nodes that should run it and have a ready Pod.
        updated: nodes that should run it and have a Pod of the newest template.
        available: nodes that should run it and have an available Pod.
        unavailable: nodes that should run it and have no available Pod.
        misscheduled: nodes that should not run it and have a Pod.
    """

    desired: int
    current: int
    ready: int
    updated: int
    available: int
    unavailable: int
    misscheduled: int

    def __repr__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._asdict().items())

    def _repr_html_(self) -> str:
        return tables_html([self.figure()], title=self.headline, caption=self.caption)

    @property
    def headline(self) -> str:
        """How many nodes have an available Pod, of those that should run one."""
        if not self.desired:
            return "Status: no node should run a Pod"
        have = "node that should run a Pod has" if self.desired == 1 else (
            "nodes that should run a Pod have"
        )  # fmt: skip
        return f"Status: {self.available} of {self.desired} {have} an available one"

    @property
    def caption(self) -> str:
        """By how much each number differs from what it should be; empty if none does."""
        found: dict[str, list[str]] = {}
        for column, differs in self._deviations():
            found.setdefault(differs, []).append(column)
        return " ".join(f"{joined(names)}: {differs}." for differs, names in found.items())

    def figure(self) -> Table:
        """Return a table of one row; a number that is not as it should be has a sign."""
        cells = dict(zip(COLUMNS, (Cell(_AS_IT_SHOULD, str(each)) for each in self), strict=True))
        for column, differs in self._deviations():
            word = _MORE if column in COLUMNS[_NONE] else differs.partition(" ")[2]
            cells[column] = Cell(word, f"{_MARKED[word].sign} {cells[column].text}")
        used = {cell.style for cell in cells.values()}
        return Table(
            (Line(""),),
            lines(COLUMNS),
            {("", column): cell for column, cell in cells.items()},
            {_AS_IT_SHOULD: Style("background", edge="faint")} | _MARKED,
            legend={word: style for word, style in _MARKED.items() if word in used},
        )

    def _deviations(self) -> Iterator[tuple[str, str]]:
        """Yield each column that is not as it should be, and how much it differs."""
        for column, number in [*zip(COLUMNS, self, strict=True)][_TOTAL]:
            if number != self.desired:
                word = "fewer" if number < self.desired else "more"
                yield column, f"{abs(number - self.desired)} {word} than DESIRED"
        for column, number in [*zip(COLUMNS, self, strict=True)][_NONE]:
            if number:
                yield column, f"{number} instead of 0"


def status_of(daemonset: Object) -> Status:
    """Return the seven numbers; a field that is not set counts as zero."""
    status = daemonset.get("status") or {}
    return Status(*(int(status.get(field) or 0) for field in FIELDS))
