"""A recording whose API server is gone when it stops."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.recording.feed import QUIET
from daemonset_course.recording.recorder import Recorder

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
        monkeypatch.setattr(Recorder, "elapsed", 5.00004)
        recording.gap("pods", time.monotonic(), "lost")
        recording.stop()

    [gap] = recording.timeline.gaps
    assert gap.end == recording.timeline.end == 5.0
