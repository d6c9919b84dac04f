"""What the learner reached in the labs, kept in ``labs.json`` in the state folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemonset_course.files import write_whole
from daemonset_course.lab.check import SIGNS, Verdict
from daemonset_course.places import state_home

Entry = dict[str, Any]  # of one task: outcome, says, date, hints, and what passed

_FORMAT = 1
_LOCK_SECONDS = 5.0


def load(lab: str) -> dict[int, Entry]:
    """The entries of a lab's tasks, by task number; empty when there are none yet."""
    return {int(number): entry for number, entry in _read(_file()).get(lab, {}).items()}


def keep(lab: str, number: int, verdict: Verdict, manifest: Entry | None) -> None:
    """Store a verdict; what passed once stays passed, with the manifest that passed.

    After a pass only another pass or a wrong is news: a check that says neither is not kept.
    """

    def change(entry: Entry) -> None:
        if "passed" in entry and verdict.outcome not in ("passed", "wrong"):
            return
        entry["last"] = {"outcome": verdict.outcome, "says": verdict.says, "date": _now()}
        if verdict.passed:
            entry["passed"] = {"date": _now(), "says": verdict.says, "manifest": manifest}

    _update(lab, number, change)


def best(entry: Entry) -> str:
    """The best verdict of a task and its time; after a pass also the wrong that contradicts it."""
    last = entry.get("last") or {}
    outcome = str(last.get("outcome", "not attempted"))
    if passed := entry.get("passed"):
        said = f"{SIGNS['passed']} passed {short(passed.get('date', ''))}".rstrip()
        return f"{said}; last check: wrong" if outcome == "wrong" else said
    return f"{SIGNS.get(outcome, '')} {outcome} {short(last.get('date', ''))}".strip()


def short(date: str, now: datetime | None = None) -> str:
    """A stored time (UTC) in the local zone: ``14:11`` today, else with its day."""
    try:
        moment = datetime.fromisoformat(date).astimezone()
    except ValueError:
        return date
    today = (now or datetime.now(UTC)).astimezone()
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    end = "%H:%M" if moment.year == today.year else "%Y"
    return f"{moment.day} {moment.strftime(f'%b {end}')}"


def next_hint(lab: str, number: int, rungs: int) -> int:
    """The number of the next hint, from 1 to ``rungs``; the last one again once all were seen."""
    shown = 0

    def change(entry: Entry) -> None:
        nonlocal shown
        shown = entry["hints"] = min(int(entry.get("hints", 0)) + 1, rungs)

    _update(lab, number, change)
    return shown


def _update(lab: str, number: int, change: Callable[[Entry], None]) -> None:
    from filelock import FileLock  # slow to import, needed only here

    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
        labs = _read(path)
        change(labs.setdefault(lab, {}).setdefault(str(number), {}))
        write_whole(path, json.dumps({"format": _FORMAT, "labs": labs}, indent=1))


def _read(path: Path) -> dict[str, dict[str, Entry]]:
    """The stored labs; a file that cannot be read is moved aside, not lost."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != _FORMAT:
            raise ValueError("another format")
        labs: dict[str, dict[str, Entry]] = {
            str(lab): {str(int(number)): dict(entry) for number, entry in tasks.items()}
            for lab, tasks in stored["labs"].items()
        }
        return labs
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        path.replace(path.with_name(f"{path.name}.bad"))
        return {}


def _file() -> Path:
    return state_home() / "labs.json"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
