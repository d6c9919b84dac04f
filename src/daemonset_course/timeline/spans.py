"""The values a timeline is made of: segments, marks, gaps and step lines."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["pending", "not ready", "ready", "terminating", "unknown"]
MarkKind = Literal["action", "event", "note"]
SKEW = 1.0  # seconds that one watch may lag behind another


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one pod's life in one phase; times in seconds since the recording began.

    ``pod`` is the uid, ``node`` is empty for a pod that is bound to no node, ``reason`` is the
    cluster's word for what holds the pod up (``ImagePullBackOff``, ``Unschedulable``).
    """

    pod: str
    name: str
    node: str
    revision: str
    phase: Phase
    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that was done (action), that happened (event), or that the learner wrote (note)."""

    t: float
    text: str
    kind: MarkKind
    node: str = ""


@dataclass(frozen=True)
class Gap:
    """A stretch in which the watch of one resource saw nothing."""

    resource: str
    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True)
class Template:
    """A pod template that the DaemonSet got: when, as which generation, and its pods' revision.

    ``revision`` is empty until a pod of it was seen; ``since`` is ``t``, or when its first pod was
    seen if that came before (two watches); ``created`` marks the DaemonSet's first; at ``end``
    came the next template, the DaemonSet's deletion, or the end of the recording; ``missing`` are
    the nodes that should have run a pod then and had none.
    """

    t: float
    generation: int
    revision: str
    since: float
    created: bool = False
    end: float = math.inf
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """A number over time: ``values[i]`` holds from ``times[i]`` on; None means unknown."""

    times: tuple[float, ...] = ()
    values: tuple[int | None, ...] = ()

    def at(self, t: float) -> int | None:
        """The value that holds at ``t``; None when unknown or before the first step."""
        i = bisect_right(self.times, t) - 1
        return self.values[i] if i >= 0 else None

    def max(self, start: float | None = None, end: float | None = None) -> int | None:
        """The largest value held in [start, end]; None when every value there is unknown."""
        known = [value for _, _, value in self.stretches(start, end) if value is not None]
        return max(known, default=None)

    def longest(self, above: int, start: float | None = None, end: float | None = None) -> float:
        """The longest single stretch, in seconds, with a known value greater than ``above``."""
        best = run = 0.0
        for a, b, value in self.stretches(start, end):
            run = run + b - a if value is not None and value > above else 0.0
            best = max(best, run)
        return best

    def stretches(
        self, start: float | None = None, end: float | None = None
    ) -> Iterator[tuple[float, float, int | None]]:
        """Each (from, until, value) within [start, end], in order; the last ends at ``end``."""
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
    """Collects a number as it changes; only real changes are kept."""

    times: list[float] = field(default_factory=list)
    values: list[int | None] = field(default_factory=list)

    def add(self, t: float, value: int | None) -> None:
        """Let ``value`` hold from ``t`` on; of several values at one time the last one counts."""
        if self.times and self.times[-1] >= t:  # never back in time
            t = self.times.pop()
            self.values.pop()
        if not self.values or self.values[-1] != value:
            self.times.append(t)
            self.values.append(value)

    def close(self, end: float, blind: Iterable[tuple[float, float]] = ()) -> Steps:
        """The finished line, unknown within each (start, end) of ``blind``, reaching ``end``."""
        raw = Steps(tuple(self.times), tuple(self.values))
        dark = union(blind)
        out = StepsBuilder()
        edges = sorted({*self.times, *(t for pair in dark for t in pair if t <= end)})
        i = 0
        for t in edges:
            while i < len(dark) and dark[i][1] <= t:
                i += 1
            hidden = i < len(dark) and dark[i][0] <= t
            out.add(t, None if hidden else raw.at(t))
        if out.times and out.times[-1] < end:
            out.times.append(end)
            out.values.append(out.values[-1])
        return Steps(tuple(out.times), tuple(out.values))


def excess(number: Steps, bound: Steps) -> Steps:
    """By how much ``number`` is above ``bound`` (0 when within it); unknown if either is."""
    out = StepsBuilder()
    for t in sorted({*number.times, *bound.times}):
        value, limit = number.at(t), bound.at(t)
        out.add(t, None if value is None or limit is None else max(0, value - limit))
    return out.close(max(number.times[-1:] + bound.times[-1:], default=0.0))


def within(number: Steps, spans: Iterable[tuple[float, float]]) -> Steps:
    """The same number, unknown outside the (start, end) of ``spans``."""
    if not number.times:
        return number
    out = StepsBuilder(list(number.times), list(number.values))
    first, last = number.times[0], number.times[-1]
    outside, since = [], first
    for start, end in union(spans):
        outside.append((since, start))
        since = end
    if since < last:
        outside.append((since, math.nextafter(last, math.inf)))
    return out.close(last, outside)


def union(pairs: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (start, end) pairs sorted, with touching and overlapping ones made into one."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(pair for pair in pairs if pair[1] > pair[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts worker2 before worker10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
