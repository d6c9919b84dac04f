"""Create, heal, find and remove the course's own clusters.

A cluster has a name and a folder; it shares nothing with other clusters. The course reads and
writes only its own kubeconfig. It changes a cluster only if the marker, a ConfigMap, has the id
that is saved in the folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from sysconfig import get_path
from urllib.parse import urlsplit

import filelock

from daemonset_course.binaries.pinned import matches, resolve
from daemonset_course.cluster import marker
from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.backend import Backend, backend_of, choose, image_of
from daemonset_course.cluster.components import components_first
from daemonset_course.cluster.fingerprint import cluster_scoped
from daemonset_course.cluster.readiness import (
    PATIENCE,
    admit_nodes,
    wait_bootstrapped,
    wait_lease_renewed,
    wait_stable,
)
from daemonset_course.cluster.simulated_nodes import is_broken
from daemonset_course.cluster.state import State, backend_of_damaged
from daemonset_course.cluster.timing import Settings
from daemonset_course.errors import BadInput, NotRunning
from daemonset_course.files import unwritable
from daemonset_course.history.podstate import CONTROL_PLANE, is_control_plane
from daemonset_course.history.text import natural_key
from daemonset_course.places import cluster_dir, cluster_name, course_command, state_home
from daemonset_course.progress import Report, progress, step


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
        """The factor of all simulated delays."""
        return self.state.pace

    @property
    def settings(self) -> Settings:
        """The control-plane settings that the timings in lessons depend on."""
        return self.backend.settings

    @property
    def round_seconds(self) -> float:
        """The seconds within which the node controller checks every node once."""
        return self.settings.node_monitor_seconds + 1

    def nodes(self) -> list[str]:
        """Return the names of all nodes, control plane first."""
        found = self.api.items("/api/v1/nodes")
        control = {node["metadata"]["name"] for node in found if is_control_plane(node)}
        return sorted(_names(found), key=lambda name: (name not in control, natural_key(name)))

    def workers(self) -> list[str]:
        """Return the names of all nodes that are not control-plane nodes."""
        found = self.api.items("/api/v1/nodes", labelSelector=f"!{CONTROL_PLANE}")
        return sorted(_names(found), key=natural_key)

    @property
    def folders(self) -> list[str]:
        """The folders of kubectl and ``course``, to put at the front of PATH."""
        return [str(self.backend.programs), get_path("scripts")]

    def environment(self) -> dict[str, str]:
        """Return the variables that make kubectl, ``course`` and notebooks use this cluster."""
        return {
            "KUBECONFIG": str(self.backend.kubeconfig),
            "PATH": os.pathsep.join([*self.folders, os.environ.get("PATH", "")]),
            "COURSE_CLUSTER": self.name,
            "KUBECACHEDIR": str(self.backend.directory / "kubectl-cache"),  # not in ~/.kube
            "KUBERC": "off",
        }


def _names(items: Iterable[Object]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def up(
    name: str | None = None,
    *,
    backend: str | None = None,
    pace: float | None = None,
    kubernetes: str | None = None,
    port: int | None = None,
    image: str | None = None,
    report: Report | None = None,
) -> Cluster:
    """Return a running cluster with its nodes Ready; create or heal it where necessary.

    Safe to call again and to interrupt at any moment. A second call at the same time waits.

    Raises:
        BadInput: the name, backend, pace, version or port cannot be used.
        CourseError: a component could not be started.
    """
    name = cluster_name(name)
    report = report or progress()
    with locked(name):
        old = State.load(name)
        if old and old.complete and _fits(old, backend, pace, kubernetes, image, port):
            return _healed(old, port, report)
        chosen = choose(backend or ("kind" if image else None), kubernetes, report)
        fresh = State(
            name=name,
            id=secrets.token_hex(8),
            backend=chosen,
            kubernetes=resolve(kubernetes),
            pace=1.0 if pace is None else pace,
            image=image_of(chosen, image, kubernetes),
        )
        return _created(fresh, port, report, old)


def down(name: str | None = None) -> bool:
    """Remove a cluster, its processes and its files; return whether it existed."""
    name = cluster_name(name)
    with locked(name):
        there = cluster_dir(name).exists()
        backend_of(State.load(name) or backend_of_damaged(name)).destroy()
    (state_home() / "clusters" / f"{name}.lock").unlink(missing_ok=True)
    return there


def current(name: str | None = None) -> Cluster:
    """Return the running cluster that verbs act on: ``name``, else ``COURSE_CLUSTER``.

    Raises:
        NotRunning: it is not up.
        NotOurs: the server that answers is not the cluster that the course created.
    """
    name = cluster_name(name)
    state = State.load(name)
    if state is None or not state.complete:
        raise NotRunning(f"The cluster {name!r} is not up.", next_step=course_command("up", name))
    # The key has the kubeconfig's time of change: the marker is checked again after a change.
    kubeconfig = cluster_dir(name) / "kubeconfig"
    key = (state.id, str(kubeconfig), kubeconfig.stat().st_mtime_ns if kubeconfig.exists() else 0)
    if key not in _clusters:
        backend = backend_of(state)
        with components_first(name):
            api = marker.require_marker(backend.kubeconfig, state.id)
        _clusters[key] = Cluster(backend, api, state)
    return _clusters[key]


_clusters: dict[tuple[str, str, int], Cluster] = {}


def names() -> list[str]:
    """Return the names of the clusters that have a folder here."""
    found = (state_home() / "clusters").glob("*/")
    return sorted(path.name for path in found)


def _fits(
    state: State,
    backend: str | None,
    pace: float | None,
    kubernetes: str | None,
    image: str | None,
    port: int | None,
) -> bool:
    """Return True if a running cluster has the settings asked for.

    Raises:
        BadInput: it has others; the cluster stays unchanged.
    """
    asked = {"backend": backend, "pace": pace, "kubernetes": kubernetes, "image": image}
    other = {k: v for k, v in asked.items() if v is not None and v != getattr(state, k)}
    if kubernetes and matches(kubernetes, state.kubernetes):
        other.pop("kubernetes", None)
    has = [f"{k} {getattr(state, k)}" for k in other]
    kubeconfig = cluster_dir(state.name) / "kubeconfig"
    if port and kubeconfig.exists():  # else the cluster is created again, at this port
        listens = urlsplit(Api(kubeconfig).server).port
        has += [f"port {listens}"] if listens != port else []
    if has:
        raise BadInput(
            f"The cluster {state.name!r} is up with other settings.",
            seen=", ".join(has),
            next_step=f"{course_command('down', state.name)} first, or give another --name",
        )
    return True


def _created(state: State, port: int | None, report: Report, old: State | None = None) -> Cluster:
    # The backend that created the remains of an interrupted run removes them.
    backend_of(old or backend_of_damaged(state.name)).destroy()
    backend = backend_of(state, port)
    backend.directory.mkdir(parents=True, mode=0o700)
    state.save()
    try:
        backend.prepare(report)
        with step(report, "Starting the cluster"):
            backend.create()
        state = replace(state, kubernetes=backend.kubernetes)
        api = Api(backend.kubeconfig)
        marker.mark(api, state)
        specs = backend.specs()
        there = {node["metadata"]["name"] for node in api.items("/api/v1/nodes")}
        backend.create_nodes(api, [spec for spec in specs if spec.name not in there])
        admit_nodes(api, specs)
        wait_bootstrapped(api)
        report.done(f"The cluster {state.name!r} is up: {len(specs)} nodes Ready")
    except OSError as error:
        backend.destroy()
        raise unwritable(backend.directory, error) from error
    except BaseException:
        backend.destroy()
        raise
    replace(state, complete=True, baseline=cluster_scoped(api)).save()
    return current(state.name)


def _healed(state: State, port: int | None, report: Report) -> Cluster:
    """Return the cluster of a finished `up`, after starting components that do not run."""
    backend = backend_of(state)
    if not backend.intact:
        report.done(f"The cluster {state.name!r} has lost parts: making it anew.")
        fresh = replace(state, id=secrets.token_hex(8), complete=False, baseline=())
        return _created(fresh, port, report, state)
    if not (backend.programs / "kubectl").exists():
        backend.prepare(report)
    began = datetime.now(UTC)
    healed = backend.heal()
    if healed:
        report.done(f"Started again: {', '.join(healed)}")
    cluster = current(state.name)
    there = cluster.nodes()
    missing = [spec for spec in backend.specs() if spec.name not in there]
    backend.create_nodes(cluster.api, missing)
    if healed or missing:  # nodes may be NotReady now; nodes that a lesson broke stay broken
        nodes = cluster.api.items("/api/v1/nodes")
        names = [node["metadata"]["name"] for node in nodes if not is_broken(node)]
        names += [spec.name for spec in missing if spec.name not in names]
        wait_lease_renewed(cluster.api, names, since=began, timeout=PATIENCE)
        wait_stable(cluster.api, names, seconds=cluster.round_seconds, timeout=PATIENCE)
    return cluster


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of a cluster: one `up`, `down` or `reset` at a time.

    Raises:
        NotRunning: another command held the lock for 10 minutes.
        FileFailed: the lock cannot be made.
    """
    folder = state_home() / "clusters"
    lock = filelock.FileLock(folder / f"{name}.lock", timeout=600)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except filelock.Timeout as error:
        raise NotRunning(
            f"Another command has been working on the cluster {name!r} for 10 minutes.",
            next_step="Wait for it, or stop it, and try again.",
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()
