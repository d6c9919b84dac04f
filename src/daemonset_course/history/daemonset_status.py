"""Read the seven numbers of a DaemonSet's status. Each counts nodes. Pure."""

from __future__ import annotations

from typing import NamedTuple

from daemonset_course.history.log import Object

FIELDS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "numberMisscheduled",
)


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


def status_of(daemonset: Object) -> Status:
    """Return the seven numbers; a field that is not set counts as zero."""
    status = daemonset.get("status") or {}
    return Status(*(int(status.get(field) or 0) for field in FIELDS))
