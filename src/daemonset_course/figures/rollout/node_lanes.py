"""The upper panel: a lane for each node, a bar for each Pod, badges for actions and events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.lanes import (
    draw_bar,
    draw_stripe,
    hatch_unknown,
    longest_first,
    write,
)
from daemonset_course.figures.page import TEXT, inches
from daemonset_course.figures.pods import pod_style
from daemonset_course.figures.shapes import Style
from daemonset_course.figures.theme import Theme, series
from daemonset_course.history.log import Mark
from daemonset_course.history.numbering import number_text, renumbered
from daemonset_course.history.spans import Segment
from daemonset_course.history.timeline import Timeline

_FITS = 15  # characters of a node's name beside its lane
_INCHES = 6.9  # width of the panel: what fits on a bar follows from it
REMOVED = Style("muted", hatch="||||", edge="background", width=0.0)  # cuts up what is drawn


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
    """A number in the picture and its marks, which share one text and one moment."""

    number: int
    marks: tuple[Mark, ...]

    @property
    def text(self) -> str:
        """The text that the marks share."""
        return self.marks[0].text


def draw_lanes(ax: Axes, timeline: Timeline, theme: Theme, span: tuple[float, float]) -> None:
    """Draw every Pod of the timeline; ``span`` is the time axis' (from, until) in seconds."""
    _prepare(ax, timeline, theme)
    _draw_end(ax, timeline, theme, span)
    by_node = defaultdict(list)
    for segment in timeline.segments:
        by_node[segment.node].append(segment)
    for lane, node in enumerate(timeline.nodes):
        for piece in sorted(pieces(by_node[node]), key=longest_first):
            _draw_piece(ax, piece, lane, timeline, theme, span)
        if not by_node[node]:
            x = max(span[0], timeline.start) + (span[1] - span[0]) * 0.008
            ground = theme.background if lane % 2 else theme.stripe  # over a mark's line
            ax.text(
                x, lane, "no Pod", color=theme.muted, style="italic", size=TEXT, va="center",
                bbox={"facecolor": ground, "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    for node, start, end in removed(timeline):
        corner = (start, timeline.nodes.index(node) - 0.5)
        style = theme.patch(REMOVED) | {"facecolor": "none"}
        ax.add_patch(Rectangle(corner, end - start, 1, zorder=2.4, **style))
    hatch_unknown(ax, theme, unknown(timeline, "pods"))


def removed(timeline: Timeline) -> Iterator[tuple[str, float, float]]:
    """Yield (node, from, until) of each stretch in which a node with a lane was deleted."""
    for mark in timeline.marks:
        if mark.text == "node deleted" and mark.node in timeline.nodes:
            back = [m.t for m in timeline.marks if (m.text, m.node) == ("node added", mark.node)]
            yield mark.node, mark.t, min([t for t in back if t > mark.t], default=timeline.end)


def unknown(timeline: Timeline, *resources: str) -> tuple[tuple[float, float], ...]:
    """Return the stretches in which the watch of one of these resources was interrupted."""
    return tuple((gap.start, gap.end) for gap in timeline.gaps if gap.resource in resources)


def pieces(segments: Sequence[Segment]) -> Iterator[Piece]:
    """Yield a lane's segments, cut where Pods begin or stop to share it; the older one on top."""
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
    yield from _momentary(segments, births)


def _momentary(segments: Sequence[Segment], births: Mapping[str, float]) -> Iterator[Piece]:
    """Yield the segments of no length, in a row beside the other Pods of their moment."""
    for one in (s for s in segments if s.start == s.end):
        beside = {s.pod for s in segments if s.start <= one.start <= s.end} | {one.pod}
        rows = sorted(beside, key=lambda pod: (births[pod], pod))
        yield Piece(one, one.start, one.end, rows.index(one.pod), len(rows))


def badges(marks: Sequence[Mark], near: float) -> list[Badge]:
    """Return the marks as numbered badges; equal marks within ``near`` seconds share a number."""
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
    ax: Axes, drawn: Sequence[Badge], rows: dict[str, int], theme: Theme, wide: float
) -> None:
    """Draw each badge on its node's lane, or above the lanes with a line through them.

    ``wide`` is a badge's width in seconds: badges of one row keep that distance.
    """
    # On a lane a badge must not cover the end of the node's name.
    taken: defaultdict[int, float] = defaultdict(lambda: ax.get_xlim()[0] - wide / 3)
    taken[-1] = float("-inf")
    for badge in drawn:
        for lane in {rows.get(mark.node, -1): mark for mark in badge.marks}.items():
            row, mark = lane
            if row < 0:
                ax.axvline(
                    mark.t, color=theme.muted, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1
                )
            x = max(mark.t, taken[row] + wide)
            taken[row] = x
            _draw_badge(ax, x, row, badge, mark.kind, theme)


def _draw_badge(ax: Axes, x: float, row: int, badge: Badge, kind: str, theme: Theme) -> None:
    solid = kind == "action"
    box = {
        "boxstyle": "square,pad=0.22" if kind == "note" else "circle,pad=0.18",
        "facecolor": theme.foreground if solid else theme.background,
        "edgecolor": theme.foreground,
        "linewidth": 0.8,
    }
    top = row < 0  # above the panel, whatever the panel's own scale
    ax.annotate(
        str(badge.number), (x, 1.0 if top else row), (0, 9 if top else 0),
        xycoords=("data", "axes fraction" if top else "data"), textcoords="offset points",
        size=TEXT, weight="bold", ha="center", va="center", bbox=box,
        color=theme.background if solid else theme.foreground, zorder=6, annotation_clip=False,
    )  # fmt: skip


def _prepare(ax: Axes, timeline: Timeline, theme: Theme) -> None:
    lanes = len(timeline.nodes)
    ax.set_ylim(lanes - 0.45, -0.55)
    ax.set_yticks(range(lanes), [_fitting(timeline.lane(n)) for n in timeline.nodes])
    served = {segment.node for segment in timeline.segments}
    for label, node in zip(ax.get_yticklabels(), timeline.nodes, strict=True):
        label.set_color(theme.foreground if node in served else theme.muted)
    for lane in range(0, lanes, 2):
        draw_stripe(ax, theme, (timeline.start, timeline.end), lane)


def _fitting(name: str) -> str:
    """Return the name, or its beginning and end if it is longer than the margin is wide."""
    return name if len(name) <= _FITS else f"{name[:7]}…{name[8 - _FITS :]}"


def _draw_end(ax: Axes, timeline: Timeline, theme: Theme, span: tuple[float, float]) -> None:
    """Write where the recording ended, if the one that it is compared with is longer."""
    if timeline.end > span[1] - 0.03 * (span[1] - span[0]):
        return
    ax.axvline(timeline.end, color=theme.muted, linewidth=0.6, zorder=1)
    ax.annotate(
        "recording ended", (timeline.end, len(timeline.nodes) - 1), (4, 0), size=TEXT, va="center",
        textcoords="offset points", style="italic", color=theme.muted, annotation_clip=False,
    )  # fmt: skip


def _draw_piece(
    ax: Axes, piece: Piece, lane: int, timeline: Timeline, theme: Theme, span: tuple[float, float]
) -> None:
    segment = piece.segment
    style = pod_style(segment.phase, series(timeline.revisions.index(segment.revision)))
    share = 0.8 / piece.rows if piece.rows > 1 else 1.0
    middle = lane + (piece.row - (piece.rows - 1) / 2) * share
    time = (piece.start, piece.end)
    draw_bar(ax, time, middle, style.height * share, span, **theme.patch(style))
    if piece.start > segment.start or piece.rows > 2:
        return
    x = max(piece.start, span[0])
    room = (piece.end - x) / (span[1] - span[0]) * _INCHES
    label = partial(write, ax, theme, size=TEXT, zorder=3)
    if segment.phase == "ready" and room > 0.16:
        ink = theme.text_on(style)
        label((x, middle), number_text(timeline, segment.revision, x), color=ink)
        for t, new in renumbered(timeline, segment.revision):
            if x < t and (piece.end - t) / (span[1] - span[0]) * _INCHES > 0.3:
                label((t, middle), f"→{new}", color=ink)
    else:
        for words in (segment.reason, segment.reason.rpartition(": ")[2]):
            if words and room > 0.12 + inches(words, TEXT):
                label((x, middle), words, boxed=True)
                break
