"""Draws what agents can do with places of their node: a row a place, a column an agent."""

from __future__ import annotations

from collections.abc import Mapping

from daemonset_course.plot.look import ALARM, DARK, LIGHT
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.table import draw_table
from daemonset_course.timeline.rights import rights, rights_caption, rights_headline

_CAN, _REFUSED = "succeeds", "refused"


def plot_rights(
    can: Mapping[str, Mapping[str, bool]], *, title: str = "", dark: bool = False
) -> Picture:
    """The table of agents and places.

    Args:
        can: by agent and place, whether it succeeded.
        title: the finding; made from the answers when left out.
        dark: for a dark page.
    """
    look, found = DARK if dark else LIGHT, rights(can)
    title, told = title or rights_headline(found), rights_caption(found)
    cells = {
        (place, agent): (_CAN, _CAN) if found.can[agent][place] else (_REFUSED, _REFUSED)
        for place in found.places
        for agent in found.agents
    }
    styles = {
        _CAN: {"facecolor": ALARM, "edgecolor": ALARM, "linewidth": 0.8},
        _REFUSED: {"facecolor": look.ground, "edgecolor": look.muted, "linewidth": 0.8},
    }
    figure = draw_table(
        look, title=title, caption=told, rows=found.places, columns=found.agents, cells=cells,
        styles=styles,
    )  # fmt: skip
    return Picture(figure, told, title)
