"""Show how many Pods of an application fit on a node beside its agents. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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
        predicted: kind of agent -> Pods predicted beside the most agents; None: no answer.
    """

    measured: Mapping[str, Mapping[int, int]]
    app: str
    predicted: Mapping[str, float | None] = field(default_factory=dict)

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
        said = [f"{found:g} {kind}" for kind, found in self._guesses()]
        guess = f" You predicted {', '.join(said)}." if said else ""
        return f"Pods of {self.app} that fit on the node, agents {'; '.join(parts)}.{guess}"

    def figure(self) -> Lines:
        """Return a line for each kind of agent, and predictions as hollow points.

        Where lines coincide, the first is on top.
        """
        series = [self._guess(kind, found) for kind, found in self._guesses()][::-1]
        for number, (kind, points) in enumerate(self.measured.items()):
            marker, dash, size = _STROKES[number % len(_STROKES)]
            stroke = Stroke(f"series {number}", dash=dash, marker=marker, size=size)
            series.append(Series(kind, tuple(points.items()), stroke, steps=False))
        return Lines(
            tuple(reversed(series)), "agents on the node", f"Pods of {self.app} that fit"
        )  # fmt: skip

    def _guesses(self) -> Iterator[tuple[str, float]]:
        for kind, found in self.predicted.items():
            if found is not None and kind in self.measured:
                yield kind, found

    def _guess(self, kind: str, found: float) -> Series:
        """Return the predicted point, with the marker of the kind's line."""
        number = list(self.measured).index(kind)
        marker, _, size = _STROKES[number % len(_STROKES)]
        stroke = Stroke(f"series {number}", dash="none", marker=marker, size=size + 4, hollow=True)
        point = (max(self.measured[kind]), found)
        return Series(f"predicted {kind}", (point,), stroke, steps=False, named=False)


def _pods_displaced(points: Mapping[int, int]) -> int:
    return points[min(points)] - points[max(points)]
