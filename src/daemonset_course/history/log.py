"""Define the records of the event log; pictures, captions and verdicts derive from them. Pure.

A log is a header, then changes, gaps and marks in the order of their ``t`` (seconds since the
recording began, on one monotonic clock), then an end. On disk it is one JSON object a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from daemonset_course.errors import BadInput
from daemonset_course.files import write_whole

FORMAT = 1
SUSPENDED = "suspended recorder"  # the reason of a gap: the recorder itself did not run
Object = Mapping[str, Any]
MarkKind = Literal["action", "event", "note", "violation"]


@dataclass(frozen=True, slots=True)
class Header:
    """What was recorded, on which cluster: the first record of a log.

    Attributes:
        daemonset: the DaemonSet that the recording is about.
        namespace: its namespace.
        cluster: the cluster's name, which is also the prefix of its nodes' names.
        backend: ``kind`` or ``embedded``.
        kubernetes: the version, such as ``v1.37.1``.
        pace: how much the simulated kubelets' delays were scaled.
        date: when the recording began (RFC 3339, UTC).
        format: the version of the log's format.
    """

    daemonset: str
    namespace: str = "default"
    cluster: str = ""
    backend: str = ""
    kubernetes: str = ""
    pace: float = 1.0
    date: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Change:
    """One object was ADDED, MODIFIED or DELETED; ``via`` is ``list`` or ``watch``."""

    t: float
    resource: str
    type: str
    via: str
    object: Object

    @property
    def gone(self) -> bool:
        """Whether the object was deleted."""
        return self.type == "DELETED"

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The object's uid, or its name if it has no uid (as in tests)."""
        return str(self.object["metadata"].get("uid") or self.name)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the watch of one resource saw nothing; ``t`` is its end."""

    t: float
    resource: str
    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """An action of a user, an event in the cluster, a note, or the violation of a check's limit.

    A log contains only notes. The other marks are derived from changes, or by a check.
    """

    t: float
    text: str
    kind: MarkKind = "note"
    node: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """The state of a component of the control plane changed: see ``outages``."""

    t: float
    component: str
    state: str


@dataclass(frozen=True, slots=True)
class End:
    """The recording ended."""

    t: float


Entry = Change | Gap | Mark | Component | End  # the records that have a time
Record = Header | Entry
_KINDS: dict[str, type[Record]] = {
    "header": Header, "change": Change, "gap": Gap, "mark": Mark, "component": Component,
    "end": End,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TIMES = ("t", "start", "end")  # JSON may write 2.0 as 2


_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def without_bookkeeping(item: Object) -> dict[str, Any]:
    """Return a copy of an object without ``managedFields`` and copies of its own content.

    These fields make up most of an object, and no picture or check reads them.
    """
    metadata = _without("managedFields", item["metadata"])
    if metadata.get("annotations"):
        metadata["annotations"] = _without(_APPLIED, metadata["annotations"])
    kept = dict(item)
    if "revision" in item:  # the data of a ControllerRevision is a copy of the template
        kept.pop("data", None)
    return kept | {"metadata": metadata}


def _without(name: str, item: Object) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


def parse(saved: Mapping[str, Any]) -> Record:
    """Return the record that a JSON object describes.

    Raises:
        BadInput: the kind of the record is unknown, or a field is missing.
    """
    kind = _KINDS.get(str(saved.get("record")))
    fields = {key: value for key, value in saved.items() if key != "record"}
    try:
        fields |= {key: float(fields[key]) for key in _TIMES if key in fields}
        if kind is None:
            raise ValueError(f"no record is called {saved.get('record')!r}")
        record = kind(**fields)
        if isinstance(record, Header) and record.format != FORMAT:
            raise ValueError(f"format {record.format}; known: {FORMAT}")
        return record
    except (TypeError, ValueError) as error:
        raise BadInput(
            "A record of the event log is not of this format.",
            seen=f"{error}: {str(saved)[:80]}",
            next_step="Update the course, or record again.",
        ) from error


def to_json(record: Record) -> dict[str, Any]:
    """Return the JSON object of a record."""
    return {"record": _NAMES[type(record)]} | asdict(record)


def save(records: Iterable[Record], path: Path) -> None:
    """Write a log as JSON lines, atomically."""
    lines = (json.dumps(to_json(record), separators=(",", ":")) + "\n" for record in records)
    write_whole(path, "".join(lines))


def load(path: Path) -> list[Record]:
    """Return the records of a saved log.

    An incomplete last line is ignored: the recording process ended while it wrote the line.

    Raises:
        BadInput: the file cannot be read, or is not a log of this format.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The recording {path} cannot be read.", seen=str(error)) from error
    records: list[Record] = []
    for number, line in enumerate(lines, start=1):
        try:
            saved = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise BadInput(
                f"Line {number} of the recording {path} is not JSON.", seen=line[:80]
            ) from error
        if number == 1:
            _check_header(saved, path)
        records.append(parse(saved))
    if not records:
        raise BadInput(f"{path} is not a recording of this course: it has no header.")
    return records


def _check_header(saved: Any, path: Path) -> None:
    if not isinstance(saved, dict) or saved.get("record") != "header":
        raise BadInput(f"{path} is not a recording of this course: it has no header.")
    if saved.get("format") != FORMAT:
        raise BadInput(
            f"{path} has format {saved.get('format')!r}; this course reads {FORMAT}.",
            next_step="Update the course, or record again.",
        )
