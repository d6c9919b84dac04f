"""Keep the best releases of this learner in ``leaderboard.json`` in the state folder.

Each function that uses the file also returns a note for the learner; it is empty unless some
entries could not be read and were set aside. Each raises CourseError if the file cannot be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from daemonset_course.lab.criteria.scored import Score
from daemonset_course.lab.results import short
from daemonset_course.places import state_home
from daemonset_course.store import JsonStore

Release = dict[str, Any]  # points, restarts, lost, how, date
KEPT = 20  # releases of a lab

FILE = "leaderboard.json"  # in the state folder
_FORMAT = 1
_NUMBERS = ("points", "restarts", "lost")


def add(lab: str, score: Score, how: str) -> tuple[int, int, str]:
    """Add a release; return its rank, how many releases are kept, and the note.

    Of two releases with the same points the earlier one is in front.
    """
    entry: Release = {
        "points": score.points, "restarts": round(score.restarts, 1), "lost": round(score.lost, 2),
        "how": how, "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    rank = count = 0

    def change(labs: dict[str, list[Release]]) -> None:
        nonlocal rank, count
        before = labs.get(lab, [])
        rank = 1 + sum(one["points"] >= entry["points"] for one in before)
        found = [*before[: rank - 1], entry, *before[rank - 1 :]]
        labs[lab] = found[:KEPT]
        count = len(found)

    note = _store().change(change)
    return rank, count, note


def releases(lab: str) -> tuple[list[Release], str]:
    """Return the releases of a lab, the best first, and the note."""
    labs, note = _store().read()
    return labs.get(lab, []), note


def table(lab: str) -> str:
    """Return the releases as a table in Markdown."""
    found, note = releases(lab)
    rows = [
        "| rank | points | restarts | lost | updateStrategy | when |",
        "|---|---|---|---|---|---|",
    ]
    for rank, one in enumerate(found, 1):
        cells = (one["points"], one["restarts"], one["lost"], one["how"], short(one["date"]))
        rows.append(f"| {rank} | {' | '.join(map(str, cells))} |")
    empty = [] if found else ["", "No release is on the board yet."]
    return "\n".join([*rows, *empty, *(["", note] if note else [])])


def strategy_words(daemonset: Mapping[str, Any] | None) -> str:
    """Return a DaemonSet's update strategy in a few words: ``maxSurge 10, maxUnavailable 0``."""
    strategy = ((daemonset or {}).get("spec") or {}).get("updateStrategy") or {}
    fields = strategy.get("rollingUpdate") or {}
    words = ", ".join(f"{key} {fields[key]}" for key in sorted(fields))
    return words or str(strategy.get("type", ""))


def _store() -> JsonStore[list[Release]]:
    path = state_home() / FILE
    return JsonStore(path, _FORMAT, "labs", "entries of the leaderboard", _readable)


def _readable(stored: dict[str, Any]) -> tuple[dict[str, list[Release]], bool]:
    """Return the releases that can be read, the best first, and whether that is all of them."""
    labs: dict[str, list[Release]] = {}
    whole = True
    for lab, entries in stored.items():
        whole = whole and isinstance(entries, list)
        good = [one for one in entries if _fits(one)] if isinstance(entries, list) else []
        whole = whole and len(good) == len(entries)
        labs[lab] = sorted(good, key=lambda one: -one["points"])
    return labs, whole


def _fits(one: Any) -> bool:
    """Whether an entry is as ``add`` writes it."""
    return (
        isinstance(one, dict)
        and all(type(one.get(key)) in (int, float) for key in _NUMBERS)
        and all(isinstance(one.get(key), str) for key in ("how", "date"))
    )
