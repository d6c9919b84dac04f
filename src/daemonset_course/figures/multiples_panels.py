"""Draw rollouts below each other with matplotlib, for files: one time axis, one scale of nodes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from daemonset_course.analysis.rollout_progress import Multiples, Progress
from daemonset_course.figures.page import (
    AXIS,
    EDGE,
    LEFT,
    RIGHT,
    TEXT,
    WIDTH,
    Page,
    Panel,
    inches,
    widest,
)
from daemonset_course.figures.shapes import Stroke, Style
from daemonset_course.figures.theme import DARK, LIGHT, Theme, course_style

_HEIGHT = 0.6  # inches
_NUMBERS = 0.55  # inches: the numbers of the scale
_UPDATED, _GHOST = Style("accent", 0.5, width=1.4), Stroke("foreground", 1.6, "dashed")


def draw_multiples(multiples: Multiples, *, title: str, dark: bool = False) -> Figure:
    """Return the figure."""
    left = max(LEFT, EDGE + 1.15 * widest(multiples.rollouts, TEXT) + _NUMBERS)
    panels = [
        Panel(
            _HEIGHT,
            partial(_draw, title=name, one=one, end=multiples.end, left=left),
            left=left,
            below=0.14,
            timed=True,
        )
        for name, one in multiples.rollouts.items()
    ]
    panels[-1] = replace(panels[-1], below=AXIS)
    legend = (("nodes updated", _UPDATED), ("length by the model", _GHOST))
    page = Page(title, multiples.caption, DARK if dark else LIGHT, legend)
    with course_style():
        figure = page.draw(panels)
        figure.axes[-1].tick_params(labelbottom=True)
        figure.axes[-1].set_xlabel("seconds since the new template")
    return figure


def _draw(ax: Axes, theme: Theme, title: str, one: Progress, end: float, left: float) -> None:
    ax.set(xlim=(0, end), ylim=(0, 1.04))
    ax.set_yticks(*(([0, 1], ["0", "100 %"]) if one.updated.times else ([], [])))
    ax.tick_params(labelbottom=False)
    ax.grid(axis="x", color=theme.faint, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.annotate(
        title, (0, 0.5), (72 * (EDGE - left), 0), xycoords="axes fraction",
        textcoords="offset points", va="center", weight="bold", size=TEXT, color=theme.foreground,
        annotation_clip=False,
    )  # fmt: skip
    steps = one.updated
    if steps.times:
        x = np.array(steps.times)
        y = np.array([np.nan if v is None else v / max(1, one.nodes) for v in steps.values])
        ax.fill_between(x, 0, y, step="post", linewidth=0, color=theme.fade("accent", 0.5))
        ax.step(x, y, where="post", **theme.line(Stroke("accent")))
    elif one.length is not None:
        there = [0, one.length, one.length, one.length]
        ax.plot(there, [0.5, 0.5, 0.33, 0.67], **theme.line(Stroke("accent", 2.4)))
    ax.axvline(one.model.seconds, **theme.line(_GHOST))
    ends = one.measured_end, one.model.seconds
    wide = WIDTH - left - RIGHT
    longest = max(inches(words, TEXT) for words in (one.measured, one.expected))
    before = max(ends) / end * wide + longest + 0.1 > wide
    for words, level in ((one.measured, 0.72), (one.expected, 0.24)):
        ax.annotate(
            words, (min(ends) if before else max(ends), level), (-5 if before else 5, 0),
            textcoords="offset points", va="center", ha="right" if before else "left", size=TEXT,
            color=theme.foreground, zorder=6, annotation_clip=False,
            bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
