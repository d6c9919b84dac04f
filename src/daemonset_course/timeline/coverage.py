"""Which nodes DaemonSets cover, and which tolerations objects carry, at a recording's end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daemonset_course.errors import BadInput
from daemonset_course.placement.tolerations import seconds_tolerated, taint_name, taints_of
from daemonset_course.timeline import podstate
from daemonset_course.timeline.caption import lane_name
from daemonset_course.timeline.podstate import Object
from daemonset_course.timeline.timeline import build

Record = Mapping[str, Any]
Cover = Literal["ready", "not ready", "none"]
_EVICTING = {"effect": "NoExecute"}  # tolerationSeconds count for this effect alone


@dataclass(frozen=True)
class Coverage:
    """The nodes at the end of a recording, and the pods of some DaemonSets on them.

    Attributes:
        nodes: short names, the control plane first.
        taints: of each node, as kubectl writes them.
        daemonsets: their names, in the order asked for.
        cells: (node, DaemonSet) -> whether a ready pod is there, one that is not ready, or none.
    """

    nodes: tuple[str, ...]
    taints: tuple[tuple[str, ...], ...]
    daemonsets: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cover]

    def covered(self, daemonset: str) -> int:
        """The number of nodes with a ready pod of this DaemonSet."""
        return sum(self.cells[node, daemonset] == "ready" for node in self.nodes)


@dataclass(frozen=True)
class Carried:
    """Tolerations by objects.

    Attributes:
        objects: their titles, in the order asked for.
        tolerations: each one's key and effect; those that most objects carry first.
        seconds: (toleration, object) -> for how long, None for ever; no entry: not carried.
    """

    objects: tuple[str, ...]
    tolerations: tuple[tuple[str, str], ...]
    seconds: Mapping[tuple[tuple[str, str], str], int | None]

    def count(self, title: str) -> int:
        """How many tolerations this object carries."""
        return sum(owner == title for _, owner in self.seconds)


def coverage(log: Sequence[Record], daemonsets: Sequence[str]) -> Coverage:
    """The coverage at the end of a recording.

    Raises:
        BadInput: it is no recording, or shows none of these DaemonSets.
    """
    timeline, kept = build(log), _last(log)
    missing = [name for name in daemonsets if ("daemonsets", name) not in _named(kept)]
    if missing or not daemonsets:
        raise BadInput(
            "The recording does not show these DaemonSets.", seen=", ".join(missing) or "none asked"
        )
    nodes = {str(item["metadata"]["name"]): item for item in kept["nodes"]}
    order = [name for name in timeline.nodes if name in nodes]
    cells: dict[tuple[str, str], Cover] = {
        (lane_name(timeline, node), name): _cover(kept["pods"], node, name)
        for node in order
        for name in daemonsets
    }
    return Coverage(
        tuple(lane_name(timeline, node) for node in order),
        tuple(tuple(taint_name(taint) for taint in taints_of(nodes[node])) for node in order),
        tuple(daemonsets),
        cells,
    )


def coverage_headline(found: Coverage) -> str:
    """The finding in a few words: how many nodes each DaemonSet covers."""
    counts = ", ".join(f"{name} {found.covered(name)}" for name in found.daemonsets)
    return f"Nodes covered, of {len(found.nodes)}: {counts}"


def coverage_caption(found: Coverage) -> str:
    """The nodes that each DaemonSet leaves out, and how many have a pod that is not ready."""
    told = []
    for name in found.daemonsets:
        cells = {node: found.cells[node, name] for node in found.nodes}
        out = [node for node, cover in cells.items() if cover == "none"]
        late = sum(cover == "not ready" for cover in cells.values())
        words = f"{name} leaves out {', '.join(out) or 'none'}"
        told.append(f"{words}, and on {late} its pod is not ready" if late else words)
    return f"{'; '.join(told)}."


def carried(log: Sequence[Record], objects: Mapping[str, tuple[str, str]]) -> Carried:
    """The tolerations that objects carry at the end of a recording.

    ``objects`` says for each title where to look: ``("daemonsets", name)`` for its template, or
    ``("pods", app)`` for the first pod with that label ``app``.

    Raises:
        BadInput: the recording does not show one of them.
    """
    kept = _last(log)
    seconds: dict[tuple[tuple[str, str], str], int | None] = {}
    for title, (resource, name) in objects.items():
        for one in _tolerations(kept, resource, name):
            key = (str(one.get("key") or "any key"), str(one.get("effect") or "any effect"))
            seconds[key, title] = seconds_tolerated(one, _EVICTING)
    keys = dict.fromkeys(key for key, _ in seconds)
    owners = {key: sum(one == key for one, _ in seconds) for key in keys}
    ranked = sorted(keys, key=lambda key: -owners[key])
    return Carried(tuple(objects), tuple(ranked), seconds)


def carried_headline(found: Carried) -> str:
    """The finding: how many tolerations each object carries."""
    return "Tolerations carried: " + ", ".join(f"{t} {found.count(t)}" for t in found.objects)


def carried_caption(found: Carried) -> str:
    """Which tolerations end, and which last."""
    limited = sorted({s for s in found.seconds.values() if s is not None})
    ends = f"{len([s for s in found.seconds.values() if s is not None])} of them end"
    after = f" after {', '.join(map(str, limited))} s" if limited else ""
    return f"{len(found.seconds)} tolerations in all; {ends}{after}, the others never do."


def _last(log: Sequence[Record]) -> dict[str, list[Object]]:
    """The objects that are there at the end of the log, by resource, in order of appearance."""
    kept: dict[str, dict[str, Object]] = {"nodes": {}, "pods": {}, "daemonsets": {}}
    for record in log:
        if record.get("record") != "change" or record["resource"] not in kept:
            continue
        obj, found = record["object"], kept[record["resource"]]
        uid = str(obj["metadata"].get("uid") or obj["metadata"]["name"])
        found.pop(uid, None) if record["type"] == "DELETED" else found.update({uid: obj})
    return {resource: list(found.values()) for resource, found in kept.items()}


def _named(kept: Mapping[str, Sequence[Object]]) -> set[tuple[str, str]]:
    return {(r, str(obj["metadata"]["name"])) for r, found in kept.items() for obj in found}


def _cover(pods: Sequence[Object], node: str, daemonset: str) -> Cover:
    phases = {
        podstate.phase_of(pod)[0]
        for pod in pods
        if podstate.is_owned(pod, daemonset) and podstate.node_of(pod) == node
    }
    return "none" if not phases else "ready" if "ready" in phases else "not ready"


def _tolerations(
    kept: Mapping[str, Sequence[Object]], resource: str, name: str
) -> Sequence[Mapping[str, Any]]:
    for obj in kept[resource]:
        meta = obj["metadata"]
        if resource == "daemonsets" and meta["name"] == name:
            return list(obj["spec"]["template"]["spec"].get("tolerations") or ())
        if resource == "pods" and (meta.get("labels") or {}).get("app") == name:
            return list(obj["spec"].get("tolerations") or ())
    raise BadInput(f"The recording shows no {resource} {name!r}.")
