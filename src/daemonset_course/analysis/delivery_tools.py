"""What tools that deliver manifests say of a DaemonSet: done, or waiting, by their own rules. Pure.

No tool is run: each function restates the published rule of one tool, and names its source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemonset_course.figures.shapes import Cell, Style, Table, lines
from daemonset_course.history.budgets import resolved
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.index import History, named
from daemonset_course.history.log import Object
from daemonset_course.history.text import joined

_DONE, _WAITS = "done", "waits"
_STYLES = {_DONE: Style("accent"), _WAITS: Style("background", edge="muted")}


@dataclass(frozen=True)
class Said:
    """What a tool says of a DaemonSet.

    Attributes:
        done: whether the tool takes the rollout for complete and stops waiting.
        word: the tool's own word: ``success``, ``Healthy``, ``LessUpdated``.
    """

    done: bool
    word: str


def rollout_status(daemonset: Object) -> Said:
    """Return what ``kubectl rollout status`` says.

    https://github.com/kubernetes/kubernetes/blob/v1.37.1/staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go,
    ``DaemonSetStatusViewer``.
    """
    status = status_of(daemonset)
    if _strategy(daemonset) != "RollingUpdate":
        return Said(True, "refuses OnDelete")
    if _generation(daemonset) > _observed(daemonset):
        return Said(False, "spec update not observed")
    if status.updated < status.desired:
        return Said(False, f"{status.updated} of {status.desired} updated")
    if status.available < status.desired:
        return Said(False, f"{status.available} of {status.desired} available")
    return Said(True, "success")


def helm_wait(daemonset: Object) -> Said:
    """Return what ``helm --wait`` of Helm 3 says, which is ``--wait=legacy`` of Helm 4.

    https://github.com/helm/helm/blob/v3.22.0/pkg/kube/ready.go, ``daemonSetReady``: it accepts as
    many Pods that are not ready as ``maxUnavailable`` allows.
    """
    status = status_of(daemonset)
    if _generation(daemonset) != _observed(daemonset):
        return Said(False, "generation not observed")
    if _strategy(daemonset) != "RollingUpdate":
        return Said(True, "ready")
    if status.updated != status.desired:
        return Said(False, f"{status.updated} of {status.desired} scheduled")
    rolling = ((daemonset.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    allowed = resolved(rolling.get("maxUnavailable", 1), status.desired)
    if status.ready < status.desired - allowed:
        return Said(False, f"{status.ready} of {status.desired - allowed} ready")
    return Said(True, "ready")


def argo_health(daemonset: Object) -> Said:
    """Return the health that Argo CD shows.

    https://github.com/argoproj/gitops-engine/blob/v0.7.3/pkg/health/health_daemonset.go,
    ``getAppsv1DaemonSetHealth``.
    """
    if _generation(daemonset) > _observed(daemonset):
        return Said(False, "Progressing")
    if _strategy(daemonset) == "OnDelete":
        return Said(True, "Healthy")
    status = status_of(daemonset)
    if status.updated < status.desired or status.available < status.desired:
        return Said(False, "Progressing")
    return Said(True, "Healthy")


def kstatus(daemonset: Object) -> Said:
    """Return the status of kstatus, by which Flux and ``helm --wait`` of Helm 4 wait.

    https://github.com/kubernetes-sigs/cli-utils/blob/v0.37.2/pkg/kstatus/status/core.go,
    ``daemonsetConditions``, and the generation before it, ``generic.go``.
    """
    meta, raw = daemonset["metadata"], daemonset.get("status") or {}
    if meta.get("deletionTimestamp"):
        return Said(False, "Terminating")
    if "observedGeneration" not in raw or _observed(daemonset) != _generation(daemonset):
        return Said(False, "generation not observed")
    if "desiredNumberScheduled" not in raw:
        return Said(False, "NoDesiredNumber")
    status = status_of(daemonset)
    for count, word in (
        (status.current, "LessCurrent"),
        (status.updated, "LessUpdated"),
        (status.available, "LessAvailable"),
        (status.ready, "LessReady"),
    ):
        if status.desired > count:
            return Said(False, word)
    return Said(True, "Current")


TOOLS: Mapping[str, Callable[[Object], Said]] = {
    "kubectl rollout status": rollout_status,
    "helm --wait (Helm 3)": helm_wait,
    "Argo CD": argo_health,
    "kstatus (Flux, Helm 4)": kstatus,
}


@dataclass(frozen=True)
class Delivered:
    """What each tool says at the end of each recording.

    Attributes:
        said: (recording, tool) -> what it says at the end.
    """

    said: Mapping[tuple[str, str], Said]

    @property
    def recordings(self) -> tuple[str, ...]:
        """The names of the recordings, in the order given."""
        return tuple(dict.fromkeys(name for name, _ in self.said))

    def done(self, tool: str) -> tuple[str, ...]:
        """Return the recordings at whose end a tool takes the rollout for complete."""
        return tuple(name for name in self.recordings if self.said[name, tool].done)

    @property
    def headline(self) -> str:
        """At the end of how many recordings each tool is done."""
        counts = [f"{tool} {len(self.done(tool))}" for tool in TOOLS]
        return f"Done at the end, of {len(self.recordings)}: {', '.join(counts)}"

    @property
    def caption(self) -> str:
        """The recordings at whose end each tool is done."""
        parts = [f"{tool}: {joined(self.done(tool)) or 'none'}" for tool in TOOLS]
        return f"Done at the end, by the rules of each tool; none was run. {'; '.join(parts)}."

    def figure(self) -> Table:
        """Return a table: recordings by tools, with the word of each tool."""
        cells = {
            place: Cell(_DONE if one.done else _WAITS, one.word) for place, one in self.said.items()
        }
        return Table(lines(self.recordings), lines([*TOOLS]), cells, _STYLES, widest=2.2)


def delivered(histories: Mapping[str, History], daemonset: str) -> Delivered:
    """Return what each tool says of a DaemonSet at the end of each recording.

    Where a recording ends in a gap of the watch of DaemonSets, that is unknown, and not done.
    """
    return Delivered({
        (name, tool): say(next(filter(named(daemonset), history.objects("daemonsets"))))
        if history.is_known("daemonsets", at=history.end) else Said(False, "unknown")
        for name, history in histories.items()
        for tool, say in TOOLS.items()
    })  # fmt: skip


def _strategy(daemonset: Object) -> str:
    strategy = (daemonset.get("spec") or {}).get("updateStrategy") or {}
    return str(strategy.get("type", "RollingUpdate"))  # the API server's default


def _generation(daemonset: Object) -> int:
    return int(daemonset["metadata"].get("generation", 0))


def _observed(daemonset: Object) -> int:
    return int((daemonset.get("status") or {}).get("observedGeneration", 0))
