"""Draws how one node joined: the node's own bar over a bar for each DaemonSet's pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import DARK, HEIGHT, LIGHT, PHASES, Look, course_style
from daemonset_course.plot.look import revision_colour as colour_of
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.joining import (
    Joining,
    joining,
    joining_caption,
    joining_headline,
)

_LANE = 0.42  # inches


def plot_joining(
    log: Sequence[Mapping[str, Any]], node: str, daemonsets: Sequence[str], *, dark: bool = False
) -> Picture:
    """The Gantt chart of a joining node, from a recording that shows it join.

    Raises:
        BadInput: the recording does not show the node join.
    """
    look, found = DARK if dark else LIGHT, joining(log, node, daemonsets)
    title, told = joining_headline(found), joining_caption(found)
    rows = ["node", *daemonsets]
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_LANE * len(rows), legend=_legend(found, look)
        )
        _draw_node(ax, found, look)
        for row, name in enumerate(daemonsets, 1):
            _draw_pods(ax, found, name, row, look)
        ax.axvline(
            found.untainted.t - found.added.t, color=look.ink, lw=0.9, ls=(0, (3, 2)), zorder=3
        )
        ax.set_yticks(range(len(rows)), ["node", *(f"pod of {name}" for name in daemonsets)])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(-0.01 * (found.end - found.added.t), found.end - found.added.t)
        ax.set_xlabel("seconds since the node was added", color=look.ink)
    return Picture(figure, told, title)


def _legend(found: Joining, look: Look) -> list[Entry]:
    seen = {segment.phase for life in found.segments.values() for segment in life}
    node: list[Entry] = [
        ("node tainted not-ready", 0.74, _tainted(look)),
        ("node without the taint", 0.74, {"facecolor": look.muted, "linewidth": 0}),
    ]
    blue = colour_of(0)
    pods = [(f"pod {p}", HEIGHT[p], look.bar(p, blue)) for p in PHASES if p in seen]
    return node + pods


def _tainted(look: Look) -> dict[str, Any]:
    return {"facecolor": look.faint, "edgecolor": look.muted, "hatch": "xxxx", "linewidth": 0.7}


def _draw_node(ax: Axes, found: Joining, look: Look) -> None:
    zero, free = found.added.t, found.untainted.t
    ax.add_patch(Rectangle((0, -0.37), free - zero, 0.74, **_tainted(look)))
    ax.add_patch(
        Rectangle((free - zero, -0.37), found.end - free, 0.74, facecolor=look.muted, linewidth=0)
    )


def _draw_pods(ax: Axes, found: Joining, name: str, row: int, look: Look) -> None:
    for segment in found.segments[name]:
        high = HEIGHT[segment.phase]
        corner = (segment.start - found.added.t, row - high / 2)
        style = look.bar(segment.phase, colour_of(0))
        ax.add_patch(Rectangle(corner, segment.end - segment.start, high, zorder=2, **style))
