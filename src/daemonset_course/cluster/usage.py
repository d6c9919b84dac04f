"""Note which lab task runs on a cluster: a reset in another notebook does not destroy it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from daemonset_course.errors import InUse
from daemonset_course.files import write_whole
from daemonset_course.places import cluster_dir, course_command

_FILE = "usage.json"


@dataclass(frozen=True)
class Usage:
    """What runs on a cluster.

    Attributes:
        what: in words, such as ``lab 06-roll-within-budget, task 1``.
        where: the notebook or program that began it.
        pid: the process that records it; while that runs, the cluster is in use.
        began: when that process was created, in seconds since 1970: another may get its number.
        kernel: the process that began it, which may reset the cluster.
        reset_by: who has reset the cluster since, and when; empty if nobody has.
    """

    what: str
    where: str
    pid: int
    began: float
    kernel: int
    reset_by: str = ""

    @property
    def is_own(self) -> bool:
        """Whether this process began it, or this notebook did in an earlier kernel."""
        return self.kernel == os.getpid() or (bool(_notebook()) and self.where == caller())

    @property
    def process(self) -> psutil.Process | None:
        """The process; None if it has ended."""
        with suppress(psutil.Error):
            found = psutil.Process(self.pid)
            if found.create_time() == self.began and found.cmdline():  # empty while it ends
                return found
        return None


def begin(cluster: str, what: str, pid: int) -> None:
    """Note that ``what`` runs on a cluster as long as the process does.

    Raises:
        FileFailed: the note cannot be written.
    """
    try:
        began = psutil.Process(pid).create_time()
    except psutil.Error:  # it has ended already
        return
    _write(cluster, Usage(what, caller(), pid, began, os.getpid()))


def usage_of(cluster: str) -> Usage | None:
    """Return the last note about a cluster; None if there is none that can be read."""
    try:
        return Usage(**json.loads(_path(cluster).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def require_free(cluster: str, *, force: bool) -> None:
    """Refuse to reset a cluster on which a task of another notebook runs; else end the task.

    ``force`` ends it in any case.

    Raises:
        InUse: a task of another notebook runs.
        FileFailed: the note cannot be written.
    """
    found = usage_of(cluster)
    process = found.process if found else None
    if found is None or process is None:
        return
    if not (force or found.is_own):
        raise InUse(
            f"{found.what[0].upper()}{found.what[1:]} runs on the cluster {cluster!r}; a reset "
            "destroys it.",
            seen=f"begun by {found.where}",
            next_step="Go on with it, or end it with lab.reset(). To reset all the same: "
            f"reset(force=True), in a terminal {course_command('reset --force', cluster)}",
        )
    now = f"{datetime.now(UTC).astimezone():%H:%M}"
    _write(cluster, replace(found, reset_by=f"{caller()} at {now}"))
    with suppress(psutil.Error):
        process.terminate()
        process.wait(timeout=10)


def caller() -> str:
    """Return the notebook of this kernel in words, as Jupyter names it; else ``a terminal``."""
    name = _notebook()
    return f"the notebook {name}" if name else "a terminal or a notebook without a name"


def _notebook() -> str:
    return Path(os.environ.get("JPY_SESSION_NAME") or "").name


def _write(cluster: str, usage: Usage) -> None:
    write_whole(_path(cluster), json.dumps(asdict(usage)))


def _path(cluster: str) -> Path:
    return cluster_dir(cluster) / _FILE
