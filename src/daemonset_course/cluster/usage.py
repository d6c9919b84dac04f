"""Note who uses a cluster: the lab task that runs on it, and the notebook that reset it last.

A reset in another notebook does not destroy a lab task unasked. Lessons have no such protection,
because the kernels of earlier lessons go on running; both notebooks say what happened.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from daemonset_course.errors import InUse
from daemonset_course.files import write_whole
from daemonset_course.places import cluster_dir, course_command

_FILE = "usage.json"
_LAST_RESET = "last-reset.json"
_NOTEBOOK = "the notebook "

_own_resets: dict[str, str] = {}  # by cluster, the token of this process's last one


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
        return _process(self.pid, self.began)


@dataclass(frozen=True)
class LastReset:
    """The last reset of a cluster: by whom, when, in which process.

    Attributes:
        where: the notebook or program, in words.
        at: hour and minute.
        kernel: its process.
        began: when that process was created, in seconds since 1970.
        token: another one for each reset.
    """

    where: str
    at: str
    kernel: int
    began: float
    token: str


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


def note_reset(cluster: str) -> str:
    """Note that this process has reset a cluster; return a sentence about who used it before.

    The text is empty unless another notebook, whose kernel still runs, reset the cluster before.

    Raises:
        FileFailed: the note cannot be written.
    """
    before = _last_reset(cluster)
    token = secrets.token_hex(8)
    here = psutil.Process()
    mine = LastReset(caller(), _now(), here.pid, here.create_time(), token)
    write_whole(cluster_dir(cluster) / _LAST_RESET, json.dumps(asdict(mine)))
    _own_resets[cluster] = token
    if before is None or before.where == mine.where or not before.where.startswith(_NOTEBOOK):
        return ""
    if _process(before.kernel, before.began) is None:
        return ""
    return (
        f"Until now {before.where} used this cluster. What it had made is gone: to go on there, "
        "run it again from the top."
    )


def reset_since(cluster: str) -> str:
    """Return who has reset a cluster since this process did; empty if nobody has.

    Empty, too, if this process has not reset it.
    """
    own, last = _own_resets.get(cluster), _last_reset(cluster)
    if own is None or last is None or last.token == own:
        return ""
    return f"{last.where[0].upper()}{last.where[1:]} reset the cluster {cluster!r} at {last.at}"


def _last_reset(cluster: str) -> LastReset | None:
    try:
        return LastReset(**json.loads((cluster_dir(cluster) / _LAST_RESET).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _process(pid: int, began: float) -> psutil.Process | None:
    """Return a process by number and time of creation; None if it has ended."""
    with suppress(psutil.Error):
        found = psutil.Process(pid)
        if found.create_time() == began and found.cmdline():  # empty while it ends
            return found
    return None


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
            next_step="Go on with it, or discard it: reset(force=True), in a terminal "
            f"{course_command('reset --force', cluster)}",
        )
    _write(cluster, replace(found, reset_by=f"{caller()} at {_now()}"))
    with suppress(psutil.Error):
        process.terminate()
        process.wait(timeout=10)


def require_other_task_ended(cluster: str, what: str) -> None:
    """Refuse to begin a task while an open notebook runs one of another lab on the cluster.

    ``what``: how the tasks of this lab begin, such as ``lab 06-roll-within-budget,``.

    Raises:
        InUse: one runs.
    """
    found = usage_of(cluster)
    if found is None or found.process is None or found.is_own or found.what.startswith(what):
        return
    if not psutil.pid_exists(found.kernel):  # nobody waits for it
        return
    raise InUse(
        f"{found.what[0].upper()}{found.what[1:]} runs on the cluster {cluster!r}; the start of "
        "another task destroys it.",
        seen=f"begun by {found.where}",
        next_step="Go on with it, or discard it: start(force=True)",
    )


def caller() -> str:
    """Return the notebook of this kernel in words, as Jupyter names it; else ``a terminal``."""
    name = _notebook()
    return f"{_NOTEBOOK}{name}" if name else "a terminal or a notebook without a name"


def _now() -> str:
    return f"{datetime.now(UTC).astimezone():%H:%M}"


def _notebook() -> str:
    return Path(os.environ.get("JPY_SESSION_NAME") or "").name


def _write(cluster: str, usage: Usage) -> None:
    write_whole(_path(cluster), json.dumps(asdict(usage)))


def _path(cluster: str) -> Path:
    return cluster_dir(cluster) / _FILE
