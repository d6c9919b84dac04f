"""Draws how many pods were created over time, and how long rollouts took against the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from daemonset_course.plot.look import COMPARED, DARK, LIGHT, PALETTE, Look, course_style
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.budgets import waves
from daemonset_course.timeline.scale import (
    Creation,
    Length,
    Rate,
    corner,
    creation_caption,
    creation_headline,
    lengths_caption,
    lengths_headline,
)

_DASHES = (0, (3, 2))
_NODES = (10, 20, 50, 100, 200, 300, 500, 1000, 2000)
_SECONDS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)
# Of points at one place each is seen: a later one is smaller.
_SHAPES, _SIZES = ("o", "s", "^"), (11, 6, 3)


def plot_creation(
    found: Creation, *, rate: Rate, recorded: Creation | None = None, dark: bool = False
) -> Picture:
    """Pods created and ready since a DaemonSet was created, on the band that the rate allows.

    ``recorded``: a run from a file, drawn in a panel of its own.
    """
    look = DARK if dark else LIGHT
    title, told = creation_headline(found, rate), creation_caption(found, rate)
    if recorded:
        told += f" Recorded: {creation_caption(recorded, rate)}"
    panels = [("now", found), *([("recorded", recorded)] if recorded else [])]
    with course_style():
        figure, axes = paper(
            look, title=title, caption=told, height=2.3, legend=_legend(look), panels=len(panels)
        )
        for ax, (label, one) in zip(axes, panels, strict=True):
            _draw_creation(ax, one, rate, look)
            ax.text(
                0.03, 0.95, f"{label}: {len(one.created)} nodes", transform=ax.transAxes,
                va="top", size=8.5, color=look.ink,
            )  # fmt: skip
        axes[0].set_ylabel("pods", color=look.ink)
        for ax in axes[1:]:
            ax.yaxis.tick_right()  # between the panels there is no room
    return Picture(figure, told, title)


def _legend(look: Look) -> list[Entry]:
    return [
        ("requests allowed: burst, then so many a second", 0.5, _band(look)),
        ("created", 0.14, {"facecolor": look.ink, "linewidth": 0}),
        ("ready", 0.14, {"facecolor": COMPARED, "hatch": "|||", "edgecolor": look.ground}),
    ]


def _band(look: Look) -> dict[str, Any]:
    return {"facecolor": look.fade(look.muted, 0.5), "linewidth": 0}


def _draw_creation(ax: Axes, found: Creation, rate: Rate, look: Look) -> None:
    end = 1.05 * max((*found.created[-1:], *found.ready[-1:]))
    times = np.array([0.0, rate.takes(len(found.created)), end])
    allowed = np.minimum([rate.sent(t) for t in times], len(found.created))
    ax.plot(
        [0, *times], [0, *allowed], color=look.fade(look.muted, 0.5), linewidth=7,
        solid_joinstyle="round",
    )  # fmt: skip
    lines = ((found.created, look.ink, "-"), (found.ready, COMPARED, _DASHES))
    for moments, colour, dashes in lines:
        steps = [0.0, *moments, end]
        counts = [*range(len(moments) + 1), len(moments)]
        ax.step(steps, counts, where="post", color=colour, linestyle=dashes, linewidth=1.8)
    ax.set_xlim(0, end)
    ax.set_ylim(0, 1.24 * len(found.created))  # its name stands above the band
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(axis="y", color=look.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel("seconds since the DaemonSet was created", color=look.ink)


def plot_scale(
    measured: Sequence[Length], *, restart: float, rate: Rate, dark: bool = False
) -> Picture:
    """Length of rollouts against the number of nodes, both logarithmic, over the model.

    Recorded points are hollow. ``restart``: seconds that one node is without an available pod.
    """
    look = DARK if dark else LIGHT
    title, told = lengths_headline(restart, rate), lengths_caption(measured, restart, rate)
    fewest = min(*(one.nodes for one in measured), corner(restart=restart, rate=rate))
    ends = (max(0.6 * fewest, rate.burst / 2 + 1), 1.3 * max(one.nodes for one in measured))
    with course_style():
        figure, (ax,) = paper(look, title=title, caption=told, height=2.9)
        nodes = np.geomspace(*ends, 200)
        ax.plot(nodes, [rate.takes(2 * n) for n in nodes], color=look.ink, ls=":", lw=1.8)
        _label(ax, rate.takes(2 * ends[1]), "two requests\na node", look.ink)
        for i, share in enumerate(sorted({one.share for one in measured})):
            _draw_share([one for one in measured if one.share == share], i, ax, look)
            rounds = waves(100, share)
            ax.axhline(rounds * restart, color=PALETTE[i], ls="--", lw=1.4)
            _label(ax, rounds * restart, f"{share}%: {rounds} rounds", look.ink)
        ax.set_xlim(*ends)
        _scale(ax, look)
        ax.set_ylim(bottom=0.8 * min(restart, *(one.seconds for one in measured)))
        ax.legend(loc="upper left", frameon=False, labelcolor=look.ink, fontsize=7.5)
    return Picture(figure, told, title)


def _label(ax: Axes, y: float, text: str, colour: str) -> None:
    """Names a line at the right edge."""
    ax.annotate(
        text, (1, y), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        va="center", size=7.5, color=colour,
    )  # fmt: skip


def _draw_share(measured: Sequence[Length], i: int, ax: Axes, look: Look) -> None:
    for recorded, face in ((False, PALETTE[i]), (True, look.ground)):
        some = [one for one in measured if one.recorded == recorded]
        if some:
            ax.plot(
                [one.nodes for one in some], [one.seconds for one in some], _SHAPES[i],
                markersize=_SIZES[i], markerfacecolor=face, markeredgecolor=PALETTE[i],
                markeredgewidth=1.6, linestyle="none", zorder=3,
                label=f"{some[0].share}%, {'recorded' if recorded else 'measured now'}",
            )  # fmt: skip


def _scale(ax: Axes, look: Look) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    low, high = ax.get_xlim()
    ax.set_xticks([n for n in _NODES if low <= n <= high])
    bottom, top = ax.get_ylim()
    ax.set_yticks([n for n in _SECONDS if bottom <= n <= top])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.grid(color=look.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", color=look.muted)
    ax.set_xlabel("nodes", color=look.ink)
    ax.set_ylabel("length of the rollout (s)", color=look.ink)
