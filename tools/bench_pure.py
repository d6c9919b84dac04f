"""Measure without a cluster: the import, pictures, a long log."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench_target import Target, spread
from daemonset_course.environment import for_tools
from daemonset_course.history.index import History

LANES = 1000
FRAMES = {12: 0.01, 100: 0.03, 1000: 0.1}  # nodes of the live view: seconds of a frame
EVENTS = 4000  # the smaller of the two logs; the larger one has four times as many
STEPS = 40  # records that are appended one by one
NOISE = 1.3  # tolerance for "four times the events take four times as long"


def frame_time() -> Iterator[Target]:
    """Measure one frame of the live view, from the indexed log of a fleet to its HTML."""
    from daemonset_course.figures.rollout.live_view import view

    for lanes, most in FRAMES.items():
        history = History(_log(lanes - 1, again=True))
        view(history.recent())
        runs = [_timed(lambda history=history: view(history.recent())) for _ in range(20)]  # type: ignore[misc]
        yield Target(
            f"one frame of the live view, {lanes} nodes", median(runs), most, "s", spread(runs)
        )


def plot_time() -> Iterator[Target]:
    """Measure a plot of many lanes, from the timeline to the bytes of the PNG."""
    from daemonset_course.figures.rollout.plot import plot

    timeline = History(_log(LANES - 1)).timeline()
    assert len(timeline.nodes) == LANES
    plot(timeline).png()  # fonts and modules
    runs = [_timed(lambda: plot(timeline).png()) for _ in range(5)]
    yield Target(f"plot of {LANES} lanes, as PNG", median(runs), 1.5, "s", spread(runs))


def import_time() -> Iterator[Target]:
    """Measure the import's share of the start of a process, and the whole start."""
    bare: list[float] = []
    whole: list[float] = []
    for _ in range(7):
        bare.append(_timed(lambda: _python("pass")))
        whole.append(_timed(lambda: _python("import daemonset_course")))
    own = median(whole) - median(bare)
    detail = f"with it {spread(whole)}; bare {spread(bare)}"
    yield Target("import daemonset_course, added", own, 0.4, "s", detail)
    yield Target("import daemonset_course, with Python", median(whole), 0.4, "s", "")


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], env=for_tools(), check=True)


def growth() -> Iterator[Target]:
    """Measure how the work on a log grows with its length; 1 means in proportion."""
    from daemonset_course.history.rollouts import rollouts

    small, large = _log_of(EVENTS), _log_of(4 * EVENTS)

    def work(log: list[dict[str, Any]]) -> None:
        rollouts(History(log).timeline())

    times: dict[int, list[float]] = {len(small): [], len(large): []}
    for _ in range(5):
        for log in (small, large):
            times[len(log)].append(_timed(lambda log=log: work(log)))  # type: ignore[misc]
    ratio = min(times[len(large)]) / min(times[len(small)]) / (len(large) / len(small))
    detail = "; ".join(f"{n} records {spread(runs)}" for n, runs in times.items())
    yield Target("timeline and rollouts, growth / log's growth", ratio, NOISE, "", detail)


def update_time() -> Iterator[Target]:
    """Measure one more record of a long log: its timeline with rollouts, and a verdict."""
    from daemonset_course.history.rollouts import rollouts
    from daemonset_course.lab.evidence import Evidence
    from daemonset_course.lab.tasks import roll_within_budget
    from daemonset_course.lab.verdict import judge

    records = _log(LANES, again=True)
    history = History(records[: -2 * STEPS])
    more = iter(records[-2 * STEPS :])

    def timeline_and_rollouts() -> None:
        history.append(next(more))
        rollouts(history.timeline())

    def verdict() -> None:
        history.append(next(more))
        judge(Evidence(history), roll_within_budget.LAB.tasks[0].criteria)

    timeline_and_rollouts()
    for what, work in (("timeline and rollouts", timeline_and_rollouts), ("verdict", verdict)):
        runs = [_timed(work) for _ in range(STEPS - 1)]
        name = f"one more record of {len(records):,}, {LANES:,} nodes: {what}"
        yield Target(name, median(runs), 0.02, "s", spread(runs))


def _log(workers: int, *, again: bool = False) -> list[dict[str, Any]]:
    """Return the log of one or two rollouts, from the simulated cluster of the unit tests."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))
    from fleet import Fleet  # type: ignore[import-not-found]

    fleet = Fleet(workers, max_unavailable="10%").run(1).apply().run(60)
    if again:
        fleet.apply().run(12)
    return list(fleet.log())


def _log_of(events: int) -> list[dict[str, Any]]:
    """Return the log of a rollout with about ``events`` records: about eight per node."""
    return _log(events // 8)


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
