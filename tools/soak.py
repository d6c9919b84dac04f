"""Random learners on one cluster, for as long as you like; see what breaks.

    make soak                             # ten minutes, another seed each day
    make soak SECONDS=3600 SEED=7
    make soak SEED=7 EPISODE=12           # one episode again

An episode has one or two kernels and five to eight random steps (``soak_steps.py``): verbs, magics,
recordings, labs, wrong arguments, interrupts, restarts, faults of nodes and of components. After
each step there must be no other exception than the course's own or the interrupt, no thread,
program or file left open; a component that was killed must be named, and ``course up`` must heal
it without losing objects. What the course says is compared with the API (``soak_truth.py``). After
each episode ``reset`` must restore the cluster, and no process or temporary file may be left.

Seeds decide the steps, not the moments at which the cluster reacts: a replay can go otherwise.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import psutil

from daemonset_course import cluster, errors
from daemonset_course.cluster.embedded.embedded_backend import PROCESSES, Embedded
from daemonset_course.cluster.fingerprint import (
    added_conditions,
    added_resources,
    node_drift,
    objects_created_since_up,
)
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.processes import processes_of
from daemonset_course.environment import for_python
from daemonset_course.places import cache_home
from daemonset_course.programs import python_module
from soak_kernel import Kernel, Reply
from soak_steps import CLUSTER, Step, episode

PACE = 0.25
COMMAND = 300.0  # seconds that `course up` may take


def course_errors() -> set[str]:
    """Return the names of the errors that may reach a learner."""
    found, rest = set(), [errors.CourseError]
    while rest:
        one = rest.pop()
        found.add(one.__name__)
        rest += one.__subclasses__()
    return found


@dataclass
class Soak:
    """A run: its cluster, and what it has seen."""

    seed: int
    root: Path
    talks: bool = False  # prints every step as it ends
    steps: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    episodes: int = 0

    def __post_init__(self) -> None:
        self.allowed = course_errors()
        self.environment = {
            "COURSE_HOME": str(self.root / "home"), "COURSE_WORK": str(self.root / "work"),
            "COURSE_CLUSTER": CLUSTER, "COURSE_BACKEND": "embedded",
            "HOME": str(self.root / "user"),
            "IPYTHONDIR": str(self.root / "ipython"), "TMPDIR": str(self.root / "tmp"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "runtime"),
            "MPLCONFIGDIR": str(self.root / "matplotlib"),
            "COURSE_CACHE": str(cache_home()),
        }  # fmt: skip
        for name in ("work", "user", "ipython", "tmp", "runtime", "matplotlib"):
            (self.root / name).mkdir()
        os.environ.update(self.environment)

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return cluster.current(CLUSTER)

    def run(self, number: int) -> list[str]:
        """Run an episode; return what was wrong."""
        steps, wrong = episode(self.seed, number), []
        kernels: dict[int, Kernel] = {}
        done: list[str] = []
        try:
            for step in steps:
                for one in {step.kernel, *((1,) if step.other else ())}:
                    if one not in kernels:
                        kernels[one] = Kernel(self.environment, self.root / "work")
                self.steps[step.kind] += 1
                began = time.monotonic()
                found = self._perform(step, kernels)
                done.append(f"{step}  ({time.monotonic() - began:.1f} s)")
                if self.talks:
                    print(f"{number}. {done[-1]}", flush=True)
                found += [f"kernel {i}: {one}" for i, k in kernels.items() for one in k.leaks()]
                wrong += [f"{one}\n      in {step}" for one in found]
                self.violations[step.kind] += len(found)
            wrong += self._after(kernels)
        finally:
            for kernel in kernels.values():
                kernel.close()
        wrong += self._left()
        self.episodes += 1
        if wrong:
            print(f"episode {number} again: make soak SEED={self.seed} EPISODE={number}")
            print("\n".join(f"    {line}" for line in done), flush=True)
        return wrong

    def _perform(self, step: Step, kernels: dict[int, Kernel]) -> list[str]:
        kernel = kernels[step.kernel]
        before = _daemonsets(self.cluster) if step.component else []
        if step.kind == "component killed":
            self._process(step.component).kill()
        with self._meanwhile(step, kernel):
            cell = kernel.begin(step.code)
            timer = None
            if step.kind == "interrupt":
                timer = kernel.interrupt_in(step.after)
            if step.kind == "kernel restarted":
                time.sleep(step.after)
                kernel.restart()
                return []
            second = kernels[1].run(step.other) if step.other else None
            reply = kernel.end(cell)
            if timer:
                timer.cancel()
                timer.join()
        found = self._judged(step, reply, step.code)
        found += self._judged(step, second, step.other) if second else []
        if step.kind == "component killed":
            found += self._healed(step, reply, before)
        return found

    @contextmanager
    def _meanwhile(self, step: Step, kernel: Kernel) -> Iterator[None]:
        """Suspend what the step names, for as long as it says."""
        stopped: list[psutil.Process] = []
        if step.kind in ("component suspended", "everything suspended"):
            names = [step.component] if step.component else PROCESSES
            stopped += [self._process(name) for name in names]
        if step.kind in ("kernel suspended", "everything suspended"):
            stopped.append(kernel.process)
        timers = [
            Timer(step.after, _all, (stopped, psutil.Process.suspend)),
            Timer(step.after + step.lasts, _all, (stopped, psutil.Process.resume)),
        ]
        try:
            for timer in timers if stopped else ():
                timer.start()
            yield
        finally:
            for timer in timers if stopped else ():
                timer.join()

    def _judged(self, step: Step, reply: Reply, code: str) -> list[str]:
        self.raised[reply.error or "none"] += 1
        found = []
        if reply.hangs:
            found.append(f"{code!r} had not ended after some minutes")
        may = self.allowed | ({"KeyboardInterrupt"} if step.kind == "interrupt" else set())
        if code.startswith("%"):
            may |= {"UsageError"}
        if reply.error and reply.error not in may:
            found.append(f"{reply.error} from {code!r}: {reply.text[-900:]}")
        if "Traceback (most recent" in reply.streams and "KeyboardInterrupt" not in reply.streams:
            found.append(f"a traceback in the output of {code!r}: {reply.streams[-900:]}")
        return found

    def _healed(self, step: Step, reply: Reply, before: list[str]) -> list[str]:
        """Check that the dead component was named where it mattered, and that `up` heals it."""
        found = []
        waits = reply.error in ("NotFinished", "NotRunning", "ApiError")
        if waits and f"{step.component} has ended" not in reply.text:
            found.append(f"{step.component} is dead, and not named: {reply.text[-600:]}")
        status = _course("status")
        if f"{step.component} has ended" not in status.stdout or status.returncode != 1:
            found.append(f"course status does not name {step.component}: {status.stdout}")
        up = _course("up")
        if up.returncode or self.cluster.backend.down_components():
            found.append(f"course up did not heal {step.component}: {up.stdout}{up.stderr}")
        lost = set(before) - set(_daemonsets(self.cluster))
        if lost and "delete" not in step.code:
            found.append(f"lost after {step.component} was killed: {lost}")
        return found

    def _process(self, component: str) -> psutil.Process:
        backend = self.cluster.backend
        assert isinstance(backend, Embedded)
        if backend.process(component) is None:  # a step has stopped it on purpose
            backend.heal()
        process = backend.process(component)
        assert process is not None, component
        return process

    def _after(self, kernels: dict[int, Kernel]) -> list[str]:
        """Reset, from one of the kernels; return what differs from a fresh cluster."""
        kernel = next(iter(kernels.values()))
        reply = kernel.run("reset(workers=3, force=True)")
        if reply.error:
            return [f"reset: {reply.error}: {reply.text[-900:]}"]
        return [f"after reset: {one}" for one in drift(self.cluster)]

    def _left(self) -> list[str]:
        """Return the processes and temporary files that an episode has left."""
        running = processes_of(self.cluster.backend.directory)
        names = sorted(Path(one.cmdline()[0]).name for one in running)
        found = [] if names == sorted(PROCESSES) else [f"processes: {', '.join(names)}"]
        temporary = [*(self.root / "tmp").iterdir(), *(self.root / "home").rglob(".*.*")]
        return found + [f"temporary file left: {one}" for one in temporary]

    def table(self) -> str:
        """Return the steps by kind, with their violations, and the errors that were raised."""
        lines = [f"{'step':<24}{'times':>7}{'violations':>12}"]
        lines += [f"{kind:<24}{count:>7}{self.violations[kind]:>12}"
                  for kind, count in sorted(self.steps.items())]  # fmt: skip
        raised = ", ".join(f"{name} {count}" for name, count in self.raised.most_common())
        total, kinds = sum(self.steps.values()), self.episodes
        return "\n".join([*lines, f"{total} steps in {kinds} episodes; raised: {raised}"])


def drift(running: Cluster) -> list[str]:
    """Return how a cluster differs from its state right after ``up``."""
    api = running.api
    specs = {spec.name: spec for spec in running.backend.specs(3)}
    nodes = {node["metadata"]["name"]: node for node in api.items("/api/v1/nodes")}
    found = [title for title, _ in objects_created_since_up(api, running.state.baseline)]
    found += [f"node {name}" for name in sorted({*nodes} ^ {*specs})]
    for name in {*nodes} & {*specs}:
        words = [*node_drift(nodes[name], specs[name])[0], *added_resources(nodes[name]),
                 *added_conditions(nodes[name], specs[name])]  # fmt: skip
        found += [f"{name}: {word}" for word in words]
    return found + [str(one) for one in running.backend.down_components()]


def _all(processes: list[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for one in processes:
        act(one)


def _daemonsets(running: Cluster) -> list[str]:
    return [one["metadata"]["name"] for one in running.api.items("/apis/apps/v1/daemonsets")]


def _course(*words: str) -> subprocess.CompletedProcess[str]:
    command = python_module("daemonset_course.cli", *words)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND, env=for_python(), check=False
    )


def main(arguments: Sequence[str]) -> int:
    """Run episodes until the time is over; return 1 if something was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    today = int(datetime.now(UTC).strftime("%Y%m%d"))
    parser.add_argument("--seconds", type=float, default=600, help="how long; default 600")
    parser.add_argument("--seed", type=int, default=today, help="of all steps; default the date")
    parser.add_argument("--episode", type=int, help="only this one, again")
    parser.add_argument("--steps", action="store_true", help="print every step")
    chosen = parser.parse_args(arguments)
    for sign in (signal.SIGTERM, signal.SIGINT):  # also in the background of a shell
        signal.signal(sign, signal.default_int_handler)
    print(f"seed {chosen.seed}", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="course-soak-") as folder:
        soak = Soak(chosen.seed, Path(folder).resolve(), chosen.steps)
        try:
            cluster.up(CLUSTER, pace=PACE, backend="embedded")
            cluster.reset(workers=3)
            until = time.monotonic() + chosen.seconds
            number = chosen.episode if chosen.episode is not None else 1
            while True:
                for line in (found := soak.run(number)):
                    print(f"  WRONG {line}", flush=True)
                wrong += len(found)
                number += 1
                if chosen.episode is not None or time.monotonic() > until:
                    break
        finally:
            cluster.down(CLUSTER)
            print(soak.table(), flush=True)
    print(f"seed {chosen.seed}: {wrong or 'no'} violations", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
