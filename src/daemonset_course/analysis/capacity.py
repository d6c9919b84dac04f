"""Show what agents request of their nodes, and how many Pods fit beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemonset_course.figures.shapes import Bars, Dash, Lines, Series, Stroke, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, of_app
from daemonset_course.history.observed import interruptions
from daemonset_course.history.text import joined, number, short_name
from daemonset_course.lab.quantities import millicores

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
        for i, (kind, points) in enumerate(self.measured.items()):
            marker, dash, size = _STROKES[i % len(_STROKES)]
            stroke = Stroke(f"series {i}", dash=dash, marker=marker, size=size)
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
        i = list(self.measured).index(kind)
        marker, _, size = _STROKES[i % len(_STROKES)]
        stroke = Stroke(f"series {i}", dash="none", marker=marker, size=size + 4, hollow=True)
        point = (max(self.measured[kind]), found)
        return Series(f"predicted {kind}", (point,), stroke, steps=False, named=False)


def _pods_displaced(points: Mapping[int, int]) -> int:
    return points[min(points)] - points[max(points)]


_FILLS = (Style("series 0"), Style("series 1", 0.6, "////"), Style("series 2", 0.8, ".."))


@dataclass(frozen=True)
class Share:
    """What the Pods of an agent request of one node's CPU, at the end of a recording.

    Attributes:
        requested: the sum of the containers' requests, in millicores; init containers do not count.
        allocatable: what the node can give, in millicores.
        pods: how many Pods are for this node, bound to it or not.
        bound: whether the scheduler bound all of them.
    """

    requested: float
    allocatable: float
    pods: int
    bound: bool

    @property
    def percent(self) -> float:
        """The request in percent of what the node can give."""
        return 100 * self.requested / self.allocatable

    @property
    def text(self) -> str:
        """The percentage, and whether a Pod waits; that there is no Pod."""
        if not self.pods:
            return "no Pod"
        return f"{_written(self.percent)} %" + ("" if self.bound else ", Pending")


@dataclass(frozen=True)
class NodeShares:
    """What an agent requests of nodes, in several arrangements.

    Attributes:
        app: the label ``app`` of the agent's Pods.
        shares: arrangement -> node's short name -> share; empty if the end was not seen.
        interrupted: one sentence for each interrupted watch.
    """

    app: str
    shares: Mapping[str, Mapping[str, Share]]
    interrupted: tuple[str, ...] = ()

    def waiting(self, arrangement: str) -> list[str]:
        """Return the nodes whose Pod the scheduler has not bound."""
        return [node for node, one in self.shares[arrangement].items() if not one.bound]

    @property
    def headline(self) -> str:
        """The smallest and the largest share, for each arrangement."""
        parts = [f"{_range(found)} % ({name})" for name, found in self.shares.items() if found]
        if not parts:
            return f"Nobody saw what {self.app} requests of its nodes"
        return f"{self.app} requests of a node's CPU: {joined(parts)}"

    @property
    def caption(self) -> str:
        """Each request and what the node can give."""
        sentences = [
            f"{name}: {', '.join(f'{node} {_sum(one)}' for node, one in found.items())}."
            if found
            else f"{name}: the end was not seen."
            for name, found in self.shares.items()
        ]
        return " ".join([*sentences, *self.interrupted])

    def figure(self) -> Bars:
        """Return for each node a bar of each arrangement, with the percentage at its end.

        An arrangement whose end was not seen has "?".
        """
        rooms = {
            node: f"{node}: {number(one.allocatable / 1000)} CPUs"
            for found in self.shares.values()
            for node, one in found.items()
        } or {"unknown": "unknown"}
        bars = {name: [found.get(node) for node in rooms] for name, found in self.shares.items()}
        return Bars(
            tuple(rooms.values()),
            {name: tuple(one.percent if one else 0.0 for one in row) for name, row in bars.items()},
            {name: _FILLS[i % len(_FILLS)] for i, name in enumerate(bars)},
            value_axis=f"CPU that {self.app} requests (% of what the node can give)",
            horizontal=True,
            texts={
                (name, room): one.text if one else "?"
                for name, row in bars.items()
                for room, one in zip(rooms.values(), row, strict=True)
            },
        )


def node_shares(recordings: Mapping[str, History], nodes: Sequence[str], app: str) -> NodeShares:
    """Return what the Pods with this label ``app`` request of nodes, at the end of recordings.

    Args:
        recordings: a name for the arrangement -> its recording.
        nodes: the nodes, each there at the end of every recording.
        app: the label.
    """
    observed = {name: one.observed("nodes", "pods") for name, one in recordings.items()}
    told = (text for one in observed.values() for text in interruptions(one.gaps))
    return NodeShares(
        app,
        {
            name: _shares(history, nodes, app) if observed[name].at_end else {}
            for name, history in recordings.items()
        },
        tuple(dict.fromkeys(told)),
    )


def _shares(history: History, nodes: Sequence[str], app: str) -> dict[str, Share]:
    there = {one["metadata"]["name"]: one for one in history.objects("nodes")}
    every = [pod for pod in filter(of_app(app), history.objects("pods"))
             if not podstate.is_terminating(pod)]  # fmt: skip
    found = {}
    for node in nodes:
        pods = [pod for pod in every if podstate.node_of(pod) == node]
        asked = sum(_request(one) for pod in pods for one in pod["spec"]["containers"])
        room = millicores(there[node]["status"]["allocatable"]["cpu"])
        bound = all(pod["spec"].get("nodeName") for pod in pods)
        found[short_name(node, history.header.cluster)] = Share(asked, room, len(pods), bound)
    return found


def _request(container: Mapping[str, Any]) -> float:
    requests = (container.get("resources") or {}).get("requests") or {}
    return millicores(requests.get("cpu", "0"))


def _sum(one: Share) -> str:
    """Return the request and the room behind it."""
    return f"{one.requested:.0f}m of {one.allocatable:.0f}m, {one.text}"


def _range(found: Mapping[str, Share]) -> str:
    low, high = (pick(one.percent for one in found.values()) for pick in (min, max))
    return f"{_written(low)} to {_written(high)}"


def _written(percent: float) -> str:
    return f"{percent:.0f}" if percent >= 10 else number(round(percent, 1))
