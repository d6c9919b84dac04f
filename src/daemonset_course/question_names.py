"""Give stored predictions the names that their questions have now.

Until December 2026 a question's name began with the number of its lesson: ``08-length``. Numbers
change when a lesson moves, so a question has a name of its own: ``data/earlier_questions.json``
gives it for each earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")


def renamed(stored: Mapping[str, T]) -> dict[str, T]:
    """Return what is stored by question, under the present names; a present name's value stays."""
    names = _names()
    carried = {names.get(question, question): value for question, value in stored.items()}
    return carried | {question: stored[question] for question in stored if question not in names}


@cache
def _names() -> Mapping[str, str]:
    text = (files("daemonset_course") / "data" / "earlier_questions.json").read_text("utf-8")
    found: dict[str, str] = json.loads(text)
    return found
