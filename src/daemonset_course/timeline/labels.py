"""A label's value on each node over time, and how soon a DaemonSet's pods followed it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from daemonset_course.timeline.beginning import begun as first_lists
from daemonset_course.timeline.caption import nodes, seconds
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.timeline import Timeline

_SKEW = 0.2  # seconds by which a pod's watch may be ahead of the node's

Record = Mapping[str, Any]


@dataclass(frozen=True)
class LabelSpan:
    """A stretch in which a node's label had one value; None: the node had no such label."""

    value: str | None
    start: float
    end: float


@dataclass(frozen=True)
class Reactions:
    """How the pods followed one value of a label.

    Attributes:
        came: for each node that got the value, the seconds until its pod was created.
        left: for each node that lost it, the seconds until its pod was told to stop.
        waits: nodes that lost the value and kept their pod until the end.
    """

    came: Mapping[str, float]
    left: Mapping[str, float]
    waits: Sequence[str]


def label_spans(log: Sequence[Record], key: str) -> dict[str, list[LabelSpan]]:
    """For each node the stretches of the label ``key``, by time."""
    begun: dict[str, tuple[str | None, float]] = {}
    spans: defaultdict[str, list[LabelSpan]] = defaultdict(list)
    end, first = 0.0, first_lists(log)
    for record in log:
        end = float(record.get("t", 0.0))
        if record["record"] != "change" or record["resource"] != "nodes":
            continue
        name = str(record["object"]["metadata"]["name"])
        value = (record["object"]["metadata"].get("labels") or {}).get(key)
        gone = record["type"] == "DELETED"
        if name in begun and (gone or begun[name][0] != value):
            spans[name].append(LabelSpan(begun[name][0], begun[name][1], end))
            del begun[name]
        if not gone and name not in begun:
            begun[name] = (value, 0.0 if end <= first else end)
    for name, (value, start) in begun.items():
        spans[name].append(LabelSpan(value, start, end))
    return dict(spans)


def reactions(
    spans: Mapping[str, Sequence[LabelSpan]], timeline: Timeline, value: str
) -> Reactions:
    """How soon the pods of the timeline followed the label's ``value``; the last change counts."""
    came: dict[str, float] = {}
    left: dict[str, float] = {}
    waits = []
    for node, stretches in spans.items():
        pods = [segment for segment in timeline.segments if segment.node == node]
        for before, after in pairwise(stretches):
            if after.value == value:
                _put(came, node, _first(pods, after.start), after.start)
            elif before.value == value:
                _put(left, node, _told_to_stop(pods, after.start), after.start)
                if node not in left and pods:
                    waits.append(node)
    return Reactions(came, left, waits)


def reactions_caption(found: Reactions, label: str) -> str:
    """How many nodes got and lost the label, and how soon their pods followed."""
    parts = []
    if found.came:
        parts.append(f"{nodes(len(found.came))} got {label}: pod created {_within(found.came)}")
    if found.left:
        parts.append(f"{nodes(len(found.left))} lost it: pod told to stop {_within(found.left)}")
    if found.waits:
        parts.append(f"{nodes(len(found.waits))} lost it and kept the pod")
    return ". ".join([*parts, ""]).strip() or f"No node got or lost {label}."


def reactions_headline(found: Reactions, label: str) -> str:
    """The finding in a few words."""
    if found.waits:
        return f"{label} is gone from {nodes(len(found.waits))}, the pod is not"
    return f"Pods follow {label}: {len(found.came)} came, {len(found.left)} went"


def _first(pods: Sequence[Segment], since: float) -> float | None:
    born: dict[str, float] = {}
    for segment in pods:
        born.setdefault(segment.pod, segment.start)
    return min((t for t in born.values() if t >= since - _SKEW), default=None)


def _told_to_stop(pods: Sequence[Segment], since: float) -> float | None:
    """When the pod there began to terminate; a pod that ran nowhere goes without that."""
    return min(
        (s.start for s in pods if s.phase == "terminating" and s.start >= since - _SKEW),
        default=None,
    )


def _put(into: dict[str, float], node: str, at: float | None, since: float) -> None:
    if at is not None:
        into[node] = max(0.0, at - since)


def _within(found: Mapping[str, float]) -> str:
    return f"within {seconds(max(0.01, *found.values()))}"
