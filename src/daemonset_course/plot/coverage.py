"""Draws grids: nodes by DaemonSets, and tolerations by objects; a shape a cell, and a sum below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import DARK, LIGHT, PALETTE, Look, course_style, text_on
from daemonset_course.plot.paper import RIGHT, WIDTH, Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.coverage import (
    carried,
    carried_caption,
    carried_headline,
    coverage,
    coverage_caption,
    coverage_headline,
)

_ROW = 0.3  # inches
_HEADS = 0.3
_LETTER = 0.068
_COLOUR = PALETTE[0]

# A cell: whether it is full, and the text on it. No cell: nothing is there.
Cell = tuple[bool, str]


def plot_coverage(
    log: Sequence[Mapping[str, Any]], daemonsets: Sequence[str], *, dark: bool = False
) -> Picture:
    """The nodes of a recording by DaemonSets: where is a pod at its end?

    Raises:
        BadInput: the recording shows none of these DaemonSets.
    """
    look, found = DARK if dark else LIGHT, coverage(log, daemonsets)
    rows = [
        (node, ", ".join(map(_short, taints)))
        for node, taints in zip(found.nodes, found.taints, strict=True)
    ]
    marks: dict[str, Cell] = {"ready": (True, "✓"), "not ready": (False, "…")}
    cells = {
        (found.nodes.index(node), found.daemonsets.index(name)): marks[cover]
        for (node, name), cover in found.cells.items()
        if cover in marks
    }
    sums = [f"{found.covered(name)} of {len(found.nodes)}" for name in found.daemonsets]
    title, told = coverage_headline(found), coverage_caption(found)
    words = {(True, "✓"): "ready Pod", (False, "…"): "Pod, not ready", None: "no Pod"}
    figure = _grid(look, title, told, rows, found.daemonsets, cells, ("covered", sums), words)
    return Picture(figure, told, title)


def plot_carried(
    log: Sequence[Mapping[str, Any]],
    objects: Mapping[str, tuple[str, str]],
    *,
    dark: bool = False,
) -> Picture:
    """The tolerations that objects of a recording carry; ``objects`` as for ``carried``.

    Raises:
        BadInput: the recording does not show one of them.
    """
    look, found = DARK if dark else LIGHT, carried(log, objects)
    cells: dict[tuple[int, int], Cell] = {
        (found.tolerations.index(one), found.objects.index(title)): (
            seconds is None,
            "✓" if seconds is None else f"{seconds} s",
        )
        for (one, title), seconds in found.seconds.items()
    }
    rows = [(_short(key), effect) for key, effect in found.tolerations]
    sums = [str(found.count(title)) for title in found.objects]
    title, told = carried_headline(found), carried_caption(found)
    words = {(True, "✓"): "tolerated for ever", (False, "s"): "for so long", None: "not tolerated"}
    figure = _grid(look, title, told, rows, found.objects, cells, ("in all", sums), words)
    return Picture(figure, told, title)


def _grid(
    look: Look,
    title: str,
    told: str,
    rows: Sequence[tuple[str, str]],
    columns: Sequence[str],
    cells: Mapping[tuple[int, int], Cell],
    foot: tuple[str, Sequence[str]],
    words: Mapping[Cell | None, str],
) -> Figure:
    """Rows by columns, with a line of sums under them."""
    first, second = (_LETTER * max(len(row[i]) for row in rows) for i in (0, 1))
    left = 0.15 + first + 0.2 + second + 0.2
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_HEADS + _ROW * (len(rows) + 1), axis=0.12,
            legend=_legend(words, look), left=left,
        )  # fmt: skip
        _prepare(ax, len(rows), columns, look)
        inch = len(columns) / (WIDTH - left - RIGHT)
        starts = [-0.5 - (second + 0.2 + first + 0.2) * inch, -0.5 - (second + 0.2) * inch]
        label, sums = foot
        for y, row in enumerate([*rows, (label, "")]):
            for x, text in zip(starts, row, strict=True):
                weight = "bold" if y == len(rows) else "normal"
                ax.text(x, y, text, size=8.5, va="center", color=look.ink, weight=weight)
        for y in range(len(rows)):
            for x in range(len(columns)):
                _draw(ax, x, y, cells.get((y, x)), look)
        ax.axhline(len(rows) - 0.5, color=look.muted, lw=0.8)
        for x, text in enumerate(sums):
            ax.text(
                x,
                len(rows),
                text,
                size=8.5,
                weight="bold",
                ha="center",
                va="center",
                color=look.ink,
            )
    return figure


def _short(taint: str) -> str:
    """Without the long prefixes of Kubernetes' own taints."""
    return re.sub(r"^node(-role)?\.kubernetes\.io/", "…/", taint)


def _legend(words: Mapping[Cell | None, str], look: Look) -> list[Entry]:
    return [(text, 0.8, _style(cell, look) | {"mark": ""}) for cell, text in words.items()]


def _style(cell: Cell | None, look: Look) -> dict[str, Any]:
    if cell is None:
        return {"facecolor": look.ground, "edgecolor": look.faint, "linewidth": 0.8}
    if cell[0]:
        return {"facecolor": _COLOUR, "edgecolor": _COLOUR, "linewidth": 0.8}
    return {"facecolor": look.ground, "edgecolor": _COLOUR, "linewidth": 1.2}


def _prepare(ax: Axes, rows: int, columns: Sequence[str], look: Look) -> None:
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(rows + 0.5, -0.5 - _HEADS / _ROW)
    ax.set_yticks([])
    ax.set_xticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    for x, name in enumerate(columns):
        ax.text(x, -0.85, name, size=8.5, ha="center", va="center", color=look.ink)


def _draw(ax: Axes, x: int, y: int, cell: Cell | None, look: Look) -> None:
    ax.add_patch(Rectangle((x - 0.4, y - 0.38), 0.8, 0.76, **_style(cell, look)))
    if cell is not None:
        colour = text_on(_COLOUR) if cell[0] else look.ink
        ax.text(x, y, cell[1], size=9, ha="center", va="center_baseline", color=colour)
