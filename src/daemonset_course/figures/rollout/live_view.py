"""One picture of the live view: the last rollout so far, its numbers, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from daemonset_course.analysis.explain import explain_timeline, named
from daemonset_course.figures.rollout.chart import MOST_LANES, one_chart
from daemonset_course.figures.rollout.expected import Predicted
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.history.marks import Warned
from daemonset_course.history.rollouts import under_way
from daemonset_course.history.text import counted, nodes, seconds
from daemonset_course.history.timeline import Timeline

MOST_ROWS = 250  # nodes that are drawn; of a larger fleet every second, third, ... one is
MOST_WARNINGS = 3  # the last ones


def view(
    timeline: Timeline, predicted: Predicted = None, *, scripted: bool = False, ended: bool = False
) -> str:
    """Return a timeline as HTML: the counts, what the rollout waits for, lanes, warnings.

    Args:
        timeline: mostly ``History.recent``, so that the work does not grow with the log.
        predicted: what the learner predicted, to be drawn in.
        scripted: write the script too; one picture needs it for all that take its place.
        ended: this is the last picture.
    """
    why = "" if deleted(timeline) else explain_timeline(timeline).sentence(timeline.lane)
    waits = [f"Waits: {why}" if why else "\u00a0"]  # a line of its own at any time
    if ended and not why:
        waits = []
    drawn, left_out = _rows(timeline)
    # The caption comes with the whole recording. The panel is there from the beginning, and stays
    # if it says something.
    # A large fleet is a raster from the beginning, not only when so many lanes have unfolded.
    dense = len(timeline.nodes) > MOST_LANES
    charts = one_chart(
        drawn, title=counts(timeline), caption="", counts=None if ended else True,
        fold=not dense, predicted=predicted, strip=not dense,
    )  # fmt: skip
    start = timeline.since or timeline.start
    least = max(charts.span[1], start + 1.0)
    above = (*waits, *left_out, *(_earlier(timeline) if ended else ()))
    html = inline(replace(charts, span=(start, least)), above=above, scripted=scripted)
    return html + _warnings(timeline)


def counts(timeline: Timeline) -> str:
    """Return the status' numbers and the nodes without an available Pod, at the timeline's end."""
    at = f"{seconds(timeline.end - timeline.start)}"
    if not timeline.status:
        return f"{at}: no status yet"
    if deleted(timeline):
        left = {one.pod for one in timeline.segments if one.end >= timeline.end}
        return f"{at}: the DaemonSet is deleted, {counted(len(left), 'Pod')} left"
    desired, _, ready, updated, *_ = timeline.status[-1][1]
    down = timeline.unavailable.at(timeline.end)
    running = any(a <= timeline.end <= b for a, b in under_way(timeline))
    budget = timeline.budget.at(timeline.end) if running else None
    bound = f", budget {budget:g}" if budget is not None else ""
    return (
        f"{at}: DESIRED {desired}, READY {ready}, UP-TO-DATE {updated}; "
        f"{nodes(None if down is None else int(down))} without an available Pod{bound}"
    )


def deleted(timeline: Timeline) -> bool:
    """Whether the DaemonSet had been seen, and was deleted before the timeline's end."""
    seen = timeline.status and "daemonsets" not in timeline.unseen
    return bool(seen) and timeline.scene.daemonset is None


def warning_lines(timeline: Timeline) -> list[str]:
    """Return a line for each of the last warnings: reason, message, where, how often."""
    found = [_line(one, timeline) for one in timeline.warnings[:MOST_WARNINGS]]
    more = len(timeline.warnings) - len(found)
    return [*found, f"and {more} earlier"] if more > 0 else found


def _line(one: Warned, timeline: Timeline) -> str:
    places = [timeline.lane(place) for place in one.places]
    where = f" ({named(places)})" if places else ""
    often = f", {one.times} times" if one.times > 1 else ""
    return f"{one.reason}: {one.message}{where}{often}"


def _warnings(timeline: Timeline) -> str:
    lines = warning_lines(timeline)
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    words = "Warnings, the last one first:"
    return f'<div style="font-size:13px;padding:0 8px">{words}<ul>{items}</ul></div>'


def _rows(timeline: Timeline) -> tuple[Timeline, tuple[str, ...]]:
    """Return the timeline with the nodes that are drawn, and a line about the others."""
    step = -(-len(timeline.nodes) // MOST_ROWS)
    if step <= 1:
        return timeline, ()
    kept = timeline.nodes[::step]
    there = set(kept)
    segments = tuple(one for one in timeline.segments if one.node in there)
    states = {node: found for node, found in timeline.node_states.items() if node in there}
    line = f"{len(kept)} of the {len(timeline.nodes)} nodes are drawn; the numbers are of all"
    return replace(timeline, nodes=kept, segments=segments, node_states=states), (line,)


def _earlier(timeline: Timeline) -> Iterator[str]:
    if timeline.since:
        yield f"Shown from {timeline.since:.1f} s on; plot() shows the whole recording."
