"""The pauses that are written into a timeline: back-off, and the wait for a lease. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from daemonset_course.history.spans import Segment, overlap
from daemonset_course.history.text import seconds
from daemonset_course.history.timeline import Timeline

_CONTROLLER = "kube-controller-manager"
_CRASHES = "CrashLoopBackOff"
_LEAST = 1.0  # seconds: a shorter wait after a start is no finding
_BETWEEN = " · "


def pauses_of(timeline: Timeline, node: str) -> dict[Segment, str]:
    """Return the length of each back-off on a node, by the segment that shows it.

    A failed Pod's is the controller's, from its creation to that of the next Pod; that of a Pod in
    CrashLoopBackOff is the kubelet's. The last one is left out: its end was not recorded.
    """
    return dict([*_failed(timeline, node), *_crashed(timeline, node)])


def pause_notes(timeline: Timeline) -> tuple[str, ...]:
    """Return a sentence for each sequence of pauses: 1.0 s · 2.0 s · 4.0 s."""
    found: dict[str, list[str]] = {}
    for node in timeline.nodes:
        failed = [words for _, words in _failed(timeline, node)]
        if len(failed) > 1:
            said = f"after a failed Pod the next one is created after {_BETWEEN.join(failed)}"
            found.setdefault(said, []).append(timeline.lane(node))
        crashed = _crashed(timeline, node)
        for _, same in groupby(crashed, key=lambda each: each[0].pod):
            if len(waits := [words for _, words in same]) > 1:
                said = f"before a restart the kubelet waits {_BETWEEN.join(waits)}"
                found.setdefault(said, []).append(timeline.lane(node))
    return tuple(f"{', '.join(nodes)}: {said}" for said, nodes in found.items())


def waits_to_act(
    timeline: Timeline, nodes: Sequence[str]
) -> Iterator[tuple[float, float, str, int]]:
    """Yield (from, until, words, lane) from a controller's start to its first Pod, if it waited.

    With leader election it waits for the lease. It is no wait if no node lacked a Pod.
    """
    lives = [life[0] for life in timeline.by_pod.values()]
    unseen = [(gap.start, gap.end) for gap in timeline.gaps if gap.resource == "pods"]
    for outage in timeline.outages:
        if outage.component != _CONTROLLER or outage.end is None:
            continue
        since = outage.end
        later = [life for life in lives if life.start > since and life.node in nodes]
        first = min(later, key=lambda life: life.start, default=None)
        if first is None or not timeline.unavailable.at(since):
            continue
        if first.start - since > _LEAST and not overlap([(since, first.start)], unseen):
            words = f"{seconds(first.start - since)} until its first Pod"
            yield since, first.start, words, nodes.index(first.node)


def _failed(timeline: Timeline, node: str) -> list[tuple[Segment, str]]:
    births: dict[str, float] = {}
    failures: dict[str, Segment] = {}
    for one in timeline.by_node[node]:
        births[one.pod] = min(one.start, births.get(one.pod, one.start))
        if one.phase == "failed":
            failures.setdefault(one.pod, one)
    ordered = sorted(births, key=lambda pod: births[pod])
    pairs = [(a, b) for a, b in pairwise(ordered) if a in failures]
    return [
        (failures[a], seconds(births[b] - births[a]))
        for a, b in pairs
        if births[a] > timeline.start and _seen(timeline, births[a], births[b])
    ]


def _crashed(timeline: Timeline, node: str) -> list[tuple[Segment, str]]:
    segments = timeline.by_node[node]
    return [
        (one, seconds(one.end - one.start))
        for one in segments
        if one.reason.endswith(_CRASHES)
        and timeline.start < one.start
        and any(later.pod == one.pod and later.start >= one.end for later in segments)
        and _seen(timeline, one.start, one.end)
    ]


def _seen(timeline: Timeline, start: float, end: float) -> bool:
    return not any(
        gap.resource == "pods" and gap.start <= end and start <= gap.end for gap in timeline.gaps
    )
