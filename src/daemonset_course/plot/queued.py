"""Draws which changes of nodes reached the DaemonSet controller's queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.ticker import MaxNLocator

from daemonset_course.plot.look import DARK, LIGHT, PALETTE, course_style
from daemonset_course.plot.paper import paper
from daemonset_course.plot.picture import Picture

_ROW = 0.32  # inches


def plot_queued(counts: Mapping[str, int], *, title: str = "", dark: bool = False) -> Picture:
    """A bar for each change of a node: how many entries it put into the controller's queue.

    Args:
        counts: change -> entries (``verbs.queued``).
        title: the finding; made from the counts when left out.
        dark: for a dark page.
    """
    look = DARK if dark else LIGHT
    title, told = title or queued_headline(counts), queued_caption(counts)
    rows = range(len(counts))
    with course_style():
        figure, (ax,) = paper(look, title=title, caption=told, height=_ROW * len(counts) + 0.2)
        bars: dict[str, Any] = {"color": PALETTE[0], "edgecolor": look.ink, "linewidth": 0.8}
        ax.barh(rows, list(counts.values()), height=0.6, zorder=2, **bars)
        for y, count in zip(rows, counts.values(), strict=True):
            ax.annotate(
                str(count) if count else "0: not told", (count, y), (5, 0), size=8, va="center",
                textcoords="offset points", color=look.ink,
            )  # fmt: skip
        ax.set_yticks(rows, list(counts), size=8.5)
        ax.tick_params(axis="y", length=0, labelcolor=look.ink)
        ax.invert_yaxis()
        ax.set_xlim(0, max(1, *counts.values()) * 1.15)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="x", color=look.faint, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel("entries in the controller's queue of node changes", color=look.ink)
    return Picture(figure, told, title)


def queued_headline(counts: Mapping[str, int]) -> str:
    """Which changes the controller is told of, and which not."""
    told = [name for name, count in counts.items() if count]
    untold = [name for name, count in counts.items() if not count]
    return f"The controller is told of: {_list(told)}; not of: {_list(untold)}"


def queued_caption(counts: Mapping[str, int]) -> str:
    """Every count."""
    return "Entries by change: " + ", ".join(f"{name} {n}" for name, n in counts.items()) + "."


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
