"""Draws which workload asks its node for what, and which log agent read which Pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import ALARM, DARK, LIGHT, PALETTE, Look, course_style, text_on
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.table import prepare_rows
from daemonset_course.timeline.features import (
    DAEMONSET,
    DEPLOYMENT,
    FEATURES,
    Features,
    features,
    features_caption,
    features_headline,
    readers_caption,
    readers_headline,
)

_ROW = 0.3  # inches
_LEFT = 1.95
_GAP = 0.5  # of a column, between two groups
_SUMS = 0.11  # of the columns' width, for a part of the sums behind them
_SLOPE = 35  # degrees of a long name above its column
_HEADS, _TWO_HEADS = 0.62, 0.44  # inches above the cells
_MARKS = {True: "✓", False: "✗"}  # whether a Pod is read by the agent of its own node
_READ = {"✓": PALETTE[0], "✗": ALARM}
_COLOURS = {DAEMONSET: PALETTE[0], DEPLOYMENT: PALETTE[1]}


def plot_features(found: Mapping[str, Iterable[str]], *, dark: bool = False) -> Picture:
    """Features by workloads, counted by kind; ``found`` holds those of ``DaemonSet logs`` etc."""
    look, table = DARK if dark else LIGHT, features(found)
    title, told = features_headline(table), features_caption(table)
    kinds = [kind for kind in _COLOURS if table.of(kind)]
    places = _places([len(table.of(kind)) for kind in kinds])
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_HEADS + _ROW * len(FEATURES), axis=0.12,
            left=_LEFT, legend=_legend(kinds, look),
        )  # fmt: skip
        end = places[-1] + 0.5
        prepare_rows(ax, list(FEATURES), end * (1 + _SUMS), _HEADS / _ROW, look)
        for x, workload in zip(places, table.workloads, strict=True):
            kind, _, name = workload.partition(" ")
            ax.text(x - 0.1, -0.6, name, size=8.5, rotation=_SLOPE, va="bottom", color=look.ink)
            for y, feature in enumerate(FEATURES):
                has = feature in table.found[workload]
                _cell(ax, x, y, "✓" if has else "", _style(_COLOURS[kind] if has else "", look))
        _sums(ax, end, table, kinds, look)
    return Picture(figure, told, title)


def plot_readers(
    runs: Mapping[str, Sequence[int]], read: Mapping[str, Sequence[int]], *, dark: bool = False
) -> Picture:
    """Log agents by the Pods that they read, Pods by their node.

    Args:
        runs: by node, the numbers of the Pods that run there.
        read: by the node of an agent, the numbers of the Pods that it read.
        dark: for a dark page.
    """
    look = DARK if dark else LIGHT
    title, told = readers_headline(runs, read), readers_caption(runs, read)
    groups = {node: some for node, some in runs.items() if some}
    places = _places([len(some) for some in groups.values()])
    pods = [(number, node) for node, some in groups.items() for number in some]
    strangers = any(set(some) - set(runs.get(node, ())) for node, some in read.items())
    with course_style():
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_TWO_HEADS + _ROW * len(read), axis=0.12,
            left=_LEFT, legend=_readers_legend(look, strangers=strangers),
        )  # fmt: skip
        rows = [f"agent on {node}" for node in read]
        prepare_rows(ax, rows, places[-1] + 0.5, _TWO_HEADS / _ROW, look)
        for x, (number, home) in zip(places, pods, strict=True):
            _head(ax, x, -0.85, str(number), look)
            for y, agent in enumerate(read):
                mark = _MARKS[agent == home] if number in read[agent] else ""
                _cell(ax, x, y, mark, _style(_READ.get(mark, ""), look))
        for node in groups:
            middle = [x for x, (_, home) in zip(places, pods, strict=True) if home == node]
            _head(ax, sum(middle) / len(middle), -1.6, f"Pods on {node}", look, weight="bold")
    return Picture(figure, told, title)


def _places(groups: Sequence[int]) -> list[float]:
    """Where columns stand: side by side, with a gap between groups."""
    return [
        column + group * _GAP
        for group in range(len(groups))
        for column in range(sum(groups[:group]), sum(groups[: group + 1]))
    ]


def _head(ax: Axes, x: float, y: float, text: str, look: Look, **style: Any) -> None:
    ax.text(x, y, text, size=8.5, ha="center", va="center", color=look.ink, **style)


def _cell(ax: Axes, x: float, y: float, mark: str, style: dict[str, Any]) -> None:
    ax.add_patch(Rectangle((x - 0.42, y - 0.38), 0.84, 0.76, **style))
    colour = text_on(style["edgecolor"])
    ax.text(x, y, mark, size=9, ha="center", va="center_baseline", color=colour)


def _sums(ax: Axes, end: float, table: Features, kinds: Sequence[str], look: Look) -> None:
    """Behind the last column: how many workloads of each kind have a feature."""
    bold: dict[str, Any] = {"size": 8.5, "weight": "bold", "color": look.ink}
    at: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False}
    for i, kind in enumerate(kinds):
        right = 24 + 44 * i
        ax.annotate(f"{kind}s", (end, -0.6), (right, 0), va="bottom", rotation=_SLOPE, **bold, **at)
        for y, feature in enumerate(FEATURES):
            told = f"{table.count(feature, kind)} of {len(table.of(kind))}"
            ax.annotate(told, (end, y), (right, 0), va="center", ha="center", **bold, **at)


def _legend(kinds: Sequence[str], look: Look) -> list[Entry]:
    return [(f"{kind} has it", 0.8, _style(_COLOURS[kind], look)) for kind in kinds] + [
        ("does not", 0.8, _style("", look))
    ]


def _readers_legend(look: Look, *, strangers: bool) -> list[Entry]:
    own: Entry = ("read by the agent of its node", 0.8, _style(_READ["✓"], look))
    other: Entry = ("read from another node", 0.8, _style(_READ["✗"], look))
    return [own, *[other] * strangers, ("not seen", 0.8, _style("", look))]


def _style(colour: str, look: Look) -> dict[str, Any]:
    if not colour:
        return {"facecolor": look.ground, "edgecolor": look.faint, "linewidth": 0.8}
    return {"facecolor": colour, "edgecolor": colour, "linewidth": 0.8}
