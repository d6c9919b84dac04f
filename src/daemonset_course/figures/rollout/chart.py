"""The data of a timeline's picture: lanes, bars, marks, the panel, the status over time. Pure.

Both drawings read it, the interactive one (``inline.py``) and matplotlib's (``draw.py``), so that
they show the same. Times are in seconds on the picture's axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from daemonset_course.analysis.rollout_caption import caption as caption_of
from daemonset_course.analysis.rollout_caption import headline
from daemonset_course.figures.pods import Shown
from daemonset_course.figures.rollout.axis import same_colours, shifted
from daemonset_course.figures.rollout.key import key
from daemonset_course.figures.rollout.letters import MOST_MARKS, Letter, groups_of, letters_of
from daemonset_course.figures.rollout.pauses import pause_notes, pauses_of, waits_to_act
from daemonset_course.figures.rollout.pieces import Piece, pieces
from daemonset_course.figures.rollout.status_strip import StripRow, status_strip
from daemonset_course.figures.shapes import SINCE_START, Legend
from daemonset_course.history.daemonset_status import Status
from daemonset_course.history.numbering import number_text, renumbered
from daemonset_course.history.rollouts import rollouts, under_way
from daemonset_course.history.spans import NodeState, Segment, Span, Steps, overlap, within
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
    """A node's row: its full name, the name that is written, its Pods, its states over time."""

    node: str
    name: str
    bars: tuple[PodBar, ...]
    states: tuple[NodeState, ...] = ()


@dataclass(frozen=True, slots=True)
class CountsPanel:
    """The counts under the lanes; bounds are unknown outside of rollouts.

    Attributes:
        unavailable: nodes without an available Pod.
        budget: how many may be, while a template is rolled out.
        above: (from, until, budget, count) of each stretch above the budget.
        surge: extra Pods; empty if there are none and none were allowed.
        surge_budget: how many are allowed, while a template is rolled out.
    """

    unavailable: Steps
    budget: Steps
    above: tuple[tuple[float, float, int, int], ...]
    surge: Steps = NOTHING
    surge_budget: Steps = NOTHING

    @property
    def top(self) -> int:
        """The largest count or budget, at least 1."""
        return max(1, self.unavailable.max() or 0, self.budget.max() or 0)

    @property
    def surge_top(self) -> int:
        """The same for extra Pods."""
        return max(1, self.surge.max() or 0, self.surge_budget.max() or 0)


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
        status: the seven columns over time, as ``Timeline.status``.
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
    status: tuple[tuple[float, Status], ...]
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


def one_chart(
    timeline: Timeline,
    *,
    title: str | None = None,
    caption: str | None = None,
    counts: bool | None = None,
) -> ChartSet:
    """Return the picture's data of one timeline; the options are those of ``plot``."""
    return _chart_set(
        [timeline],
        [""],
        title=headline(timeline) if title is None else title,
        caption=caption_of(timeline) if caption is None else caption,
        span=(0.0, max(timeline.end, 0.1)),
        axis=SINCE_START,
        counts=counts,
    )


def two_charts(a: Timeline, b: Timeline, labels: tuple[str, str]) -> ChartSet:
    """Return the picture's data of two timelines; 0 is the last new template of each."""
    pair = [shifted(timeline, _change(timeline)) for timeline in same_colours(a, b)]
    named = list(zip(labels, (a, b), strict=True))
    until = max(0.1, *(timeline.end for timeline in pair))
    since = min(timeline.start for timeline in pair)
    return _chart_set(
        pair,
        labels,
        title="\n".join(f"{label}: {headline(timeline)}" for label, timeline in named),
        caption=" ".join(f"{label}: {caption_of(timeline)}" for label, timeline in named),
        span=(max(-0.12 * until, since), until),
        axis="seconds since the new template",
        counts=True,
    )


def _chart_set(
    timelines: Sequence[Timeline],
    labels: Sequence[str],
    *,
    title: str,
    caption: str,
    span: Span,
    axis: str,
    counts: bool | None,
) -> ChartSet:
    dense = sum(len(timeline.nodes) for timeline in timelines) > MOST_LANES
    named = zip(timelines, labels, strict=True)
    charts = tuple(_chart(one, label, span, counts, dense=dense) for one, label in named)
    known = any(timeline.numbers for timeline in timelines)
    return ChartSet(
        title, caption, charts, span, axis, dense, key(timelines, charts, dense=dense),
        "revision" if known else "template",
    )  # fmt: skip


def _chart(
    timeline: Timeline, label: str, span: Span, counts: bool | None, *, dense: bool
) -> Chart:
    order = sorted_nodes(timeline) if dense else timeline.nodes
    rows = {} if dense else {node: i for i, node in enumerate(order)}
    groups = groups_of(timeline.marks, span)
    wanted = counts_matter(timeline) if counts is None else counts
    return Chart(
        label=label,
        start=timeline.start,
        end=timeline.end,
        lanes=tuple(_lanes(timeline, order, span[0])),
        letters=tuple(letters_of(timeline, groups[:MOST_MARKS], rows, span)),
        more_marks=max(0, len(groups) - MOST_MARKS),
        order="by start of their new Pod" if rollouts(timeline) else "by end of their last Pod",
        unseen=tuple((gap.start, gap.end) for gap in timeline.gaps if gap.resource == "pods"),
        gaps=tuple((gap.start, gap.end) for gap in timeline.gaps),
        outages=tuple(
            (one.start, timeline.end if one.end is None else one.end,
             f"{one.component} {_AWAY[one.why]}")
            for one in timeline.outages
        ),
        panel=_panel(timeline) if wanted else None,
        status=timeline.status,
        strip=() if counts is False else status_strip(timeline),
        waits=tuple(waits_to_act(timeline, order)),
        remarks=pause_notes(timeline),
    )  # fmt: skip


_AWAY = {"ended": "away", "stopped": "stopped", "suspended": "suspended"}


# Lanes


def sorted_nodes(timeline: Timeline) -> list[str]:
    """Return the nodes in the order in which the last rollout's Pods began, then the others.

    Without a rollout: by the end of their last Pod's serving, then by its start.
    """
    found = rollouts(timeline)
    order = found[-1].order if found else ()
    rest = [node for node in timeline.nodes if node not in set(order)]
    return [*order, *(rest if order else sorted(rest, key=lambda n: _served(timeline, n)))]


def _served(timeline: Timeline, node: str) -> tuple[float, float]:
    ready = [one for one in timeline.by_node[node] if one.phase == "ready"]
    last = max((one.end for one in ready), default=timeline.end)
    return last, min((one.start for one in ready), default=timeline.end)


def _lanes(timeline: Timeline, order: Sequence[str], since: float) -> Iterator[NodeLane]:
    colours = {revision: i for i, revision in enumerate(timeline.revisions)}
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
        )  # fmt: skip


def _room(piece: Piece) -> tuple[bool, float]:
    return piece.rows == 1, piece.end - piece.start


def _waiting(timeline: Timeline, one: Segment) -> Iterator[tuple[Segment, bool]]:
    """Yield the parts of a segment, with whether the Pod is ready there and not yet available."""
    spans = timeline.waits.get(one.pod, ()) if one.phase == "ready" else ()
    t = one.start
    for start, end in overlap([(one.start, one.end)], spans):
        if start > t:
            yield replace(one, start=t, end=start), False
        yield replace(one, start=start, end=end), True
        t = end
    if t < one.end or t == one.start:
        yield (replace(one, start=t) if t > one.start else one), False


# The panel


def counts_matter(timeline: Timeline) -> bool:
    """Whether a count changes or a budget applies; else the panel would be one level line."""
    values = {value for value in timeline.unavailable.values if value is not None}
    return len(values) > 1 or bool(timeline.surge.max()) or bool(under_way(timeline))


def _panel(timeline: Timeline) -> CountsPanel:
    spans = under_way(timeline)
    budget, extra = (within(one, spans) for one in (timeline.budget, timeline.surge_budget))
    surges = timeline.surge.max() or extra.max()
    return CountsPanel(
        timeline.unavailable,
        budget,
        tuple(_above(timeline.unavailable, budget)),
        timeline.surge if surges else NOTHING,
        extra if extra.max() else NOTHING,
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
