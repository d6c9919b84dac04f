"""Look for what would keep the course from running, and say how to cure it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from daemonset_course import binaries, cluster
from daemonset_course.binaries.machine import this_platform
from daemonset_course.cluster import topology
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.processes import processes_of
from daemonset_course.cluster.state import State
from daemonset_course.errors import CourseError
from daemonset_course.places import cache_home, cluster_dir, cluster_name, state_home

MEMORY = 1.5e9  # bytes that a cluster with a hundred nodes, JupyterLab and a kernel take
DISK = 3e9  # bytes of built programs and a cluster


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was seen, and the cure."""

    subject: str
    well: bool
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
        lambda: _cluster(name),
        lambda: _leftovers(name),
    ]
    return [_guarded(look) for look in looks]


def _guarded(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except CourseError as error:
        return Finding(error.failed, False, error.seen, error.next_step)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "Use Python 3.11 or newer.")


def _platform() -> Finding:
    return Finding("machine", True, this_platform())


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    return Finding("memory", free >= MEMORY, f"{free / 1e9:.1f} GB free", "Close other programs.")


def _disk() -> Finding:
    folder = next(p for p in (cache_home(), *cache_home().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    cure = "Free some space, or set COURSE_CACHE and COURSE_HOME to another disk."
    return Finding("disk", free >= DISK, f"{free / 1e9:.0f} GB free at {folder}", cure)


def _state() -> Finding:
    home = state_home()
    folder = next(p for p in (home, *home.parents) if p.exists())
    cure = "Set COURSE_HOME to a folder of your own."
    return Finding("state folder", os.access(folder, os.W_OK), str(home), cure)


def _ports() -> Finding:
    return Finding("ports", True, f"127.0.0.1 has free ports, such as {free_ports(1)[0]}")


def _topology() -> Finding:
    return Finding("kind-config.yaml", True, f"{len(topology.read('course'))} nodes")


def _programs() -> Finding:
    pinned = binaries.pins(this_platform())
    kept = [name for name in pinned if list((cache_home() / "bin").glob(f"{name}-v*"))]
    if len(kept) == len(pinned) or os.environ.get("COURSE_BINARIES"):
        return Finding("programs", True, "all there")
    missing = ", ".join(sorted(set(pinned) - set(kept)))
    go = "Go is there to build them" if shutil.which("go") else "no Go; they must be downloaded"
    return Finding(
        "programs",
        bool(shutil.which("go")),
        f"not in the cache: {missing}; {go}",
        "course binaries brings them; without network or Go, set COURSE_BINARIES",
    )


def _cluster(name: str) -> Finding:
    state = State.load(name)
    if state is None:
        return Finding(f"cluster {name}", True, "not up")
    cluster.current(name).api.get("/version")
    dead = ", ".join(cluster.current(name).backend.dead_components())
    return Finding(f"cluster {name}", not dead, (dead and f"stopped: {dead}") or "up", "course up")


def _leftovers(name: str) -> Finding:
    """Processes of a cluster whose folder is gone or unfinished."""
    folder: Path = cluster_dir(name)
    state = State.load(name)
    left = processes_of(folder) if state is None or not state.complete else []
    seen = f"{len(left)} processes of an interrupted run" if left else "none"
    return Finding("leftovers", not left, seen, "course down")
