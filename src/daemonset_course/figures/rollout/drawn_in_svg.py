"""Draw into a timeline's SVG what was predicted, and the bounds of a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

from daemonset_course.figures.colours import ALARM
from daemonset_course.figures.rollout.drawn_in import DrawnIn, Level, Window

ROW = 20  # the height of a row between the panels and the time axis
_LETTER = 7.6  # the width of a character, on average a little less
_GHOST = 'class="p" stroke-width="2" stroke-dasharray="9 5"'
_BOUND = f'fill="none" stroke="{ALARM}" stroke-width="3"'

Place = Callable[[float], float]  # from a time to an x


def rows(drawn: DrawnIn, x: Place, edges: tuple[float, float], top: float, y: float) -> str:
    """Return the rows below ``y``: stretches of the axis, predicted moments and their lines.

    Args:
        drawn: what is drawn in.
        x: where a time is.
        edges: the x of the axis' ends.
        top: the y of the first lane, where a moment's line begins.
        y: the lower end of the panels.
    """
    parts: list[str] = []
    for i, window in enumerate(drawn.windows):
        parts += _window(window, x, edges, y + ROW * (i + 0.5))
    for i, moment in enumerate(drawn.moments, len(drawn.windows)):
        low = y + ROW * (i + 1)
        at = x(moment.t)
        if moment.beyond:
            parts.append(_words(edges[1] - 2, low - 5, f"{moment.words} →", "h e o"))
            continue
        parts.append(f'<path d="M{decimal(at)} {top:g}V{low:g}" {_GHOST}/>')
        fits = at + 8 + _LETTER * len(moment.words) < edges[1]
        parts.append(_words(at + (5 if fits else -5), low - 5, moment.words,
                            "h o" if fits else "h e o"))  # fmt: skip
    return "".join(parts)


def height(drawn: DrawnIn) -> float:
    """Return the height of the rows."""
    return float(ROW * (len(drawn.windows) + len(drawn.moments)))


def _window(window: Window, x: Place, edges: tuple[float, float], middle: float) -> Iterator[str]:
    """Yield a bracket with its words, in it or, where it is short, beside it."""
    a, b = x(window.start), x(window.end)
    wide, place = _LETTER * len(window.words), (a + b) / 2
    within = b - a > wide + 16
    gap = f"H{decimal(place - wide / 2)}m{decimal(wide)} 0" if within else ""
    end = "l-7 -5m7 5l-7 5" if window.beyond else "m0 -5v10"
    yield (
        f'<path d="M{decimal(a)} {middle - 5:g}v10m0 -5{gap}H{decimal(b)}{end}" '
        'class="p" stroke-width="1.5"/>'
    )
    if within:
        yield _words(place, middle + 4.5, window.words, "i")
    elif b + wide + 8 < edges[1]:
        yield _words(b + 6, middle + 4.5, window.words, "o")
    else:
        yield _words(a - 6, middle + 4.5, window.words, "e o")


def levels(found: Sequence[Level], x: Place, floor: float, unit: float) -> Iterator[str]:
    """Yield the lines of levels on a panel with that floor and that height of 1."""
    for level in found:
        paint = _GHOST if level.kind == "predicted" else _BOUND
        y = floor - level.value * unit
        yield f'<path d="M{decimal(x(level.start))} {decimal(y)}H{decimal(x(level.end))}" {paint}/>'


def level_words(
    found: Sequence[Level], x: Place, edges: tuple[float, float], floor: float, unit: float
) -> Iterator[str]:
    """Yield the words of levels: above their right end, or right of a short level."""
    for i, level in enumerate(found):
        wide, end, y = _LETTER * len(level.words), x(level.end), floor - level.value * unit
        aside = sum(_LETTER * len(one.words) + 16 for one in found[:i] if one.value == level.value)
        if end - x(level.start) < 2 * wide and end + aside + wide < edges[1]:
            yield _words(end + aside + 5, y + 4.5, level.words, "h o")
        else:
            yield _words(end - aside - 3, y - 4, level.words, "h e o")


def outlines(
    drawn: DrawnIn, nodes: Sequence[str], x: Place, top: float, lane: float
) -> Iterator[str]:
    """Yield a frame around each violation on the lane of its node."""
    places = {node: i for i, node in enumerate(nodes)}
    for node, start, end in drawn.outlines:
        if node in places:
            y = top + places[node] * lane
            a = x(start)
            yield (
                f'<rect x="{decimal(a)}" y="{y + 1:g}" width="{decimal(max(x(end) - a, 4))}" '
                f'height="{lane - 2:g}" rx="4" {_BOUND}/>'
            )


def _words(x: float, y: float, words: str, kind: str) -> str:
    place = f'x="{decimal(x)}" y="{decimal(y)}"'
    return f'<text class="{kind}" {place}>{escape(words, quote=False)}</text>'


def decimal(value: float) -> str:
    """Return a place in the drawing with one decimal, without one where it is 0."""
    return f"{value:.1f}".removesuffix(".0")
