"""How many nodes the ready Pods of some applications reach, over time and at the end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.timeline import podstate
from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.caption import nodes as so_many
from daemonset_course.timeline.spans import Steps, StepsBuilder

Record = Mapping[str, Any]
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@dataclass(frozen=True)
class Reach:
    """Workers, and how many of them have a ready Pod of each application.

    Attributes:
        apps: values of the label ``app``, in the order in which they were asked for.
        nodes: workers that exist, over time (seconds since the recording began).
        covered: by app, the workers with at least one ready Pod, over time.
        held: by app, for each worker at the end how many ready Pods it has, 0 included.
        end: when the recording ended.
        start: when all first lists had arrived.
    """

    apps: tuple[str, ...]
    nodes: Steps
    covered: Mapping[str, Steps]
    held: Mapping[str, Mapping[str, int]]
    end: float
    start: float = 0.0

    def shares(self, app: str) -> Counter[int]:
        """How many workers have 0, 1, 2, ... ready Pods of ``app`` at the end."""
        return Counter(self.held[app].values())


def reach(log: Sequence[Record], apps: Sequence[str]) -> Reach:
    """The reach of ``apps`` in a recording."""
    workers: set[str] = set()
    ready: dict[str, tuple[str, str]] = {}  # uid -> app and node
    lines = {name: StepsBuilder() for name in ("", *apps)}
    end, start = 0.0, begun(log)

    def count() -> None:
        for name, line in lines.items():
            line.add(end, len(_on(workers, ready, name)) if name else len(workers))

    for record in log:
        end = max(end, float(record.get("t", 0.0)))
        if record["record"] == "change" and record["resource"] == "nodes":
            _note_node(workers, record)
        elif record["record"] == "change" and record["resource"] == "pods":
            _note_pod(ready, record, apps)
        if end >= start:
            count()
    steps = {name: line.close(end) for name, line in lines.items()}
    held = {app: {node: _on(workers, ready, app)[node] for node in sorted(workers)} for app in apps}
    return Reach(tuple(apps), steps.pop(""), steps, held, end, start)


def reach_headline(found: Reach) -> str:
    """The finding: how many nodes each application reaches at the end."""
    last = found.nodes.values[-1] if found.nodes.values else 0
    told = ", ".join(f"{app} {found.covered[app].values[-1]}" for app in found.apps)
    return f"Of {so_many(last)} at the end have a ready Pod: {told}"


def reach_caption(found: Reach) -> str:
    """How many nodes there were and each application reached: at first, at most, at the end."""
    told = [f"{app} {_path(found.covered[app])}" for app in found.apps]
    return (
        f"Workers at first, at most, at the end: {_path(found.nodes)}. "
        f"Of them with a ready Pod: {'; '.join(told)}."
    )


def shares_headline(found: Reach) -> str:
    """The finding: over how many Pods a node's share ranges, for each application."""
    told = []
    for app in found.apps:
        low, high = min(found.shares(app)), max(found.shares(app))
        told.append(f"{app} {low}" if low == high else f"{app} {low} to {high}")
    return f"Ready Pods on a node: {', '.join(told)}"


def shares_caption(found: Reach) -> str:
    """For each application how many nodes have how many Pods."""
    told = []
    for app in found.apps:
        shares = sorted(found.shares(app).items())
        told.append(f"{app}: " + ", ".join(f"{n} on {so_many(count)}" for n, count in shares))
    return f"Ready Pods at the end of the recording. {'; '.join(told)}."


def _path(steps: Steps) -> str:
    return f"{steps.values[0]}, {steps.max()}, {steps.values[-1]}"


def _note_node(workers: set[str], record: Record) -> None:
    meta = record["object"]["metadata"]
    if record["type"] == "DELETED":
        workers.discard(str(meta["name"]))
    elif _CONTROL_PLANE not in (meta.get("labels") or {}):
        workers.add(str(meta["name"]))


def _note_pod(ready: dict[str, tuple[str, str]], record: Record, apps: Sequence[str]) -> None:
    pod = record["object"]
    uid, app = str(pod["metadata"]["uid"]), (pod["metadata"].get("labels") or {}).get("app")
    serves = record["type"] != "DELETED" and podstate.phase_of(pod)[0] == "ready"
    if app in apps and serves:
        ready[uid] = (str(app), podstate.node_of(pod))
    else:
        ready.pop(uid, None)


def _on(workers: set[str], ready: Mapping[str, tuple[str, str]], app: str) -> Counter[str]:
    """Ready Pods of ``app`` on each worker that has one."""
    return Counter(node for owner, node in ready.values() if owner == app and node in workers)
