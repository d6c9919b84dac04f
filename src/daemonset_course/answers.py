"""Check the type of an answer, format it, and compare it with the fact."""

from __future__ import annotations

from collections.abc import Sequence, Set
from numbers import Integral, Real
from typing import Any

from daemonset_course.errors import BadInput

Answer = int | float | str | bool | list[str]
Verdict = tuple[bool | None, str]  # whether the answer is right, and the end of the sentence

TIMES = frozenset({"ms", "s", "min", "h", "seconds", "minutes", "hours"})
EXACTLY, YES, NO = "exactly as predicted", "as predicted", "not as predicted"

MEASURES = TIMES | {"%", "times", "m", "Mi", "Gi", "MiB", "GiB", "MB", "GB", "CPU", "CPUs"}
_SPELLED = {
    "ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "%": "percent",
    "m": "millicores",
}  # fmt: skip
_LARGEST = 10**15
_LONGEST = 1000  # characters of a text
_MANY_TIMES = 2  # below it a difference says more than a ratio
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_ALLOWED = 'A number (12 or 1.5), a text ("n1"), True or False, or a list of texts (["n1", "n2"]).'


def plain(value: Any, unit: str = "") -> Answer:
    """Convert a value to one of the types that can be stored and compared.

    With a unit the value must be a number that is not negative. It must be whole, unless the unit
    is a measure such as s or %. A text that contains such a number is converted.

    Raises:
        BadInput: the value has none of these types, or is no number of the unit.
    """
    if unit:
        return _amount(value, unit)
    if isinstance(value, bool | str):
        return value
    if (number := _number_of(value)) is not None:
        return number
    if isinstance(value, Set):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return list(value)
    raise _refused("This value cannot be used.", value, _ALLOWED)


def to_answer(
    value: Any, unit: str = "", choices: Sequence[str] = (), nodes: Sequence[str] = ()
) -> Answer:
    """Convert a value to an answer of a question, as ``plain`` does.

    With choices it is one of them; case does not count, and True is the choice ``yes`` or ``true``.
    With nodes, or other names, it is a list of some of them, in their order. A text has at most
    1,000 characters.

    Raises:
        BadInput: the value is no answer of this question.
    """
    if isinstance(value, str) and len(value) > _LONGEST:
        raise _refused("The answer is too long.", value, f"Type at most {_LONGEST} characters.")
    if choices:
        return _choice(plain(value), choices)
    if nodes:
        return _some_of(plain(value), nodes)
    return plain(value, unit)


def _choice(value: Answer, choices: Sequence[str]) -> str:
    truth = value if isinstance(value, bool) else None
    for choice in choices:
        if truth is not None and _TRUTH.get(_fold(choice)) is truth:
            return choice
        if _fold(choice) == _fold(show(value, "", 17)):
            return choice
    raise BadInput(
        "The answer is none of the choices.",
        seen=repr(value),
        next_step=f"Choose one of {', '.join(choices)}.",
    )


def _some_of(value: Answer, nodes: Sequence[str]) -> list[str]:
    names = _names(value) if isinstance(value, str) else value
    if not isinstance(names, list) or not set(names) <= set(nodes):
        raise BadInput(
            "The answer must be a list of some of these names.",
            seen=repr(value),
            next_step=f"Name some of {', '.join(nodes)}, or none.",
        )
    return [node for node in nodes if node in names]


def _amount(value: Any, unit: str) -> int | float:
    given = _read(value, unit) if isinstance(value, str) else value
    number, units = _number_of(given), _SPELLED.get(unit, unit)
    if number is None:
        example = "a number such as 3 or 1.5" if unit in MEASURES else "a whole number such as 3"
        raise _refused(f"The answer must be a number of {units}.", value, f"Type {example}.")
    if number < 0:
        raise _refused(
            f"A number of {units} cannot be negative.", value, "Type 0 or a larger number."
        )
    if unit not in MEASURES and number != int(number):
        raise _refused(f"A number of {units} must be whole.", value, "Type a number such as 3.")
    return int(number) if unit not in MEASURES else number


def _number_of(value: Any) -> int | float | None:
    """Return an int or a float of at most ``_LARGEST``; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = int(value) if isinstance(value, Integral) else float(value)
    return number if abs(number) <= _LARGEST else None  # neither is NaN


def _read(text: str, unit: str = "") -> int | float | None:
    """Parse a number with or without its unit; None if the text is no number."""
    bare = text.strip()
    for ending in (unit, unit_of(1, unit)):
        bare = bare.removesuffix(ending).rstrip() if ending else bare
    for kind in (int, float):
        try:
            return _number_of(kind(bare))
        except ValueError:
            continue
    return None


def _refused(failed: str, value: object, next_step: str) -> BadInput:
    return BadInput(failed, seen=f"{value!r:.80} ({type(value).__name__})", next_step=next_step)


def judge(answer: Answer, fact: Answer | None, unit: str, within: float) -> Verdict:
    """Compare the answer with the fact; a number may differ by the part ``within`` of the fact."""
    if fact is None:
        return None, ""
    match alike(answer, fact):
        case list() as names, list() as seen:
            return _judge_lists(names, seen)
        case (bool(), bool()) | (str(), str()) as pair:
            right = _fold(pair[0]) == _fold(pair[1])
            return right, YES if right else NO
        case (bool(), _) | (_, bool()):
            pass  # Python takes True for the number 1
        case (int() | float() as number, int() | float() as seen):
            return _judge_numbers(number, seen, unit, within)
    return (
        None,
        f"{kind_of(answer)} cannot be compared with {kind_of(fact)}, so this has no verdict",
    )


def alike(answer: Answer, fact: Answer) -> tuple[Answer, Answer]:
    """Convert one of the two to the type of the other if possible: '3' to 3, "n1" to ["n1"]."""
    match answer, fact:
        case str(), bool():
            return _TRUTH.get(_fold(answer), answer), fact
        case (bool(), _) | (_, bool()):
            return answer, fact
        case str(), int() | float():
            number = _read(answer)
            return (answer if number is None else number), fact
        case int() | float(), str():
            return show(answer, ""), fact
        case str(), list():
            return _names(answer), fact
        case list(), str():
            return answer, _names(fact)
    return answer, fact


def _names(text: str) -> list[str]:
    """Split a text such as "n1, n2" into names."""
    if _fold(text) == "none":
        return []
    return [name.strip() for name in text.split(",") if name.strip()]


def _judge_numbers(answer: float, fact: float, unit: str, within: float) -> Verdict:
    if answer == fact:
        return True, EXACTLY
    # The last factor absorbs rounding errors: 1.5 is within 25 % of 1.2.
    if abs(fact - answer) <= within * abs(fact) * (1 + 1e-9):
        return True, f"close enough (within {within * 100:g} %)"
    return False, _difference(answer, fact, unit)


def _difference(answer: float, fact: float, unit: str) -> str:
    more = fact > answer
    if unit not in MEASURES and answer == int(answer) and fact == int(fact):
        return f"{abs(int(fact) - int(answer))} {'more' if more else 'fewer'} than predicted"
    ratio = fact / answer if answer else 0.0
    if unit in MEASURES and ratio >= _MANY_TIMES:
        return f"about {_digits(ratio, 2)} times as {'long' if unit in TIMES else 'much'}"
    difference = show(abs(fact - answer), "percentage points" if unit == "%" else unit)
    return f"{difference} {'more' if more else 'less'} than predicted"


def _judge_lists(answer: list[str], fact: list[str]) -> Verdict:
    predicted, seen = set(map(_fold, answer)), set(map(_fold, fact))
    new = [each for each in fact if _fold(each) not in predicted]
    absent = [each for each in answer if _fold(each) not in seen]
    parts = [f"not predicted: {', '.join(new)}"] if new else []
    parts += [f"predicted but not seen: {', '.join(absent)}"] if absent else []
    return not parts, "; ".join(parts) or YES


def _fold(value: object) -> str:
    return str(value).strip().casefold()


def kind_of(value: object) -> str:
    """Return the name of a value's type in plain words."""
    names = {bool: "a yes or no", str: "a text", list: "a list"}
    return names.get(type(value), "a number")


def show(value: Answer, unit: str, digits: int = 3) -> str:
    """Format a value; a number gets its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, str):
        return value.strip()
    text = _digits(value, digits)
    return f"{text} {unit_of(text, unit)}".strip()


def unit_of(number: int | str, unit: str) -> str:
    """Return the unit in the singular or plural that fits the number: 1 Pod, 2 Pods; 1 entry."""
    if str(number) != "1" or len(unit) < 3 or unit.endswith("ss") or not unit.endswith("s"):
        return unit
    if unit.endswith("ies"):
        return f"{unit[:-3]}y"
    return unit[:-2] if unit.endswith(("sses", "xes", "ches", "shes")) else unit[:-1]


def enough_digits(answer: Answer, fact: Answer | None) -> int:
    """Return how many digits make two different numbers differ in print."""
    if fact is None or "a number" not in (kind_of(answer), kind_of(fact)) or answer == fact:
        return 3
    return next((d for d in (3, 6) if show(answer, "", d) != show(fact, "", d)), 17)


def same(one: Answer, other: Answer | None) -> bool:
    """Whether two answers have the same type and value."""
    return type(one) is type(other) and one == other  # True == 1 in Python


def _digits(value: float, digits: int) -> str:
    text = str(value) if isinstance(value, int) else f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) <= _LARGEST else text
