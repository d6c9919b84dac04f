"""Write a file whole or not at all: the old file survives a full disk and a killed process."""

from __future__ import annotations

import os
import tempfile
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
    """Return the error for a file or folder that cannot be written."""
    return FileFailed(
        f"{path} cannot be written; its old content is unchanged.",
        seen=error.strerror or str(error),
        next_step=f"Free some space there, or set {elsewhere.name} to another disk; "
        "then do it again.",
    )


def unreadable(path: Path, error: OSError) -> FileFailed:
    """Return the error for an existing file that cannot be read."""
    return FileFailed(
        f"{path} cannot be read.",
        seen=error.strerror or str(error),
        next_step="Make it a file that you may read, or move it away; then do it again.",
    )
