"""Say what the learner has done: lessons begun, predictions, exercises, labs, and the next step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from daemonset_course import judged, own_copy, prediction
from daemonset_course.catalogue import Notebook, Part, catalogue
from daemonset_course.figures.shapes import Line, Side, Table
from daemonset_course.figures.table_html import tables_html
from daemonset_course.lab import results
from daemonset_course.lab.lab import find
from daemonset_course.lab.results import Entry
from daemonset_course.places import REPOSITORY

STATES = {"complete": "✔ complete", "begun": "◐ begun", "": "not begun"}
COLUMNS = ("", "answered", "right at first", "tasks passed")
# Heads and titles wrap. Beside JupyterLab's list of files, at 800 px, the numbers are seen without
# scrolling: words are smaller, and what is not a number wraps, too.
_TABLE = ".course-progress .dtt.dtt.dtt"
_STYLE = (
    f"<style>.course-progress{{container-type:inline-size}}{_TABLE} thead th{{white-space:normal}}"
    f"{_TABLE} td:nth-child(2){{white-space:normal;min-width:5em}}"
    "@container(max-width:560px){.course-progress .dtt.dtt.dtt.dtt{padding:4px 0}"
    f"{_TABLE} table{{font-size:12px;border-spacing:0}}{_TABLE} :is(th,td){{padding:2px}}"
    f"{_TABLE} thead th{{font-size:11px}}"
    f"{_TABLE} tbody :is(th[scope=row],td:nth-child(3)){{white-space:normal}}}}</style>"
)


@dataclass(frozen=True, slots=True)
class Done:
    """What the learner has done of one lesson or lab.

    Attributes:
        notebook: the lesson or lab.
        run: whether a cell of it was run in the learner's copy.
        answered: how many of its predictions were made.
        judged: how many first answers were compared with the fact.
        right: how many of these were right.
        passed: how many tasks of the lab, or exercises of the lesson, were passed.
        tasks: how many there are.
        tried: whether a task was begun.
    """

    notebook: Notebook
    run: bool = False
    answered: int = 0
    judged: int = 0
    right: int = 0
    passed: int = 0
    tasks: int = 0
    tried: bool = False

    @property
    def state(self) -> str:
        """One of ``complete``, ``begun`` and an empty text.

        A notebook is complete when each prediction is made and each task passed.
        """
        begun = self.run or self.tried or self.answered > 0
        whole = self.answered == len(self.notebook.questions) and self.passed == self.tasks
        return ("complete" if whole else "begun") if begun else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of ``COLUMNS``; empty where a notebook has no such thing."""
        questions = len(self.notebook.questions)
        return (
            STATES[self.state],
            f"{self.answered} of {questions}" if questions else "",
            f"{self.right} of {self.judged}" if self.judged else "",
            f"{self.passed} of {self.tasks}" if self.tasks else "",
        )


@dataclass(frozen=True, slots=True, repr=False)
class Progress:
    """What the learner has done, by part of the course; a notebook shows it as a table."""

    parts: tuple[tuple[Part, tuple[Done, ...]], ...]

    @property
    def rows(self) -> tuple[Done, ...]:
        """Every lesson and lab in order."""
        return tuple(done for _, rows in self.parts for done in rows)

    @property
    def next(self) -> Notebook | None:
        """The notebook to open next; None after all of them.

        It is the last one that was begun and is not complete, else the first one without a
        beginning after the last complete one, else the first one without a beginning.
        """
        states = [done.state for done in self.rows]
        if "begun" in states:
            return self.rows[len(states) - 1 - states[::-1].index("begun")].notebook
        after = len(states) - states[::-1].index("complete") if "complete" in states else 0
        order = [*self.rows[after:], *self.rows[:after]]
        return next((done.notebook for done in order if not done.state), None)

    @property
    def headline(self) -> str:
        """The sums in one sentence."""
        lessons = [done for done in self.rows if done.notebook.group == "lessons"]
        complete = sum(done.state == "complete" for done in lessons)
        compared, right = (sum(getattr(d, key) for d in lessons) for key in ("judged", "right"))
        passed, tasks = (sum(getattr(d, key) for d in self.rows) for key in ("passed", "tasks"))
        guesses = f", {right} of {compared} predictions right at the first try" if compared else ""
        return (
            f"{complete} of {len(lessons)} lessons complete{guesses}, "
            f"{passed} of {tasks} tasks passed"
        )

    @property
    def advice(self) -> str:
        """What to do next, in one sentence."""
        if self.next is None:
            return "You have done the whole course."
        verb = "Go on with" if any(d.state for d in self.rows) else "Begin with"
        return f"{verb} {self.next.label}, {self.next.title} (about {self.next.minutes} minutes)."

    def figure(self) -> Table:
        """Return the table of all lessons and labs, grouped by part."""
        lines, texts = [], []
        for number, (part, rows) in enumerate(self.parts, 1):
            for done in rows:
                one = done.notebook
                label = one.label.capitalize()
                lines.append(Line(label, one.title, f"Part {number}: {part.title}"))
                texts.append(done.texts)
        columns = zip(*texts, strict=True)
        sides = tuple(
            Side(head, tuple(column)) for head, column in zip(COLUMNS, columns, strict=True)
        )
        return Table(tuple(lines), (), {}, {}, sides=sides)

    def as_rows(self) -> list[dict[str, Any]]:
        """Return a row for each lesson and lab as plain data, for JSON."""
        keys = ("answered", "judged", "right", "passed", "tasks")
        return [
            {"path": done.notebook.path, "title": done.notebook.title, "state": done.state}
            | {"predictions": len(done.notebook.questions)}
            | {key: getattr(done, key) for key in keys}
            for done in self.rows
        ]

    def _repr_html_(self) -> str:
        table = tables_html([self.figure()], title=f"{self.headline}.")
        words = escape(self.advice)
        if self.next is not None and (target := _link(self.next.path)):
            named = escape(f"{self.next.label}, {self.next.title}")
            words = words.replace(named, f'<a href="{escape(target)}">{named}</a>', 1)
        return f"<div class=course-progress>{_STYLE}<p>Next step: {words}</p>{table}</div>"

    def __repr__(self) -> str:
        lines = [f"{self.headline}.", ""]
        for part, rows in self.parts:
            lines.append(part.title)
            for done in rows:
                name = f"{done.notebook.label.capitalize():<9}  {done.notebook.title}"
                named = zip(COLUMNS, done.texts, strict=True)
                words = [f"{head} {text}".strip() for head, text in named if text]
                lines.append(f"  {name:<35} {', '.join(words)}")
        path = f"\n{self.next.path}" if self.next else ""
        return "\n".join([*lines, "", f"Next step: {self.advice}{path}"])


def progress() -> Progress:
    """Return what you have done: lessons, predictions, exercises, labs, and the next step.

    Raises:
        CourseError: stored answers or results cannot be read.
    """
    answered, verdicts = prediction.answered(), judged.load()
    return Progress(
        tuple(
            (part, tuple(_done(one, answered, verdicts) for one in part.notebooks))
            for part in catalogue().parts
        )
    )


def _done(
    one: Notebook, answered: frozenset[str], verdicts: Mapping[str, judged.Judged]
) -> Done:  # fmt: skip
    labs = [one.name] if one.group == "labs" else one.exercises
    entries = [entry for name in labs for entry in _entries(name)]
    compared = [verdicts[question] for question in one.questions if question in verdicts]
    return Done(
        one,
        run=own_copy.was_run(one.path),
        answered=len(answered.intersection(one.questions)),
        judged=len(compared),
        right=sum(verdict.first for verdict in compared),
        passed=sum("passed" in entry for entry in entries),
        tasks=len(entries),
        tried=any(entries),
    )


def _entries(lab: str) -> Sequence[Entry]:
    """Return what is stored of each task of a lab or exercise; empty for one without a result."""
    stored, _ = results.load(lab)
    return [stored.get(number, {}) for number, _ in enumerate(find(lab).tasks, 1)]


def _link(path: str) -> str:
    """Return a relative link to a notebook from the kernel's folder; empty if there is none."""
    here = Path.cwd()
    for root in (own_copy.work_folder(), REPOSITORY):
        if here.is_relative_to(root) and (root / path).exists():
            return Path(os.path.relpath(root / path, here)).as_posix()
    return ""
