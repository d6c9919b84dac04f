"""Store whether predictions were right: ``judged.json`` in the state folder.

For each question the file has the verdict on the first answer, the one on the last answer, and the
date of the last comparison. A comparison stores both; the verdict on the first answer stays.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from daemonset_course.errors import CourseError
from daemonset_course.places import state_home
from daemonset_course.question_names import renamed
from daemonset_course.store import JsonStore

FILE = "judged.json"  # in the state folder
_FORMAT = 1
_VERDICTS = {True: "right", False: "wrong"}

Entry = dict[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts on one question: whether the first answer and the last one were right."""

    first: bool
    last: bool


def keep(question_id: str, right_first: bool | None, right_now: bool | None) -> None:
    """Store the verdicts of a comparison; the verdict on the first answer is stored once.

    Nothing is stored where an answer could not be judged (None). If the file cannot be written,
    nothing happens: the lesson goes on, and the next comparison stores the verdicts.
    """
    if right_first is None or right_now is None:
        return

    def change(entries: dict[str, Entry]) -> None:
        entry = entries.get(question_id, {"first": _VERDICTS[right_first]})
        if entry.get("last") != _VERDICTS[right_now]:
            date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            entries[question_id] = entry | {"last": _VERDICTS[right_now], "date": date}

    with contextlib.suppress(CourseError):
        _store().change(change)


def load() -> dict[str, Judged]:
    """Return the verdicts by question.

    Raises:
        CourseError: the file exists and cannot be read.
    """
    entries, _ = _store().read()
    return {
        one: Judged(entry["first"] == "right", entry["last"] == "right")
        for one, entry in entries.items()
    }


def _store() -> JsonStore[Entry]:
    return JsonStore(state_home() / FILE, _FORMAT, "judged", "verdicts on predictions", _readable)


def _readable(stored: dict[str, Any]) -> tuple[dict[str, Entry], bool]:
    """Return the entries that can be read, and whether that is all of them."""
    stored = renamed(stored)
    good = {one: entry for one, entry in stored.items() if _fits(entry)}
    return good, len(good) == len(stored)


def _fits(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(entry.get(key) in ("right", "wrong") for key in ("first", "last"))
        and isinstance(entry.get("date"), str)
    )
