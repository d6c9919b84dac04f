"""How one node joined: when it was added, when it lost its taint, and when pods came. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.timeline import podstate
from daemonset_course.timeline.caption import seconds
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.timeline import build

NOT_READY = "node.kubernetes.io/not-ready"
Record = Mapping[str, Any]


class Moment(NamedTuple):
    """One change. Moments compare by the order in which etcd stored them.

    Two watches may deliver two changes in the wrong order; ``version`` is one count for all
    objects. ``t`` is when we knew of it at the latest, in seconds since the recording began.
    """

    version: int
    t: float


@dataclass(frozen=True)
class Joining:
    """The steps of one node's joining.

    Attributes:
        node: its name.
        added: the Node object was created.
        ready: its kubelet said Ready.
        untainted: the taint ``node.kubernetes.io/not-ready:NoSchedule`` was gone.
        created: by DaemonSet, when its pod for this node was created.
        segments: by DaemonSet, the life of that pod.
        end: when the recording ended, in seconds.
    """

    node: str
    added: Moment
    ready: Moment
    untainted: Moment
    created: Mapping[str, Moment]
    segments: Mapping[str, Sequence[Segment]]
    end: float


def joining(log: Sequence[Record], node: str, daemonsets: Sequence[str]) -> Joining:
    """The joining of ``node`` as a recording of it shows it.

    Raises:
        BadInput: the recording does not show the node from its creation until it is Ready and has
            a pod of each DaemonSet.
    """
    seen = [(_moment(record), record["object"]) for record in _changes(log, "nodes", node)]
    tainted = [moment for moment, obj in seen if _is_tainted(obj)]
    ready = [moment for moment, obj in seen if _is_ready(obj)]
    untainted = [m for m, obj in seen if not _is_tainted(obj)]
    created = {name: _created(log, node, name) for name in daemonsets}
    missing = [name for name, moment in created.items() if moment is None]
    if not tainted or not untainted or not ready or missing:
        raise BadInput(
            f"The recording does not show how {node} joined.",
            seen=f"{len(seen)} changes of the node; no pod of: {', '.join(missing) or 'none'}",
            next_step="Record add_node and wait_rollout together.",
        )
    made = {name: moment for name, moment in created.items() if moment is not None}
    told = [seen[0][0], ready[0], untainted[0], *made.values()]
    return Joining(
        node=node,
        added=_in_order(seen[0][0], told),
        ready=_in_order(ready[0], told),
        untainted=_in_order(untainted[0], told),
        created={name: _in_order(moment, told) for name, moment in made.items()},
        segments={name: _segments(log, node, name) for name in daemonsets},
        end=float(log[-1]["t"]),
    )


def joining_caption(found: Joining) -> str:
    """What happened in what order, with times since the node was added."""
    zero = found.added.t
    steps = [("node added", found.added), ("node Ready", found.ready)]
    steps += [("taint gone", found.untainted)]
    steps += [(f"pod of {name} created", moment) for name, moment in found.created.items()]
    steps.sort(key=lambda step: step[1])
    told = ", ".join(f"{what} {seconds(max(0.0, at.t - zero))}" for what, at in steps[1:])
    return f"After the node was added: {told}."


def joining_headline(found: Joining) -> str:
    """The finding in a few words."""
    early = [name for name, moment in found.created.items() if moment < found.untainted]
    late = [name for name in found.created if name not in early]
    if not early or not late:
        return f"Pods of {', '.join(early or late)} came {'before' if early else 'after'} the taint"
    return f"{', '.join(early)} did not wait for the node; {', '.join(late)} did"


def _changes(log: Sequence[Record], resource: str, name: str) -> list[Record]:
    return [
        record
        for record in log
        if record["record"] == "change"
        and record["resource"] == resource
        and record["via"] == "watch"
        and record["object"]["metadata"]["name"] == name
    ]


def _moment(record: Record) -> Moment:
    version = str(record["object"]["metadata"].get("resourceVersion") or "0")
    return Moment(int(version), float(record["t"]))


def _in_order(moment: Moment, told: Sequence[Moment]) -> Moment:
    """The moment, no later than those that etcd stored after it: it had happened by then."""
    return Moment(moment.version, min(m.t for m in told if m.version >= moment.version))


def _is_tainted(node: Record) -> bool:
    taints = (node.get("spec") or {}).get("taints") or ()
    return any(t["key"] == NOT_READY and t["effect"] == "NoSchedule" for t in taints)


def _is_ready(node: Record) -> bool:
    return podstate.condition(node, "Ready").get("status") == "True"


def _created(log: Sequence[Record], node: str, daemonset: str) -> Moment | None:
    for record in log:
        if record["record"] == "change" and record["resource"] == "pods":
            pod = record["object"]
            if podstate.is_owned(pod, daemonset) and podstate.node_of(pod) == node:
                return _moment(record)
    return None


def _segments(log: Sequence[Record], node: str, daemonset: str) -> list[Segment]:
    about = [{**log[0], "daemonset": daemonset}, *log[1:]]
    return [segment for segment in build(about).segments if segment.node == node]
