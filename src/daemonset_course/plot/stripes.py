"""Draws a node by time matrix: on each lane a stripe for a label over a stripe for the pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.bars import Span, draw_bar, longest_first
from daemonset_course.plot.look import DARK, HEIGHT, LIGHT, PALETTE, PHASES, Look, course_style
from daemonset_course.plot.paper import Entry, paper
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.caption import lane_name
from daemonset_course.timeline.labels import (
    LabelSpan,
    label_spans,
    reactions,
    reactions_caption,
    reactions_headline,
)
from daemonset_course.timeline.timeline import Timeline, build

_LANE = 0.4  # inches
_INCHES = 6.9  # width of the panel
_LABEL, _POD = -0.22, 0.18  # middles of the two stripes within a lane
_POD_COLOUR = PALETTE[0]
_LABEL_COLOUR = PALETTE[1]


def plot_stripes(
    log: Sequence[Mapping[str, Any]], key: str, value: str, *, dark: bool = False
) -> Picture:
    """A recording's nodes, each with its label ``key`` over its pod; ``value`` is filled."""
    look, timeline = DARK if dark else LIGHT, build(log)
    spans = label_spans(log, key)
    found = reactions(spans, timeline, value)
    title = reactions_headline(found, f"{key}={value}")
    told = reactions_caption(found, f"{key}={value}")
    lanes = [node for node in timeline.nodes if node]
    with course_style():
        legend = _legend(timeline, f"{key}={value}", look)
        figure, (ax,) = paper(
            look, title=title, caption=told, height=_LANE * len(lanes), legend=legend
        )
        _prepare(ax, timeline, lanes, look)
        time = (timeline.start, timeline.end)
        for lane, node in enumerate(lanes):
            for span in spans.get(node, []):
                _draw_label(ax, span, lane, value, look, time)
            _draw_pods(ax, timeline, node, lane, look)
    return Picture(figure, told, title)


def _legend(timeline: Timeline, wanted: str, look: Look) -> list[Entry]:
    seen = {segment.phase for segment in timeline.segments}
    labels: list[Entry] = [
        (f"label {wanted}", 0.5, _style(look, wanted=True)),
        ("another value", 0.5, _style(look, wanted=False)),
    ]
    pods = [(f"pod {p}", HEIGHT[p], look.bar(p, _POD_COLOUR)) for p in PHASES if p in seen]
    return labels + pods


def _style(look: Look, *, wanted: bool) -> dict[str, Any]:
    if wanted:
        return {"facecolor": _LABEL_COLOUR, "edgecolor": _LABEL_COLOUR, "linewidth": 0.6}
    return {"facecolor": look.ground, "edgecolor": look.muted, "linewidth": 0.6}


def _prepare(ax: Axes, timeline: Timeline, lanes: Sequence[str], look: Look) -> None:
    ax.set_ylim(len(lanes) - 0.5, -0.5)
    ax.set_xlim(timeline.start, timeline.end)
    ax.set_yticks(range(len(lanes)), [lane_name(timeline, node) for node in lanes])
    ax.set_xlabel("seconds since the recording began", color=look.ink)
    for lane in range(0, len(lanes), 2):
        ax.add_patch(
            Rectangle((0, lane - 0.5), timeline.end, 1, facecolor=look.stripe, lw=0, zorder=0)
        )


def _draw_label(ax: Axes, span: LabelSpan, lane: int, value: str, look: Look, time: Span) -> None:
    wanted = span.value == value
    if span.value is not None:
        style = _style(look, wanted=wanted)
        draw_bar(ax, (span.start, span.end), lane + _LABEL, 0.28, time, **style)
    start = max(span.start, time[0])
    text = span.value if span.value is not None else "no label"
    if (span.end - start) / (time[1] - time[0]) * _INCHES < 0.1 + 0.06 * len(text):
        return
    ax.annotate(
        text, (start, lane + _LABEL), (4, -0.3), textcoords="offset points", size=6.5,
        va="center", color="#000000" if wanted else look.muted, zorder=3,
        style="normal" if span.value is not None else "italic",
    )  # fmt: skip


def _draw_pods(ax: Axes, timeline: Timeline, node: str, lane: int, look: Look) -> None:
    time = (timeline.start, timeline.end)
    there = [segment for segment in timeline.segments if segment.node == node]
    for segment in sorted(there, key=longest_first):
        high, style = HEIGHT[segment.phase] * 0.6, look.bar(segment.phase, _POD_COLOUR)
        draw_bar(ax, (segment.start, segment.end), lane + _POD, high, time, **style)
