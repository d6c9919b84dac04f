"""The course's own clusters: up, down, reset, status, and the fence around them.

A cluster has a name and a folder; it shares nothing with another one. The course reads and writes
only its own kubeconfig, and acts only on a cluster that carries its marker: a ConfigMap with the
id that the folder knows.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import filelock

from daemonset_course.binaries.machine import this_platform
from daemonset_course.binaries.search import pins
from daemonset_course.cluster import fence, topology
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.simulated import admit_nodes, create_nodes
from daemonset_course.cluster.state import State
from daemonset_course.errors import BadInput, NotRunning
from daemonset_course.places import cluster_dir, cluster_name, state_home
from daemonset_course.progress import Report, progress, step

BACKENDS = ("kind", "embedded")


class Backend(Protocol):
    """What a backend must do; everything else goes through the API server."""

    name: str
    backend: str
    kubernetes: str
    pace: float
    directory: Path
    kubeconfig: Path
    programs: Path
    capabilities: frozenset[str]

    @property
    def settings(self) -> dict[str, float]:
        """The settings that shape the curves of a lesson, by name."""

    @property
    def intact(self) -> bool:
        """Whether the folder still has what a heal needs; the programs can be brought again."""

    def prepare(self, report: Report) -> None:
        """Bring the programs that ``create`` needs."""

    def create(self) -> None:
        """Start the control plane in an empty folder, and return when it answers."""

    def heal(self) -> list[str]:
        """Start what does not run any more; returns the names."""

    def break_node(self, api: Api, node: str, how: topology.Failure) -> None:
        """Let a node's kubelet fall silent, or report that it is not ready; do not wait."""

    def recover_node(self, api: Api, node: str) -> None:
        """Mend a broken node; do not wait."""

    def dead_components(self) -> list[str]:
        """The parts of the control plane that do not run."""

    def destroy(self) -> None:
        """Stop every process and remove the folder."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster of the course: its backend, its API, its saved state."""

    backend: Backend
    api: Api
    state: State

    @property
    def name(self) -> str:
        """The cluster's name; node names begin with it."""
        return self.state.name

    @property
    def pace(self) -> float:
        """What the simulated delays are multiplied by."""
        return self.state.pace

    @property
    def settings(self) -> dict[str, float]:
        """The control-plane settings that shape the curves of a lesson, by name."""
        return self.backend.settings

    def nodes(self) -> list[str]:
        """The names of all nodes, control plane first."""
        names = (node["metadata"]["name"] for node in self.api.items("/api/v1/nodes"))
        return sorted(names, key=topology.natural)

    def workers(self) -> list[str]:
        """The names of the nodes that are no control plane."""
        found = self.api.items("/api/v1/nodes", labelSelector=f"!{topology.CONTROL_PLANE}")
        return sorted((n["metadata"]["name"] for n in found), key=topology.natural)

    def environment(self) -> dict[str, str]:
        """The variables that make kubectl and notebooks use this cluster."""
        return {
            "KUBECONFIG": str(self.backend.kubeconfig),
            "PATH": f"{self.backend.programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "COURSE_CLUSTER": self.name,
            "KUBECACHEDIR": str(self.backend.directory / "kubectl-cache"),  # not in ~/.kube
        }


def up(
    name: str | None = None,
    *,
    backend: str | None = None,
    pace: float | None = None,
    kubernetes: str | None = None,
    port: int | None = None,
    report: Report | None = None,
) -> Cluster:
    """A running cluster with its nodes Ready: created, healed, or found as it is.

    Safe to call again and to interrupt at any moment. Two calls at once wait for each other.

    Raises:
        BadInput: a name, backend, pace, version or port that cannot be used.
        CourseError: what could not be started, and why.
    """
    name = cluster_name(name)
    report = report or progress()
    with _locked(name):
        old = State.load(name)
        if old and old.complete and _fits(old, backend, pace, kubernetes):
            return _healed(old)
        chosen = State(
            name=name,
            id=secrets.token_hex(8),
            backend=choose(backend),
            kubernetes=kubernetes or pins(this_platform())["kubectl"].version,
            pace=1.0 if pace is None else pace,
        )
        return _created(chosen, port, report)


def down(name: str | None = None) -> bool:
    """Remove a cluster with every process and file of it; tells whether there was one."""
    name = cluster_name(name)
    with _locked(name):
        there = cluster_dir(name).exists()
        state = State.load(name)
        _backend(state or State(name, "", "embedded", "", 1.0)).destroy()
    (state_home() / "clusters" / f"{name}.lock").unlink(missing_ok=True)
    return there


def current(name: str | None = None) -> Cluster:
    """The running cluster that the verbs act on: the one named, or ``COURSE_CLUSTER``'s.

    Raises:
        NotRunning: it is not up.
        NotOurs: what answers is not the cluster that the course made.
    """
    name = cluster_name(name)
    state = State.load(name)
    if state is None or not state.complete:
        raise NotRunning(f"The cluster {name!r} is not up.", next_step="course up")
    # A kubeconfig that was replaced meanwhile is another one: it has to pass the fence anew.
    kubeconfig = cluster_dir(name) / "kubeconfig"
    key = (state.id, str(kubeconfig), kubeconfig.stat().st_mtime_ns if kubeconfig.exists() else 0)
    if key not in _known:
        backend = _backend(state)
        _known[key] = Cluster(backend, fence.checked(backend.kubeconfig, state.id), state)
    return _known[key]


_known: dict[tuple[str, str, int], Cluster] = {}


def names() -> list[str]:
    """The names of the clusters that have a folder here."""
    found = (state_home() / "clusters").glob("*/")
    return sorted(path.name for path in found)


def choose(backend: str | None) -> str:
    """The backend to use: the one asked for, else the one that this machine can run.

    Raises:
        BadInput: an unknown backend, or one that is not there yet.
    """
    if backend == "kind":
        raise BadInput(
            "The kind backend is not built yet.", next_step="course up --backend embedded"
        )
    if backend not in (None, *BACKENDS):
        raise BadInput(f"Unknown backend {backend!r}.", next_step=f"One of: {', '.join(BACKENDS)}")
    return "embedded"


def _backend(state: State, port: int | None = None) -> Backend:
    from daemonset_course.cluster.embedded import Embedded

    return Embedded(state.name, kubernetes=state.kubernetes, pace=state.pace, port=port)


def _fits(state: State, backend: str | None, pace: float | None, kubernetes: str | None) -> bool:
    """Whether a running cluster is what is asked for now.

    Raises:
        BadInput: it is not; what runs is left alone.
    """
    asked = {"backend": backend, "pace": pace, "kubernetes": kubernetes}
    other = {k: v for k, v in asked.items() if v is not None and v != getattr(state, k)}
    if other:
        has = ", ".join(f"{k} {getattr(state, k)}" for k in other)
        raise BadInput(
            f"The cluster {state.name!r} is up with other settings.",
            seen=has,
            next_step="course down first, or give another --name",
        )
    return True


def _created(state: State, port: int | None, report: Report) -> Cluster:
    backend = _backend(state, port)
    backend.destroy()  # what an interrupted run may have left
    backend.directory.mkdir(parents=True, mode=0o700)
    state.save()
    try:
        backend.prepare(report)
        with step(report, "Starting the control plane"):
            backend.create()
        api = Api(backend.kubeconfig)
        fence.mark(api, state)
        specs = topology.read(state.name)
        create_nodes(api, specs, state.kubernetes)
        admit_nodes(api, specs)
        report.done(f"The cluster {state.name!r} is up: {len(specs)} nodes Ready")
    except BaseException:
        backend.destroy()
        raise
    from daemonset_course.cluster.fingerprint import cluster_scoped

    finished = State(**{**asdict(state), "complete": True, "baseline": cluster_scoped(api)})
    finished.save()
    return current(state.name)


def _healed(state: State) -> Cluster:
    """The cluster of a finished `up`, with dead components started again."""
    backend = _backend(state)
    if not backend.intact:
        return _recreated(state)
    if not (backend.programs / "kubectl").exists():
        backend.prepare(progress())
    backend.heal()
    cluster = current(state.name)
    missing = [s for s in topology.read(state.name) if s.name not in cluster.nodes()]
    create_nodes(cluster.api, missing, state.kubernetes)
    return cluster


def _recreated(state: State) -> Cluster:
    """A new cluster in the place of one whose folder lost files."""
    fresh = State(state.name, secrets.token_hex(8), state.backend, state.kubernetes, state.pace)
    return _created(fresh, None, progress())


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One `up`, `down` or `reset` of a cluster at a time."""
    folder = state_home() / "clusters"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with filelock.FileLock(folder / f"{name}.lock", timeout=600):
            yield
    except filelock.Timeout:
        raise NotRunning(
            f"Another command has been working on the cluster {name!r} for 10 minutes.",
            next_step="Wait for it, or stop it, and try again.",
        ) from None
