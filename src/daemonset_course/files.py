"""Write a file whole or not at all: the old file survives a full disk and a killed process."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from daemonset_course.errors import FileFailed
from daemonset_course.variables import HOME, Variable


def write_whole(path: Path, text: str, *, elsewhere: Variable[Path | None] = HOME) -> None:
    """Replace the content of a file with ``text``, readable by this user alone.

    ``elsewhere`` is the variable that moves the file's folder: an error names it.

    Raises:
        FileFailed: the file cannot be written; it is unchanged.
    """
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise unwritable(path, error, elsewhere) from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def unwritable(path: Path, error: OSError, elsewhere: Variable[Path | None] = HOME) -> FileFailed:
    """Return the error for a file or folder that cannot be written; it names what failed."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str) else path
    return FileFailed(
        f"{path} cannot be written; its old content is unchanged.",
        seen=error.strerror or str(error),
        next_step=f"{_cure(path, error, elsewhere)}; then do it again.",
    )


def refused(error: OSError) -> FileFailed:
    """Return the error for whatever the system refused, where nothing says more about it."""
    named = isinstance(error.filename, str | bytes)
    path = Path(os.fsdecode(error.filename)) if named else Path.cwd()
    return FileFailed(
        f"{path} cannot be used." if named else "The system refused what the course asked for.",
        seen=error.strerror or str(error),
        next_step=f"{_cure(path, error, HOME)}; then do it again.",
    )


def _cure(path: Path, error: OSError, elsewhere: Variable[Path | None]) -> str:
    """Return what to do about an error of the system, by its number."""
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return "Raise the limit of open files: ulimit -n 4096"
        case errno.EAGAIN | errno.ENOMEM:
            return "Close other programs, or raise the limit of processes: ulimit -u 4096"
        case errno.EFBIG:
            return "Raise the limit of a file's size: ulimit -f unlimited"
        case errno.EACCES | errno.EPERM if (other := _foreign(path)) is not None:
            yours = f"sudo chown -R {os.geteuid()} {other}"
            return f"Make it yours: {yours}; or set {elsewhere.name} to a folder of your own"
        case errno.ENOSPC | errno.EDQUOT:
            return f"Free some space there, or set {elsewhere.name} to another disk"
    return f"Set {elsewhere.name} to a folder that you may write to, on a disk with free space"


def _foreign(path: Path) -> Path | None:
    """Return the path, or the folder above it, if it is in this user's home and another's."""
    with suppress(RuntimeError):  # no home
        for one in (path, *path.parents):
            if Path.home() not in one.parents:
                return None
            with suppress(OSError):
                return one if one.lstat().st_uid != os.geteuid() else None
    return None


def unreadable(path: Path, error: OSError) -> FileFailed:
    """Return the error for an existing file that cannot be read."""
    return FileFailed(
        f"{path} cannot be read.",
        seen=error.strerror or str(error),
        next_step="Make it a file that you may read, or move it away; then do it again.",
    )
