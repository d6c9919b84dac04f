"""Draws which pairs of two settings the API server accepts: a cell a pair, a letter a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import DARK, LIGHT, PALETTE, Look, course_style, text_on
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.verdicts import (
    Verdicts,
    verdicts,
    verdicts_caption,
    verdicts_headline,
)

_ROW = 0.34  # inches
_HEADS = 0.55  # inches for the columns' names
_ACCEPTED = PALETTE[0]


def plot_verdicts(
    answers: Mapping[tuple[Any, Any], str],
    *,
    rows: str,
    columns: str,
    title: str = "",
    dark: bool = False,
) -> Picture:
    """A map of pairs; ``answers`` holds for each the refusal's words, empty if it was accepted.

    Args:
        answers: (value of the row, value of the column) -> words.
        rows: the name of the first setting.
        columns: the name of the second one.
        title: the finding; made from the answers when left out.
        dark: for a dark page.
    """
    look, found = DARK if dark else LIGHT, verdicts(answers)
    title, told = title or verdicts_headline(found), verdicts_caption(found)
    height = _HEADS + _ROW * len(found.rows)
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=height, legend=_legend(found, look),
            axis=0.15, left=2.0,
        )  # fmt: skip
        _prepare(ax, found, rows, columns, look)
        for (row, column), said in found.answers.items():
            x, y = found.columns.index(column), found.rows.index(row)
            ax.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, **_style(said, look)))
            ax.text(
                x, y, found.letter(said) if said else "✓", size=9, ha="center",
                va="center_baseline", color=look.ink if said else text_on(_ACCEPTED),
            )  # fmt: skip
    return Picture(figure, told, title)


def _legend(found: Verdicts, look: Look) -> list[Entry]:
    letters = "".join(found.letter(message) for message in found.messages)
    refused = f"refused ({', '.join(letters)}: see below)"
    return [("accepted", 0.8, _style("", look)), (refused, 0.8, _style("refused", look))]


def _style(said: str, look: Look) -> dict[str, Any]:
    if said:
        return {"facecolor": look.stripe, "edgecolor": look.muted, "linewidth": 0.8}
    return {"facecolor": _ACCEPTED, "edgecolor": _ACCEPTED, "linewidth": 0.8}


def _prepare(ax: Axes, found: Verdicts, rows: str, columns: str, look: Look) -> None:
    heads = _HEADS / _ROW
    ax.set_xlim(-0.5, len(found.columns) - 0.5)
    ax.set_ylim(len(found.rows) - 0.5, -0.5 - heads)
    ax.set_xticks([])
    ax.set_yticks(range(len(found.rows)), found.rows)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for x, value in enumerate(found.columns):
        ax.text(x, -0.5 - heads * 0.22, value, size=8.5, ha="center", va="center", color=look.ink)
    bold: dict[str, Any] = {"size": 8.5, "weight": "bold", "va": "center", "color": look.ink}
    ax.text(-0.42, -0.5 - heads * 0.72, columns, **bold)
    ax.text(-0.6, -0.5 - heads * 0.22, rows, ha="right", **bold)
