"""A recording whose API server is gone, or whose own process did not run for a while."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_server import FakeServer

from daemonset_course.cluster import components
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import NotFinished
from daemonset_course.history.log import SUSPENDED
from daemonset_course.history.observed import interruptions
from daemonset_course.history.outages import Down
from daemonset_course.recording.feed import QUIET
from daemonset_course.recording.recorder import FIRST_LIST, LOOK, Recorder

RESOURCES = ["controllerrevisions", "daemonsets", "events", "nodes", "pods"]


def recorder(server: FakeServer, folder: Path, **options: Any) -> Recorder:
    state = SimpleNamespace(backend="fake", kubernetes="v1")
    api = Api(server.kubeconfig(folder))
    cluster: Any = SimpleNamespace(api=api, name="fake", pace=1.0, state=state)
    return Recorder(cluster, "agent", "default", **options)


@pytest.mark.parametrize("down", ["gone", "mute"])
def test_it_stops_in_time_and_says_once_for_each_watch_that_it_saw_nothing(
    tmp_path: Path, down: str
) -> None:
    before = set(threading.enumerate())
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        recording.start()
        deadline = time.monotonic() + 5
        while len(server.watched) < len(RESOURCES):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        server.mute = down == "mute"
        if down == "gone":
            server.__exit__(None, None, None)

        began = time.monotonic()
        recording.stop()
        took = time.monotonic() - began

    assert took < QUIET / 3
    gaps = recording.timeline.gaps
    assert sorted(gap.resource for gap in gaps) == RESOURCES
    assert all(0 <= gap.start < gap.end <= recording.timeline.end for gap in gaps)
    assert recording.history.ended
    assert not [t for t in threading.enumerate() if t not in before and "feed-" in t.name]


def test_a_healthy_one_has_no_gap(tmp_path: Path) -> None:
    with FakeServer() as server, recorder(server, tmp_path) as recording:
        pass

    assert recording.timeline.gaps == ()


def test_a_gap_does_not_outlast_the_recording_by_a_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        recording.start()
        monkeypatch.setattr(Recorder, "elapsed", 1.00004)
        recording.gap("pods", time.monotonic(), "lost")
        recording.stop()

    [gap] = recording.timeline.gaps
    assert gap.end == recording.timeline.end == 1.0


@pytest.mark.parametrize("first", ["a change", "a look", "the end"])
def test_a_suspended_recorder_has_a_gap_and_what_it_gets_late_follows(
    tmp_path: Path, first: str
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        recording.start()
        recording._began -= 60  # its process did not run for a minute
        if first == "a change":
            recording.change("pods", "ADDED", "watch", {"metadata": {"name": "late", "uid": "1"}})
        elif first == "a look":
            assert until(lambda: recording.timeline.gaps, timeout=20, pause=0.01)
        recording.stop()

    gaps = recording.timeline.gaps
    assert sorted(gap.resource for gap in gaps) == RESOURCES
    assert {gap.reason for gap in gaps} == {SUSPENDED}
    assert all(gap.start < 10 < 59 < gap.end for gap in gaps)
    assert all(change.t >= gaps[0].end for change in recording.history.changes("pods"))
    (sentence,) = interruptions(gaps)
    assert sentence.startswith("The recorder was suspended, and saw nothing, from ")


def test_the_wall_clock_does_not_suspend_a_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server, recorder(server, tmp_path) as recording:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        recording.mark("an hour back")
        until(lambda: False, timeout=2 * LOOK, pause=LOOK)

    assert recording.timeline.gaps == ()
    assert recording.timeline.end < 60


def test_what_cannot_be_listed_is_said_at_once_where_the_api_server_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
    down = [Down("kube-apiserver", "ended")]
    recording._down = lambda: down
    monkeypatch.setattr(components, "asker", lambda _name: lambda: down)
    began = time.monotonic()
    with pytest.raises(NotFinished, match="kube-apiserver has ended") as error:
        recording.start()

    assert time.monotonic() - began < FIRST_LIST / 2
    assert "could not list the nodes" in error.value.seen
    assert "course up" in error.value.next_step
