"""What the learner has passed: a row for each task of each lab and exercise."""

from __future__ import annotations

from typing import Any

from daemonset_course.lab import results
from daemonset_course.lab.lab import EXERCISES, LABS, find
from daemonset_course.lab.session import Words


def progress_rows() -> list[dict[str, Any]]:
    """Return for each task its lab, number, title, best verdict, and how many hints were given.

    Raises:
        CourseError: the stored results cannot be read.
    """
    return [row for name in (*LABS, *EXERCISES) for row in _rows(name)]


def lab_progress() -> Words:
    """Return a table of the labs: their tasks, how many are passed, the verdict of each.

    Raises:
        CourseError: the stored results cannot be read.
    """
    lines = ["| lab | passed | tasks |", "|---|---|---|"]
    for name in (*LABS, *EXERCISES):
        rows = _rows(name)
        done = sum(row["passed"] for row in rows)
        tasks = "; ".join(f"{row['task']} {row['verdict']}" for row in rows)
        lines.append(f"| {name} | {done} of {len(rows)} | {tasks} |")
    return Words("\n".join(lines))


def _rows(name: str) -> list[dict[str, Any]]:
    entries, _ = results.load(name)
    return [
        {
            "lab": name,
            "task": number,
            "title": task.title,
            "passed": "passed" in entries.get(number, {}),
            "verdict": results.best(entries.get(number, {})),
            "hints": entries.get(number, {}).get("hints", 0),
        }
        for number, task in enumerate(find(name).tasks, 1)
    ]
