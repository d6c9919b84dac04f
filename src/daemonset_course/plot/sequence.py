"""Draws who did what to each pod: a lane for the controller, the scheduler and the kubelets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.bars import draw_bar
from daemonset_course.plot.look import ALARM, DARK, HEIGHT, LIGHT, Look, course_style
from daemonset_course.plot.look import revision_colour as colour_of
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.sequence import (
    Life,
    Sequence,
    sequence,
    sequence_caption,
    sequence_headline,
)
from daemonset_course.timeline.spans import Phase

_ROW, _SPACE = 0.2, 0.45  # inches of a pod's row; rows between two lanes
_LANES = ("DaemonSet\ncontroller", "scheduler", "kubelets")
_CREATED, _BOUND = "D", "o"  # markers
_BLUE = colour_of(0)


def plot_sequence(log: Iterable[Mapping[str, Any]], *, dark: bool = False) -> Picture:
    """A recording by who acted: pods created, bound, and run, one row for each pod in each lane.

    Raises:
        BadInput: the recording shows no pod of the DaemonSet.
    """
    records = list(log)
    look, found = DARK if dark else LIGHT, sequence(records)
    title, told = sequence_headline(found), sequence_caption(found)
    rows = len(found.lives)
    step = rows + _SPACE
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_ROW * (3 * step - _SPACE),
            legend=_legend(found, look),
        )  # fmt: skip
        ax.set_xlim(found.start, found.end)
        ax.set_ylim(3 * step - _SPACE - 0.5, -0.5)
        ax.set_yticks([lane * step + (rows - 1) / 2 for lane in range(3)], _LANES)
        ax.set_xlabel("seconds since the recording began", color=look.ink)
        for lane in range(3):
            corner = (0, lane * step - 0.5)
            ax.add_patch(Rectangle(corner, found.end, rows, facecolor=look.stripe, lw=0, zorder=0))
        _draw_absence(ax, found, step, look)
        cluster = f"{records[0].get('cluster', '')}-"
        for row, life in enumerate(found.lives):
            _draw_life(ax, life, found, (row, step + row, 2 * step + row), look)
            name = life.node.removeprefix(cluster)
            ax.annotate(
                name, (1, 2 * step + row), (5, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", size=7.5, va="center", color=look.ink,
            )  # fmt: skip
    return Picture(figure, told, title)


def _legend(found: Sequence, look: Look) -> list[Entry]:
    turns = [turn for life in found.lives for turn in _turns(life, found.end)]
    phases = {phase for phase, start, until in turns if until > start}
    said: dict[Phase, str] = {
        "pending": "waits for the scheduler", "not ready": "starts", "ready": "ready",
        "terminating": "terminating",
    }  # fmt: skip
    bars = [(w, HEIGHT[p], look.bar(p, _BLUE)) for p, w in said.items() if p in phases]
    bare: dict[str, Any] = {"facecolor": "none", "linewidth": 0}
    signs: list[Entry] = [
        ("created", 0.5, bare | {"mark": "◆"}),
        ("bound to its node", 0.5, bare | {"mark": "●"}),
    ]
    return signs + bars


def _turns(life: Life, end: float) -> Iterator[tuple[Phase, float, float]]:
    """The bars of a life: (phase, from, until)."""
    last = end if life.gone is None else life.gone
    stop = last if life.stopping is None else life.stopping
    begun = 0.0 if life.created is None else life.created
    placed = stop if not life.placed else (begun if life.bound is None else life.bound)
    yield "pending", begun, placed
    ready = begun if life.created is None else stop if life.ready is None else life.ready
    yield "not ready", placed, ready
    yield "ready", ready, stop
    yield "terminating", stop, last


def _draw_life(
    ax: Axes, life: Life, found: Sequence, rows: tuple[float, float, float], look: Look
) -> None:
    for phase, start, until in _turns(life, found.end):
        if until > start:
            y, span = rows[1 if phase == "pending" else 2], (found.start, found.end)
            draw_bar(ax, (start, until), y, HEIGHT[phase], span, **look.bar(phase, _BLUE))
    dots: dict[str, Any] = {"color": look.ink, "markersize": 4, "linestyle": "none", "zorder": 4}
    thin: dict[str, Any] = {"color": look.muted, "linewidth": 0.7, "zorder": 1.5}
    if life.created is not None:
        ax.plot([life.created] * 2, rows[:2], **thin)
        ax.plot(life.created, rows[0], marker=_CREATED, **dots)
    if life.bound is not None:
        ax.plot([life.bound] * 2, rows[1:], **thin)
        ax.plot(life.bound, rows[1], marker=_BOUND, **dots)


def _draw_absence(ax: Axes, found: Sequence, step: float, look: Look) -> None:
    rows = len(found.lives)
    for start, end in found.away:
        ax.add_patch(
            Rectangle(
                (start, step - 0.5), end - start, rows, facecolor=look.fade(ALARM, 0.85),
                edgecolor=ALARM, hatch="\\\\", linewidth=0.6, zorder=1,
            )
        )  # fmt: skip
        ax.annotate(
            "no scheduler", (start, step - 0.5), (4, -9), textcoords="offset points", size=7,
            color=look.ink, zorder=5,
            bbox={"facecolor": look.ground, "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
