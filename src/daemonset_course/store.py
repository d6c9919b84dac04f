"""A JSON file of the learner's progress, which several notebooks read and change.

    {"format": 1, "answers": {...}}

A change is made under a lock and written as a whole. A damaged file, or one of a newer version of
the course, is copied to ``NAME.bad`` (or ``NAME.bad-2``, ...) before anything replaces it, and the
caller gets a note to show to the learner. Every failure is a ``FileFailed``.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock, Timeout

from daemonset_course.errors import FileFailed
from daemonset_course.files import unreadable, unwritable, write_whole

LOCK_SECONDS = 5.0

T = TypeVar("T")
Content = dict[str, T]


@dataclass(frozen=True)
class _Loaded(Generic[T]):
    """What a file holds.

    Attributes:
        content: what can be read of it.
        source: the file's bytes; None where there is no file.
        problem: what cannot be read and why; empty where all can.
    """

    content: Content[T]
    source: bytes | None = None
    problem: str = ""


@dataclass(frozen=True)
class JsonStore(Generic[T]):
    """A file with one object, by key, under a format version. Safe to use from several processes.

    Attributes:
        format: the version that this code writes and reads.
        key: where the file keeps the object.
        what: the object's name in a note, in the plural.
        parse: returns what can be read of an object, and whether that is all of it; may raise
            ValueError, KeyError, TypeError or AttributeError where nothing can be read.
    """

    path: Path
    format: int
    key: str
    what: str
    parse: Callable[[Any], tuple[Content[T], bool]]

    def read(self) -> tuple[Content[T], str]:
        """Return the content, and a note to show where a file had to be set aside.

        Raises:
            FileFailed: the file is there and cannot be opened.
        """
        loaded = self._load()
        if not loaded.problem:
            return loaded.content, ""
        kept: list[Content[T]] = []
        try:
            note = self.change(kept.append)  # under the lock, the file may be a good one by now
        except FileFailed as error:
            reason = error.seen or error.failed
            where = f"they are still in {self.path}, which cannot be set aside: {reason}"
            return loaded.content, f"{loaded.problem}; {where}."
        return kept[0], note

    def change(self, edit: Callable[[Content[T]], object]) -> str:
        """Let ``edit`` change the content in place; return a note as ``read`` does.

        Nothing is written where the file would stay the same.

        Raises:
            FileFailed: the file cannot be read or written, or another program holds it; it is as
                it was.
        """
        with self._locked():
            loaded = self._load()
            edit(loaded.content)
            text = json.dumps({"format": self.format, self.key: loaded.content}, indent=1)
            if loaded.problem and loaded.source is not None:
                aside = self._set_aside(loaded.source)
                try:
                    write_whole(self.path, text)
                except FileFailed:
                    with contextlib.suppress(OSError):
                        aside.unlink()
                    raise
                return f"{loaded.problem}; they are in {aside}."
            if text.encode() != loaded.source:
                write_whole(self.path, text)
            return ""

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(f"{self.path}.lock", timeout=LOCK_SECONDS, mode=0o600)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        except Timeout as error:
            raise FileFailed(
                f"{self.path} is in use by another notebook; nothing was changed.",
                seen=f"its lock was not free within {LOCK_SECONDS:g} s",
                next_step="Run the cell again.",
            ) from error
        except OSError as error:
            raise unwritable(self.path, error) from error
        except NotImplementedError as error:  # a file system without locks
            raise unwritable(self.path, OSError(str(error))) from error
        try:
            yield
        finally:
            lock.release()

    def _load(self) -> _Loaded[T]:
        try:
            source = self.path.read_bytes()
        except FileNotFoundError:
            return _Loaded({})
        except OSError as error:
            raise unreadable(self.path, error) from error
        damaged = f"Earlier {self.what} could not be read"
        try:
            stored = json.loads(source)
            found = stored["format"]
            if isinstance(found, int) and found > self.format:
                newer = f"Earlier {self.what} were written by a newer version of the course"
                return _Loaded({}, source, newer)
            if found != self.format:
                return _Loaded({}, source, damaged)
            content, whole = self.parse(stored[self.key])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return _Loaded({}, source, damaged)
        some = f"Some earlier {self.what} could not be read" if content else damaged
        return _Loaded(content, source, "" if whole else some)

    def _set_aside(self, source: bytes) -> Path:
        """Keep a copy; an earlier one is never overwritten."""
        for number in count(1):
            ending = "bad" if number == 1 else f"bad-{number}"
            aside = self.path.with_name(f"{self.path.name}.{ending}")
            try:
                handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            except OSError as error:
                raise unwritable(self.path, error) from error
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(source)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                with contextlib.suppress(OSError):
                    aside.unlink()
                raise unwritable(self.path, error) from error
            return aside
        raise AssertionError  # ``count`` has no end
