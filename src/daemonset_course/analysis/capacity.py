"""Show how many Pods of an application fit on a node beside its agents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemonset_course.figures.shapes import Dash, Lines, Series, Stroke

_STROKES: tuple[tuple[str, Dash, float], ...] = (
    ("o", "solid", 7.0), ("s", "dashed", 10.0), ("D", "dotted", 5.0),
)  # fmt: skip


@dataclass(frozen=True)
class Capacity:
    """How many Pods the scheduler placed on one node.

    Attributes:
        measured: kind of agent -> number of agents -> Pods that fit beside them.
        app: the name of the Pods in texts.
    """

    measured: Mapping[str, Mapping[int, int]]
    app: str

    @property
    def headline(self) -> str:
        """How many Pods do not fit because of the agents, for each kind of agent."""
        most = max(max(points) for points in self.measured.values())
        taken = [f"{_pods_displaced(points)} ({kind})" for kind, points in self.measured.items()]
        return f"{most} agents took the room of {', '.join(taken)} Pods of {self.app}"

    @property
    def caption(self) -> str:
        """Every measured point."""
        parts = [
            f"{kind}: " + ", ".join(f"{fit} beside {n}" for n, fit in sorted(points.items()))
            for kind, points in self.measured.items()
        ]
        return f"Pods of {self.app} that fit on the node, agents {'; '.join(parts)}."

    def figure(self) -> Lines:
        """Return one line for each kind of agent; where lines coincide, the first is on top."""
        series = []
        for number, (kind, points) in enumerate(self.measured.items()):
            marker, dash, size = _STROKES[number % len(_STROKES)]
            stroke = Stroke(f"series {number}", dash=dash, marker=marker, size=size)
            series.append(Series(kind, tuple(points.items()), stroke, steps=False))
        return Lines(
            tuple(reversed(series)), "agents on the node", f"Pods of {self.app} that fit"
        )  # fmt: skip


def _pods_displaced(points: Mapping[int, int]) -> int:
    return points[min(points)] - points[max(points)]
