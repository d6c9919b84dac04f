"""The upper panel: one lane a node, one bar a pod, badges for what was done and what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.caption import lane_name
from daemonset_course.look import HEIGHT, Look, revision_colour, text_on
from daemonset_course.spans import Gap, Mark, Segment
from daemonset_course.timeline import Timeline

_INCHES = 6.9  # width of the panel: what fits on a bar follows from it


@dataclass(frozen=True)
class Piece:
    """A part of a segment drawn in row ``row`` of ``rows`` within its lane."""

    segment: Segment
    start: float
    end: float
    row: int
    rows: int


@dataclass(frozen=True)
class Badge:
    """A number in the picture and what it stands for; ``marks`` share one text and one moment."""

    number: int
    marks: tuple[Mark, ...]

    @property
    def text(self) -> str:
        """What happened."""
        return self.marks[0].text


def draw_lanes(ax: Axes, timeline: Timeline, look: Look, span: tuple[float, float]) -> None:
    """Draws every pod of the timeline; ``span`` is the time axis' (from, until) in seconds."""
    _prepare(ax, timeline, look)
    by_node = defaultdict(list)
    for segment in timeline.segments:
        by_node[segment.node].append(segment)
    for lane, node in enumerate(timeline.nodes):
        for piece in pieces(by_node[node]):
            _draw_piece(ax, piece, lane, timeline, look, (span[1] - span[0]) / _INCHES)
        if not by_node[node]:
            ax.text(
                span[0] + (span[1] - span[0]) * 0.008, lane, "no pod", color=look.muted,
                style="italic", size=7.5, va="center",
            )  # fmt: skip
    draw_gaps(ax, [gap for gap in timeline.gaps if gap.resource == "pods"], look)


def draw_gaps(ax: Axes, gaps: Sequence[Gap], look: Look) -> None:
    """Hatches the stretches that nobody watched."""
    for gap in gaps:
        ax.axvspan(
            gap.start, gap.end, facecolor="none", edgecolor=look.muted, hatch="...",
            linewidth=0, alpha=0.45, zorder=0.5,
        )  # fmt: skip


def pieces(segments: Sequence[Segment]) -> Iterator[Piece]:
    """One lane's segments, cut where pods begin or stop to share the lane; the older one on top."""
    births: dict[str, float] = {}
    for segment in segments:
        births[segment.pod] = min(segment.start, births.get(segment.pod, segment.start))
    edges = sorted({t for s in segments for t in (s.start, s.end)})
    open_: dict[str, Piece] = {}
    for start, end in pairwise(edges):
        alive = [s for s in segments if s.start <= start and s.end >= end]
        alive.sort(key=lambda s: (births[s.pod], s.pod))
        now = {s.pod: Piece(s, start, end, i, len(alive)) for i, s in enumerate(alive)}
        for pod, piece in now.items():
            last = open_.get(pod)
            if last and (last.segment, last.row, last.rows) == (
                piece.segment, piece.row, piece.rows,
            ):  # fmt: skip
                now[pod] = Piece(last.segment, last.start, end, last.row, last.rows)
            elif last:
                yield last
        yield from (piece for pod, piece in open_.items() if pod not in now)
        open_ = now
    yield from open_.values()


def badges(marks: Sequence[Mark], near: float) -> list[Badge]:
    """The marks as numbered badges; equal ones within ``near`` seconds share a number."""
    groups: list[list[Mark]] = []
    latest: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        group = latest.get((mark.kind, mark.text))
        if group is None or mark.t - group[0].t > near:
            group = latest[mark.kind, mark.text] = []
            groups.append(group)
        group.append(mark)
    return [Badge(i, tuple(group)) for i, group in enumerate(groups, 1)]


def draw_badges(
    ax: Axes, shown: Sequence[Badge], rows: dict[str, int], look: Look, wide: float
) -> None:
    """Puts each badge on its node's lane, or above the lanes with a line through them.

    ``wide`` is a badge's width in seconds: badges of one row keep that distance.
    """
    taken: defaultdict[int, float] = defaultdict(lambda: float("-inf"))
    for badge in shown:
        for lane in {rows.get(mark.node, -1): mark for mark in badge.marks}.items():
            row, mark = lane
            if row < 0:
                ax.axvline(mark.t, color=look.muted, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
            x = max(mark.t, taken[row] + wide)
            taken[row] = x
            _draw_badge(ax, x, row, badge, mark.kind, look)


def _draw_badge(ax: Axes, x: float, row: int, badge: Badge, kind: str, look: Look) -> None:
    solid = kind == "action"
    box = {
        "boxstyle": "square,pad=0.22" if kind == "note" else "circle,pad=0.18",
        "facecolor": look.ink if solid else look.ground,
        "edgecolor": look.ink,
        "linewidth": 0.8,
    }
    y = -0.95 if row < 0 else row
    ax.text(
        x, y, str(badge.number), size=6.5, weight="bold", ha="center", va="center", bbox=box,
        color=look.ground if solid else look.ink, zorder=6, clip_on=False,
    )  # fmt: skip


def _prepare(ax: Axes, timeline: Timeline, look: Look) -> None:
    lanes = len(timeline.nodes)
    ax.set_ylim(lanes - 0.45, -0.55)
    ax.set_yticks(range(lanes), [lane_name(timeline, node) for node in timeline.nodes])
    served = {segment.node for segment in timeline.segments}
    for label, node in zip(ax.get_yticklabels(), timeline.nodes, strict=True):
        label.set_color(look.ink if node in served else look.muted)
    for lane in range(0, lanes, 2):
        ax.axhspan(lane - 0.5, lane + 0.5, facecolor=look.stripe, linewidth=0, zorder=0)


def _draw_piece(
    ax: Axes, piece: Piece, lane: int, timeline: Timeline, look: Look, second_inches: float
) -> None:
    segment = piece.segment
    number = timeline.revisions.index(segment.revision)
    colour = revision_colour(number)
    share = 0.8 / piece.rows if piece.rows > 1 else 1.0
    middle = lane + (piece.row - (piece.rows - 1) / 2) * share
    height = HEIGHT[segment.phase] * share
    corner = (piece.start, middle - height / 2)
    width = piece.end - piece.start
    style = look.bar(segment.phase, colour)
    ax.add_patch(Rectangle(corner, width, height, zorder=2, **style))
    inches = width / second_inches
    if piece.start > segment.start or piece.rows > 2:
        return
    if segment.phase == "ready" and inches > 0.14:
        _label(ax, piece.start, middle, str(number + 1), text_on(colour), None)
    elif segment.reason and inches > 0.075 * len(segment.reason):
        _label(ax, piece.start, middle, segment.reason, look.ink, look.ground)


def _label(ax: Axes, x: float, y: float, text: str, colour: str, ground: str | None) -> None:
    box = None if ground is None else {"facecolor": ground, "edgecolor": "none", "pad": 0.8}
    ax.annotate(
        text, (x, y), (4, -0.3), textcoords="offset points", size=6.5, va="center",
        color=colour, bbox=box, zorder=3,
    )  # fmt: skip
