"""The event log: one dict a line, from which picture, caption and verdict are made.

The first record is the header; then changes, marks and gaps in the order of ``t``, the seconds
since the recording began; then the end. ``timeline.build`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.files import write_whole

FORMAT = 1
Record = dict[str, Any]

# What no picture and no check reads, and what makes up most of an object.
_DROPPED = ("managedFields",)
_DROPPED_PARTS = ("data",)  # a ControllerRevision's copy of the template
_DROPPED_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)


def slim(item: Record) -> Record:
    """An object without its bookkeeping; the original is left as it is."""
    metadata = {k: v for k, v in item["metadata"].items() if k not in _DROPPED}
    annotations = metadata.get("annotations")
    if annotations:
        metadata["annotations"] = {
            k: v for k, v in annotations.items() if k not in _DROPPED_ANNOTATIONS
        }
    kept = {k: v for k, v in item.items() if k not in _DROPPED_PARTS}
    return {**kept, "metadata": metadata}


def save(records: Iterable[Record], path: Path) -> None:
    """Write a log as JSON lines, all of it or nothing."""
    lines = (json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    write_whole(path, "".join(lines))


def load(path: Path) -> list[Record]:
    """The records of a saved log.

    A last line that is cut off (the recording died) is left out.

    Raises:
        BadInput: the file cannot be read, or is no log of this format.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The recording {path} cannot be read.", seen=str(error)) from None
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError:
            if number == len(lines):
                break
            raise BadInput(
                f"Line {number} of the recording {path} is not JSON.", seen=line[:80]
            ) from None
    if not records or records[0].get("record") != "header":
        raise BadInput(f"{path} is not a recording of this course: it has no header.")
    if records[0].get("format") != FORMAT:
        raise BadInput(
            f"{path} has format {records[0].get('format')!r}; this course reads {FORMAT}.",
            next_step="Update the course, or record again.",
        )
    return records
