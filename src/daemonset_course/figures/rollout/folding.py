"""Find the lanes of a timeline on which nothing happens; those of a group share a row. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from daemonset_course.history.numbering import number_text, renumbered
from daemonset_course.history.timeline import COUNTED, Timeline

FEWEST = 3  # lanes of a group: with fewer, a row for all would save less than two lanes


@dataclass(frozen=True)
class Fold:
    """Nodes whose lanes look the same throughout, and what they show: "no Pod, none wanted"."""

    nodes: tuple[str, ...]
    words: str


def folds(timeline: Timeline, *, keep: Collection[str] = ()) -> list[Fold]:
    """Return the groups of at least ``FEWEST`` nodes on which nothing happens in the recording.

    Either one Pod has the same phase and revision throughout, or there is no Pod and none was
    wanted. A node with a mark or a state of its own is in no group, nor is one of ``keep``: names
    of nodes, in full or as written at the lanes. Where a watch was interrupted there are no groups.
    """
    if any(gap.resource in COUNTED for gap in timeline.gaps):
        return []
    apart = {mark.node for mark in timeline.marks} | timeline.node_states.keys() | {"", *keep}
    scenes = [timeline.scene, *(template.scene for template in timeline.templates)]
    wanted = frozenset().union(*(scene.wanted for scene in scenes))
    numbers = {revision: _number(timeline, revision) for revision in timeline.revisions}
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for node in timeline.nodes:
        if not apart.isdisjoint((node, timeline.lane(node))):
            continue
        words = _words(timeline, node, numbers) if timeline.by_node[node] else "no Pod, none wanted"
        if words and (timeline.by_node[node] or node not in wanted):
            groups[words].append(node)
    return [Fold(tuple(some), words) for words, some in groups.items() if len(some) >= FEWEST]


def _words(timeline: Timeline, node: str, numbers: Mapping[str, str]) -> str:
    """Return what a lane shows throughout; empty if that changes."""
    first, *others = timeline.by_node[node]
    throughout = first.start <= timeline.start and first.end >= timeline.end
    if others or not throughout or first.phase == "unknown" or timeline.waits.get(first.pod):
        return ""
    reason = f" ({first.reason})" if first.reason else ""
    return f"{numbers[first.revision]}, {first.phase}{reason} throughout"


def _number(timeline: Timeline, revision: str) -> str:
    word = "revision" if timeline.numbers else "template"
    later = "".join(f" → {number}" for _, number in renumbered(timeline, revision))
    return f"{word} {number_text(timeline, revision, timeline.start)}{later}"
