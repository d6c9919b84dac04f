"""The palette, and which ink can be read on a colour. Pure."""

from __future__ import annotations

# Okabe and Ito, 2008: distinct for colour-blind readers.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
ALARM, SURGE = PALETTE[4], PALETTE[2]
COMPARED = "#0B84D0"  # blue that reads on both backgrounds

Colour = tuple[float, float, float]


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
