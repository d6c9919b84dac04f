"""Draws a DaemonSet's revisions: a column a step, and in it a rung for each template."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import DARK, LIGHT, Look, course_style, revision_colour, text_on
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.ladder import (
    Ladder,
    Rung,
    ladder,
    ladder_caption,
    ladder_headline,
)

_ROW = 0.38  # inches for one number
_WIDE, _HIGH = 0.72, 0.68  # a rung, of a step and of a number
_STEP_FITS = 16  # characters under a column


def plot_ladder(
    snapshots: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    env: str,
    title: str = "",
    dark: bool = False,
) -> Picture:
    """The revisions after each step; the newest is full, and a line follows each template.

    Args:
        snapshots: step -> the ControllerRevisions of one DaemonSet after it.
        env: the variable of the template that tells one release from another.
        title: the finding; made from the revisions when left out.
        dark: for a dark page.
    """
    look, found = DARK if dark else LIGHT, ladder(snapshots, env)
    title, told = title or ladder_headline(found), ladder_caption(found)
    top = max(found.numbers(step)[-1] for step in range(len(found.steps)))
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_ROW * top, legend=_legend(look), axis=0.55
        )
        _prepare(ax, found, top, look)
        for name in found.names:
            _draw_template(ax, found, name, look)
    return Picture(figure, told, title)


def _legend(look: Look) -> list[Entry]:
    return [
        ("current template", 0.8, _style(look.muted, look, current=True)),
        ("kept for undo", 0.8, _style(look.muted, look, current=False)),
    ]


def _style(colour: str, look: Look, *, current: bool) -> dict[str, Any]:
    face = colour if current else look.ground
    return {"facecolor": face, "edgecolor": colour, "linewidth": 1.3}


def _prepare(ax: Axes, found: Ladder, top: int, look: Look) -> None:
    ax.set_xlim(-0.5, len(found.steps) - 0.5)
    ax.set_ylim(0.45, top + 0.55)
    ax.set_yticks(range(1, top + 1))
    ax.set_xticks(
        range(len(found.steps)), [textwrap.fill(step, _STEP_FITS) for step in found.steps], size=8
    )
    ax.set_ylabel("revision", color=look.ink)
    ax.grid(axis="y", color=look.faint, linewidth=0.6)
    ax.set_axisbelow(True)


def _draw_template(ax: Axes, found: Ladder, name: str, look: Look) -> None:
    """One template's rungs, and the line from each to its next one."""
    colour = revision_colour(found.names.index(name))
    places = [
        (x, rung) for x, rungs in enumerate(found.rungs) for rung in rungs if rung.name == name
    ]
    for (x, one), (other, two) in pairwise(places):
        ends = [x + _WIDE / 2, other - _WIDE / 2]
        ax.plot(ends, [one.number, two.number], color=colour, lw=1.5, zorder=2)
    for x, rung in places:
        _draw_rung(ax, x, rung, colour, look, current=rung == found.rungs[x][-1])


def _draw_rung(ax: Axes, x: int, rung: Rung, colour: str, look: Look, *, current: bool) -> None:
    corner = (x - _WIDE / 2, rung.number - _HIGH / 2)
    ax.add_patch(Rectangle(corner, _WIDE, _HIGH, zorder=3, **_style(colour, look, current=current)))
    ax.text(
        x, rung.number, rung.holds, size=7.5, ha="center", va="center_baseline", zorder=4,
        color=text_on(colour) if current else look.ink,
    )  # fmt: skip
