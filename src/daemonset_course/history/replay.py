"""Replay a log change by change: derive the segments of Pods, and update every count.

The work for a change does not depend on the size of the cluster: each node has its own counters,
and a change updates the counters of one node. The exception is a change of the DaemonSet's template
or ``minReadySeconds``: it updates every node and Pod once.
"""

from __future__ import annotations

import heapq
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from math import inf
from operator import add, attrgetter, itemgetter, sub
from typing import Any, NamedTuple

from daemonset_course.history import podstate
from daemonset_course.history.budgets import budgets
from daemonset_course.history.counters import COUNTS, NodeCounters, Pod, placement_part
from daemonset_course.history.daemonset_status import Status, status_of
from daemonset_course.history.log import Change, Object
from daemonset_course.history.spans import NodeState, Scene, Segment, Span, StepsBuilder, Template
from daemonset_course.placement import should_run

LINES = (*COUNTS[:-1], "budget", "surge_budget", "desired", "ready")
_BY_TIME = attrgetter("start", "pod", "end")


class _FirstPod(NamedTuple):
    """The first Pod of a template generation; ``initial``: it existed when the recording began."""

    revision: str
    seen: float
    initial: bool


class Replay:
    """The state of one DaemonSet, its Pods and the nodes at one time of the recording."""

    def __init__(self, daemonset: str, began: str) -> None:
        """Start empty. ``began`` is the wall-clock time (RFC 3339) of the recording's start."""
        self.pods: dict[str, Pod] = {}
        self.pod_nodes: dict[str, str] = {}
        self.counters: defaultdict[str, NodeCounters] = defaultdict(NodeCounters)
        # By node, of Pods that are gone.
        self._past_segments: defaultdict[str, list[Segment]] = defaultdict(list)
        self._past_waits: dict[str, list[Span]] = {}  # by uid, of Pods that are gone
        self._node_words: defaultdict[str, list[tuple[float, tuple[str, ...]]]] = defaultdict(list)
        self.revisions: dict[str, float] = {}  # see Timeline.revisions for their order
        self.templates: list[Template] = []
        self.status: list[tuple[float, Status]] = []
        self.moves: list[float] = []  # when a Pod came, went, or changed its phase
        self.lines = {name: StepsBuilder() for name in LINES}
        self._daemonset, self._began = daemonset, began
        self._owner: Object | None = None
        self.target = ""  # the newest template's revision; empty until a Pod shows it
        self._by_generation: dict[str, _FirstPod] = {}
        self._by_template: dict[str, str] = {}
        self._totals = [0] * len(COUNTS)
        self._due: list[tuple[float, str]] = []

    def change(self, change: Change) -> None:
        """Apply one change of a Pod, a node or the DaemonSet; other changes are ignored."""
        if change.resource == "pods":
            self._change_pod(change)
        elif change.resource == "nodes":
            self._change_node(change.t, change.object, gone=change.gone)
        elif change.resource == "daemonsets" and change.name == self._daemonset:
            new = None if change.gone else change.object
            self._change_daemonset(change.t, new, initial=change.via == "start")

    def set_unknown(self, start: float, end: float) -> None:
        """Make the phase of every Pod unknown from ``start`` to ``end``, a gap of the watch."""
        for pod in self.pods.values():
            state = pod.state
            pod.set_state(start, state._replace(phase="unknown", reason=""))
            pod.set_state(end, state)

    def set_nodes_unknown(self, start: float, end: float) -> None:
        """Make the state of every node unknown from ``start`` to ``end``, a gap of the watch."""
        for name, node in self.counters.items():
            if name and (node.object is not None or name in self._node_words):
                words = podstate.node_words(node.object)
                self._note_node(start, name, (podstate.NODE_UNKNOWN,))
                self._note_node(end, name, words)

    def advance(self, t: float) -> None:
        """Advance to ``t``: Pods whose ``minReadySeconds`` end by then become available."""
        while self._due and self._due[0][0] <= t:
            due, uid = heapq.heappop(self._due)
            pod = self.pods.get(uid)
            if pod and not pod.available and self._available_at(pod) == due:
                self._mark_available(pod, due)
                self.record(due)

    def record(self, t: float) -> None:
        """Record the counts as of ``t``."""
        *counts, wanted = self._totals
        desired = ready = None
        if self._owner is not None:
            desired, _, ready, *_ = self.status[-1][1]
        numbers = (*counts, *budgets(self._owner, desired or wanted), desired, ready)
        for line, number in zip(self.lines.values(), numbers, strict=True):
            line.add(t, number)

    def rows(self, end: float, since: float = 0.0) -> dict[str, list[Segment]]:
        """Return the segments up to ``end`` by node, each list by time.

        Of a Pod that was gone at ``since`` there is none, so that the work does not grow with the
        number of Pods before it.
        """
        rows = {node: _since(past, since) for node, past in self._past_segments.items()}
        for pod in self.pods.values():
            for segment in pod.segments_until(end, last=True):
                if segment.end >= since:
                    rows.setdefault(segment.node, []).append(segment)
        for row in rows.values():
            if any(later.start < one.end for one, later in pairwise(row)):
                row.sort(key=_BY_TIME)
        return rows

    def waits(self, end: float, pods: Iterable[str]) -> dict[str, tuple[Span, ...]]:
        """Return by uid the stretches in which one of these Pods was ready and not available."""
        found = {}
        for uid in pods:
            pod = self.pods.get(uid)
            if spans := pod.waits_until(end) if pod else self._past_waits.get(uid):
                found[uid] = tuple(spans)
        return found

    def node_states(self, end: float, since: float = 0.0) -> dict[str, tuple[NodeState, ...]]:
        """Return by node the stretches in which something kept Pods off it or from running."""
        found = {}
        for name, every in self._node_words.items():
            first = max(0, bisect_right(every, since, key=itemgetter(0)) - 1) if since else 0
            words = every[first:]
            ends = [*(t for t, _ in words[1:]), end]
            pairs = zip(words, ends, strict=True)
            if states := tuple(NodeState(t, until, now) for (t, now), until in pairs if now):
                found[name] = states
        return found

    def templates_until(self, scene: Scene) -> tuple[Template, ...]:
        """Return the templates; the last one ends with ``scene`` unless it ended before."""
        if not self.templates or scene.t >= self.templates[-1].end:
            return tuple(self.templates)
        *others, last = self.templates
        return (*others, replace(last, end=scene.t, scene=scene))

    def scene(self, t: float) -> Scene:
        """Return the current objects; the current time is ``t``."""
        nodes = {
            name: node.object for name, node in self.counters.items() if node.object is not None
        }
        pods: dict[str, list[Object]] = {}
        for pod in self.pods.values():
            pods.setdefault(pod.state.node, []).append(pod.object)
        wanted = frozenset(name for name, node in self.counters.items() if node.wanted)
        done = frozenset(name for name, node in self.counters.items() if node.done)
        return Scene(t, self._owner, nodes, pods, wanted, done)

    # Pods

    def _change_pod(self, change: Change) -> None:
        t, obj, initial = change.t, change.object, change.via == "start"
        uid = str(obj["metadata"]["uid"])
        pod = self.pods.get(uid)
        if change.gone:
            if pod:
                self._remove_pod(pod, t)
            return
        if pod is None and not podstate.is_owned(obj, self._daemonset):
            return
        state = podstate.state_of(obj)
        if pod is None:
            pod = self.pods[uid] = Pod(uid, str(obj["metadata"]["name"]), state, t)
            if change.type == "ADDED":
                self._learn_revision(t, obj, state.revision, initial=initial)
            rank = float(podstate.template_generation(obj) or 0) if initial else inf
            self.revisions[state.revision] = min(rank, self.revisions.get(state.revision, inf))
        else:
            self._count_pod(pod, -1)
        if pod.state != state or pod.since == t:
            self.moves.append(t)
        pod.set_state(t, state)
        pod.object = obj
        self.pod_nodes[uid] = state.node
        self._time_readiness(pod, t, podstate.ready_age(obj, self._began) if initial else 0.0)
        self._count_pod(pod, +1)
        pod.note_wait(t)

    def _learn_revision(self, t: float, obj: Object, revision: str, *, initial: bool) -> None:
        """Learn from a Pod the revision of the template that it was created from.

        Only Pods whose first change is ADDED count: an adopted orphan (MODIFIED) may carry the
        generation of another template. A Pod may arrive before its template (two watches).
        """
        generation = podstate.template_generation(obj)
        if generation:
            self._by_generation.setdefault(generation, _FirstPod(revision, t, initial))
        if self._owner is None or self.target:
            return
        new = revision not in self.revisions
        if generation == _generation(self._owner) if generation else new:
            self._set_target(revision)

    def _time_readiness(self, pod: Pod, t: float, age: float) -> None:
        if pod.state.phase != "ready":
            pod.ready_since = None
        elif pod.ready_since is None:
            pod.ready_since = t - age
        available_at = self._available_at(pod)
        pod.available = available_at is not None and available_at <= t
        if available_at is not None and available_at > t:
            heapq.heappush(self._due, (available_at, pod.uid))

    def _available_at(self, pod: Pod) -> float | None:
        """Return when the Pod becomes or became available: Ready for ``minReadySeconds``.

        Source: ``IsPodAvailable``, ``pkg/api/v1/pod``, as called in
        ``pkg/controller/daemon/update.go``.
        """
        if pod.ready_since is None:
            return None
        return pod.ready_since + _min_ready(self._owner)

    def _mark_available(self, pod: Pod, t: float) -> None:
        self._count_pod(pod, -1)
        pod.available = True
        self._count_pod(pod, +1)
        pod.note_wait(t)

    def _count_pod(self, pod: Pod, sign: int) -> None:
        """Add the Pod to its node's counters (+1), or subtract it from them (-1)."""
        node = self.counters[pod.state.node]
        node.pods += sign
        node.live += sign * (pod.state.phase != "terminating")
        node.available += sign * pod.available
        node.updated += sign * (pod.available and pod.state.revision == self.target)
        self._recount(node)

    def _recount(self, node: NodeCounters) -> None:
        """Update the totals from a node's counters."""
        before, node.contributed = node.contributed, node.contributions()
        if node.contributed != before:
            changes = map(sub, node.contributed, before)
            self._totals = [*map(add, self._totals, changes)]

    def _remove_pod(self, pod: Pod, t: float) -> None:
        self._count_pod(pod, -1)
        self.moves.append(t)
        del self.pods[pod.uid]
        if waits := pod.waits_until(t):
            self._past_waits[pod.uid] = waits
        for segment in pod.segments_until(t):
            self._past_segments[segment.node].append(segment)

    # Nodes and the DaemonSet

    def _change_node(self, t: float, obj: Object, *, gone: bool) -> None:
        node = self.counters[str(obj["metadata"]["name"])]
        moved = node.object is None or placement_part(node.object) != placement_part(obj)
        node.object = None if gone else obj
        self._note_node(t, str(obj["metadata"]["name"]), podstate.node_words(node.object))
        if gone or moved:
            node.wanted = self._wants(node)
        self._recount(node)

    def _note_node(self, t: float, name: str, words: tuple[str, ...]) -> None:
        known = self._node_words.get(name)
        if (known[-1][1] if known else ()) != words:
            self._node_words[name].append((t, words))

    def _wants(self, node: NodeCounters) -> bool:
        if node.object is None or self._owner is None:
            return False
        return should_run(node.object, self._owner["spec"]["template"]).run

    def _change_daemonset(self, t: float, new: Object | None, *, initial: bool) -> None:
        old = self._owner
        changed = _template(old) != _template(new)
        if changed and self.templates and t < self.templates[-1].end:  # while the old one exists
            self.templates[-1] = replace(self.templates[-1], end=t, scene=self.scene(t))
        self._owner = new
        if not initial and (old is None or new is None):
            # These generations belong to another DaemonSet of the same name.
            kept = {} if new is None else self._by_generation
            self._by_generation = {g: first for g, first in kept.items() if not first.initial}
        if changed:
            self._retarget(t, created=old is None, initial=initial)
        if _min_ready(old) != _min_ready(new):
            for pod in self.pods.values():
                self._count_pod(pod, -1)
                self._time_readiness(pod, t, 0.0)
                self._count_pod(pod, +1)
                pod.note_wait(t)
        self._note_status(t)

    def _retarget(self, t: float, *, created: bool, initial: bool) -> None:
        for node in self.counters.values():
            node.wanted = self._wants(node)
            self._recount(node)
        revision = ""
        if self._owner is not None:
            first = self._by_generation.get(_generation(self._owner))
            revision = (
                first.revision if first else self._by_template.get(_template_key(self._owner), "")
            )
            if not initial:
                number = int(self._owner["metadata"].get("generation", 0))
                since = min(t, first.seen) if first else t
                self.templates.append(Template(t, number, "", since, created))
        self._set_target(revision)

    def _set_target(self, revision: str) -> None:
        """Count the Pods of ``revision`` as updated from now on."""
        for pod in self.pods.values():
            hit = (pod.state.revision == revision) - (pod.state.revision == self.target)
            node = self.counters[pod.state.node]
            node.updated += hit * pod.available
            self._recount(node)
        self.target = revision
        if self._owner is None or not revision:
            return
        self._by_template[_template_key(self._owner)] = revision
        if self.templates:
            self.templates[-1] = replace(self.templates[-1], revision=revision)

    def _note_status(self, t: float) -> None:
        if self._owner is None:
            return
        numbers = status_of(self._owner)
        if not self.status or self.status[-1][1] != numbers:
            self.status.append((t, numbers))
        seen = int((self._owner.get("status") or {}).get("observedGeneration") or 0)
        done = numbers.desired == numbers.updated == numbers.available
        if seen >= self._owner["metadata"]["generation"] and done:
            # The controller counts ``minReadySeconds`` from a time rounded down to whole seconds.
            for pod in self.pods.values():
                if pod.ready_since is not None and not pod.available:
                    self._mark_available(pod, t)


def _since(past: list[Segment], since: float) -> list[Segment]:
    """Return the segments that end at ``since`` or later; those of a Pod follow one another.

    Pods stand in the order in which they went: the search ends at the first that had gone before.
    """
    if not since:
        return [*past]
    found: list[Segment] = []
    pod = ""
    for one in reversed(past):
        if one.end < since and one.pod != pod:
            break
        pod = one.pod
        if one.end >= since:
            found.append(one)
    return found[::-1]


def _template(owner: Object | None) -> Any:
    return None if owner is None else owner["spec"].get("template")


def _template_key(owner: Object) -> str:
    return json.dumps(_template(owner), sort_keys=True)


def _min_ready(owner: Object | None) -> int:
    return 0 if owner is None else int(owner["spec"].get("minReadySeconds") or 0)


def _generation(owner: Object) -> str:
    notes = owner["metadata"].get("annotations") or {}
    return str(notes.get("deprecated.daemonset.template.generation", ""))
