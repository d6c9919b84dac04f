"""Draws which alert rule fires on which fault: a row a fault, a column a rule."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import ALARM, DARK, LIGHT, Look, course_style, text_on
from daemonset_course.plot.paper import paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.alerts import Alerts, alerts_caption, alerts_headline

_ROW = 0.34  # inches
_LEFT = 2.6
_LETTERS = 16  # of a rule's name on one line


def plot_alerts(found: Alerts, *, dark: bool = False) -> Picture:
    """The matrix of faults and rules; a row in which nothing fires is marked."""
    look = DARK if dark else LIGHT
    title, told = alerts_headline(found), alerts_caption(found)
    with course_style():
        figure, (ax,) = paper(
            look,
            title=title,
            caption=told,
            height=_ROW * len(found.fired),
            left=_LEFT,
            axis=0.75,
        )
        for row, fault in enumerate(found.fired):
            for column, rule in enumerate(found.rules):
                _draw(ax, row, column, look, fires=rule in found.fired[fault])
            if fault in found.unseen:
                ax.annotate(
                    "unseen", (len(found.rules), row), (6, 0), textcoords="offset points",
                    size=8.5, va="center", weight="bold", color=look.ink, annotation_clip=False,
                )  # fmt: skip
        _scale(ax, found, look)
    return Picture(figure, told, title)


def _draw(ax: Axes, row: int, column: int, look: Look, *, fires: bool) -> None:
    face = ALARM if fires else look.faint
    corner = (column + 0.03, row - 0.43)
    ax.add_patch(Rectangle(corner, 0.94, 0.86, facecolor=face, linewidth=0))
    ax.text(
        column + 0.5, row, "fires" if fires else "silent", size=8, ha="center", va="center",
        weight="bold" if fires else "normal", color=text_on(ALARM) if fires else look.muted,
    )  # fmt: skip


def _scale(ax: Axes, found: Alerts, look: Look) -> None:
    ax.set_xlim(0, len(found.rules))
    ax.set_ylim(len(found.fired) - 0.5, -0.5)
    names = ["\n".join(textwrap.wrap(rule, _LETTERS)) for rule in found.rules]
    ax.set_xticks([column + 0.5 for column in range(len(found.rules))], names, size=8)
    ax.set_yticks(range(len(found.fired)), list(found.fired), size=8.5)
    ax.tick_params(length=0, labelcolor=look.ink)
    for spine in ax.spines.values():
        spine.set_visible(False)
