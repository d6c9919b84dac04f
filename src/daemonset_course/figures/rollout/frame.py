"""Draw one frame of the live view: a timeline as HTML, in a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby

from daemonset_course.analysis.explain import explain_timeline
from daemonset_course.figures.pods import PHASES, pod_style
from daemonset_course.figures.rollout.node_lanes import Piece, pieces
from daemonset_course.figures.theme import LIGHT, series
from daemonset_course.history.numbering import number_text
from daemonset_course.history.rollouts import under_way
from daemonset_course.history.spans import Phase
from daemonset_course.history.text import nodes, seconds
from daemonset_course.history.timeline import Timeline

_WIDTH, _LEFT = 900, 150  # pixels; the names are at the left
_ROW, _TALLEST = 20, 480  # a row, and all rows together
_NAMED = 12  # a lower row has no name
_SHAPES: dict[Phase, str] = {
    "pending": "thin and hollow",
    "not ready": "hollow",
    "ready": "full",
    "terminating": "thin and full",
    "unknown": "dashed",
}


def frame(timeline: Timeline) -> str:
    """Return a timeline as HTML: counts, what the rollout waits for, a row for each node, a key."""
    lanes = {node: i for i, node in enumerate(timeline.nodes)}
    row = min(_ROW, _TALLEST / max(1, len(lanes)))
    scale = (_WIDTH - _LEFT) / max(timeline.end - timeline.start, 1.0)
    parts = list(_bars(timeline, lanes, row, scale))
    if row >= _NAMED:
        parts += [
            f'<text x="{_LEFT - 8}" y="{(i + 0.7) * row:.1f}" text-anchor="end">'
            f"{escape(timeline.lane(node))}</text>"
            for node, i in lanes.items()
        ]
    text, high = escape(counts(timeline)), row * max(1, len(lanes))
    why = explain_timeline(timeline).sentence(timeline.lane)
    waits = f"Waits: {why}" if why else "\u00a0"  # a line of its own at any time
    return (
        f'<div style="font-size: 13px"><div><b>{text}</b></div>'
        f"<div>{escape(waits)}</div>"
        f'<svg role="img" aria-label="{text}" viewBox="0 0 {_WIDTH} {high:.0f}" '
        f'style="width: 100%; max-width: {_WIDTH}px" '
        f'font-size="12" fill="currentColor">{"".join(parts)}</svg>'
        f"<div>{_legend(timeline)}</div></div>"
    )


def counts(timeline: Timeline) -> str:
    """Return the status' numbers and the nodes without an available Pod, at the timeline's end."""
    at = f"{seconds(timeline.end - timeline.start)}"
    if not timeline.status:
        return f"{at}: no status yet"
    desired, _, ready, updated, *_ = timeline.status[-1][1]
    down = timeline.unavailable.at(timeline.end)
    running = any(a <= timeline.end <= b for a, b in under_way(timeline))
    budget = timeline.budget.at(timeline.end) if running else None
    bound = f", budget {budget:g}" if budget is not None else ""
    return (
        f"{at}: DESIRED {desired}, READY {ready}, UP-TO-DATE {updated}; "
        f"{nodes(None if down is None else int(down))} without an available Pod{bound}"
    )


def _bars(timeline: Timeline, lanes: Mapping[str, int], row: float, scale: float) -> Iterator[str]:
    """Yield all bars; Pods that share a lane, as with a surge, are drawn one above the other."""
    for node, segments in groupby(timeline.segments, key=lambda one: one.node):
        for piece in pieces(list(segments)):
            high = row / piece.rows
            yield _bar(timeline, piece, lanes[node] * row + piece.row * high, high, scale)


def _bar(timeline: Timeline, piece: Piece, top: float, row: float, scale: float) -> str:
    one = piece.segment
    style = pod_style(one.phase, name := series(timeline.revisions.index(one.revision)))
    colour = LIGHT.colour(name)
    number = number_text(timeline, one.revision, one.start)
    high = style.height * row
    fill = "none" if style.fade else colour
    edge = f'stroke="{colour}"'
    if one.phase == "unknown":
        edge = 'stroke="currentColor" stroke-dasharray="4 3"'
    start, end = (max(0.0, t - timeline.start) * scale for t in (piece.start, piece.end))
    wide = max(1.0, end - start)
    x = _LEFT + min(start, _WIDTH - _LEFT - wide)
    bar = (
        f'<rect x="{x:.1f}" y="{top + (row - high) / 2:.1f}" '
        f'width="{wide:.1f}" height="{high:.1f}" fill="{fill}" {edge}>'
        f"<title>{escape(one.name)}: {_word(timeline)} {number}, {one.phase}</title></rect>"
    )
    if row < _NAMED or one.phase != "ready" or wide < _NAMED:
        return bar
    at = f'x="{x + 4:.1f}" y="{top + 0.7 * row:.1f}"'
    return f'{bar}<text {at} fill="{LIGHT.text_on(style)}">{number}</text>'


def _word(timeline: Timeline) -> str:
    return "revision" if timeline.numbers else "template"


def _legend(timeline: Timeline) -> str:
    seen = {one.phase for one in timeline.segments}
    return " · ".join(f"{_SHAPES[p]}: {p}" for p in PHASES if p in seen and p in _SHAPES)
