"""The data of a timeline's picture: lanes, bars, marks, the panel, the status over time. Pure.

Both drawings read it, the interactive one (``inline.py``) and matplotlib's (``draw.py``), so that
they show the same. Times are in seconds on the picture's axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from operator import itemgetter

from daemonset_course.analysis.rollout_caption import caption as caption_of
from daemonset_course.analysis.rollout_caption import headline
from daemonset_course.figures.pods import Shown
from daemonset_course.figures.rollout.axis import same_colours, shifted, template_colours
from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.figures.rollout.drawn_in import (
    NOTHING_DRAWN,
    Beside,
    DrawnIn,
    Level,
    drawn_in,
    reach,
)
from daemonset_course.figures.rollout.expected import PANELS, Predicted
from daemonset_course.figures.rollout.folding import Fold, folds
from daemonset_course.figures.rollout.key import key
from daemonset_course.figures.rollout.letters import (
    MOST_MARKS,
    Letter,
    groups_of,
    lettered,
    letters_of,
    marks_of,
)
from daemonset_course.figures.rollout.pauses import pause_notes, pauses_of, waits_to_act
from daemonset_course.figures.rollout.pieces import Piece, pieces
from daemonset_course.figures.rollout.row_order import order_words, sorted_nodes
from daemonset_course.figures.rollout.status_strip import StripRow, status_strip
from daemonset_course.figures.shapes import SINCE_START, Legend
from daemonset_course.history.numbering import number_text, renumbered
from daemonset_course.history.rollouts import rollouts, under_way
from daemonset_course.history.spans import NodeState, Segment, Span, Steps, overlap, within
from daemonset_course.history.text import nodes as counted_nodes
from daemonset_course.history.timeline import Timeline

MOST_LANES = 40  # more are drawn as low rows, without names
NOTHING = Steps()


@dataclass(frozen=True, slots=True)
class PodBar:
    """A stretch of one Pod in one phase.

    Attributes:
        pod: its name.
        colour: the number of its revision's colour, from 0.
        number: its revision's number as text, at ``start``; ``?`` if unknown.
        phase: with "not yet available" for a ready Pod that waits for ``minReadySeconds``.
        reason: the cluster's own; empty without one.
        start: on the axis.
        end: on the axis.
        row: its row from the top, among Pods that share the lane.
        rows: how many share it.
        named: whether its number or reason is written on it: once for each stretch.
        later: (time, number) where the revision is given another number.
        pause: how long the controller or the kubelet backs off meanwhile; empty if it does not.
    """

    pod: str
    colour: int
    number: str
    phase: Shown
    reason: str
    start: float
    end: float
    row: int = 0
    rows: int = 1
    named: bool = True
    later: tuple[tuple[float, int], ...] = ()
    pause: str = ""

    @property
    def why(self) -> str:
        """The reason and the pause."""
        return ", ".join(filter(None, (self.reason, self.pause)))

    @property
    def words(self) -> tuple[str, ...]:
        """What is written on a bar of a Pod that does not serve: the first one that fits."""
        short = self.reason.rpartition(": ")[2]
        some = (self.why, ", ".join(filter(None, (short, self.pause))), self.pause or short)
        return tuple(dict.fromkeys(filter(None, some)))

    @property
    def share(self) -> float:
        """The share of its lane that the bar may fill, when other Pods share the lane."""
        return 0.8 / self.rows if self.rows > 1 else 1.0

    @property
    def offset(self) -> float:
        """How far its middle lies below the lane's, in lanes."""
        return (self.row - (self.rows - 1) / 2) * self.share


@dataclass(frozen=True, slots=True)
class NodeLane:
    """A node's row, or the row of several nodes on which nothing happens.

    Attributes:
        node: its full name; empty for a row of several.
        name: what is written beside it.
        bars: its Pods; a row of several has one bar for all, or none.
        states: of the node, over time.
        folded: the written names of the nodes that share the row.
        words: what such a row says.
        predicted: words at its name, of a prediction that is drawn in; mostly empty.
    """

    node: str
    name: str
    bars: tuple[PodBar, ...]
    states: tuple[NodeState, ...] = ()
    folded: tuple[str, ...] = ()
    words: str = ""
    predicted: str = ""


@dataclass(frozen=True, slots=True)
class CountsPanel:
    """The counts under the lanes; bounds are unknown outside of rollouts.

    Attributes:
        unavailable: nodes without an available Pod.
        budget: how many may be, while a template is rolled out.
        above: (from, until, budget, count) of each stretch above the budget, or above the limit of
            a check where that one is lower.
        surge: extra Pods; empty if there are none and none were allowed.
        surge_budget: how many are allowed, while a template is rolled out.
        surge_above: as ``above``, for extra Pods above the limit of a check.
        levels: the values that were predicted, and the limits of a check.
    """

    unavailable: Steps
    budget: Steps
    above: tuple[tuple[float, float, int, int], ...]
    surge: Steps = NOTHING
    surge_budget: Steps = NOTHING
    surge_above: tuple[tuple[float, float, int, int], ...] = ()
    levels: tuple[Level, ...] = ()

    @property
    def top(self) -> int:
        """The largest count, budget or level, at least 1."""
        return max(1, self.unavailable.max() or 0, self.budget.max() or 0, *self._most(0))

    @property
    def surge_top(self) -> int:
        """The same for extra Pods."""
        return max(1, self.surge.max() or 0, self.surge_budget.max() or 0, *self._most(1))

    def _most(self, panel: int) -> list[int]:
        return [ceil(one.value) for one in self.levels if one.about == PANELS[panel]]


@dataclass(frozen=True)
class Chart:
    """One timeline's lanes and panel.

    Attributes:
        label: its name among compared ones; else empty.
        start: when the first lists had arrived.
        end: of the recording.
        lanes: from the top; in the dense form in the order of the last rollout.
        letters: the marks, by time; at most ``MOST_MARKS``.
        more_marks: how many are left out.
        order: how the lanes are sorted in the dense form.
        unseen: stretches in which the watch of Pods was interrupted.
        gaps: stretches in which any watch was.
        outages: (from, until, words) in which a component of the control plane was away.
        panel: None where it would say nothing.
        status: the seven columns over time; none while there was no DaemonSet or nobody saw it.
        drawn_in: the learner's prediction, and the bounds of a check.
        strip: those columns of it that change or lag; empty where they would say nothing.
        waits: (from, until, words, lane) in which a controller ran and did not act yet.
        remarks: sentences with the sequences of pauses.
    """

    label: str
    start: float
    end: float
    lanes: tuple[NodeLane, ...]
    letters: tuple[Letter, ...]
    more_marks: int
    order: str
    unseen: tuple[Span, ...]
    gaps: tuple[Span, ...]
    outages: tuple[tuple[float, float, str], ...]
    panel: CountsPanel | None
    status: tuple[tuple[float, tuple[int, ...]], ...]
    drawn_in: DrawnIn = NOTHING_DRAWN
    strip: tuple[StripRow, ...] = ()
    waits: tuple[tuple[float, float, str, int], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The remarks, and the waits in words: what is drawn small is written below too."""
        waits = (
            f"from {start:.1f} s: the controller runs again, {words}"
            for start, _, words, _ in self.waits
        )
        return (*self.remarks, *waits)


@dataclass(frozen=True)
class ChartSet:
    """The whole picture: one chart, or two on one time axis.

    Attributes:
        title: the finding; of compared charts a line for each.
        caption: the finding in full.
        charts: from the top.
        span: (from, until) of the time axis.
        axis: its name.
        dense: whether the lanes are low rows without names.
        key: words and styles to explain.
        word: what a number on a bar is: ``revision``, or ``template`` where that is unknown.
    """

    title: str
    caption: str
    charts: tuple[Chart, ...]
    span: Span
    axis: str
    dense: bool
    key: Legend
    word: str

    @cached_property
    def one_line(self) -> str:
        """The title in one line."""
        return self.title.replace("\n", "; ")

    @cached_property
    def drawn_in_words(self) -> str:
        """Sentences on what is drawn in, for those who do not see it; mostly empty."""
        several = len(self.charts) > 1
        said = [(chart.label, line) for chart in self.charts for line in chart.drawn_in.said]
        return " ".join(f"{label}: {line}" if several else line for label, line in said)


def one_chart(
    timeline: Timeline,
    *,
    title: str | None = None,
    caption: str | None = None,
    counts: bool | None = None,
    fold: bool = True,
    keep: Collection[str] = (),
    predicted: Predicted = None,
    bounds: Sequence[Bound] = (),
    strip: bool = True,
) -> ChartSet:
    """Return the picture's data of one timeline; the options are those of ``plot``.

    ``strip``: whether the status over time is drawn, which takes a third of the work.
    """
    beside = Beside(predicted, bounds)
    return _chart_set(
        [timeline],
        [""],
        [beside],
        title=headline(timeline) if title is None else title,
        caption=caption_of(timeline) if caption is None else caption,
        span=(timeline.since, reach(timeline, beside.expected, max(timeline.end, 0.1))),
        axis=SINCE_START,
        counts=counts,
        fold=fold,
        keep=keep,
        strip=strip,
    )


def two_charts(
    a: Timeline,
    b: Timeline,
    labels: tuple[str, str],
    beside: tuple[Beside, Beside] = (Beside(), Beside()),
) -> ChartSet:
    """Return the picture's data of two timelines; 0 is the last new template of each."""
    zeros = [_change(timeline) for timeline in (a, b)]
    pair = [shifted(*each) for each in zip(same_colours(a, b), zeros, strict=True)]
    beside_moved = [
        replace(one, bounds=[bound.shifted(zero) for bound in one.bounds])
        for one, zero in zip(beside, zeros, strict=True)
    ]
    named = list(zip(labels, (a, b), strict=True))
    until = max(0.1, *(timeline.end for timeline in pair))
    until = max(
        reach(*each, until) for each in zip(pair, (x.expected for x in beside), strict=True)
    )
    since = min(timeline.start for timeline in pair)
    return _chart_set(
        pair,
        labels,
        beside_moved,
        title="\n".join(f"{label}: {headline(timeline)}" for label, timeline in named),
        caption=" ".join(f"{label}: {caption_of(timeline)}" for label, timeline in named),
        span=(max(-0.12 * until, since), until),
        axis="seconds since the new template",
        counts=True,
    )


def _chart_set(
    timelines: Sequence[Timeline],
    labels: Sequence[str],
    beside: Sequence[Beside],
    *,
    title: str,
    caption: str,
    span: Span,
    axis: str,
    counts: bool | None,
    fold: bool = True,
    keep: Collection[str] = (),
    strip: bool = True,
) -> ChartSet:
    drawn = [
        drawn_in(one, each.expected, each.bounds, span)
        for one, each in zip(timelines, beside, strict=True)
    ]
    groups = [
        folds(one, keep={*keep, *each.names, *(node for node, *_ in each.outlines)})
        if fold else []
        for one, each in zip(timelines, drawn, strict=True)
    ]  # fmt: skip
    saved = sum(len(one.nodes) - 1 for some in groups for one in some)
    dense = sum(len(timeline.nodes) for timeline in timelines) - saved > MOST_LANES
    if dense:
        groups = [[] for _ in groups]
    charts = tuple(
        _chart(one, label, span, counts, some, each, dense=dense, strip=strip)
        for one, label, some, each in zip(timelines, labels, groups, drawn, strict=True)
    )
    known = any(timeline.numbers for timeline in timelines)
    return ChartSet(
        title, caption, charts, span, axis, dense, key(timelines, charts, dense=dense),
        "revision" if known else "template",
    )  # fmt: skip


def _chart(
    timeline: Timeline, label: str, span: Span, counts: bool | None, idle: Sequence[Fold],
    drawn: DrawnIn, *, dense: bool, strip: bool,
) -> Chart:  # fmt: skip
    away = {node for one in idle for node in one.nodes}
    order = sorted_nodes(timeline) if dense else [n for n in timeline.nodes if n not in away]
    rows = {} if dense else {node: i for i, node in enumerate(order)}
    marks = sorted([*marks_of(timeline), *drawn.violations], key=lambda mark: mark.t)
    groups = groups_of(marks, span)
    wanted = counts_matter(timeline) or bool(drawn.levels) if counts is None else counts
    return Chart(
        label=label,
        start=timeline.start,
        end=timeline.end,
        lanes=(
            *_lanes(timeline, order, span[0], drawn.names),
            *_folded(timeline, idle, span[0]),
        ),
        letters=tuple(letters_of(timeline, lettered(groups), rows, span)),
        more_marks=max(0, len(groups) - MOST_MARKS),
        order=order_words(timeline),
        unseen=tuple((gap.start, gap.end) for gap in timeline.gaps if gap.resource == "pods"),
        gaps=tuple((gap.start, gap.end) for gap in timeline.gaps),
        outages=tuple(
            (one.start, timeline.end if one.end is None else one.end,
             f"{one.component} {_AWAY[one.why]}")
            for one in timeline.outages
        ),
        panel=_panel(timeline, drawn) if wanted else None,
        status=_status(timeline),
        drawn_in=drawn,
        strip=status_strip(timeline) if strip and counts is not False else (),
        waits=tuple(waits_to_act(timeline, order)),
        remarks=pause_notes(timeline),
    )  # fmt: skip


_AWAY = {"ended": "away", "stopped": "stopped", "suspended": "suspended"}


# Lanes


def _lanes(
    timeline: Timeline, order: Sequence[str], since: float, predicted: Mapping[str, str]
) -> Iterator[NodeLane]:
    colours = template_colours(timeline)
    later = {revision: tuple(renumbered(timeline, revision)) for revision in colours}
    for node in order:
        pauses = pauses_of(timeline, node)
        segments = [part for one in timeline.by_node[node] for part in _waiting(timeline, one)]
        cut = list(pieces([segment for segment, _ in segments]))
        waits = {segment for segment, waiting in segments if waiting}
        widest: dict[Segment, Piece] = {}
        for piece in cut:
            best = widest.setdefault(piece.segment, piece)
            if _room(piece) > _room(best):
                widest[piece.segment] = piece
        yield NodeLane(
            node,
            timeline.lane(node),
            tuple(
                PodBar(
                    pod=one.name, colour=colours[one.revision],
                    number=number_text(timeline, one.revision, max(one.start, since)),
                    phase="not yet available" if one in waits else one.phase, reason=one.reason,
                    start=piece.start, end=piece.end, row=piece.row, rows=piece.rows,
                    named=widest[one] is piece and piece.rows < 3,
                    later=tuple(each for each in later[one.revision]
                                if piece.start < each[0] < piece.end),
                    pause=pauses.get(one, ""),
                )
                for piece in cut
                for one in [piece.segment]
            ),
            timeline.node_states.get(node, ()),
            predicted=predicted.get(node, ""),
        )  # fmt: skip


def _folded(timeline: Timeline, groups: Sequence[Fold], since: float) -> Iterator[NodeLane]:
    """Yield one row for each group, with the bar of its first node."""
    for group in groups:
        (one,) = _lanes(timeline, group.nodes[:1], since, {})
        yield NodeLane(
            "", counted_nodes(len(group.nodes)),
            tuple(replace(bar, pod="", named=False, later=()) for bar in one.bars),
            folded=tuple(map(timeline.lane, group.nodes)), words=group.words,
        )  # fmt: skip


def _room(piece: Piece) -> tuple[bool, float]:
    return piece.rows == 1, piece.end - piece.start


def _waiting(timeline: Timeline, one: Segment) -> Iterator[tuple[Segment, bool]]:
    """Yield the parts of a segment, with whether the Pod is ready there and not yet available."""
    spans = timeline.waits.get(one.pod, ()) if one.phase == "ready" else ()
    if not spans:
        yield one, False
        return
    t = one.start
    for start, end in overlap([(one.start, one.end)], spans):
        if start > t:
            yield replace(one, start=t, end=start), False
        yield replace(one, start=start, end=end), True
        t = end
    if t < one.end or t == one.start:
        yield (replace(one, start=t) if t > one.start else one), False


def _status(timeline: Timeline) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """Return the status at each change, with no numbers where it is unknown or nobody's."""
    found: list[tuple[float, tuple[int, ...]]] = list(timeline.status)
    for start, end, desired in timeline.desired.stretches():
        if desired is None and found and found[0][0] < start < end:
            back = [] if end >= timeline.end else [(end, one) for t, one in found if t <= end][-1:]
            found = [(t, one) for t, one in found if not start <= t < end]
            found = sorted([*found, (start, ()), *back], key=itemgetter(0))
    return tuple(found)


# The panel


def counts_matter(timeline: Timeline) -> bool:
    """Whether a count changes or a budget applies; else the panel would be one level line."""
    values = {value for value in timeline.unavailable.values if value is not None}
    return len(values) > 1 or bool(timeline.surge.max()) or bool(under_way(timeline))


def _panel(timeline: Timeline, drawn: DrawnIn) -> CountsPanel:
    spans = under_way(timeline)
    budget, extra = (within(one, spans) for one in (timeline.budget, timeline.surge_budget))
    named = any(one.about == PANELS[1] for one in drawn.levels)
    surges = timeline.surge.max() or extra.max() or named
    return CountsPanel(
        timeline.unavailable,
        budget,
        (*_above(timeline.unavailable, budget), *drawn.above.get(PANELS[0], ())),
        timeline.surge if surges else NOTHING,
        extra if extra.max() else NOTHING,
        drawn.above.get(PANELS[1], ()),
        drawn.levels,
    )


def _above(count: Steps, bound: Steps) -> Iterator[tuple[float, float, int, int]]:
    for start, end, limit in bound.stretches():
        if limit is None:
            continue
        for a, b, value in count.stretches(start, end):
            if value is not None and value > limit and b > a:
                yield a, b, limit, value


def _change(timeline: Timeline) -> float:
    found = rollouts(timeline)
    return found[-1].start if found else timeline.start
