"""The key of a timeline: colours of revisions, shapes of phases, grounds of nodes' states. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from daemonset_course.figures.pods import PHASES, Shown, cell_style, pod_style
from daemonset_course.figures.rollout.axis import template_colours
from daemonset_course.figures.rollout.status_strip import LAG
from daemonset_course.figures.shapes import Legend, LegendMark, Style, series
from daemonset_course.history.numbering import number_text, revision_text
from daemonset_course.history.timeline import Timeline

if TYPE_CHECKING:
    from daemonset_course.figures.rollout.chart import Chart

_NAMED_IN_FULL = 4  # revisions; of more than that, only the first has the word
_WORDS: Mapping[Shown, str] = {"not yet available": "Pod ready, not yet available"}

# The ground of a lane while something is wrong with its node, the most telling first.
NODE_STATES: Mapping[str, Style] = {
    "node deleted": Style("faint", 0.4, "||", edge="muted", width=0.0, height=1.0),
    "node NotReady": Style("faint", 0.4, "\\\\", edge="muted", width=0.0, height=1.0),
    "node state unknown": Style("muted", 0.85, "...", width=0.0, height=1.0),
    "node tainted or cordoned": Style("faint", 0.5, edge="muted", width=0.0, height=1.0),
}
AWAY = Style("alarm", 0.8, width=0.6, height=1.0)  # a component of the control plane is away
LAGGING = Style("background", hatch="////", edge="foreground", width=0.6)


def phase_words(phase: Shown) -> str:
    """Return the words for a phase in a key."""
    return _WORDS.get(phase, f"Pod {phase}")


def node_state(words: Iterable[str]) -> str:
    """Return the one of ``NODE_STATES`` that stands for a node's ``NodeState.words``."""
    text = "; ".join(words)
    found = (name for name in (*NODE_STATES,)[:-1] if name in text)
    return next(found, "node tainted or cordoned")


def key(timelines: Sequence[Timeline], charts: Sequence[Chart], *, dense: bool = False) -> Legend:
    """Return an entry for each revision, phase and state of a node that the charts show."""
    entries: list[tuple[str, LegendMark]] = [
        (label, Style(series(number), width=0.0, sign="" if dense else sign))
        for number, (label, sign) in _revisions(timelines).items()
    ]
    lanes = [lane for chart in charts for lane in chart.lanes]
    seen = sorted({(bar.phase, bar.colour) for lane in lanes for bar in lane.bars}, key=_colour)
    colours: defaultdict[Shown, list[str]] = defaultdict(list)
    for phase, number in seen:
        colours[phase].append(series(number))
    for phase in (phase for phase in PHASES if phase in colours):
        mark = _cells(phase, colours[phase]) if dense else pod_style(phase, "muted")
        entries.append((phase_words(phase), mark))
    states = {node_state(state.words) for lane in lanes for state in lane.states}
    away = dict.fromkeys(words for chart in charts for *_, words in chart.outages)
    return [
        *entries,
        *((word, style) for word, style in NODE_STATES.items() if word in states),
        *((words, AWAY) for words in away),
        *([(LAG, LAGGING)] if any(row.lags for chart in charts for row in chart.strip) else []),
    ]


def _colour(seen: tuple[Shown, int]) -> int:
    return seen[1]


def _cells(phase: Shown, colours: Sequence[str]) -> tuple[Style, ...]:
    """Return the styles of a low row's cells of that phase, in the order of the colours."""
    return tuple(dict.fromkeys(cell_style(phase, colour) for colour in colours))


def _revisions(timelines: Sequence[Timeline]) -> dict[int, tuple[str, str]]:
    """Return for each colour the text of its revisions and the number on its bars."""
    words: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for timeline in timelines:
        there = {segment.revision for segment in timeline.segments}
        for revision, colour in template_colours(timeline).items():
            if revision in there:
                number = number_text(timeline, revision, timeline.start)
                words[colour][revision_text(timeline, revision)] = number
    found = {i: (" / ".join(words[i]), "/".join(words[i].values())) for i in words}
    if len(found) <= _NAMED_IN_FULL:
        return found
    first, *others = found.items()
    return dict([first, *((i, (text.partition(" ")[2], mark)) for i, (text, mark) in others)])
