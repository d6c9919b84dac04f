"""What a picture draws beside what happened: the learner's prediction, the bounds of a check. Pure.

A prediction is a line on the time axis, a level on a panel, words at the names of nodes, or a row
under the status. A bound is a level, a stretch of the axis, and a letter at each violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.figures.rollout.expected import PANELS, Expected, Predicted, expected
from daemonset_course.history.log import Mark
from daemonset_course.history.rollouts import rollouts, under_way
from daemonset_course.history.spans import Span, Steps
from daemonset_course.history.timeline import Timeline

YOU = "you: "
DIFFERS = " ≠"  # after a prediction at a node's name, where the result is another one
_GROWS = 0.3  # of the axis, for a prediction that lies beyond it


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that was predicted; ``beyond``: it lies behind the end of the axis."""

    t: float
    words: str
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A value on a panel of counts, from ``start`` to ``end``."""

    about: str
    value: float
    start: float
    end: float
    words: str
    kind: Literal["predicted", "bound"]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the time axis; ``beyond``: its real end lies behind that of the axis."""

    start: float
    end: float
    words: str
    beyond: bool = False


@dataclass(frozen=True)
class DrawnIn:
    """What is drawn into one chart.

    Attributes:
        moments: on the time axis.
        levels: on the panels.
        windows: on the time axis.
        names: words at the names of nodes, by node.
        status: the predicted numbers, by column of the status.
        above: (from, until, limit, count) of each stretch above a bound, by panel.
        outlines: (node, from, until) of each violation on a node.
        violations: as marks.
        said: sentences for the picture's description.
    """

    moments: tuple[Moment, ...] = ()
    levels: tuple[Level, ...] = ()
    windows: tuple[Window, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, tuple[tuple[float, float, int, int], ...]] = field(default_factory=dict)
    outlines: tuple[tuple[str, float, float], ...] = ()
    violations: tuple[Mark, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beside:
    """What is to be drawn into a chart: predictions, see ``expected``, and bounds of a check."""

    predicted: Predicted = None
    bounds: Sequence[Bound] = ()

    @property
    def expected(self) -> tuple[Expected, ...]:
        """The predictions that can be drawn."""
        return expected(self.predicted)


NOTHING_DRAWN = DrawnIn()


def reach(timeline: Timeline, predictions: Iterable[Expected], until: float) -> float:
    """Return the end of the time axis: a little later for a predicted moment that lies beyond it.

    ``until`` is the end without a prediction.
    """
    moments = [_zero(timeline) + one.value for one in predictions if one.kind == "length"]
    near = [t * 1.02 for t in moments if until < t <= until * (1 + _GROWS)]
    return max([until, *near])


def drawn_in(
    timeline: Timeline, predictions: Sequence[Expected], bounds: Sequence[Bound], span: Span
) -> DrawnIn:
    """Return what is drawn into the chart of a timeline, whose axis is ``span``.

    A bound of another DaemonSet is left out.
    """
    if not predictions and not bounds:
        return NOTHING_DRAWN
    whose = timeline.header.namespace, timeline.header.daemonset
    own = [one for one in bounds if one.daemonset == whose]
    windows = {one.span_words: _window(one, span) for one in own}
    return DrawnIn(
        moments=tuple(_moments(timeline, predictions, span)),
        levels=(*_predicted_levels(timeline, predictions), *_bound_levels(own)),
        windows=tuple(windows.values()),
        names=_names(timeline, predictions),
        status={one.about: f"{one.value:g}" for one in predictions
                if one.kind == "count" and one.about not in PANELS},
        above={about: tuple(_above(timeline, own, about)) for about in PANELS},
        outlines=tuple((each.node, each.start, each.end)
                       for one in own for each in one.violations if each.node),
        violations=tuple(Mark(each.start, f"✘ {each.words}", "violation", each.node)
                         for one in own for each in one.violations),
        said=(*(f"You predicted {_about(one)}." for one in predictions),
              *dict.fromkeys(f"The check allows {one.words}." for one in own)),
    )  # fmt: skip


# Predictions


def _zero(timeline: Timeline) -> float:
    """Return from when on a predicted length counts: the last new template."""
    found = rollouts(timeline)
    return found[-1].start if found else timeline.start


def _about(one: Expected) -> str:
    """Return the prediction in words, with what it is about."""
    if one.kind == "count" and one.about not in PANELS:
        return f"{one.about} {one.value:g}"
    if one.about == "unavailable":
        return f"{one.words} without an available Pod at one time"
    if one.about == "extra Pods":
        return f"{one.value:g} extra Pods at one time"
    return f"the order {one.words}" if one.kind == "order" else one.words


def _moments(timeline: Timeline, predictions: Sequence[Expected], span: Span) -> Iterator[Moment]:
    for one in predictions:
        if one.kind == "length":
            t = _zero(timeline) + one.value
            yield Moment(min(t, span[1]), YOU + one.words, beyond=t > span[1])


def _predicted_levels(timeline: Timeline, predictions: Sequence[Expected]) -> Iterator[Level]:
    spans = under_way(timeline) or [(timeline.start, timeline.end)]
    for one in predictions:
        if one.about in PANELS:
            yield Level(one.about, one.value, spans[0][0], spans[-1][1], f"{YOU}{one.value:g}",
                        "predicted")  # fmt: skip


def _names(timeline: Timeline, predictions: Sequence[Expected]) -> dict[str, str]:
    """Return the words at each node's name."""
    found: dict[str, str] = {}
    rules = {"order": _ordinals, "nodes": _members}
    for one in predictions:
        if one.kind in rules:
            found |= rules[one.kind](timeline, [name.strip().casefold() for name in one.names])
    return found


def _ordinals(timeline: Timeline, wanted: list[str]) -> dict[str, str]:
    runs = rollouts(timeline)
    order = runs[-1].order if runs else ()
    found = {}
    for node in timeline.nodes:
        if (place := _place(timeline, node, wanted)) is not None:
            right = place < len(order) and order[place] == node
            found[node] = f"you {place + 1}{_ending(place + 1)}{'' if right else DIFFERS}"
    return found


def _members(timeline: Timeline, wanted: list[str]) -> dict[str, str]:
    found = {}
    for node in timeline.nodes:
        here = _place(timeline, node, wanted) is not None
        there = any(
            one.phase == "ready" and one.end >= timeline.end for one in timeline.by_node[node]
        )
        if here or there:
            found[node] = f"you {'✓' if here else '-'}{'' if here == there else DIFFERS}"
    return found


def _place(timeline: Timeline, node: str, wanted: list[str]) -> int | None:
    names = (node.casefold(), timeline.lane(node).casefold())
    return next((i for i, name in enumerate(wanted) if name in names), None)


def _ending(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")  # codespell:ignore nd


# Bounds


def _window(one: Bound, span: Span) -> Window:
    start, end = (min(max(t, span[0]), span[1]) for t in one.span)
    return Window(start, end, one.span_words, beyond=one.span[1] > span[1])


def _bound_levels(bounds: Sequence[Bound]) -> Iterator[Level]:
    least: dict[str, Bound] = {}
    for one in bounds:
        if one.about and (one.about not in least or one.most < least[one.about].most):
            least[one.about] = one
    for about, one in least.items():
        yield Level(about, one.most, *one.span, f"the check: at most {one.most}", "bound")


def _above(
    timeline: Timeline, bounds: Sequence[Bound], about: str
) -> Iterator[tuple[float, float, int, int]]:
    count: Steps = timeline.unavailable if about == "unavailable" else timeline.surge
    for one in bounds:
        for each in one.violations if one.about == about else ():
            for a, b, value in count.stretches(each.start, each.end):
                if value is not None and value > one.most and b > a:
                    yield a, b, one.most, value
