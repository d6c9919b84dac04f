"""Check this machine for problems that keep the course from running, with a cure for each."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path
from typing import Literal

import psutil

from daemonset_course import cluster, variables
from daemonset_course.binaries import build, search
from daemonset_course.binaries.machine import UnfitError, this_platform
from daemonset_course.binaries.machine import examine as version_of
from daemonset_course.binaries.pinned import Pin
from daemonset_course.cluster import topology
from daemonset_course.cluster.backend import choose
from daemonset_course.cluster.components import asker, reset_cure
from daemonset_course.cluster.embedded.kwokctl import PORTS
from daemonset_course.cluster.kind.engine import Engine, Missing, engines, usable
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.processes import processes_of
from daemonset_course.cluster.simulated_nodes import unmanaged, unmanaged_words
from daemonset_course.cluster.state import MADE_BY_KIND, State
from daemonset_course.errors import CourseError
from daemonset_course.history.outages import cure
from daemonset_course.places import (
    cache_home,
    cluster_dir,
    cluster_name,
    course_command,
    state_home,
)
from daemonset_course.progress import progress

MEMORY = 1.5e9  # bytes that a cluster with a hundred nodes, JupyterLab and a kernel take
# Of a shell: ulimit's option, the system's name, what a cluster needs, in words, soft or hard.
LIMITS = {
    "-n": ("RLIMIT_NOFILE", 1024, "open files", 1),
    "-u": ("RLIMIT_NPROC", 512, "processes and threads", 0),
    "-f": ("RLIMIT_FSIZE", 1e9, "bytes of a file", 0),  # a program, etcd's log
}
DISK = {"COURSE_CACHE": 3e9, "COURSE_HOME": 0.5e9}  # bytes that programs, a cluster take
# https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files
INOTIFY = {"max_user_instances": 512, "max_user_watches": 524288}
SYSCTL = Path("/proc/sys/fs/inotify")
PROGRAMS = {"kind": ("kind", "kubectl"), "embedded": search.PROGRAMS}  # that `up` starts with
DOWNLOADED, BUILT = "to be downloaded", "to be built by Go"

Level = Literal["ok", "note", "bad"]
CheckResult = tuple[Level, str, str]  # level, evidence, cure


@dataclass(frozen=True)
class Finding:
    """The result of one check: its level, the evidence, and the cure.

    ``bad`` keeps the course from running. A ``note`` concerns only kind or terminals, or can wait.
    """

    subject: str
    level: Level
    seen: str
    cure: str = ""


def examine(name: str | None = None) -> list[Finding]:
    """Return a finding for each thing that the course needs; change nothing."""
    name = cluster_name(name)
    asked = engines()  # once: one that hangs costs 20 s a question
    checks: dict[str, Callable[[], CheckResult]] = {
        "Python": _python,
        "machine": lambda: ("ok", this_platform(), ""),
        "memory": _memory,
        "disk": _disk,
        "limits": _limits,
        "state folder": _state,
        "ports": _ports,
        "kind-config.yaml": lambda: ("ok", f"{len(topology.read('course'))} nodes", ""),
        "programs": lambda: _programs(name, asked),
        "PATH": lambda: _path(name),
        "container engine": lambda: _engine(asked),
        "cgroup": lambda: _cgroup(name, usable(asked)),
        "inotify": _inotify,
        f"cluster {name}": lambda: _cluster(name),
        "kubectl version": lambda: _skew(name),
        "leftovers": lambda: _leftovers(name),
        "leftover containers": lambda: _containers(name, usable(asked)),
    }
    return [_finding(subject, check, name) for subject, check in checks.items()]


def candidates(asked: Iterable[Engine | Missing] | None = None) -> list[str]:
    """Return the backends that `up` may choose here, the preferred one first.

    Args:
        asked: the engines, if they were asked already.

    Raises:
        BadInput: ``COURSE_BACKEND`` names an unknown one.
    """
    if wanted := variables.BACKEND.read():
        return [choose(wanted, None, progress())]
    return ["kind", "embedded"] if usable(asked or engines()) else ["embedded"]


def _finding(subject: str, check: Callable[[], CheckResult], name: str) -> Finding:
    """Run a check; an error in it is a ``bad`` finding with a cure."""
    cure = (
        f"Fix what is named here, then run {course_command('doctor', name)} again. If it is "
        f"the container engine: {_embedded(name)} runs without."
    )
    try:
        return Finding(subject, *check())
    except CourseError as error:
        seen = f"{error.failed} {error.seen}".strip()
        return Finding(subject, "bad", seen, error.next_step or cure)
    except OSError as error:
        return Finding(subject, "bad", str(error), cure)


def _embedded(name: str) -> str:
    return course_command("up --backend embedded", name)


def _result(ok: bool, seen: str, cure: str, otherwise: Level = "bad") -> CheckResult:
    return ("ok", seen, "") if ok else (otherwise, seen, cure)


def _python() -> CheckResult:
    version = ".".join(map(str, sys.version_info[:3]))
    return _result(sys.version_info >= (3, 11), version, "Use Python 3.11 or newer.")


def _memory() -> CheckResult:
    free = psutil.virtual_memory().available
    return _result(free >= MEMORY, f"{free / 1e9:.1f} GB free", "Close other programs.")


def _disk() -> CheckResult:
    """Check the free space for programs and for clusters, which may be on different disks."""
    homes = {"COURSE_CACHE": cache_home(), "COURSE_HOME": state_home()}
    free = {which: shutil.disk_usage(_existing(home)).free for which, home in homes.items()}
    low = [which for which, least in DISK.items() if free[which] < least]
    texts = [f"{free[which] / 1e9:.1f} GB free for {home}" for which, home in homes.items()]
    needed = " and ".join(f"{DISK[which] / 1e9:g} GB for {homes[which]}" for which in low)
    cure = f"Free {needed}, or set {' and '.join(low)} to another disk."
    return _result(not low, ", ".join(texts), cure)


def _limits() -> CheckResult:
    """Check the limits of this shell. Programs raise the number of open files to the hard one."""
    low = []
    for option, (name, least, what, which) in LIMITS.items():
        limit = resource.getrlimit(getattr(resource, name))[which]
        if limit != resource.RLIM_INFINITY and limit < least:
            low.append(f"{what}: {limit:,}, needed are {least:,.0f} (ulimit {option})")
    cure = "Raise them in this shell with `ulimit`; hard limits need an administrator."
    return _result(not low, "; ".join(low) or "high enough", cure)


def _existing(path: Path) -> Path:
    """Return the path, or its nearest parent that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def _state() -> CheckResult:
    home = state_home()
    folder = _existing(home)
    ok = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return _result(ok, str(home), "Set COURSE_HOME to a folder of your own.")


def _ports() -> CheckResult:
    try:
        found = free_ports(len(PORTS))
    except OSError as error:
        cure = (
            "Bring the loopback interface up (Linux: sudo ip link set lo up), close programs that "
            "hold many ports, or leave the sandbox that forbids to open one."
        )
        return "bad", f"no port of 127.0.0.1 can be opened: {error}", cure
    return "ok", f"127.0.0.1 has free ports, such as {found[0]}", ""


def _programs(name: str, asked: Sequence[Engine | Missing]) -> CheckResult:
    """Check which programs `up` finds for its backends, and how it gets the others."""
    backends = candidates(asked)
    folder = variables.BINARIES.read()
    search_result = search.find_local(
        programs=sorted({name for backend in backends for name in PROGRAMS[backend]})
    )
    how_to_get = {pin.program: _how_to_get(pin, folder) for pin in search_result.missing()}
    if not how_to_get:
        sources = sorted({binary.source for binary in search_result.found.values()})
        return "ok", f"all there: {', '.join(sources)}", ""
    texts = [
        f"{how}: {', '.join(n for n in how_to_get if how_to_get[n] == how)}"
        for how in dict.fromkeys(how_to_get.values())
    ]
    seen = "; ".join([*texts, f"Go: {shutil.which('go') or 'not there'}"])
    unobtainable = {name for name, how in how_to_get.items() if how not in (DOWNLOADED, BUILT)}
    if not all(unobtainable & set(PROGRAMS[backend]) for backend in backends):
        cure = (
            f"{course_command('up', name)} brings what it needs, once: up to 0.5 GB from the "
            "network; where that does not answer, Go, if it is there, builds it in 6 to 12 minutes."
        )
        return "note", seen, cure
    cure = "Install Go, put them into a folder and set COURSE_BINARIES, or use Docker or podman."
    if folder:
        up = course_command("up", name)
        cure = f"Put them into that folder, or unset COURSE_BINARIES: {up} then brings them."
    return "bad", seen, cure


def _how_to_get(pin: Pin, folder: Path | None) -> str:
    """Return how `up` gets a program that is missing here, or why it cannot."""
    if folder:
        return f"not in {folder}, on PATH or in the cache"
    return DOWNLOADED if pin.file else build.obstacle(pin.program, pin.version) or BUILT


def _path(name: str) -> CheckResult:
    """Check whether other terminals find the same programs as those of `course open`."""
    own = [cluster_dir(name) / "bin" / "kubectl", Path(get_path("scripts"), "course")]
    found = {path: shutil.which(path.name) for path in own if path.exists()}
    hidden = [path for path, other in found.items() if not other or not path.samefile(other)]
    seen = ", ".join(f"{path.name} {other or 'not there'}" for path, other in found.items())
    folders = os.pathsep.join(str(path.parent) for path in hidden)
    cure = (
        f"JupyterLab's terminals find the course's own; in others: export PATH=\"{folders}:$PATH\""
    )
    return _result(not hidden, seen or "nothing of the course to find yet", cure, "note")


def _engine(asked: Sequence[Engine | Missing]) -> CheckResult:
    if one := usable(asked):
        rootless = ", rootless" if one.rootless else ""
        return "ok", f"{one.name} {one.version}{rootless}", ""
    seen = "; ".join(f"{one.name}: {one.reason}" for one in asked if isinstance(one, Missing))
    cure = "Only kind needs one: start Docker or podman. The embedded backend runs without."
    return "note", seen, cure


def _cgroup(name: str, engine: Engine | None) -> CheckResult:
    if engine is None:
        return "ok", "only kind depends on it, and there is no engine", ""
    cure = (
        "Kubelets refuse cgroup v1 unless told; the course tells them. If nodes do not start: "
        f"{course_command('up --backend embedded', name)}."
    )
    return _result(engine.cgroup == 2, f"v{engine.cgroup}", cure, "note")


def _inotify() -> CheckResult:
    found = {}
    for name in INOTIFY:
        try:
            found[name] = int((SYSCTL / name).read_text())
        except (OSError, ValueError):
            return "ok", "this system has no such limits to read", ""
    low = [name for name, least in INOTIFY.items() if found[name] < least]
    seen = ", ".join(f"{name} {value}" for name, value in found.items())
    cure = "For kind: " + "; ".join(f"sudo sysctl fs.inotify.{n}={INOTIFY[n]}" for n in low)
    return _result(not low, seen, cure, "note")


def _cluster(name: str) -> CheckResult:
    state = State.load(name)
    if state is None:
        return "ok", "not up", ""
    if down := asker(name)():
        return "bad", "; ".join(map(str, down)), cure(down, name)
    running = cluster.current(name)
    running.api.get("/version")
    if dead := ", ".join(running.backend.dead_components()):
        return "bad", f"stopped: {dead}", course_command("up", name)
    if lost := unmanaged(running.api.items("/api/v1/nodes")):
        return "bad", unmanaged_words(lost), reset_cure(name)
    return "ok", f"up, {state.backend}, Kubernetes {state.kubernetes}", ""


def _skew(name: str) -> CheckResult:
    """Check the version of the kubectl that a terminal finds against the cluster's.

    Source: https://kubernetes.io/releases/version-skew-policy/#kubectl (one minor away).
    """
    state, path = State.load(name), shutil.which("kubectl")
    if state is None or path is None:
        return "ok", "the course's own is used", ""
    try:
        version = version_of(Path(path), "kubectl", state.kubernetes, this_platform())
    except UnfitError as error:
        cure = f"Use {cluster_dir(name) / 'bin' / 'kubectl'}; JupyterLab's terminals do already."
        return "note", f"{path}: {error}", cure
    return "ok", f"{version} at {path}", ""


def _leftovers(name: str) -> CheckResult:
    """Check for processes of a cluster whose folder is missing or incomplete."""
    state = State.load(name)
    left = processes_of(cluster_dir(name)) if state is None or not state.complete else []
    seen = f"{len(left)} processes of an interrupted run" if left else "none"
    return _result(not left, seen, course_command("down", name))


def _containers(name: str, engine: Engine | None) -> CheckResult:
    """Check for containers of a kind cluster of this name: an interrupted `up`, or not ours."""
    state = State.load(name)
    if engine is None or (state is not None and state.backend == "kind" and state.complete):
        return "ok", "none", ""
    left = engine.nodes(name)
    cure = f"If they are yours: kind delete cluster --name {name}; or give another --name."
    if (cluster_dir(name) / MADE_BY_KIND).exists():
        cure = course_command("down", name)
    return _result(not left, ", ".join(left) or "none", cure)
