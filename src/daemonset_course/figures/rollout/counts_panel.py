"""The lower panel: nodes without an available Pod over time, with what the budget allows."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from daemonset_course.figures.lanes import hatch_unknown
from daemonset_course.figures.lines import draw_series, name_ends, shade_above
from daemonset_course.figures.page import draw_grid
from daemonset_course.figures.shapes import Series, Stroke, Style, points_of
from daemonset_course.figures.theme import Theme
from daemonset_course.history.rollouts import under_way
from daemonset_course.history.spans import Steps, within
from daemonset_course.history.timeline import Timeline

_FITS = 17  # characters of a label that fit beside the panel
_ABOVE = Style("alarm", 0.65, "\\\\\\\\", width=0.0)


def draw_counts(
    ax: Axes, theme: Theme, timelines: Sequence[Timeline], labels: Sequence[str]
) -> None:
    """Draw the counts of one timeline, or of two to compare, on one panel."""
    alone = len(timelines) == 1
    series = _series(timelines[0]) if alone else _compared(timelines, labels)
    top = _top(series, timelines)
    ax.set_ylim(-0.04 * top, top)
    ax.set_ylabel("nodes, Pods" if alone and len(series) > 2 else "nodes")
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    draw_grid(ax, theme)
    draw_series(ax, theme, series)
    for timeline in timelines:
        bound = points_of(_allowed(timeline, timeline.budget))
        shade_above(ax, theme, points_of(timeline.unavailable), bound, _ABOVE)
        hatch_unknown(ax, theme, tuple((gap.start, gap.end) for gap in timeline.gaps))
    name_ends(ax, theme, [one for one in series if one.named])


def _series(timeline: Timeline) -> list[Series]:
    lines = [_line("unavailable", timeline.unavailable, Stroke("foreground", 1.7))]
    budget, extra = (_allowed(timeline, line) for line in (timeline.budget, timeline.surge_budget))
    if budget.max() is not None:
        lines.append(_line(_bound("budget", budget), budget, _bounding("alarm")))
    if timeline.surge.max() or extra.max():
        lines.append(_line("extra Pods", timeline.surge, Stroke("surge", 1.4)))
    if extra.max():
        lines.append(_line(_bound("surge budget", extra), extra, Stroke("surge", 1.3, "dotted")))
    return lines


def _compared(timelines: Sequence[Timeline], labels: Sequence[str]) -> list[Series]:
    strokes = (Stroke("foreground", 1.7), Stroke("compared", 1.7, "dashed"))
    bounds = [_allowed(timeline, timeline.budget) for timeline in timelines]
    names = [_bound("budget", bound) for bound in bounds]
    same = names[0] == names[1]
    lines = []
    for timeline, label, bound, name, stroke in zip(
        timelines, labels, bounds, names, strokes, strict=True
    ):
        short = label if len(label) <= _FITS else label[: _FITS - 1] + "…"
        lines.append(_line(short, timeline.unavailable, stroke))
        named = not same or timeline is timelines[-1]
        colour = "alarm" if same else stroke.colour
        lines.append(_line(name, bound, _bounding(colour), named=named))
    return [line for line in lines if any(y is not None for _, y in line.points)]


def _line(label: str, steps: Steps, stroke: Stroke, *, named: bool = True) -> Series:
    return Series(label, points_of(steps), stroke, named=named)


def _bounding(colour: str) -> Stroke:
    return Stroke(colour, 1.3, "dashed")


def _allowed(timeline: Timeline, bound: Steps) -> Steps:
    """Return what the update strategy allows, while a template is being rolled out."""
    return within(bound, under_way(timeline))


def _bound(name: str, steps: Steps) -> str:
    values = [value for value in steps.values if value is not None]
    return f"{name} {values[-1]}" if values else name


def _top(series: Sequence[Series], timelines: Sequence[Timeline]) -> float:
    """Return the axis' upper end: above every count, and above the budgets up to all nodes."""
    scope = max(timeline.scope.max() or 0 for timeline in timelines)
    highest = [max((y for _, y in one.points if y is not None), default=0) for one in series]
    return max([1.0, *(min(y, scope) for y in highest)]) * 1.12 + 0.25
