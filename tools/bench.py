"""Measure the course against the programs that it uses, and compare with its targets.

For `course up` and growth only ratios count, measured alternately in one run, so that a slow or
busy machine does not change the verdict. All files are in a temporary folder: the learner's
clusters, ``~/.kube`` and ``~/.kwok`` are not touched.

    make bench
    make bench BENCHARGS="--runs 7 --strict"
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil

import bench_live
import bench_pure
from bench_target import Target, clean_environment, memory, memory_target, run, spread
from daemonset_course.binaries.search import Binary, ensure
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.processes import processes_of
from daemonset_course.cluster.simulated_nodes import node_object
from daemonset_course.cluster.topology import read

CLUSTER = "bench"
# Whose port kwokctl takes on its command line.
PARTS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "controller")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 0, or 1 with ``--strict`` and a missed target."""
    options = _options(arguments)
    print(_machine(), flush=True)
    print(f"\n{'':<50} {'figure':>9} {'target':>9} {'verdict':<17} min/median/max")
    found = []
    measures: list[Callable[[], Iterator[Target]]] = [
        bench_pure.import_time,
        bench_pure.frame_time,
        bench_pure.plot_time,
        bench_pure.growth,
        bench_pure.update_time,
    ]
    measures += [lambda: _up(options.runs), bench_live.recorder]
    measures += [lambda: bench_live.kind_up(max(4, options.runs // 2))]
    for measure in measures:
        for target in measure():
            found.append(target)
            print(target.row(), flush=True)
    judged = [target for target in found if target.judged]
    missed = sum(not target.met for target in judged)
    print(f"\n{len(judged) - missed} of {len(judged)} targets met")
    if options.page:
        options.page.write_text(_page(found))
    return int(options.strict and missed > 0)


def _page(found: Sequence[Target]) -> str:
    """Return the figures as a page of the documentation."""
    lines = [
        "# Bench",
        "",
        'Written by `make bench BENCHARGS="--page docs/bench.md"`. Ratios are of',
    ]
    lines += ["things measured in turn in one run; a time is minimum/median/maximum.", ""]
    lines += [f"Machine and date: {_machine()}.", ""]
    lines += ["| what | figure | target | verdict | measured |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join((one.name, *one.columns, one.detail))} |" for one in found]
    return "\n".join(lines) + "\n"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the course.")
    parser.add_argument("--runs", type=int, default=5, help="how often each cluster is started")
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    parser.add_argument("--page", type=Path, help="write the figures to this file as well")
    return parser.parse_args(arguments)


def _machine() -> str:
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    python = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    return f"{now}, {system}, {os.cpu_count()} CPUs, load {load}, Python {python}"


# A cluster that is up


def _up(runs: int) -> Iterator[Target]:
    """Measure `course up` and a bare kwokctl cluster of the same size, started alternately."""
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        home = Path(folder).resolve()
        programs = ensure()
        (home / "programs").mkdir()  # so that nothing is downloaded during the runs
        for name, program in programs.items():
            (home / "programs" / name).symlink_to(program.path)
        clusters: list[_Course | _Bare] = [_Course(home), _Bare(home, programs)]
        times: list[list[float]] = [[], []]
        sizes: list[list[float]] = [[], []]
        for run in range(runs):
            # The first one alternates, so that neither always finds the files in the cache.
            for i in (0, 1) if run % 2 == 0 else (1, 0):
                seconds, size = clusters[i].measure()
                times[i].append(seconds)
                sizes[i].append(size)
    course, bare = times
    ratio = median(course) / median(bare)
    detail = f"course {spread(course)}; bare {spread(bare)}"
    yield Target("course up / bare kwokctl and 4 Ready nodes", ratio, 1.15, "", detail)
    yield memory_target("the embedded cluster, 4 nodes", sizes[0])
    yield memory_target("bare kwokctl, 4 nodes", sizes[1])


class _Bare:
    """A cluster by kwokctl alone: no settings of ours, every program given, its own folder."""

    def __init__(self, home: Path, programs: Mapping[str, Binary]) -> None:
        self._home = home / "bare"
        self._programs = programs
        self._kubeconfig = self._home / "kubeconfig"
        # HOME too: kwokctl reads ~/.kwok/kwok.yaml, kubectl writes ~/.kube/cache.
        self._environment = clean_environment() | {
            "HOME": str(self._home),
            "KWOK_WORKDIR": str(self._home / "kwok"),
            "KWOK_KUBE_VERSION": programs["kube-apiserver"].version,
            "KUBECONFIG": str(self._kubeconfig),
            # Its own kubectl, which kwokctl calls too, comes first.
            "PATH": f"{home / 'programs'}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        self._home.mkdir()
        self._nodes = self._home / "nodes.json"
        version = programs["kube-apiserver"].version
        nodes = {"apiVersion": "v1", "kind": "List", "items": _nodes(version)}
        self._nodes.write_text(json.dumps(nodes))

    def measure(self) -> tuple[float, float]:
        """Seconds until the nodes are Ready, then memory; the cluster is removed afterwards."""
        with _removed(self._home):
            begin = time.perf_counter()
            self._run("kwokctl", *self._create(), "--wait", "60s", "--timeout", "120s")
            self._run("kubectl", "create", "-f", str(self._nodes))
            self._run("kubectl", "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
            seconds, size = time.perf_counter() - begin, memory(self._home)
            self._run("kwokctl", "delete", "cluster", "--name", CLUSTER)
        return seconds, size

    def _create(self) -> list[str]:
        words = ["create", "cluster", "--name", CLUSTER, "--runtime", "binary", "--quiet-pull"]
        words += ["--kubeconfig", str(self._kubeconfig)]
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            words += [f"--{name}-binary", str(self._programs[name].path)]
        words += ["--kwok-controller-binary", str(self._programs["kwok"].path)]
        for part, port in zip(PARTS, free_ports(len(PARTS)), strict=True):
            words += [f"--{part}-port", str(port)]
        return words

    def _run(self, program: str, *words: str) -> None:
        run([str(self._programs[program].path), *words], self._environment)


class _Course:
    """A cluster by `course up`, with its state in the bench's own folder."""

    def __init__(self, home: Path) -> None:
        self._home = home / "course"
        self._home.mkdir()
        self._environment = clean_environment() | {
            "COURSE_HOME": str(self._home),
            "COURSE_BINARIES": str(home / "programs"),
        }

    def measure(self) -> tuple[float, float]:
        """Seconds until the nodes are Ready, then memory; the cluster is removed afterwards."""
        with _removed(self._home):
            begin = time.perf_counter()
            self._run("up", "--backend", "embedded")
            seconds, size = time.perf_counter() - begin, memory(self._home)
            self._run("down")
        return seconds, size

    def _run(self, verb: str, *options: str) -> None:
        module = [sys.executable, "-m", "daemonset_course.cli"]
        run([*module, verb, "--name", CLUSTER, *options], self._environment)


def _nodes(version: str) -> list[dict[str, Any]]:
    """The Node objects that `course up` posts; kwok by itself takes every node as its own."""
    return [node_object(spec, index=i, kubernetes=version) for i, spec in enumerate(read(CLUSTER))]


@contextmanager
def _removed(home: Path) -> Iterator[None]:
    """Whatever happens inside, no process of the folder is left."""
    try:
        yield
    finally:
        left = processes_of(home)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)  # the next start has the machine to itself


if __name__ == "__main__":
    sys.exit(main())
