"""What a timeline says about each rollout: how long, in which order, how many nodes down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from daemonset_course.history.failed_creates import newest_message
from daemonset_course.history.spans import SKEW, Segment, Steps, Template, excess, union
from daemonset_course.history.timeline import COUNTED, Timeline


@dataclass(frozen=True)
class Rollout:
    """One template's way to the nodes; times in seconds since the recording began.

    Attributes:
        revision: the ``controller-revision-hash`` of its pods; empty if none was seen.
        start: when the template changed (or, for the first one, the DaemonSet was created).
        end: when every node in scope had an available pod of this revision and no other pod;
            None if that did not happen before the next template, the DaemonSet's deletion or the
            end of the recording. Nodes that have all left the scope are no end.
        stop: ``end``, or what came instead of it.
        created: whether this is the first rollout of a DaemonSet created in the recording. The
            budget doesn't bound it: it bounds replacing pods, not the first ones.
        max_unavailable: most nodes without an available pod at one time; None if unknown.
        max_surge: most pods beyond one a node at one time; None if unknown.
        budget: how many nodes might be unavailable, at ``start``; None: OnDelete.
        last_budget: the same at ``stop``: it can be changed while the rollout runs.
        surge_budget: the same for ``max_surge``.
        order: nodes in the order in which their new pods were created.
        updated: nodes with an available new pod at ``stop``; None if unknown.
        nodes: nodes in scope at ``stop``; None if unknown.
        over_budget: the longest stretch in seconds above the budget. Moments are the
            controller's own (it acts on its cache, seen at 100 nodes): judge long stretches.
        watched: whether no watch of Pods, nodes or DaemonSets was interrupted meanwhile; else
            the largest numbers are the largest that were seen, and so is the order.
        exact: whether ``end`` was seen to come; else it came while nobody watched, by ``end``.
        measure: works out ``overlap``.
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
    measure: Callable[[], dict[str, float]] = field(default=dict, repr=False, compare=False)

    @cached_property
    def overlap(self) -> dict[str, float]:
        """For each node that had both: seconds with a ready old Pod and a ready new Pod together.

        Negative: for how long there was neither. Worked out when asked for: it looks at every Pod.
        """
        return self.measure()

    @property
    def duration(self) -> float | None:
        """Seconds from the change to the end; None if the end was not reached."""
        return None if self.end is None else self.end - self.start


def rollouts(timeline: Timeline) -> tuple[Rollout, ...]:
    """One rollout for each template that the DaemonSet got during the recording, by time."""
    lives = list(timeline.by_pod.values())
    return tuple(_rollout(timeline, template, lives) for template in timeline.templates)


def under_way(timeline: Timeline) -> list[tuple[float, float]]:
    """Each (from, until) in which a template replaces another: only then does a budget bind.

    A first start is none, and neither are nodes that join, or labels and taints that change.
    """
    spans = [(one.start, one.stop) for one in rollouts(timeline) if not one.created]
    if begun_before(timeline):
        spans.append((timeline.start, unfinished(timeline)))
    return union(spans)


def begun_before(timeline: Timeline) -> bool:
    """Whether a rollout was under way when the recording began.

    Then the status counts fewer updated nodes than desired ones, and old pods are there. Nodes
    that lack their pod make the status count fewer, too, but the other pods are alike then.
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
    """When the rollout that was under way at the start was complete, or what came instead."""
    stop = min([one.t for one in timeline.templates], default=timeline.end)
    end = _end(timeline, timeline.start, stop)
    return stop if end is None else end


def creation_error(timeline: Timeline, start: float, stop: float, missing: tuple[str, ...]) -> str:
    """The newest FailedCreate message that explains, at ``stop``, why a pod was not created.

    What was refused before the template of ``start`` came, or before the last pod was created,
    explains nothing any more.
    """
    if not missing and not timeline.surge_budget.at(stop):
        return ""
    born = (life[0].start for life in timeline.by_pod.values())
    since = max([start, *(t for t in born if t <= stop)])
    return newest_message((each for each in timeline.failed_creates if each.at <= stop), since)


# A pod's life: its segments by time, contiguous.
_Life = list[Segment]


def _rollout(timeline: Timeline, template: Template, lives: list[_Life]) -> Rollout:
    start, revision = template.t, template.revision
    end = _end(timeline, start, template.end)
    stop = template.end if end is None else end
    # Pods and DaemonSets come by two watches: a pod may arrive before the template it is made of.
    new = [
        life
        for life in lives
        if life[0].revision == revision != "" and template.since <= life[0].start <= stop
    ]
    interrupted = [(gap.start, gap.end) for gap in timeline.gaps if gap.resource in COUNTED]
    new.sort(key=lambda life: (life[0].start, life[0].node))
    return Rollout(
        revision=revision,
        start=start,
        end=end,
        stop=stop,
        created=template.created,
        max_unavailable=timeline.unavailable.max(start, stop),
        watched=not any(a < stop and b > start for a, b in interrupted),
        exact=not any(a < stop <= b for a, b in interrupted),
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
    """When the template was everywhere in scope. An empty scope counts if it never was another."""
    behind, scope = timeline.behind, timeline.scope
    bare = not scope.max(start, stop)
    for a, b, value in behind.stretches(start, stop):
        # At `stop` itself the line already speaks of the next template.
        if value == 0 and (a < stop or stop == behind.times[-1]):
            for t, _, nodes in scope.stretches(a, b):
                if (nodes or bare) and (t == a or t < b):
                    return t
    return None


def _until(line: Steps, stop: float, *, ended: bool) -> int | None:
    """The value at ``stop``; just before it when another template took over there."""
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
    # Two watches: an old pod may be seen to leave a moment before the template that ends it.
    for life in lives:
        rows, node = after if life[0].pod in fresh else old, life[-1].node
        if node in rows:
            rows[node] += [s for s in life if s.end >= start - SKEW and s.start <= stop]
    found = {node: _overlap(old[node], after[node]) for node in old if old[node]}
    return {node: seconds for node, seconds in found.items() if seconds is not None}


def _overlap(old: _Life, new: _Life) -> float | None:
    """Seconds with both ready (or, negative, with neither); None when it can't be known."""
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
