"""Summarize a recording in which no template changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daemonset_course.history.rollouts import begun_before, unfinished
from daemonset_course.history.spans import Segment
from daemonset_course.history.text import counted, nodes, seconds
from daemonset_course.history.timeline import Timeline

_NAMED = 3  # up to so many nodes are named, more are counted
_NO_POD = "no Pod created or deleted"
_REASONS = 3  # reasons in a summary


def summary(timeline: Timeline) -> str:
    """Return what happened to nodes and Pods, and how many nodes had no available Pod."""
    absent = _absent(timeline)
    events = _events(timeline) or ([] if absent else [_NO_POD])
    parts = filter(None, [", ".join(events), absent or _progress(timeline)])
    return f"In {seconds(timeline.end - timeline.start)}: {'; '.join(parts)}"


def short_summary(timeline: Timeline) -> str:
    """Return the same in a few words, for a headline."""
    if begun_before(timeline):
        text = _progress(timeline)
    else:
        text = ", ".join(_events(timeline)[:2]) or _absent(timeline) or _progress(timeline)
    return text[:1].upper() + text[1:]


def _events(timeline: Timeline) -> list[str]:
    lives = timeline.by_pod.values()
    new = [life for life in lives if life[0].start > timeline.start]
    gone = [life for life in lives if life[-1].end < timeline.end]
    events = [*_nodes_that(timeline, "added"), *_nodes_that(timeline, "deleted")]
    for found, what in ((new, "created"), (gone, "deleted")):
        if found:
            events.append(f"{counted(len(found), 'Pod')} {what} on {_places(timeline, found)}")
    held = Counter(r for life in lives for r in {s.reason for s in life} if r)
    if held and not new and not gone:
        events.append(_NO_POD)
    return [
        *events,
        *(f"{reason}: {counted(n, 'Pod')}" for reason, n in held.most_common(_REASONS)),
    ]


def _nodes_that(timeline: Timeline, what: str) -> Iterator[str]:
    names = [mark.node for mark in timeline.marks if mark.text == f"node {what}"]
    if names:
        listed = f" ({', '.join(map(timeline.lane, names))})" if len(names) <= _NAMED else ""
        yield f"{nodes(len(names))} {what}{listed}"


def _places(timeline: Timeline, lives: list[list[Segment]]) -> str:
    there = dict.fromkeys(life[-1].node for life in lives)
    return ", ".join(map(timeline.lane, there)) if len(there) <= _NAMED else nodes(len(there))


def _progress(timeline: Timeline) -> str:
    """Return the progress of a rollout that began before; else how many nodes had no Pod."""
    if not begun_before(timeline):
        return _lacking(timeline)
    stop = unfinished(timeline)
    first, last = (timeline.updated.at(t) for t in (timeline.start, stop))
    most, budget = timeline.unavailable.max(timeline.start, stop), timeline.budget.at(stop)
    bound = "no budget: OnDelete" if budget is None else f"budget {budget}"
    went = f"went on from {_text(first)} to" if first != last else "stood at"
    return (
        f"a rollout from before {went} {_text(last)} of {nodes(timeline.scope.at(stop))} updated, "
        f"at most {_text(most)} unavailable ({bound})"
    )


def _absent(timeline: Timeline) -> str:
    """Return that no DaemonSet of this name existed; empty if one did, or if it is unknown."""
    interrupted = any(gap.resource == "daemonsets" for gap in timeline.gaps)
    if timeline.status or timeline.segments or interrupted:
        return ""
    name, namespace = timeline.header.daemonset, timeline.header.namespace
    return f"no DaemonSet {name} was seen in namespace {namespace}"


def _lacking(timeline: Timeline) -> str:
    first, last = (timeline.unavailable.at(t) for t in (timeline.start, timeline.end))
    most = timeline.unavailable.max()
    if most is None:
        return "unknown how many nodes were without an available Pod"
    if first == last == most and None not in timeline.unavailable.values[1:]:
        few = "none" if not most else f"{most}"
        return f"{few} of {nodes(timeline.scope.at(timeline.end))} without an available Pod"
    of_first, of_last = (timeline.scope.at(t) for t in (timeline.start, timeline.end))
    return (
        f"nodes without an available Pod: {_text(first)} of {_text(of_first)} at first, "
        f"at most {most}, {_text(last)} of {_text(of_last)} at the end"
    )


def _text(number: int | None) -> str:
    return "an unknown number" if number is None else str(number)
