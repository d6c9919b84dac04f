"""`up` and `reset` stopped at any moment, and run again; `reset` from any state."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from daemonset_course import cluster
from daemonset_course.cluster import reset
from daemonset_course.cluster.embedded.embedded_backend import PROCESSES
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.readiness import has_joined
from faults.conftest import MOMENTS, interrupted, seconds
from faults.dirt import conditions_hold, fresh, make_dirty
from live.scenes import PACE, eventually, servers

UP = ("up", "--backend", "embedded", "--pace", str(PACE))
_usual: dict[str, float] = {}  # what a command takes here, measured once


@MOMENTS
def test_up_interrupted(home: Path, chance: random.Random, number: int) -> None:
    if "up" not in _usual:
        _usual["up"] = seconds(*UP)
    cluster.down()
    while not interrupted(UP, chance.uniform(0.05, _usual["up"]), number):
        cluster.down()  # it was quicker than usual: that was no interruption

    duration = seconds(*UP)
    one = cluster.current()
    running = servers(home)
    listening = {
        connection.laddr.ip
        for _, process in running
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert duration
    assert [name for name, _ in running] == sorted(PROCESSES)
    assert listening == {"127.0.0.1"}
    # Eventually: the node controller may still act for a round on what it saw of a joining node.
    eventually(lambda: [has_joined(n) for n in one.api.items("/api/v1/nodes")] == [True] * 4)


def differing(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What two fingerprints do not share, by part: (now, before)."""
    return {
        part: ([one for one in now[part] if one not in before[part]],
               [one for one in before[part] if one not in now[part]])
        if part == "objects"
        else (now[part], before[part])
        for part in before
        if now[part] != before[part]
    }  # fmt: skip


def is_as_before(cluster: Cluster, clean: dict[str, Any]) -> None:
    """Soon: the node controller may still act for a round on what it saw before the reset."""
    with suppress(AssertionError):
        eventually(lambda: not differing(fresh(cluster), clean), within=10)
    assert differing(fresh(cluster), clean) == {}


@pytest.fixture
def clean(shared: Cluster) -> dict[str, Any]:
    reset(workers=3)
    return fresh(shared)


@MOMENTS
def test_reset_interrupted(
    shared: Cluster, clean: dict[str, Any], chance: random.Random, number: int
) -> None:
    make_dirty(shared, chance)
    if "reset" not in _usual:
        _usual["reset"] = seconds("reset", "--workers", "3")
        make_dirty(shared, chance)
    words = ("reset", "--workers", "3")
    while not interrupted(words, chance.uniform(0.05, _usual["reset"]), number):
        make_dirty(shared, chance)

    seconds(*words)
    is_as_before(shared, clean)
    assert reset().changes == ()


@pytest.mark.usefixtures("clean")
@MOMENTS
def test_reset_from_a_dirty_state(
    shared: Cluster, clean: dict[str, Any], chance: random.Random, number: int
) -> None:
    expected = make_dirty(shared, chance)
    while not conditions_hold(shared, expected):
        reset(workers=3)
        expected = make_dirty(shared, chance)
    report = reset(workers=3).changes

    assert len(expected) > 2, number
    assert [words for words in expected if not any(words in line for line in report)] == [], report
    is_as_before(shared, clean)
