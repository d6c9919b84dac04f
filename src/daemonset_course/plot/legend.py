"""The line under the title that explains colours (revisions) and shapes (phases)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.plot.dense import dense_colour
from daemonset_course.plot.lanes import removed
from daemonset_course.plot.look import HEIGHT, PHASES, Look, revision_colour, text_on
from daemonset_course.timeline.numbering import number_text, revision_text
from daemonset_course.timeline.timeline import Timeline

_SWATCH, _LETTER, _GAP = 0.26, 0.062, 0.18  # inches
_NAMED_IN_FULL = 4  # revisions; of more than that, only the first has the word


def draw_legend(
    ax: Axes, timelines: Sequence[Timeline], look: Look, *, dense: bool = False
) -> None:
    """Draws a swatch and a word for each revision and each phase that the timelines show."""
    ax.set_axis_off()
    width = ax.get_figure().get_figwidth() * ax.get_position().width  # type: ignore[union-attr]
    ax.set_xlim(0, width)
    ax.set_ylim(-0.5, 0.5)
    x = 0.0
    for number, (label, mark) in _revisions(timelines).items():
        colour = revision_colour(number)
        style = {"facecolor": colour, "linewidth": 0}
        if not dense:
            ax.text(x + 0.06, -0.02, mark, size=6.5, va="center", color=text_on(colour))
        x = _entry(ax, x, label, 0.74, style, look)
    seen = {segment.phase for timeline in timelines for segment in timeline.segments}
    for phase in (phase for phase in PHASES if phase in seen):
        face: dict[str, Any] = {
            "facecolor": dense_colour(phase, look.muted, look),
            "edgecolor": look.muted,
        }
        if dense and phase == "unknown":
            face["hatch"] = "...."
        style = face | {"linewidth": 0.4} if dense else look.bar(phase, look.muted)
        x = _entry(ax, x, phase, 0.74 if dense else HEIGHT[phase], style, look)
    if not dense and any(any(removed(timeline)) for timeline in timelines):
        _entry(ax, x, "node removed", 0.74, look.removed(look.muted), look)


def _revisions(timelines: Sequence[Timeline]) -> dict[int, tuple[str, str]]:
    """For each colour the words of its revisions, and the number on its bars."""
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


def _entry(
    ax: Axes, x: float, label: str, height: float, style: dict[str, Any], look: Look
) -> float:
    """Draws one entry at ``x``; returns where the next one begins."""
    ax.add_patch(Rectangle((x, -height / 2), _SWATCH, height, **style))
    ax.text(x + _SWATCH + 0.06, -0.03, label, size=7.5, va="center", color=look.ink)
    return x + _step(label)


def _step(label: str) -> float:
    return _SWATCH + 0.06 + _LETTER * len(label) + _GAP
