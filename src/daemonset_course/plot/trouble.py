"""Draws nodes that fail: on each, its taints over the pods that were there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.bars import Span, draw_bar, longest_first
from daemonset_course.plot.look import (
    ALARM,
    DARK,
    HEIGHT,
    LIGHT,
    PHASES,
    Look,
    course_style,
    revision_colour,
    text_on,
)
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.trouble import (
    TaintSpan,
    Trouble,
    trouble,
    trouble_caption,
    trouble_headline,
)

_LANE = 0.32  # inches
_INCHES = 6.4  # width of the panel
_LEFT = 1.75
_EFFECTS = ("NoSchedule", "NoExecute")


def plot_trouble(
    log: Sequence[Mapping[str, Any]],
    nodes: Sequence[str],
    apps: Sequence[str],
    *,
    dark: bool = False,
) -> Picture:
    """These nodes of a recording: taints above, the pods with these labels ``app`` below."""
    look, found = DARK if dark else LIGHT, trouble(log, nodes, apps)
    title, told = trouble_headline(found), trouble_caption(found)
    end = float(log[-1]["t"])
    rows = len(_EFFECTS) + len(apps)
    with course_style():
        span = (begun(log), end)
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_LANE * rows * len(found), left=_LEFT,
            legend=_legend(found, look),
        )  # fmt: skip
        names: list[str] = []
        for i, one in enumerate(found):
            _draw_node(ax, one, i * rows, apps, look, span)
            names += [f"{one.node}  {effect}" for effect in _EFFECTS]
            names += [f"Pod of {app}" for app in apps]
            if i:
                ax.axhline(i * rows - 0.5, color=look.muted, lw=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(*span)
        ax.set_xlabel("seconds since the recording began", color=look.ink)
    return Picture(figure, told, title)


def _legend(found: Sequence[Trouble], look: Look) -> list[Entry]:
    seen = {s.phase for one in found for life in one.pods.values() for s in life}
    taints: list[Entry] = [
        ("taint, keeps off", 0.5, _taint("NoSchedule", look)),
        ("taint, evicts", 0.5, _taint("NoExecute", look)),
    ]
    blue = revision_colour(0)
    lives = [(f"Pod {p}", HEIGHT[p], look.bar(p, blue)) for p in PHASES if p in seen]
    if any(times for one in found for times in one.evictions.values()):
        plain = {"facecolor": look.ground, "edgecolor": look.ink, "linewidth": 0.8, "mark": "✗"}
        lives.append(("evicted", 0.8, plain))
    return taints + lives


def _taint(effect: str, look: Look) -> dict[str, Any]:
    face = ALARM if effect == "NoExecute" else look.fade(ALARM, 0.8)
    return {"facecolor": face, "edgecolor": ALARM, "linewidth": 0.8}


def _draw_node(
    ax: Axes, one: Trouble, top: int, apps: Sequence[str], look: Look, span: Span
) -> None:
    ax.add_patch(
        Rectangle((0, top - 0.5), span[1], len(_EFFECTS), facecolor=look.stripe, lw=0, zorder=0)
    )
    for taint in one.taints:
        if taint.effect in _EFFECTS:
            _draw_taint(ax, taint, top + _EFFECTS.index(taint.effect), look, span)
    for i, app in enumerate(apps):
        for segment in sorted(one.pods[app], key=longest_first):
            _draw_pod(ax, segment, top + len(_EFFECTS) + i, look, span)
        for t in one.evictions[app]:
            box = {"facecolor": look.ground, "edgecolor": look.ink, "linewidth": 0.8, "pad": 1.5}
            ax.text(
                t, top + len(_EFFECTS) + i, "✗", size=8, ha="center", va="center_baseline",
                color=look.ink, bbox=box, zorder=4,
            )  # fmt: skip


def _draw_taint(ax: Axes, taint: TaintSpan, row: int, look: Look, span: Span) -> None:
    draw_bar(ax, (taint.start, taint.end), row, 0.64, span, **_taint(taint.effect, look))
    start = max(taint.start, span[0])
    text = taint.name.rpartition(":")[0].removeprefix("node.kubernetes.io/")
    if (taint.end - start) / (span[1] - span[0]) * _INCHES < 0.1 + 0.065 * len(text):
        return
    ax.annotate(
        text, (start, row), (4, -0.3), textcoords="offset points", size=7.5, va="center",
        color=text_on(ALARM) if taint.effect == "NoExecute" else look.ink, zorder=3,
    )  # fmt: skip


def _draw_pod(ax: Axes, segment: Segment, row: int, look: Look, span: Span) -> None:
    style = look.bar(segment.phase, revision_colour(0))
    draw_bar(ax, (segment.start, segment.end), row, HEIGHT[segment.phase], span, **style)
