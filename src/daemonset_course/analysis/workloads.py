"""Compare workloads by features of their Pod templates, and show which Pods log agents read. Pure.

The name of a workload is its kind and its name: ``DaemonSet logs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.figures.shapes import Cell, Line, Side, Style, Table, lines
from daemonset_course.history.podstate import CONTROL_PLANE, containers_of
from daemonset_course.placement.selectors import required_terms
from daemonset_course.placement.tolerations import BLOCKING, tolerating

DAEMONSET, DEPLOYMENT = "DaemonSet", "Deployment"
_KINDS = {DAEMONSET: "series 0", DEPLOYMENT: "series 1"}  # the colour of each
Spec = Mapping[str, Any]

_CONTROL_PLANE = {"key": CONTROL_PLANE, "effect": "NoSchedule"}
_OS = "kubernetes.io/os"  # nearly every manifest has it, and on Linux clusters it excludes no node


@dataclass(frozen=True)
class Features:
    """Workloads by features.

    Attributes:
        workloads: kind and name of each; DaemonSets first, else in the order given.
        found: the features of each.
    """

    workloads: tuple[str, ...]
    found: Mapping[str, frozenset[str]]

    def of(self, kind: str) -> tuple[str, ...]:
        """Return the workloads of one kind."""
        return tuple(each for each in self.workloads if each.partition(" ")[0] == kind)

    def count(self, feature: str, kind: str) -> int:
        """Return how many workloads of one kind have a feature."""
        return sum(feature in self.found[each] for each in self.of(kind))

    @property
    def shared(self) -> tuple[str, ...]:
        """The features that every DaemonSet has."""
        every = len(self.of(DAEMONSET))
        return tuple(each for each in FEATURES if self.count(each, DAEMONSET) == every)

    @property
    def headline(self) -> str:
        """The feature that distinguishes DaemonSets from Deployments best."""
        best = max(FEATURES, key=lambda f: self._part(f, DAEMONSET) - self._part(f, DEPLOYMENT))
        parts = [
            f"{self.count(best, kind)} of {len(self.of(kind))} {kind}s" for kind in self._kinds
        ]
        return f"{best} tells them apart: {' and '.join(parts)} have it"

    @property
    def caption(self) -> str:
        """Each feature with the number of workloads of each kind that have it."""
        parts = [
            f"{name} {' and '.join(str(self.count(name, kind)) for kind in self._kinds)}"
            for name in FEATURES
        ]
        totals = " and ".join(f"{len(self.of(kind))} {kind}s" for kind in self._kinds)
        return f"Of {totals}: {', '.join(parts)}."

    def figure(self) -> Table:
        """Return a table: features by workloads, with the numbers of each kind beside it."""
        columns = [(each, *each.split(" ", 1)) for each in self.workloads]
        cells = {
            (feature, each): Cell(f"{kind} has it", "✓")
            if feature in self.found[each]
            else Cell("does not")
            for each, kind, _ in columns
            for feature in FEATURES
        }
        sides = [
            Side(f"{k}s", tuple(f"{self.count(f, k)} of {len(self.of(k))}" for f in FEATURES))
            for k in self._kinds
        ]
        return Table(
            lines(tuple(FEATURES)),
            tuple(Line(each, group=kind, text=name) for each, kind, name in columns),
            cells,
            {f"{kind} has it": Style(colour) for kind, colour in _KINDS.items()}
            | {"does not": Style("background", edge="faint")},
            sides=tuple(sides),
            slanted=True,
        )  # fmt: skip

    def _part(self, feature: str, kind: str) -> float:
        return self.count(feature, kind) / max(1, len(self.of(kind)))

    @property
    def _kinds(self) -> list[str]:
        return [kind for kind in _KINDS if self.of(kind)]


@dataclass(frozen=True)
class LogReaders:
    """Which log agent read which Pods.

    Attributes:
        runs: by node, the numbers of the Pods that run there.
        read: by the node of an agent, the numbers of the Pods that it read.
    """

    runs: Mapping[str, Sequence[int]]
    read: Mapping[str, Sequence[int]]

    @property
    def headline(self) -> str:
        """Whether each log agent read the Pods of its own node, and no other."""
        every = sum(map(len, self.runs.values()))
        if all(set(self.read[node]) == set(self.runs.get(node, ())) for node in self.read):
            return (
                f"Each log agent reads the Pods of its own node: all {every} are read, each by one"
            )
        right = sum(n in self.runs.get(node, ()) for node, some in self.read.items() for n in some)
        wrong = sum(map(len, self.read.values())) - right
        return f"Of {every} Pods {right} are read on their own node, and {wrong} from another one"

    @property
    def caption(self) -> str:
        """For each agent, how many Pods it read and how many run on its node."""
        return f"Pods read, of those on the agent's node: {', '.join(map(self._told, self.read))}."

    def _told(self, node: str) -> str:
        here = set(self.runs.get(node, ()))
        own, other = len(here & set(self.read[node])), len(set(self.read[node]) - here)
        return f"{node} {own} of {len(here)}" + (f" and {other} elsewhere" if other else "")

    def figure(self) -> Table:
        """Return a table: agents by Pods, grouped by the Pod's node."""
        own, other, none = "read by the agent of its node", "read from another node", "not seen"
        pods = [(number, home) for home, some in self.runs.items() for number in some]
        cells = {}
        for number, home in pods:
            for node, some in self.read.items():
                seen = Cell(own, "✓") if node == home else Cell(other, "✗")
                cells[node, str(number)] = seen if number in some else Cell(none)
        return Table(
            tuple(Line(node, text=f"agent on {node}") for node in self.read),
            tuple(Line(str(number), group=f"Pods on {home}") for number, home in pods),
            cells,
            {
                own: Style("accent"), other: Style("alarm"),
                none: Style("background", edge="faint"),
            },
        )  # fmt: skip


def features_of(workload: Mapping[str, Any]) -> list[str]:
    """Return the features of the Pod template of a DaemonSet or Deployment."""
    spec = workload["spec"]["template"]["spec"]
    return [name for name, has in FEATURES.items() if has(spec)]


def features(found: Mapping[str, Iterable[str]]) -> Features:
    """Return the comparison of workloads, from the features of each."""
    ordered = sorted(found, key=lambda each: each.partition(" ")[0] != DAEMONSET)
    return Features(tuple(ordered), {each: frozenset(found[each]) for each in ordered})


def _on_host(spec: Spec) -> bool:
    return any(volume.get("hostPath") for volume in spec.get("volumes") or ())


def _privileged(spec: Spec) -> bool:
    return any(
        (each.get("securityContext") or {}).get("privileged") for each in containers_of(spec)
    )


def _shares_mounts(spec: Spec) -> bool:
    mounts = [mount for each in containers_of(spec) for mount in each.get("volumeMounts") or ()]
    return any(mount.get("mountPropagation") == "Bidirectional" for mount in mounts)


def _tolerates_control_plane(spec: Spec) -> bool:
    return tolerating(spec.get("tolerations") or (), _CONTROL_PLANE) is not None


def _tolerates_all(spec: Spec) -> bool:
    """Whether no taint keeps the Pod off, by one toleration or by one of each effect."""
    every = [each for each in spec.get("tolerations") or () if each.get("operator") == "Exists"]
    effects = {each.get("effect") or "" for each in every if not each.get("key")}
    return "" in effects or effects >= BLOCKING


def _chooses_nodes(spec: Spec) -> bool:
    chosen = set(spec.get("nodeSelector") or ()) - {_OS}
    return bool(chosen or required_terms(spec))


FEATURES: Mapping[str, Callable[[Spec], bool]] = {
    "hostPath": _on_host,
    "hostNetwork": lambda spec: bool(spec.get("hostNetwork")),
    "hostPID": lambda spec: bool(spec.get("hostPID")),
    "privileged": _privileged,
    "Bidirectional mounts": _shares_mounts,
    "tolerates control plane": _tolerates_control_plane,
    "tolerates everything": _tolerates_all,
    "system priority": lambda spec: (spec.get("priorityClassName") or "").startswith("system-"),
    "chosen nodes only": _chooses_nodes,
}
