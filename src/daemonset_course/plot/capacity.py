"""Draws how many Pods of an application fit beside a growing number of agents."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from daemonset_course.plot.look import DARK, LIGHT, PALETTE, Look, course_style
from daemonset_course.plot.paper import paper
from daemonset_course.plot.picture import Picture

_STYLES = (("o", "-", 7.0), ("s", "--", 10.0), ("D", ":", 5.0))  # marker, line, size


def plot_capacity(
    measured: Mapping[str, Mapping[int, int]], *, app: str, dark: bool = False
) -> Picture:
    """Pods of ``app`` on one node against the number of agents there, a line for each kind.

    Args:
        measured: kind of agent -> number of agents -> Pods that the scheduler placed.
        app: what the Pods are called.
        dark: for a dark page.
    """
    look = DARK if dark else LIGHT
    title, told = capacity_headline(measured, app), capacity_caption(measured, app)
    with course_style():
        figure, (ax,) = paper(look, title=title, caption=told, height=2.2, left=0.8)
        for number, points in enumerate(measured.values()):
            marker, line, size = _STYLES[number % len(_STYLES)]
            ax.plot(
                list(points), list(points.values()), marker=marker, ls=line, ms=size, lw=1.8,
                color=PALETTE[number], markeredgecolor=look.ink, zorder=3 - 0.1 * number,
            )  # fmt: skip
        _label(ax, measured, look)
        top = max(max(points.values()) for points in measured.values())
        ax.set_ylim(0, 1.15 * top)
        ax.set_xlabel("agents on the node", color=look.ink)
        ax.set_ylabel(f"Pods of {app} that fit", color=look.ink)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(axis="y", color=look.faint, linewidth=0.6)
        ax.set_axisbelow(True)
    return Picture(figure, told, title)


def capacity_headline(measured: Mapping[str, Mapping[int, int]], app: str) -> str:
    """What the agents took, for each kind."""
    taken = [f"{_lost(points)} ({kind})" for kind, points in measured.items()]
    return f"{_most(measured)} agents took the room of {', '.join(taken)} Pods of {app}"


def capacity_caption(measured: Mapping[str, Mapping[int, int]], app: str) -> str:
    """Every measured point."""
    lines = [
        f"{kind}: " + ", ".join(f"{fit} beside {agents}" for agents, fit in sorted(points.items()))
        for kind, points in measured.items()
    ]
    return f"Pods of {app} that fit on the node, agents {'; '.join(lines)}."


def _lost(points: Mapping[int, int]) -> int:
    return points[min(points)] - points[max(points)]


def _most(measured: Mapping[str, Mapping[int, int]]) -> int:
    return max(max(points) for points in measured.values())


def _label(ax: Axes, measured: Mapping[str, Mapping[int, int]], look: Look) -> None:
    """Each line's kind at its right end; ends that meet are told under each other."""
    ends: dict[tuple[int, int], list[str]] = {}
    for kind, points in measured.items():
        ends.setdefault((max(points), points[max(points)]), []).append(kind)
    for place, kinds in ends.items():
        ax.annotate(
            "\n".join(kinds), place, (10, 0), textcoords="offset points", size=8, va="center",
            color=look.ink, annotation_clip=False,
        )  # fmt: skip
