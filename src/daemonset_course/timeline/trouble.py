"""Nodes that fail: their taints over time, and what became of the pods there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.placement.tolerations import taint_name, taints_of
from daemonset_course.timeline import podstate
from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.caption import lane_name, nodes, seconds
from daemonset_course.timeline.lanes import Pod, State
from daemonset_course.timeline.podstate import Object
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.timeline import build

Record = Mapping[str, Any]


@dataclass(frozen=True)
class TaintSpan:
    """A stretch in which a node had a taint; times in seconds since the recording began."""

    name: str
    effect: str
    start: float
    end: float


@dataclass(frozen=True)
class Trouble:
    """One node of a recording.

    Attributes:
        node: its short name.
        taints: by time.
        pods: by the label ``app``, the lives of the pods bound to the node.
        evictions: by the label ``app``, when the node's kubelet evicted a pod.
    """

    node: str
    taints: tuple[TaintSpan, ...]
    pods: Mapping[str, tuple[Segment, ...]]
    evictions: Mapping[str, tuple[float, ...]]

    @property
    def evicting(self) -> TaintSpan | None:
        """The first taint that evicts."""
        return next((one for one in self.taints if one.effect == "NoExecute"), None)

    def told_to_stop(self, app: str) -> float | None:
        """Seconds from the evicting taint until a pod of ``app`` was told to stop; None: never."""
        taint = self.evicting
        begins = [s.start for s in self.pods[app] if s.phase == "terminating"]
        if taint is None or not begins:
            return None
        return max(0.0, begins[0] - taint.start)


def trouble(log: Sequence[Record], nodes: Iterable[str], apps: Sequence[str]) -> list[Trouble]:
    """What a recording tells of these nodes, and of the pods with these labels ``app``."""
    timeline = build(log)
    return [
        Trouble(
            lane_name(timeline, node),
            _taints(log, node, timeline.end),
            {app: _lives(log, node, app, timeline.end) for app in apps},
            {app: _evictions(log, node, app) for app in apps},
        )
        for node in nodes
    ]


def trouble_headline(found: Sequence[Trouble]) -> str:
    """The finding: whose pods were told to stop, and whose stayed."""
    apps = found[0].pods if found else {}
    if evicted := [app for app in apps if any(one.evictions[app] for one in found)]:
        rest = [app for app in apps if app not in evicted]
        spared = f", and spared {' and '.join(rest)}" if rest else ""
        return f"The kubelet evicted Pods of {' and '.join(evicted)}{spared}"
    told = []
    for app in apps:
        out = sum(one.told_to_stop(app) is not None for one in found)
        some = f"{out} of {len(found)} Pods of {app} were"
        told.append(
            {0: f"the Pods of {app} stayed", len(found): f"the Pods of {app} were told to go"}.get(
                out, f"{some} told to go"
            )
        )
    return f"{nodes(len(found))} failed: {', '.join(told)}"


def trouble_caption(found: Sequence[Trouble]) -> str:
    """For each node what evicts, a taint or its kubelet, and what each pod did."""
    return " ".join(_evicted(one) if any(one.evictions.values()) else _told(one) for one in found)


def _evicted(one: Trouble) -> str:
    """What the kubelet did, under the node's first taint."""
    since = one.taints[0].start if one.taints else 0.0
    under = f"{one.taints[0].name} from {seconds(since)} on, " if one.taints else ""
    parts = [
        f"{app} first evicted {seconds(times[0] - since)} later" if times else f"{app} never"
        for app, times in one.evictions.items()
    ]
    return f"{one.node}: {under}{', '.join(parts)}."


def _told(one: Trouble) -> str:
    taint = one.evicting
    if taint is None:
        return f"{one.node}: no taint that evicts."
    parts = []
    for app in one.pods:
        after = one.told_to_stop(app)
        stop = "stayed" if after is None else f"told to stop {seconds(after)} later"
        parts.append(f"{app} {stop}")
    return f"{one.node}: {taint.name} from {seconds(taint.start)} on, {', '.join(parts)}."


def _taints(log: Sequence[Record], node: str, end: float) -> tuple[TaintSpan, ...]:
    since: dict[tuple[str, str], float] = {}
    first = begun(log)
    spans = []
    for record in _changes(log, "nodes"):
        obj = record["object"]
        if obj["metadata"]["name"] != node:
            continue
        t = float(record["t"])
        gone = record["type"] == "DELETED"
        there = {(taint_name(one), str(one["effect"])) for one in ([] if gone else taints_of(obj))}
        for key in [key for key in since if key not in there]:
            spans.append(TaintSpan(*key, since.pop(key), t))
        for key in there:
            since.setdefault(key, 0.0 if t <= first else t)
    spans += [TaintSpan(*key, start, end) for key, start in since.items()]
    return tuple(sorted(spans, key=lambda one: (one.start, one.name)))


def _lives(log: Sequence[Record], node: str, app: str, end: float) -> tuple[Segment, ...]:
    pods: dict[str, Pod] = {}
    done: list[Segment] = []
    first = begun(log)
    for record in _pods(log, node, app):
        obj, t = record["object"], float(record["t"])
        _follow(pods, done, obj, t, gone=record["type"] == "DELETED", listed=t <= first)
    for pod in pods.values():
        pod.close(end)
        done += pod.segments
    return tuple(sorted(done, key=lambda one: (one.start, one.pod)))


def _evictions(log: Sequence[Record], node: str, app: str) -> tuple[float, ...]:
    """When pods of ``app`` were first seen with the condition that their kubelet ended them."""
    seen: dict[str, float] = {}
    for record in _pods(log, node, app):
        obj = record["object"]
        if podstate.condition(obj, "DisruptionTarget").get("reason") == "TerminationByKubelet":
            seen.setdefault(str(obj["metadata"]["uid"]), float(record["t"]))
    return tuple(seen.values())


def _follow(
    pods: dict[str, Pod], done: list[Segment], obj: Object, t: float, *, gone: bool, listed: bool
) -> None:
    uid = str(obj["metadata"]["uid"])
    if gone:
        pod = pods.pop(uid, None)
        if pod:
            pod.cut(t)
            done.extend(pod.segments)
        return
    state = State(podstate.node_of(obj), podstate.revision_of(obj), *podstate.phase_of(obj))
    if uid in pods:
        pods[uid].turn(t, state)
    else:
        pods[uid] = Pod(uid, str(obj["metadata"]["name"]), state, 0.0 if listed else t)


def _changes(log: Sequence[Record], resource: str) -> list[Record]:
    return [one for one in log if one["record"] == "change" and one["resource"] == resource]


def _pods(log: Sequence[Record], node: str, app: str) -> Iterator[Record]:
    """The changes of the node's pods with this label ``app``."""
    for record in _changes(log, "pods"):
        obj = record["object"]
        mine = (obj["metadata"].get("labels") or {}).get("app") == app
        if mine and podstate.node_of(obj) == node:
            yield record
