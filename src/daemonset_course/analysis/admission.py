"""Show which pairs of two settings the API server accepts, and its errors for the others. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.figures.shapes import Cell, Style, Table, lines
from daemonset_course.history.text import counted


@dataclass(frozen=True)
class Admission:
    """The answers to pairs of values of two settings.

    Attributes:
        settings: the names of both.
        rows: values of the first setting, in the order given.
        columns: values of the second one.
        answers: (row, column) -> the API server's error message; empty for an accepted pair.
        messages: the distinct error messages, the most frequent one first.
    """

    settings: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    answers: Mapping[tuple[str, str], str]
    messages: tuple[str, ...]

    @property
    def accepted(self) -> int:
        """How many pairs were accepted."""
        return sum(not message for message in self.answers.values())

    def letter(self, message: str) -> str:
        """Return the letter of an error message: ``a`` for the most frequent one."""
        return chr(ord("a") + self.messages.index(message))

    @property
    def headline(self) -> str:
        """How many pairs were accepted."""
        return f"{self.accepted} of {len(self.answers)} pairs are accepted"

    @property
    def caption(self) -> str:
        """What each letter stands for, and how many pairs got that answer."""
        times = Counter(self.answers.values())
        parts = [f"{self.letter(m)} ({counted(times[m], 'pair')}): {m}" for m in self.messages]
        return f"Accepted ✓: {self.accepted}. Refused: {'; '.join(parts) or 'none'}."

    def figure(self) -> Table:
        """Return a table with one cell for each pair, and a letter for each error message."""
        letters = ", ".join(self.letter(message) for message in self.messages)
        accepted, refused = "accepted", f"refused ({letters}: see below)"
        return Table(
            lines(self.rows),
            lines(self.columns),
            {
                pair: Cell(refused, self.letter(message)) if message else Cell(accepted, "✓")
                for pair, message in self.answers.items()
            },
            {accepted: Style("accent"), refused: Style("stripe", edge="muted")},
            row_title=self.settings[0],
            column_title=self.settings[1],
        )


def admission(answers: Mapping[tuple[Any, Any], str], *, rows: str, columns: str) -> Admission:
    """Return the answers by pair; two values are equal if their texts are equal.

    Args:
        answers: (value of the row, value of the column) -> the error message; empty if accepted.
        rows: the name of the first setting.
        columns: the name of the second one.
    """
    written = {(str(row), str(column)): message for (row, column), message in answers.items()}
    rejections = Counter(message for message in written.values() if message)
    return Admission(
        (rows, columns),
        tuple(dict.fromkeys(row for row, _ in written)),
        tuple(dict.fromkeys(column for _, column in written)),
        written,
        tuple(message for message, _ in rejections.most_common()),
    )
