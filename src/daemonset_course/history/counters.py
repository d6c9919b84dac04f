"""Collect the segments of a Pod while a log is replayed, and count the Pods of one node."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import PodState
from daemonset_course.history.spans import Segment, Span

COUNTS = ("scope", "unavailable", "surge", "updated", "behind", "wanted")


@dataclass(slots=True)
class Pod:
    """The last version of a Pod; its current segment began at ``since`` and has no end yet."""

    uid: str
    name: str
    state: PodState
    since: float
    ready_since: float | None = None
    available: bool = False
    waits_since: float | None = None  # it is ready and not yet available
    waits: list[Span] = field(default_factory=list)  # the same in the past
    segments: list[Segment] = field(default_factory=list)
    object: Object = field(default_factory=dict)

    def set_state(self, t: float, state: PodState) -> None:
        """End the current segment at ``t`` and begin one for ``state``, unless nothing changed."""
        if state != self.state:
            self.segments = self.segments_until(t)
            self.state, self.since = state, max(t, self.since)

    def note_wait(self, t: float) -> None:
        """Note at ``t``, after a change, whether the Pod is ready and not yet available."""
        waits = self.state.phase == "ready" and not self.available
        if waits and self.waits_since is None:
            self.waits_since = t
        elif not waits and self.waits_since is not None:
            self.waits, self.waits_since = self.waits_until(t), None

    def waits_until(self, t: float) -> list[Span]:
        """Return the stretches up to ``t`` in which it was ready and not yet available."""
        since = self.waits_since
        return [*self.waits, (since, t)] if since is not None and t > since else self.waits

    def segments_until(self, t: float, *, last: bool = False) -> list[Segment]:
        """Return the segments up to ``t``. The current one is left out if it has no length yet.

        With ``last``, as at the recording's end, the current segment is always included.
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
    contributed: tuple[int, ...] = (0,) * len(COUNTS)  # what it contributes to the totals

    @property
    def done(self) -> bool:
        """Whether the node's only Pod is available and of the newest template."""
        return self.object is not None and self.updated == 1 and self.pods == 1

    def contributions(self) -> tuple[int, ...]:
        """Return what this node adds to each of COUNTS; a node that does not exist adds nothing."""
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
    """Return the fields of a node that the controller's placement rules read."""
    return node["metadata"].get("labels"), node.get("spec")
