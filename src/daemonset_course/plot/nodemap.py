"""Draws a fleet before and after a change: a tile a node, with its label and its pod."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import ALARM, DARK, LIGHT, PALETTE, Look, course_style
from daemonset_course.plot.paper import EDGE, Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.caption import lane_name
from daemonset_course.timeline.fleetmap import Spot, fleet_map, map_caption, map_headline
from daemonset_course.timeline.timeline import Timeline

_TILE = 0.46  # inches
_COLUMNS = 10
_COLOURS = (PALETTE[1], PALETTE[5], PALETTE[3], PALETTE[6], PALETTE[2])


def plot_map(log: Sequence[Mapping[str, Any]], key: str, *, dark: bool = False) -> Picture:
    """The nodes of a recording at its beginning and end, with the value of the label ``key``."""
    look = DARK if dark else LIGHT
    found, timeline = fleet_map(log, key)
    title, told = map_headline(found, key), map_caption(found, timeline, key)
    values = sorted({spot.value or "" for spot in (*found.before, *found.after)})
    colours = {value: _COLOURS[i % len(_COLOURS)] for i, value in enumerate(values)}
    columns = max(min(_COLUMNS, len(found.before)), math.ceil(math.sqrt(2 * len(found.before))))
    rows = -(-len(found.before) // columns)
    with course_style():
        figure, panels = paper(
            look, title=title, caption=told, height=_TILE * rows, panels=2, axis=0.3, left=EDGE,
            legend=_legend(colours, look),
        )  # fmt: skip
        for ax, when, spots in zip(
            panels, ("before", "after"), (found.before, found.after), strict=True
        ):
            _prepare(ax, when, columns, rows, look)
            for i, spot in enumerate(spots):
                changed = spot.node in found.relabelled
                colour = colours[spot.value or ""]
                _draw_spot(ax, spot, divmod(i, columns), colour, look, timeline, changed=changed)
    return Picture(figure, told, title)


def _legend(colours: Mapping[str, str], look: Look) -> list[Entry]:
    tiles: list[Entry] = [
        (value or "no label", 0.8, {"facecolor": look.fade(colour, 0.35), "linewidth": 0})
        for value, colour in colours.items()
    ]
    ring = {"facecolor": look.ground, "edgecolor": ALARM, "linewidth": 2}
    dot = {"facecolor": look.ground, "edgecolor": look.muted, "linewidth": 0.5, "mark": "●"}
    return [*tiles, ("pod on this node", 0.8, dot), ("relabelled", 0.8, ring)]


def _prepare(ax: Axes, when: str, columns: int, rows: int, look: Look) -> None:
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel(when, color=look.ink)


def _draw_spot(
    ax: Axes, spot: Spot, place: tuple[int, int], colour: str, look: Look, timeline: Timeline,
    *, changed: bool,
) -> None:  # fmt: skip
    row, column = place
    face = look.fade(colour, 0.35)
    edge = {"edgecolor": ALARM, "linewidth": 2.2} if changed else {"edgecolor": look.ground}
    ax.add_patch(Rectangle((column + 0.04, row + 0.05), 0.92, 0.9, facecolor=face, **edge))
    name = lane_name(timeline, spot.node).removeprefix("worker") or "1"
    ax.text(column + 0.12, row + 0.3, name, size=6.5, va="center", color=look.ink)
    ax.text(
        column + 0.5, row + 0.74, spot.value or "no label", size=6.5, ha="center", va="center",
        color=look.ink,
    )  # fmt: skip
    if spot.pod:
        ax.text(column + 0.78, row + 0.32, "●", size=11, ha="center", va="center", color=look.ink)
