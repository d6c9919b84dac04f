"""The list and the watch: every ending of a watch as data."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from fake_server import DROP, END, GONE, FakeServer, bookmark, line, pod

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.watch import Event, Watch, list_objects, parse
from daemonset_course.errors import ApiError, CourseError, NotRunning

PATH = "/api/v1/pods"
A = line("ADDED", pod("a", 11))
FAILED = line("ERROR", {"kind": "Status", "code": 500, "reason": "InternalError"})


def read(api: Api, quiet: float = 20) -> tuple[list[Event], Watch]:
    with Watch(api, PATH, "10", quiet=quiet) as watch:
        assert watch.ended is None
        return list(watch), watch


@pytest.mark.parametrize(
    ("script", "ended", "reason", "version"),
    [
        ([A, END], "in order", "the server ended the watch", "11"),
        ([A, bookmark(42), END], "in order", "the server ended the watch", "42"),
        ([END], "in order", "the server ended the watch", "10"),
        ([A, GONE], "gone", "410 Gone", "11"),
        ([A, FAILED], "broken", "500 InternalError", "11"),
        ([A, DROP], "broken", "the watch broke: ", "11"),
        ([A, b"{"], "broken", "the watch broke: ValueError: a line that is not an event", "11"),
        ([A, line("ADDED", {"metadata": {"resourceVersion": "12"}})], "broken",
         "the watch broke: ValueError: an object without name and uid", "11"),
        ([A, line("NEW", pod("b", 12))], "broken", "the watch broke: ValueError: ", "11"),
    ],
)  # fmt: skip
def test_each_ending_has_its_reason_and_the_last_version(
    server: FakeServer, api: Api, script: list[Any], ended: str, reason: str, version: str
) -> None:
    server.script(script)

    events, watch = read(api)

    assert [e.object for e in events if e.type == "ADDED"] == [A["object"]] * (A in script)
    assert (watch.ended, watch.version) == (ended, version)
    assert watch.reason.startswith(reason)


def test_silence_ends_a_watch_as_quiet(server: FakeServer, api: Api) -> None:
    server.script([A])

    events, watch = read(api, quiet=0.1)

    assert [event.version for event in events] == ["11"]
    assert (watch.ended, watch.version) == ("quiet", "11")


def test_a_shutdown_from_another_thread_ends_silence_at_once(api: Api) -> None:
    with Watch(api, PATH, "10", quiet=20) as watch:
        began = time.monotonic()
        threading.Timer(0.05, watch.shutdown).start()
        assert list(watch) == []

    assert time.monotonic() - began < 5
    assert (watch.ended, watch.reason) == ("in order", "the watch was shut down")
    watch.shutdown()


def test_nothing_follows_a_shutdown(server: FakeServer, api: Api) -> None:
    server.script([A, line("ADDED", pod("b", 12)), line("ADDED", pod("c", 13))])
    seen = []

    with Watch(api, PATH, "10", quiet=20) as watch:
        for event in watch:
            seen.append(event.version)
            watch.shutdown()
    with Watch(api, PATH, "10", quiet=20) as early:
        early.shutdown()
        seen += [event.version for event in early]

    assert seen == ["11"]
    assert watch.ended == early.ended == "in order"
    assert watch.version == "11"


def test_an_error_of_the_reader_is_its_own(server: FakeServer, api: Api) -> None:
    server.script([A])

    def read_wrongly() -> None:
        with Watch(api, PATH, "10", quiet=20) as watch:
            for _ in watch:
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        read_wrongly()


def test_a_watch_that_nobody_accepts_is_an_error(server: FakeServer, api: Api) -> None:
    server.mute = True
    with pytest.raises(NotRunning, match="did not answer") as error:
        Watch(api, PATH, "10", quiet=0.1)
    server.mute = False

    assert error.value.__cause__ is not None


def test_a_list_has_its_version(server: FakeServer, api: Api) -> None:
    server.objects = [pod("a", 3)]

    assert list_objects(api, PATH) == ([pod("a", 3)], "10")


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b"{}", b'{"items": []}', b'{"items": null, "metadata": {}}',
     b'{"items": [{}], "metadata": {"resourceVersion": "9"}}',
     b'{"items": [{"metadata": {"name": "a"}}], "metadata": {"resourceVersion": "9"}}',
     b'{"items": [], "metadata": {"resourceVersion": ""}}'],
)  # fmt: skip
def test_an_answer_that_is_not_a_list_says_so(server: FakeServer, api: Api, body: bytes) -> None:
    server.body = body

    with pytest.raises(CourseError) as error:
        list_objects(api, PATH)

    assert error.value.seen.startswith("an answer that is not a list: ")


def test_a_refused_list_keeps_the_clients_error_as_its_cause(server: FakeServer, api: Api) -> None:
    server.status = 503

    with pytest.raises(ApiError) as error:
        list_objects(api, PATH)

    assert error.value.status == 503
    assert type(error.value.__cause__).__name__ == "ServiceException"


def test_a_line_is_read_without_a_server() -> None:
    raw = b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}'

    assert parse(raw) == ("BOOKMARK", {"metadata": {"resourceVersion": "7"}}, "7")
