"""One picture of the live view: the timeline so far, with its numbers and what it waits for."""

from __future__ import annotations

from dataclasses import replace

from daemonset_course.analysis.explain import explain_timeline
from daemonset_course.figures.rollout.chart import MOST_LANES, one_chart
from daemonset_course.figures.rollout.expected import Predicted
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.history.rollouts import under_way
from daemonset_course.history.text import nodes, seconds
from daemonset_course.history.timeline import Timeline


def view(timeline: Timeline, predicted: Predicted = None) -> str:
    """Return a timeline as HTML: the counts, what the rollout waits for, the lanes.

    ``predicted``: what the learner predicted, to be drawn in.
    """
    why = explain_timeline(timeline).sentence(timeline.lane)
    waits = f"Waits: {why}" if why else "\u00a0"  # a line of its own at any time
    # The caption comes with the whole recording, and the panel is there from the beginning.
    # A large fleet is a raster from the beginning, not only when so many lanes have unfolded.
    charts = one_chart(
        timeline, title=counts(timeline), caption="", counts=True,
        fold=len(timeline.nodes) <= MOST_LANES, predicted=predicted,
    )  # fmt: skip
    least = max(charts.span[1], timeline.start + 1.0)
    return inline(replace(charts, span=(timeline.start, least)), above=(waits,), scripted=False)


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
