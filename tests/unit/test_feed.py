"""The feed against a server that breaks its watches in every way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fake_server import DROP, END, GONE, FakeServer, bookmark, line, pod

from daemonset_course.cluster.api import TIMEOUT, Api
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import NotFinished, NotRunning
from daemonset_course.recording import feed as feed_module
from daemonset_course.recording.feed import Feed

PATH = "/api/v1/pods"


class MemorySink:
    """A sink that keeps its changes and gaps, and waits until it has enough."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.gaps: list[tuple[float, float, str]] = []
        self._news = threading.Condition()

    def change(self, resource: str, kind: str, via: str, item: Any) -> None:
        with self._news:
            self.lines.append((resource, kind, via, item["metadata"]["name"]))
            self._news.notify_all()

    def gap(self, resource: str, start: float, reason: str) -> None:
        with self._news:
            self.lines.append((resource, "gap"))
            self.gaps.append((start, time.monotonic(), reason))
            self._news.notify_all()

    def wait(self, count: int) -> list[Any]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.lines) >= count, timeout=30), self.lines
            return list(self.lines)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("feed-")]
    assert not left


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def feed(api: Api, sink: MemorySink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(feed_module, "RETRY", 0.01)
    made = Feed(api, "pods", PATH, sink)
    yield made
    made.stop()


def test_a_list_then_its_changes(server: FakeServer, feed: Feed, sink: MemorySink) -> None:
    server.objects = [pod("a", 3)]
    server.script([line("ADDED", pod("b", 11)), bookmark(20), line("DELETED", pod("a", 21))])

    feed.start()

    assert sink.wait(3) == [
        ("pods", "ADDED", "list", "a"),
        ("pods", "ADDED", "watch", "b"),
        ("pods", "DELETED", "watch", "a"),
    ]
    assert server.watched == ["10"]


def test_a_watch_that_ends_in_good_order_goes_on_from_its_bookmark(
    server: FakeServer, feed: Feed, sink: MemorySink
) -> None:
    server.script([bookmark(42), END], [line("ADDED", pod("a", 43))])

    feed.start()

    assert sink.wait(1) == [("pods", "ADDED", "watch", "a")]
    assert server.watched == ["10", "42"]
    assert server.lists == 1


def test_410_gone_is_a_gap_and_the_new_list_tells_what_was_missed(
    server: FakeServer, feed: Feed, sink: MemorySink
) -> None:
    server.objects = [pod("same", 1), pod("changed", 2), pod("lost", 3)]

    def meanwhile() -> None:
        server.objects = [pod("same", 1), pod("changed", 30), pod("new", 31)]

    server.script([meanwhile, GONE])

    feed.start()

    assert sink.wait(7)[3:] == [
        ("pods", "gap"),
        ("pods", "DELETED", "list", "lost"),
        ("pods", "MODIFIED", "list", "changed"),
        ("pods", "ADDED", "list", "new"),
    ]
    assert sink.gaps[0][2] == "410 Gone"
    assert sink.gaps[0][0] <= sink.gaps[0][1]


def test_a_dropped_connection_is_a_gap(server: FakeServer, feed: Feed, sink: MemorySink) -> None:
    server.script([line("ADDED", pod("a", 11)), DROP])
    server.objects = []

    feed.start()

    assert sink.wait(3) == [
        ("pods", "ADDED", "watch", "a"),
        ("pods", "gap"),
        ("pods", "DELETED", "list", "a"),
    ]
    assert sink.gaps[0][2].startswith("the watch broke")


def test_several_failed_tries_are_one_gap(server: FakeServer, feed: Feed, sink: MemorySink) -> None:
    def fail() -> None:
        server.status = 503

    server.script([fail, DROP])
    feed.start()
    until(lambda: server.lists >= 4)
    server.status = 200

    sink.wait(1)
    assert len(sink.gaps) == 1


def test_a_quiet_watch_is_opened_again_without_a_gap(
    server: FakeServer, feed: Feed, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "QUIET", 0.05)

    feed.start()

    until(lambda: len(server.watched) >= 3)
    assert sink.gaps == []
    assert server.lists == 1


def test_a_server_that_froze_was_unseen_since_its_last_word(
    server: FakeServer, feed: Feed, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "QUIET", 0.15)

    def freeze() -> None:
        server.mute = True

    server.script([line("ADDED", pod("a", 11)), freeze])
    feed.start()
    sink.wait(1)
    spoke = time.monotonic()
    time.sleep(0.5)  # quiet, then a new watch that nobody answers
    server.mute = False

    sink.wait(2)
    assert sink.gaps[0][0] - spoke < 0.1


def test_a_watch_that_ends_with_410_after_silence_was_unseen_since_the_last_word(
    server: FakeServer, feed: Feed, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "QUIET", 0.3)
    server.script([line("ADDED", pod("a", 11))], [GONE])  # quiet, then accepted and refused

    feed.start()
    sink.wait(1)
    spoke = time.monotonic()

    sink.wait(2)
    assert sink.gaps[0][2] == "410 Gone"
    assert sink.gaps[0][0] - spoke < 0.15


def test_stop_is_quick_in_silence_and_tells_the_last_changes(
    server: FakeServer, feed: Feed, sink: MemorySink
) -> None:
    feed.start()
    until(lambda: server.watched)
    server.objects = [pod("late", 50)]

    began = time.monotonic()
    feed.stop()

    assert time.monotonic() - began < 0.9
    assert sink.lines == [("pods", "ADDED", "list", "late")]


def test_stop_is_quick_when_nobody_answers(server: FakeServer, feed: Feed) -> None:
    server.mute = True
    feed.start()

    began = time.monotonic()
    feed.stop()
    took = time.monotonic() - began
    server.__exit__(None, None, None)  # lets the request go
    feed._thread.join(5)

    assert took < 0.9


def test_a_watch_that_opens_only_after_the_stop_ends_at_once(
    api: Api, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, go_on = threading.Event(), threading.Event()
    stream = api.stream

    def late(*args: Any, **options: Any) -> Any:
        answer = stream(*args, **options)
        opened.set()
        assert go_on.wait(30)
        return answer

    monkeypatch.setattr(api, "stream", late)
    feed.start()
    assert opened.wait(30)
    feed.stop()
    began = time.monotonic()
    go_on.set()
    feed._thread.join(30)

    assert time.monotonic() - began < feed_module.QUIET / 3


@pytest.mark.parametrize("down", ["503", "refused", "mute"])
def test_a_break_that_lasts_until_stop_is_one_gap(
    server: FakeServer, feed: Feed, sink: MemorySink, down: str
) -> None:
    def fail() -> None:
        server.status = 503
        server.mute = down == "mute"

    server.script([line("ADDED", pod("a", 11)), fail, DROP])
    feed.start()
    until(lambda: feed.open_gap)  # it retries, or waits for an answer
    noticed = time.monotonic()
    if down == "refused":
        server.__exit__(None, None, None)
    assert sink.gaps == []

    feed.stop()
    stopped = time.monotonic()
    feed.stop()
    server.mute = False
    feed._thread.join(5)

    assert sink.lines[1:] == [("pods", "gap")]
    start, end, reason = sink.gaps[0]
    assert start <= noticed < end <= stopped
    assert reason.startswith("the watch broke")


@pytest.mark.parametrize("down", ["503", "mute"])
def test_what_the_last_list_finds_out_is_a_gap_since_the_last_word(
    server: FakeServer, feed: Feed, sink: MemorySink, monkeypatch: pytest.MonkeyPatch, down: str
) -> None:
    monkeypatch.setattr(feed_module, "FINAL_LIST_TIMEOUT", (0.1, 0.1))
    server.script([line("ADDED", pod("a", 11))])
    feed.start()
    sink.wait(1)
    spoke = time.monotonic()
    server.status, server.mute = 503, down == "mute"

    feed.stop()

    assert sink.lines[1:] == [("pods", "gap")]
    assert sink.gaps[0][0] <= spoke


def test_a_watch_that_nobody_takes_up_again_is_a_gap_at_stop(
    server: FakeServer, feed: Feed, sink: MemorySink
) -> None:
    def freeze() -> None:
        server.mute = True

    server.script([line("ADDED", pod("a", 11)), freeze, END])
    feed.start()
    sink.wait(1)
    spoke = time.monotonic()
    until(lambda: server.held)

    feed.stop()
    server.mute = False
    feed._thread.join(5)

    assert sink.lines[1:] == [("pods", "gap")]
    assert sink.gaps[0][0] <= spoke


def test_a_break_that_healed_before_stop_is_one_gap(
    server: FakeServer, feed: Feed, sink: MemorySink
) -> None:
    server.script([DROP])
    feed.start()
    until(lambda: len(server.watched) >= 2)

    feed.stop()

    assert sink.lines == [("pods", "gap")]


def test_a_break_that_only_the_last_list_heals_is_one_gap_before_its_changes(
    server: FakeServer, feed: Feed, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RETRY", 60)

    def fail() -> None:
        server.status = 503

    server.script([fail, DROP])
    feed.start()
    until(lambda: server.lists >= 2)
    server.objects, server.status = [pod("late", 50)], 200

    feed.stop()

    assert sink.lines == [("pods", "gap"), ("pods", "ADDED", "list", "late")]


def test_a_feed_that_never_started_can_be_stopped(feed: Feed, sink: MemorySink) -> None:
    feed.stop()

    assert sink.lines == []


@pytest.mark.parametrize("timeout", [0.0, 0.02, 0.1])
def test_a_deadline_is_not_taken_for_a_dead_server(
    server: FakeServer, api: Api, timeout: float
) -> None:
    def wait() -> None:
        wait_for(api, PATH, lambda _: False, what="x", explain=str, timeout=timeout)

    with pytest.raises(NotFinished, match="X: not within"):
        wait()
    server.script([lambda: time.sleep(0.2)])
    with pytest.raises(NotFinished):
        wait()


def test_a_wait_survives_a_broken_watch_and_names_a_dead_server(
    server: FakeServer, api: Api
) -> None:
    def go() -> None:
        server.objects = [pod("a", 12)]

    server.script([DROP], [GONE], [go, END])

    found = wait_for(api, PATH, lambda pods: "a" in pods, what="x", explain=str, timeout=5)

    assert list(found) == ["a"]
    server.__exit__(None, None, None)
    with pytest.raises(NotRunning, match="did not answer"):
        wait_for(api, PATH, lambda _: False, what="x", explain=str, timeout=5)


def test_a_short_wait_does_not_hang_on_a_server_that_says_nothing(
    server: FakeServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemonset_course.cluster.waiting.LIST_SECONDS", 0.2)
    server.mute = True
    began = time.monotonic()

    with pytest.raises(NotRunning, match="did not answer"):
        wait_for(api, PATH, lambda _: False, what="x", explain=str, timeout=0.1)

    assert time.monotonic() - began < TIMEOUT[1] / 2
    server.mute = False


def until(true: Any) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
