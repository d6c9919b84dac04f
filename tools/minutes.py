"""Measure the cluster's time in each lesson at a learner's pace, for the line under its title.

    make minutes
    make minutes ONLY="04 05"

Runs the notebooks on embedded clusters at pace 1, and writes the seconds to
``content/minutes.toml``. ``make notebooks`` writes the line under each title from them.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from notebook_source import Source, lesson_notebooks
from run_notebooks import ROOT, command

FILE = Path("content") / "minutes.toml"
OPTIONS = ("--dist", "loadfile", "-p", "no:cacheprovider")
WORDS = 180  # that a learner reads in a minute, prose and code alike
THINKING = 0.5  # minutes for a prediction


def read(root: Path) -> dict[str, float]:
    """Return the measured seconds of each lesson, by name; empty if nothing was measured."""
    try:
        table = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(name): float(seconds) for name, seconds in table["seconds"].items()}


def minutes_line(source: Source, seconds: float) -> str:
    """Return the line under a lesson's title: whole minutes, and their parts."""
    minutes = whole_minutes(source, seconds)
    return (
        f"*About {minutes} minutes: {_spell(seconds)} that the cluster takes (measured), the rest "
        f"for reading and {_predictions(source)} predictions.*"
    )


def whole_minutes(source: Source, seconds: float) -> int:
    """Return how many minutes a lesson takes, with the seconds that the cluster takes."""
    words = sum(len(cell.text.split()) for cell in source.cells)
    return math.ceil(words / WORDS + _predictions(source) * THINKING + seconds / 60)


def _predictions(source: Source) -> int:
    codes = [cell.text for cell in source.cells if cell.kind == "code"]
    return sum(code.count("predict(") + code.count("symptom(") for code in codes)


def _spell(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minute{'s' * (minutes > 1)}" if minutes else "half a minute"


def written(seconds: Mapping[str, float], machine: str, date: str) -> str:
    """Return the text of the file: the seconds, the machine and the date."""
    rows = "".join(f'"{name}" = {round(seconds[name])}\n' for name in sorted(seconds))
    return (
        "# Seconds that each lesson's cells run for at pace 1 on an embedded cluster.\n"
        f"# Written by `make minutes` on {date}; {machine}.\n\n[seconds]\n{rows}"
    )


def seconds_of(report: str) -> dict[str, float]:
    """Return the seconds of each lesson by name, from pytest's JUnit report.

    Raises:
        ValueError: a cell failed, so the times are invalid.
    """
    found: Counter[str] = Counter()
    for case in ElementTree.fromstring(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            raise ValueError(f"{case.get('classname')} {case.get('name')} failed")
        name = str(case.get("classname")).split(".")[1].partition("-")[2]
        found[name] += float(case.get("time", 0))  # type: ignore[assignment]
    return dict(found)


def main(arguments: Sequence[str]) -> int:
    """Measure and write the file; return 1 if a lesson failed."""
    parser = argparse.ArgumentParser(prog="tools/minutes.py")
    parser.add_argument("--only", nargs="*", help="numbers of lessons, such as 04 05")
    parser.add_argument("--workers", type=int, default=2, help="how many lessons side by side")
    chosen = parser.parse_args(arguments)
    lessons = [str(path.relative_to(ROOT)) for path in lesson_notebooks(ROOT, chosen.only)]
    with tempfile.TemporaryDirectory(prefix="course-minutes-") as folder:
        report = Path(folder) / "report.xml"
        workers = ("-n", str(chosen.workers), f"--junit-xml={report}")
        subprocess.run(
            command(*OPTIONS, *workers, *lessons, cell_seconds=600, test_seconds=900),
            cwd=ROOT, env=os.environ | {"COURSE_TEST_PACE": "1"}, check=False,
        )  # fmt: skip
        try:
            measured = seconds_of(report.read_text())
        except (OSError, ValueError) as error:
            print(f"Nothing was kept: {error}", file=sys.stderr)
            return 1
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = f"{os.cpu_count()} CPUs, {chosen.workers} lessons side by side"
    (ROOT / FILE).write_text(written(read(ROOT) | measured, machine, date), encoding="utf-8")
    print(f"wrote {FILE}; next: make notebooks")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
