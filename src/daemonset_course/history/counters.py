"""A pod's segments as they grow, and one node's counters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import PodState
from daemonset_course.history.spans import Segment

COUNTS = ("scope", "unavailable", "surge", "updated", "behind", "wanted")


@dataclass(slots=True)
class Pod:
    """A pod as last seen, with the segment that is still open since ``since``."""

    uid: str
    name: str
    state: PodState
    since: float
    ready_since: float | None = None
    available: bool = False
    segments: list[Segment] = field(default_factory=list)
    object: Object = field(default_factory=dict)

    def set_state(self, t: float, state: PodState) -> None:
        """Ends the open segment at ``t`` and opens one for ``state``, unless nothing changed."""
        if state != self.state:
            self.segments = self.segments_until(t)
            self.state, self.since = state, max(t, self.since)

    def segments_until(self, t: float, *, last: bool = False) -> list[Segment]:
        """The segments up to ``t``, with the one that is still open unless it lasted no time.

        ``last``: also if it began just then, as at the recording's end.
        """
        if t < self.since or (t == self.since and not last):
            return self.segments
        before = self.segments[-1] if self.segments else None
        if before and (before.node, before.revision, before.phase, before.reason) == self.state:
            return [*self.segments[:-1], replace(before, end=t)]
        new = Segment(self.uid, self.name, *self.state[:3], self.since, t, self.state.reason)
        return [*self.segments, new]


@dataclass(slots=True)
class NodeCounters:
    """One node's counters."""

    object: Object | None = None
    wanted: bool = False
    pods: int = 0
    live: int = 0
    available: int = 0
    updated: int = 0
    contributed: tuple[int, ...] = (0,) * len(COUNTS)  # its shares in the totals

    @property
    def done(self) -> bool:
        """Whether the node's only Pod is available and of the newest template."""
        return self.object is not None and self.updated == 1 and self.pods == 1

    def contributions(self) -> tuple[int, ...]:
        """What this node adds to each of COUNTS; a node that doesn't exist adds nothing."""
        if self.object is None:
            return (0,) * len(COUNTS)
        scope = self.wanted or self.pods > 0
        return (
            int(scope),
            int(scope and self.available == 0),
            max(0, self.live - 1),
            int(self.updated > 0),
            int(scope and not self.done),
            int(self.wanted),
        )


def placement_part(node: Object) -> tuple[Any, Any]:
    """What the controller's rules read of a node."""
    return node["metadata"].get("labels"), node.get("spec")
