"""What the API server said to each pair of two settings, as a grid. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Pair = tuple[str, str]


@dataclass(frozen=True)
class Verdicts:
    """A grid of answers.

    Attributes:
        rows: values of the first setting, in the order given.
        columns: values of the second one.
        answers: (row, column) -> the refusal's words; empty for a pair that was accepted.
        messages: the different refusals, the most frequent one first.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    answers: Mapping[Pair, str]
    messages: tuple[str, ...]

    @property
    def accepted(self) -> int:
        """How many pairs were accepted."""
        return sum(not said for said in self.answers.values())

    def letter(self, message: str) -> str:
        """The letter that stands for a refusal: ``a`` for the most frequent one."""
        return chr(ord("a") + self.messages.index(message))


def verdicts(answers: Mapping[tuple[Any, Any], str]) -> Verdicts:
    """The grid of answers, given by pair; values are told apart by how they are written."""
    told = {(str(row), str(column)): said for (row, column), said in answers.items()}
    counted = Counter(said for said in told.values() if said)
    return Verdicts(
        tuple(dict.fromkeys(row for row, _ in told)),
        tuple(dict.fromkeys(column for _, column in told)),
        told,
        tuple(message for message, _ in counted.most_common()),
    )


def verdicts_headline(found: Verdicts) -> str:
    """The finding: how many pairs were accepted."""
    return f"{found.accepted} of {len(found.answers)} pairs are accepted"


def verdicts_caption(found: Verdicts) -> str:
    """What each letter stands for, and how many pairs it met."""
    counted = Counter(found.answers.values())
    told = [f"{found.letter(m)} ({counted[m]} pairs): {m}" for m in found.messages]
    return f"Accepted ✓: {found.accepted}. Refused: {'; '.join(told) or 'none'}."
