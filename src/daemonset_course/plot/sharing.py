"""Draws which applications' Pods were on each node: a row for each Pod, a colour for each app."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.bars import draw_bar, longest_first
from daemonset_course.plot.look import DARK, HEIGHT, LIGHT, PHASES, Look, course_style, text_on
from daemonset_course.plot.look import revision_colour as colour_of
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.sharing import (
    Sharing,
    sharing,
    sharing_caption,
    sharing_headline,
)
from daemonset_course.timeline.spans import Segment

_ROW, _BETWEEN = 0.2, 0.1  # inches: a Pod's row, and the space after a node
_INCHES = 6.9  # width of the panel
_Rows = dict[str, list[tuple[str, list[Segment]]]]  # by node: the app and the bars of each row


def plot_sharing(
    log: Sequence[Mapping[str, Any]], apps: Sequence[str], *, title: str = "", dark: bool = False
) -> Picture:
    """A recording's nodes with the Pods of ``apps`` (values of the label ``app``) under each other.

    A Pod that is meant for a node and not on it is drawn hollow in that node's lane.
    """
    look, found = DARK if dark else LIGHT, sharing(log, apps)
    title, told, rows = title or sharing_headline(found), sharing_caption(found), _rows(found)
    high = sum(_ROW * len(rows[node]) + _BETWEEN for node in found.nodes)
    with course_style():
        legend = _legend(found, look)
        figure, (ax,) = paper(look, title=title, caption=told, height=high, legend=legend)
        _draw(ax, found, rows, look)
        ax.set_xlim(found.start, found.end)
        ax.set_ylim(high, 0)
        ax.set_xlabel("seconds since the recording began", color=look.ink)
    return Picture(figure, told, title)


def _legend(found: Sharing, look: Look) -> list[Entry]:
    seen = {s.phase for lives in found.lives.values() for life in lives for s in life}
    apps: list[Entry] = [
        (app, 0.74, look.bar("ready", colour_of(i))) for i, app in enumerate(found.apps)
    ]
    phases = [(f"pod {p}", HEIGHT[p], look.bar(p, look.muted)) for p in PHASES if p in seen]
    return apps + phases


def _rows(found: Sharing) -> _Rows:
    """For each node its rows: the apps in turn, Pods that follow one another in one row."""
    rows: _Rows = defaultdict(list)
    for app in found.apps:
        own: dict[str, list[list[Segment]]] = {node: [[]] for node in found.nodes if node}
        for life in found.lives[app]:
            for node in dict.fromkeys(segment.node for segment in life):
                there = [segment for segment in life if segment.node == node]
                _place(own.setdefault(node, [[]]), there)
        for node, each in own.items():
            rows[node] += [(app, bars) for bars in each]
    return rows


def _place(rows: list[list[Segment]], there: list[Segment]) -> None:
    for row in rows:
        if not row or row[-1].end <= there[0].start:
            row += there
            return
    rows.append(there)


def _draw(ax: Axes, found: Sharing, rows: _Rows, look: Look) -> None:
    top, middles, names = 0.0, [], []
    for lane, node in enumerate(found.nodes):
        high = _ROW * len(rows[node]) + _BETWEEN
        if lane % 2 == 0:
            ax.add_patch(
                Rectangle((0, top), found.end, high, facecolor=look.stripe, lw=0, zorder=0)
            )
        for number, (app, bars) in enumerate(rows[node]):
            y = top + _BETWEEN / 2 + _ROW * (number + 0.5)
            for segment in sorted(bars, key=longest_first):
                _draw_bar(ax, segment, y, app, found, look)
        middles.append(top + high / 2)
        names.append(node.removeprefix(f"{found.header.get('cluster', '')}-") or "no node")
        top += high
    ax.set_yticks(middles, names)


def _draw_bar(ax: Axes, segment: Segment, y: float, app: str, found: Sharing, look: Look) -> None:
    colour = colour_of(found.apps.index(app))
    high, span = HEIGHT[segment.phase] * _ROW * 1.15, (found.start, found.end)
    style = look.bar(segment.phase, colour)
    draw_bar(ax, (segment.start, segment.end), y, high, span, **style)
    start = max(segment.start, found.start)
    inches = (segment.end - start) / (found.end - found.start) * _INCHES
    if segment.phase == "ready" and inches > 0.1 + 0.06 * len(app):
        ax.annotate(
            app, (start, y), (3, -0.3), textcoords="offset points", size=6.5,
            va="center", color=text_on(colour), zorder=3,
        )  # fmt: skip
