"""How a recording ends: now while it runs, once when it is stopped, and with what went wrong."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from fake_server import FakeServer
from fleet import Fleet
from test_feed import until
from test_recorder import RESOURCES, recorder

from daemonset_course.errors import CourseError, NotFinished
from daemonset_course.history.log import End, Mark
from daemonset_course.recording import recorder as module
from daemonset_course.recording import steps
from daemonset_course.recording.feed import OpenGap
from daemonset_course.recording.recorder import Recorder, Recording


@pytest.fixture
def recording(server: FakeServer, tmp_path: Path) -> Iterator[Recorder]:
    made = recorder(server, tmp_path)
    yield made
    with suppress(CourseError):  # the tests say where it is to be raised
        made.stop()


def replay(recording: Recorder, monkeypatch: pytest.MonkeyPatch, until: float) -> None:
    """Give a recorder the first half of a rollout, as its feeds do; its clock is then ``until``."""
    for record in Fleet(4).run(1).apply().run(3).log(ended=False)[1:]:
        monkeypatch.setattr(Recorder, "elapsed", record["t"])
        recording.change(record["resource"], record["type"], record["via"], record["object"])
    monkeypatch.setattr(Recorder, "elapsed", until)


# While it runs


def test_a_recording_that_runs_ends_now(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replay(recording, monkeypatch, until=60.0)

    timeline = recording.timeline
    assert timeline.end == 60
    lanes = {segment.node for segment in timeline.segments if segment.end == 60}
    assert len(lanes) == 4, "each node shows its Pod until now"
    assert timeline.unavailable.at(60) == 1
    [rollout] = recording.rollouts
    assert rollout.end is None
    recording.save(tmp_path / "so-far.jsonl")
    assert Recording.load(tmp_path / "so-far.jsonl").timeline == timeline
    assert Recording.load(tmp_path / "so-far.jsonl").caption == recording.caption

    monkeypatch.setattr(Recorder, "elapsed", 61.0)
    assert recording.timeline.end == 61, "the end before was not written down"


def test_a_recording_that_runs_ends_now_in_a_recorded_step_too(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replay(recording, monkeypatch, until=60.0)
    header = {"record": "step", "format": steps.FORMAT}

    steps.save(steps.Step(header, {"rollout": recording}, live=True), tmp_path / "00-x.jsonl")

    _, loaded = steps.load(tmp_path / "00-x.jsonl")
    assert loaded["rollout"].timeline == recording.timeline
    assert loaded["rollout"].timeline.end == 60


def test_a_watch_that_is_broken_now_is_a_gap_until_now(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(recording, monkeypatch, until=60.0)
    feeds = {feed.resource: feed for feed in recording._feeds}
    feeds["pods"].open_gap = OpenGap(recording._began + 10, "the watch broke: ProtocolError")

    timeline = recording.timeline
    [gap] = timeline.gaps
    assert (gap.resource, gap.start, gap.end) == ("pods", 10, 60)
    assert timeline.unavailable.at(59) is None
    assert timeline.unavailable.at(9) is not None
    feeds["pods"].open_gap = None
    recording.gap("pods", recording._began + 10, "the watch broke: ProtocolError")
    assert recording.timeline.gaps == (gap,), "the end of the gap is another word on the same one"


def test_the_end_of_a_stopped_recording_stays(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.start()
    monkeypatch.setattr(Recorder, "elapsed", 5.0)
    recording.stop()
    monkeypatch.setattr(Recorder, "elapsed", 9.0)

    assert recording.timeline.end == 5
    assert sum(isinstance(one, End) for one in recording.history.records) == 1


# Once


class Handed:
    """A lock that a feed gets as soon as somebody lets it go."""

    def __init__(self, recording: Recorder) -> None:
        self._lock, self._recording = threading.RLock(), recording
        self._within = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
        if not self._within:
            self._within = True
            self._recording.mark("late")
            self._within = False


def test_a_feed_that_lives_on_writes_nothing_behind_the_end(recording: Recorder) -> None:
    recording.start()
    recording._lock = Handed(recording)  # type: ignore[assignment]

    recording.stop()
    recording.change("pods", "ADDED", "watch", {"metadata": {"name": "late"}})

    assert recording.history.ended


def test_a_second_stop_waits_until_the_first_is_through(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.start()
    asked, go_on = threading.Event(), threading.Event()
    calls = itertools.count()
    feed = recording._feeds[0]
    stop = feed.stop

    def slow() -> None:
        if next(calls) == 0:
            asked.set()
            assert go_on.wait(30)
            recording.mark("last")
        stop()

    monkeypatch.setattr(feed, "stop", slow)
    callers = [threading.Thread(target=recording.stop) for _ in range(2)]
    callers[0].start()
    assert asked.wait(30)
    callers[1].start()
    callers[1].join(0.3)  # too early, it would end the recording before the last word
    go_on.set()
    for caller in callers:
        caller.join(30)

    assert [type(one) for one in recording.history.records[-2:]] == [Mark, End]


# With what went wrong


class Served:
    """A client that lists one object, and whose watches end in good order."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def request(self, *_: Any, **__: Any) -> Any:
        return {"metadata": {"resourceVersion": "9"}, "items": [self.item]}


def failing(recording: Recorder, monkeypatch: pytest.MonkeyPatch, *resources: str) -> None:
    """Let a running recorder fail at objects that only its last lists, at the stop, bring."""
    monkeypatch.setattr(module.log, "without_bookkeeping", lambda item: {}["odd"] if item else item)
    for feed in recording._feeds:
        if feed.resource in resources:
            meta = {"name": "a", "uid": "u1", "resourceVersion": "77"}
            feed.api = Served({"metadata": meta})  # type: ignore[assignment]


@pytest.mark.parametrize("resources", [("pods",), ("nodes", "pods"), tuple(RESOURCES)])
def test_stop_raises_what_failed_in_the_recorder_and_the_recording_is_whole(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch, resources: tuple[str, ...]
) -> None:
    recording.start()
    failing(recording, monkeypatch, *resources)

    with pytest.raises(CourseError, match="The recorder failed") as error:
        recording.stop()

    assert all(name in error.value.failed for name in resources)
    assert "KeyError: 'odd' (test_recorder_ends.py, line " in error.value.seen
    assert "report" in error.value.next_step
    assert isinstance(error.value.__cause__, KeyError)
    gaps = recording.timeline.gaps
    assert sorted(gap.resource for gap in gaps) == sorted(resources)
    assert {gap.reason for gap in gaps} == {"the recorder failed: KeyError: 'odd'"}
    assert recording.history.ended
    assert recording.timeline.end == recording.history.last
    assert recording.stop() is recording, "the error was raised once"


def test_a_block_that_went_well_raises_what_failed_in_the_recorder(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CourseError, match="The recorder failed"), recording:
        failing(recording, monkeypatch, "pods")

    assert recording.history.ended


@pytest.mark.parametrize("own", [ZeroDivisionError("mine"), NotFinished("mine"), SystemExit()])
def test_the_error_of_a_block_is_not_hidden_by_the_recorders_own(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch, own: BaseException
) -> None:
    def block() -> None:
        with recording:
            failing(recording, monkeypatch, "pods")
            raise own

    with pytest.raises(type(own)) as error:
        block()

    assert error.value is own
    [note] = own.__notes__
    assert note.startswith("The recorder failed")
    assert "KeyError: 'odd'" in note
    if isinstance(own, CourseError):
        assert note in own._render_traceback_()
    assert recording.history.ended


def test_an_interrupt_while_the_end_is_waited_for_ends_the_recording(
    recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def block() -> None:
        with recording:
            monkeypatch.setattr(module, "until", interrupt)

    with pytest.raises(KeyboardInterrupt):
        block()

    assert not recording._open
    assert recording.history.ended


def test_a_start_that_fails_says_why(
    server: FakeServer, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_LIST", 0.2)
    monkeypatch.setattr(module.log, "without_bookkeeping", lambda item: {}["odd"] if item else item)
    server.objects = [{"metadata": {"name": "a", "uid": "u1", "resourceVersion": "7"}}]

    until(lambda: recording._feeds[0].api.get("/version"))  # the client is loaded
    with pytest.raises(NotFinished, match="could not list the nodes") as error:
        recording.start()

    assert "the recorder failed: KeyError: 'odd'" in error.value.seen
    assert "KeyError: 'odd'" in error.value.__notes__[0]
    assert not recording._open


def test_a_start_that_the_server_refuses_says_why(
    server: FakeServer, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_LIST", 0.2)
    until(lambda: recording._feeds[0].api.get("/version"))  # the client is loaded
    server.body = b"<html>"

    with pytest.raises(NotFinished) as error:
        recording.start()

    assert "<html>" in error.value.seen
    assert not hasattr(error.value, "__notes__")
