"""The theme, light and dark: colours by name, fillings of styles, and matplotlib's defaults.

Colour is never the only channel: phases differ in height, filling and hatching, and revisions are
numbered on their bars, so that a picture reads in greyscale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import matplotlib.style
from matplotlib.colors import to_rgb

from daemonset_course.figures.colours import (
    DARK_PAGE,
    LIGHT_PAGE,
    MEANINGS,
    PALETTE,
    READABLE,
    VISIBLE,
    Colour,
    blend,
    contrast,
    ink_on,
)
from daemonset_course.figures.shapes import Stroke, Style

_FIXED = MEANINGS | {f"series {number}": colour for number, colour in enumerate(PALETTE)}
_QUIET = {"background", "faint", "stripe", "foreground", "muted"}  # grounds, grids, inks
_DASHES: dict[str, Any] = {
    "solid": "solid", "dashed": (0, (4, 1.6)), "dotted": (0, (1.2, 1.2)), "none": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """The colours that differ between light and dark."""

    background: str
    foreground: str
    muted: str
    faint: str
    stripe: str

    def colour(self, name: str) -> str:
        """Return the colour of that name; see ``shapes.Style.colour``."""
        return _FIXED[name] if name in _FIXED else str(getattr(self, name))

    def fade(self, name: str, amount: float) -> Colour:
        """Return the colour mixed with the background: 0 leaves it, 1 gives the background."""
        return mix(self.colour(name), self.background, amount)

    def filling(self, style: Style) -> Colour:
        """Return the colour that a style is filled with."""
        return mix(self.fade(style.colour, style.fade), self.foreground, style.shade)

    def patch(self, style: Style) -> dict[str, Any]:
        """Return the keywords of a matplotlib patch in that style."""
        edge = self.outline(style.edge or style.colour)
        found: dict[str, Any] = {
            "facecolor": self.filling(style),
            "edgecolor": edge,
            "linewidth": style.width,
        }
        return found | ({"hatch": style.hatch} if style.hatch else {})

    def line(self, stroke: Stroke) -> dict[str, Any]:
        """Return the keywords of a matplotlib line in that stroke."""
        colour = mix(self.outline(stroke.colour), self.background, stroke.fade)
        face = mix(self.background, self.background, 0) if stroke.hollow else colour
        return {
            "color": colour, "linewidth": stroke.width, "linestyle": _DASHES[stroke.dash],
            "marker": stroke.marker or None, "markersize": stroke.size, "markerfacecolor": face,
            "markeredgecolor": colour, "markeredgewidth": 1.6 if stroke.hollow else 1.0,
        }  # fmt: skip

    def text(self, name: str) -> Colour:
        """Return the colour for texts on the page, darker or lighter if its contrast is too low."""
        return self._distinct(name, READABLE)

    def outline(self, name: str) -> Colour:
        """Return the colour for outlines and lines, the same way; a quiet one stays as it is."""
        return to_rgb(self.colour(name)) if name in _QUIET else self._distinct(name, VISIBLE)

    def _distinct(self, name: str, least: float) -> Colour:
        shades = (mix(self.colour(name), self.foreground, i / 10) for i in range(11))
        page = to_rgb(self.background)
        return next(shade for shade in shades if contrast(shade, page) >= least)

    def text_on(self, style: Style) -> str:
        """Return black or white: the one with more contrast to the filling of that style."""
        return ink_on(self.filling(style))


LIGHT, DARK = Theme(*LIGHT_PAGE), Theme(*DARK_PAGE)


def mix(colour: str | Colour, other: str, amount: float) -> Colour:
    """Return ``colour`` with ``amount`` (0 to 1) of ``other`` in it."""
    return blend(to_rgb(colour), to_rgb(other), amount)


@contextmanager
def course_style() -> Iterator[None]:
    """Set matplotlib's defaults and the course's style, within the block only."""
    resource = files("daemonset_course") / "data" / "course.mplstyle"
    with as_file(resource) as path, matplotlib.style.context(["default", str(path)]):
        yield
