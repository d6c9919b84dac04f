"""Ask for the cause of a symptom: recorded output of kubectl, a question, four explanations.

    symptom("typo-in-selector")

A notebook shows it as a widget, by the one of predictions (``prediction_widget.py``). Only after an
answer it says whether that is right, and why. The first answer is stored and judged as a
prediction's is.

``data/symptoms.toml`` has the words, ``data/symptoms/<name>.json`` the output, which
``tools/symptoms.py`` recorded on a cluster.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import EllipsisType
from typing import Any, ClassVar

from daemonset_course import judged
from daemonset_course.errors import NotFound
from daemonset_course.prediction import Prediction, given

FORMAT = 1
LETTERS = "abcd"  # the answers
BEGINNING = "symptom-"  # of the names under which answers are stored

_DATA = files("daemonset_course") / "data"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One of the four explanations: a sentence, and what in the output speaks for or against it."""

    says: str
    because: str


@dataclass(frozen=True, slots=True)
class Case:
    """One symptom, as ``symptoms.toml`` has it.

    Attributes:
        name: the name by which a lesson asks for it.
        lesson: the lesson that it belongs to, without a number.
        question: a whole sentence.
        commands: what is typed; ``$worker2`` stands for the full name of a node.
        telling: regular expressions that the output must match, also a new one.
        next_command: what one would type after these commands.
        explanations: four of them.
        right: the letter of the right one.
        workers: the number of workers of the cluster.
        backend: where it can be brought about: ``embedded`` for everywhere, or ``kind``.
    """

    name: str
    lesson: str
    question: str
    commands: tuple[str, ...]
    telling: tuple[str, ...]
    next_command: str
    explanations: tuple[Explanation, ...]
    right: str
    workers: int = 3
    backend: str = "embedded"

    @property
    def question_id(self) -> str:
        """The name under which its answers are stored."""
        return f"{BEGINNING}{self.name}"


@dataclass(slots=True, repr=False, eq=False)
class Symptom(Prediction):
    """A question for the cause of a symptom, and the answer once the learner has committed one.

    Attributes:
        case: the symptom's words.
    """

    case: Case | None = None

    noun: ClassVar[str] = "explanation"
    can_be_skipped: ClassVar[bool] = False

    @property
    def right(self) -> bool | None:
        """Whether the last answer is right; None before the first."""
        return None if self.answer is None else self.answer == self._case.right

    @property
    def labels(self) -> tuple[str, ...]:
        """The four explanations, each with its letter."""
        pairs = zip(LETTERS, self._case.explanations, strict=True)
        return tuple(f"{letter}) {one.says}" for letter, one in pairs)

    @property
    def said(self) -> str:
        """Whether the answer is right, why, and the next command; empty before an answer."""
        if self.answer is None:
            return self.note
        chosen = self._case.explanations[LETTERS.index(str(self.answer))]
        parts = (
            "Right." if self.right else "That is not the cause.",
            chosen.because,
            f"The next command would be `{self._case.next_command}`.",
            self._first_guess().strip(),
            self.note,
        )
        return " ".join(part for part in parts if part)

    def commit(self, answer: Any) -> None:
        """Store an answer, and whether it and the first one are right.

        Raises:
            BadInput: the value is none of the four letters; nothing was stored.
        """
        Prediction.commit(self, answer)
        judged.keep(self.question_id, self.first == self._case.right, bool(self.right))

    def __str__(self) -> str:
        ask = 'No explanation chosen yet. Add answer="a" (or another letter) and run it again.'
        said = f"{self.answer}) {self.said}" if self.answer is not None else f"{self.note} {ask}"
        return "\n".join([self.evidence, "", self.question, *self.labels, "", said.strip()])

    __repr__ = __str__

    def _repr_markdown_(self) -> None:  # type: ignore[override]
        """Leave it to the text, which keeps the columns of the output."""

    @property
    def _case(self) -> Case:
        assert self.case is not None
        return self.case


def symptom(name: str, *, answer: str | EllipsisType | None = None) -> Symptom:
    """Return a question for the cause of a symptom; a notebook shows a field for its answer.

    It shows what kubectl printed on a cluster, and four explanations. Whether the chosen one is
    right, and why, is shown after the answer. An answer is stored as one of ``predict`` is.

    Args:
        name: the symptom's name, such as ``typo-in-selector``.
        answer: the letter of an explanation, ``a`` to ``d``, where it is typed in code.

    Raises:
        NotFound: there is no such symptom, or its output is not recorded.
        BadInput: the answer is none of the letters.
    """
    case = cases().get(name)
    if case is None:
        raise NotFound(
            f"There is no symptom {name!r}.", next_step=f"One of: {', '.join(sorted(cases()))}."
        )
    asked = Symptom(
        case.question_id,
        question=case.question,
        choices=tuple(LETTERS),
        case=case,
        evidence=terminal(recorded(name)["outputs"]),
    )
    if given(answer):
        asked.commit(answer)
    else:
        asked.recall()
    return asked


@cache
def cases() -> Mapping[str, Case]:
    """Return all symptoms by name, in the order of the course."""
    table = tomllib.loads((_DATA / "symptoms.toml").read_text(encoding="utf-8"))
    return {name: _case_of(name, row) for name, row in table.items()}


def recorded(name: str) -> dict[str, Any]:
    """Return the recorded output of a symptom, with where and when it was recorded.

    Raises:
        NotFound: there is none.
    """
    try:
        text = (_DATA / "symptoms" / f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        backend = cases()[name].backend
        raise NotFound(
            f"The output of the symptom {name!r} is not recorded.",
            next_step=f"Record it on {backend}: python tools/symptoms.py record {name}",
        ) from error
    found: dict[str, Any] = json.loads(text)
    return found


def terminal(outputs: list[dict[str, Any]]) -> str:
    """Return commands and their output as a terminal shows them."""
    parts = [f"$ {one['command']}\n" + "\n".join(one["output"]) for one in outputs]
    return "\n\n".join(part.rstrip() for part in parts)


def _case_of(name: str, row: Mapping[str, Any]) -> Case:
    words = dict(row)
    words["explanations"] = tuple(Explanation(*words.pop(letter)) for letter in LETTERS)
    words["next_command"] = words.pop("next")
    for key in ("commands", "telling"):
        words[key] = tuple(words[key])
    return Case(name, **words)
