"""Put the catalogue's words around a lesson: number, minutes, objectives, what comes next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from course_catalogue import last
from notebook_source import Cell

WIDTH = 100


@dataclass(frozen=True)
class Frame:
    """What the catalogue says of a lesson.

    Attributes:
        number: its two digits.
        objectives: what the learner can do after it.
        after: the names of the lessons that come first.
        is_last: whether these are all other lessons, and more than one.
        then: the name of the next lesson and what it is about; empty after the last one.
        labs: the numbers of the labs that the learner can do now.
    """

    number: str
    objectives: tuple[str, ...]
    after: tuple[str, ...]
    then: tuple[str, str] | tuple[()] = ()
    labs: tuple[str, ...] = ()
    is_last: bool = False


def frames(table: Mapping[str, Any], numbers: Mapping[str, str]) -> dict[str, Frame]:
    """Return the frame of each lesson by its name, from ``content/course.toml``."""
    rows = [row for part in table["part"] for row in part["lesson"]]
    names = [row["name"] for row in rows]
    labs: dict[str, list[str]] = {name: [] for name in names}
    for part in table["part"]:
        for lab in part.get("lab", ()):
            labs[last(names, lab["after"])].append(numbers[lab["name"]])
    following = [(row["name"], row["says"]) for row in rows[1:]] + [()]
    return {
        row["name"]: Frame(
            numbers[row["name"]],
            tuple(row.get("objectives", ())),
            tuple(row.get("after", ())),
            then,
            tuple(labs[row["name"]]),
            len(names) > 2 and set(row.get("after", ())) == set(names[:-1]),
        )
        for row, then in zip(rows, following, strict=True)
    }


def framed(cells: Sequence[Cell], frame: Frame, minutes: str) -> list[Cell]:
    """Return a lesson's cells: the first one with the lesson's frame, and a last one."""
    title, *rest = cells[0].text.split("\n")
    lines = [f"# {frame.number} {title.removeprefix('# ')}", *_under_title(frame, minutes), *rest]
    first = replace(cells[0], lines=tuple((cells[0].start, line) for line in lines))
    ending = Cell("markdown", cells[-1].start, tuple((0, line) for line in _next(frame)), {})
    return [first, *cells[1:], *([ending] if ending.lines else [])]


def _under_title(frame: Frame, minutes: str) -> Iterator[str]:
    if minutes:
        yield from ("", minutes)
    if frame.objectives:
        yield from ("", "After this lesson you can", "")
        for objective in frame.objectives:
            ending = "." if objective == frame.objectives[-1] else ","
            yield from textwrap.wrap(f"- {objective}{ending}", WIDTH, subsequent_indent="  ")
    known = "You know Pods and Deployments"
    if not frame.after:
        yield from ("", f"{known}; that is enough.")
        return
    lessons = _listed([f"[{name}]" for name in frame.after])
    named = f"lesson{'s' * (len(frame.after) > 1)} {lessons}"
    done = "all other lessons" if frame.is_last else named
    yield ""
    yield from textwrap.wrap(
        f"{known}, and you have done {done}. Run the cells "
        "from the top; where a cell asks for a prediction, commit it; then run on.",
        WIDTH, break_on_hyphens=False,
    )  # fmt: skip


def _next(frame: Frame) -> Iterator[str]:
    if frame.labs:
        word = "labs" if len(frame.labs) > 1 else "lab"
        yield f"You can do {word} {_listed(frame.labs)} now."
    if frame.then:
        name, says = frame.then
        yield from ([""] if frame.labs else [])
        yield f"Next: lesson [{name}]: {says}."


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
