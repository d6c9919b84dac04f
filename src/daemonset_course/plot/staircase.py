"""Draws nodes, desired and ready over time: a DaemonSet has no count of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.ticker import MaxNLocator

from daemonset_course.plot.budget import Line, as_arrays, label_ends, shade_above
from daemonset_course.plot.look import ALARM, COMPARED, DARK, LIGHT, Look, course_style
from daemonset_course.plot.paper import paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.counts import Counts, counts, counts_caption, counts_headline


def plot_staircase(log: Iterable[Mapping[str, Any]], *, dark: bool = False) -> Picture:
    """Workers, desired and ready of a recording: ``plot_staircase(growth.records)``.

    What the status counts beyond the workers that exist is shaded.
    """
    look, found = DARK if dark else LIGHT, counts(log)
    title, told = counts_headline(found), counts_caption(found)
    with course_style():
        figure, (ax,) = paper(look, title=title, caption=told, height=2.1)
        lines = _lines(found, look)
        for line in lines:
            x, y = as_arrays(line.steps)
            ax.step(x, y, where="post", **line.style)
        shade_above(
            ax, found.desired, found.workers, facecolor="none", edgecolor=ALARM,
            hatch="\\\\\\\\", linewidth=0, zorder=1.2,
        )  # fmt: skip
        ax.set_xlim(found.start, found.end)
        ax.set_ylim(0, 1.12 * max(1, *(line.steps.max() or 0 for line in lines)))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="y", color=look.faint, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set_xlabel("seconds since the recording began", color=look.ink)
        ax.set_ylabel("nodes", color=look.ink)
        label_ends(ax, lines, apart=0.08)
    return Picture(figure, told, title)


def _lines(found: Counts, look: Look) -> list[Line]:
    """Widths and dashes differ, so that lines on top of each other are all seen."""
    band = {"color": look.muted, "linewidth": 6.0, "alpha": 0.55}
    return [
        Line(found.workers, "workers", band),
        Line(found.desired, "desired", {"color": look.ink, "linewidth": 1.8}),
        Line(found.ready, "ready", {"color": COMPARED, "linewidth": 1.8, "linestyle": (0, (3, 2))}),
    ]
