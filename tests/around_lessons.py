"""Prepare the cluster before each lesson, and check after it that the nodes are unchanged.

``COURSE_TEST_START`` gives the starting state: ``fresh`` (a new cluster), ``dirty`` (a cluster with
random changes, repeated by ``FAULTS_SEED``), or unset (the cluster as the last notebook left it).
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from daemonset_course import variables

START = variables.TEST_START.read()
# Beside other workers the machine's CPU seconds are not this lesson's.
ALONE = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") == "1"
_before: dict[str, Any] = {}  # the nodes of this process's cluster, right after `up`
_clock: dict[str, float] = {}  # when the lesson began, and the machine's CPU seconds then


def is_lesson(item: pytest.Item) -> bool:
    """Whether the test is a cell of a lesson, or of the sections of one that a path takes."""
    return item.path.suffix == ".ipynb" and (
        item.path.parent.name == "notebooks"
        or item.path.parent.name.startswith(".path-")
        or item.path.name == "playground.ipynb"
    )


def begin(item: pytest.Item, cluster: Any) -> None:
    """Bring the cluster into the lesson's starting state; ``cluster`` is a ``LiveCluster``."""
    from daemonset_course.cluster import reset  # unit tests need no cluster code
    from faults.dirt import fresh_nodes, make_dirty, seed

    if START == "fresh" and _before:
        cluster.anew()
    if not _before:
        reset(workers=3)  # other tests may have used the cluster
        _before.update(fresh_nodes(cluster.value))
    if START == "dirty":
        reset(workers=3)  # the lesson before may have failed half way
        changes = make_dirty(cluster.value, random.Random(f"{seed()} {item.path.name}"))
        item.user_properties.append(("dirt", "; ".join(changes)))
    _clock.update(wall=time.monotonic(), cpu=_cpu_seconds())


def waited() -> float | None:
    """Return the seconds since ``begin`` without CPU work; None if other workers run.

    The lesson waited at least that long for grace periods, probes, back-offs and request rates;
    maybe longer, because two CPUs may work in the same second.
    """
    if not ALONE or not _clock:
        return None
    return max(0.0, time.monotonic() - _clock["wall"] - (_cpu_seconds() - _clock["cpu"]))


def _cpu_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def end(path: Path, cluster: Any) -> None:
    """Fail if the nodes are not as right after ``up``, within a few seconds.

    The sections that a path takes of a lesson may end before its last ``reset``.
    """
    if path.parent.name.startswith(".path-"):
        return
    from faults.dirt import fresh_nodes
    from live.scenes import eventually

    seen: dict[str, Any] = {}

    def as_before() -> bool:
        seen.clear()
        seen.update(fresh_nodes(cluster.value))
        return seen == _before

    try:
        eventually(as_before)
    except AssertionError:
        changed = {name for name in {*seen, *_before} if seen.get(name) != _before.get(name)}
        changes = "\n".join(
            f"  {name}: was {_before.get(name, 'not there')}\n    is {seen.get(name, 'gone')}"
            for name in sorted(changed)
        )
        pytest.fail(f"{path.name} did not put the nodes back:\n{changes}", pytrace=False)
