"""Return the catalogue of the course: parts, lessons, labs, and paths through them.

``data/catalogue.json`` is written from ``content/course.toml`` and the lessons by
``tools/course_pages.py``, because the learner's copy has no ``content/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Group = Literal["lessons", "labs"]
FOLDERS: Mapping[str, str] = {"lessons": "notebooks", "labs": "labs"}
FILE = "catalogue.json"  # in the package's folder data
_EACH = ("group", "name", "number", "title", "minutes")


@dataclass(frozen=True, slots=True)
class Notebook:
    """One lesson or lab.

    Attributes:
        group: ``lessons`` or ``labs``.
        name: of a lesson without its number, such as ``taints-and-tolerations``, so that it stays
            when the lesson moves; of a lab the stem of its file: ``06-roll-within-budget``.
        number: two digits: of a lesson its place in the course.
        title: what it is about.
        minutes: how long it takes: of a lesson a learner's time by the rates of `make minutes` and
            the measured time of the cluster, of a lab an estimate.
        after: the names of the lessons that come first.
        questions: the identifiers of its predictions.
        exercises: the names of its exercises.
    """

    group: Group
    name: str
    number: str
    title: str
    minutes: int
    after: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The stem of its file: number and name."""
        return self.name if self.group == "labs" else f"{self.number}-{self.name}"

    @property
    def label(self) -> str:
        """What prose calls it: ``lesson 06``."""
        return f"{self.group.removesuffix('s')} {self.number}"

    @property
    def path(self) -> str:
        """Its file in the repository and in the learner's copy."""
        return f"{FOLDERS[self.group]}/{self.stem}.ipynb"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the course, with its notebooks in the order in which they are done."""

    title: str
    says: str
    notebooks: tuple[Notebook, ...]


@dataclass(frozen=True, slots=True)
class LearningPath:
    """A choice of notebooks for one kind of learner, in the order in which they are done.

    ``make test-orders RUNS=path-NAME`` runs them so.

    Attributes:
        name, title, says: what it is called in commands and on the page, and for whom it is.
        minutes: how long it takes.
        notebooks: the lessons and labs.
        sections: of a lesson that is not done whole, the headings of what is done, by its name.
    """

    name: str
    title: str
    says: str
    minutes: int
    notebooks: tuple[Notebook, ...]
    sections: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All parts in order, and the paths through them."""

    parts: tuple[Part, ...]
    paths: tuple[LearningPath, ...]

    def notebooks(self, group: str = "") -> Iterator[Notebook]:
        """Yield the notebooks in order; with a group, those of the group."""
        for part in self.parts:
            yield from (one for one in part.notebooks if group in ("", one.group))

    def minutes(self, group: str = "") -> int:
        """Return how long all notebooks take, or those of a group."""
        return sum(one.minutes for one in self.notebooks(group))


def from_data(data: Mapping[str, Any]) -> Catalogue:
    """Return the catalogue from the content of its file."""
    parts = tuple(
        Part(part["title"], part["says"], tuple(map(_notebook, part["notebooks"])))
        for part in data["parts"]
    )
    by_name = {one.name: one for part in parts for one in part.notebooks}
    paths = tuple(
        LearningPath(
            path["name"],
            path["title"],
            path["says"],
            path["minutes"],
            tuple(by_name[one] for one in path["notebooks"]),
            {name: tuple(only) for name, only in path.get("sections", {}).items()},
        )
        for path in data["paths"]
    )
    return Catalogue(parts, paths)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of this version of the course."""
    text = (files("daemonset_course") / "data" / FILE).read_text(encoding="utf-8")
    return from_data(json.loads(text))


def _notebook(row: Mapping[str, Any]) -> Notebook:
    many = {key: tuple(row.get(key, ())) for key in ("after", "questions", "exercises")}
    group, name, number, title, minutes = (row[key] for key in _EACH)
    return Notebook(group, name, number, title, minutes, **many)


def duration(minutes: int) -> str:
    """Return a length in words: minutes up to 90, then hours to the half."""
    if minutes <= 90:
        return f"{minutes} minutes"
    halves = round(minutes / 30)
    return f"{halves / 2:g} hours"
