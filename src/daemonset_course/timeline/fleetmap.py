"""Which nodes of a fleet had which label and a pod, before and after a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.timeline.caption import lane_name, nodes
from daemonset_course.timeline.labels import label_spans
from daemonset_course.timeline.timeline import Timeline, build


@dataclass(frozen=True)
class Spot:
    """One node at one moment: the label's value (None: no such label), and whether it has a pod."""

    node: str
    value: str | None
    pod: bool


@dataclass(frozen=True)
class FleetMap:
    """The workers at the beginning and at the end of a recording, in the order of their names."""

    before: tuple[Spot, ...]
    after: tuple[Spot, ...]

    @property
    def relabelled(self) -> tuple[str, ...]:
        """Nodes whose value changed."""
        pairs = zip(self.before, self.after, strict=True)
        return tuple(old.node for old, new in pairs if old.value != new.value)


def fleet_map(log: Sequence[Mapping[str, Any]], key: str) -> tuple[FleetMap, Timeline]:
    """The map of a recording for the label ``key``, and the recording's timeline."""
    timeline, spans = build(log), label_spans(log, key)
    names = [name for name in timeline.nodes if name and "control-plane" not in name]

    def at(t: float) -> tuple[Spot, ...]:
        running = {s.node for s in timeline.segments if s.start <= t <= s.end}
        return tuple(
            Spot(
                name,
                next((s.value for s in reversed(spans.get(name, [])) if s.start <= t), None),
                name in running,
            )
            for name in names
        )

    return FleetMap(at(timeline.start), at(timeline.end)), timeline


def map_caption(found: FleetMap, timeline: Timeline, key: str) -> str:
    """How many nodes had a pod before and after, and what became of the relabelled ones."""
    told = f"{_pods(found.before)} before, {_pods(found.after)} after."
    pairs = zip(found.before, found.after, strict=True)
    for old, new in [(o, n) for o, n in pairs if o.value != n.value][:6]:
        fate = {
            (True, False): "its pod went",
            (False, True): "a pod came",
            (True, True): "its pod stayed",
            (False, False): "no pod before or after",
        }[old.pod, new.pod]
        where = lane_name(timeline, old.node)
        told += f" {where}: {_changed(key, old.value, new.value)}, {fate}."
    return told


def map_headline(found: FleetMap, key: str) -> str:
    """The finding in a few words."""
    went = sum(o.pod and not n.pod for o, n in zip(found.before, found.after, strict=True))
    came = sum(n.pod and not o.pod for o, n in zip(found.before, found.after, strict=True))
    changed = f"{nodes(len(found.relabelled))} got another {key}"
    return f"{changed}: {went} lost the pod, {came} got one"


def _pods(spots: Sequence[Spot]) -> str:
    return f"{sum(spot.pod for spot in spots)} of {len(spots)} workers with a pod"


def _changed(key: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{key}={new} was added"
    return f"{key}={old} was removed" if new is None else f"{key}={old} became {new}"
