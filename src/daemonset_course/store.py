"""Read and change a JSON file of the learner's progress, shared by several notebooks.

    {"format": 1, "answers": {...}}

Each change takes a lock and replaces the whole file. A damaged file, or one from a newer version of
the course, is first copied to ``NAME.bad`` (or ``NAME.bad-2``, ...), and the caller gets a note for
the learner. Every failure raises ``FileFailed``.
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
from daemonset_course.variables import HOME, Variable

LOCK_SECONDS = 5.0

T = TypeVar("T")
Content = dict[str, T]


@dataclass(frozen=True)
class _Loaded(Generic[T]):
    """The content of a file.

    Attributes:
        content: the part that can be read.
        source: the file's bytes; None if there is no file.
        problem: what cannot be read and why; empty if all can be read.
    """

    content: Content[T]
    source: bytes | None = None
    problem: str = ""


@dataclass(frozen=True)
class JsonStore(Generic[T]):
    """A file with one object under a key, and a format version. Safe for several processes.

    Attributes:
        format: the version that this code writes and reads.
        key: the key of the object in the file.
        what: the object's name in a note, in the plural.
        parse: returns the readable part of an object, and whether that is all of it; may raise
            ValueError, KeyError, TypeError or AttributeError if nothing can be read.
        elsewhere: the variable that moves the file's folder; an error names it.
    """

    path: Path
    format: int
    key: str
    what: str
    parse: Callable[[Any], tuple[Content[T], bool]]
    elsewhere: Variable[Path | None] = HOME

    def read(self) -> tuple[Content[T], str]:
        """Return the content, and a note for the learner if a file was set aside.

        Raises:
            FileFailed: the file exists and cannot be opened.
        """
        loaded = self._load()
        if not loaded.problem:
            return loaded.content, ""
        kept: list[Content[T]] = []
        try:
            note = self.change(kept.append)  # under the lock: the file may be valid by now
        except FileFailed as error:
            reason = error.seen or error.failed
            where = f"they are still in {self.path}, which cannot be set aside: {reason}"
            return loaded.content, f"{loaded.problem}; {where}."
        return kept[0], note

    def change(self, edit: Callable[[Content[T]], object]) -> str:
        """Let ``edit`` change the content in place; return a note as ``read`` does.

        Nothing is written if the file would stay the same.

        Raises:
            FileFailed: the file cannot be read or written, or another program has locked it; the
                file is unchanged.
        """
        with self._locked():
            loaded = self._load()
            edit(loaded.content)
            text = json.dumps({"format": self.format, self.key: loaded.content}, indent=1)
            if loaded.problem and loaded.source is not None:
                aside = self._set_aside(loaded.source)
                try:
                    write_whole(self.path, text, elsewhere=self.elsewhere)
                except FileFailed:
                    with contextlib.suppress(OSError):
                        aside.unlink()
                    raise
                return f"{loaded.problem}; they are in {aside}."
            if text.encode() != loaded.source:
                write_whole(self.path, text, elsewhere=self.elsewhere)
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
            raise unwritable(self.path, error, self.elsewhere) from error
        except NotImplementedError as error:  # a file system without locks
            raise unwritable(self.path, OSError(str(error)), self.elsewhere) from error
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
        """Write a copy under a new name; never overwrite an earlier copy."""
        for number in count(1):
            ending = "bad" if number == 1 else f"bad-{number}"
            aside = self.path.with_name(f"{self.path.name}.{ending}")
            try:
                handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            except OSError as error:
                raise unwritable(self.path, error, self.elsewhere) from error
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(source)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                with contextlib.suppress(OSError):
                    aside.unlink()
                raise unwritable(self.path, error, self.elsewhere) from error
            return aside
        raise AssertionError  # ``count`` has no end
