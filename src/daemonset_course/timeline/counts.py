"""Nodes, desired and ready over time, and how many pods shared a node. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.caption import seconds
from daemonset_course.timeline.spans import Steps, StepsBuilder
from daemonset_course.timeline.timeline import Timeline

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@dataclass(frozen=True)
class Counts:
    """Three numbers over time, in seconds since the recording began.

    Attributes:
        workers: Node objects that exist, without the control plane.
        desired: the DaemonSet's ``desiredNumberScheduled``, as its status said it.
        ready: the same for ``numberReady``.
        end: when the recording ended.
        start: when all first lists had arrived.
    """

    workers: Steps
    desired: Steps
    ready: Steps
    end: float
    start: float = 0.0

    @property
    def stale(self) -> float:
        """Seconds for which the status counted more nodes than there were, at a stretch."""
        return _longest_above(self.desired, self.workers)

    @property
    def behind(self) -> float:
        """Seconds for which fewer nodes were ready than there were, at a stretch."""
        return _longest_above(self.workers, self.ready)


def counts(log: Iterable[Mapping[str, Any]]) -> Counts:
    """The counts of a log, given as its records in order, header first."""
    header, *records = log
    name, start = header["daemonset"], begun(records)
    workers: set[str] = set()
    lines = {"workers": StepsBuilder(), "desired": StepsBuilder(), "ready": StepsBuilder()}
    end = 0.0
    for record in records:
        end = max(end, float(record["t"]))
        if record["record"] != "change":
            continue
        obj, gone = record["object"], record["type"] == "DELETED"
        if record["resource"] == "nodes":
            _note_worker(workers, obj, gone=gone)
        known = max(end, start)
        lines["workers"].add(known, len(workers))
        if record["resource"] == "daemonsets" and obj["metadata"]["name"] == name:
            status = {} if gone else obj.get("status") or {}
            lines["desired"].add(known, int(status.get("desiredNumberScheduled") or 0))
            lines["ready"].add(known, int(status.get("numberReady") or 0))
    return Counts(**{key: line.close(end) for key, line in lines.items()}, end=end, start=start)


def counts_caption(found: Counts) -> str:
    """What the counts show, in one sentence made of their numbers."""
    path = " → ".join(str(value) for value in _path(found.workers))
    told = f"Workers {path}; desired {_last(found.desired)}, ready {_last(found.ready)} at the end"
    if found.stale > found.behind:
        return f"{told}; the status counted missing nodes for {seconds(found.stale)}."
    return f"{told}; not all workers had a ready pod for {seconds(found.behind)} at a stretch."


def counts_headline(found: Counts) -> str:
    """The finding in a few words."""
    path = _path(found.workers)
    if path[-1] < path[0]:
        gone = path[0] - path[-1]
        nodes = "1 node" if gone == 1 else f"{gone} nodes"
        return f"{nodes} removed: the status kept counting them for {seconds(found.stale)}"
    return f"{path[0]} to {path[-1]} workers: desired and ready follow the nodes"


def pods_per_node(timeline: Timeline) -> dict[str, int]:
    """The most pods that each node held at one time, terminating ones counted."""
    edges: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for segment in timeline.segments:
        edges[segment.node] += [(segment.start, 1), (segment.end, -1)]
    return {node: _highest(sorted(moves)) for node, moves in edges.items()}


def _highest(moves: list[tuple[float, int]]) -> int:
    best = now = 0
    for _, step in moves:  # at one moment the ends sort before the starts
        now += step
        best = max(best, now)
    return best


def _note_worker(workers: set[str], node: Mapping[str, Any], *, gone: bool) -> None:
    meta = node["metadata"]
    if gone:
        workers.discard(meta["name"])
    elif _CONTROL_PLANE not in (meta.get("labels") or {}):
        workers.add(meta["name"])


def _longest_above(one: Steps, other: Steps) -> float:
    out = StepsBuilder()
    for t in sorted({*one.times, *other.times}):
        a, b = one.at(t), other.at(t)
        out.add(t, None if a is None or b is None else int(a > b))
    return out.close(max(one.times[-1:] + other.times[-1:], default=0.0)).longest(0)


def _path(steps: Steps) -> list[int]:
    """The first, the highest and the last value, without repeats."""
    known = [value for value in steps.values if value is not None] or [0]
    path = [known[0], max(known), known[-1]]
    return [value for i, value in enumerate(path) if not i or value != path[i - 1]]


def _last(steps: Steps) -> int | None:
    return steps.values[-1] if steps.values else None
