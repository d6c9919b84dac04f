"""Store the learner's lab results in ``labs.json`` in the state folder.

Each function that uses the file also returns a note for the learner; it is empty unless some
results could not be read and were set aside. Each raises CourseError if the file cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from daemonset_course.lab.verdict import SIGNS, Verdict
from daemonset_course.places import state_home
from daemonset_course.store import JsonStore

Entry = dict[
    str, Any
]  # of one task: the last verdict, the passed one, and the number of hints given
Tasks = dict[str, Entry]  # of one lab, by task number

FILE = "labs.json"  # in the state folder
_FORMAT = 1


def load(lab: str) -> tuple[dict[int, Entry], str]:
    """Return the entries of a lab by task number, and the note."""
    labs, note = _store().read()
    return {int(number): entry for number, entry in labs.get(lab, {}).items()}, note


def keep(lab: str, number: int, verdict: Verdict, manifests: Sequence[Mapping[str, Any]]) -> str:
    """Store a verdict; a passed task stays passed, with the DaemonSets that passed.

    After a pass, only the outcomes ``passed`` and ``wrong`` are stored.
    """

    def change(entry: Entry) -> None:
        if "passed" in entry and verdict.outcome not in ("passed", "wrong"):
            return
        entry["last"] = {"outcome": verdict.outcome, "says": verdict.says, "date": _now()}
        if verdict.passed:
            kept = [dict(one) for one in manifests]
            entry["passed"] = {"date": _now(), "says": verdict.says, "manifests": kept}

    return _update(lab, number, change)


def manifests_of(passed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the DaemonSets of a passed task; also of results that hold a single one."""
    found = passed.get("manifests") or [passed.get("manifest")]
    return [one for one in found if isinstance(one, dict)]


def best(entry: Entry) -> str:
    """Return a task's best verdict with its time; after a pass, also a later wrong one."""
    last = entry.get("last") or {}
    outcome = str(last.get("outcome", "not attempted"))
    if passed := entry.get("passed"):
        text = f"{SIGNS['passed']} passed {short(passed.get('date', ''))}".rstrip()
        return f"{text}; last check: wrong" if outcome == "wrong" else text
    return f"{SIGNS.get(outcome, '')} {outcome} {short(last.get('date', ''))}".strip()


def short(date: str, now: datetime | None = None) -> str:
    """Format a stored time (UTC) in the local zone: ``14:11`` today, else with its day."""
    try:
        moment = datetime.fromisoformat(date).astimezone()
    except ValueError:
        return date
    today = (now or datetime.now(UTC)).astimezone()
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    end = "%H:%M" if moment.year == today.year else "%Y"
    return f"{moment.day} {moment.strftime(f'%b {end}')}"


def next_hint(lab: str, number: int, count: int) -> tuple[int, str]:
    """Return the number of the next hint, from 1 to ``count``, and the note.

    After all hints were given, the last one is repeated.
    """
    given = 0

    def change(entry: Entry) -> None:
        nonlocal given
        given = entry["hints"] = min(entry.get("hints", 0) + 1, count)

    note = _update(lab, number, change)
    return given, note


def _update(lab: str, number: int, change: Callable[[Entry], None]) -> str:
    return _store().change(
        lambda labs: change(labs.setdefault(lab, {}).setdefault(str(number), {}))
    )


def _store() -> JsonStore[Tasks]:
    return JsonStore(state_home() / FILE, _FORMAT, "labs", "lab results", _readable)


def _readable(stored: dict[str, Any]) -> tuple[dict[str, Tasks], bool]:
    """Return the entries that can be read, by lab and task, and whether that is all of them."""
    labs: dict[str, Tasks] = {}
    whole = True
    for lab, tasks in stored.items():
        whole = whole and isinstance(tasks, dict)
        for number, entry in tasks.items() if isinstance(tasks, dict) else ():
            if number.isdecimal() and isinstance(entry, dict):
                read = {key: value for key, value in entry.items() if _fits(key, value)}
                labs.setdefault(lab, {})[str(int(number))] = read
                whole = whole and read == entry
            else:
                whole = False
    return labs, whole


def _fits(key: str, value: Any) -> bool:
    """Whether a field is as ``keep`` or ``next_hint`` writes it; unknown fields are valid."""
    if key == "hints":
        return type(value) is int and value >= 0
    if key not in ("last", "passed"):
        return True
    if not isinstance(value, dict) or not isinstance(value.get("manifest") or {}, dict):
        return False
    if not isinstance(value.get("manifests") or [], list):
        return False
    return all(isinstance(value.get(each, ""), str) for each in ("outcome", "says", "date"))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
