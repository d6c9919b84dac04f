"""When a recording's first lists had arrived: before that moment an absence means nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]


class FirstLists:
    """Tells the records of the first lists from all others, given every record in order.

    Attributes:
        arrived: when the last record of a first list had arrived; lists of Events do not count.
    """

    def __init__(self) -> None:
        self.arrived = 0.0
        self._over: set[str] = set()  # resources whose first list is complete

    def see(self, record: Record) -> bool:
        """Take in one record; return whether it belongs to a first list."""
        if record["record"] == "gap":
            self._over.add(record["resource"])
        if record["record"] != "change":
            return False
        resource = record["resource"]
        if record["via"] != "list":
            self._over.add(resource)
        initial = resource not in self._over
        if initial and resource != "events":
            self.arrived = max(self.arrived, float(record["t"]))
        return initial


def begun(log: Iterable[Record]) -> float:
    """When all first lists of a log had arrived, in seconds since the recording began."""
    lists = FirstLists()
    for record in log:
        lists.see(record)
    return lists.arrived
