"""Compare simulated kubelets with real ones: the same Pods on both, and ``docs/kubelets.md``.

    make kubelet-table                                    # the same as the next line
    python tools/kubelet_table.py record embedded kind    # starts a cluster of each, and writes
    python tools/kubelet_table.py write                   # the page, from the recordings alone

What kubectl shows of each Pod of ``kubelet_cases.py`` is recorded in ``content/kubelets/``. Exit
status of ``record``: 3 if no container engine answers; the others are recorded all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from daemonset_course.cluster import lifecycle
from daemonset_course.cluster.kind.engine import needed_engine
from daemonset_course.cluster.waiting import until
from daemonset_course.environment import for_programs
from daemonset_course.errors import NoEngine
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from kubelet_cases import CASES, Case

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "kubelets.md"
RECORDED = ROOT / "content" / "kubelets"
NAME = "kubelets"  # of the clusters, and of the namespace
BACKENDS = ("embedded", "kind")
NO_ENGINE = 3
PATIENCE = 240.0  # seconds until every Pod is in its last state
KUBELETS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
_STATE = (
    '{{.metadata.name}}|{{.status.phase}}|{{range .status.conditions}}{{if eq .status "True"}}'
    '{{.type}},{{end}}{{end}}{{"\\n"}}'
)
FIRST = "first"  # a Pod from before: a watch that has shown it shows whatever comes

_TOP = """# Simulated kubelets and real ones

Written by `make kubelet-table` (`tools/kubelet_table.py`): the same Pods on both backends at pace
1, as `kubectl get pods --watch` showed them. {versions}

A state that lasts less than a status update may be missing on either side. The column *shown* has
READY and STATUS, in order; *phase* has `status.phase`; *conditions* has the order in which
conditions became True (`+`: in one update). [simulation.md](simulation.md) says what is not played.
"""


class Seen(NamedTuple):
    """What a watch showed of one Pod: columns in order, phases, conditions, seconds to be gone."""

    shown: list[str]
    phases: list[str]
    conditions: list[str]
    restarts: int
    gone: float | None = None


class Watch:
    """Two watches of kubectl: its columns, and phase and conditions of each Pod."""

    def __init__(self) -> None:
        self.columns: dict[str, list[tuple[str, int]]] = {name: [] for name in CASES}
        self.states: dict[str, list[tuple[str, str]]] = {name: [] for name in CASES}
        self.begun: set[str] = set()

    def column(self, line: str) -> None:
        """Take one line of ``kubectl get pods --watch``."""
        name, ready, status, restarts = line.split()[:4]
        if name == FIRST:
            self.begun.add("columns")
        else:
            self.columns[name].append((f"{ready} {status}", int(restarts)))

    def state(self, line: str) -> None:
        """Take one line of the template."""
        name, phase, conditions = line.strip().split("|")
        if name == FIRST:
            self.begun.add("states")
        else:
            self.states[name].append((phase, conditions))

    def arrived(self, name: str, case: Case) -> bool:
        """Whether a Pod is in its last state."""
        reached = any(shown in case.last for shown, _ in self.columns[name])
        return reached and max(n for _, n in self.columns[name]) >= case.restarts

    def seen(self, name: str, gone: float | None) -> Seen:
        """Return what was seen of a Pod."""
        became: list[str] = []
        for _, conditions in self.states[name]:
            new = [one for one in KUBELETS if one in conditions.split(",")]
            new = [one for one in new if one not in "+".join(became).split("+")]
            became += ["+".join(new)] if new else []
        shown = [shown for shown, _ in groupby(shown for shown, _ in self.columns[name])]
        phases = [phase for phase, _ in groupby(phase for phase, _ in self.states[name])]
        return Seen(shown, phases, became, max(n for _, n in self.columns[name]), gone)


@contextmanager
def _lines(cluster: lifecycle.Cluster, take: Any, *options: str) -> Iterator[None]:
    """Hand each line of a watch of Pods to ``take`` while the block runs."""
    program = str(cluster.backend.programs / "kubectl")
    command = [program, "get", "pods", "--watch", "--namespace", NAME, *options]
    with subprocess.Popen(
        command, env=for_programs(cluster.environment()), stdout=subprocess.PIPE, text=True
    ) as process:

        def read() -> None:
            for line in process.stdout or ():
                take(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            reader.join()


def record(backend: str) -> dict[str, Any]:
    """Start a cluster, play every case on it, remove it; return what was seen."""
    os.environ["COURSE_CLUSTER"] = NAME
    cluster = lifecycle.up(NAME, backend=backend, pace=1.0)
    try:
        kubectl("create namespace", NAME)
        kubectl(f"wait --for=create serviceaccount/default --timeout=60s --namespace={NAME}")
        watch = Watch()
        gone = _play(cluster, watch)
        return {
            "backend": backend,
            "kubernetes": cluster.backend.kubernetes,
            "date": datetime.now(UTC).date().isoformat(),
            "pods": {name: watch.seen(name, gone.get(name))._asdict() for name in CASES},
        }
    finally:
        lifecycle.down(NAME)


def _play(cluster: lifecycle.Cluster, watch: Watch) -> dict[str, float]:
    """Create every Pod, wait for their last states, delete those to be deleted; return how long."""
    head = {"apiVersion": "v1", "kind": "Pod"}
    apply(head | {"metadata": {"name": FIRST}, "spec": CASES["plain"].spec}, namespace=NAME)
    columns = _lines(cluster, watch.column, "--no-headers")
    states = _lines(cluster, watch.state, "--output", f"go-template={_STATE}")
    with columns, states:
        until(lambda: watch.begun == {"columns", "states"}, timeout=PATIENCE, pause=0.1)
        pods = {name: {"metadata": {"name": name}, "spec": c.spec} for name, c in CASES.items()}
        for one in pods.values():
            apply(head | one, namespace=NAME)
        until(lambda: all(watch.arrived(*one) for one in CASES.items()), timeout=PATIENCE, pause=1)
        for name, case in CASES.items():
            if not watch.arrived(name, case):
                print(f"{name}: {case.last} was not seen: {watch.columns[name]}", file=sys.stderr)
        return {name: _deleted(name) for name, case in CASES.items() if case.deleted}


def _deleted(name: str) -> float:
    grace = CASES[name].grace
    option = "" if grace is None else f"--grace-period={grace}"
    began = time.monotonic()
    kubectl(f"delete pod {name} {option} --namespace={NAME} --timeout=90s")
    return round(time.monotonic() - began, 1)


def differences(simulated: Seen, real: Seen) -> list[str]:
    """Return what a learner would see on one kind of kubelet alone."""
    found = []
    for here, there, who in ((real, simulated, "real"), (simulated, real, "simulated")):
        only = [one for one in dict.fromkeys(here.shown) if one not in there.shown]
        found += [f"{who} only: {', '.join(f'`{one}`' for one in only)}"] if only else []
    if simulated.shown[-1] != real.shown[-1]:
        found.append(f"**the end**: `{simulated.shown[-1]}`, real `{real.shown[-1]}`")
    if simulated.phases[-1] != real.phases[-1]:
        found.append(f"**the phase**: {simulated.phases[-1]}, real {real.phases[-1]}")
    orders = ["+".join(seen.conditions).split("+") for seen in (simulated, real)]
    if sorted(orders[0]) != sorted(orders[1]):
        found.append("other conditions are True")
    return found


def recordings() -> dict[str, dict[str, Any]]:
    """Return the stored recordings, by backend."""
    paths = {name: RECORDED / f"{name}.json" for name in BACKENDS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def page(found: dict[str, dict[str, Any]]) -> str:
    """Return the text of the page."""
    versions = " ".join(
        f"{one['backend']}: Kubernetes {one['kubernetes']}, {one['date']}."
        for one in found.values()
    )
    if missing := [name for name in BACKENDS if name not in found]:
        versions += f" **Not recorded yet: {', '.join(missing)}.**"
    pods = {
        name: {backend: Seen(**one["pods"][name]) for backend, one in found.items()}
        for name in CASES
    }
    text = _TOP.format(versions=versions)
    if not missing:
        text += "\n## Differences\n\n| case | what differs |\n|---|---|\n"
        for name, case in CASES.items():
            told = differences(pods[name]["embedded"], pods[name]["kind"])
            text += f"| {case.words} | {'; '.join(told) or 'nothing'} |\n"
    head = "\n## {}\n\n| case | shown | phase | conditions | restarts | gone after |\n"
    for backend in found:
        text += head.format(backend) + "|---|---|---|---|---|---|\n"
        for name, case in CASES.items():
            text += _row(case, pods[name][backend])
    return text


def _row(case: Case, seen: Seen) -> str:
    shown = ", ".join(f"`{one}`" for one in seen.shown)
    gone = "" if seen.gone is None else f"{seen.gone} s"
    restarts = f"{case.restarts} or more" if case.restarts else str(seen.restarts)
    order = ", ".join(seen.conditions)
    return (
        f"| {case.words} | {shown} | {', '.join(seen.phases)} | {order} | {restarts} | {gone} |\n"
    )


def main(arguments: Sequence[str]) -> int:
    """Record the named backends, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("record", "write"))
    parser.add_argument("backends", nargs="*")
    options = parser.parse_args(arguments)
    status = 0
    for backend in options.backends if options.what == "record" else ():
        if backend == "kind":
            try:
                needed_engine()
            except NoEngine as error:
                print(f"Nothing was recorded on kind. {error}", file=sys.stderr)
                status = NO_ENGINE
                continue
        RECORDED.mkdir(exist_ok=True)
        found = json.dumps(record(backend), indent=1)
        (RECORDED / f"{backend}.json").write_text(found + "\n", encoding="utf-8")
    PAGE.write_text(page(recordings()), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
