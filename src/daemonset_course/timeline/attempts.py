"""The pods that a DaemonSet got on one node, one after the other, and how each ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.timeline import podstate

_EVICTED = "DisruptionTarget"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One pod; times in seconds since the recording began.

    Attributes:
        created: when it was first seen.
        deleted: when it was gone; None: it was still there at the end.
        ran: its kubelet said Running at some time.
        phase: the last phase seen, in the kubelet's word (``Running``, ``Failed``).
        reason: the pod status' own reason, empty when it has none.
        message: why it ended: the pod status' own message, else that of its ``DisruptionTarget``
            condition (an evicted container that ends with exit code 0 leaves only that).
    """

    created: float
    deleted: float | None
    ran: bool
    phase: str
    reason: str
    message: str


def attempts(log: Sequence[Record], node: str, daemonset: str) -> list[Attempt]:
    """The DaemonSet's pods that were on a node, or meant for it, by the time of their creation."""
    made: dict[str, Attempt] = {}
    for record in log:
        if record["record"] != "change" or record["resource"] != "pods":
            continue
        pod, t = record["object"], float(record["t"])
        if not podstate.is_owned(pod, daemonset) or podstate.node_of(pod) != node:
            continue
        uid, status = str(pod["metadata"]["uid"]), pod.get("status") or {}
        known, phase = made.get(uid), str(status.get("phase", "Pending"))
        first = 0.0 if record["via"] == "list" else t
        made[uid] = Attempt(
            known.created if known else first,
            t if record["type"] == "DELETED" else None,
            phase == "Running" or (known is not None and known.ran),
            phase,
            str(status.get("reason", "")),
            str(status.get("message") or podstate.condition(pod, _EVICTED).get("message", "")),
        )
    return sorted(made.values(), key=lambda one: one.created)
