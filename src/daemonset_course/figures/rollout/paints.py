"""The fillings of a timeline's SVG: patterns, which are defined once, and the key to them."""

from __future__ import annotations

from html import escape

from daemonset_course.figures.colours import ALARM, PALETTE, ink_on, outline_share, rgb
from daemonset_course.figures.pods import PHASES, Shown, cell_style
from daemonset_course.figures.rollout.key import NODE_STATES
from daemonset_course.figures.rollout.status_strip import LAG
from daemonset_course.figures.shapes import Legend, LegendMark, Style

ID = "\0"  # stands for the prefix of ids until the drawing is known
MUTED, GROUND, INK = "var(--m)", "var(--b)", "var(--f)"
_PATTERNS = {  # of 6 by 6 units
    "not ready": "M-1 1l2-2M0 6L6 0M5 7l2-2", "failed": "M-1 5l2 2M0 0l6 6M5-1l2 2",
    "unknown": "M0 6L6 0M0 0l6 6", "not yet available": "M1.5 1.5h1.6M4.5 4.5h1.6",
    "above": "M-1 5l2 2M0 0l6 6M5-1l2 2", "unseen": "M1 1h1M4 4h1",
    "lag": "M-1 1l2-2M0 6L6 0M5 7l2-2",
    "node state unknown": "M1 1h1M4 4h1", "node deleted": "M2 0v6",
    "node NotReady": "M-1 5l2 2M0 0l6 6M5-1l2 2",
}  # fmt: skip
# The ground of a time in which a component of the control plane was away.
AWAY = f'fill="{ALARM}" fill-opacity=".14" stroke="{ALARM}" stroke-dasharray="1 4"'


class Paints:
    """The fillings of one drawing, and the patterns that they use."""

    def __init__(self, entries: Legend, *, dense: bool) -> None:
        """Take the key's entries; ``dense``: for low rows, which have no patterns."""
        self._entries, self._dense = entries, dense
        self._used: dict[str, str] = {}  # a pattern -> its id
        self._outlines: dict[str, str] = {}  # a colour -> its variable

    @property
    def defined(self) -> str:
        """The patterns that were used so far, as elements."""
        used = self._used.items()
        return "".join(f'<pattern id="{place}" {element}</pattern>' for element, place in used)

    @property
    def outlines(self) -> str:
        """The attribute that defines the colours of outlines used so far; empty without any."""
        mixed = (
            f"{name}:color-mix(in srgb,{colour} {100 - 100 * outline_share(colour):.0f}%,{INK})"
            for colour, name in self._outlines.items()
        )
        return f'style="{";".join(mixed)}" ' if self._outlines else ""

    def outline(self, colour: str) -> str:
        """Return the paint of an outline: the colour, with ink if it is too near to a page's."""
        if colour.startswith("var(") or not outline_share(colour):
            return colour
        return f"var({self._outlines.setdefault(colour, f'--{len(self._outlines)}')})"

    def key(self) -> str:
        """Return the list of colours, shapes and grounds."""
        entries = []
        for word, mark in self._entries:
            entries.append(f"<li>{self._swatch(word, mark)} {escape(word)}</li>")
        return f'<ul class=dst-k style="padding:0">{"".join(entries)}</ul>'

    def pattern(self, name: str, colour: str, ground: str = "none") -> str:
        """Return the paint of a pattern, which is defined once."""
        element = (
            f'width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 0h6v6H0z" '
            f'fill="{ground}"/><path d="{_PATTERNS[name]}" stroke="{colour}" stroke-width="1.4"/>'
        )
        place = self._used.setdefault(element, f"{ID}{len(self._used)}")
        return f"url(#{place})"

    def pod(self, phase: Shown, colour: str) -> str:
        """Return the attributes of a bar in that phase."""
        if phase == "unknown":
            return f'fill="{self.pattern("unknown", MUTED)}" stroke="{MUTED}"'
        edge = self.outline(colour)
        if phase == "pending":
            return f'fill="{GROUND}" stroke="{edge}" stroke-width="1.5"'
        if phase in ("not ready", "failed"):
            return f'fill="{self.pattern(phase, edge, GROUND)}" stroke="{edge}"'
        if phase == "not yet available":
            half = f"color-mix(in srgb,{colour} 45%,{GROUND})"
            return f'fill="{self.pattern(phase, INK, half)}" stroke="{edge}"'
        return f'fill="{colour}"' + ("" if edge == colour else f' stroke="{edge}"')

    def _swatch(self, word: str, mark: LegendMark) -> str:
        parts = mark if isinstance(mark, tuple) else (mark,)
        shapes = ""
        for i, part in enumerate(parts):
            assert isinstance(part, Style)
            wide = 26 / len(parts)
            shapes += self._swatch_part(word, part, i * wide, wide)
        return f"<svg aria-hidden=true>{shapes}</svg>"

    def _swatch_part(self, word: str, style: Style, x: float, wide: float) -> str:
        high = 14 * min(1.0, style.height * 1.15)
        place = f'x="{x:.3g}" ' if x else ""
        box = f'<rect {place}y="{7 - high / 2:.2g}" width="{wide:.3g}" height="{high:.3g}" '
        phase = _phase_of(word)
        if word == LAG:
            return f"{box}{self.lag()}/>"
        if word in NODE_STATES:
            return f"{box}{self.node(word)}/>"
        if style.colour == "alarm":
            return f"{box}{AWAY}/>"
        if phase is None:
            ink = ink_on(rgb(_hex(style.colour)))
            sign = f'<text class="i" x="13" y="11.5" fill="{ink}">{escape(style.sign)}</text>'
            return f'{box}fill="{_hex(style.colour)}"/>' + (sign if style.sign else "")
        if self._dense:
            return f"{box}{cell(phase, _hex(style.colour))}/>"
        sign = '<text class="i o" x="13" y="12">✗</text>' if phase == "failed" else ""
        return f"{box}{self.pod(phase, MUTED)}/>{sign}"

    def lag(self) -> str:
        """Return the attributes of a stretch in which the status lags."""
        return f'fill="{self.pattern("lag", MUTED)}" stroke="{INK}"'

    def node(self, state: str) -> str:
        """Return the attributes of a lane's ground while its node is in that state."""
        if state in _PATTERNS:
            return f'fill="{self.pattern(state, MUTED)}" fill-opacity=".45"'
        return f'fill="{MUTED}" fill-opacity=".22"'


def cell(phase: Shown, colour: str) -> str:
    """Return the paint of a phase in a low row; see ``cell_style``."""
    style = cell_style(phase, "")
    if phase == "unknown":
        return f'fill="{MUTED}" fill-opacity=".5"'
    if style.shade:
        return f'fill="color-mix(in srgb,{colour} 40%,{INK})"'
    opacity = f' fill-opacity="{1 - style.fade:.2g}"' if style.fade else ""
    return f'fill="{colour}"{opacity}'


def _hex(name: str) -> str:
    """Return the colour of a series by its name."""
    kind, _, number = name.partition(" ")
    return PALETTE[int(number)] if kind == "series" else MUTED


def _phase_of(word: str) -> Shown | None:
    phase = word.removeprefix("Pod ").removeprefix("ready, ")
    return next((each for each in PHASES if each == phase and word.startswith("Pod ")), None)
