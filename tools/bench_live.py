"""Measure on clusters: kind, memory, the recorder against kubectl and the audit log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import psutil

from bench_target import (
    NO_TARGET,
    Target,
    clean_environment,
    memory,
    memory_target,
    run,
    spread,
)
from daemonset_course.binaries.search import ensure
from daemonset_course.cluster import topology
from daemonset_course.cluster.kind.engine import PROVIDER, find_engine
from daemonset_course.cluster.kind.kind_config import node_image
from daemonset_course.cluster.processes import kill_all
from daemonset_course.environment import for_programs, for_tools

NAME = "bench"
NODES = 1000
WRITES = 5 * NODES  # at least: an old pod marked and deleted, a new one made, begun, ready
AUDIT = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    verbs: [create, update, patch, delete]
    resources: [{resources: [pods, pods/status]}]
    namespaces: [default]
  - {level: None}
"""
RECORD = """
import sys, time
from daemonset_course import record
recorder = record("agent")
recorder.start()
print("recording", flush=True)
sys.stdin.readline()
recorder.stop().save(sys.argv[1])
print(time.process_time(), flush=True)
"""
DAEMONSET = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "agent"},
    "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}},
        "template": {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "agent", "image": "registry.k8s.io/pause:3.10"}]},
        },
    },
}


def kind_up(runs: int) -> Iterator[Target]:
    """Measure `course up` on kind and `kind create cluster`, both until all nodes are Ready."""
    engine = find_engine()
    if engine is None:
        print("kind: not measured, no container engine answers", flush=True)
        return
    programs = ensure(programs=("kind", "kubectl"))
    image = node_image(None)
    times: dict[str, list[float]] = {"course": [], "bare": []}
    sizes: dict[str, list[float]] = {"course": [], "bare": []}
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        home = clean_environment() | {"COURSE_HOME": folder, "COURSE_IMAGE": image}
        bare = clean_environment() | {
            "KUBECONFIG": f"{folder}/kubeconfig",
            PROVIDER: engine.name,  # as the course sets it for kind
        }
        kind, kubectl = str(programs["kind"].path), str(programs["kubectl"].path)
        config = str(topology.config_file())
        course = [sys.executable, "-m", "daemonset_course.cli"]

        def start_course() -> None:
            run([*course, "up", "--name", NAME, "--backend", "kind"], home)

        def start_bare() -> None:
            create = ["create", "cluster", "--name", NAME, "--config", config, "--image", image]
            run([kind, *create, "--kubeconfig", f"{folder}/kubeconfig"], bare)
            wait = ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s"]
            run([kubectl, *wait], bare)

        for i in range(runs):
            for which in ("course", "bare") if i % 2 == 0 else ("bare", "course"):
                begin = time.perf_counter()
                try:
                    (start_course if which == "course" else start_bare)()
                    times[which].append(time.perf_counter() - begin)
                    sizes[which].append(_engine_memory(engine.name))
                finally:
                    if which == "course":
                        run([*course, "down", "--name", NAME], home)
                    else:
                        run([kind, "delete", "cluster", "--name", NAME], bare)
    ratio = median(times["course"]) / median(times["bare"])
    detail = f"course {spread(times['course'])}; kind {spread(times['bare'])}"
    yield Target("course up / kind create cluster, 4 Ready nodes", ratio, 1.1, "", detail)
    yield memory_target(f"the kind cluster, {engine.name}", sizes["course"])
    yield memory_target(f"bare kind, {engine.name}", sizes["bare"])


def recorder() -> Iterator[Target]:
    """Measure the recorder against `kubectl get pods -w` and the audit log, on 1,000 nodes."""
    from daemonset_course import apply, kubectl, wait_rollout
    from daemonset_course.cluster import current, down, reset, up

    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        policy = Path(folder, "audit.yaml")
        policy.write_text(AUDIT)
        own = {
            "COURSE_HOME": folder,
            "COURSE_CLUSTER": NAME,
            "COURSE_AUDIT_POLICY": str(policy),
        }
        with mock.patch.dict(os.environ, own):
            try:
                up(NAME, backend="embedded", pace=0.25)
                reset(workers=NODES)
                apply(DAEMONSET)
                wait_rollout("agent", timeout=300)
                yield from _watched(Path(folder), current().environment(), kubectl, wait_rollout)
                size = memory(Path(folder))
                yield memory_target(f"the embedded cluster, {NODES} nodes", [size])
            finally:
                down(NAME)
                kill_all(Path(folder))


def _watched(folder: Path, environment: dict[str, str], kubectl, wait_rollout) -> Iterator[Target]:  # type: ignore[no-untyped-def]
    log, env = folder / "log.jsonl", for_tools(environment)
    watch = subprocess.Popen(
        ["kubectl", "get", "pods", "-w"], env=env, stdout=subprocess.PIPE, text=True
    )
    ours = subprocess.Popen(
        [sys.executable, "-c", RECORD, str(log)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ours.stdout
    assert ours.stdin
    assert watch.stdout
    drained = subprocess.Popen(
        ["cat"], env=for_programs(), stdin=watch.stdout, stdout=subprocess.DEVNULL
    )
    ours.stdout.readline()
    kubectl("set env daemonset/agent RELEASE=2")
    begin = time.perf_counter()
    wait_rollout("agent", timeout=600)
    seconds = time.perf_counter() - begin
    spent = psutil.Process(watch.pid).cpu_times()
    watch.kill()
    ours.stdin.write("\n")
    ours.stdin.flush()
    cpu = float(ours.stdout.readline())
    for process in (watch, ours, drained):
        process.wait(timeout=60)
    kubectl_cpu = spent.user + spent.system
    detail = (
        f"recorder {cpu:.1f} s (4 watches), kubectl {kubectl_cpu:.1f} s, rollout {seconds:.0f} s"
    )
    yield Target(
        "CPU of the recorder / of `kubectl get pods -w`",
        cpu / kubectl_cpu,
        NO_TARGET,
        "",
        detail,
    )
    yield _missed(next(folder.rglob("audit.log")), log)


def _missed(audit: Path, log: Path) -> Target:
    """Count Pod versions that the API server wrote during the recording and that it lacks."""
    name = "transitions that the recorder missed"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    pods = [r for r in records if r.get("resource") == "pods" and r["record"] == "change"]
    versions = [(r["object"]["metadata"]["uid"], _version(r["object"])) for r in pods]
    # Lists are repeated after interruptions and at the end; the first one ends at the first watch.
    listed = len(list(takewhile(lambda r: r["via"] == "list", pods)))
    first = max(version for _, version in versions[:listed])
    answers = [json.loads(line).get("responseObject") for line in audit.read_text().splitlines()]
    stored = [one for one in answers if one and one.get("kind") == "Pod"]
    written = {(one["metadata"]["uid"], _version(one)) for one in stored if _version(one) > first}
    detail = f"of {len(written)} writes of pods in the audit log"
    if any(r["record"] == "gap" for r in records):
        return Target(name, None, 0, "", "the recording has a gap")
    if len(written) < WRITES:
        return Target(name, None, 0, "", f"{detail}; the rollout takes {WRITES}")
    return Target(name, len(written - set(versions)), 0, "", detail)


def _version(item: dict[str, Any]) -> int:
    return int(item["metadata"].get("resourceVersion") or 0)


def _engine_memory(engine: str) -> float:
    """Return the memory of the cluster's containers in GB, as the engine reports it."""
    units = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1}
    stats = subprocess.run(
        [engine, "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"],
        env=for_programs(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    total = 0.0
    for line in stats.splitlines():
        name, used = line.split()[:2]
        if name.startswith(f"{NAME}-"):
            unit = next(u for u in units if used.endswith(u))
            total += float(used.removesuffix(unit)) * units[unit]
    return total / 1e9
