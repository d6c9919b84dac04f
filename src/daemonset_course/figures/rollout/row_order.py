"""Sort many nodes by what the recording is about: who is updated, who loses its Pod. Pure."""

from __future__ import annotations

from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline


def sorted_nodes(timeline: Timeline) -> list[str]:
    """Return the nodes in the order in which the last rollout's Pods began, then the others.

    Others, and all without a rollout: by the end of their last Pod's serving, then by its start.
    """
    found = rollouts(timeline)
    order = found[-1].order if found else ()
    there = set(order)
    rest = [node for node in timeline.nodes if node not in there]
    return [*order, *sorted(rest, key=lambda node: _served(timeline, node))]


def order_words(timeline: Timeline) -> str:
    """Return how ``sorted_nodes`` sorts them: ``by start of their new Pod``."""
    if rollouts(timeline):
        return "by start of their new Pod"
    if any(_served(timeline, node)[0] < timeline.end for node in timeline.nodes):
        return "by end of their last Pod"
    return "by start of their Pod"


def _served(timeline: Timeline, node: str) -> tuple[float, float]:
    ready = [one for one in timeline.by_node[node] if one.phase == "ready"]
    last = max((one.end for one in ready), default=timeline.end)
    return last, min((one.start for one in ready), default=timeline.end)
