"""A pod's segments as they grow, and one node's counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from daemonset_course.timeline.podstate import Object
from daemonset_course.timeline.spans import Phase, Segment, natural

COUNTS = ("scope", "unavailable", "surge", "updated", "behind", "wanted")


class State(NamedTuple):
    """What a segment shows of a pod; a new segment begins when any of it changes."""

    node: str
    revision: str
    phase: Phase
    reason: str = ""


@dataclass(slots=True)
class Pod:
    """A pod as last seen, with the segment that is still open since ``since``."""

    uid: str
    name: str
    state: State
    since: float
    ready_since: float | None = None
    available: bool = False
    segments: list[Segment] = field(default_factory=list)

    def turn(self, t: float, state: State) -> None:
        """Ends the open segment at ``t`` and opens one for ``state``, unless nothing changed."""
        if state != self.state:
            self.cut(t)
            self.state, self.since = state, max(t, self.since)

    def close(self, end: float) -> None:
        """Files the open segment at the recording's end, also if it began just then."""
        if end <= self.since:
            state = self.state
            last = Segment(self.uid, self.name, *state[:3], self.since, self.since, state.reason)
            self.segments.append(last)
        self.cut(end)

    def cut(self, t: float) -> None:
        """Files the open segment, ending at ``t``; one that lasted no time leaves no trace."""
        if t <= self.since:
            return
        new = Segment(self.uid, self.name, *self.state[:3], self.since, t, self.state.reason)
        last = self.segments[-1] if self.segments else None
        if last and replace(last, start=new.start, end=new.end) == new:
            self.segments[-1] = replace(last, end=t)
        else:
            self.segments.append(new)
        self.since = t


@dataclass(slots=True)
class Lane:
    """One node's counters."""

    node: Object | None = None
    wanted: bool = False
    pods: int = 0
    live: int = 0
    available: int = 0
    updated: int = 0

    def shares(self) -> tuple[int, ...]:
        """What this node adds to each of COUNTS; a node that doesn't exist adds nothing."""
        if self.node is None:
            return (0,) * len(COUNTS)
        scope = self.wanted or self.pods > 0
        done = self.updated == 1 and self.pods == 1
        return (
            int(scope),
            int(scope and self.available == 0),
            max(0, self.live - 1),
            int(self.updated > 0),
            int(scope and not done),
            int(self.wanted),
        )


def missing(lanes: Mapping[str, Lane]) -> tuple[str, ...]:
    """The nodes that should run a pod and have none, in natural order."""
    return tuple(
        sorted((name for name, lane in lanes.items() if lane.wanted and not lane.pods), key=natural)
    )


def placement_part(node: Object) -> tuple[Any, Any]:
    """What the controller's rules read of a node."""
    return node["metadata"].get("labels"), node.get("spec")
