"""Look for what would keep the course from running, and say how to cure it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from daemonset_course import binaries, cluster
from daemonset_course.binaries.machine import UnfitError, this_platform
from daemonset_course.binaries.machine import examine as version_of
from daemonset_course.cluster import topology
from daemonset_course.cluster.engine import Engine, Missing, engines, find_engine
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.processes import processes_of
from daemonset_course.cluster.state import State
from daemonset_course.errors import CourseError
from daemonset_course.places import cache_home, cluster_dir, cluster_name, state_home

MEMORY = 1.5e9  # bytes that a cluster with a hundred nodes, JupyterLab and a kernel take
DISK = 3e9  # bytes of built programs and a cluster
# https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files
INOTIFY = {"max_user_instances": 512, "max_user_watches": 524288}
SYSCTL = Path("/proc/sys/fs/inotify")

Level = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, what was seen, and the cure.

    ``bad`` keeps the course from running; a ``note`` concerns kind alone, or can wait.
    """

    subject: str
    level: Level
    seen: str
    cure: str = ""


def examine(name: str | None = None) -> list[Finding]:
    """A finding for each thing that the course needs; nothing is changed."""
    name = cluster_name(name)
    looks: list[Callable[[], Finding]] = [
        _python,
        _platform,
        _memory,
        _disk,
        _state,
        _ports,
        _topology,
        _programs,
        _path,
        _engine,
        _cgroup,
        _inotify,
        lambda: _cluster(name),
        lambda: _skew(name),
        lambda: _leftovers(name),
        lambda: _containers(name),
    ]
    return [_guarded(look) for look in looks]


def _guarded(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except CourseError as error:
        return Finding(error.failed, "bad", error.seen, error.next_step)


def _is(subject: str, well: bool, seen: str, cure: str, otherwise: Level = "bad") -> Finding:
    return Finding(subject, "ok", seen) if well else Finding(subject, otherwise, seen, cure)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return _is("Python", sys.version_info >= (3, 11), version, "Use Python 3.11 or newer.")


def _platform() -> Finding:
    return Finding("machine", "ok", this_platform())


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    return _is("memory", free >= MEMORY, f"{free / 1e9:.1f} GB free", "Close other programs.")


def _disk() -> Finding:
    folder = next(p for p in (cache_home(), *cache_home().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    cure = "Free some space, or set COURSE_CACHE and COURSE_HOME to another disk."
    return _is("disk", free >= DISK, f"{free / 1e9:.0f} GB free at {folder}", cure)


def _state() -> Finding:
    home = state_home()
    folder = next(p for p in (home, *home.parents) if p.exists())
    cure = "Set COURSE_HOME to a folder of your own."
    return _is("state folder", os.access(folder, os.W_OK), str(home), cure)


def _ports() -> Finding:
    return Finding("ports", "ok", f"127.0.0.1 has free ports, such as {free_ports(1)[0]}")


def _topology() -> Finding:
    return Finding("kind-config.yaml", "ok", f"{len(topology.read('course'))} nodes")


def _programs() -> Finding:
    pinned = binaries.pins(this_platform())
    needed = [name for name in pinned if name != "kind"]
    kept = [name for name in needed if list((cache_home() / "bin").glob(f"{name}-v*"))]
    if len(kept) == len(needed) or os.environ.get("COURSE_BINARIES"):
        return Finding("programs", "ok", "all there")
    missing = ", ".join(sorted(set(needed) - set(kept)))
    go = "Go is there to build them" if shutil.which("go") else "no Go; they must be downloaded"
    cure = "course binaries brings them; without network or Go, set COURSE_BINARIES"
    seen = f"not in the cache: {missing}; {go}"
    return _is("programs", bool(shutil.which("go")), seen, cure)


def _path() -> Finding:
    found = {name: shutil.which(name) for name in ("kubectl", "kind", "go")}
    seen = ", ".join(f"{name} {path or 'not there'}" for name, path in found.items())
    return Finding("PATH", "ok", f"{seen} (what is missing, the course brings)")


def _engine() -> Finding:
    asked = engines()
    for one in asked:
        if isinstance(one, Engine):
            rootless = ", rootless" if one.rootless else ""
            return Finding("container engine", "ok", f"{one.name} {one.version}{rootless}")
    seen = "; ".join(f"{one.name}: {one.reason}" for one in asked if isinstance(one, Missing))
    cure = "Only kind needs one: start Docker or podman. The embedded backend runs without."
    return Finding("container engine", "note", seen, cure)


def _cgroup() -> Finding:
    engine = find_engine()
    if engine is None:
        return Finding("cgroup", "ok", "only kind minds, and there is no engine")
    cure = (
        "Kubelets from 1.35 on refuse cgroup v1 unless told; the course tells them. If nodes do "
        "not start: course up --backend kind --kubernetes 1.34, or --backend embedded."
    )
    return _is("cgroup", engine.cgroup == 2, f"v{engine.cgroup}", cure, "note")


def _inotify() -> Finding:
    found = {}
    for name in INOTIFY:
        try:
            found[name] = int((SYSCTL / name).read_text())
        except (OSError, ValueError):
            return Finding("inotify", "ok", "this system has no such limits to read")
    low = [name for name, least in INOTIFY.items() if found[name] < least]
    seen = ", ".join(f"{name} {value}" for name, value in found.items())
    cure = "For kind: " + "; ".join(f"sudo sysctl fs.inotify.{n}={INOTIFY[n]}" for n in low)
    return _is("inotify", not low, seen, cure, "note")


def _cluster(name: str) -> Finding:
    state = State.load(name)
    if state is None:
        return Finding(f"cluster {name}", "ok", "not up")
    cluster.current(name).api.get("/version")
    dead = ", ".join(cluster.current(name).backend.dead_components())
    seen = f"stopped: {dead}" if dead else f"up, {state.backend}, Kubernetes {state.kubernetes}"
    return _is(f"cluster {name}", not dead, seen, "course up")


def _skew(name: str) -> Finding:
    """Whether the kubectl that a terminal finds may talk to the cluster.

    Source: https://kubernetes.io/releases/version-skew-policy/#kubectl (one minor away).
    """
    state, path = State.load(name), shutil.which("kubectl")
    if state is None or path is None:
        return Finding("kubectl version", "ok", "the course's own is used")
    try:
        version = version_of(Path(path), "kubectl", state.kubernetes, this_platform())
    except UnfitError as error:
        cure = f"Use {cluster_dir(name) / 'bin' / 'kubectl'}; JupyterLab's terminals do already."
        return Finding("kubectl version", "note", f"{path}: {error}", cure)
    return Finding("kubectl version", "ok", f"{version} at {path}")


def _leftovers(name: str) -> Finding:
    """Processes of a cluster whose folder is gone or unfinished."""
    folder: Path = cluster_dir(name)
    state = State.load(name)
    left = processes_of(folder) if state is None or not state.complete else []
    seen = f"{len(left)} processes of an interrupted run" if left else "none"
    return _is("leftovers", not left, seen, "course down")


def _containers(name: str) -> Finding:
    """Containers of a kind cluster of this name that no folder of ours knows."""
    engine, state = find_engine(), State.load(name)
    if engine is None or (state is not None and state.backend == "kind" and state.complete):
        return Finding("leftover containers", "ok", "none")
    left = engine.nodes(name)
    cure = f"If they are yours: kind delete cluster --name {name}; or give another --name."
    return _is("leftover containers", not left, ", ".join(left) or "none", cure)
