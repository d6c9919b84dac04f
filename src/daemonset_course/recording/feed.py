"""Follow one collection: list, then watch, and list again after a break, with the break marked.

A feed is one daemon thread. It never bridges a break: between the last moment of a lost watch and
the list that follows it, or the end if none does, the feed was blind, and says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemonset_course.cluster.api import Api, Object, watch_lines
from daemonset_course.errors import CourseError

QUIET = 15.0  # seconds without a byte, after which a watch counts as dead
LEAVE = 0.5  # seconds that a feed gets to leave a request that nobody answers
LAST = (1.0, 3.0)  # seconds that the last list gets: a busy server is not taken for a dead one
RETRY = 0.2  # seconds between two tries to reach a server that does not answer


class Sink(Protocol):
    """Who is told: called on the feed's own thread, in order."""

    def change(self, resource: str, kind: str, via: str, item: Object) -> None:
        """One ADDED, MODIFIED or DELETED object."""

    def gap(self, resource: str, start: float, reason: str) -> None:
        """The feed was blind from ``start`` (``time.monotonic``) until now."""


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
        self._stopping = threading.Event()
        self._answer: Any = None
        self._lost: tuple[float, str] | None = None
        self._heard = 0.0  # when a list or the watch last said something
        self._doubt: float | None = None  # since when nothing was heard, and nobody answered yet
        self._thread = threading.Thread(target=self._run, name=f"feed-{self.resource}", daemon=True)

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
        if self._thread.is_alive():
            self._blind("a request without an answer")
        else:
            try:
                self._list(LAST)
            except CourseError as error:
                self._blind(error.seen or error.failed)
        self._tell_gap()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                version = self._list()
                self.listed.set()
                while version and not self._stopping.is_set():
                    version = self._watch(version)
            except CourseError as error:
                self._blind(error.seen or error.failed)
                self._stopping.wait(RETRY)

    def _list(self, timeout: tuple[float, float] = (2.0, 10.0)) -> str:
        """Tell what differs from what is known; returns the version of the list."""
        listing = self.api.request("GET", self.path, timeout=timeout)
        self._heard, self._doubt = self.clock(), None
        self._tell_gap()
        found = {item["metadata"]["uid"]: item for item in listing["items"]}
        for uid in [uid for uid in self.known if uid not in found]:
            self.sink.change(self.resource, "DELETED", "list", self.known.pop(uid))
        for uid, item in found.items():
            old = self.known.get(uid)
            if old is None or _version(old) != _version(item):
                self.sink.change(self.resource, "MODIFIED" if old else "ADDED", "list", item)
            self.known[uid] = item
        return str(listing["metadata"]["resourceVersion"])

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
        try:
            if self._stopping.is_set():
                return ""  # `stop` may have come too early to shut this answer down
            for line in watch_lines(self._answer):
                if self._stopping.is_set():
                    return ""
                self._heard = self.clock()
                event = json.loads(line)
                item = event["object"]
                if event["type"] == "ERROR":
                    self._blind(f"{item.get('code', '')} {item.get('reason', '')}".strip())
                    return ""
                version = str(item["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    self._tell(event["type"], item)
            return version  # the server ended the watch in good order: go on from here
        except urllib3.exceptions.ReadTimeoutError:
            self._doubt = self._heard
            return version  # quiet, or dead: the next request tells which
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            if not self._stopping.is_set():
                self._blind(f"the watch broke: {type(error).__name__}")
            return ""
        finally:
            self._answer.close()
            self._answer = None

    def _tell(self, kind: str, item: Object) -> None:
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            self.known.pop(uid, None)
        else:
            self.known[uid] = item
        self.sink.change(self.resource, kind, "watch", item)

    def _tell_gap(self) -> None:
        lost, self._lost = self._lost, None  # first: a thread that `stop` left may come here too
        if lost is not None:
            self.sink.gap(self.resource, *lost)

    def _blind(self, reason: str) -> None:
        """Remember when the feed first lost sight; several failed tries are one break."""
        if self._lost is None and self.listed.is_set():
            self._lost = (self.clock() if self._doubt is None else self._doubt, reason)


def _version(item: Object) -> str:
    return str(item["metadata"].get("resourceVersion", ""))
