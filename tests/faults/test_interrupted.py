"""`up` and `reset` stopped at any moment, and run again."""

from __future__ import annotations

import random
import signal
import subprocess
from pathlib import Path

import pytest

from daemonset_course import cluster
from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded import COMPONENTS
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.readiness import settled
from faults.conftest import TRIES
from faults.dirt import fresh, make_dirty
from live.scenes import PACE, course, processes


def interrupted(process: subprocess.Popen[str], after: float, how: signal.Signals) -> None:
    """Let a process run for a while, then stop it; it may have ended by itself."""
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
        process.communicate(timeout=60)


@pytest.mark.parametrize("number", range(TRIES))
def test_up_interrupted(home: Path, chance: random.Random, number: int) -> None:
    how = signal.SIGKILL if number % 2 else signal.SIGINT
    interrupted(course(f"up(pace={PACE})", home), chance.uniform(0.1, 5.0), how)

    one = cluster.up(pace=PACE)
    running = sorted(Path(p.cmdline()[0]).name for p in processes(home))
    assert running == sorted(COMPONENTS)
    nodes = one.api.items("/api/v1/nodes")
    assert len(nodes) == 4
    assert all(settled(node) for node in nodes)


@pytest.mark.parametrize("number", range(TRIES))
def test_reset_interrupted(shared: Cluster, chance: random.Random, number: int) -> None:
    reset(workers=3)
    clean = fresh(shared)
    make_dirty(shared, chance)
    how = signal.SIGKILL if number % 2 else signal.SIGINT
    home = shared.backend.directory.parents[1]
    interrupted(course("reset(workers=3)", home), chance.uniform(0.3, 2.5), how)

    reset(workers=3)
    assert fresh(shared) == clean


@pytest.mark.parametrize("number", range(TRIES))
def test_reset_from_a_dirty_state(shared: Cluster, chance: random.Random, number: int) -> None:
    reset(workers=3)
    clean = fresh(shared)
    told = make_dirty(shared, chance)
    report = "\n".join(reset(workers=3).changes)

    assert [words for words in told if words not in report] == [], report
    assert fresh(shared) == clean
    assert number < TRIES
