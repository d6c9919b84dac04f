"""From the event log to what happened: each pod's phases, the counts, the budget, the marks.

Pure: takes plain dicts, needs no cluster. The plot, its caption, the live view and the checks all
read the same Timeline, so that a picture cannot disagree with a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.timeline.beginning import FirstLists
from daemonset_course.timeline.creation import Refusal, refusal
from daemonset_course.timeline.lanes import missing
from daemonset_course.timeline.marks import TEMPLATE_CHANGED, Marker
from daemonset_course.timeline.outages import Outage, Outages
from daemonset_course.timeline.podstate import Object
from daemonset_course.timeline.replay import Replay
from daemonset_course.timeline.revisions import Numbers, template_text
from daemonset_course.timeline.spans import (
    Gap,
    Mark,
    Phase,
    Segment,
    Steps,
    Template,
    natural,
    union,
)

__all__ = ["Gap", "Mark", "Phase", "Segment", "Steps", "Template", "Timeline", "build", "natural"]

FORMAT = 1
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"

# What each count is made of: during a gap in one of these it is unknown.
_MADE_OF = {
    "scope": ("pods", "nodes", "daemonsets"),
    "unavailable": ("pods", "nodes", "daemonsets"),
    "updated": ("pods", "nodes", "daemonsets"),
    "behind": ("pods", "nodes", "daemonsets"),
    "surge": ("pods", "nodes"),
    "budget": ("daemonsets",),
    "surge_budget": ("daemonsets",),
    "desired": ("daemonsets",),
}


@dataclass(frozen=True)
class Timeline:
    """What happened to one DaemonSet; times in seconds since the recording began.

    Attributes:
        header: the log's first line (namespace, daemonset, cluster, backend, date …).
        start: when all first lists had arrived: before that, nothing is known.
        end: when it ended, or the last thing seen if it broke off.
        nodes: the lanes: control plane first, then in natural order (worker2 before worker10);
            an empty name, last, stands for pods that are bound to no node.
        segments: by lane, then by time; the segments of one pod are contiguous.
        marks: by time.
        gaps: stretches in which a watch was blind.
        outages: stretches in which a component of the control plane did not run, by time.
        revisions: ``controller-revision-hash`` values: those that were there when the recording
            began by the lowest template generation of their pods, then the others as they appeared.
        templates: one for each template that the DaemonSet got during the recording.
        status: (time, [desired, current, ready, updated, available, unavailable, misscheduled])
            as the DaemonSet's status said it, whenever it changed. It can lag the truth.
        scope: nodes in scope: they exist, and a pod is there or should be.
        unavailable: nodes in scope without an available pod.
        updated: nodes with an available pod of the newest template.
        behind: nodes in scope that the newest template has not wholly reached: no available pod
            of it, or another pod beside it.
        surge: pods beyond one a node, terminating ones not counted.
        budget: how many nodes may be unavailable; None for OnDelete and without a DaemonSet.
        surge_budget: the same for ``surge``.
        desired: the status' ``desiredNumberScheduled``.
        numbers: for each of ``revisions``, and others that exist, the revision number that
            ``kubectl rollout history`` gives over time; empty if the log does not tell.
        refusals: the FailedCreate Events about the DaemonSet, by the time at which they were seen.
        missing: the nodes that should run a pod at the end and have none.
    """

    header: Mapping[str, Any]
    start: float
    end: float
    nodes: tuple[str, ...]
    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]
    gaps: tuple[Gap, ...]
    revisions: tuple[str, ...]
    templates: tuple[Template, ...]
    status: tuple[tuple[float, tuple[int, ...]], ...]
    scope: Steps
    unavailable: Steps
    updated: Steps
    behind: Steps
    surge: Steps
    budget: Steps
    surge_budget: Steps
    desired: Steps
    outages: tuple[Outage, ...] = ()
    numbers: Mapping[str, Steps] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    missing: tuple[str, ...] = ()


def build(log: Iterable[Mapping[str, Any]]) -> Timeline:
    """The timeline of a log, given as its records in order; the work is linear in their number.

    Raises:
        BadInput: the log has no header, or is of a format that this version does not know.
    """
    records = iter(log)
    reader = _Reader(_checked_header(next(records, None)))
    for record in records:
        reader.read(record)
    return reader.timeline()


class _Reader:
    """Feeds records to the replay and the marker, and knows which of them are news."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._header = header
        name = str(header["daemonset"])
        self._replay = Replay(name, str(header.get("date", "")))
        self._marker = Marker(name, self._replay.pod_nodes)
        self._marks: list[Mark] = []
        self._gaps: list[Gap] = []
        self._outages = Outages()
        self._refusals: list[Refusal] = []
        self._named = {"metadata": {"name": name}}
        self._control: set[str] = set()
        self._node_names: dict[str, None] = {}
        self._relisted: dict[str, float] = {}  # resource -> end of the gap its relist follows
        self._lists = FirstLists()
        self._numbers = Numbers(name)
        self._now = 0.0

    def read(self, record: Mapping[str, Any]) -> None:
        t = float(record["t"])
        self._replay.advance(t)
        match record["record"]:
            case "change":
                self._change(record)
            case "gap":
                self._gap(record)
            case "component":
                self._outages.see(t, str(record["component"]), str(record["state"]))
            case "mark":
                self._marks.append(Mark(t, str(record["text"]), "note"))
        self._now = max(self._now, t)

    def _change(self, change: Mapping[str, Any]) -> None:
        t, resource = float(change["t"]), change["resource"]
        if change["via"] != "list":
            self._relisted.pop(resource, None)
        initial = self._lists.see(change)
        # What a relist finds had happened by the end of the gap, not when its lines arrived.
        since = self._relisted.get(resource, t)
        self._replay.change(since, change, initial=initial)
        self._replay.record(t)
        self._marks += self._marker.see(t, change, initial=initial)
        if resource == "controllerrevisions":
            self._numbers.see(since, change, initial=initial)
        if resource == "nodes":
            self._name_lane(change["object"])
        elif resource == "events" and not initial and change["type"] != "DELETED":
            self._refuse(since, change["object"])

    def _name_lane(self, node: Object) -> None:
        name = str(node["metadata"]["name"])
        self._node_names.setdefault(name)
        if _CONTROL_PLANE in (node["metadata"].get("labels") or {}):
            self._control.add(name)

    def _refuse(self, t: float, event: Object) -> None:
        if (found := refusal(event, self._named)) is not None:
            self._refusals.append(found._replace(at=t))

    def _gap(self, record: Mapping[str, Any]) -> None:
        gap = Gap(
            record["resource"], float(record["start"]), float(record["end"]), record["reason"]
        )
        self._gaps.append(gap)
        self._lists.see(record)
        self._relisted[gap.resource] = gap.end
        if gap.resource == "pods":
            self._replay.blind(gap.start, gap.end)

    def timeline(self) -> Timeline:
        replay = self._replay
        replay.finish(self._now)
        names = {*self._node_names, *(segment.node for segment in replay.segments)}
        nodes = tuple(sorted(names, key=self._lane_order))
        row = {name: i for i, name in enumerate(nodes)}
        numbers = self._numbers.close(self._now)
        segments = sorted(replay.segments, key=lambda s: (row[s.node], s.start, s.pod, s.end))
        return Timeline(
            header=self._header,
            start=self._lists.arrived,
            end=self._now,
            nodes=nodes,
            segments=tuple(segments),
            marks=tuple(sorted(self._told(numbers), key=lambda mark: mark.t)),
            gaps=tuple(self._gaps),
            outages=self._outages.all(),
            revisions=tuple(sorted(replay.revisions, key=lambda name: replay.revisions[name])),
            templates=tuple(replay.templates),
            status=tuple(replay.status),
            numbers=numbers,
            refusals=tuple(self._refusals),
            missing=missing(replay.lanes),
            **dict(self._lines()),
        )

    def _told(self, numbers: Mapping[str, Steps]) -> Iterator[Mark]:
        """The marks; those of new templates with the revision numbers, which come later."""
        for mark in self._marks:
            got = [one for one in self._replay.templates if one.t <= mark.t]
            if mark.text == TEMPLATE_CHANGED and mark.kind == "action" and got:
                yield replace(mark, text=template_text(got[-1], numbers))
            else:
                yield mark

    def _lines(self) -> Iterator[tuple[str, Steps]]:
        for name, builder in self._replay.lines.items():
            blind = [(g.start, g.end) for g in self._gaps if g.resource in _MADE_OF[name]]
            # Until every first list has arrived, the counts mix what is known with what isn't yet.
            yield name, builder.close(self._now, union([*blind, (0.0, self._lists.arrived)]))

    def _lane_order(self, name: str) -> tuple[bool, bool, tuple[tuple[int, str], ...]]:
        return name == "", name not in self._control, natural(name)


def _checked_header(header: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if header is None or header.get("record") != "header":
        raise BadInput(
            "This is not an event log of the course.",
            seen="no header line" if header is None else f"it begins with {str(header)[:80]}",
            next_step="Give a log that record() wrote: its first line is the header.",
        )
    if header.get("format") != FORMAT:
        raise BadInput(
            "This event log has a format that this version of the course does not read.",
            seen=f"format {header.get('format')}; known: {FORMAT}",
            next_step="Update the course, or record again.",
        )
    return header
