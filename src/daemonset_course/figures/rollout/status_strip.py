"""The DaemonSet's status over time, and where it lags behind the Pods. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from daemonset_course.history.spans import (
    SKEW,
    Span,
    Steps,
    StepsBuilder,
    combine,
    count,
    overlap,
    union,
    with_unknown,
)
from daemonset_course.history.timeline import COUNTED, Timeline

LAG = "lag: the status differs from the Pods"


@dataclass(frozen=True, slots=True)
class StripRow:
    """One column of the status over time.

    Attributes:
        name: as ``kubectl get daemonset`` heads it; equal columns share a row.
        values: unknown in gaps of the watch and without a DaemonSet.
        lags: (from, until) in which the Pods say something else, for longer than ``SKEW``.
    """

    name: str
    values: Steps
    lags: tuple[Span, ...] = ()

    def lines(self, most: int) -> list[str]:
        """Return the name in lines of at most so many characters."""
        return textwrap.wrap(self.name, most, break_on_hyphens=False)

    @property
    def says_something(self) -> bool:
        """Whether the number changes or lags."""
        return bool(self.lags) or len({v for v in self.values.values if v is not None}) > 1


def status_strip(timeline: Timeline) -> tuple[StripRow, ...]:
    """Return a row for each column that changes or lags: DESIRED, READY, UP-TO-DATE, AVAILABLE."""
    low_high = {
        "READY": _ready(timeline), "UP-TO-DATE": _updated(timeline),
        "AVAILABLE": _available(timeline),
    }  # fmt: skip
    rows: dict[tuple[Steps, tuple[Span, ...]], str] = {}
    for name, field in _FIELDS.items():
        values = _column(timeline, field)
        lags = tuple(_lags(timeline, values, low_high[name])) if name in low_high else ()
        if StripRow(name, values, lags).says_something:
            known = rows.get((values, lags))
            rows[values, lags] = f"{known}, {name}" if known else name
    return tuple(StripRow(name, *row) for row, name in rows.items())


_FIELDS = {
    "DESIRED": "desired", "READY": "ready", "UP-TO-DATE": "updated", "AVAILABLE": "available",
}  # fmt: skip


def _column(timeline: Timeline, field: str) -> Steps:
    of, made = attrgetter(field), StepsBuilder()
    for t, status in timeline.status:
        made.add(max(t, timeline.start), of(status))
    steps = made.steps(timeline.end)
    gone = [(a, b) for a, b, desired in timeline.desired.stretches() if desired is None]
    return with_unknown(steps, gone)


def _lags(timeline: Timeline, values: Steps, bounds: tuple[Steps, Steps]) -> Iterator[Span]:
    """Yield where the number cannot be right by any rule that the controller counts by.

    The controller counts the oldest Pod of a node, also a terminating one that is still ready,
    and no node that should not run it. So there is a range of right numbers, not one.
    """
    low, high = bounds
    strays = _column(timeline, "misscheduled")
    wrong = combine(
        lambda value, least, most, stray: int(not least - stray <= value <= most),
        values, low, high, strays,
    )  # fmt: skip
    spans = union((a, b) for a, b, is_wrong in wrong.stretches() if is_wrong)
    yield from (span for span in spans if span[1] - span[0] > SKEW)


def _ready(timeline: Timeline) -> tuple[Steps, Steps]:
    """Return the smallest and the largest number of nodes with a ready Pod."""
    lanes = [
        (_spans(timeline, node, {"ready"}), _spans(timeline, node, {"ready", "terminating"}))
        for node in timeline.nodes
        if node
    ]
    return _between(timeline, lanes)


def _available(timeline: Timeline) -> tuple[Steps, Steps]:
    """The same for available Pods."""
    waits = timeline.waits
    lanes = []
    for node in filter(None, timeline.nodes):
        ready = [
            part
            for one in timeline.by_node[node]
            if one.phase == "ready"
            for part in _without((one.start, one.end), waits.get(one.pod, ()))
        ]
        lanes.append((union(ready), _spans(timeline, node, {"ready", "terminating"})))
    return _between(timeline, lanes)


def _updated(timeline: Timeline) -> tuple[Steps, Steps]:
    """The same for Pods of the newest template."""
    wanted = [(one.since, one.end, one.revision) for one in timeline.templates if one.revision]
    if not timeline.templates and timeline.newest:
        wanted = [(timeline.start, timeline.end, timeline.newest)]
    lanes = []
    for node in filter(None, timeline.nodes):
        new: list[Span] = []
        old: list[Span] = []
        for since, until, revision in wanted:
            for one in timeline.by_node[node]:
                both = overlap([(one.start, one.end)], [(since, until)])
                (new if one.revision == revision else old).extend(both)
        alone = [part for span in union(new) for part in _without(span, union(old))]
        lanes.append((alone, union(new)))
    low, high = _between(timeline, lanes)
    known = union((since, until) for since, until, _ in wanted)
    outside = _without((timeline.start, timeline.end + 1.0), known)
    return with_unknown(low, outside), with_unknown(high, outside)


def _between(
    timeline: Timeline, lanes: Iterable[tuple[Iterable[Span], Iterable[Span]]]
) -> tuple[Steps, Steps]:
    least: list[Span] = []
    most: list[Span] = []
    for sure, possible in lanes:
        least += sure
        most += possible
    unknown = [(gap.start, gap.end) for gap in timeline.gaps if gap.resource in COUNTED]
    low, high = (
        with_unknown(count(spans, start=timeline.start, end=timeline.end), unknown)
        for spans in (least, most)
    )
    return low, high


def _spans(timeline: Timeline, node: str, phases: set[str]) -> list[Span]:
    return union((one.start, one.end) for one in timeline.by_node[node] if one.phase in phases)


def _without(span: Span, others: Iterable[Span]) -> Iterator[Span]:
    """Yield what is left of a span."""
    t, end = span
    for start, until in union(others):
        if start > t:
            yield t, min(start, end)
        t = max(t, until)
        if t >= end:
            return
    yield t, end
