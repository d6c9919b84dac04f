"""What workloads ask of their node, by features of their Pod templates; who read whose logs. Pure.

A workload is called by its kind and its name: ``DaemonSet logs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemonset_course.placement.selectors import required_terms
from daemonset_course.placement.tolerations import tolerating
from daemonset_course.timeline.podstate import containers_of

DAEMONSET, DEPLOYMENT = "DaemonSet", "Deployment"
Spec = Mapping[str, Any]

_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
_OS = "kubernetes.io/os"  # nearly every manifest names it, and it chooses no nodes


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
        """The workloads of one kind."""
        return tuple(each for each in self.workloads if each.partition(" ")[0] == kind)

    def count(self, feature: str, kind: str) -> int:
        """How many workloads of one kind have a feature."""
        return sum(feature in self.found[each] for each in self.of(kind))

    @property
    def shared(self) -> tuple[str, ...]:
        """The features that every DaemonSet has."""
        every = len(self.of(DAEMONSET))
        return tuple(each for each in FEATURES if self.count(each, DAEMONSET) == every)


def features_of(workload: Mapping[str, Any]) -> list[str]:
    """The features that the Pod template of a DaemonSet or Deployment has."""
    spec = workload["spec"]["template"]["spec"]
    return [name for name, has in FEATURES.items() if has(spec)]


def features(found: Mapping[str, Iterable[str]]) -> Features:
    """The table of workloads, from the features of each."""
    ordered = sorted(found, key=lambda each: each.partition(" ")[0] != DAEMONSET)
    return Features(tuple(ordered), {each: frozenset(found[each]) for each in ordered})


def features_headline(table: Features) -> str:
    """The feature that tells DaemonSets from Deployments best."""
    every = {kind: len(table.of(kind)) for kind in (DAEMONSET, DEPLOYMENT)}

    def apart(feature: str) -> float:
        part = {kind: table.count(feature, kind) / max(1, n) for kind, n in every.items()}
        return part[DAEMONSET] - part[DEPLOYMENT]

    best = max(FEATURES, key=apart)
    told = [f"{table.count(best, kind)} of {n} {kind}s" for kind, n in every.items() if n]
    return f"{best} tells them apart: {' and '.join(told)} have it"


def features_caption(table: Features) -> str:
    """Each feature with the number of workloads of each kind that have it."""
    kinds = [kind for kind in (DAEMONSET, DEPLOYMENT) if table.of(kind)]
    told = [
        f"{name} {' and '.join(str(table.count(name, kind)) for kind in kinds)}"
        for name in FEATURES
    ]
    totals = " and ".join(f"{len(table.of(kind))} {kind}s" for kind in kinds)
    return f"Of {totals}: {', '.join(told)}."


def readers_headline(runs: Mapping[str, Sequence[int]], read: Mapping[str, Sequence[int]]) -> str:
    """Whether each log agent read the Pods of its own node, and no other.

    Args:
        runs: by node, the numbers of the Pods that run there.
        read: by the node of an agent, the numbers of the Pods that it read.
    """
    every = sum(map(len, runs.values()))
    if all(set(read[node]) == set(runs.get(node, ())) for node in read):
        return f"Each log agent reads the Pods of its own node: all {every} are read, each by one"
    right = sum(number in runs.get(node, ()) for node, some in read.items() for number in some)
    wrong = sum(map(len, read.values())) - right
    return f"Of {every} Pods {right} are read on their own node, and {wrong} from another one"


def readers_caption(runs: Mapping[str, Sequence[int]], read: Mapping[str, Sequence[int]]) -> str:
    """For each agent, how many Pods it read and how many run on its node."""
    told = [f"{node} {len(some)} of {len(runs.get(node, ()))}" for node, some in read.items()]
    return f"Pods read, of those on the agent's node: {', '.join(told)}."


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
    every = [each for each in spec.get("tolerations") or () if each.get("operator") == "Exists"]
    return any(not each.get("key") and not each.get("effect") for each in every)


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
