"""``History``: an event log with an index. Every analysis reads it. Pure.

While a watch was interrupted, every answer says that the value is unknown. Appending a record takes
the same time however long the log is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any, TypeVar

from daemonset_course.errors import BadInput
from daemonset_course.history import podstate
from daemonset_course.history.lives import Life, life
from daemonset_course.history.log import (
    Change,
    Component,
    End,
    Entry,
    Gap,
    Header,
    Mark,
    Object,
    Record,
    parse,
)
from daemonset_course.history.observed import Observed
from daemonset_course.history.outages import Outage, Outages
from daemonset_course.history.spans import UNKNOWN, Span, Stretch
from daemonset_course.history.timeline import Timeline, TimelineReader

T = TypeVar("T")
Test = Callable[[Object], bool]
_COUNTED = {"resourceVersion", "managedFields"}  # each write changes them


class History:
    """An event log with an index. Not thread-safe: use a lock with several threads.

    Attributes:
        header: what was recorded.
        records: the log as it was appended.
        gaps: the interruptions of watches, by time.
        marks: the notes, by time.
        end: when the recording ended; while it runs, the latest time that it reached.
        last: the time of the last record.
        last_change: the time of the last change of an object.
        start: when the first lists of all resources had arrived; before it nothing is known.
    """

    def __init__(self, records: Iterable[Record | Mapping[str, Any]]) -> None:
        """Index a log, given as records or as their JSON objects.

        Raises:
            BadInput: the log has no header, or a record is not of this format.
        """
        self.records: list[Record] = []
        self.gaps: list[Gap] = []
        self.marks: list[Mark] = []
        self.end = self.start = self.last = self.last_change = 0.0
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)
        self._edits: defaultdict[str, list[Change]] = defaultdict(list)
        self._versions: defaultdict[str, dict[str, list[Change]]] = defaultdict(dict)
        self._now: defaultdict[str, dict[str, Object]] = defaultdict(dict)
        self._gone: defaultdict[str, list[Object]] = defaultdict(list)
        self._first: dict[tuple[str, float], list[Object]] = {}  # see at_start
        self._seen: list[tuple[float, Entry]] = []  # (received at, entry as in ``changes``)
        self._watched: set[str] = set()  # resources whose first list is over
        self._relisted: dict[str, float] = {}  # resource -> end of the gap that its list follows
        self._timelines: dict[tuple[str, str], TimelineReader] = {}
        self._outages = Outages()
        for record in records:
            self.append(record)
        if not self.records:
            raise _no_header("no record at all")

    @property
    def header(self) -> Header:
        """What was recorded."""
        assert isinstance(self.records[0], Header)
        return self.records[0]

    @property
    def ended(self) -> bool:
        """Whether the recording has ended."""
        return isinstance(self.records[-1], End)

    def append(self, given: Record | Mapping[str, Any]) -> None:
        """Append the next record.

        Raises:
            BadInput: the first record is not a header, or the record is not of this format.
        """
        record = parse(given) if isinstance(given, Mapping) else given
        if not self.records and not isinstance(record, Header):
            raise _no_header(f"it begins with {str(given)[:80]}")
        self.records.append(record)
        if isinstance(record, Header):
            return
        t = record.t
        self.last = max(self.last, t)
        self.end = max(self.end, t)
        match record:
            case Change():
                record = self._append_change(record)
            case Gap():
                self._append_gap(record)
            case Mark():
                self.marks.append(record)
            case Component():
                self._outages.read(record)
        self._seen.append((t, record))

    def advance(self, t: float) -> None:
        """Set the end to ``t``: nothing else was recorded until then. For a running recording."""
        self.end = max(self.end, t)

    def _append_gap(self, gap: Gap) -> None:
        # A longer record of the same gap replaces the shorter one.
        same = (gap.resource, gap.start)
        self.gaps = [one for one in self.gaps if (one.resource, one.start) != same]
        self.gaps.append(gap)
        self._watched.add(gap.resource)
        self._relisted[gap.resource] = gap.end

    def _append_change(self, change: Change) -> Change:
        resource = change.resource
        self.last_change = max(self.last_change, change.t)
        if change.via == "watch":
            self._watched.add(resource)
            self._relisted.pop(resource, None)
        elif resource not in self._watched:
            change = replace(change, via="start")
            if resource != "events":
                self.start = max(self.start, change.t)
        if resource in self._relisted:
            # A change that a list after a gap shows happened at the end of the gap at the latest.
            change = replace(change, t=self._relisted[resource])
        self._changes[resource].append(change)
        before = self._now[resource].get(change.uid)
        if change.gone or before is None or _edited(before, change.object):
            self._edits[resource].append(change)
        self._versions[resource].setdefault(change.uid, []).append(change)
        if change.gone:
            self._now[resource].pop(change.uid, None)
            self._gone[resource].append(change.object)
        else:
            self._now[resource][change.uid] = change.object
        return change

    # Objects and their changes

    def changes(self, resource: str, test: Test | None = None) -> Iterator[Change]:
        """Return the changes of a resource, by time; with ``test`` only of objects that pass it.

        ``via`` is ``start`` for a change from the first list, ``list`` for one from a list after a
        gap (it happened while the watch was interrupted), else ``watch``.
        """
        return (one for one in self._changes[resource] if test is None or test(one.object))

    def edits(self, resource: str, test: Test | None = None) -> Iterator[Change]:
        """Return the ``changes`` of a resource without those of an object's status only."""
        return (one for one in self._edits[resource] if test is None or test(one.object))

    def objects(self, resource: str, *, at: float | None = None) -> list[Object]:
        """Return the objects that existed at time ``at`` (default: the end), by first appearance.

        ``is_known`` says whether their state at that time is known.
        """
        if at is None or at >= self.end:
            found = self._now[resource]
            return [found[uid] for uid in self._versions[resource] if uid in found]
        last = (self._version(versions, at) for versions in self._versions[resource].values())
        return [change.object for change in last if change is not None and not change.gone]

    def at_start(self, resource: str) -> list[Object]:
        """Return the objects of the first lists, in their versions when the last list arrived."""
        key = resource, self.start
        if key in self._first:
            return [*self._first[key]]
        versions = self._versions[resource].values()
        last = (change for each in versions for change in [*takewhile(self._is_first, each)][-1:])
        found = [change.object for change in last if not change.gone]
        if self.last > self.start:  # else more of the first lists may come
            self._first[key] = found
        return [*found]

    def deleted(self, resource: str) -> list[Object]:
        """Return the last versions of the objects that were deleted."""
        return [*self._gone[resource]]

    def find(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return the object of that name at the end; None if there is none."""
        return next(
            (one for one in self._now[resource].values() if self._is_named(one, name, namespace)),
            None,
        )

    def workers(self, *, at: float | None = None) -> list[Object]:
        """Return the nodes without the role of the control plane."""
        return [n for n in self.objects("nodes", at=at) if not podstate.is_control_plane(n)]

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The stretches in which a component of the control plane did not run, by time."""
        return self._outages.all()

    # Interrupted watches

    def is_known(self, *resources: str, at: float | None = None) -> bool:
        """Whether the state of these resources at time ``at`` (default: the end) is known."""
        t = self.end if at is None else at
        for gap in (gap for gap in self.gaps if gap.resource in resources):
            # A gap lasts until a list or an event of the watch arrives.
            open_ = self._relisted.get(gap.resource) == gap.end and gap.end >= self.end
            if gap.start <= t < gap.end or (open_ and t >= gap.start):
                return False
        return True

    def observed(self, *resources: str) -> Observed:
        """Return when these resources were watched, for a figure and a caption."""
        gaps = tuple(gap for gap in self.gaps if gap.resource in resources)
        return Observed(self.start, self.end, gaps, self.is_known(*resources))

    # Values over time

    def stretches(
        self, resource: str, value: Callable[[Object], T], test: Test | None = None
    ) -> dict[str, list[Stretch[T]]]:
        """Return the stretches of a value for each object, by uid; ``UNKNOWN`` within gaps.

        An object of the first list has its value since the recording began.
        """
        gaps = self.observed(resource).unknown
        found = {}
        for uid, versions in self._versions[resource].items():
            if test is None or any(test(one.object) for one in versions):
                found[uid] = _with_unknown(self._stretches_of(versions, value), gaps)
        return found

    def _stretches_of(
        self, versions: list[Change], value: Callable[[Object], T]
    ) -> list[Stretch[T]]:
        made: list[Stretch[T]] = []
        for number, change in enumerate(versions):
            end = versions[number + 1].t if number + 1 < len(versions) else self.end
            if change.gone:
                continue
            now = value(change.object)
            if made and made[-1].value == now and made[-1].end == change.t:
                made[-1] = replace(made[-1], end=end)
            else:
                made.append(Stretch(0.0 if change.via == "start" else change.t, end, now))
        return made

    def node_stretches(
        self, value: Callable[[Object], T], test: Test | None = None
    ) -> dict[str, list[Stretch[T]]]:
        """Return the stretches of a value by node name; Nodes with one name share an entry."""
        found: dict[str, list[Stretch[T]]] = {}
        for uid, stretches in self.stretches("nodes", value, test).items():
            found.setdefault(self._versions["nodes"][uid][0].name, []).extend(stretches)
        return found

    def lives(self, test: Test) -> list[Life]:
        """Return the lives of the Pods that pass ``test``, by first appearance."""
        states = self.stretches("pods", podstate.state_of, test)
        watched = self.is_known("pods")
        pods = self._versions["pods"]
        return [life(pods[uid], found, watched=watched) for uid, found in states.items()]

    def timeline(self, daemonset: str = "", namespace: str = "") -> Timeline:
        """Return the timeline of a DaemonSet (default: the recorded one)."""
        return self._timeline(daemonset, namespace, recent=False)

    def recent(self, daemonset: str = "", namespace: str = "") -> Timeline:
        """Return the timeline of the last rollout and what came after it, up to the end.

        The work does not depend on what was recorded before; ``Timeline.since`` says how much of
        it is left out.
        """
        return self._timeline(daemonset, namespace, recent=True)

    def _timeline(self, daemonset: str, namespace: str, *, recent: bool) -> Timeline:
        key = (daemonset or self.header.daemonset, namespace or self.header.namespace)
        if key not in self._timelines:
            header = replace(self.header, daemonset=key[0], namespace=key[1])
            self._timelines[key] = TimelineReader(header)
        reader = self._timelines[key]
        for t, record in self._seen[reader.records :]:
            reader.read(t, record)
        unseen = sorted(name for name, t in self._relisted.items() if t >= self.end)
        since = reader.recent(self.end) if recent else 0.0
        return reader.timeline(self.end, tuple(self.gaps), tuple(unseen), since)

    # Details

    def _is_first(self, change: Change) -> bool:
        return change.via == "start" or change.t < self.start

    def _is_named(self, item: Object, name: str, namespace: str) -> bool:
        meta = item["metadata"]
        home = meta.get("namespace") or self.header.namespace
        return meta["name"] == name and (not namespace or home == namespace)

    @staticmethod
    def _version(versions: list[Change], t: float) -> Change | None:
        place = bisect_right(versions, t, key=lambda change: change.t)
        return versions[place - 1] if place else None


def _edited(before: Object, now: Object) -> bool:
    """Whether more than the status of an object was changed."""
    if before.keys() != now.keys():
        return True
    rest = before.keys() - {"status", "metadata"}
    if any(before[key] != now[key] for key in rest):
        return True
    old, new = before["metadata"], now["metadata"]
    return any(old.get(key) != new.get(key) for key in (old.keys() | new.keys()) - _COUNTED)


def named(name: str) -> Test:
    """Return a test: whether an object has that name."""
    return lambda item: item["metadata"]["name"] == name


def of_app(*apps: str) -> Test:
    """Return a test: whether an object has one of these values of the label ``app``."""
    return lambda item: podstate.app_of(item) in apps


def owned_by(daemonset: str) -> Test:
    """Return a test: whether a DaemonSet of that name owns the object."""
    return lambda item: podstate.is_owned(item, daemonset)


def _with_unknown(made: list[Stretch[T]], gaps: Iterable[Span]) -> list[Stretch[T]]:
    """Return the stretches with the value ``UNKNOWN`` within the gaps."""
    found: list[Stretch[T]] = []
    for one in made:
        start = one.start
        for low, high in gaps:
            a, b = max(start, low), min(one.end, high)
            if a >= b:
                continue
            if a > start:
                found.append(Stretch(start, a, one.value))
            if found and found[-1].value is UNKNOWN and found[-1].end == a:
                found[-1] = replace(found[-1], end=b)
            else:
                found.append(Stretch(a, b, UNKNOWN))
            start = b
        if start < one.end or (one.start == one.end and not found):
            found.append(Stretch(start, one.end, one.value))
    return found


def _no_header(seen: str) -> BadInput:
    return BadInput(
        "This is not an event log of the course.",
        seen=seen,
        next_step="Give a log that record() wrote: its first line is the header.",
    )
