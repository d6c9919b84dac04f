"""A lab's task can be started from any state: what is there then is as after a fresh cluster."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from daemonset_course.cluster import reset
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import CourseError
from daemonset_course.history.podstate import phase_of
from daemonset_course.lab import lab_log
from daemonset_course.lab import session as labs
from daemonset_course.lab.session import LabSession, open_lab
from faults.conftest import MOMENTS
from faults.dirt import conditions_hold, fresh, make_dirty
from faults.test_interrupted import differing

WORKERS = 12  # as the lab has
PODS = "/api/v1/namespaces/default/pods"
_started: dict[int, dict[str, Any]] = {}  # task -> the fingerprint of its start from fresh


@pytest.fixture
def lab(shared: Cluster) -> Iterator[LabSession]:
    yield open_lab("06")
    lab_log.end(shared.name)


def fingerprint(cluster: Cluster) -> dict[str, Any]:
    """What the cluster has, without the names that controllers make up and their order."""
    found = fresh(cluster)
    found["objects"] = sorted(
        {re.sub(r"^Pod/agent-\w+$", "Pod/agent-", o) for o in found["objects"]}
    )
    pods = cluster.api.items(PODS)
    found["pods"] = Counter((_release(pod), *phase_of(pod)) for pod in pods)
    (agent,) = cluster.api.items("/apis/apps/v1/namespaces/default/daemonsets")
    found["daemonset"] = (
        agent["spec"],
        agent["metadata"].get("labels", {}),
    )
    return found


def _release(pod: dict[str, Any]) -> str:
    (container,) = pod["spec"]["containers"]
    return f"{container['image']} {container['env'][0]['value']}"


@MOMENTS
def test_a_lab_started_from_a_dirty_state(
    shared: Cluster, lab: LabSession, chance: random.Random, number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    task = number % len(lab.lab.tasks) + 1
    if task not in _started:
        reset(workers=WORKERS)
        lab.start(task)
        _started[task] = fingerprint(shared)
        lab_log.end(shared.name)  # while it runs, a reset is refused
    if chance.random() < 0.5:  # not in the state of a task
        reset(workers=WORKERS)
    try:
        expected = make_dirty(shared, chance)
        while not conditions_hold(shared, expected):
            reset(workers=WORKERS)
            expected = make_dirty(shared, chance)
    except CourseError:  # half of the dirt: the next try begins without it
        reset(workers=WORKERS)
        raise
    reports = []

    def reported(**options: Any) -> Any:
        reports.append(reset(**options))
        return reports[-1]

    monkeypatch.setattr(labs, "reset", reported)
    text = lab.start(task)

    (report,) = (one.changes for one in reports)
    assert [words for words in expected if not any(words in line for line in report)] == [], report
    assert f"Put right: {'; '.join(report[:5])}" in text
    assert differing(fingerprint(shared), _started[task]) == {}
    assert lab.check(task).outcome == "not attempted"
