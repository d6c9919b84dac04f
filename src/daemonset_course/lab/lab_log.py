"""Read the log of a task while its recorder process writes it, and start and end that process."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import psutil

from daemonset_course import programs
from daemonset_course.cluster import usage
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.processes import RECORDER
from daemonset_course.cluster.waiting import until
from daemonset_course.environment import for_python
from daemonset_course.errors import BadInput, NotRunning
from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.files import unwritable, write_whole
from daemonset_course.history import log
from daemonset_course.history.index import History
from daemonset_course.history.log import Object
from daemonset_course.history.outages import RUNNING, Down
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab_recorder import CLOCK, FAILED, LOG, paths
from daemonset_course.lab.verdict import Criterion, judge
from daemonset_course.places import cluster_dir, course_command
from daemonset_course.recording.recorder import Recording

MARKS = "marks.jsonl"  # what the checker did; written by the check, read with the log
PID = "recorder.pid"
ERRORS = "recorder.err"  # what it printed
CATCH_UP = 30.0  # seconds that the recorder may lag behind the API server
COMPONENTS = 15.0  # seconds that it may lag behind the components; on kind it asks more seldom
START = 60.0  # seconds until the recorder has the present state
END = 10.0  # seconds in which the recorder ends by itself


class SeenVersions:
    """The versions and deletions that the watch of one resource has delivered."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}  # uid -> resourceVersion, also of deleted objects
        self._gone: set[str] = set()

    def add(self, kind: str, item: Object) -> None:
        """Add one event of the watch."""
        uid, version = _identity(item)
        self._versions[uid] = version
        if kind == "DELETED":
            self._gone.add(uid)

    def holds(self, listing: Object) -> bool:
        """Whether the watch has delivered every object of a list, or a newer version of it."""
        listed = dict(map(_identity, listing["items"]))
        moment = int(listing["metadata"]["resourceVersion"])
        live = {uid: v for uid, v in self._versions.items() if uid not in self._gone}
        # A live object that is not in the list must have been created after the list.
        return all(self._versions.get(uid, 0) >= v for uid, v in listed.items()) and all(
            v > moment for uid, v in live.items() if uid not in listed
        )


def _identity(item: Object) -> tuple[str, int]:
    return item["metadata"]["uid"], int(item["metadata"]["resourceVersion"])


class LabRecording(Recording):
    """The recording of a task, read from the files that its recorder writes.

    Attributes:
        criteria: of the task; its pictures draw in the limits that they judge.
    """

    criteria: tuple[Criterion, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Read what has been recorded so far.

        Raises:
            BadInput: the files are damaged.
        """
        self.folder = folder
        self._offset = self._marks_read = 0
        self._down: dict[str, str] = {}  # component -> state, of those that do not run
        self._seen: defaultdict[str, SeenVersions] = defaultdict(SeenVersions)
        try:
            self._began = float((folder / CLOCK).read_text())
            with (folder / LOG).open("rb") as file:
                first = file.readline()
        except (OSError, ValueError) as error:
            raise BadInput("There is no recording of a task.", seen=str(error)) from error
        self._offset = len(first)
        super().__init__([_parsed(first)])
        self.read()

    @property
    def history(self) -> History:
        """The log with its index; while the recorder runs, it ends now."""
        self.read()
        if self.running:
            self._history.advance(round(time.monotonic() - self._began, 4))
        return self._history

    def bounds(self, history: History) -> tuple[Bound, ...]:
        """Return the limits that the criteria judge in this history."""
        return judge(Evidence(history), self.criteria).bounds

    @property
    def running(self) -> bool:
        """Whether the recorder still records."""
        return not self._history.ended and is_running(self.folder)

    def read(self) -> int:
        """Read what was added to the files; return the number of records.

        Raises:
            BadInput: a line is damaged.
        """
        fresh: list[Any] = []
        try:
            for line in self._new_lines():
                fresh.append(_parsed(line))
                self._offset += len(line)  # after that: a damaged line is met again next time
            for line in self._new_marks():
                fresh.append(_mark(line))
                self._marks_read += 1
        finally:
            for record in sorted(fresh, key=attrgetter("t")):
                self._add(record)
        return len(self._history.records)

    def _new_lines(self) -> list[bytes]:
        try:
            with (self.folder / LOG).open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError as error:
            raise BadInput("The recording of the task is gone.", seen=str(error)) from error
        return _whole_lines(text)

    def _add(self, given: log.Entry) -> None:
        record = replace(given, t=max(given.t, self._history.last))  # what is read keeps its order
        self._history.append(record)
        if isinstance(record, log.Change):
            self._seen[record.resource].add(record.type, record.object)
        elif isinstance(record, log.Component):
            self._down.pop(record.component, None)
            if record.state != RUNNING:
                self._down[record.component] = record.state

    def _new_marks(self) -> list[bytes]:
        path = self.folder / MARKS
        lines = _whole_lines(path.read_bytes()) if path.exists() else []
        return lines[self._marks_read :]

    def mark(self, text: str) -> None:
        """Put a note on the time axis, at the present moment.

        Raises:
            FileFailed: it cannot be written.
        """
        mark = log.Mark(round(time.monotonic() - self._began, 4), text)
        path = self.folder / MARKS
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(log.to_json(mark)) + "\n")
        except OSError as error:
            raise unwritable(path, error) from error

    def wait_for_more(self, count: int, deadline: float) -> bool:
        """Wait for more than ``count`` records until the deadline; whether there are."""
        left = max(0.0, deadline - time.monotonic())
        return bool(until(lambda: self.read() > count, timeout=left, pause=0.05))

    def catch_up(self, api: Api, namespace: str, down: Iterable[Down] = (), *,
                 rights: bool = False, workloads: bool = False) -> None:  # fmt: skip
        """Wait until the log contains the state that the API server returns now.

        And until it has the components that do not run, for at most ``COMPONENTS`` seconds.

        Raises:
            NotRunning: the API server does not answer, or the recorder is too far behind.
        """
        for resource, path in paths(namespace, rights=rights, workloads=workloads).items():
            if resource == "events":
                continue
            listing = api.request("GET", path)
            held = partial(self._holds, resource, listing)
            if not until(held, timeout=CATCH_UP, pause=0.02):
                raise NotRunning(
                    f"The recorder does not receive the changes of {resource}.",
                    seen=f"it is more than {CATCH_UP:g} s behind the API server",
                    next_step=f"Start the task again; {course_command('status')}, "
                    "if that does not help",
                )

        states: dict[str, str] = dict(down)
        until(lambda: self._has_down(states), timeout=COMPONENTS, pause=0.02)

    def _has_down(self, states: Mapping[str, str]) -> bool:
        self.read()
        return self._down == states or not self.running

    def _holds(self, resource: str, listing: Object) -> bool:
        self.read()
        return self._seen[resource].holds(listing) or not self.running


def folder_of(cluster: str) -> Path:
    """Return the folder of the task that is recorded on a cluster."""
    return cluster_dir(cluster) / "lab"


def start(
    cluster: Cluster, daemonset: str, namespace: str, *, what: str = "a recording",
    rights: bool = False, workloads: bool = False,
) -> LabRecording:  # fmt: skip
    """Start a recorder process, and return its recording when the present state is in it.

    While it runs, the cluster is in use by ``what``: a reset asks first. With ``rights`` it records
    rights and admission policies too, with ``workloads`` Deployments, Jobs and CronJobs.

    Raises:
        NotRunning: the recorder could not start.
    """
    folder = folder_of(cluster.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LOG, MARKS, CLOCK, FAILED):
        (folder / name).unlink(missing_ok=True)
    errors = folder / ERRORS
    errors.unlink(missing_ok=True)
    words = programs.python_module(RECORDER, str(folder), cluster.name, daemonset, namespace)
    words += ["rights"] if rights else []
    words += ["workloads"] if workloads else []
    pid = programs.start(words, log=errors, env=for_python(cluster.environment()))
    write_whole(folder / PID, str(pid))
    usage.begin(cluster.name, what, pid)
    until(lambda: (folder / LOG).exists() or not is_running(folder), timeout=START, pause=0.02)
    if not (folder / LOG).exists():
        end(cluster.name)
        raise NotRunning(
            "The recorder of the task did not start.",
            seen=failure(folder) or f"nothing within {START:g} s",
            next_step=course_command("status", cluster.name),
        )
    return LabRecording(folder)


def failure(folder: Path) -> str:
    """Return what the folder's recorder wrote about its failure; empty if it wrote nothing."""
    for name in (FAILED, ERRORS):
        with suppress(OSError):
            if text := (folder / name).read_text(errors="replace").strip():
                return text[-500:]
    return ""


def end(cluster: str) -> None:
    """End the recorder of a cluster, if one runs; its files stay."""
    folder = folder_of(cluster)
    process = _process(folder)
    if process is not None:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        if not until(lambda: not is_running(folder), timeout=END, pause=0.02):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def is_running(folder: Path) -> bool:
    """Whether the folder's recorder process runs."""
    return _process(folder) is not None


def _process(folder: Path) -> psutil.Process | None:
    with suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((folder / PID).read_text()))
        words = process.cmdline()
        living = process.status() != psutil.STATUS_ZOMBIE
        if living and RECORDER in words and str(folder) in words:  # else the number is another's
            return process
    return None


def _whole_lines(text: bytes) -> list[bytes]:
    """Return the lines with their ends; not the last one if it is incomplete."""
    return [line for line in text.splitlines(keepends=True) if line.endswith(b"\n")]


def _mark(line: bytes) -> log.Mark:
    mark = _parsed(line)
    if not isinstance(mark, log.Mark):
        raise _damaged(line)
    return mark


def _parsed(line: bytes) -> log.Record:
    try:
        return log.parse(json.loads(line))
    except (ValueError, AttributeError, BadInput) as error:
        raise _damaged(line) from error


def _damaged(line: bytes) -> BadInput:
    return BadInput(
        "The recording of the task is damaged.",
        seen=line[:80].decode("utf-8", "replace").strip(),
        next_step="Start the task again, and do it again.",
    )
