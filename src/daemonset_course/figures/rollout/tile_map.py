"""The data of the tile map beside the replay: what each node has at a moment. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemonset_course.history.text import natural_key

if TYPE_CHECKING:
    from daemonset_course.figures.rollout.chart import Chart, ChartSet, NodeLane

FEWEST = 13  # nodes: of fewer, the lanes themselves are the map


@dataclass(frozen=True, slots=True)
class NodeTile:
    """What a node has at a moment.

    Attributes:
        node: its written name.
        lane: the number of its lane, from 0; nodes that share a lane have the same.
        number: of its Pod's revision; empty without a Pod.
        colour: the number of the revision's colour.
        ready: whether the Pod is ready, and available.
    """

    node: str
    lane: int
    number: str = ""
    colour: int = 0
    ready: bool = False


def has_tiles(charts: ChartSet) -> bool:
    """Whether a map helps: there is one chart, of ``FEWEST`` nodes or more."""
    return len(charts.charts) == 1 and len(list(_places(charts.charts[0]))) >= FEWEST


def tiles_at(chart: Chart, t: float) -> list[NodeTile]:
    """Return a tile for each node, by name: worker2 before worker10."""
    lanes = [_tile(lane, t, chart.end) for lane in chart.lanes]
    found = []
    for name, i in _places(chart):
        number, colour, ready = lanes[i]
        found.append(NodeTile(name, i, number, colour, ready))
    return found


def newest_colour(chart: Chart) -> int:
    """Return the colour of the Pod that was created last."""
    first: dict[str, tuple[float, int]] = {}
    for bar in (bar for lane in chart.lanes for bar in lane.bars):
        first[bar.pod] = min((bar.start, bar.colour), first.get(bar.pod, (bar.start, bar.colour)))
    return max(first.values(), default=(0.0, 0))[1]


def counts_of(tiles: Sequence[NodeTile], word: str) -> list[tuple[NodeTile, int, str]]:
    """Return (one of them, how many, words) for each state that nodes are in."""
    ready = Counter((tile.colour, tile.number) for tile in tiles if tile.ready)
    found = [
        (NodeTile("", 0, number, colour, ready=True), count, f"{word} {number}")
        for (colour, number), count in sorted(ready.items())
    ]
    without = sum(not tile.number for tile in tiles)
    others = len(tiles) - without - sum(ready.values())
    if others:
        found.append((NodeTile("", 0, "…"), others, "Pod not available"))
    if without:
        found.append((NodeTile("", 0), without, "no Pod"))
    return found


def _places(chart: Chart) -> Iterator[tuple[str, int]]:
    """Yield each node's written name with the number of its lane, by name."""
    names = [
        (name, i) for i, lane in enumerate(chart.lanes) if lane.node or lane.folded
        for name in lane.folded or (lane.name,)
    ]  # fmt: skip
    yield from sorted(names, key=lambda place: natural_key(place[0]))


def _tile(lane: NodeLane, t: float, end: float) -> tuple[str, int, bool]:
    there = [bar for bar in lane.bars if bar.start <= t < bar.end or t == bar.end == end]
    there.sort(key=lambda bar: (bar.pod, bar.start))
    ready = [bar for bar in there if bar.phase == "ready"]
    if not there:
        return "", 0, False
    bar = ready[0] if ready else there[-1]
    return bar.number, bar.colour, bool(ready)
