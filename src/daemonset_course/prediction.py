"""A typed prediction before the run, and its comparison with what the cluster did after it.

Answers are kept in ``predictions.json`` in the state folder: the first one and every later change,
each with its date, so that a correction never hides the first guess.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import EllipsisType
from typing import Any

from daemonset_course.errors import BadInput, CourseError
from daemonset_course.files import write_whole
from daemonset_course.places import state_home

Answer = int | float | str | bool | list[str]
_Verdict = tuple[bool | None, str]  # whether it is right, and the words that end the sentence

_FORMAT = 1
_TOLERANCE = 0.25
_LOCK_SECONDS = 5.0
_TIME_UNITS = frozenset({"ms", "s", "min", "h", "seconds", "minutes", "hours"})
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~])")
_ALLOWED = 'A number (12 or 1.5), a text ("n1"), True or False, or a list of texts (["n1", "n2"]).'


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """A prediction beside the fact.

    Attributes:
        right: whether the prediction holds; None when there is nothing to judge.
        sentence: both values and the difference, in plain words.
    """

    right: bool | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        verdict = {True: "**As predicted.** ", False: "**Not as predicted.** ", None: ""}
        return verdict[self.right] + _escape(self.sentence)


@dataclass(frozen=True, slots=True, repr=False)
class Prediction:
    """What the learner typed.

    Attributes:
        question_id: the name under which answers are kept, e.g. ``08-length``.
        answer: None when nothing was typed yet.
        first: the first answer ever kept for this question.
        note: what went wrong with keeping the answer, else empty.
    """

    question_id: str
    answer: Answer | None = None
    question: str = ""
    unit: str = ""
    first: Answer | None = None
    note: str = ""

    def compare(self, actual: Any, *, within: float | None = None) -> Comparison:
        """The prediction beside what the cluster did.

        Args:
            actual: a value of the answer's kind, in its unit; a set or tuple counts as a list, and
                None says that the cluster gave no value.
            within: the part of ``actual`` by which a number may differ, 0.25 unless given; 0 for
                counts that must be exact. Texts compare without case, lists without order.

        Raises:
            BadInput: ``actual`` is of a kind that no answer can have.
        """
        tolerance = _TOLERANCE if within is None else within
        fact = None if actual is None else _answer(_plain(actual))
        if self.answer is None:
            return Comparison(None, f"No prediction was typed; {_fact(fact, self.unit)}.")
        right, tail = _judge(self.answer, fact, self.unit, tolerance)
        digits = _digits(self.answer, fact)
        said = f"You predicted {_show(self.answer, self.unit, digits)}"
        ending = f": {tail}." if tail else "."
        told = _fact(fact, self.unit, digits)
        return Comparison(right, f"{said}; {told}{ending}{self._first_guess()}")

    def __str__(self) -> str:
        if self.answer is None:
            said = "No prediction yet. Replace ... with your answer and run the cell again."
        else:
            said = f"You predict {_show(self.answer, self.unit)}.{self._first_guess()}"
        return " ".join(part for part in (self.question, said, self.note) if part)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return _escape(str(self))

    def _first_guess(self) -> str:
        if self.first is None or _same(self.first, self.answer):
            return ""
        return f" (Your first answer was {_show(self.first, self.unit)}.)"


def predict(
    question_id: str, answer: Answer | EllipsisType | None, *, question: str = "", unit: str = ""
) -> Prediction:
    """The prediction, kept on disk once an answer is typed.

    ``...``, None and an empty text mean "not yet"; running a cell again with the same answer keeps
    nothing new. A store that cannot be written does not stop the lesson: ``note`` says so.

    Raises:
        BadInput: the answer is not a number, a text, True, False or a list of texts.
    """
    if answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()):
        return Prediction(question_id, question=question, unit=unit)
    typed = _answer(answer)
    try:
        first, note = _keep(state_home() / "predictions.json", question_id, typed)
    except (OSError, CourseError) as error:  # includes the lock's timeout
        reason = error.seen if isinstance(error, CourseError) else error
        first, note = typed, f"(The answer was not kept: {reason}.)"
    return Prediction(question_id, typed, question, unit, first, note)


def _answer(value: Any) -> Answer:
    """The value as one of the kinds that can be kept and compared."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    raise BadInput(
        "This value cannot be used.",
        seen=f"{value!r:.80} ({type(value).__name__})",
        next_step=_ALLOWED,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, tuple) else value


def _judge(answer: Answer, fact: Answer | None, unit: str, within: float) -> _Verdict:
    match answer, fact:
        case _, None:
            return None, ""
        case (bool(), bool()) | (str(), str()):
            right = _fold(answer) == _fold(fact)
            return right, "as predicted" if right else "not as predicted"
        case list(), list():
            return _judge_lists(answer, fact)
        case (bool(), _) | (_, bool()):
            pass  # Python takes True for the number 1
        case (int() | float(), int() | float()):
            return _judge_numbers(answer, fact, unit, within)
    return None, f"{_kind(answer)} cannot be compared with {_kind(fact)}, so this has no verdict"


def _judge_numbers(answer: float, fact: float, unit: str, within: float) -> _Verdict:
    if answer == fact:
        return True, "exactly as predicted"
    # The last factor keeps 1.5 against 1.2 inside 25 %, whatever binary fractions make of it.
    if abs(fact - answer) <= within * abs(fact) * (1 + 1e-9):
        return True, f"close enough (within {within * 100:g} %)"
    return False, _difference(answer, fact, unit)


def _difference(answer: float, fact: float, unit: str) -> str:
    ratio = fact / answer if answer else 0.0
    if ratio > 0 and not 0.95 < ratio < 1.05:
        return f"about {_number(ratio, 2)} times as {'long' if unit in _TIME_UNITS else 'much'}"
    word = "more" if fact > answer else "less"
    return f"{_show(abs(fact - answer), unit)} {word} than predicted"


def _judge_lists(answer: list[str], fact: list[str]) -> _Verdict:
    predicted, seen = set(map(_fold, answer)), set(map(_fold, fact))
    new = [each for each in fact if _fold(each) not in predicted]
    absent = [each for each in answer if _fold(each) not in seen]
    parts = [f"not predicted: {', '.join(new)}"] if new else []
    parts += [f"predicted but not seen: {', '.join(absent)}"] if absent else []
    return not parts, "; ".join(parts) or "as predicted"


def _fold(value: object) -> str:
    return str(value).strip().casefold()


def _kind(value: object) -> str:
    names = {bool: "a yes or no", str: "a text", list: "a list"}
    return names.get(type(value), "a number")


def _fact(fact: Answer | None, unit: str, digits: int = 3) -> str:
    if fact is None:
        return "the cluster gave no value"
    timed = unit in _TIME_UNITS and _kind(fact) == "a number"
    return f"the cluster {'took' if timed else 'shows'} {_show(fact, unit, digits)}"


def _show(value: Answer, unit: str, digits: int = 3) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, str):
        return value.strip()
    return f"{_number(value, digits)} {unit}".strip()


def _number(value: float, digits: int) -> str:
    text = str(value) if isinstance(value, int) else f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e15 else text


def _digits(answer: Answer, fact: Answer | None) -> int:
    """Enough digits that two different numbers do not look the same."""
    if fact is None or "a number" not in (_kind(answer), _kind(fact)) or answer == fact:
        return 3
    return next((d for d in (3, 6) if _show(answer, "", d) != _show(fact, "", d)), 17)


def _same(one: Answer, other: Answer | None) -> bool:
    return type(one) is type(other) and one == other  # True == 1 in Python


def _escape(text: str) -> str:
    """One line of Markdown that shows the text as it was typed."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _keep(path: Path, question_id: str, answer: Answer) -> tuple[Answer, str]:
    """The first answer kept for the question, and what had to be set aside."""
    from filelock import FileLock  # slow to import, needed only here

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
        answers, note = _load(path)
        kept = answers.setdefault(question_id, [])
        if not kept or not _same(kept[-1]["answer"], answer):
            date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            kept.append({"date": date, "answer": answer})
            write_whole(path, json.dumps({"format": _FORMAT, "answers": answers}, indent=1))
        first: Answer = kept[0]["answer"]
        return first, note


def _load(path: Path) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """The kept answers by question; a file that cannot be read is moved out of the way."""
    if not path.exists():
        return {}, ""
    try:
        return _parse(path.read_text(encoding="utf-8")), ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BadInput):
        aside = path.with_name(f"{path.name}.bad")
        path.replace(aside)
        return {}, f"(Earlier answers could not be read; they are in {aside}.)"


def _parse(text: str) -> dict[str, list[dict[str, Any]]]:
    stored = json.loads(text)
    if stored["format"] != _FORMAT:
        raise ValueError("another format")
    return {
        str(question_id): [{"date": str(e["date"]), "answer": _answer(e["answer"])} for e in kept]
        for question_id, kept in stored["answers"].items()
    }
