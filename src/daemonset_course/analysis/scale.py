"""Compare the durations of creations and rollouts with models of rounds and request limits. Pure.

The controller manager sends at most ``burst`` requests at once and then ``qps`` a second
(``--kube-api-burst``, ``--kube-api-qps``). Creating or deleting a Pod is a request. Source:
``flowcontrol.NewTokenBucketRateLimiter`` in k8s.io/client-go ``util/flowcontrol/throttle.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Lines, Series, Stroke
from daemonset_course.history.budgets import rounds
from daemonset_course.history.observed import interruptions
from daemonset_course.history.text import counted, nodes, seconds
from daemonset_course.history.timeline import Timeline

ROUNDS_AT_10 = 10  # rounds of a rollout with a budget of 10 %, however many nodes there are


class Rate(NamedTuple):
    """A client's request limit: ``burst`` requests at once, then ``qps`` a second."""

    qps: float
    burst: float

    def takes(self, requests: float) -> float:
        """Return the seconds that so many requests take at least."""
        return max(0.0, (requests - self.burst) / self.qps)

    def sent(self, elapsed: float) -> float:
        """Return how many requests the limit allows within ``elapsed`` seconds."""
        return self.burst + self.qps * elapsed


@dataclass(frozen=True)
class Creation:
    """When a new DaemonSet's Pods were created and ready: sorted, in seconds since its creation."""

    created: tuple[float, ...]
    ready: tuple[float, ...]

    def rate(self, rate: Rate) -> float | None:
        """Return Pods created a second after the burst; None if fewer than ten were created."""
        later = self.created[round(rate.burst) :]
        if len(later) < 10 or later[-1] <= later[0]:
            return None
        return (len(later) - 1) / (later[-1] - later[0])


@dataclass(frozen=True)
class Creations:
    """A creation, compared with the request limit and with a recorded creation.

    ``predicted``: when the last Pod was predicted to be created, in seconds; None: no answer.
    """

    now: Creation
    rate: Rate
    recorded: Creation | None = None
    predicted: float | None = None

    @property
    def headline(self) -> str:
        """The number of Pods, the time of their creation, and the time that the requests take."""
        created = self.now.created
        words = f"{counted(len(created), 'Pod')} created in {seconds(created[-1])}"
        least = self.rate.takes(len(created))
        return f"{words}; the request limit alone takes {seconds(least)}" if least else words

    @property
    def caption(self) -> str:
        """When the last Pods were created and ready, and the request limit."""
        words = self._words(self.now)
        if self.predicted is not None:
            words += f" You predicted {seconds(self.predicted)} for the last one created."
        return f"{words} Recorded: {self._words(self.recorded)}" if self.recorded else words

    def figure(self) -> tuple[Lines, ...]:
        """Return Pods created and ready over time, above the requests that the limit allows."""
        both = {"now": self.now} | ({"recorded": self.recorded} if self.recorded else {})
        return tuple(self._panel(name, one) for name, one in both.items())

    def _words(self, one: Creation) -> str:
        ready = f"the last ready after {seconds(one.ready[-1])}" if one.ready else "none ready"
        return (
            f"{counted(len(one.created), 'Pod')}, the last created after "
            f"{seconds(one.created[-1])}, {ready}; {self.rate.burst:.0f} requests at once and "
            f"{self.rate.qps:.0f} a second would take {seconds(self.rate.takes(len(one.created)))}."
        )

    def _panel(self, name: str, one: Creation) -> Lines:
        guess = self.predicted if one is self.now else None
        count = len(one.created)
        end = 1.05 * max((*one.created[-1:], *one.ready[-1:], guess or 0.0))
        allowed = [(t, min(self.rate.sent(t), count)) for t in (0.0, self.rate.takes(count), end)]

        def line(label: str, moments: tuple[float, ...], stroke: Stroke) -> Series:
            steps = [(t, i + 1.0) for i, t in enumerate(moments)]
            points = ((0.0, 0.0), *steps, (end, float(len(moments))))
            return Series(label, points, stroke, named=False)

        return Lines(
            (
                Series(
                    "requests allowed: burst, then so many a second",
                    ((0.0, 0.0), *allowed),
                    Stroke("muted", width=7, fade=0.5),
                    steps=False,
                    named=False,
                ),
                line("created", one.created, Stroke("foreground")),
                line("ready", one.ready, Stroke("compared", dash="dashed")),
                *([] if guess is None else [_predicted(guess, count)]),
            ),
            "seconds since the DaemonSet was created",
            "Pods",
            x_span=(0, end),
            y_top=1.24 * count,
            heading=f"{name}: {nodes(count)}",
        )


def _predicted(moment: float, count: int) -> Series:
    """Return the line at the moment for which the last Pod was predicted."""
    stroke = Stroke("accent", width=1.4, dash="dotted")
    points = ((moment, 0.0), (moment, 1.0 * count))
    return Series("predicted: last Pod created", points, stroke, steps=False, named=False)


class Length(NamedTuple):
    """The measured duration of one rollout.

    ``share`` is ``maxUnavailable`` in percent. ``recorded``: the value is from a recording.
    """

    nodes: int
    share: int
    seconds: float
    recorded: bool = False


def creation(timeline: Timeline) -> Creation:
    """Return when the Pods of a DaemonSet that was created in the recording were created and ready.

    Raises:
        BadInput: the recording does not contain the creation of a DaemonSet and its Pods, or a
            watch was interrupted.
    """
    gaps = [gap for gap in timeline.gaps if gap.resource in ("pods", "daemonsets")]
    begun = [template.since for template in timeline.templates if template.created]
    latest_first = sorted(timeline.segments, key=lambda one: -one.start)
    born = {one.pod: one.start for one in latest_first}
    ready = {one.pod: one.start for one in latest_first if one.phase == "ready"}
    new = [pod for pod, t in born.items() if begun and t >= begun[0]]
    if gaps or not new:
        raise BadInput(
            "The recording does not show how a DaemonSet's first Pods were created.",
            seen=" ".join(interruptions(gaps)) or counted(len(born), "Pod"),
            next_step="Begin to record before you create the DaemonSet; stop after its last Pod.",
        )
    return Creation(
        created=tuple(sorted(born[pod] - begun[0] for pod in new)),
        ready=tuple(sorted(ready[pod] - begun[0] for pod in new if pod in ready)),
    )


def crossover_nodes(*, restart: float, rate: Rate) -> int:
    """Return the number of nodes above which requests, not rounds, limit a rollout with 10 %."""
    return round((ROUNDS_AT_10 * restart * rate.qps + rate.burst) / 2)


_LIMIT = Stroke("foreground", dash="dotted")


@dataclass(frozen=True)
class LengthsByNodes:
    """Durations of rollouts by number of nodes, with models of rounds and requests.

    ``restart``: seconds for which one node is without an available Pod.
    """

    measured: Sequence[Length]
    restart: float
    rate: Rate

    @property
    def headline(self) -> str:
        """The number of nodes above which requests limit the duration."""
        turn = crossover_nodes(restart=self.restart, rate=self.rate)
        return (
            f"Above {turn} nodes requests set the length of a rollout, "
            "and a larger budget is no help"
        )

    @property
    def caption(self) -> str:
        """The measured durations and the numbers of the models."""
        parts = [
            f"{nodes(one.nodes)} with {one.share}% {seconds(one.seconds)}"
            + (" (recorded)" if one.recorded else "")
            for one in sorted(self.measured)
        ]
        return (
            f"Measured: {', '.join(parts)}. Rounds: 10% takes {ROUNDS_AT_10} of "
            f"{self.restart:.1f} s. Requests: two a node, {self.rate.burst:.0f} at once and then "
            f"{self.rate.qps:.0f} a second."
        )

    def figure(self) -> Lines:
        """Return the measured points and both models, on logarithmic axes; recorded ones hollow."""
        few, many = (pick(one.nodes for one in self.measured) for pick in (min, max))
        few = min(few, crossover_nodes(restart=self.restart, rate=self.rate))
        low, high = max(0.6 * few, self.rate.burst / 2 + 1), 1.3 * many
        floor = 0.8 * min(self.restart, *(one.seconds for one in self.measured))
        counts = [low * (high / low) ** (i / 100) for i in range(101)]
        requests = [(n, self.rate.takes(2 * n)) for n in counts]
        above = [(n, length) for n, length in requests if length > floor]
        series = [_model("two requests\na node", above, _LIMIT)]
        for i, share in enumerate(sorted({one.share for one in self.measured})):
            count = rounds(100, share)
            ends = [(n, count * self.restart) for n in (low, high)]
            stroke = Stroke(f"series {i}", width=1.4, dash="dashed")
            series.append(_model(f"{share}%: {count} rounds", ends, stroke))
            same = [one for one in self.measured if one.share == share]
            for recorded in sorted({one.recorded for one in same}):
                label = f"{share}%, {'recorded' if recorded else 'measured now'}"
                some = [(one.nodes, one.seconds) for one in same if one.recorded == recorded]
                series.append(_points(label, some, i, hollow=recorded))
        return _lengths("nodes", series, span=(low, high))


def _model(label: str, points: Iterable[tuple[float, float]], stroke: Stroke) -> Series:
    return Series(label, tuple(points), stroke, steps=False)


def _points(
    label: str, points: Iterable[tuple[float, float]], colour: int, *, hollow: bool = False
) -> Series:
    """Return measured points. A later colour is smaller, so that equal points stay visible."""
    marker, size = (("o", 9.0), ("s", 6.0), ("^", 3.0))[colour]
    stroke = Stroke(f"series {colour}", dash="none", marker=marker, size=size, hollow=hollow)
    return Series(label, tuple(points), stroke, named=False)


def _lengths(x: str, series: list[Series], span: tuple[float, float] | None = None) -> Lines:
    return Lines(tuple(series), x, "length of the rollout (s)", x_span=span, log=True, height=2.9)
