"""Show a label's value on each node over time, and when a DaemonSet's Pods followed it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from daemonset_course.figures.pods import pod_bars, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Row, Style, Tile, Tiles
from daemonset_course.history.index import History
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import UNKNOWN, Segment, Stretch, Unknown
from daemonset_course.history.text import counted, nodes, short_name, within
from daemonset_course.history.timeline import Timeline

_SKEW = 0.2  # seconds by which the watch of Pods may be ahead of that of nodes
_COLUMNS = 10  # of tiles
_COLOURS = ("series 1", "series 3", "series 6", "series 5", "series 2")
_POD = {word: replace(s, height=s.height * 0.8) for word, s in pod_styles().items()}
_NO_LABEL = "no label"
_NAMED = 6  # a caption describes up to so many relabelled nodes

Values = Mapping[str, Sequence[Stretch[str | None]]]  # by node; None: no such label


@dataclass(frozen=True)
class LabelChanges:
    """When the Pods of a DaemonSet followed one value of a label, at each node's last change.

    Attributes:
        key: the label's key.
        value: the value that is followed.
        values: by node, the label's values over time.
        came: for each node that got the value, the seconds until its Pod was created.
        left: for each node that lost it, the seconds until its Pod's deletion was requested.
        waits: nodes that lost it and kept their Pod until the end.
        unseen: nodes that got or lost it right before a gap, so that the result is unknown.
        timeline: the timeline of the DaemonSet.
        observed: when nodes and Pods were watched.
    """

    key: str
    value: str
    values: Values
    timeline: Timeline
    observed: Observed
    came: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Key and value."""
        return f"{self.key}={self.value}"

    @property
    def headline(self) -> str:
        """The finding in a few words."""
        if self.waits:
            return f"{self.label} is gone from {nodes(len(self.waits))}, the Pod is not"
        unseen = f", {len(self.unseen)} not seen" if self.unseen else ""
        return f"Pods follow {self.label}: {len(self.came)} came, {len(self.left)} went{unseen}"

    @property
    def caption(self) -> str:
        """How many nodes got or lost the label, and how soon their Pods followed."""
        came, left, waits, unseen = map(len, (self.came, self.left, self.waits, self.unseen))
        created, stopped = (within(each.values()) for each in (self.came, self.left))
        sentences = [
            f"{nodes(came)} got {self.label}: Pod created {created}." if came else "",
            f"{nodes(left)} lost it: Pod told to stop {stopped}." if left else "",
            f"{nodes(waits)} lost it and kept the Pod." if waits else "",
            f"On {nodes(unseen)} nobody saw whether the Pod followed." if unseen else "",
        ]
        if not any(sentences):
            sentences = [f"No Pod was seen to come or go with {self.label}."]
        return self.observed.caption(*sentences)

    def figure(self) -> Lanes:
        """Return for each node a row for the label above a row for the Pod."""
        styles = {
            f"label {self.label}": Style("series 1", height=0.62, width=0.6),
            "another value": Style("background", edge="muted", height=0.62, width=0.6),
            "label unknown": Style("muted", 0.75, "xxxx", height=0.62, width=0.0),
            _NO_LABEL: Style("stripe", height=0.62, width=0.0),  # the ground: nothing but words
            **_POD,
        }
        lanes = []
        for node, segments in self.timeline.by_node.items():
            label = Row(tuple(map(self._bar, self.values.get(node, ()))))
            pods = Row(pod_bars(one for one in segments if one.start < one.end))
            if node:
                lanes.append(Lane(self.timeline.lane(node), (label, pods)))
        shape = Lanes(
            tuple(lanes), self.observed.span, styles, row=0.17, unknown=self.observed.unknown
        )  # fmt: skip
        explained = shape.used - {_NO_LABEL}
        return replace(shape, legend={w: s for w, s in styles.items() if w in explained})

    def _bar(self, one: Stretch[str | None]) -> Bar:
        if one.value is UNKNOWN:
            return Bar(one.start, one.end, "label unknown")
        if one.value is None:
            return Bar(one.start, one.end, _NO_LABEL, _NO_LABEL)
        word = f"label {self.label}" if one.value == self.value else "another value"
        return Bar(one.start, one.end, word, str(one.value))


@dataclass(frozen=True, slots=True)
class LabelledNode:
    """One node at one time: the label's value (None: no such label), and whether it has a Pod."""

    node: str
    value: str | Unknown | None
    pod: bool


@dataclass(frozen=True)
class LabelMap:
    """The workers at the beginning and at the end of a recording, by name.

    Attributes:
        key: the label's key.
        before: the workers at the beginning.
        after: the workers at the end; if the end is unknown, without values and Pods.
        cluster: the prefix of the nodes' names.
        observed: when nodes and Pods were watched.
    """

    key: str
    before: tuple[LabelledNode, ...]
    after: tuple[LabelledNode, ...]
    cluster: str
    observed: Observed

    @property
    def relabelled(self) -> list[tuple[LabelledNode, LabelledNode]]:
        """The nodes whose value changed, before and after."""
        pairs = zip(self.before, self.after, strict=True)
        return [(a, b) for a, b in pairs if b.value is not UNKNOWN and a.value != b.value]

    @property
    def headline(self) -> str:
        """The finding in a few words."""
        if not self.observed.at_end:
            return "Nobody saw where the Pods were at the end"
        pairs = list(zip(self.before, self.after, strict=True))
        went = sum(old.pod and not new.pod for old, new in pairs)
        came = sum(new.pod and not old.pod for old, new in pairs)
        changed = f"{nodes(len(self.relabelled))} got another {self.key}"
        return f"{changed}: {went} lost the Pod, {came} got one"

    @property
    def caption(self) -> str:
        """How many nodes had a Pod before and after, and what happened on the relabelled ones."""
        before, after = (
            sum(node.pod for node in labelled) for labelled in (self.before, self.after)
        )
        first = f"{before} of {counted(len(self.before), 'worker')} with a Pod before"
        if not self.observed.at_end:
            return self.observed.caption(f"{first}; unknown how many after.")
        changes = [self._sentence(*pair) for pair in self.relabelled[:_NAMED]]
        return self.observed.caption(f"{first}, {after} after.", *changes)

    def figure(self) -> tuple[Tiles, Tiles]:
        """Return one tile for each node, before and after."""
        values = sorted({_word(s) for s in (*self.before, *self.after) if s.value is not UNKNOWN})
        labels = [value for value in values if value != _NO_LABEL]
        styles = {
            value: Style(_COLOURS[i % len(_COLOURS)], 0.35, edge="background")
            for i, value in enumerate(labels)
        }
        if _NO_LABEL in values:
            styles[_NO_LABEL] = Style("faint", edge="background")
        styles["unknown"] = Style("muted", 0.75, "xxxx", edge="background")
        number = len(self.before)
        columns = max(min(_COLUMNS, number), math.ceil(math.sqrt(2 * number)), 1)
        changed = {new.node for _, new in self.relabelled}

        def tiles(labelled: tuple[LabelledNode, ...], heading: str) -> Tiles:
            tiles = tuple(self._tile(node, ring=node.node in changed) for node in labelled)
            return Tiles(tiles, columns, styles, heading, "Pod on this node", "relabelled")

        return tiles(self.before, "before"), tiles(self.after, "after")

    def _tile(self, node: LabelledNode, *, ring: bool) -> Tile:
        name = short_name(node.node, self.cluster).removeprefix("worker") or "1"
        text = "none" if node.value is None else _word(node)
        return Tile(name, text, _word(node), node.pod, ring)

    def _sentence(self, old: LabelledNode, new: LabelledNode) -> str:
        pod = {
            (True, False): "its Pod went",
            (False, True): "a Pod came",
            (True, True): "its Pod stayed",
            (False, False): "no Pod before or after",
        }[old.pod, new.pod]
        if old.value is None:
            change = f"{self.key}={new.value} was added"
        elif new.value is None:
            change = f"{self.key}={old.value} was removed"
        else:
            change = f"{self.key}={old.value} became {new.value}"
        return f"{short_name(new.node, self.cluster)}: {change}, {pod}."


def label_changes(history: History, key: str, value: str) -> LabelChanges:
    """Return how soon the recorded DaemonSet's Pods followed ``value`` of the label ``key``."""
    timeline, values = history.timeline(), label_values(history, key)
    observed = history.observed("nodes", "pods")
    found = LabelChanges(key, value, values, timeline, observed)
    for node, stretches in values.items():
        pods = timeline.by_node[node]
        for before, after in pairwise(stretches):
            t = after.start
            if UNKNOWN in (before.value, after.value) or value not in (before.value, after.value):
                continue  # another value, or the time of the change is unknown
            came = after.value == value
            at = _first(pods, t) if came else _stopping(pods, t)
            until = observed.end if at is None else at
            if not observed.covers(t, until) or (at is None and not observed.at_end):
                found.unseen.append(node)
            elif at is not None:
                (found.came if came else found.left)[node] = max(0.0, at - t)
            elif pods and not came:
                found.waits.append(node)
    return found


def label_values(history: History, key: str) -> dict[str, list[Stretch[str | None]]]:
    """Return by node the values of a label over time; None while it has no such label."""

    def read(node: Object) -> str | None:
        value = (node["metadata"].get("labels") or {}).get(key)
        return None if value is None else str(value)

    return history.node_stretches(read)


def label_map(history: History, key: str) -> LabelMap:
    """Return the workers by the label ``key``, and the DaemonSet's Pods, before and after."""
    timeline, values = history.timeline(), label_values(history, key)
    observed = history.observed("nodes", "pods")
    workers = [*history.workers(at=history.start), *history.workers()]
    named = {str(node["metadata"]["name"]) for node in workers}
    lanes = [name for name in timeline.nodes if name in named]

    def at(t: float) -> tuple[LabelledNode, ...]:
        held = {s.node for s in timeline.segments if s.start <= t <= s.end and s.phase != "unknown"}
        value = {
            name: next((s.value for s in reversed(values[name]) if s.start <= t), None)
            for name in lanes
        }
        return tuple(LabelledNode(name, value[name], name in held) for name in lanes)

    unseen = tuple(LabelledNode(name, UNKNOWN, pod=False) for name in lanes)
    after = at(history.end) if observed.at_end else unseen
    return LabelMap(key, at(history.start), after, history.header.cluster, observed)


def _first(pods: Sequence[Segment], since: float) -> float | None:
    born = {segment.pod: segment.start for segment in reversed(pods)}
    return min((t for t in born.values() if t >= since - _SKEW), default=None)


def _stopping(pods: Sequence[Segment], since: float) -> float | None:
    """Return when the Pod began to terminate; None if it did not."""
    starts = (s.start for s in pods if s.phase == "terminating" and s.start >= since - _SKEW)
    return min(starts, default=None)


def _word(node: LabelledNode) -> str:
    return "unknown" if node.value is UNKNOWN else str(node.value or _NO_LABEL)
