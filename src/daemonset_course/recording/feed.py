"""Follow one collection: list, then watch, and list again after a break, with the break marked.

A feed is one daemon thread. It never bridges a break: from the last moment that was seen until the
list that follows, or until the end if none does, the sink is told of a gap. No error ends a feed.
An error that is not the API server's (the sink's, or the feed's own) opens a gap with a reason that
says so, and is kept in ``failure``; the feed then lists again and goes on.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemonset_course.cluster.api import Api, Object, watch_lines
from daemonset_course.errors import CourseError, in_one_line

QUIET = 15.0  # seconds without a byte, after which a watch counts as dead
LEAVE = 0.5  # seconds that a feed gets to leave a request that nobody answers
LAST = (1.0, 3.0)  # seconds that the last list gets: a busy server is not taken for a dead one
RETRY = 0.2  # seconds between two tries to reach a server that does not answer
LONGEST_RETRY = 5.0  # seconds: after an error of ours, each pause is twice the one before


class Sink(Protocol):
    """Who is told: called on the feed's own thread, in order."""

    def change(self, resource: str, kind: str, via: str, item: Object) -> None:
        """One ADDED, MODIFIED or DELETED object."""

    def gap(self, resource: str, start: float, reason: str) -> None:
        """Nothing was seen from ``start`` (``time.monotonic``) until now."""


@dataclass
class Feed:
    """The changes of one collection, told to a sink until ``stop``."""

    api: Api
    resource: str
    path: str
    sink: Sink
    clock: Callable[[], float] = time.monotonic
    known: dict[str, Object] = field(default_factory=dict)  # by uid

    def __post_init__(self) -> None:
        self.listed = threading.Event()  # the first list is told
        self.failure: BaseException | None = None  # the first error that is not the server's
        self.trouble = ""  # why the last try failed, whosever fault it was
        self._stopping = threading.Event()
        self._answer: Any = None
        self._lost: tuple[float, str] | None = None
        self._heard = 0.0  # until when all that a list or the watch said has been told
        self._doubt: float | None = None  # since when nothing was heard, and nobody answered yet
        self._thread = threading.Thread(target=self._run, name=f"feed-{self.resource}", daemon=True)

    @property
    def lost(self) -> tuple[float, str] | None:
        """Since when nothing is seen, and why; None while the feed follows the collection."""
        return self._lost

    def start(self) -> None:
        """Begin; ``listed`` is set once the present state has been told."""
        self._thread.start()

    def stop(self) -> None:
        """End at once, wherever the watch is; then tell what changed until this moment.

        If that cannot be learnt, tell since when nothing was seen. A second call does nothing.
        """
        if self._thread.ident is None or self._stopping.is_set():
            return  # never started, or stopped already
        self._stopping.set()
        answer = self._answer
        if answer is not None:
            with suppress(Exception):
                answer.shutdown()
        self._thread.join(timeout=LEAVE)
        if not self.listed.is_set():
            return
        self._doubt = self._heard  # the watch was quiet, or dead: the last list tells which
        try:
            if self._thread.is_alive():
                self._blind("a request without an answer")
            else:
                self._list(LAST)
        except CourseError as error:
            self._blind(error.seen or error.failed)
        except Exception as error:
            self._fail(error)
        try:
            self._tell_gap()
        except Exception as error:
            self._fail(error)

    def _run(self) -> None:
        pause = RETRY
        while not self._stopping.is_set():
            try:
                version = self._list()
                if not version:
                    continue
                self.listed.set()
                pause = RETRY
                while version and not self._stopping.is_set():
                    version = self._watch(version)
            except CourseError as error:
                self._blind(error.seen or error.failed)
                self._stopping.wait(RETRY)
            except BaseException as error:  # on this thread nobody else would learn of it
                self._fail(error)
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_RETRY)

    def _list(self, timeout: tuple[float, float] = (2.0, 10.0)) -> str:
        """Tell what differs from what is known; return the version of the list.

        The version is '' when the feed was stopped meanwhile: then ``stop`` lists once more.
        """
        found, version = _items(self.api.request("GET", self.path, timeout=timeout))
        if self._stopping.is_set() and threading.current_thread() is self._thread:
            return ""
        answered = self.clock()
        if self._lost is not None:
            self._tell_gap()
            self._heard = self.clock()
        self._doubt = None
        failure: _SinkError | None = None
        for kind, item in self._differences(found):
            try:
                self._tell(kind, "list", item)
            except _SinkError as error:  # the other objects are told all the same
                failure = failure or error
        if failure is not None:
            raise failure
        self._heard = max(self._heard, answered)
        return version

    def _differences(self, found: dict[str, Object]) -> list[tuple[str, Object]]:
        """Return (type, object) of each change that leads from what is known to a list."""
        changes = [("DELETED", item) for uid, item in self.known.items() if uid not in found]
        for uid, item in found.items():
            old = self.known.get(uid)
            if old is None or _version(old) != _version(item):
                changes.append(("MODIFIED" if old else "ADDED", item))
        return changes

    def _watch(self, version: str) -> str:
        """Tell changes from ``version`` on; the version to go on from, or '' to list again."""
        import urllib3

        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": 300,
        }
        self._answer = self.api.stream(self.path, query=query, timeout=(2.0, QUIET))
        self._heard, self._doubt = self.clock(), None
        lines = watch_lines(self._answer)
        try:
            while not self._stopping.is_set():  # `stop` may come too early to shut this answer down
                try:  # around the stream only: an error of the sink is no break of the watch
                    line = next(lines, None)
                    event = None if line is None else _event(line)
                except urllib3.exceptions.ReadTimeoutError:
                    self._doubt = self._heard
                    return version  # quiet, or dead: the next request tells which
                except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
                    if not self._stopping.is_set():
                        self._blind(f"the watch broke: {in_one_line(error)}")
                    return ""
                if event is None:
                    return version  # the server ended the watch in good order: go on from here
                if self._stopping.is_set():
                    return ""
                self._heard = self.clock()
                kind, item = event
                if kind == "ERROR":
                    self._blind(f"{item.get('code', '')} {item.get('reason', '')}".strip())
                    return ""
                if kind != "BOOKMARK":
                    self._tell(kind, "watch", item)
                version = _version(item)
            return ""
        finally:
            with suppress(Exception):  # whatever this answer said has been read
                self._answer.close()
            self._answer = None

    def _tell(self, kind: str, via: str, item: Object) -> None:
        with _SinkError.instead():
            self.sink.change(self.resource, kind, via, item)
        # After the sink: what it did not take in is told again by the next list.
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            self.known.pop(uid, None)
        else:
            self.known[uid] = item

    def _tell_gap(self) -> None:
        lost, self._lost = self._lost, None  # first: a thread that `stop` left may come here too
        if lost is not None:
            try:
                with _SinkError.instead():
                    self.sink.gap(self.resource, *lost)
            except BaseException:
                self._lost = lost
                raise

    def _blind(self, reason: str) -> None:
        """Remember when the feed first lost sight; several failed tries are one break."""
        self.trouble = reason
        if self._lost is None and self.listed.is_set():
            self._lost = (self.clock() if self._doubt is None else self._doubt, reason)

    def _fail(self, error: BaseException) -> None:
        """Remember an error that is not the server's, and that nothing is seen from it on."""
        error = error.__cause__ or error if isinstance(error, _SinkError) else error
        self.failure = self.failure or error
        self._doubt = self._heard
        self._blind(f"the recorder failed: {in_one_line(error)}")


class _SinkError(Exception):
    """The sink raised ``__cause__``: whatever that is, it is not the API server's error."""

    @staticmethod
    @contextmanager
    def instead() -> Iterator[None]:
        """Raise this error instead of what the block raises."""
        try:
            yield
        except Exception as error:
            raise _SinkError from error


# What the metadata of an event must have; those of a change also have a uid.
_NEEDED: dict[str, set[str]] = {"ERROR": set(), "BOOKMARK": {"resourceVersion"}}


def _items(listing: Any) -> tuple[dict[str, Object], str]:
    """Return the objects of a list by uid, and the version of the list."""
    try:
        found = {item["metadata"]["uid"]: item for item in listing["items"]}
        version = listing["metadata"]["resourceVersion"]
        if not version:
            raise ValueError("no resourceVersion")
        return found, str(version)
    except (KeyError, TypeError, ValueError) as error:
        seen = f"an answer that is not a list: {in_one_line(error)}"
        raise CourseError("The API server's answer cannot be used.", seen=seen) from error


def _event(line: bytes) -> tuple[str, Object]:
    """Return the type and the object of one line of a watch."""
    try:
        event = json.loads(line)
        kind, item = event["type"], event["object"]
        missing = _NEEDED.get(kind, {"resourceVersion", "uid"}) - {*item.get("metadata", {})}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line that is not an event, {line[:60]!r}") from error
    if missing:
        raise ValueError(f"an object without {' and '.join(sorted(missing))}")
    return kind, item


def _version(item: Object) -> str:
    return str(item["metadata"].get("resourceVersion", ""))
