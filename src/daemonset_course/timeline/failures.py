"""What became of a node and of its pods after a failure, by whose recording shows it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.timeline import podstate
from daemonset_course.timeline.caption import seconds
from daemonset_course.timeline.spans import Phase

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
Record = Mapping[str, Any]


class Stretch(NamedTuple):
    """A state that lasted; times in seconds since the failure, negative before it."""

    what: str
    start: float
    end: float


@dataclass(frozen=True)
class Fate:
    """What became of the pod that was on the node when it failed.

    Attributes:
        life: its phases, one after the other.
        stopping: when it was told to stop; None: it was not. A pod that is deleted by force goes
            without that.
        gone: when it left the API; None: it is still listed at the end.
    """

    life: tuple[Stretch, ...] = ()
    stopping: float | None = None
    gone: float | None = None

    @property
    def phase(self) -> str:
        """The last phase that was seen of it."""
        return self.life[-1].what if self.life else ""


@dataclass(frozen=True)
class Failure:
    """One node's failure and what followed; times in seconds since the failure.

    Attributes:
        kind: its name, as the mark that began it says.
        node: the node's name.
        lane: the same without the cluster's prefix.
        states: the node's: ready, cordoned, not ready, unknown, out of service; after the last one
            the Node object is gone, or the recording ended.
        fates: by app, what became of its pod.
        end: when the recording ended.
    """

    kind: str
    node: str
    lane: str
    states: tuple[Stretch, ...]
    fates: Mapping[str, Fate]
    end: float

    @property
    def noticed(self) -> float | None:
        """When the Node object first showed that something is wrong; None: it did not."""
        changed = [s.start for s in self.states if s.what != "ready" and s.start > 0]
        last = self.states[-1].end
        return min([*changed, *([last] if last < self.end else [])], default=None)


def failure(log: Iterable[Record], kind: str, node: str, apps: Sequence[str]) -> Failure:
    """The failure of ``node`` that a mark with the text ``kind`` began.

    ``apps`` are values of the pods' label ``app``.

    Raises:
        BadInput: there is no such mark, or no such node.
    """
    records = list(log)
    zero = next((r["t"] for r in records if r["record"] == "mark" and r["text"] == kind), None)
    end = float(records[-1].get("t", 0.0))
    changes = [r for r in records if r["record"] == "change"]
    states = _states([r for r in changes if _is_about(r, "nodes", node)], end)
    if zero is None or not states:
        raise BadInput(
            f"The recording does not show the failure {kind!r} of {node}.",
            seen="no mark with this text" if zero is None else "no such node",
            next_step=f"run.mark({kind!r}) within the recording, right before the node fails.",
        )
    fates = {app: _fate(_of_app(changes, app, node), zero, end) for app in apps}
    lane = node.removeprefix(f"{records[0].get('cluster', '')}-")
    return Failure(kind, node, lane, _shift(states, zero), fates, end - zero)


def failures_headline(found: Sequence[Failure]) -> str:
    """In how many of the failures each app's pod was told to stop."""
    apps = list(dict.fromkeys(app for one in found for app in one.fates))
    count = {app: sum(one.fates[app].stopping is not None for one in found) for app in apps}
    first, *others = [f"{app}'s {{}}in {n}" for app, n in count.items()]
    told = ", ".join([first.format("pod was told to stop "), *(o.format("") for o in others)])
    return f"{len(found)} failures: {told}"


def failures_caption(found: Sequence[Failure]) -> str:
    """What became of each pod in each failure."""
    return " ".join(
        f"{one.kind[:1].upper()}{one.kind[1:]}: "
        + ", ".join(f"{app} {_told(fate)}" for app, fate in one.fates.items())
        + "."
        for one in found
    )


def state_of(node: Record) -> str:
    """One word or two for what the Node object says."""
    taints = {taint["key"] for taint in (node.get("spec") or {}).get("taints") or ()}
    ready = podstate.condition(node, "Ready").get("status")
    if OUT_OF_SERVICE in taints:
        return "out of service"
    if ready != "True":
        return "not ready" if ready == "False" else "unknown"
    return "cordoned" if (node.get("spec") or {}).get("unschedulable") else "ready"


def _told(fate: Fate) -> str:
    if not fate.life:
        return "had no pod"
    if fate.gone is not None:
        return f"gone after {seconds(fate.gone)}"
    if fate.stopping is not None:
        return f"told to stop after {seconds(fate.stopping)}, still listed"
    return f"stays and says {fate.phase}"


def _is_about(record: Record, resource: str, name: str) -> bool:
    return bool(record["resource"] == resource and record["object"]["metadata"]["name"] == name)


def _of_app(changes: Iterable[Record], app: str, node: str) -> list[Record]:
    """The changes of the app's pods on that node."""
    return [
        record
        for record in changes
        if record["resource"] == "pods"
        and (record["object"]["metadata"].get("labels") or {}).get("app") == app
        and podstate.node_of(record["object"]) == node
    ]


def _fate(changes: Sequence[Record], zero: float, end: float) -> Fate:
    """The fate of the first of these pods that had come before the failure."""
    early = [r["object"]["metadata"]["uid"] for r in changes if r["t"] <= zero]
    if not early:
        return Fate()
    mine = [r for r in changes if r["object"]["metadata"]["uid"] == early[0]]
    phases: list[tuple[Phase, float]] = [
        (podstate.phase_of(r["object"])[0], r["t"]) for r in mine if r["type"] != "DELETED"
    ]
    gone = next((r["t"] for r in mine if r["type"] == "DELETED"), None)
    told = next((t for phase, t in phases if phase == "terminating"), None)
    return Fate(
        _shift(_stretches(phases, end if gone is None else gone), zero),
        None if told is None else told - zero,
        None if gone is None else gone - zero,
    )


def _states(changes: Sequence[Record], end: float) -> list[Stretch]:
    found = [(state_of(r["object"]), r["t"]) for r in changes if r["type"] != "DELETED"]
    gone = [r["t"] for r in changes if r["type"] == "DELETED"]
    return _stretches(found, gone[0] if gone else end)


def _stretches(moments: Sequence[tuple[str, float]], end: float) -> list[Stretch]:
    """Neighbours that say the same become one."""
    made: list[Stretch] = []
    for what, t in moments:
        if made and made[-1].what == what:
            continue
        if made:
            made[-1] = made[-1]._replace(end=t)
        made.append(Stretch(what, t, end))
    return made


def _shift(stretches: Iterable[Stretch], zero: float) -> tuple[Stretch, ...]:
    return tuple(s._replace(start=s.start - zero, end=s.end - zero) for s in stretches)
