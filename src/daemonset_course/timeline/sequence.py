"""Whose turn it was: when a pod was created, bound, ready, told to stop and gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.timeline import podstate
from daemonset_course.timeline.beginning import FirstLists
from daemonset_course.timeline.caption import seconds
from daemonset_course.timeline.spans import union
from daemonset_course.timeline.timeline import natural

SCHEDULER = "kube-scheduler"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Life:
    """One pod's life by whose turn it was; times in seconds since the recording began.

    Attributes:
        pod: its name.
        node: the node it is bound to or meant for.
        created: the DaemonSet controller created it; None: it was there when the recording began.
        bound: the scheduler gave it its node; None: it did not, or not within the recording.
        placed: it has a node; without ``bound`` it had one from its creation on.
        ready: its kubelet said so; None: not yet, or it was when the recording began.
        stopping: it was told to stop.
        gone: it left the API.
    """

    pod: str
    node: str
    created: float | None = None
    bound: float | None = None
    placed: bool = False
    ready: float | None = None
    stopping: float | None = None
    gone: float | None = None


@dataclass(frozen=True)
class Sequence:
    """Every pod's life, by node, then by time; and when the scheduler was away.

    Attributes:
        lives: one for each pod of the DaemonSet.
        away: (from, until) of each stretch without a scheduler.
        end: when the recording ended, in seconds.
        start: when all first lists had arrived.
    """

    lives: tuple[Life, ...]
    away: tuple[tuple[float, float], ...]
    end: float
    start: float = 0.0

    @property
    def new(self) -> tuple[Life, ...]:
        """The pods that were created during the recording."""
        return tuple(life for life in self.lives if life.created is not None)


def sequence(log: Iterable[Record]) -> Sequence:
    """Who did what to the pods of the recorded DaemonSet.

    A scheduler that a mark calls ``stopped`` is away until one says ``started``, or until the next
    pod is bound: that shows it at work before the mark is written.

    Raises:
        BadInput: the recording shows no pod of the DaemonSet.
    """
    lives: dict[str, Life] = {}
    notes: list[tuple[float, str]] = []
    owner, end = "", 0.0
    lists = FirstLists()
    for record in log:
        lists.see(record)
        owner = owner or str(record.get("daemonset", ""))
        end = float(record.get("t", end))
        if record["record"] == "mark":
            notes.append((end, str(record["text"])))
        elif record["record"] == "change" and record["resource"] == "pods":
            _see(lives, record, owner, end)
    if not lives:
        raise BadInput(
            f"The recording shows no pod of {owner}.",
            next_step="Record the DaemonSet while its pods are created.",
        )
    ordered = sorted(lives.values(), key=lambda life: (natural(life.node), life.created or 0.0))
    bound = [life.bound for life in ordered if life.bound is not None]
    return Sequence(tuple(ordered), tuple(_away(notes, bound, end)), end, lists.arrived)


def sequence_headline(found: Sequence) -> str:
    """The finding in a few words."""
    late = [life for life in found.new if _waited(life, found)]
    ran = [life for life in found.lives if life.created is None and life.stopping is None]
    if late:
        kept = f", {_pods(len(ran))} ran on" if ran else ""
        return f"No scheduler: {_pods(len(late))} waited for it{kept}"
    if found.new and not any(life.bound is not None for life in found.new):
        return "The scheduler bound none of the pods"
    return "The controller creates, the scheduler binds, the kubelet runs"


def sequence_caption(found: Sequence) -> str:
    """How many pods were created, how long each step took at most."""
    unbound = [life for life in found.new if not life.placed or life.bound is not None]
    told = [f"{_pods(len(found.new))} created, {len(unbound)} of them without a node."]
    bound = [life for life in found.new if life.bound is not None]
    if bound:
        longest = max((life.bound or 0.0) - (life.created or 0.0) for life in bound)
        told.append(f"The scheduler bound {len(bound)} of them within {_at_least(longest)}.")
    ready = [life for life in bound if life.ready is not None]
    if ready:
        longest = max((life.ready or 0.0) - (life.bound or 0.0) for life in ready)
        told.append(f"The kubelets had {len(ready)} ready within {_at_least(longest)} more.")
    told += [f"No scheduler from {a:.1f} to {b:.1f} s." for a, b in found.away]
    return " ".join(told)


def _see(lives: dict[str, Life], record: Record, owner: str, t: float) -> None:
    pod = record["object"]
    uid = str(pod["metadata"]["uid"])
    if uid not in lives:
        if record["type"] == "DELETED" or not podstate.is_owned(pod, owner):
            return
        fresh = record["via"] == "watch" and record["type"] == "ADDED"
        life = Life(str(pod["metadata"]["name"]), podstate.node_of(pod), t if fresh else None)
        lives[uid] = replace(life, placed=_is_bound(pod))
    life = lives[uid]
    if _is_bound(pod) and not life.placed:
        life = replace(life, bound=t, placed=True)
    if record["via"] == "watch":
        life = _later(life, record, t)
    lives[uid] = life


def _later(life: Life, record: Record, t: float) -> Life:
    """With what came after the binding."""
    pod = record["object"]
    if life.created is not None and life.ready is None and podstate.phase_of(pod)[0] == "ready":
        life = replace(life, ready=t)
    if pod["metadata"].get("deletionTimestamp") and life.stopping is None:
        life = replace(life, stopping=t)
    return replace(life, gone=t) if record["type"] == "DELETED" else life


def _is_bound(pod: Record) -> bool:
    return bool((pod.get("spec") or {}).get("nodeName"))


def _away(
    notes: Iterable[tuple[float, str]], bound: Iterable[float], end: float
) -> Iterator[tuple[float, float]]:
    """The stretches between a mark that the scheduler stopped and a sign of its life."""
    noted = list(notes)
    starts = [t for t, text in noted if text == f"{SCHEDULER}: stopped"]
    signs = [*(t for t, text in noted if text == f"{SCHEDULER}: started"), *bound, end]
    yield from union((start, min(t for t in signs if t >= start)) for start in starts)


def _waited(life: Life, found: Sequence) -> bool:
    """Whether the pod was created in a stretch without a scheduler."""
    return any(start <= (life.created or 0.0) < end for start, end in found.away)


def _at_least(length: float) -> str:
    return seconds(max(0.01, length))


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
