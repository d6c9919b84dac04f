"""What agents can do with places of their node: a table of agents and places. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rights:
    """Agents and places.

    Attributes:
        agents: their names, in the order given.
        places: what was tried, in the order given.
        can: by agent and place, whether it succeeded.
    """

    agents: tuple[str, ...]
    places: tuple[str, ...]
    can: Mapping[str, Mapping[str, bool]]

    def granted(self, agent: str) -> list[str]:
        """What this agent can do."""
        return [place for place in self.places if self.can[agent][place]]


def rights(can: Mapping[str, Mapping[str, bool]]) -> Rights:
    """The table, given by agent and place; all agents tried the same places."""
    return Rights(tuple(can), tuple(next(iter(can.values()))), can)


def rights_headline(found: Rights) -> str:
    """The finding: how much each agent can do."""
    told = ", ".join(f"{agent} {len(found.granted(agent))}" for agent in found.agents)
    return f"Of {len(found.places)} attempts succeed: {told}"


def rights_caption(found: Rights) -> str:
    """For each agent what it can do."""
    told = [f"{agent}: {', '.join(found.granted(agent)) or 'nothing'}" for agent in found.agents]
    return f"{'; '.join(told)}."
