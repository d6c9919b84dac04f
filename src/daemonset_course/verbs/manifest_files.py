"""Find and read the files of manifests as ``kubectl apply -f`` does.

A folder gives its own ``.json``, ``.yaml`` and ``.yml`` files in the order of their names, and a
pattern its matches. Source: ``FilenameParam`` and ``ExpandPathsToFileVisitors`` in
``pkg/resource`` of k8s.io/cli-runtime.
"""

from __future__ import annotations

import glob
import os
import re
import select
import stat
import time
from pathlib import Path

from daemonset_course.errors import BadInput
from daemonset_course.manifest_text import decoded

_EXTENSIONS = (".json", ".yaml", ".yml")
_LARGEST = 64 * 2**20  # bytes; etcd takes 1.5 MiB of one object
_WAIT = 3.0  # seconds for the writer of a named pipe
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def is_text(source: str) -> bool:
    """Whether a string is YAML itself, not the path of a file."""
    line = source.strip()
    if "\n" in source or "\r" in source or line.startswith(("{", "[", "---", "\ufeff", "#", "%")):
        return True
    if not line or _ADDRESS.match(line) or _WINDOWS.match(line):
        return False
    return ":" in line and not _exists(line)


def read(source: str | Path) -> list[tuple[str, str]]:
    """Return the path and the text of each file that a path names.

    Args:
        source: a file, a folder or a pattern such as ``labs/*.yaml``; ``~`` is the home folder.

    Raises:
        BadInput: there is no such file, or it cannot be read.
    """
    named = str(source)
    if not named or "\0" in named or re.search("[\ud800-\udfff]", named):
        raise BadInput(f"{named!r} cannot be the name of a file.")
    if named == "-":
        raise BadInput(
            "apply reads no standard input.",
            next_step="Begin the cell with %%kubectl apply -f -, or give apply the YAML text.",
        )
    if _ADDRESS.match(named) or re.match(r"(https?|file):/", named):
        raise BadInput(
            f"apply reads no addresses: {named}",
            next_step="Give the path of a file without file://."
            if named.startswith("file:")
            else f"Have kubectl fetch it: %kubectl apply --server-side -f {named}",
        )
    try:
        path = Path(named).expanduser()
        return [(str(each), _text(each)) for each in _files(path)]
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no such user
        raise BadInput(f"The file {named} cannot be read.", seen=str(error)) from error


def _exists(named: str) -> bool:
    try:
        return Path(named).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(path.iterdir())
        found = [one for one in inside if one.suffix in _EXTENSIONS and not one.is_dir()]
        if not found:
            raise BadInput(
                f"There is no Kubernetes object in the folder {path}.",
                seen=", ".join(one.name for one in inside[:10]) or "it is empty",
                next_step="apply reads its own .json, .yaml and .yml files, not those of folders "
                "in it.",
            )
        return found
    if path.exists():
        return [path]
    if found := [Path(one) for one in sorted(glob.glob(str(path)))]:  # noqa: PTH207 - absolute too
        return [each for one in found for each in _files(one)]
    raise _missing(path)


def _missing(path: Path) -> BadInput:
    if _WINDOWS.match(str(path)):
        return BadInput(
            f"{path} is a path of Windows, and the course runs on Linux.",
            next_step=r"Drive C: is /mnt/c in WSL: C:\lab\x.yaml is /mnt/c/lab/x.yaml.",
        )
    return BadInput(
        f"The file {path} does not exist.",
        seen=f"looked in {Path.cwd()}" if not path.is_absolute() else "",
        next_step="A path begins at the folder of the notebook. In a copied notebook, write the "
        "whole path, or copy the manifest as well.",
    )


def _text(path: Path) -> str:
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        if (size := path.stat().st_size) > _LARGEST:
            raise BadInput(
                f"The file {path} has {size / 2**20:.0f} MiB: it was not read.",
                seen=f"a manifest has at most {_LARGEST / 2**20:g} MiB",
            )
        return decoded(path.read_bytes())
    if stat.S_ISFIFO(mode):
        return decoded(_from_pipe(path))
    raise BadInput(f"{path} is neither a file nor a folder.", next_step="Name the file.")


def _from_pipe(path: Path) -> bytes:
    """Return what is written into a named pipe, which may have no writer."""
    data, deadline = b"", time.monotonic() + _WAIT
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while (left := deadline - time.monotonic()) > 0 and len(data) < _LARGEST:
            if not select.select([pipe], [], [], min(left, 0.05))[0]:
                continue
            if part := os.read(pipe, 1 << 16):
                data, deadline = data + part, time.monotonic() + _WAIT
            elif data:
                return data
            else:
                time.sleep(0.02)  # no writer yet: the pipe always reads as ended
    finally:
        os.close(pipe)
    raise BadInput(
        f"Nothing was written into the named pipe {path} to its end.",
        seen=f"{len(data)} bytes in {_WAIT:g} s",
    )
