"""Store a prediction before a run, and compare it with the fact after the run.

Answers are stored in ``predictions.json`` in the state folder. The first answer and each later
change are stored with their dates, so a correction never hides the first guess.

In a notebook a prediction is shown as a widget (``prediction_widget.py``), and the cells that show
its result wait for the answer (``held_back.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import EllipsisType
from typing import Any, ClassVar

from daemonset_course import judged, variables
from daemonset_course.answers import (
    EXACTLY,
    NO,
    TIMES,
    YES,
    Answer,
    enough_digits,
    judge,
    kind_of,
    plain,
    same,
    show,
    to_answer,
)
from daemonset_course.errors import BadInput, CourseError
from daemonset_course.places import state_home
from daemonset_course.question_names import renamed
from daemonset_course.store import JsonStore

SOURCES = ("cluster", "recording", "rule")  # where a fact comes from

FILE = "predictions.json"  # in the state folder
_FORMAT = 1
_TOLERANCE = 0.25
_asked: dict[str, Prediction] = {}  # in this process, by question
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~])")

Kept = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """The comparison of a prediction with the fact.

    Attributes:
        right: whether the prediction holds; None when there is nothing to judge.
        values: both values in plain words.
        ending: the difference; empty if there is none.
        first: a sentence with the first answer, if it was another one; else empty.
    """

    right: bool | None
    values: str
    ending: str = ""
    first: str = ""

    @property
    def sentence(self) -> str:
        """Both values and the difference in plain words."""
        return self._sentence(self.ending)

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        verdict = {True: "**As predicted.** ", False: "**Not as predicted.** ", None: ""}
        ending = "" if self.ending in (EXACTLY, YES, NO) else self.ending  # the verdict says it
        return verdict[self.right] + _escape(self._sentence(ending))

    def _sentence(self, ending: str) -> str:
        return f"{self.values}{f': {ending}' if ending else ''}.{self.first}"


@dataclass(slots=True, repr=False, eq=False)
class Prediction:
    """A question, and the answer once the learner has committed one.

    Attributes:
        question_id: the name under which answers are stored, such as ``rolling-length``.
        answer: the last answer; None before the first.
        first: the first answer stored for this question.
        note: why the answer could not be stored; else empty.
        choices: the possible answers, if there are only these.
        nodes: the nodes, or other names, of which the answer lists some, if it does.
        shown: whether the learner chose to see the result without a prediction.
        evidence: what a terminal showed, on which the question rests; empty for none.
    """

    question_id: str
    answer: Answer | None = None
    question: str = ""
    unit: str = ""
    first: Answer | None = None
    note: str = ""
    choices: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    shown: bool = False
    evidence: str = ""

    noun: ClassVar[str] = "prediction"  # what the learner commits
    can_be_skipped: ClassVar[bool] = True  # the result can be seen without an answer

    @property
    def labels(self) -> tuple[str, ...]:
        """The texts of the choices, as they are shown."""
        return self.choices

    @property
    def right(self) -> bool | None:
        """Whether the answer is known to be right; None until it is compared."""
        return None

    @property
    def open(self) -> bool:
        """Whether the learner has neither answered nor chosen to see the result."""
        return self.answer is None and not self.shown

    @property
    def said(self) -> str:
        """The answer as a sentence, with the first one and a note; empty before an answer."""
        if self.answer is None:
            return self.note
        text = f"You predict {show(self.answer, self.unit)}.{self._first_guess()}"
        return f"{text} {self.note}".rstrip()

    def commit(self, answer: Any) -> None:
        """Store an answer; an earlier one stays stored as the first.

        If the file cannot be written, the answer counts all the same, and ``note`` says why.

        Raises:
            BadInput: the value is no answer of this question; nothing was stored.
        """
        typed = self._read(answer)
        try:
            kept, self.note = _keep(self.question_id, typed)
            self.first = next(self._valid(kept))
        except CourseError as error:
            self.first = typed if self.first is None else self.first
            self.note = f"(The answer was not kept: {error.seen or error.failed}.)"
        self.answer = typed

    def recall(self) -> None:
        """Take the answers of earlier sessions, if any is an answer of this question."""
        try:
            answers, note = _store().read()
        except CourseError as error:
            self.note = f"(Earlier answers cannot be read: {error.seen or error.failed}.)"
            return
        self.note = f"({note})" if note else ""
        if valid := list(self._valid(answers.get(self.question_id, ()))):
            self.first, self.answer = valid[0], valid[-1]

    def compare(
        self, actual: Any, *, within: float | None = None, source: str = "cluster"
    ) -> Comparison:
        """Compare the prediction with the fact.

        Args:
            actual: the fact, of the same type and unit as the answer. A set or tuple counts as a
                list; None: there is no fact.
            within: the part of ``actual`` by which a number may differ, 0.25 by default; 0 for
                counts that must be exact. Case in texts and order in lists do not count.
            source: where ``actual`` comes from: the ``cluster``, a ``recording``, or a ``rule``
                from which it was calculated. For a recorded step use ``step.source``.

        Raises:
            BadInput: ``actual`` has a type that no answer can have, or the source is unknown.
        """
        if source not in SOURCES:
            raise BadInput(
                "There is no such source of a fact.",
                seen=repr(source),
                next_step=f"Name one of {', '.join(SOURCES)}.",
            )
        tolerance = _TOLERANCE if within is None else within
        fact = None if actual is None else plain(actual)
        _note_fact(self.question_id, fact, self.unit)
        if isinstance(fact, bool):
            with suppress(BadInput):  # say it in the words of the choices: True or yes
                fact = to_answer(fact, choices=self.choices)
        if self.answer is None:
            return Comparison(None, f"No prediction was typed; {_fact(fact, self.unit, source)}")
        right, ending = judge(self.answer, fact, self.unit, tolerance)
        first = self.answer if self.first is None else self.first
        judged.keep(self.question_id, judge(first, fact, self.unit, tolerance)[0], right)
        digits = enough_digits(self.answer, fact)
        text = f"You predicted {show(self.answer, self.unit, digits)}"
        values = f"{text}; {_fact(fact, self.unit, source, digits)}"
        return Comparison(right, values, ending, self._first_guess())

    def __str__(self) -> str:
        ask = "No prediction yet. Add answer=... with yours and run the cell again."
        parts = (self.question, ask if self.answer is None else "", self.said)
        return " ".join(part for part in parts if part)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return _escape(str(self))

    def _first_guess(self) -> str:
        if self.first is None or same(self.first, self.answer):
            return ""
        return f" (Your first answer was {show(self.first, self.unit)}.)"

    def _read(self, answer: Any) -> Answer:
        return to_answer(answer, self.unit, self.choices, self.nodes)

    def _valid(self, kept: Iterable[dict[str, Any]]) -> Iterator[Answer]:
        """Yield the valid answers; an older version of the course also stored others."""
        for each in kept:
            with suppress(BadInput):
                yield self._read(each["answer"])


def predict(
    question_id: str,
    question: str = "",
    *,
    unit: str = "",
    choices: Sequence[str] = (),
    nodes: Sequence[str] = (),
    answer: Answer | EllipsisType | None = None,
) -> Prediction:
    """Return the prediction; a notebook shows a field for its answer.

    The answer is stored on disk when the learner commits it, or when it is given here. Without one
    here the answer of an earlier session counts. ``...``, None and an empty text mean "no answer
    here". Running a cell again with the same answer stores nothing new. With a unit the answer must
    be a number; another value is refused and not stored. If the file cannot be written, the lesson
    goes on and ``note`` gives the reason.

    Args:
        question_id: the name under which answers are stored, such as ``rolling-length``.
        question: a whole sentence.
        unit: what a number counts or measures, such as ``Pods`` or ``s``.
        choices: the possible answers, if there are only these, such as ``("yes", "no")``.
        nodes: names of nodes, or of others; the answer is a list of some of them.
        answer: the answer, where it is typed in code.

    Raises:
        BadInput: the answer is not a number, a text, True, False or a list of texts; with a unit,
            it is not a number of that unit; with choices or nodes, it is none of them. Or the
            choices or nodes do not make a field.
    """
    _check_names(choices, nodes)
    prediction = Prediction(
        question_id, question=question, unit=unit, choices=tuple(choices), nodes=tuple(nodes)
    )
    earlier = _asked.get(question_id)
    prediction.shown = earlier is not None and earlier.shown
    _asked[question_id] = prediction
    if given(answer):
        prediction.commit(answer)
    else:
        prediction.recall()
    return prediction


def given(answer: object) -> bool:
    """Whether an answer is typed in code: not ``...``, None or an empty text."""
    return not (answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()))


def _check_names(choices: Sequence[str], nodes: Sequence[str]) -> None:
    """Refuse choices and nodes from which no field can be made, or of which two read alike."""
    for what, names in (("choices", choices), ("nodes", nodes)):
        texts = not isinstance(names, str) and all(isinstance(each, str) for each in names)
        if not texts or len({each.strip().casefold() for each in names}) < len(names):
            raise BadInput(
                f"The {what} must be texts that differ, in a list.",
                seen=repr(names),
                next_step=f"Write for example {what}=('first', 'second').",
            )
    if choices and nodes:
        raise BadInput(
            "A question has choices or nodes, not both.",
            seen=f"choices={tuple(choices)!r}, nodes={tuple(nodes)!r}",
            next_step="Leave one of the two out.",
        )


def open_predictions(question_ids: Iterable[str]) -> list[Prediction]:
    """Return those of these questions that were asked in this process and are still open."""
    asked = (_asked[each] for each in question_ids if each in _asked)
    return [prediction for prediction in asked if prediction.open]


def answered() -> frozenset[str]:
    """Return the identifiers of the questions that have a stored answer.

    Raises:
        FileFailed: the file exists and cannot be read.
    """
    return frozenset(_store().read()[0])


def _fact(fact: Answer | None, unit: str, source: str, digits: int = 3) -> str:
    if fact is None:
        return f"the {source} gave no value"
    timed = unit in TIMES and kind_of(fact) == "a number"
    verb = {
        "cluster": f"the cluster {'took' if timed else 'shows'}",
        "recording": "the recording shows",
        "rule": f"by the rule {'it takes' if timed else 'the answer is'}",
    }
    return f"{verb[source]} {show(fact, unit, digits)}"


def _escape(text: str) -> str:
    """Escape a text for Markdown, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _keep(question_id: str, answer: Answer) -> tuple[list[dict[str, Any]], str]:
    """Store an answer; return all of the question, and a note if a file was set aside."""
    kept: Kept = []

    def add(answers: dict[str, Kept]) -> None:
        nonlocal kept
        kept = answers.setdefault(question_id, [])
        if not kept or not same(kept[-1]["answer"], answer):
            date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            kept.append({"date": date, "answer": answer})

    note = _store().change(add)
    return kept, f"({note})" if note else ""


def _note_fact(question_id: str, fact: Answer | None, unit: str) -> None:
    """Append the fact to the file ``COURSE_FACTS``, from which ``tools/facts.py`` makes a table."""
    if noted := variables.FACTS.read():
        line = json.dumps({"question": question_id, "fact": fact, "unit": unit})
        with noted.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _store() -> JsonStore[Kept]:
    return JsonStore(state_home() / FILE, _FORMAT, "answers", "answers", _readable)


def _readable(stored: dict[str, Any]) -> tuple[dict[str, Kept], bool]:
    """Return the answers that can be read, by question, and whether that is all of them."""
    answers: dict[str, Kept] = {}
    whole = True
    for question_id, kept in renamed(stored).items():
        whole = whole and isinstance(kept, list)
        for each in kept if isinstance(kept, list) else []:
            try:
                read = {"date": str(each["date"]), "answer": plain(each["answer"])}
            except (KeyError, TypeError, BadInput):
                whole = False
            else:
                answers.setdefault(question_id, []).append(read)
    return answers, whole
