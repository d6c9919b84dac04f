"""Draws how one node joined: the node's own bar over a bar for each DaemonSet's pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from daemonset_course.plot.bars import draw_bar, longest_first
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
    end = found.end - zero
    draw_bar(ax, (free - zero, end), 0, 0.74, (0.0, end), facecolor=look.muted, linewidth=0)
    draw_bar(ax, (0.0, free - zero), 0, 0.74, (0.0, end), **_tainted(look))


def _draw_pods(ax: Axes, found: Joining, name: str, row: int, look: Look) -> None:
    zero = found.added.t
    for segment in sorted(found.segments[name], key=longest_first):
        style, span = look.bar(segment.phase, colour_of(0)), (0.0, found.end - zero)
        time = (segment.start - zero, segment.end - zero)
        draw_bar(ax, time, row, HEIGHT[segment.phase], span, **style)
