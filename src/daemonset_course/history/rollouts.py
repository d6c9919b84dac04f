"""Describe each rollout of a timeline: duration, order of nodes, unavailable nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from daemonset_course.history.failed_creates import newest_message
from daemonset_course.history.log import SUSPENDED
from daemonset_course.history.spans import SKEW, Segment, Steps, Template, excess, union
from daemonset_course.history.timeline import COUNTED, Timeline


@dataclass(frozen=True)
class Rollout:
    """The rollout of one template; times in seconds since the recording began.

    Attributes:
        revision: the ``controller-revision-hash`` of its pods; empty if it has none.
        start: when the template changed (or, for the first one, the DaemonSet was created).
        end: when every node in scope had an available Pod of this revision and no other Pod;
            None if that did not happen before the next template, the DaemonSet's deletion or the
            end of the recording. It is not the end if all nodes have left the scope.
        stop: ``end``, or the time of the event that came before it.
        created: whether this is the first rollout of a DaemonSet created in the recording. The
            budget does not apply to it: the budget limits the replacement of Pods.
        max_unavailable: the most nodes without an available Pod at one time; None if unknown.
        max_surge: the most extra Pods (beyond one for each node) at one time; None if unknown.
        budget: how many nodes could be unavailable at ``start``; None: OnDelete.
        last_budget: the same at ``stop``: a user can change it while the rollout runs.
        surge_budget: the same for ``max_surge``.
        order: nodes in the order in which their new pods were created.
        updated: nodes with an available new pod at ``stop``; None if unknown.
        nodes: nodes in scope at ``stop``; None if unknown.
        over_budget: the longest stretch in seconds above the budget. Short ones are normal,
            because the controller acts on its cache (observed with 100 nodes).
        watched: whether no watch of Pods, nodes or DaemonSets was interrupted meanwhile. If one
            was, the maxima and the order cover only the watched time.
        exact: whether ``end`` is exact; else the rollout ended in a gap, by ``end``. What a
            suspended recorder received right after it ran again may have happened before.
        suspended: seconds between ``start`` and ``stop`` in which the recorder did not run.
        measure: computes ``overlap``.
    """

    revision: str
    start: float
    end: float | None
    stop: float
    created: bool
    max_unavailable: int | None
    max_surge: int | None
    budget: int | None
    last_budget: int | None
    surge_budget: int | None
    order: tuple[str, ...]
    updated: int | None
    nodes: int | None
    over_budget: float
    watched: bool = True
    exact: bool = True
    suspended: float = 0.0
    measure: Callable[[], dict[str, float]] = field(default=dict, repr=False, compare=False)

    @cached_property
    def overlap(self) -> dict[str, float]:
        """Seconds with both a ready old Pod and a ready new Pod, for each node that had both.

        Negative: seconds with neither. Computed at first use, because it reads every Pod.
        """
        return self.measure()

    @property
    def duration(self) -> float | None:
        """Seconds from the change to the end; None if the end was not reached.

        Without the time in which the recorder was suspended, because mostly the whole machine was
        then. If the rollout ended about that time: the longest that it can have taken.
        """
        if self.end is None:
            return None
        return self.end - self.start - (self.suspended if self.exact else 0.0)


def rollouts(timeline: Timeline) -> tuple[Rollout, ...]:
    """Return one rollout for each template that the DaemonSet got in the recording, by time."""
    lives = list(timeline.by_pod.values())
    return tuple(_rollout(timeline, template, lives) for template in timeline.templates)


def under_way(timeline: Timeline) -> list[tuple[float, float]]:
    """Return each (start, end) in which a template replaces another: then the budget applies.

    The first rollout of a new DaemonSet does not count. Neither do nodes that join, or changes of
    labels and taints.
    """
    spans = [(one.start, one.stop) for one in rollouts(timeline) if not one.created]
    if begun_before(timeline):
        spans.append((timeline.start, unfinished(timeline)))
    return union(spans)


def begun_before(timeline: Timeline) -> bool:
    """Whether a rollout was under way when the recording began.

    Then the status counts fewer updated nodes than desired ones, and old Pods exist. Nodes without
    a Pod also make the status count fewer, but then all other Pods have one revision.
    """
    if not timeline.status or timeline.status[0][0] > timeline.start:
        return False
    desired, _, _, counted, *_ = timeline.status[0][1]
    nodes, updated = (line.at(timeline.start) or 0 for line in (timeline.scope, timeline.updated))
    there = {one.revision for one in timeline.segments if one.start <= timeline.start}
    if len(there) > 1:
        return counted < desired and updated < nodes
    return len(there) == 1 and desired > 0 and counted == updated == 0


def unfinished(timeline: Timeline) -> float:
    """Return when the rollout that began before the recording ended, or was stopped."""
    stop = min([one.t for one in timeline.templates], default=timeline.end)
    end = _end(timeline, timeline.start, stop)
    return stop if end is None else end


def creation_error(timeline: Timeline, start: float, stop: float, missing: tuple[str, ...]) -> str:
    """Return the newest FailedCreate message that explains why, at ``stop``, a Pod is missing.

    Failures before the template of ``start``, or before the creation of the last Pod, do not count.
    """
    if not missing and not timeline.surge_budget.at(stop):
        return ""
    born = (life[0].start for life in timeline.by_pod.values())
    since = max([start, *(t for t in born if t <= stop)])
    return newest_message((each for each in timeline.failed_creates if each.at <= stop), since)


# The segments of one Pod, by time and contiguous.
_Life = list[Segment]


def _rollout(timeline: Timeline, template: Template, lives: list[_Life]) -> Rollout:
    start, revision = template.t, template.revision
    end = _end(timeline, start, template.end)
    stop = template.end if end is None else end
    # Pods and DaemonSets have two watches: a Pod may arrive before its template.
    new = [
        life
        for life in lives
        if life[0].revision == revision != "" and template.since <= life[0].start <= stop
    ]
    interrupted = [(gap.start, gap.end) for gap in timeline.gaps if gap.resource in COUNTED]
    asleep = union((gap.start, gap.end) for gap in timeline.gaps if gap.reason == SUSPENDED)
    inexact = [*interrupted, *((a, b + SKEW) for a, b in asleep)]
    new.sort(key=lambda life: (life[0].start, life[0].node))
    return Rollout(
        revision=revision,
        start=start,
        end=end,
        stop=stop,
        created=template.created,
        max_unavailable=timeline.unavailable.max(start, stop),
        watched=not any(a < stop and b > start for a, b in interrupted),
        exact=not any(a < stop <= b for a, b in inexact),
        suspended=sum(max(0.0, min(b, stop) - max(a, start)) for a, b in asleep),
        max_surge=timeline.surge.max(start, stop),
        budget=timeline.budget.at(start),
        last_budget=_until(timeline.budget, stop, ended=end is not None),
        surge_budget=timeline.surge_budget.at(start),
        order=tuple(dict.fromkeys(life[-1].node for life in new)),
        updated=_until(timeline.updated, stop, ended=end is not None),
        nodes=_until(timeline.scope, stop, ended=end is not None),
        measure=partial(_overlaps, new, lives, start, stop),
        over_budget=0.0 if template.created else _over_budget(timeline, start, stop),
    )


def _end(timeline: Timeline, start: float, stop: float) -> float | None:
    """Return when the rollout was complete. An empty scope counts only if it was always empty."""
    behind, scope = timeline.behind, timeline.scope
    bare = not scope.max(start, stop)
    for a, b, value in behind.stretches(start, stop):
        # At `stop` itself the value is already about the next template.
        if value == 0 and (a < stop or stop == behind.times[-1]):
            for t, _, nodes in scope.stretches(a, b):
                if (nodes or bare) and (t == a or t < b):
                    return t
    return None


def _until(line: Steps, stop: float, *, ended: bool) -> int | None:
    """Return the value at ``stop``, or just before it if another template began there."""
    if ended or stop >= line.times[-1]:
        return line.at(stop)
    before = [value for a, _, value in line.stretches(None, stop) if a < stop]
    return before[-1] if before else None


def _over_budget(timeline: Timeline, start: float, stop: float) -> float:
    most = timeline.unavailable.max(start, stop) or 0
    bounds = [bound for *_, bound in timeline.budget.stretches(start, stop) if bound is not None]
    if most <= min(bounds, default=most):
        return 0.0
    return excess(timeline.unavailable, timeline.budget).longest(0, start, stop)


def _overlaps(new: list[_Life], lives: list[_Life], start: float, stop: float) -> dict[str, float]:
    fresh = {life[0].pod for life in new}
    old: dict[str, _Life] = {life[-1].node: [] for life in new}
    after: dict[str, _Life] = {node: [] for node in old}
    # Two watches: the end of an old Pod may arrive just before the new template.
    for life in lives:
        rows, node = after if life[0].pod in fresh else old, life[-1].node
        if node in rows:
            rows[node] += [s for s in life if s.end >= start - SKEW and s.start <= stop]
    found = {node: _overlap(old[node], after[node]) for node in old if old[node]}
    return {node: seconds for node, seconds in found.items() if seconds is not None}


def _overlap(old: _Life, new: _Life) -> float | None:
    """Return seconds with both ready (negative: with neither ready); None if unknown."""
    before, after = ([s for s in life if s.phase == "ready"] for life in (old, new))
    if not before or not after:
        return None
    left, came = max(s.end for s in before), min(s.start for s in after)
    for one in (*old, *new):
        if one.phase == "unknown" and one.start <= max(left, came) and one.end >= min(left, came):
            return None
    if left <= came:
        return left - came
    return sum(max(0.0, min(a.end, b.end) - max(a.start, b.start)) for a in before for b in after)
