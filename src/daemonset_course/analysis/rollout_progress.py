"""Compare how rollouts with different budgets advance over time, and with a model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from daemonset_course.analysis.scale import Rate
from daemonset_course.errors import BadInput
from daemonset_course.history.budgets import rounds
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.history.spans import Steps
from daemonset_course.history.text import joined, seconds
from daemonset_course.history.timeline import Timeline

_MOST_NAMED = 3  # rollouts in a headline


@dataclass(frozen=True)
class Model:
    """How long a rollout should take: the longer of its rounds and its requests.

    ``by_rounds``: the rounds are the longer one.
    """

    seconds: float
    words: str
    by_rounds: bool


def model(nodes: int, share: int, *, restart: float, rate: Rate) -> Model:
    """Return the model of a rollout.

    Args:
        nodes: how many have a Pod.
        share: ``maxUnavailable`` in percent.
        restart: seconds for which one node is without an available Pod.
        rate: the requests that the controller may send; each node takes two.
    """
    count = rounds(nodes, max(1, -(-nodes * share // 100)))
    by_rounds, by_requests = count * restart, rate.takes(2 * nodes)
    if by_rounds >= by_requests:
        word = "round" if count == 1 else "rounds"
        return Model(by_rounds, f"{count} {word} of {restart:.1f} s", by_rounds=True)
    return Model(by_requests, f"{2 * nodes} requests", by_rounds=False)


@dataclass(frozen=True)
class Progress:
    """How one rollout advanced; times in seconds since its template.

    Attributes:
        nodes: how many have a Pod.
        length: the duration; None: not done when the recording ended.
        model: what it should take.
        updated: nodes with an available Pod of the new template; empty: only ``length`` is known.
    """

    nodes: int
    length: float | None
    model: Model
    updated: Steps = field(default=Steps())

    @property
    def measured_end(self) -> float:
        """When the rollout or its recording ended."""
        return max([self.length or 0.0, *self.updated.times[-1:]])

    def shares(self) -> Iterator[tuple[float, float, float | None]]:
        """Yield (from, until, share of the nodes updated, 0 to 1); None: unknown."""
        for start, end, value in self.updated.stretches():
            yield start, end, None if value is None else min(1.0, value / max(1, self.nodes))

    @property
    def measured(self) -> str:
        """The duration in words."""
        if self.length is None:
            return "not done when the recording ended"
        only = "" if self.updated.times else " (only the length is recorded)"
        return f"measured: {seconds(self.length)}{only}"

    @property
    def expected(self) -> str:
        """The model in words."""
        return f"model: {self.model.words}, {seconds(self.model.seconds)}"


def rollout_progress(timeline: Timeline, *, share: int, restart: float, rate: Rate) -> Progress:
    """Return how the last rollout of a recording advanced; the options are those of ``model``.

    Raises:
        BadInput: there is no rollout in the recording, or its number of nodes is unknown.
    """
    found = rollouts(timeline)
    if not found or not found[-1].nodes:
        raise BadInput(
            "The recording does not show a rollout.",
            seen=f"{len(found)} templates",
            next_step="Begin to record before you change the template.",
        )
    count = found[-1].nodes
    made = model(count, share, restart=restart, rate=rate)
    return Progress(count, found[-1].duration, made, updated_since(timeline, found[-1]))


def updated_since(timeline: Timeline, rollout: Rollout) -> Steps:
    """Return the number of nodes with an available new Pod, in seconds since the template."""
    stretches = [*timeline.updated.stretches(rollout.start, rollout.stop)]
    times = (*(start - rollout.start for start, *_ in stretches), rollout.stop - rollout.start)
    values = [value for *_, value in stretches]
    return Steps(times, (*values, *values[-1:])) if values else Steps()


def recorded_rollouts(
    file: Mapping[str, Any], *, restart: float, rate: Rate
) -> dict[str, Progress]:
    """Return the rollouts of ``recordings/scale.json``, by budget, as ``small_multiples`` takes.

    A file of ``tools/scale.py`` has, under ``budgets``, rollouts of the same nodes with their
    progress. An older one has durations alone, of several numbers of nodes.

    Args:
        file: the file's content.
        restart: seconds for which one node is without an available Pod, if the file does not say.
        rate: the requests that the controller may send.
    """
    sweep = file.get("budgets")
    runs = [sweep] if sweep else file["runs"]
    found = {}
    for run in runs:
        for share, one in run["rollouts"].items():
            title = f"{share}\u00a0%" if sweep else f"{run['nodes']} nodes, {share}\u00a0%"
            found[title] = _recorded(run, int(share), one, run.get("restart", restart), rate)
    return found


def _recorded(run: Any, share: int, one: Any, restart: float, rate: Rate) -> Progress:
    length, points = (one["seconds"], one["updated"]) if isinstance(one, dict) else (one, [])
    made = model(run["nodes"], share, restart=restart, rate=rate)
    times, values = zip(*points, strict=True) if points else ((), ())
    return Progress(run["nodes"], length, made, Steps(tuple(times), tuple(values)))


@dataclass(frozen=True)
class Multiples:
    """Rollouts by title, to be drawn below each other on one time axis."""

    rollouts: Mapping[str, Progress]

    @property
    def end(self) -> float:
        """The end of the time axis in seconds, with room for words behind the last line."""
        return 1.02 * max(
            [0.1, *(max(one.measured_end, one.model.seconds) for one in self.rollouts.values())]
        )

    @property
    def headline(self) -> str:
        """The longest and the shortest one, and which of them the requests limit."""
        lengths = {
            title: one.length for title, one in self.rollouts.items() if one.length is not None
        }
        if not lengths:
            return "No rollout was done when its recording ended"
        slow, quick = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
        words = f"{seconds(lengths[slow])} with {slow}"
        if quick != slow:
            words = f"From {words} to {seconds(lengths[quick])} with {quick}"
        limited = [title for title, one in self.rollouts.items() if not one.model.by_rounds]
        if limited and len(limited) < len(self.rollouts):
            several = f"{len(limited)} of {len(self.rollouts)}"
            which = joined(limited) if len(limited) <= _MOST_NAMED else several
            words += f"; by the model, requests and not rounds limit {which}"
        return words

    @property
    def caption(self) -> str:
        """The measured duration and the model of each."""
        each = "; ".join(
            f"{title}: {'not done' if one.length is None else seconds(one.length)} "
            f"(model {seconds(one.model.seconds)})"
            for title, one in self.rollouts.items()
        )
        return (
            "Share of the nodes with an available new Pod, over time. The model is rounds times "
            f"restart, or two requests a node, whichever is longer. Measured: {each}."
        )
