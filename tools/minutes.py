"""Work out how long a lesson takes: a learner's minutes by rates, the cluster's time measured.

    make minutes
    make minutes ONLY="04 05"

Runs the notebooks on embedded clusters at pace 1, and writes the seconds to
``content/minutes.toml``. ``make notebooks`` writes the line under each title from them, and from
what the lesson's cells have to read, to answer, to look at and to do.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from daemonset_course.environment import for_tools
from notebook_source import Cell, Source, lesson_notebooks, proves
from run_notebooks import ROOT, command

FILE = Path("content") / "minutes.toml"
OPTIONS = ("--dist", "loadfile", "-p", "no:cacheprovider")

# The rates of a careful learner, in minutes. A cell that only proves a sentence is folded, and is
# not read.
WORD = 1 / 140  # of prose
LINE = 4 / 60  # of code
CELL = 6 / 60  # to run it, and to find the next one
QUESTION = 1.0  # a prediction, or a symptom to explain: to read it, to think, to answer
PICTURE = 45 / 60
EXERCISE = 8.0

_LINK = re.compile(r"\]\([^)]*\)")
_QUESTION = re.compile(r"\b(?:predict|symptom)\(")
_PICTURE = re.compile(r"\.plot\(|\b(?:show|why|small_multiples)\(")
_EXERCISE = re.compile(r"\bexercise\(")


def read(root: Path) -> dict[str, float]:
    """Return the measured seconds of each lesson, by name; empty if nothing was measured."""
    try:
        table = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(name): float(seconds) for name, seconds in table["seconds"].items()}


@dataclass(frozen=True)
class Effort:
    """What cells ask of a learner: numbers of each thing that takes time."""

    words: int
    lines: int
    cells: int
    questions: int
    pictures: int
    exercises: int

    @property
    def minutes(self) -> float:
        """How long a careful learner takes, without the time of the cluster."""
        return (
            self.words * WORD + self.lines * LINE + self.cells * CELL + self.questions * QUESTION
            + self.pictures * PICTURE + self.exercises * EXERCISE
        )  # fmt: skip


def effort(cells: Iterable[Cell]) -> Effort:
    """Return what cells ask of a learner."""
    every = [*cells]
    prose = [_LINK.sub("]", cell.text) for cell in every if cell.kind == "markdown"]
    codes = [cell.text for cell in every if cell.kind == "code" and not proves(cell)]
    read = [text for text in codes if not _QUESTION.search(text)]
    code = "\n".join(codes)
    return Effort(
        words=sum(len(text.split()) for text in prose),
        lines=sum(1 for text in read for line in text.splitlines() if line.strip()),
        cells=len(every),
        questions=len(_QUESTION.findall(code)),
        pictures=len(_PICTURE.findall(code)),
        exercises=len(_EXERCISE.findall(code)),
    )


def minutes_line(source: Source, seconds: float) -> str:
    """Return the line under a lesson's title: the learner's minutes, and the cluster's time."""
    asked = effort(source.cells)
    parts = [
        "reading",
        *_counted(asked.questions, "question"),
        *_counted(asked.pictures, "picture"),
        *_counted(asked.exercises, "exercise"),
    ]
    of_the_learner = f"About {math.ceil(asked.minutes)} minutes for {_listed(parts)}"
    return f"*{of_the_learner}; the cluster takes {_spell(seconds)} more (measured).*"


def whole_minutes(cells: Iterable[Cell], seconds: float) -> int:
    """Return how many minutes cells take, with the seconds that the cluster takes."""
    return math.ceil(effort(cells).minutes + seconds / 60)


def _counted(number: int, thing: str) -> list[str]:
    return [f"{number} {thing}{'s' * (number > 1)}"] if number else []


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _spell(seconds: float) -> str:
    return f"{max(10, round(seconds / 10) * 10)} seconds"


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
            cwd=ROOT, env=for_tools({"COURSE_TEST_PACE": "1"}), check=False,
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
