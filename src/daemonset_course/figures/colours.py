"""Every colour of the figures: palette, meanings, applications, pages, and their contrasts. Pure.

No other module has a colour of its own; ``tests/unit/test_colours.py`` looks for some. The style
sheet of the timeline repeats the colours of a page, for pages that are not JupyterLab's.
"""

from __future__ import annotations

from collections.abc import Iterable

# Okabe and Ito, 2008: distinct for colour-blind readers. Neighbours differ in lightness too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00", "#F0E442", "#CC79A7")
ALARM, SURGE = PALETTE[4], PALETTE[2]
COMPARED = "#0B84D0"  # blue that reads on both backgrounds
MEANINGS = {"accent": PALETTE[0], "alarm": ALARM, "surge": SURGE, "compared": COMPARED}

# Applications have the same colour in every picture of every lesson: a number of the palette.
APPLICATIONS = {"agent": 0, "web": 1}
# Revisions have the colours of these numbers, in this order: all but the alarm's.
TEMPLATES = (0, 1, 2, 3, 6, 5)

# The pages: ground, ink, quieter ink, grid, stripes of lanes.
LIGHT_PAGE = ("#FFFFFF", "#1A1A1A", "#6B6B6B", "#E3E3E3", "#F6F6F6")
DARK_PAGE = ("#14171C", "#ECECEC", "#A0A4AA", "#33383F", "#1B1F25")
JUPYTERLAB_GROUNDS = ("#FFFFFF", "#111111")  # of its light and dark theme

READABLE = 4.5  # the contrast of words; WCAG 2.2, success criterion 1.4.3
VISIBLE = 3.0  # the contrast of marks and outlines; 1.4.11

Colour = tuple[float, float, float]


def application_colours(names: Iterable[str]) -> dict[str, str]:
    """Return the name of each application's colour: its own, or the first that is free."""
    names = list(names)
    taken = {APPLICATIONS[name] for name in names if name in APPLICATIONS}
    free = [number for number in range(len(PALETTE)) if number not in taken] or [0]
    others = [name for name in dict.fromkeys(names) if name not in APPLICATIONS]
    given = {name: free[i % len(free)] for i, name in enumerate(others)}
    return {name: f"series {(APPLICATIONS | given)[name]}" for name in names}


def contrast(colour: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def blend(colour: Colour, other: Colour, amount: float) -> Colour:
    """Return ``colour`` with ``amount`` (0 to 1) of ``other`` in it."""
    red, green, blue = (x + (y - x) * amount for x, y in zip(colour, other, strict=True))
    return red, green, blue


def ink_share(colour: Colour, page: tuple[str, ...], least: float) -> float:
    """Return how much of the page's ink makes a colour stand out from the page, in tenths."""
    ground, ink = rgb(page[0]), rgb(page[1])
    shares = (i / 10 for i in range(11))
    return next(one for one in shares if contrast(blend(colour, ink, one), ground) >= least)


def outline_share(colour: str) -> float:
    """Return the share of ink in an outline that is visible on a light and on a dark page."""
    return max(ink_share(rgb(colour), page, VISIBLE) for page in (LIGHT_PAGE, DARK_PAGE))


def rgb(colour: str) -> Colour:
    """Return the shares of red, green and blue, 0 to 1, of a colour as ``#RRGGBB``."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def ink_on(colour: Colour) -> str:
    """Return black or white: the one with more contrast to the colour."""
    return "#000000" if luminance(colour) > 0.179 else "#FFFFFF"


def luminance(colour: Colour) -> float:
    """Return the relative luminance: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
