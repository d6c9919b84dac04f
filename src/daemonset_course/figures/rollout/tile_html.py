"""Write the tile map of a timeline as HTML: one tile a node, which follows the cursor."""

from __future__ import annotations

from html import escape

from daemonset_course.figures.colours import PALETTE, ink_on, rgb
from daemonset_course.figures.rollout.chart import Chart
from daemonset_course.figures.rollout.tile_map import NodeTile, counts_of, newest_colour, tiles_at

_MOST_NUMBERED = 200  # more tiles are small, without numbers; old revisions are round then


def tile_map(chart: Chart, word: str) -> str:
    """Return the map with its key, as it is at the end; ``data/tiles.js`` moves it."""
    tiles, newest = tiles_at(chart, chart.end), newest_colour(chart)
    key = "".join(
        f"<span>{_tile(one, newest)}{escape(words)}: {count}</span>"
        for one, count, words in counts_of(tiles, word)
    )
    each = "".join(_tile(one, newest) for one in tiles)
    small = " dst-y" if len(tiles) > _MOST_NUMBERED else ""
    return (
        f'<div class="dst-t{small}" style="display:none"><div class=dst-l>nodes at the end:{key}'
        f"</div><div class=dst-m aria-hidden=true>{each}</div></div>"
    )


def tile_style(chart: Chart) -> str:
    """Return the colours of the tiles as CSS."""
    colours = {bar.colour for lane in chart.lanes for bar in lane.bars}
    shades = {number: PALETTE[number % len(PALETTE)] for number in sorted(colours)}
    return "".join(
        f".dst .c{number}{{--c:{shade};--k:{ink_on(rgb(shade))}}}"
        for number, shade in shades.items()
    )


def tile_data(chart: Chart) -> dict[str, object]:
    """Return what the script reads: lanes by tile, colours by number, the newest colour."""
    bars = [bar for lane in chart.lanes for bar in lane.bars]
    return {
        "m": [tile.lane for tile in tiles_at(chart, chart.end)],
        "q": {bar.number: bar.colour for bar in bars},
        "n": newest_colour(chart),
    }


def _tile(tile: NodeTile, newest: int) -> str:
    if not tile.number:
        return "<i class=z>-</i>"
    if tile.number == "…":  # of the key: any revision
        return "<i class=h></i>"
    kinds = [f"c{tile.colour}", *(["h"] if not tile.ready else [])]
    kinds += ["o"] if tile.colour != newest else []
    name = kinds[0] if len(kinds) == 1 else f'"{" ".join(kinds)}"'
    return f"<i class={name}>{escape(tile.number)}</i>"
