"""Draws how many nodes applications reach over time, and how their Pods share the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator

from daemonset_course.plot.budget import Line, as_arrays, label_ends
from daemonset_course.plot.look import DARK, LIGHT, Look, course_style, revision_colour
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.reach import (
    Reach,
    reach,
    reach_caption,
    reach_headline,
    shares_caption,
    shares_headline,
)

_DASHES: Sequence[Any] = ("solid", (0, (4, 1.2)), (0, (1.2, 1.2)))  # by application
_HATCHES = ("", "////", "....")


def plot_reach(
    log: Sequence[Mapping[str, Any]], apps: Sequence[str], *, title: str = "", dark: bool = False
) -> Picture:
    """Workers over time, and how many of them have a ready Pod of each of ``apps``."""
    look, found = DARK if dark else LIGHT, reach(log, apps)
    title, told = title or reach_headline(found), reach_caption(found)
    with course_style():
        figure, (ax,) = paper(look, title=title, caption=told, height=2.3)
        lines = _lines(found, look)
        for line in lines:
            x, y = as_arrays(line.steps)
            ax.step(x, y, where="post", **line.style)
        ax.set_xlim(found.start, found.end)
        ax.set_ylim(0, 1.12 * max(1, *(line.steps.max() or 0 for line in lines)))
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="y", color=look.faint, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel("seconds since the recording began", color=look.ink)
        ax.set_ylabel("nodes", color=look.ink)
        label_ends(ax, lines, apart=0.08)
    return Picture(figure, told, title)


def plot_shares(
    log: Sequence[Mapping[str, Any]], apps: Sequence[str], *, title: str = "", dark: bool = False
) -> Picture:
    """How many workers have 0, 1, 2, ... ready Pods of each of ``apps`` at the end."""
    look, found = DARK if dark else LIGHT, reach(log, apps)
    title, told = title or shares_headline(found), shares_caption(found)
    most = max(max(found.shares(app)) for app in found.apps)
    wide = 0.8 / len(found.apps)
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=2.2, legend=_legend(found, look)
        )
        for i, app in enumerate(found.apps):
            shares = found.shares(app)
            places = [n + wide * (i - (len(found.apps) - 1) / 2) for n in range(most + 1)]
            counts = [shares[n] for n in range(most + 1)]
            ax.bar(places, counts, width=wide * 0.92, zorder=2, **_style(i, look))
            for x, count in zip(places, counts, strict=True):
                ax.annotate(
                    str(count), (x, count), (0, 3), textcoords="offset points", size=8,
                    ha="center", color=look.ink,
                )  # fmt: skip
        ax.set_xticks(range(most + 1))
        ax.set_ylim(0, 1.18 * max(max(found.shares(app).values()) for app in found.apps))
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.grid(axis="y", color=look.faint, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel("ready Pods on a node", color=look.ink)
        ax.set_ylabel("nodes", color=look.ink)
    return Picture(figure, told, title)


def _lines(found: Reach, look: Look) -> list[Line]:
    """Widths and dashes differ, so that lines on top of each other are all seen."""
    band = {"color": look.muted, "linewidth": 6.0, "alpha": 0.55}
    lines = [Line(found.nodes, "workers", band)]
    for i, app in enumerate(found.apps):
        style = {"color": revision_colour(i), "linewidth": 2.0, "linestyle": _DASHES[i % 3]}
        lines.append(Line(found.covered[app], app, style))
    return lines


def _legend(found: Reach, look: Look) -> list[Entry]:
    return [(app, 0.8, _style(i, look)) for i, app in enumerate(found.apps)]


def _style(number: int, look: Look) -> dict[str, Any]:
    colour, hatch = revision_colour(number), _HATCHES[number % 3]
    face = look.fade(colour, 0.6) if hatch else colour
    return {"facecolor": face, "edgecolor": colour, "hatch": hatch, "linewidth": 0.8}
