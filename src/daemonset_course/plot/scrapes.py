"""Draws what variants of an exporter tell: a row a metric family, a column a variant."""

from __future__ import annotations

from typing import Any

from daemonset_course.plot.look import ALARM, DARK, LIGHT, PALETTE, Look
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.table import Cell, draw_table
from daemonset_course.timeline.scrapes import (
    Scrapes,
    Seen,
    scrapes,
    scrapes_caption,
    scrapes_headline,
)


def plot_scrapes(seen: Seen, *, title: str = "", dark: bool = False) -> Picture:
    """The table of metric families and variants; a cell holds the number of values.

    Args:
        seen: by variant and family the values; the first variant is what the others differ from.
        title: the finding; made from the values when left out.
        dark: for a dark page.
    """
    look, found = DARK if dark else LIGHT, scrapes(seen)
    title, told = title or scrapes_headline(found), scrapes_caption(found)
    words = {"same": "as in the first column", "other": "other values", "none": "no value"}
    cells = {
        (family, variant): _cell(found, family, variant, words)
        for family in found.families
        for variant in found.variants
    }
    styles = {words[kind]: style for kind, style in _styles(look).items()}
    figure = draw_table(
        look, title=title, caption=told, rows=found.families, columns=found.variants, cells=cells,
        styles=styles,
    )  # fmt: skip
    return Picture(figure, told, title)


def _cell(found: Scrapes, family: str, variant: str, words: dict[str, str]) -> Cell:
    values, kind = found.values[variant][family], found.kind(family, variant)
    text = {"same": "{}", "other": "{} other", "none": "none"}[kind].format(len(values))
    return words[kind], text


def _styles(look: Look) -> dict[str, dict[str, Any]]:
    return {
        "same": {"facecolor": PALETTE[0], "edgecolor": PALETTE[0], "linewidth": 0.8},
        "other": {
            "facecolor": look.fade(ALARM, 0.6), "edgecolor": ALARM, "hatch": "////",
            "linewidth": 0.8,
        },
        "none": {"facecolor": look.ground, "edgecolor": look.muted, "linewidth": 0.8},
    }  # fmt: skip
