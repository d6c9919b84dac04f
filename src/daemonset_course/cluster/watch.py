"""List a collection, and watch it from the resourceVersion of the list.

    items, version = list_objects(api, "/api/v1/pods")
    with Watch(api, "/api/v1/pods", version, quiet=15) as watch:
        for event in watch:
            print(event.type, event.object["metadata"]["name"])
    print(watch.ended, watch.reason, watch.version)

How a watch ended is data, not an exception. The caller decides whether to watch again, to list
again or to stop.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, NamedTuple

from daemonset_course.cluster.api import TIMEOUT, Api, Object
from daemonset_course.errors import CourseError, in_one_line

Ended = Literal["in order", "quiet", "gone", "broken"]
SERVED = 300  # seconds after which the API server ends a watch in order

_OBJECT = {"name", "uid", "resourceVersion"}  # what the metadata of every object must have
_NEEDED: dict[str, set[str]] = {
    "ADDED": _OBJECT,
    "MODIFIED": _OBJECT,
    "DELETED": _OBJECT,
    "BOOKMARK": {"resourceVersion"},
    "ERROR": set(),
}


class Listing(NamedTuple):
    """The objects of a collection, and the resourceVersion from which a watch can start."""

    items: list[Object]
    version: str


class Event(NamedTuple):
    """One event of a watch. The object of a BOOKMARK has a resourceVersion and nothing else."""

    type: str
    object: Object
    version: str


class Ending(NamedTuple):
    """How a watch ended, and why."""

    ended: Ended
    reason: str


def list_objects(
    api: Api,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    timeout: tuple[float, float] = TIMEOUT,
) -> Listing:
    """Return the objects of a collection and the resourceVersion of the list.

    Raises:
        CourseError: the API server did not answer, answered with an error, or not with a list.
    """
    listing: Any = api.request("GET", path, query=query, timeout=timeout)
    try:
        items, version = list(listing["items"]), listing["metadata"]["resourceVersion"]
        if not version:
            raise ValueError("no resourceVersion")
        for item in items:
            if missing := _OBJECT - {*item["metadata"]}:
                raise ValueError(_without(missing))
    except (KeyError, TypeError, ValueError) as error:
        seen = f"an answer that is not a list: {in_one_line(error)}"
        raise CourseError("The API server's answer cannot be used.", seen=seen) from error
    return Listing(items, str(version))


class Watch:
    """An open watch of one collection: iterate over it once, on one thread.

    ``shutdown`` may be called from any thread.

    Attributes:
        version: the resourceVersion of the last event; a new watch goes on from here.
        ended: None while the watch is open. Then "in order": the server or ``shutdown`` ended it;
            "quiet": nothing came for ``quiet`` seconds, so the server may be dead;
            "gone": the server no longer has the changes since ``version``;
            "broken": the connection, an event or the server failed.
        reason: why it ended, in words.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        version: str,
        *,
        quiet: float,
        query: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the watch, and return when the API server has accepted it.

        Raises:
            CourseError: the API server did not answer, or refused the watch.
        """
        self.version = version
        self.ended: Ended | None = None
        self.reason = ""
        self._shut = threading.Event()
        asked = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": SERVED,
            **(query or {}),
        }
        self._answer = api.stream(path, query=asked, timeout=(TIMEOUT[0], quiet))

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(Exception):  # nothing of this answer is needed any more
            self._answer.close()

    def __iter__(self) -> Iterator[Event]:
        lines = _lines(self._answer)
        while True:
            read = _read(lines)
            if self._shut.is_set():
                read = Ending("in order", "the watch was shut down")
            if isinstance(read, Ending):
                self.ended, self.reason = read
                return
            self.version = read.version
            yield read

    def shutdown(self) -> None:
        """End the watch at once, also while the server sends nothing; no event follows."""
        self._shut.set()
        with suppress(Exception):  # the connection may be closed already
            self._answer.shutdown()


def _read(lines: Iterator[bytes]) -> Event | Ending:
    """Return the next event of an open watch, or how the watch ended."""
    import urllib3  # noqa: PLC0415 - 50 ms

    try:
        line = next(lines, None)
        event = None if line is None else parse(line)
    except urllib3.exceptions.ReadTimeoutError:
        return Ending("quiet", "no event, and no end")
    except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
        # AttributeError: urllib3 raises it when another thread has closed the connection.
        return Ending("broken", f"the watch broke: {in_one_line(error)}")
    if event is None:
        return Ending("in order", "the server ended the watch")
    if event.type == "ERROR":
        code, reason = event.object.get("code", ""), event.object.get("reason", "")
        return Ending("gone" if code == 410 else "broken", f"{code} {reason}".strip())
    return event


def parse(line: bytes) -> Event:
    """Return the event in one line of a watch.

    Raises:
        ValueError: the line is not an event, or its object lacks what every object has.
    """
    try:
        event = json.loads(line)
        kind, item = event["type"], event["object"]
        meta = item.get("metadata", {})
        missing = _NEEDED[kind] - {*meta}
        version = str(meta.get("resourceVersion", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line that is not an event, {line[:60]!r}") from error
    if missing:
        raise ValueError(_without(missing))
    return Event(kind, item, version)


def _without(missing: set[str]) -> str:
    return f"an object without {' and '.join(sorted(missing))}"


def _lines(answer: Any) -> Iterator[bytes]:
    """Yield the lines of an open answer, each as soon as it is complete."""
    rest = b""
    for chunk in answer.stream(amt=None, decode_content=False):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
