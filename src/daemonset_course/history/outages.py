"""Describe when a component of the control plane did not run, why, and how to restart it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, cast

from daemonset_course.history.log import Component
from daemonset_course.places import course_command

Why = Literal["ended", "stopped", "suspended"]

RUNNING = "running"
_STATES = {
    "ended": "has ended and was not started again",
    "stopped": "was stopped on purpose",
    "suspended": "is suspended and does nothing",
}


class Down(NamedTuple):
    """A component that does not run: ended, stopped by ``stop_component``, or suspended."""

    component: str
    why: Why

    def __str__(self) -> str:
        return f"{self.component} {_STATES[self.why]}"


@dataclass(frozen=True)
class Outage:
    """A stretch in which a component did not run.

    Times in seconds since the recording began; ``end`` is None if the component did not run again
    before the recording ended.
    """

    component: str
    why: Why
    start: float
    end: float | None = None

    def __str__(self) -> str:
        since = f"from {self.start:.1f} s"
        if self.end is None:
            return f"{Down(self.component, self.why)} ({since} on)"
        verb = {"ended": "did not run"}.get(self.why, f"was {self.why}")
        return f"{self.component} {verb} {since} to {self.end:.1f} s"


def cure(down: Iterable[Down | Outage], cluster: str) -> str:
    """Return how to start the components again."""
    stopped = [one.component for one in down if one.why == "stopped"]
    verbs = " ".join(f'start_component("{component}")' for component in stopped)
    up = course_command("up", cluster)
    return f"{verbs}, or: {up}" if stopped else f"{up} (starts what does not run)"


class Outages:
    """Derives outages from the log's records of components."""

    def __init__(self) -> None:
        self._past: list[Outage] = []
        self._open: dict[str, Outage] = {}

    def read(self, record: Component) -> None:
        """Read one record: the component's state from now on."""
        if record.component in self._open:
            self._past.append(replace(self._open.pop(record.component), end=record.t))
        if record.state in _STATES:
            why = cast("Why", record.state)
            self._open[record.component] = Outage(record.component, why, record.t)

    def all(self) -> tuple[Outage, ...]:
        """Return every outage so far, by time."""
        return tuple(sorted([*self._past, *self._open.values()], key=lambda one: one.start))
