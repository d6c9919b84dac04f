"""The upper panel for many nodes: a raster of nodes by time, sorted by when the new pod began."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from daemonset_course.plot.lanes import draw_gaps
from daemonset_course.plot.look import Look, mix, revision_colour
from daemonset_course.timeline.facts import rollouts
from daemonset_course.timeline.spans import Phase
from daemonset_course.timeline.timeline import Timeline

_BINS = 1400  # columns: about one a pixel of the PNG
_LEAST = 2  # columns that a pod is seen in, however short it was there

# Painted in this order: where two pods share a node, the one that serves is seen.
_ORDER: tuple[Phase, ...] = ("terminating", "pending", "not ready", "ready", "unknown")


def draw_dense(ax: Axes, timeline: Timeline, look: Look, span: tuple[float, float]) -> None:
    """Draws the timeline as an image; ``span`` is the time axis' (from, until) in seconds."""
    order = sorted_nodes(timeline)
    image = raster(timeline, order, look, span)
    ax.imshow(
        image, aspect="auto", extent=(span[0], span[1], len(order) - 0.5, -0.5), zorder=0.5,
        interpolation="auto",
    )  # fmt: skip
    draw_gaps(ax, [gap for gap in timeline.gaps if gap.resource == "pods"], look, ink=look.ground)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_yticks([0, len(order) - 1], ["1", str(len(order))])
    ax.set_ylabel("nodes, by start of their new pod", color=look.ink, labelpad=2)


def sorted_nodes(timeline: Timeline) -> list[str]:
    """The nodes in the order in which the last rollout's pods began; the others after them."""
    found = rollouts(timeline)
    order = found[-1].order if found else ()
    return [*order, *(node for node in timeline.nodes if node not in set(order))]


def raster(timeline: Timeline, order: list[str], look: Look, span: tuple[float, float]) -> Any:
    """An array of colours, one row a node and one column a time bin (rows, bins, 3)."""
    image = np.empty((len(order), _BINS, 3), dtype=np.float32)
    image[:] = mix(look.ground, look.ground, 0)
    row = {node: i for i, node in enumerate(order)}
    rank = {phase: i for i, phase in enumerate(_ORDER)}
    number = {revision: i for i, revision in enumerate(timeline.revisions)}
    scale = _BINS / max(span[1] - span[0], 1e-9)
    for segment in sorted(timeline.segments, key=lambda s: (rank[s.phase], s.start)):
        first = max(0, min(int((segment.start - span[0]) * scale), _BINS - _LEAST))
        last = max(first + _LEAST, int((segment.end - span[0]) * scale))
        colour = dense_colour(segment.phase, revision_colour(number[segment.revision]), look)
        image[row[segment.node], first:last] = colour
    return image


def dense_colour(phase: Phase, colour: str, look: Look) -> tuple[float, float, float]:
    """Phases as lightness, since a row is too low for patterns."""
    if phase == "unknown":
        return look.fade(look.muted, 0.35)
    if phase == "terminating":
        return mix(colour, look.ink, 0.6)
    return look.fade(colour, {"pending": 0.82, "not ready": 0.5}.get(phase, 0.0))
