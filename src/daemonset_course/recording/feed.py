"""Follow one collection: list, then watch; after an interrupted watch, list again and emit a gap.

A feed is one daemon thread. A gap lasts from the last contact until the next list, or until the end
of the feed if no list follows. No error ends a feed. An error that does not come from the API
server (the sink or the feed raised it) begins a gap whose reason names it, and is kept in
``failure``; the feed then lists again and goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, assert_never

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.watch import Watch, list_objects
from daemonset_course.errors import CourseError, in_one_line

QUIET = 15.0  # seconds without a byte, after which a watch counts as dead
STOP_TIMEOUT = 0.5  # seconds that `stop` waits for a request without an answer
# Seconds (connect, read): a busy server must not be reported as down.
FINAL_LIST_TIMEOUT = (1.0, 3.0)
RETRY = 0.2  # seconds between two tries to reach a server that does not answer
LONGEST_RETRY = 5.0  # seconds: after an error of the sink or the feed, pauses double until then


class Sink(Protocol):
    """The receiver of the changes and gaps: called on the feed's own thread, in order."""

    def change(self, resource: str, kind: str, via: str, item: Object) -> None:
        """Take one ADDED, MODIFIED or DELETED object."""

    def gap(self, resource: str, start: float, reason: str) -> None:
        """Take a gap: the watch was interrupted from ``start`` (``time.monotonic``) until now."""


class OpenGap(NamedTuple):
    """A gap that has not ended yet."""

    start: float
    reason: str


@dataclass
class Feed:
    """The changes of one collection, emitted to a sink until ``stop``.

    What follows when a watch ends:

    ========  ======================  =========================================
    in order  watch on                no gap
    quiet     watch on                a gap, if the next request is not answered
    gone      list again              a gap
    broken    list again              a gap
    ========  ======================  =========================================
    """

    api: Api
    resource: str
    path: str
    sink: Sink
    clock: Callable[[], float] = time.monotonic
    objects: dict[str, Object] = field(default_factory=dict)  # by uid

    def __post_init__(self) -> None:
        self.listed = threading.Event()  # the first list is emitted
        self.failure: BaseException | None = None  # the first error of the sink or the feed
        self.last_error = ""  # why the last try failed: the server's error, or another
        self.open_gap: OpenGap | None = None  # None while the feed follows the collection
        self._last_contact = 0.0  # everything that the server sent until then is emitted
        self._unconfirmed_since: float | None = None  # the server may be down since then
        self._stopping = threading.Event()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, name=f"feed-{self.resource}", daemon=True)

    def start(self) -> None:
        """Start the thread; ``listed`` is set once the present state has been emitted."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch at once, also a quiet one; then list, and emit what changed until now.

        If the final list fails, emit a gap that starts at the last contact. A second call does
        nothing.
        """
        if self._thread.ident is None or self._stopping.is_set():
            return  # never started, or stopped already
        self._stopping.set()
        if watch := self._watch:
            watch.shutdown()
        self._thread.join(timeout=STOP_TIMEOUT)
        if not self.listed.is_set():
            return
        self._unconfirmed_since = self._last_contact  # until the final list is answered
        try:
            if self._thread.is_alive():
                self._begin_gap("a request without an answer")
            else:
                self._list(FINAL_LIST_TIMEOUT)
        except CourseError as error:
            self._begin_gap(error.seen or error.failed)
        except Exception as error:
            self._fail(error)
        try:
            self._emit_gap()
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
                    version = self._follow(version)
            except CourseError as error:
                self._begin_gap(error.seen or error.failed)
                self._stopping.wait(RETRY)
            except BaseException as error:  # an error that leaves this thread would be lost
                self._fail(error)
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_RETRY)

    def _list(self, timeout: tuple[float, float] = (2.0, 10.0)) -> str:
        """Emit what differs from ``objects``; return the version of the list.

        The version is '' if the feed was stopped meanwhile: ``stop`` then lists once more.
        """
        items, version = list_objects(self.api, self.path, timeout=timeout)
        if self._stopping.is_set() and threading.current_thread() is self._thread:
            return ""
        answered = self.clock()
        if self.open_gap is not None:
            self._emit_gap()
            self._last_contact = self.clock()
        self._unconfirmed_since = None
        failure: _SinkError | None = None
        for kind, item in self._differences({item["metadata"]["uid"]: item for item in items}):
            try:
                self._emit(kind, "list", item)
            except _SinkError as error:  # the other objects are emitted all the same
                failure = failure or error
        if failure is not None:
            raise failure
        self._last_contact = max(self._last_contact, answered)
        return version

    def _differences(self, found: dict[str, Object]) -> list[tuple[str, Object]]:
        """Return the (type, object) of each change from ``objects`` to those of a list."""
        changes = [("DELETED", item) for uid, item in self.objects.items() if uid not in found]
        for uid, item in found.items():
            old = self.objects.get(uid)
            if old is None or _version(old) != _version(item):
                changes.append(("MODIFIED" if old else "ADDED", item))
        return changes

    def _follow(self, version: str) -> str:
        """Emit changes from ``version`` on; return the version to watch from, or '' to list."""
        self._watch = watch = Watch(self.api, self.path, version, quiet=QUIET)
        if self._stopping.is_set():  # `stop` may have come too early to shut this watch down
            watch.shutdown()
        before = self._unconfirmed_since
        self._last_contact, self._unconfirmed_since = self.clock(), None
        try:
            with watch:
                for event in watch:
                    before, self._last_contact = None, self.clock()
                    if event.type != "BOOKMARK":
                        self._emit(event.type, "watch", event.object)
        finally:
            self._watch = None
        match watch.ended:
            case "in order":
                return watch.version
            case "quiet":
                self._unconfirmed_since = self._last_contact
                return watch.version
            case "gone" | "broken" | None:
                # The server accepts a watch first, and sends 410 as its first event.
                self._unconfirmed_since = before
                self._begin_gap(watch.reason)
                return ""
            case _:
                assert_never(watch.ended)

    def _emit(self, kind: str, via: str, item: Object) -> None:
        with _SinkError.wrap_errors():
            self.sink.change(self.resource, kind, via, item)
        # After the sink: if it raised, the next list emits the object again.
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            self.objects.pop(uid, None)
        else:
            self.objects[uid] = item

    def _begin_gap(self, reason: str) -> None:
        """Keep the start of a gap, unless one is open: several failed tries are one gap."""
        self.last_error = reason
        if self.open_gap is None and self.listed.is_set():
            since = self._unconfirmed_since
            self.open_gap = OpenGap(self.clock() if since is None else since, reason)

    def _emit_gap(self) -> None:
        # Cleared first: a thread that `stop` did not wait for may emit the gap, too.
        gap, self.open_gap = self.open_gap, None
        if gap is not None:
            try:
                with _SinkError.wrap_errors():
                    self.sink.gap(self.resource, *gap)
            except BaseException:
                self.open_gap = gap
                raise

    def _fail(self, error: BaseException) -> None:
        """Keep an error of the sink or the feed, and begin a gap at the last contact."""
        error = error.__cause__ or error if isinstance(error, _SinkError) else error
        self.failure = self.failure or error
        self._unconfirmed_since = self._last_contact
        self._begin_gap(f"the recorder failed: {in_one_line(error)}")


class _SinkError(Exception):
    """An error of the sink, which is its ``__cause__``: the API server did not cause it."""

    @staticmethod
    @contextmanager
    def wrap_errors() -> Iterator[None]:
        """Raise this error from any error of the block."""
        try:
            yield
        except Exception as error:
            raise _SinkError from error


def _version(item: Object) -> str:
    return str(item["metadata"].get("resourceVersion", ""))
