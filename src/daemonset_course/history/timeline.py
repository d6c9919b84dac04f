"""Derive a timeline from the event log: the phases of Pods, the counts, the budget, the marks.

Pure: it reads records and needs no cluster. Plot, caption, live view and checks read the same
Timeline, so a picture cannot contradict a verdict.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, groupby, takewhile
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import Status
from daemonset_course.history.failed_creates import FailedCreate, failed_create
from daemonset_course.history.log import Change, Component, Entry, Gap, Header, Mark, Object
from daemonset_course.history.marks import TEMPLATE_CHANGED, Marker, Warned
from daemonset_course.history.numbering import Numbers, template_text
from daemonset_course.history.outages import Outage, Outages
from daemonset_course.history.replay import Replay
from daemonset_course.history.spans import (
    SKEW,
    NodeState,
    Scene,
    Segment,
    Span,
    Steps,
    Template,
)
from daemonset_course.history.text import natural_key, short_name

T = TypeVar("T")
LEAD = 2.0  # seconds before the last template that a recent timeline begins
LONGEST = 600.0  # seconds that it lasts at most
MOVES, FEWEST_MOVES = 12, 600  # changes of Pods in it at most: for each node, and of few nodes

# The resources that a count depends on. Within a gap of one of them it is unknown.
COUNTED = ("pods", "nodes", "daemonsets")
_MADE_OF = {
    **dict.fromkeys(("scope", "unavailable", "updated", "behind"), COUNTED),
    "surge": ("pods", "nodes"),
    **dict.fromkeys(("budget", "surge_budget", "desired", "ready"), ("daemonsets",)),
}


@dataclass(frozen=True)
class Timeline:
    """What happened to one DaemonSet; times in seconds since the recording began.

    Attributes:
        header: the log's first line (namespace, daemonset, cluster, backend, date …).
        start: when all first lists had arrived; before it nothing is known.
        end: when the recording ended; of an incomplete log, the time of the last record.
        nodes: the lanes: control plane first, then in natural order (worker2 before worker10);
            the last name may be empty: the lane of Pods without a node.
        segments: by lane, then by time; the segments of one pod are contiguous.
        marks: by time.
        gaps: stretches in which a watch was interrupted.
        outages: stretches in which a component of the control plane did not run, by time.
        revisions: ``controller-revision-hash`` values: first those that existed at the start, by
            the lowest template generation of their Pods, then the others by appearance.
        templates: one for each template that the DaemonSet got during the recording.
        status: (time, [desired, current, ready, updated, available, unavailable, misscheduled])
            at each change of the DaemonSet's status. The status can be out of date.
        scope: nodes in scope: they exist, and have a Pod or should have one.
        unavailable: nodes in scope without an available pod.
        updated: nodes with an available pod of the newest template.
        behind: nodes in scope where the rollout is not complete: without an available Pod of
            the newest template, or with another Pod.
        surge: extra Pods, beyond one for each node, without terminating ones.
        budget: how many nodes may be unavailable; None for OnDelete and without a DaemonSet.
        surge_budget: the same for ``surge``.
        desired: the status' ``desiredNumberScheduled``.
        ready: the status' ``numberReady``.
        numbers: for each of ``revisions``, and others that exist, the revision number that
            ``kubectl rollout history`` shows, over time; empty without ControllerRevisions.
        failed_creates: the FailedCreate Events about the DaemonSet, by the time of their receipt.
        scene: the objects at the end, in their last versions.
        waits: by the uid of a Pod, the stretches in which it was ready and not yet available
            (``minReadySeconds``).
        node_states: by node, the stretches in which something kept Pods off it or from running, or
            in which nothing was known of it.
        newest: the revision of the DaemonSet's template at the end; empty if unknown.
        unseen: the resources whose state at the end is unknown.
        warnings: the Events of type Warning about the DaemonSet and its Pods, the last one first.
        since: what ended before it is left out; 0 if nothing is.
    """

    header: Header
    start: float
    end: float
    nodes: tuple[str, ...]
    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]
    gaps: tuple[Gap, ...]
    revisions: tuple[str, ...]
    templates: tuple[Template, ...]
    status: tuple[tuple[float, Status], ...]
    scope: Steps
    unavailable: Steps
    updated: Steps
    behind: Steps
    surge: Steps
    budget: Steps
    surge_budget: Steps
    desired: Steps
    ready: Steps
    outages: tuple[Outage, ...] = ()
    numbers: Mapping[str, Steps] = field(default_factory=dict)
    failed_creates: tuple[FailedCreate, ...] = ()
    scene: Scene = field(default=Scene(), repr=False, compare=False)
    waits: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    node_states: Mapping[str, tuple[NodeState, ...]] = field(default_factory=dict)
    newest: str = ""
    unseen: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()
    since: float = 0.0

    @cached_property
    def by_node(self) -> Mapping[str, list[Segment]]:
        """The segments of each lane, by time."""
        found: dict[str, list[Segment]] = {node: [] for node in self.nodes}
        for segment in self.segments:
            found[segment.node].append(segment)
        return found

    @cached_property
    def by_pod(self) -> Mapping[str, list[Segment]]:
        """The segments of each Pod, by time and contiguous."""
        found: defaultdict[str, list[Segment]] = defaultdict(list)
        for pod, segments in groupby(self.segments, attrgetter("pod")):
            found[pod].extend(segments)
        for life in found.values():
            if life[0].start > life[-1].start:  # bound later: the lane without a node is the last
                life.sort(key=attrgetter("start"))
        return found

    def lane(self, node: str) -> str:
        """Return the node's name without the cluster's prefix; "no node" for an empty name."""
        return short_name(node, self.header.cluster)


def _late(items: Sequence[T], since: float, time: Callable[[T], float]) -> list[T]:
    """Return the items since then; they stand in the order of their receipt, nearly by time."""
    found = list(takewhile(lambda one: time(one) >= since - SKEW, reversed(items)))
    return [one for one in reversed(found) if time(one) >= since]


class TimelineReader:
    """Reads a log record by record, and returns the timeline so far at any time.

    Reading a record takes the same time however many came before. ``records`` counts them.
    """

    def __init__(self, header: Header) -> None:
        """Create a reader for the DaemonSet that ``header`` names."""
        self.records = 0
        self._header = header
        self._replay = Replay(header.daemonset, header.date)
        self._marker = Marker(header.daemonset, self._replay.pod_nodes)
        self._numbers = Numbers(header.daemonset)
        self._outages = Outages()
        self._marks: list[Mark] = []
        self._failed_creates: list[FailedCreate] = []
        self._control: set[str] = set()
        self._names: set[str] = set()  # of lanes
        self._lanes: tuple[str, ...] = ()  # the same in order; empty: not sorted yet
        self._start = 0.0

    def read(self, t: float, record: Entry) -> None:
        """Read the next record, received at ``t``; a change as ``History.changes`` has it."""
        self.records += 1
        self._replay.advance(t)
        match record:
            case Change() if self._is_elsewhere(record.object):
                pass
            case Change():
                self._change(t, record)
            case Gap():
                self._gap(record)
            case Component():
                self._outages.read(record)
            case Mark():
                self._marks.append(record)

    def _is_elsewhere(self, item: Object) -> bool:
        """Whether the object is in another namespace; a Node is in none."""
        home = self._header.namespace
        return bool(item["metadata"].get("namespace", home) != home)

    def _change(self, t: float, change: Change) -> None:
        resource, initial = change.resource, change.via == "start"
        self._replay.change(change)
        self._replay.record(t)
        if initial and resource != "events":
            # Counts are incomplete until every first list has arrived.
            self._start = max(self._start, t)
            for line in self._replay.lines.values():
                line.set_unknown(0.0, self._start)
        self._marks += self._marker.read(t, change)
        match resource:
            case "controllerrevisions":
                self._numbers.read(change)
            case "nodes":
                self._name_lane(change.object)
            case "events" if not initial and not change.gone:
                self._add_failed_create(change.t, change.object)

    def _name_lane(self, node: Object) -> None:
        name = str(node["metadata"]["name"])
        if name not in self._names:
            self._names.add(name)
            self._lanes = ()
        if podstate.is_control_plane(node):
            self._control.add(name)

    def _add_failed_create(self, t: float, event: Object) -> None:
        about = {"metadata": {"name": self._header.daemonset}}
        if (found := failed_create(event, about)) is not None:
            self._failed_creates.append(found._replace(at=t))

    def _gap(self, gap: Gap) -> None:
        for name, resources in _MADE_OF.items():
            if gap.resource in resources:
                self._replay.lines[name].set_unknown(gap.start, gap.end)
        if gap.resource == "pods":
            self._replay.set_unknown(gap.start, gap.end)
        if gap.resource == "nodes":
            self._replay.set_nodes_unknown(gap.start, gap.end)

    def recent(self, end: float) -> float:
        """Return the time from which on there is one rollout, the last one, and ``LEAD`` before.

        It is later if more than ``LONGEST`` seconds or so many changes of Pods have passed since
        that a picture of them all is of no use.
        """
        replay = self._replay
        most = max(FEWEST_MOVES, MOVES * len(self._names))
        template = replay.templates[-1].since if replay.templates else self._start
        move = replay.moves[-most] if len(replay.moves) > most else 0.0
        since = max(template - LEAD, end - LONGEST, move)
        return since if since > self._start else 0.0

    def timeline(
        self, end: float, gaps: tuple[Gap, ...], unseen: tuple[str, ...], since: float = 0.0
    ) -> Timeline:
        """Return the timeline up to ``end``, the time of the last record or later.

        What ended before ``since`` is left out: the work does not grow with what was before.
        """
        replay = self._replay
        replay.advance(end)
        rows, numbers = replay.rows(end, since), self._numbers.steps(end)
        scene = replay.scene(end)
        templates = replay.templates_until(scene)
        if since:
            templates = tuple(one for one in templates[:-1] if one.t >= since) + templates[-1:]
            gaps = tuple(gap for gap in gaps if gap.end >= since)
        first = max(0, bisect_right(replay.status, since, key=itemgetter(0)) - 1) if since else 0
        pods = {segment.pod for row in rows.values() for segment in row}
        if not self._lanes or not rows.keys() <= self._names:
            self._names |= rows.keys()
            self._lanes = tuple(sorted(self._names, key=self._lane_order))
        return Timeline(
            header=self._header,
            start=self._start,
            end=end,
            nodes=self._lanes,
            segments=tuple(chain.from_iterable(rows.get(name, ()) for name in self._lanes)),
            marks=tuple(sorted(self._named(templates, numbers, since), key=lambda mark: mark.t)),
            gaps=gaps,
            outages=tuple(
                one for one in self._outages.all() if one.end is None or one.end >= since
            ),
            revisions=tuple(sorted(replay.revisions, key=lambda name: replay.revisions[name])),
            templates=templates,
            status=tuple(replay.status[first:]),
            numbers=numbers,
            failed_creates=tuple(_late(self._failed_creates, since, lambda one: one.at)),
            scene=scene,
            waits=replay.waits(end, pods),
            node_states=replay.node_states(end, since),
            newest=replay.target,
            unseen=unseen,
            warnings=self._marker.warnings(since),
            since=since,
            **{name: line.steps(end, since) for name, line in replay.lines.items()},
        )

    def _named(
        self, templates: Sequence[Template], numbers: Mapping[str, Steps], since: float
    ) -> Iterator[Mark]:
        """Yield the marks; those of new templates with revision numbers, which arrive later."""
        for mark in _late(self._marks, since, lambda mark: mark.t):
            if mark.text == TEMPLATE_CHANGED and mark.kind == "action":
                got = [one for one in templates if one.t <= mark.t]
                mark = replace(mark, text=template_text(got[-1], numbers)) if got else mark
            yield mark

    def _lane_order(self, name: str) -> tuple[Any, ...]:
        return name == "", name not in self._control, natural_key(name)
