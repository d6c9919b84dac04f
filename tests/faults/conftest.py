"""Faults: each test is one try at one fault; at the end a table says how many were survived.

``FAULTS=50`` tries each random fault 50 times (3 otherwise); ``FAULTS_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemonset_course import cluster
from daemonset_course.cluster.lifecycle import Cluster
from live.scenes import PACE, processes

TRIES = int(os.environ.get("FAULTS", "3"))
SEED = int(os.environ.get("FAULTS_SEED", "20261124"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the table."""
    tries: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            fault = dict(report.user_properties).get("fault")
            if fault and report.when == "call":
                tries[fault] += 1
                survived[fault] += outcome == "passed"
    if tries:
        terminalreporter.section(f"faults, seed {SEED}")
        for fault, count in tries.items():
            terminalreporter.write_line(f"{fault:<60} {survived[fault]:>3} of {count}")


@pytest.fixture(autouse=True)
def named(request: pytest.FixtureRequest) -> None:
    """Give each try the name of its fault: the test's own, in words."""
    words = request.node.originalname.removeprefix("test_").replace("_", " ")
    kind = (
        request.node.callspec.params.get("component") if hasattr(request.node, "callspec") else ""
    )
    request.node.user_properties.append(("fault", f"{words} {kind or ''}".strip()))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that depend on the seed and the try alone."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own, with no process left at its end."""
    path = tmp_path / "home"
    monkeypatch.setenv("COURSE_HOME", str(path))
    monkeypatch.setenv("COURSE_CLUSTER", "own")
    monkeypatch.setenv("COURSE_BACKEND", "embedded")
    yield path
    cluster.down("own")
    assert processes(path) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tries of a module."""
    Path(os.environ["IPYTHONDIR"]).mkdir(parents=True, exist_ok=True)  # for kernels of our own
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("faults") / "home"
        patch.setenv("COURSE_HOME", str(path))
        patch.setenv("COURSE_CLUSTER", "own")
        yield cluster.up("own", backend="embedded", pace=PACE)
        cluster.down("own")
        assert processes(path) == []
