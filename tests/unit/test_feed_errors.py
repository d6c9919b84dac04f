"""The feed when its sink raises or the API server sends broken data: each error is a gap."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_server import FakeServer, bookmark, line, pod
from test_feed import PATH, MemorySink, until

from daemonset_course.cluster.api import Api
from daemonset_course.errors import BadInput, CourseError, NotRunning
from daemonset_course.recording import feed as feed_module
from daemonset_course.recording.feed import Feed

# Also those that a stream or the API server may raise: in the sink they are errors of ours.
ERRORS = [KeyError("x"), ValueError("x"), OSError("x"), AttributeError("x"), BadInput("x"),
          NotRunning("x"), StopIteration("x"), SystemExit("x")]  # fmt: skip


class RefusingSink(MemorySink):
    """A sink that raises for certain objects, a given number of times each."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, int] = {}  # name (or "gap") -> how often
        self.error: BaseException = KeyError("x")
        self.clock = time.monotonic

    def change(self, resource: str, kind: str, via: str, item: Any) -> None:
        self._refuse(item["metadata"]["name"])
        super().change(resource, kind, via, item)

    def gap(self, resource: str, start: float, reason: str) -> None:
        self._refuse("gap")
        super().gap(resource, start, reason)
        self.gaps[-1] = (start, self.clock(), reason)

    def _refuse(self, name: str) -> None:
        if self.refused.get(name, 0) > 0:
            self.refused[name] -= 1
            raise self.error


@pytest.fixture
def sink() -> RefusingSink:
    return RefusingSink()


@pytest.fixture
def feed(api: Api, sink: RefusingSink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(feed_module, "RETRY", 0.01)
    monkeypatch.setattr(feed_module, "LONGEST_RETRY", 0.02)
    made = Feed(api, "pods", PATH, sink)
    yield made
    made.stop()
    made._thread.join(30)
    assert not made._thread.is_alive()


def objects(server: FakeServer, *pods: Any) -> Callable[[], None]:
    """A step of a script that changes what the server lists."""

    def change() -> None:
        server.objects = list(pods)

    return change


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_the_sink_is_a_gap_of_ours_and_the_feed_goes_on(
    server: FakeServer, feed: Feed, sink: RefusingSink, error: BaseException
) -> None:
    sink.error, sink.refused = error, {"b": 1}
    server.script(
        [
            line("ADDED", pod("a", 11)),
            objects(server, pod("a", 11), pod("b", 12)),
            line("ADDED", pod("b", 12)),
        ],
        [line("MODIFIED", pod("a", 13))],
    )

    feed.start()

    assert sink.wait(4) == [
        ("pods", "ADDED", "watch", "a"),
        ("pods", "gap"),
        ("pods", "ADDED", "list", "b"),
        ("pods", "MODIFIED", "watch", "a"),
    ]
    assert sink.gaps[0][2].startswith(f"the recorder failed: {type(error).__name__}: ")
    assert feed.failure is error


def test_a_deletion_that_the_sink_refused_is_told_again(
    server: FakeServer, feed: Feed, sink: RefusingSink
) -> None:
    server.objects = [pod("a", 3)]

    def refuse() -> None:
        sink.refused = {"a": 1}
        server.objects = []

    server.script([refuse, line("DELETED", pod("a", 21))])

    feed.start()

    assert sink.wait(3)[1:] == [("pods", "gap"), ("pods", "DELETED", "list", "a")]


def test_a_relist_tells_the_other_objects_and_the_refused_one_by_the_next_list(
    server: FakeServer, feed: Feed, sink: RefusingSink
) -> None:
    server.objects = [pod("a", 1), pod("b", 2), pod("c", 3)]
    sink.refused = {"b": 1}

    feed.start()

    assert sink.wait(3) == [("pods", "ADDED", "list", name) for name in ("a", "c", "b")]
    assert feed.listed.wait(30)
    assert sink.gaps == []  # before the first whole list nothing is known anyhow
    assert isinstance(feed.failure, KeyError)


def test_an_object_that_is_refused_for_ever_leaves_no_moment_without_a_gap(
    server: FakeServer, feed: Feed, sink: RefusingSink
) -> None:
    ticks = itertools.count(1)
    feed.clock = sink.clock = lambda: float(next(ticks))
    sink.refused = {"bad": 10**6}
    server.script([objects(server, pod("bad", 11)), line("ADDED", pod("bad", 11))])
    feed.start()
    until(lambda: len(sink.gaps) >= 3)
    server.objects = [pod("bad", 11), pod("good", 12)]
    until(lambda: ("pods", "ADDED", "list", "good") in sink.lines)

    feed.stop()

    starts, ends, reasons = zip(*sink.gaps, strict=True)
    assert list(starts[1:]) == [end + 1 for end in ends[:-1]]
    assert sink.lines[-1] == ("pods", "gap")
    assert set(reasons) == {"the recorder failed: KeyError: 'x'"}
    assert not [one for one in sink.lines if one[-1] == "bad"]


def test_a_sink_that_refuses_a_gap_is_told_of_it_again(
    server: FakeServer, feed: Feed, sink: RefusingSink
) -> None:
    sink.refused = {"gap": 1}
    server.script([b"{"])

    feed.start()

    sink.wait(1)
    assert sink.gaps[0][2].startswith("the watch broke")
    assert isinstance(feed.failure, KeyError)


def test_an_error_of_the_sink_while_it_stops_is_a_gap_since_the_last_word(
    server: FakeServer, feed: Feed, sink: RefusingSink
) -> None:
    server.script([line("ADDED", pod("a", 11))])
    feed.start()
    sink.wait(1)
    spoke = time.monotonic()
    server.objects, sink.refused = [pod("late", 50), pod("later", 51)], {"late": 1}

    feed.stop()

    assert sink.lines[1:] == [
        ("pods", "DELETED", "list", "a"),
        ("pods", "ADDED", "list", "later"),
        ("pods", "gap"),
    ]
    assert sink.gaps[0][0] <= spoke
    assert isinstance(feed.failure, KeyError)


def test_a_gap_that_the_sink_refuses_while_it_stops_is_told_all_the_same(
    server: FakeServer, feed: Feed, sink: RefusingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RETRY", 60)

    def fail() -> None:
        server.status = 503

    server.script([fail, b"{"])
    feed.start()
    until(lambda: server.lists >= 2)
    server.status, sink.refused = 200, {"gap": 1}

    feed.stop()

    assert sink.lines == [("pods", "gap")]
    assert sink.gaps[0][2].startswith("the watch broke")
    assert isinstance(feed.failure, KeyError)


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff", b"null", b"[]", b"{}", b'{"items": []}',
     b'{"items": null, "metadata": {}}',
     b'{"items": [{}], "metadata": {"resourceVersion": "9"}}',
     b'{"items": [], "metadata": {"resourceVersion": ""}}'],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_a_gap_of_the_server(
    server: FakeServer, feed: Feed, sink: RefusingSink, body: bytes
) -> None:
    def garble() -> None:
        server.body = body

    server.script([line("ADDED", pod("a", 11)), garble, b"{"], [line("MODIFIED", pod("a", 12))])
    server.objects = []
    feed.start()
    until(lambda: server.lists >= 3)
    server.objects, server.body = [pod("a", 11)], None

    assert sink.wait(3) == [
        ("pods", "ADDED", "watch", "a"),
        ("pods", "gap"),
        ("pods", "MODIFIED", "watch", "a"),
    ]
    assert feed.failure is None


def test_a_first_list_that_cannot_be_read_says_so(server: FakeServer, feed: Feed) -> None:
    server.body = b"<html>"
    feed.start()
    until(lambda: feed.last_error)

    assert "<html>" in feed.last_error
    server.body = None
    assert feed.listed.wait(30)


@pytest.mark.parametrize(
    "raw",
    [b"{", b"\xff", b"null", b"[]", b"7", b'{"type": "ADDED"}', b'{"object": {}}',
     b'{"type": "ADDED", "object": null}', b'{"type": "ADDED", "object": {}}',
     b'{"type": [], "object": {}}', b'{"type": "ERROR", "object": null}',
     b'{"type": "BOOKMARK", "object": {"metadata": {}}}',
     b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "12"}}}',
     b'{"type": "ADDED", "object": {"metadata": null}}'],
)  # fmt: skip
def test_a_line_that_is_no_event_breaks_the_watch(
    server: FakeServer, feed: Feed, sink: RefusingSink, raw: bytes
) -> None:
    server.script([bookmark(11), raw], [line("ADDED", pod("a", 12))])

    feed.start()

    assert sink.wait(2) == [("pods", "gap"), ("pods", "ADDED", "watch", "a")]
    assert sink.gaps[0][2].startswith("the watch broke: ValueError: ")
    assert feed.failure is None


@pytest.mark.parametrize("call", ["request", "stream"])
def test_an_error_of_the_client_is_a_gap_of_ours(
    server: FakeServer, feed: Feed, sink: RefusingSink, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = feed.api
    fail = threading.Event()
    real = getattr(api, call)

    def broken(*args: Any, **options: Any) -> Any:
        if fail.is_set():
            fail.clear()
            raise RuntimeError("odd")
        return real(*args, **options)

    monkeypatch.setattr(api, call, broken)
    after = [b"{"] if call == "request" else ["end"]
    server.script([line("ADDED", pod("a", 11)), fail.set, *after], [line("DELETED", pod("a", 12))])
    server.objects = []

    feed.start()

    assert sink.wait(3)[1] == ("pods", "gap")
    assert isinstance(feed.failure, RuntimeError)
    assert not fail.is_set()


def test_after_errors_of_ours_the_pauses_grow_until_one_list_was_told(
    server: FakeServer, feed: Feed, sink: RefusingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LONGEST_RETRY", 0.05)
    pauses: list[float | None] = []
    wait = feed._stopping.wait
    monkeypatch.setattr(feed._stopping, "wait", lambda t=None: pauses.append(t) or wait(t))
    server.objects, sink.refused = [pod("a", 1)], {"a": 5}
    more = threading.Event()
    server.script([line("MODIFIED", pod("a", 11)), lambda: more.wait(30), b"{"])

    feed.start()
    sink.wait(2)
    assert pauses == [0.01, 0.02, 0.04, 0.05, 0.05]
    server.objects, sink.refused = [pod("a", 12)], {"a": 1}
    more.set()
    until(lambda: len(pauses) >= 6)
    assert pauses[5] == 0.01


class Held:
    """A client whose second list is answered only when it is let go."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self.lists = 0

    def request(self, *_: Any, **__: Any) -> Any:
        self.lists += 1
        if self.lists > 1:
            self.asked.set()
            assert self.answer.wait(30)
        items = [pod("a", self.lists)]
        return {"metadata": {"resourceVersion": "9"}, "items": items}

    def stream(self, *_: Any, **__: Any) -> Any:
        raise CourseError("no watch")


def test_what_is_answered_after_the_stop_is_not_told(sink: RefusingSink) -> None:
    api: Any = Held()
    feed = Feed(api, "pods", PATH, sink)
    feed.start()
    assert api.asked.wait(30)
    feed.stop()
    before = list(sink.lines)

    api.answer.set()
    feed._thread.join(30)

    assert not feed._thread.is_alive()
    assert sink.lines == before == [("pods", "ADDED", "list", "a"), ("pods", "gap")]
