"""Draws how far each attempt to deploy a DaemonSet got, and the words that stopped it."""

from __future__ import annotations

import textwrap
from typing import Any

from matplotlib.axes import Axes

from daemonset_course.plot.look import ALARM, DARK, LIGHT, PALETTE, Look, course_style
from daemonset_course.plot.paper import RIGHT, WIDTH, Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.trials import Trial, Trials, trials_caption, trials_headline

_ROW, _HEADS = 0.44, 0.3  # inches
_LEFT, _STATION = 2.35, 0.85
_LETTERS, _LINES = 78, 2  # of the words at the right
_STATIONS = ("sent", "stored", "Pods")
_PASSED = PALETTE[0]


def plot_trials(found: Trials, *, title: str = "", dark: bool = False) -> Picture:
    """A row an attempt: a line to the last station it came to, and who said what.

    Args:
        found: what came of each attempt, by its name.
        title: the finding; made from the attempts when left out.
        dark: for a dark page.
    """
    look = DARK if dark else LIGHT
    title, told = title or trials_headline(found), trials_caption(found)
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_HEADS + _ROW * len(found), axis=0.12,
            legend=_legend(look), left=_LEFT,
        )  # fmt: skip
        _prepare(ax, list(found), look)
        for y, trial in enumerate(found.values()):
            _draw(ax, y, trial, look)
    return Picture(figure, told, title)


def _legend(look: Look) -> list[Entry]:
    box: dict[str, Any] = {"facecolor": look.ground, "linewidth": 1.2}
    return [
        ("came through", 0.8, box | {"edgecolor": _PASSED, "mark": "✓"}),
        ("was stopped before it", 0.8, box | {"edgecolor": ALARM, "mark": "✗"}),
    ]


def _prepare(ax: Axes, names: list[str], look: Look) -> None:
    ax.set_xlim(-0.2, (WIDTH - _LEFT - RIGHT) / _STATION - 0.2)
    ax.set_ylim(len(names) - 0.5, -0.5 - _HEADS / _ROW)
    ax.set_xticks([])
    numbered = [f"{number} {name}" for number, name in enumerate(names, start=1)]
    ax.set_yticks(range(len(names)), numbered, size=8.5)
    ax.tick_params(length=0, labelcolor=look.ink)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for x, station in enumerate(_STATIONS):
        ax.text(x, -0.85, station, size=8.5, weight="bold", ha="center", va="center",
                color=look.ink)  # fmt: skip
        ax.plot([x, x], [-0.5, len(names) - 0.5], color=look.faint, linewidth=1.0, zorder=0)


def _draw(ax: Axes, y: int, trial: Trial, look: Look) -> None:
    last = {"refused": 0, "stored": 1, "Pods": 2}[trial.reached]
    ax.plot([0, last], [y, y], color=_PASSED, linewidth=2.4, zorder=1)
    for x in range(last + 1):
        _mark(ax, x, y, "✓" if x else "", _PASSED, look)
    if last < 2:
        ax.plot([last, last + 1], [y, y], color=ALARM, linewidth=1.4, linestyle=(0, (2, 1.5)),
                zorder=1)  # fmt: skip
        _mark(ax, last + 1, y, "✗", ALARM, look)
    words = trial.said or f"{trial.pods} of {trial.wanted} nodes have a ready Pod"
    lines = textwrap.wrap(words, _LETTERS, max_lines=_LINES, placeholder=" …")
    ax.text(
        2.35, y, "\n".join(lines), size=8, va="center", color=look.ink, linespacing=1.15,
    )  # fmt: skip


def _mark(ax: Axes, x: int, y: int, sign: str, colour: str, look: Look) -> None:
    ax.plot(
        [x], [y], marker="o", markersize=12 if sign else 6, zorder=2, linestyle="none",
        markerfacecolor=look.ground if sign else colour, markeredgecolor=colour,
        markeredgewidth=1.4,
    )  # fmt: skip
    ax.text(x, y, sign, size=8, ha="center", va="center_baseline", color=look.ink, zorder=3)
