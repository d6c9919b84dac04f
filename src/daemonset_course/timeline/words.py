"""Names, numbers and seconds as all captions write them. Pure."""

from __future__ import annotations

from daemonset_course.timeline.timeline import Timeline


def lane_name(timeline: Timeline, node: str) -> str:
    """The node's name without the cluster's prefix; "no node" for pods that are bound to none."""
    return node.removeprefix(f"{timeline.header.get('cluster', '')}-") or "no node"


def seconds(value: float) -> str:
    """Seconds as told to people: 0.25 s, 18.2 s."""
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def nodes(count: int | None) -> str:
    """A number of nodes in words."""
    if count is None:
        return "an unknown number of nodes"
    return "1 node" if count == 1 else f"{count} nodes"
