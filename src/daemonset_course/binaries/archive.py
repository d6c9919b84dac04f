"""Extract one program from an archive, and write no other file."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from daemonset_course.errors import DownloadFailed

_CHUNK = 1 << 20


def unpack(archive: Path, member: str, target: Path) -> None:
    """Copy one program from a ``.tar.gz`` or ``.zip`` to ``target``, and write no other file.

    Raises:
        DownloadFailed: the archive is damaged, has a path outside itself, or lacks the program.
    """
    broken = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)
    opened = _zipped if zipfile.is_zipfile(archive) else _tarred
    try:
        with opened(archive, member) as program, target.open("wb") as out:
            shutil.copyfileobj(program, out, _CHUNK)
            out.flush()
            os.fsync(out.fileno())
    except broken as error:
        raise _bad_archive(archive, str(error)) from error


@contextlib.contextmanager
def _zipped(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as opened:
        _check_names(archive, member, opened.namelist())
        with opened.open(member) as program:
            yield program


@contextlib.contextmanager
def _tarred(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive, "r:gz") as opened:
        _check_names(archive, member, opened.getnames())
        program = opened.extractfile(member) if opened.getmember(member).isreg() else None
        if program is None:
            raise _bad_archive(archive, f"{member} is not a file")
        yield program


def _check_names(archive: Path, member: str, names: list[str]) -> None:
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise _bad_archive(archive, f"its entry {name!r} points outside the archive")
    if member not in names:
        raise _bad_archive(archive, f"there is no {member} in it")


def _bad_archive(archive: Path, seen: str) -> DownloadFailed:
    return DownloadFailed(
        f"{archive.name} cannot be unpacked.",
        seen=seen,
        next_step="Its checksum is right, so the table in versions.toml is wrong: report it.",
    )
