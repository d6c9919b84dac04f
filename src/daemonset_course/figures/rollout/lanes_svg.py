"""Draw charts of timelines as SVG: lanes of Pods, panels of counts, an axis, and their key."""

from __future__ import annotations

import math
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape

from daemonset_course.figures.colours import ALARM, PALETTE, SURGE, ink_on, rgb
from daemonset_course.figures.pods import PAINTED, pod_style
from daemonset_course.figures.rollout.chart import Chart, ChartSet, CountsPanel, NodeLane, PodBar
from daemonset_course.figures.rollout.drawn_in_svg import (
    decimal,
    height,
    level_words,
    levels,
    outlines,
    rows,
)
from daemonset_course.figures.rollout.expected import PANELS
from daemonset_course.figures.rollout.key import node_state
from daemonset_course.figures.rollout.paints import AWAY, ID, INK, MUTED, Paints, cell
from daemonset_course.figures.rollout.row_labels import heading, row_labels
from daemonset_course.history.spans import Span, Steps

# Units of the SVG: one is a pixel where the picture is as wide as that. A page of 700 px has 684 px
# for it: there its words, 13 units high, have the 12 px (9 pt) that people can read.
WIDTH, LEFT, _RIGHT = 740, 146, 14
PLOT = WIDTH - LEFT - _RIGHT
_EDGES = LEFT, LEFT + PLOT
_LANE, _LOW_LANE, _DENSE = 24.0, 18.0, 460.0  # a lane, one of many, all lanes of the dense form
_TOP, _HEAD = 24, 20  # for letters above the lanes, for the label of a compared chart
_PANEL, _STRIP, _ABOVE = 46, 26, 18  # the counts, the extra Pods, the room for words above each
_PARTED, _LINE = 6, 17  # a row with a gap to the next, a line of text beside rows
_STATUS = 17  # a row of the status strip, a line of its name
_LEAST_ROW = 1.3  # of the dense form: thinner lines would leave gaps
_AXIS = 34
_TALL = 16  # a line of words on a panel, with the room around it
_LETTER = 7.6  # the width of a character, on average a little less
_FITS = 17  # characters of a node's name
_COLUMNS = 18  # characters of a line with names of columns
_RADIUS = 8.5  # of a letter's circle
_BARS = tuple(reversed(PAINTED))  # a full bar does not cover a short one beside it
_RANK = {phase: i for i, phase in enumerate(_BARS)}
_UNAVAILABLE, _EXTRA = "nodes without an available Pod", "extra Pods"


class LanesSvg:
    """The SVG of some charts.

    Attributes:
        lane: the height of a lane.
        tops: the y of each chart's first lane, when it is drawn.
        height: of the whole, when it is drawn.
    """

    def __init__(self, charts: ChartSet) -> None:
        self._charts = charts
        low, high = charts.span
        self._low, self._high, self._scale = low, high, PLOT / max(high - low, 1e-9)
        self._paints = Paints(charts.key, dense=charts.dense)
        self.tops: list[float] = []
        self.height = 0.0
        lanes = sum(len(chart.lanes) for chart in charts.charts)
        self.lane = (
            _row_height(lanes) if charts.dense else _LANE if lanes <= 16 else _LOW_LANE
        )  # fmt: skip

    # The whole

    def svg(self) -> str:
        """Return the SVG; its ids begin with ``ID``, that of the caption, outside, is ``ID`` c."""
        y, parts = 2.0, []
        for chart in self._charts.charts:
            if head := heading(chart, dense=self._charts.dense):
                parts.append(f'<text class="h" x="4" y="{y + 14:g}">{escape(head)}</text>')
                y += _HEAD
            y += _TOP if any(row < 0 for one in chart.letters for row, *_ in one.places) else 4
            self.tops.append(y)
            bottom = y + self.lane * len(chart.lanes)
            below, panels = self._panels(chart, bottom + 6)
            parts += [*self._under(chart, y, bottom, below), *self._lanes(chart, y), *panels]
            parts += self._over(chart, y, bottom, below)
            parts.append(rows(chart.drawn_in, self._x, _EDGES, y, below))
            y = below + height(chart.drawn_in) + 8
        parts.append(self._axis(y))
        self.height = y + _AXIS
        ticks = "".join(f"M{decimal(self._x(t))} 0V{y:g}" for t in self._ticks())
        title = escape(self._charts.one_line, quote=False)
        described, desc = f"{ID}c", ""
        if words := escape(self._charts.drawn_in_words, quote=False):
            described, desc = f"{described} {ID}d", f'<desc id="{ID}d">{words}</desc>'
        cursor = f'<rect class="v" height="{y:g}"/><path class="u"/>'
        if self._charts.dense:
            cursor += '<text class="h o w"></text>'  # the name of the row under the cursor
        return (
            f'<svg viewBox="0 0 {WIDTH} {self.height:g}" role="img" {self._paints.outlines}'
            f'aria-labelledby="{ID}t" aria-describedby="{described}">'
            f'<title id="{ID}t">{title}</title>{desc}'
            f'<defs>{self._paints.defined}</defs><path class="g" d="{ticks}"/>'
            f"{''.join(parts)}{cursor}</svg>"
        )

    def key(self) -> str:
        """Return the list of colours, shapes and grounds."""
        return self._paints.key()

    # Places

    def _x(self, t: float) -> float:
        return LEFT + (min(max(t, self._low), self._high) - self._low) * self._scale

    def _span(self, start: float, end: float, least: float = 1.5) -> tuple[float, float]:
        """Return x and width of a stretch, wide enough to be seen."""
        x = min(self._x(start), LEFT + PLOT - least)
        return x, max(self._x(end) - x, least)

    def _rect(self, span: Span, y: float, high: float, rest: str, least: float = 1.5) -> str:
        x, wide = self._span(*span, least)
        return (
            f'<rect x="{decimal(x)}" y="{decimal(y)}" width="{decimal(wide)}" '
            f'height="{decimal(high)}" {rest}/>'
        )

    def _ticks(self) -> list[float]:
        rough = (self._high - self._low) / 7
        power = 10 ** math.floor(math.log10(max(rough, 1e-3)))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough)
        first = math.ceil(self._low / step - 1e-9)
        return [round(i * step, 6) for i in range(first, math.floor(self._high / step + 1e-9) + 1)]

    def _axis(self, y: float) -> str:
        texts = "".join(
            f'<text x="{decimal(self._x(t))}" y="{y + 13:g}">{t:g}</text>' for t in self._ticks()
        )
        place = f'x="{LEFT + PLOT / 2:g}" y="{y + 30:g}"'
        name = f'<text class="m" {place}>{self._charts.axis}</text>'
        return f'<path class="g" d="M{LEFT} {y:g}h{PLOT}"/><g class="i">{texts}{name}</g>'

    # Lanes

    def _under(self, chart: Chart, top: float, bottom: float, below: float) -> Iterator[str]:
        """Yield what lies under the bars: stripes, states of nodes, outages, lines of letters."""
        if not self._charts.dense:
            yield (  # one wide dashed line: a dash is a lane
                f'<path d="M{LEFT + PLOT / 2:g} {top:g}V{bottom:g}" stroke="{INK}" '
                f'stroke-opacity=".045" stroke-width="{PLOT}" stroke-dasharray="{self.lane:g}"/>'
            )
        for i, lane in enumerate(chart.lanes):
            for state in lane.states:
                ground = self._paints.node(node_state(state.words))
                y = top + i * self.lane
                yield self._rect((state.start, state.end), y, self.lane, ground)
        for start, end, _ in chart.outages:
            yield self._rect((start, end), top, bottom - top, AWAY)
        moments = [t for one in chart.letters for lane, t, _ in one.places if lane < 0]
        if moments:
            lines = "".join(f"M{decimal(self._x(t))} {top - 3:g}V{below:g}" for t in moments)
            yield f'<path class="d" d="{lines}"/>'

    def _lanes(self, chart: Chart, top: float) -> Iterator[str]:
        if self._charts.dense:
            yield from self._low_rows(chart, top)
            return
        paths: defaultdict[tuple[int, int, float], list[str]] = defaultdict(list)
        texts: defaultdict[str, list[str]] = defaultdict(list)  # by paint
        marked: defaultdict[int, list[float]] = defaultdict(list)  # by lane, the x of its letters
        for row, _, shown in sorted(place for one in chart.letters for place in one.places):
            marked[row].append(self._x(shown))
        for i, lane in enumerate(chart.lanes):
            y = top + i * self.lane
            middle = y + self.lane / 2
            paint = 'class="e"' if lane.bars else 'class="e m"'
            texts[paint].append(_text(LEFT - 8, middle, _fitting(lane)))
            if lane.folded and lane.bars:
                for paint, text in self._fold_words(lane, middle):
                    texts[paint].append(text)
            for bar in lane.bars:
                if bar.end >= self._low:
                    shape, high = self._bar(bar, self._middle(bar, y))
                    paths[_RANK[bar.phase], bar.colour, high].append(shape)
                    for paint, text in self._words_on(bar, self._middle(bar, y), marked[i]):
                        texts[paint].append(text)
            if not lane.bars:
                x = self._x(chart.start) + 6
                texts['class="m o"'].append(_text(x, middle, lane.words or "no Pod"))
        for (rank, colour, high), moves in sorted(paths.items()):
            paint = self._paints.pod(_BARS[rank], PALETTE[colour % len(PALETTE)])
            if high:
                paint = f'{paint.replace("fill", "stroke")} stroke-width="{decimal(high)}"'
            yield f'<path {paint} d="{"".join(moves)}"/>'
        for paint, words in texts.items():
            yield f"<g {paint}>{''.join(words)}</g>"

    def _middle(self, bar: PodBar, y: float) -> float:
        return y + (0.5 + bar.offset) * self.lane

    def _bar(self, bar: PodBar, middle: float) -> tuple[str, float]:
        """Return a bar's moves: its outline and 0; or a line and how thick it is."""
        high = pod_style(bar.phase, "").height * bar.share * self.lane
        high = max(2.0, 2.0 * round(high / 2))  # half of it is a whole number: sharp edges
        x, wide = (decimal(each) for each in self._span(bar.start, bar.end))
        if "stroke" not in self._paints.pod(bar.phase, PALETTE[bar.colour % len(PALETTE)]):
            return f"M{x} {decimal(middle)}h{wide}", high
        return f"M{x} {decimal(middle - high / 2)}h{wide}v{decimal(high)}H{x}z", 0.0

    def _fold_words(self, lane: NodeLane, middle: float) -> Iterator[tuple[str, str]]:
        """Yield what the row of several nodes says: (paint, text)."""
        (bar,) = lane.bars
        ink = ink_on(rgb(PALETTE[bar.colour % len(PALETTE)]))
        paint = f'fill="{ink}"' if bar.phase == "ready" else 'class="o"'
        yield paint, _text(self._x(bar.start) + 4, middle, lane.words)

    def _words_on(
        self, bar: PodBar, middle: float, letters: Sequence[float]
    ) -> Iterator[tuple[str, str]]:
        """Yield the number or the reason, if the bar has room beside letters: (paint, text)."""
        x, wide = self._span(bar.start, bar.end)
        if not bar.named:
            return
        if bar.phase in ("ready", "not yet available"):
            if bar.rows > 1 or wide < 8 + _LETTER * len(bar.number):
                return
            ink = ink_on(rgb(PALETTE[bar.colour % len(PALETTE)]))
            paint = f'fill="{ink}"' if bar.phase == "ready" else 'class="o"'
            yield paint, _text(x + 4, middle, bar.number)
            for t, number in bar.later:
                if self._x(bar.end) - self._x(t) > 3 * _LETTER:
                    yield paint, _text(self._x(t) + 3, middle, f"→{number}")
            return
        cross = "✗ " if bar.phase == "failed" else ""
        for words in bar.words:
            at, long = x + 4, _LETTER * len(cross + words)
            for letter in letters:
                if at - _RADIUS < letter < at + long + _RADIUS:
                    at = letter + _RADIUS + 3
            if x + wide > at + long + 4:
                yield 'class="o"', _text(at, middle, cross + words)
                return
        if cross:
            yield 'class="o"', _text(x, middle, "✗")

    def _low_rows(self, chart: Chart, top: float) -> Iterator[str]:
        """Yield one path for each phase and colour: every bar is a piece of a thick line."""
        paths: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        for i, lane in enumerate(chart.lanes):
            y = f"{top + (i + 0.5) * self.lane:g}"
            for bar in lane.bars:
                if bar.end >= self._low:
                    x, wide = self._span(bar.start, bar.end)
                    place = PAINTED.index(bar.phase), bar.colour
                    paths[place].append(f"M{decimal(x)} {y}h{decimal(wide)}")
        for (rank, colour), moves in sorted(paths.items()):
            paint = cell(PAINTED[rank], PALETTE[colour % len(PALETTE)]).replace("fill", "stroke")
            high = self.lane - 1 if self.lane >= _PARTED else max(self.lane, _LEAST_ROW)
            line = f'stroke-width="{high:g}" shape-rendering="crispEdges"'
            yield f'<path d="{"".join(moves)}" {paint} {line}/>'
        labels = row_labels(chart, self._charts.word, _LINE / self.lane)
        words = "".join(_text(LEFT - 8, top + at * self.lane, text) for at, text in labels)
        yield f'<g class="e m">{words}</g>'

    def _over(self, chart: Chart, top: float, bottom: float, below: float) -> Iterator[str]:
        """Yield what lies over the bars: gaps, the words of outages, letters."""
        if chart.gaps:
            unseen = f'fill="{self._paints.pattern("unseen", INK)}" fill-opacity=".6"'
        for span in chart.unseen:
            yield self._rect(span, top, bottom - top, unseen)
        for span in chart.gaps:
            yield self._rect(span, bottom + 6, max(0.0, below - bottom - 6), unseen)
        several = len({words for *_, words in chart.outages}) > 1  # the key names a single one
        for start, end, words in chart.outages:
            x, wide = self._span(start, end)
            if several and wide > _LETTER * len(words):
                place = f'x="{decimal(x + 4)}" y="{bottom - 5:g}"'
                yield f'<text class="o" {place}>{escape(words)}</text>'
        for start, end, words, row in chart.waits:
            x, wide = self._span(start, end)
            y = top + (row + 0.5) * self.lane
            text = _LETTER * len(words)
            line = f"h{decimal(wide)}"
            if wide > text + 16:
                line = f"h{decimal((wide - text) / 2)}m{text:g} 0H{decimal(x + wide)}"
                place = f'x="{decimal(x + wide / 2)}" y="{y + 4.5:g}"'
                yield f'<text class="i o" {place}>{words}</text>'
            yield f'<path class="p" d="M{decimal(x)} {y - 5:g}v10m0-5{line}m0-5v10"/>'
        if chart.end < self._high - 0.03 * (self._high - self._low):
            edge = decimal(self._x(chart.end))
            yield f'<path class="g" d="M{edge} {top:g}V{bottom:g}"/>'
            room, words = LEFT + PLOT - self._x(chart.end), "recording ended"
            if room > _LETTER * len(words):
                yield f'<text x="{edge}" dx="4" class="m" y="{bottom - 6:g}">{words}</text>'
            elif room > _LETTER * len("recording"):  # below the lanes the status has its numbers
                for y, word in zip((bottom - 21, bottom - 6), words.split(), strict=True):
                    yield f'<text x="{edge}" dx="4" class="m" y="{y:g}">{word}</text>'
            else:
                yield f'<text x="{edge}" class="e m" y="{bottom + 16:g}">{words}</text>'
        nodes = () if self._charts.dense else [lane.node for lane in chart.lanes]
        yield from outlines(chart.drawn_in, nodes, self._x, top, self.lane)
        for letter in chart.letters:
            wrong = f' style="stroke:{ALARM};stroke-width:3"' if letter.kind == "violation" else ""
            for lane, _, shown in letter.places:
                x, y = self._x(shown), top - 12 if lane < 0 else top + (lane + 0.5) * self.lane
                yield (
                    f'<circle class="k"{wrong} cx="{decimal(x)}" cy="{decimal(y)}" r="{_RADIUS}"/>'
                    f'<text class="h i" x="{decimal(x)}" y="{decimal(y + 4.6)}">'
                    f"{letter.letter}</text>"
                )

    # The panel

    def _panels(self, chart: Chart, top: float) -> tuple[float, list[str]]:
        """Return the lower end of the panels, and their parts."""
        y, parts = self._strip(chart, top) if chart.strip else (top - 6, [])
        panel = chart.panel
        if panel is None:
            return y, parts
        y += 6
        unavailable = panel.unavailable, panel.budget, panel.top, _UNAVAILABLE
        extra = panel.surge, panel.surge_budget, panel.surge_top, _EXTRA
        drawn = [(_PANEL, unavailable, panel.above)]
        if panel.surge.times:
            named = any(one.about == PANELS[1] for one in panel.levels)
            drawn.append((_PANEL if named else _STRIP, extra, panel.surge_above))
        for (high, what, above), about in zip(drawn, PANELS, strict=False):
            y += _ABOVE + high
            unit, found = high / what[2], [one for one in panel.levels if one.about == about]
            parts += levels(found, self._x, y, unit)
            parts += [*self._panel(y - high, high, *what), *self._alarm(above, y, unit)]
            parts += self._bound_words(panel, about, y, unit)
            parts += level_words(found, self._x, _EDGES, y, unit)
        return y, parts

    def _strip(self, chart: Chart, top: float) -> tuple[float, list[str]]:
        """Return the lower end of the status strip, and its parts."""
        parts, ticks, y = [], "", top + 2
        for row in chart.strip:
            lines = row.lines(_COLUMNS)
            high = _STATUS * len(lines)
            base = decimal(y + (high + _STATUS) / 2 - 4)
            numbers, free = "", 0.0
            for a, b in row.lags:
                parts.append(self._rect((a, b), y, high, self._paints.lag()))
            for a, b, value in self._seen(row.values):
                x, text = self._x(a), str(value)
                ticks += f"M{decimal(x)} {y:g}v{high}"
                wide, at = 3 + _LETTER * len(text), max(x, free)
                if at + wide < (self._x(b) if at > x else LEFT + PLOT):
                    numbers += f'<tspan x="{at + 3:.0f}">{text}</tspan>'
                    free = at + wide + 3
            for i, name in enumerate(lines):
                place = f'x="{LEFT - 8}" y="{y + _STATUS * (i + 1) - 4:g}"'
                parts.append(f'<text class="e" {place}>{name}</text>')
            parts.append(f'<text class="o" y="{base}">{numbers}</text>')
            for a, b in row.lags:
                words = f"lag {b - a:.1f} s"
                x, wide = self._span(a, b)
                if wide > 12 + _LETTER * (len(words) + 3):
                    end, room = x + wide - 4, _LETTER * len(words)
                    parts.append(
                        f'<rect class="v" x="{decimal(end - room)}" y="{y + 2:g}" '
                        f'width="{decimal(room + 2)}" height="{high - 4:g}"/>'
                        f'<text class="e o" x="{decimal(end)}" y="{base}">{words}</text>'
                    )
            y += high
        parts.insert(0, f'<path class="g" d="{ticks}"/>')
        return y, parts

    def _panel(
        self, y: float, high: float, count: Steps, bound: Steps, most: int, words: str
    ) -> Iterator[str]:
        """Yield the count as an area, the bound as a ceiling with its words, the name."""
        unit, floor = high / most, y + high
        surge = words == _EXTRA
        paint = SURGE if surge else MUTED
        area = ""
        for a, b, value in self._seen(count):
            if value:
                x, end, up = map(decimal, (self._x(a), self._x(b), value * unit))
                area += f"M{x} {floor:g}v-{up}H{end}V{floor:g}"
        yield f'<path fill="{paint}" fill-opacity=".45" d="{area}"/>'
        ceiling = ""
        for a, b, value in self._seen(bound):
            level = floor - value * unit
            ceiling += f"M{decimal(self._x(a))} {decimal(level)}H{decimal(self._x(b))}"
        yield (
            f'<path d="{ceiling}" stroke="{SURGE if surge else ALARM}" stroke-width="2" '
            f'stroke-dasharray="6 3"/>'
            f'<path class="g" d="M{LEFT} {floor:g}h{PLOT}"/>'
            f'<text class="e m" x="{LEFT - 8}" y="{floor:g}">0</text>'
            f'<text class="e m" x="{LEFT - 8}" y="{y + 10:g}">{most}</text>'
        )
        edge = LEFT - 14 - 9 * max(2, len(str(most)))
        lines = textwrap.wrap(words, int(edge / 7))
        for i, line in enumerate(lines):
            at = y + high / 2 + 5 + 15 * (i - (len(lines) - 1) / 2)
            yield f'<text class="e" x="{edge}" y="{at:g}">{line}</text>'

    def _bound_words(
        self, panel: CountsPanel, about: str, floor: float, unit: float
    ) -> Iterator[str]:
        """Yield the words of a bound: above it, behind what is above it, below a level near it."""
        surge = about == PANELS[1]
        bound, above = (
            (panel.surge_budget, panel.surge_above) if surge else (panel.budget, panel.above)
        )
        levels_here = [one.value for one in panel.levels if one.about == about]
        label = ""
        for a, b, value in self._seen(bound):
            if (text := f"{'surge budget' if surge else 'budget'} {value}") == label:
                continue
            label, wide = text, _LETTER * len(text) + 3
            covered = [end for start, end, *_ in above if a <= start < end < b]
            free = [start for start in (a, *covered) if self._is_free(start, wide, above)]
            x = min(self._x(free[0] if free else a) + 3, LEFT + PLOT - wide)
            level = floor - value * unit
            near = any(0 < (one - value) * unit < _TALL for one in levels_here)
            y = level + _TALL - 2 if near and value * unit > _TALL else level - 4
            yield f'<text class="o" x="{decimal(x)}" y="{decimal(y)}">{text}</text>'

    def _is_free(
        self, start: float, wide: float, above: Sequence[tuple[float, float, int, int]]
    ) -> bool:
        """Whether words of this width can stand at a moment without an area behind them."""
        x = self._x(start)
        return not any(self._x(a) < x + wide and x < self._x(b) for a, b, *_ in above)

    def _alarm(
        self, above: Sequence[tuple[float, float, int, int]], floor: float, unit: float
    ) -> Iterator[str]:
        if above:
            paint = f'fill="{self._paints.pattern("above", ALARM)}"'
            for start, end, low, high in above:
                box = (start, end), floor - high * unit, (high - low) * unit
                yield self._rect(*box, paint, least=1.0)

    def _seen(self, steps: Steps) -> Iterator[tuple[float, float, int]]:
        """Yield the known stretches on the axis; moments of no length are left out."""
        for start, end, value in steps.stretches():
            a, b = max(start, self._low), min(end, self._high)
            if value is not None and b > a:
                yield a, b, value


def _row_height(rows: int) -> float:
    """Return the height of a low row: whole units, or a half one, so that its edges are sharp."""
    whole = _DENSE // rows or next((h for h in (1.0, 0.5) if h * rows <= 640), 640 / rows)
    return float(whole)


def _fitting(lane: NodeLane) -> str:
    """Return the node's name, or its beginning and end if it is longer than the margin is wide."""
    name, most = lane.name, _FITS - (len(lane.predicted) + 1 if lane.predicted else 0)
    short = name if len(name) <= most else f"{name[: most // 2]}…{name[most // 2 + 1 - most :]}"
    return f"{short} {lane.predicted}".rstrip()


def _text(x: float, middle: float, words: str) -> str:
    """Return a line of text that begins at ``x``, at that height."""
    return f'<text x="{x:.0f}" y="{middle + 4.4:.0f}">{escape(words, quote=False)}</text>'
