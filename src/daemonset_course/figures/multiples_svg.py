"""Draw rollouts below each other as HTML with an SVG in it: one time axis, one scale of nodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape

from daemonset_course.analysis.rollout_progress import Multiples, Progress
from daemonset_course.figures.colours import PALETTE
from daemonset_course.figures.rollout.inline import NOT_TRUSTED, scrolled, style
from daemonset_course.figures.rollout.lanes_svg import LEFT, PLOT, WIDTH
from daemonset_course.figures.rollout.paints import ID, MUTED

_HIGH, _APART, _AXIS = 54, 16, 40
_LETTER = 7.4  # the width of a character
_AREA = PALETTE[0]


def multiples_html(multiples: Multiples, *, title: str) -> str:
    """Return the drawing; it has no script, and its colours are those of JupyterLab's theme."""
    svg = _Drawing(multiples).svg(title)
    key = (
        f'<svg viewBox="0 0 26 14" aria-hidden="true"><path d="M0 14V7h26v7z" fill="{_AREA}" '
        f'fill-opacity=".5"/><path d="M0 7h26" stroke="{_AREA}" stroke-width="2"/></svg>'
        " nodes updated"
    )
    ghost = (
        '<svg viewBox="0 0 26 14" aria-hidden="true"><path d="M0 7h26" stroke="var(--f)" '
        'stroke-width="2" stroke-dasharray="5 4"/></svg> length by the model'
    )
    html = (
        f"<figure class=dst><style>{style()}</style><div><b>{escape(title)}</b></div>"
        f"<ul class=dst-k style=padding:0><li>{key}</li><li>{ghost}</li></ul>"
        f"<div class=dst-o>{NOT_TRUSTED}</div>{scrolled(svg)}"
        f"<figcaption>{escape(multiples.caption, quote=False)}</figcaption></figure>"
    )
    digest = hashlib.sha256(html.encode()).hexdigest()[:8]
    return html.replace(ID, f"m{digest}")


class _Drawing:
    def __init__(self, multiples: Multiples) -> None:
        self._all = multiples
        self._scale = PLOT / multiples.end

    def svg(self, title: str) -> str:
        parts: list[str] = []
        y = 8
        for name, one in self._all.rollouts.items():
            parts += self._panel(name, one, y)
            y += _HIGH + _APART
        floor = y - _APART
        ticks = self._ticks()
        grid = "".join(f"M{self._x(t):.1f} 4V{floor}" for t in ticks)
        numbers = "".join(
            f'<text class="i" x="{self._x(t):.1f}" y="{floor + 17}">{t:g}</text>' for t in ticks
        )
        name = "seconds since the new template"
        return (
            f'<svg viewBox="0 0 {WIDTH} {floor + _AXIS}" role="img" aria-labelledby="{ID}t" '
            f'aria-describedby="{ID}d"><title id="{ID}t">{escape(title, quote=False)}</title>'
            f'<desc id="{ID}d">{escape(self._all.caption, quote=False)}</desc>'
            f'<path class="g" d="{grid}"/>{"".join(parts)}{numbers}'
            f'<text class="i m" x="{LEFT + PLOT / 2:g}" y="{floor + 34}">{name}</text></svg>'
        )

    def _x(self, t: float) -> float:
        return LEFT + t * self._scale

    def _ticks(self) -> list[float]:
        rough = self._all.end / 7
        steps = (n * 10.0**power for power in range(-2, 6) for n in (1, 2, 5))
        step = next(each for each in steps if each >= rough)
        return [round(i * step, 6) for i in range(int(self._all.end / step) + 1)]

    def _panel(self, title: str, one: Progress, y: int) -> Iterator[str]:
        floor = y + _HIGH
        yield f"<g><title>{escape(f'{title}: {one.measured}; {one.expected}', quote=False)}</title>"
        # The ground makes the whole panel answer to the pointer.
        yield f'<path d="M{LEFT} {y}h{PLOT}v{_HIGH}h-{PLOT}z" fill="{MUTED}" fill-opacity=".06"/>'
        yield from self._curve(one, floor)
        yield f'<path class="g" d="M{LEFT} {floor}h{PLOT}"/>'
        ghost = self._x(one.model.seconds)
        yield (
            f'<path d="M{ghost:.1f} {y}V{floor}" stroke="var(--f)" stroke-width="2" '
            'stroke-dasharray="5 4" fill="none"/>'
        )
        for number, at in (("100 %", y + 10), ("0", floor)) if one.updated.times else ():
            yield f'<text class="e m" x="{LEFT - 8}" y="{at}">{number}</text>'
        yield f'<text class="h" x="4" y="{y + _HIGH / 2 + 5:g}">{escape(title)}</text>'
        yield from self._words(one, y)
        yield "</g>"

    def _curve(self, one: Progress, floor: int) -> Iterator[str]:
        runs: list[
            tuple[float, str]
        ] = []  # known stretches without a gap: where, how the line goes
        unknown = True
        for start, end, share in one.shares():
            if share is not None:
                moves = f"V{floor - share * _HIGH:.1f}H{self._x(end):.1f}"
                x, before = (start, "") if unknown else runs.pop()
                runs.append((x, before + moves))
            unknown = share is None
        for start, moves in runs:
            begin, rise = f"M{self._x(start):.1f} {floor}", f"{moves}V{floor}z"
            yield f'<path d="{begin}{rise}" fill="{_AREA}" fill-opacity=".5"/>'
            yield f'<path d="{begin}{moves}" stroke="{_AREA}" stroke-width="2" fill="none"/>'
        if not one.updated.times and one.length is not None:  # a measure of the length alone
            x, middle = self._x(one.length), floor - _HIGH / 2
            yield (
                f'<path d="M{LEFT} {middle:g}H{x:.1f}M{x:.1f} {middle - 9:g}v18" '
                f'stroke="{_AREA}" stroke-width="3" fill="none"/>'
            )

    def _words(self, one: Progress, y: int) -> Iterator[str]:
        """Yield the measured and the model's length, beside both lines: they cross no words."""
        low, high = sorted((self._x(one.measured_end), self._x(one.model.seconds)))
        lines = (one.measured, y + 20), (one.expected, y + _HIGH - 9)
        wide = _LETTER * max(len(words) for words, _ in lines) + 6
        if high + wide <= LEFT + PLOT or max(high - low, low - LEFT) < wide:
            place = f'class="o" x="{high + 6:.1f}"'
        elif high - low >= wide:
            place = f'class="o" x="{low + 6:.1f}"'
        else:
            place = f'class="o e" x="{low - 6:.1f}"'
        for words, at in lines:
            yield f'<text {place} y="{at:g}">{escape(words)}</text>'
