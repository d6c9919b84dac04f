"""Colours and patterns of the pictures: a revision is a colour, a phase is a shape and a pattern.

Colour is never the only channel: phases differ in height, filling and hatching, and revisions are
numbered on their bars, so that the picture reads in greyscale. Palette: Okabe and Ito, 2008.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import matplotlib.style
from matplotlib.colors import to_rgb

from daemonset_course.timeline.spans import Phase

# Neighbours differ in lightness too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
ALARM = "#D55E00"
SURGE = "#009E73"
COMPARED = "#0B84D0"  # blue that reads on both grounds

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """The colours that depend on the theme."""

    ground: str
    ink: str
    muted: str
    faint: str
    stripe: str

    def fade(self, colour: str, amount: float) -> Colour:
        """``colour`` mixed with the ground: 0 leaves it, 1 gives the ground."""
        return mix(colour, self.ground, amount)

    def bar(self, phase: Phase, colour: str) -> dict[str, Any]:
        """The style of a bar's rectangle in that phase."""
        if phase == "unknown":
            face = self.fade(self.muted, 0.75)
            return {"facecolor": face, "edgecolor": self.muted, "hatch": "xxxx", "linewidth": 0}
        if phase == "pending":
            return {"facecolor": self.ground, "edgecolor": colour, "linewidth": 1.0}
        if phase == "not ready":
            face = self.fade(colour, 0.72)
            return {"facecolor": face, "edgecolor": colour, "hatch": "/////", "linewidth": 0.7}
        return {"facecolor": colour, "edgecolor": colour, "linewidth": 0.5}

    def removed(self, colour: str) -> dict[str, Any]:
        """The style that cuts up what is drawn of a node that was deleted."""
        return {"facecolor": colour, "edgecolor": self.ground, "hatch": "||||", "linewidth": 0}


LIGHT = Look(ground="#FFFFFF", ink="#1A1A1A", muted="#6B6B6B", faint="#E3E3E3", stripe="#F6F6F6")
DARK = Look(ground="#14171C", ink="#ECECEC", muted="#A0A4AA", faint="#33383F", stripe="#1B1F25")

# How much of its row a bar fills: thin bars are pods that do not serve (yet, or any more).
HEIGHT: dict[Phase, float] = {
    "pending": 0.32,
    "not ready": 0.74,
    "ready": 0.74,
    "terminating": 0.24,
    "unknown": 0.74,
}
PHASES: tuple[Phase, ...] = ("pending", "not ready", "ready", "terminating", "unknown")


def revision_colour(number: int) -> str:
    """The colour of the revision that appeared as the ``number``-th (from 0)."""
    return PALETTE[number % len(PALETTE)]


def text_on(colour: str) -> str:
    """Black or white, whichever reads on that colour."""
    red, green, blue = to_rgb(colour)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#FFFFFF"


def mix(colour: str, other: str, amount: float) -> Colour:
    """``colour`` with ``amount`` (0 to 1) of ``other`` in it."""
    a, b = to_rgb(colour), to_rgb(other)
    red, green, blue = (x + (y - x) * amount for x, y in zip(a, b, strict=True))
    return red, green, blue


@contextmanager
def course_style() -> Iterator[None]:
    """Matplotlib's defaults with the course's style on top, within the block only."""
    resource = files("daemonset_course") / "data" / "course.mplstyle"
    with as_file(resource) as path, matplotlib.style.context(["default", str(path)]):
        yield
