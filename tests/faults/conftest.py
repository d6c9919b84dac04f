"""Faults: each test is one try of one fault; a table at the end counts the recoveries.

``FAULTS=50`` tries each random fault 50 times (3 otherwise); ``FAULTS_SEED`` repeats a run: its
number is in the table's title. Each try depends on the seed and on its own name alone.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemonset_course import cluster, variables
from daemonset_course.cluster.lifecycle import Cluster
from faults.dirt import seed
from live.scenes import PACE, processes

TRIES = variables.FAULTS.read()
SEED = seed()
MOMENTS = pytest.mark.parametrize("number", range(TRIES))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the table; a try that failed before or after its test counts as not survived."""
    tries: Counter[str] = Counter()
    lost: dict[str, set[str]] = {}
    skipped: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            fault = dict(report.user_properties).get("fault")
            if not fault:
                continue
            if outcome == "skipped":
                skipped[fault] += 1
            elif outcome == "passed" and report.when == "call":
                tries[fault] += 1
            elif outcome != "passed":
                tries[fault] += report.when == "call"
                lost.setdefault(fault, set()).add(report.nodeid)
    if tries or skipped or lost:
        terminalreporter.section(f"faults, FAULTS_SEED={SEED}")
        terminalreporter.write_line(f"{'fault':<72} {'tries':>5} {'recovered':>9}")
        for fault in {**tries, **lost}:
            failed = len(lost.get(fault, ()))
            count = max(tries[fault], failed)
            terminalreporter.write_line(f"{fault:<72} {count:>5} {count - failed:>9}")
        for fault in skipped:
            terminalreporter.write_line(f"{fault:<72} skipped, see above")


@pytest.fixture(autouse=True)
def named(request: pytest.FixtureRequest) -> None:
    """Give each try the name of its fault: the name of the test in words."""
    words = request.node.originalname.removeprefix("test_").replace("_", " ")
    values = getattr(request.node, "callspec", None)
    kind = values.params.get("component", "") if values else ""
    request.node.user_properties.append(("fault", f"{words} {kind}".strip()))


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
        patch.setenv("COURSE_BACKEND", "embedded")
        yield cluster.up("own", pace=PACE)
        cluster.down("own")
        assert processes(path) == []


def command(*words: str) -> subprocess.Popen[str]:
    """Start ``course`` with these words as a terminal does: in a process group that gets Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-m", "daemonset_course.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # these tests may run where SIGINT is ignored: a job in the background of a shell
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def seconds(*words: str) -> float:
    """Return how long a command takes without interruption; it must succeed."""
    began = time.monotonic()
    process = command(*words)
    _, output = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return time.monotonic() - began


def interrupted(words: tuple[str, ...], after: float, number: int) -> bool:
    """Stop a command after ``after`` seconds; return False if it had ended before.

    By turns: Ctrl-C in a terminal (every process of the group), kill -9, SIGINT, kill -9.
    """
    process = command(*words)
    try:
        process.communicate(timeout=after)
        return False
    except subprocess.TimeoutExpired:
        if number % 4 == 0:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGKILL if number % 2 else signal.SIGINT)
    _, output = process.communicate(timeout=60)
    if number % 2 == 0 and process.returncode == 130:
        assert "Traceback" not in output
        if output:  # Typer prints nothing if the command has not begun
            expected = r"Interrupted; run the same command again, or: course down --name \S+\n"
            assert re.search(rf"{expected}\Z", output), output
    return process.returncode != 0
