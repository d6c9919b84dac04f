"""Print a table at the end of a test run: what ran, how long, what was skipped and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from daemonset_course import variables

NOTEBOOKS = {"notebooks": "lessons", "labs": "labs", "solutions": "solutions"}
GROUPS = ("unit tests", "live tests", "browser", "other tests", *NOTEBOOKS.values())
OUTCOMES = ("passed", "failed", "skipped")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the table; only the controller has a terminal."""
    kinds = (pytest.TestReport, pytest.CollectReport)
    reports = (r for some in terminalreporter.stats.values() for r in some if isinstance(r, kinds))
    terminalreporter.section("what ran")
    for line in [*table(reports), *_real_steps()]:
        terminalreporter.write_line(line)


def table(reports: Iterable[Any]) -> list[str]:
    """Return the lines of the table; a notebook counts once, with its worst cell's outcome."""
    tests: dict[str, list[Any]] = defaultdict(list)
    for report in reports:
        tests[report.nodeid].append(report)
    units: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    for nodeid, phases in tests.items():
        group = _group(nodeid, phases)
        units[group, nodeid.partition("::")[0] if group in NOTEBOOKS.values() else nodeid].append(
            phases
        )
    everything = [report for phases in tests.values() for report in phases]
    rows = [*_counts(units), *_notebooks(units)]
    if waits := _waits(everything).values():
        rows.append(f"  waiting in all lessons: at least {sum(waits):.1f} s, no CPU at work")
    return [*rows, *_skips(everything), _backends(everything)]


def _real_steps() -> list[str]:
    """Return the steps that ran with real containers, once each; others used a recording."""
    noted = variables.STEPS.read()
    steps = sorted(set(noted.read_text().splitlines())) if noted and noted.is_file() else []
    return [f"ran for real only here: {', '.join(steps)}"] if steps else []


def _group(nodeid: str, phases: list[Any]) -> str:
    top, _, rest = nodeid.partition("/")
    if top in NOTEBOOKS:
        return NOTEBOOKS[top]
    if rest.startswith("unit/"):
        return "unit tests"
    if rest.startswith("browser/"):
        return "browser"
    return "live tests" if any(_backend(report) for report in phases) else "other tests"


def _outcome(reports: Iterable[Any]) -> str:
    seen = {report.outcome for report in reports}
    return next((one for one in ("failed", "skipped") if one in seen), "passed")


def _counts(units: dict[tuple[str, str], list[list[Any]]]) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    seconds: Counter[str] = Counter()
    for (group, _), tests in units.items():
        counts[group, _outcome(r for phases in tests for r in phases)] += 1
        seconds[group] += sum(_seconds(phases) for phases in tests)  # type: ignore[assignment]
    rows = [f"{'':<12}" + "".join(f"{name:>9}" for name in (*OUTCOMES, "seconds"))]
    for group in GROUPS:
        numbers = "".join(f"{counts[group, outcome]:>9}" for outcome in OUTCOMES)
        rows.append(f"{group:<12}{numbers}{seconds[group]:>9.1f}")
    return rows


def _notebooks(units: dict[tuple[str, str], list[list[Any]]]) -> list[str]:
    rows = []
    for (group, path), cells in sorted(units.items()):
        if group in NOTEBOOKS.values():
            bad = [phases[0].nodeid.rpartition("::")[2] for phases in cells if _failed(phases)]
            says = f"failed: {', '.join(bad)}" if bad else _outcome(r for c in cells for r in c)
            seconds = sum(map(_seconds, cells))
            waits = list(_waits(report for phases in cells for report in phases).values())
            alone = f", {waits[0]:.1f} s of it waiting" if waits else ""
            rows.append(f"  {path:<42}{len(cells):>3} cells {seconds:>6.1f} s  {says}{alone}")
    return rows


def _waits(reports: Iterable[Any]) -> dict[str, float]:
    """Return the seconds waited by the last cell of each lesson; none for parallel lessons."""
    return {
        r.nodeid: seconds for r in reports if (seconds := _properties(r).get("waited")) is not None
    }


def _properties(report: Any) -> dict[str, Any]:
    return dict(getattr(report, "user_properties", ()))


def _failed(phases: list[Any]) -> bool:
    return _outcome(phases) == "failed"


def _skips(reports: list[Any]) -> list[str]:
    reasons = Counter(_reason(report) for report in reports if report.outcome == "skipped")
    return [f"  skipped {count}: {reason}" for reason, count in reasons.most_common()]


def _reason(report: Any) -> str:
    if hasattr(report, "wasxfail"):
        return f"known to fail: {report.wasxfail}"
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _backends(reports: list[Any]) -> str:
    passed = {_backend(r) for r in reports if r.outcome == "passed" and r.when == "call"} - {""}
    return f"cluster backends exercised: {', '.join(sorted(passed)) or 'none'}"


def _backend(report: Any) -> str:
    return str(_properties(report).get("backend", ""))


def _seconds(phases: list[Any]) -> float:
    return sum(getattr(report, "duration", 0.0) for report in phases)
