"""Find the words beside low rows: how many nodes are in which state, and some names. Pure."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING

from daemonset_course.figures.pods import PAINTED
from daemonset_course.history.text import nodes

if TYPE_CHECKING:
    from daemonset_course.figures.rollout.chart import Chart, NodeLane

_FITS = 17  # characters of a line
_NAMED = (0.0, 1.0, 0.25, 0.75, 0.5)  # the rows to name, as shares of all, the first ones first


def heading(chart: Chart, *, dense: bool) -> str:
    """Return the words above the lanes: the chart's label; how low rows are sorted."""
    if not dense:
        return chart.label
    words = f"{nodes(len(chart.lanes))}, sorted {chart.order}"
    return f"{chart.label}: {words}" if chart.label else words


def row_labels(chart: Chart, word: str, line: float) -> list[tuple[float, str]]:
    """Return (middle in rows from the top, text) of each line of text, from the top; none overlap.

    Each state that rows have at the end of the recording is named with its number of rows, at their
    middle one; the first row, the last one and some between have their node's name.

    Args:
        chart: whose lanes are the rows.
        word: what a number on a bar is: ``revision``, or ``template``.
        line: the height of a line of text, in rows.
    """
    last = len(chart.lanes) - 1
    found = {0: (line / 2, chart.lanes[0].name), last: (last + 1 - line / 2, chart.lanes[-1].name)}
    lines = [*found.values(), *_states(chart, word, line)]
    for share in _NAMED:
        row = round(share * last)
        if row not in found and all(abs(row + 0.5 - at) >= 1.5 * line for at, _ in lines):
            lines.append((row + 0.5, chart.lanes[row].name))
    return sorted(lines)


def state_at_end(lane: NodeLane, end: float, word: str) -> str:
    """Return what a row shows at the end: ``revision 2``, ``Pod not ready`` or ``no Pod``."""
    there = [bar for bar in lane.bars if bar.end >= end]
    if not there:
        return "no Pod"
    bar = max(there, key=lambda bar: PAINTED.index(bar.phase))
    if bar.phase != "ready":
        return "Pod unknown" if bar.phase == "unknown" else "Pod not ready"
    return f"{word} {bar.later[-1][1] if bar.later else bar.number}"


def _states(chart: Chart, word: str, line: float) -> list[tuple[float, str]]:
    """Return the lines of text about states, between the names of the first and the last row."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, lane in enumerate(chart.lanes):
        rows[state_at_end(lane, chart.end, word)].append(row)
    texts = [
        (some[len(some) // 2] + 0.5, len(some), _wrapped(f"{nodes(len(some))}:", words))
        for words, some in rows.items()
    ]
    room = len(chart.lanes) / line - 2.5
    while texts and sum(len(lines) + 0.5 for *_, lines in texts) > room:
        texts.remove(min(texts, key=lambda text: text[1]))
    texts.sort(key=lambda text: text[0])
    tops, low = [], 1.5 * line
    for middle, _, lines in texts:
        low = max(low, middle - len(lines) * line / 2)
        tops.append(low)
        low += (len(lines) + 0.5) * line
    high = len(chart.lanes) - line
    for i in reversed(range(len(texts))):
        high -= (len(texts[i][2]) + 0.5) * line
        high = tops[i] = min(tops[i], high)
    return [
        (top + (i + 0.5) * line, text)
        for top, (*_, lines) in zip(tops, texts, strict=True)
        for i, text in enumerate(lines)
    ]


def _wrapped(count: str, words: str) -> list[str]:
    one = f"{count} {words}"
    return [one] if len(one) <= _FITS else [count, *textwrap.wrap(words, _FITS)]
