"""Define the values of a timeline: segments, templates, and numbers over time. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Literal, TypeVar

from daemonset_course.history.log import Object

Phase = Literal["pending", "not ready", "ready", "terminating", "failed", "unknown"]
Span = tuple[float, float]
T = TypeVar("T")
SKEW = 1.0  # seconds that one watch may lag behind another


class Unknown(Enum):
    """The type of the value that is unknown because a watch was interrupted."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Stretch(Generic[T]):
    """A value that held from ``start`` to ``end``; ``UNKNOWN`` within a gap."""

    start: float
    end: float
    value: T | Unknown


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which one Pod was in one phase; times in seconds since the start.

    ``pod`` is the uid. ``node`` is empty if the Pod has no node. ``reason`` is the reason that the
    kubelet or the scheduler gives (``ImagePullBackOff``, ``Unschedulable``).
    """

    pod: str
    name: str
    node: str
    revision: str
    phase: Phase
    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A stretch in which something kept Pods off a node or from running; ``words`` say what.

    ``node deleted``, ``node NotReady``, ``cordoned``, ``taint gpu=true:NoSchedule``.
    """

    start: float
    end: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """The objects that existed at one time: the DaemonSet, its Pods by node, the nodes by name.

    The node name of Pods without a node is empty. ``wanted``: the nodes that should run a Pod by
    the controller's rules. ``done``: the nodes whose only Pod is available and of the newest
    template.
    """

    t: float = 0.0
    daemonset: Object | None = None
    nodes: Mapping[str, Object] = field(default_factory=dict)
    pods: Mapping[str, list[Object]] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Template:
    """A Pod template that the DaemonSet got at ``t``.

    Attributes:
        t: when the template changed.
        generation: the DaemonSet's generation.
        revision: the ``controller-revision-hash`` of its Pods; empty before the first Pod.
        since: ``t``, or the time of its first Pod if that arrived earlier (two watches).
        created: whether it is the DaemonSet's first template.
        end: the time of the next template, of the DaemonSet's deletion, or of the recording's end.
        scene: the objects at ``end``.
    """

    t: float
    generation: int
    revision: str
    since: float
    created: bool = False
    end: float = math.inf
    scene: Scene = field(default=Scene(), repr=False, compare=False)


@dataclass(frozen=True)
class Steps:
    """A number over time: ``values[i]`` holds from ``times[i]`` on; None means unknown."""

    times: tuple[float, ...] = ()
    values: tuple[int | None, ...] = ()

    def at(self, t: float) -> int | None:
        """Return the value at ``t``; None if unknown or before the first step."""
        i = bisect_right(self.times, t) - 1
        return self.values[i] if i >= 0 else None

    def max(self, start: float | None = None, end: float | None = None) -> int | None:
        """Return the largest value in [start, end]; None if every value there is unknown."""
        known = [value for _, _, value in self.stretches(start, end) if value is not None]
        return max(known, default=None)

    def longest(self, above: int, start: float | None = None, end: float | None = None) -> float:
        """Return the longest single stretch, in seconds, with a known value above ``above``."""
        best = run = 0.0
        for a, b, value in self.stretches(start, end):
            run = run + b - a if value is not None and value > above else 0.0
            best = max(best, run)
        return best

    def stretches(
        self, start: float | None = None, end: float | None = None
    ) -> Iterator[tuple[float, float, int | None]]:
        """Yield each (start, end, value) within [start, end], by time; the last ends at ``end``."""
        if not self.times:
            return
        low = self.times[0] if start is None else start
        high = self.times[-1] if end is None else end
        for i in range(max(0, bisect_right(self.times, low) - 1), len(self.times)):
            if self.times[i] > high:
                return
            until = self.times[i + 1] if i + 1 < len(self.times) else high
            yield max(self.times[i], low), min(until, high), self.values[i]


@dataclass(slots=True)
class StepsBuilder:
    """Builds ``Steps`` from a number as it changes; equal values in a row count as one."""

    times: list[float] = field(default_factory=list)
    values: list[int | None] = field(default_factory=list)
    _now: int | None = None

    def add(self, t: float, value: int | None) -> None:
        """Set the value from ``t`` on; of several values at one time the last one counts."""
        self._now = value
        self._put(t, value)

    def set_unknown(self, start: float, end: float) -> None:
        """Make the number unknown from ``start`` to ``end``; then the last value holds again."""
        while self.times and self.times[-1] >= start:
            self.times.pop()
            self.values.pop()
        self._put(start, None)
        self._put(end, self._now)

    def steps(self, end: float, since: float = -math.inf) -> Steps:
        """Return the values so far, up to ``end``, from the one that held at ``since`` on."""
        first = max(0, bisect_right(self.times, since) - 1)
        times, values = tuple(self.times[first:]), tuple(self.values[first:])
        if times and times[-1] < end:
            return Steps((*times, end), (*values, values[-1]))
        return Steps(times, values)

    def _put(self, t: float, value: int | None) -> None:
        if self.times and self.times[-1] >= t:  # never back in time
            t = self.times.pop()
            self.values.pop()
        if not self.values or self.values[-1] != value:
            self.times.append(t)
            self.values.append(value)


def combine(value: Callable[..., int], *lines: Steps) -> Steps:
    """Return a number computed from others over time; unknown while one of them is."""
    out = StepsBuilder()
    for t in sorted({t for line in lines for t in line.times}):
        found = [line.at(t) for line in lines]
        out.add(t, None if None in found else value(*found))
    return out.steps(max((t for line in lines for t in line.times[-1:]), default=0.0))


def with_unknown(line: Steps, unknown: Iterable[Span]) -> Steps:
    """Return the number with unknown values within the given stretches."""
    gaps, out = union(unknown), StepsBuilder()
    end = line.times[-1] if line.times else 0.0
    for t in sorted({*line.times, *(t for span in gaps for t in span if t <= end)}):
        is_unknown = any(start <= t < until for start, until in gaps)
        out.add(t, None if is_unknown else line.at(t))
    return out.steps(end)


def within(line: Steps, spans: Iterable[Span]) -> Steps:
    """Return the number with unknown values outside the given stretches."""
    if not line.times:
        return line
    since, last = line.times[0], line.times[-1]
    outside = []
    for start, end in union(spans):
        outside.append((since, start))
        since = end
    if since < last:
        outside.append((since, math.nextafter(last, math.inf)))
    return with_unknown(line, outside)


def count(spans: Iterable[Span], *, start: float, end: float) -> Steps:
    """Return how many of the spans hold at each time from ``start`` to ``end``."""
    moves = defaultdict(int, {start: 0})
    for a, b in spans:
        moves[max(a, start)] += 1
        moves[max(b, start)] -= b < end
    out, now = StepsBuilder(), 0
    for t in sorted(moves):
        now += moves[t]
        out.add(t, now)
    return out.steps(end)


def overlap(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """Return the spans in which a span of both kinds holds."""
    others = list(others)
    both = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return union((start, end) for start, end in both if start < end)


def excess(number: Steps, bound: Steps) -> Steps:
    """Return by how much ``number`` exceeds ``bound`` (at least 0); unknown if either is."""
    return combine(lambda value, limit: max(0, value - limit), number, bound)


def union(pairs: Iterable[Span]) -> list[Span]:
    """Return the (start, end) pairs sorted; touching and overlapping ones are merged."""
    merged: list[Span] = []
    for start, end in sorted(pair for pair in pairs if pair[1] > pair[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
