"""Print the proof table: for each lab its tasks, attempts, mutants, cheats, and the time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest

ID = re.compile(r"\[([\w-]+?)-(\d+)-(wrong|right|mutant|cheat)")
KINDS = ("wrong", "right", "mutant", "cheat")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the table, if tests of labs ran; only the controller has a terminal."""
    reports = [
        report
        for some in terminalreporter.stats.values()
        for report in some
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    if rows := table(reports):
        terminalreporter.section("proof of the labs: passed / run")
        for row in rows:
            terminalreporter.write_line(row)


def table(reports: list[Any]) -> list[str]:
    """Return the lines of the table: how many tries of each kind were judged as expected."""
    good: dict[str, Counter[str]] = defaultdict(Counter)
    ran: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    for report in reports:
        found = ID.search(report.nodeid)
        if found is None or "tests/labs/" not in report.nodeid:
            continue
        lab, kind = found[1], found[3]
        ran[lab][kind] += 1
        good[lab][kind] += report.outcome == "passed"
        seconds[lab] += report.duration
    if not ran:
        return []
    rows = [f"{'lab':<16}" + "".join(f"{kind:>12}" for kind in KINDS) + f"{'seconds':>10}"]
    for lab in sorted(ran):
        cells = "".join(f"{f'{good[lab][k]} / {ran[lab][k]}':>12}" for k in KINDS)
        rows.append(f"{lab:<16}{cells}{seconds[lab]:>10.1f}")
    total = "".join(
        f"{f'{sum(g[k] for g in good.values())} / {sum(r[k] for r in ran.values())}':>12}"
        for k in KINDS
    )
    return [*rows, f"{'all':<16}{total}{sum(seconds.values()):>10.1f}"]
