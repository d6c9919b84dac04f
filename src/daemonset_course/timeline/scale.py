"""How soon a new DaemonSet's pods came, how long rollouts of many nodes take, and why. Pure.

The controller manager sends at most ``burst`` requests at once and then ``qps`` a second
(``--kube-api-burst``, ``--kube-api-qps``). Creating or deleting a pod is a request. Source:
``flowcontrol.NewTokenBucketRateLimiter`` in k8s.io/client-go ``util/flowcontrol/throttle.go``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.timeline.caption import seconds
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.timeline import Timeline

TENTH = 10  # rounds of a rollout with a budget of 10 %, however many nodes there are


class Rate(NamedTuple):
    """The requests that a client may send: ``burst`` at once, then ``qps`` a second."""

    qps: float
    burst: float

    def takes(self, requests: float) -> float:
        """Seconds that so many requests take at least."""
        return max(0.0, (requests - self.burst) / self.qps)

    def sent(self, elapsed: float) -> float:
        """How many requests may have been sent after so many seconds."""
        return self.burst + self.qps * elapsed


@dataclass(frozen=True)
class Creation:
    """When a new DaemonSet's pods were created and first ready: sorted, in seconds since it was."""

    created: tuple[float, ...]
    ready: tuple[float, ...]

    def rate(self, rate: Rate) -> float | None:
        """Pods created a second once the burst was spent; None if there are hardly more of them."""
        later = self.created[round(rate.burst) :]
        if len(later) < 10 or later[-1] <= later[0]:
            return None
        return (len(later) - 1) / (later[-1] - later[0])


class Length(NamedTuple):
    """The measured length of one rollout.

    ``share`` is ``maxUnavailable`` in percent; ``recorded``: not on this machine, or not now.
    """

    nodes: int
    share: int
    seconds: float
    recorded: bool = False


def creation(timeline: Timeline) -> Creation:
    """The creation of the pods of a DaemonSet that was created in the recording.

    Raises:
        BadInput: the recording does not show a DaemonSet being created, or none of its pods.
    """
    begun = [template.since for template in timeline.templates if template.created]
    lives: defaultdict[str, list[Segment]] = defaultdict(list)
    for segment in timeline.segments:
        lives[segment.pod].append(segment)
    born = {pod: min(s.start for s in life) for pod, life in lives.items()}
    new = [pod for pod, t in born.items() if begun and t >= begun[0]]
    if not new:
        raise BadInput(
            "The recording does not show how a DaemonSet's first pods came.",
            seen=f"{len(lives)} pods",
            next_step="Begin the recording before the DaemonSet is created.",
        )
    first = [min((s.start for s in lives[pod] if s.phase == "ready"), default=None) for pod in new]
    return Creation(
        created=tuple(sorted(born[pod] - begun[0] for pod in new)),
        ready=tuple(sorted(t - begun[0] for t in first if t is not None)),
    )


def last_node_ready(log: Iterable[Mapping[str, Any]]) -> float:
    """When the last of the nodes that joined in a recording was first Ready, in seconds.

    Raises:
        BadInput: no node joined, or one of them was not Ready by the end.
    """
    waiting: set[str] = set()
    joined, last = 0, 0.0
    for record in log:
        if record["record"] != "change" or record["resource"] != "nodes":
            continue
        node = record["object"]
        name = node["metadata"]["name"]
        if record["type"] == "ADDED" and record["via"] == "watch":
            waiting.add(name)
            joined += 1
        conditions = node.get("status", {}).get("conditions") or []
        if name in waiting and any(
            one["type"] == "Ready" and one["status"] == "True" for one in conditions
        ):
            waiting.remove(name)
            last = float(record["t"])
    if waiting or not joined:
        raise BadInput(
            "The recording does not show nodes that join and become Ready.",
            seen=f"{joined} joined, {len(waiting)} of them were not Ready by the end",
            next_step="Record add_node.",
        )
    return last


def corner(*, restart: float, rate: Rate) -> int:
    """From how many nodes on a budget of 10 % is held up by requests, not by its rounds."""
    return round((TENTH * restart * rate.qps + rate.burst) / 2)


def creation_headline(found: Creation, rate: Rate) -> str:
    """The finding in a few words."""
    told = f"{len(found.created)} pods created in {seconds(found.created[-1])}"
    allowed = rate.takes(len(found.created))
    return f"{told}; the request limit alone takes {seconds(allowed)}" if allowed else told


def creation_caption(found: Creation, rate: Rate) -> str:
    """What was created and ready when, in one sentence made of its numbers."""
    ready = f"the last ready after {seconds(found.ready[-1])}" if found.ready else "none ready"
    return (
        f"{len(found.created)} pods, the last created after {seconds(found.created[-1])}, {ready}; "
        f"{rate.burst:.0f} requests at once and {rate.qps:.0f} a second would take "
        f"{seconds(rate.takes(len(found.created)))}."
    )


def lengths_headline(restart: float, rate: Rate) -> str:
    """The finding in a few words."""
    turn = corner(restart=restart, rate=rate)
    return (
        f"Above {turn} nodes requests set the length of a rollout, and a larger budget is no help"
    )


def lengths_caption(measured: Sequence[Length], restart: float, rate: Rate) -> str:
    """The measured lengths and the model in numbers."""
    told = [
        f"{one.nodes} nodes with {one.share}% {seconds(one.seconds)}"
        + (" (recorded)" if one.recorded else "")
        for one in sorted(measured)
    ]
    return (
        f"Measured: {', '.join(told)}. Rounds: 10% takes {TENTH} of {restart:.1f} s. "
        f"Requests: two a node, {rate.burst:.0f} at once and then {rate.qps:.0f} a second."
    )
