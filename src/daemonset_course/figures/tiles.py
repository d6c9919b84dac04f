"""Draw tiles: a grid of boxes with a name, a text, and optionally a dot and a ring."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from daemonset_course.figures.page import EDGE, TEXT, WIDTH, Panel, inches
from daemonset_course.figures.shapes import Style, Tile, Tiles
from daemonset_course.figures.theme import Theme

_TILE = 0.46  # inches
_RING = Style("alarm", width=2.2)


def tiles_panel(tiles: Tiles) -> Panel:
    """Return the panel of the tiles."""
    rows = -(-len(tiles.tiles) // tiles.columns)
    return Panel(
        _TILE * rows,
        lambda ax, theme: _draw(ax, theme, tiles, rows),
        left=EDGE,
        right=EDGE,
        below=0.3,
    )


def _draw(ax: Axes, theme: Theme, tiles: Tiles, rows: int) -> None:
    ax.set(xlim=(0, tiles.columns), ylim=(rows, 0), xticks=[], yticks=[], xlabel=tiles.heading)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for i, tile in enumerate(tiles.tiles):
        row, column = divmod(i, tiles.columns)
        _draw_tile(ax, theme, tile, column, row, tiles.styles[tile.style])


def _fitting(ax: Axes, text: str) -> str:
    """Return the text, or as much of its beginning as fits on a tile."""
    wide = ax.get_position().width * WIDTH / ax.get_xlim()[1]
    fits = max(3, int(0.92 * wide / inches("n", TEXT)))
    return text if len(text) <= fits else f"{text[: fits - 1]}…"


def _draw_tile(ax: Axes, theme: Theme, tile: Tile, x: int, y: int, style: Style) -> None:
    face = theme.patch(style)
    if tile.ring:
        face |= {"edgecolor": theme.colour(_RING.colour), "linewidth": _RING.width}
    ax.add_patch(Rectangle((x + 0.04, y + 0.05), 0.92, 0.9, **face))
    colour = theme.text_on(style)
    ax.text(x + 0.12, y + 0.3, tile.name, size=TEXT, va="center", color=colour)
    ax.text(
        x + 0.5,
        y + 0.74,
        _fitting(ax, tile.text),
        size=TEXT,
        ha="center",
        va="center",
        color=colour,
    )
    if tile.dot:
        ax.text(x + 0.78, y + 0.32, "●", size=11, ha="center", va="center", color=colour)
