"""The legend of a timeline: colours are revisions, shapes are phases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from daemonset_course.figures.page import Legend
from daemonset_course.figures.pods import PHASES, pod_style
from daemonset_course.figures.rollout.node_lanes import REMOVED, removed
from daemonset_course.figures.rollout.raster import dense_style
from daemonset_course.figures.shapes import LegendMark, Style
from daemonset_course.figures.theme import series
from daemonset_course.history.numbering import number_text, revision_text
from daemonset_course.history.spans import Phase
from daemonset_course.history.timeline import Timeline

_NAMED_IN_FULL = 4  # revisions; of more than that, only the first has the word


def key(timelines: Sequence[Timeline], *, dense: bool = False) -> Legend:
    """Return an entry for each revision and each phase that the timelines show."""
    entries: list[tuple[str, LegendMark]] = [
        (label, Style(series(number), width=0.0, sign="" if dense else sign))
        for number, (label, sign) in _revisions(timelines).items()
    ]
    colours = _colours(timelines)
    for phase in (phase for phase in PHASES if phase in colours):
        mark = _cells(phase, colours[phase]) if dense else pod_style(phase, "muted")
        entries.append((f"Pod {phase}", mark))
    if not dense and any(any(removed(timeline)) for timeline in timelines):
        entries.append(("node removed", REMOVED))
    return entries


def _colours(timelines: Sequence[Timeline]) -> dict[Phase, list[str]]:
    """Return for each phase the colours of the revisions whose Pods were in it."""
    seen = {
        (segment.phase, timeline.revisions.index(segment.revision))
        for timeline in timelines
        for segment in timeline.segments
    }
    found: defaultdict[Phase, list[str]] = defaultdict(list)
    for phase, number in sorted(seen, key=lambda one: one[1]):
        found[phase].append(series(number))
    return dict(found)


def _cells(phase: Phase, colours: Sequence[str]) -> tuple[Style, ...]:
    """Return the styles of a raster's cells of that phase, in the order of the colours."""
    return tuple(dict.fromkeys(dense_style(phase, colour) for colour in colours))


def _revisions(timelines: Sequence[Timeline]) -> dict[int, tuple[str, str]]:
    """Return for each colour the text of its revisions and the number on its bars."""
    words: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for timeline in timelines:
        there = {segment.revision for segment in timeline.segments}
        for i, revision in enumerate(timeline.revisions):
            if revision in there:
                number = number_text(timeline, revision, timeline.start)
                words[i][revision_text(timeline, revision)] = number
    found = {i: (" / ".join(words[i]), "/".join(words[i].values())) for i in sorted(words)}
    if len(found) <= _NAMED_IN_FULL:
        return found
    first, *others = found.items()
    return dict([first, *((i, (text.partition(" ")[2], mark)) for i, (text, mark) in others)])
