"""The upper panel for many nodes: a raster of nodes by time, sorted by the start of the new Pod."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.rollout.node_lanes import unknown
from daemonset_course.figures.shapes import Style
from daemonset_course.figures.theme import Theme, mix, series
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.spans import Phase
from daemonset_course.history.timeline import Timeline

_BINS = 1400  # columns: about one a pixel of the PNG
_LEAST = 2  # columns: the minimum for a Pod, however short its segment

# Painted in this order: if two Pods share a node, the one that serves is seen.
_ORDER: tuple[Phase, ...] = ("terminating", "failed", "pending", "not ready", "ready", "unknown")


def draw_dense(ax: Axes, timeline: Timeline, theme: Theme, span: tuple[float, float]) -> None:
    """Draw the timeline as an image; ``span`` is the time axis' (from, until) in seconds."""
    order = sorted_nodes(timeline)
    image = raster(timeline, order, theme, span)
    ax.imshow(
        image, aspect="auto", extent=(span[0], span[1], len(order) - 0.5, -0.5), zorder=0.5,
        interpolation="auto",
    )  # fmt: skip
    hatch_unknown(ax, theme, unknown(timeline, "pods"), over_raster=True)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_yticks([0, len(order) - 1], ["1", str(len(order))])
    ax.set_ylabel("nodes, by start of their new Pod", labelpad=2)


def sorted_nodes(timeline: Timeline) -> list[str]:
    """Return the nodes in the order in which the last rollout's Pods began, then the others."""
    found = rollouts(timeline)
    order = found[-1].order if found else ()
    return [*order, *(node for node in timeline.nodes if node not in set(order))]


def raster(timeline: Timeline, order: list[str], theme: Theme, span: tuple[float, float]) -> Any:
    """Return an array of colours (rows, bins, 3): a row for a node, a column for a time bin."""
    image = np.empty((len(order), _BINS, 3), dtype=np.float32)
    image[:] = mix(theme.background, theme.background, 0)
    row = {node: i for i, node in enumerate(order)}
    rank = {phase: i for i, phase in enumerate(_ORDER)}
    number = {revision: i for i, revision in enumerate(timeline.revisions)}
    scale = _BINS / max(span[1] - span[0], 1e-9)
    for segment in sorted(timeline.segments, key=lambda s: (rank[s.phase], s.start)):
        first = max(0, min(int((segment.start - span[0]) * scale), _BINS - _LEAST))
        last = max(first + _LEAST, int((segment.end - span[0]) * scale))
        colour = dense_colour(segment.phase, series(number[segment.revision]), theme)
        image[row[segment.node], first:last] = colour
    return image


def dense_style(phase: Phase, colour: str) -> Style:
    """Return the style of a phase: its lightness differs, since a row is too low for patterns."""
    if phase == "unknown":
        return Style("muted", 0.35, "....", width=0.4)
    fade = {"pending": 0.82, "not ready": 0.5, "failed": 0.92}.get(phase, 0.0)
    # A terminating Pod is darker than one that serves, on a dark page lighter.
    shade = 0.6 if phase == "terminating" else 0.0
    return Style(colour, fade, edge="muted", width=0.4, shade=shade)


def dense_colour(phase: Phase, colour: str, theme: Theme) -> tuple[float, float, float]:
    """Return the colour of a cell."""
    return theme.filling(dense_style(phase, colour))
