"""The live view: its frames, and how it comes and goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fake_server import FakeServer
from fleet import HEADER, Fleet, Record
from test_recorder import recorder

from daemonset_course import live as module
from daemonset_course.live import live
from daemonset_course.plot.frame import counts, frame
from daemonset_course.timeline.timeline import build


def half_way(workers: int = 4) -> list[Record]:
    return Fleet(workers).run(1).apply().run(3).log()


def test_a_frame_has_a_row_a_node_and_a_bar_a_phase() -> None:
    timeline = build(half_way())
    tree = ElementTree.fromstring(frame(timeline))

    names = [text.text for text in tree.iter("text") if text.get("text-anchor") == "end"]
    assert names == ["control-plane", "worker", "worker2", "worker3", "worker4"]
    numbers = {text.text for text in tree.iter("text")} - set(names)
    assert numbers == {"1", "2"}, "the revisions"
    assert len(list(tree.iter("rect"))) == len(timeline.segments)
    shapes = {rect.get("fill") == "none" for rect in tree.iter("rect")}
    assert shapes == {True, False}, "not by colour alone"
    assert "full: ready" in frame(timeline)


def test_pods_that_share_a_lane_do_not_cover_each_other() -> None:
    timeline = build(Fleet(2, max_unavailable=0, max_surge=1).run(1).apply().run(2).log())
    tree = ElementTree.fromstring(frame(timeline))

    low = [rect for rect in tree.iter("rect") if float(rect.get("height", 0)) < 8]
    assert len({rect.get("y") for rect in low}) > 1


def test_the_counts_are_the_status_and_the_budget() -> None:
    assert "DESIRED 4" in counts(build(half_way()))
    assert counts(build(half_way())).endswith("budget 1")
    assert counts(build([HEADER, {"record": "end", "t": 2.0}])) == "2.0 s: no status yet"


def test_many_nodes_are_low_rows_without_names() -> None:
    tree = ElementTree.fromstring(frame(build(half_way(150))))
    [svg] = tree.iter("svg")
    assert float(svg.get("viewBox", "").split()[-1]) <= 480
    assert list(tree.iter("text")) == []


class Shown:
    """A stand-in for the widget and the output that it is shown in."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.drawn = threading.Event()
        self.refuses: Exception | None = None
        self.refused = 0
        self.closed = False
        self.last: Any = None

    @property
    def value(self) -> str:
        return self.frames[-1]

    @value.setter
    def value(self, html: str) -> None:
        if self.refuses is not None:
            self.refused += 1
            self.drawn.set()
            raise self.refuses
        self.frames.append(html)
        self.drawn.set()

    def until(self, true: Callable[[str], bool]) -> None:
        """Return when something holds for a frame that was drawn from now on."""
        while True:
            self.drawn.clear()
            assert self.drawn.wait(30)
            if true(self.value):
                return

    def close(self) -> None:
        self.closed = True

    def update(self, data: Any, *, raw: bool) -> None:
        assert raw
        self.last = data


class Recording:
    def __init__(self) -> None:
        self.records = half_way()


class Unreadable(list[Record]):
    """Records of which only the header can be read."""

    def __iter__(self) -> Any:
        raise OSError("<unreadable>")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    views: list[Shown] = []

    def display(html: str) -> tuple[Shown, Shown]:
        views.append(Shown())
        views[-1].frames.append(html)
        return views[-1], views[-1]

    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    monkeypatch.setattr(module, "_display", display)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    return views


def test_a_view_is_redrawn_and_goes_with_the_block(shown: list[Shown]) -> None:
    with live(Recording()):  # type: ignore[arg-type]
        assert shown[0].drawn.wait(10)
        assert not shown[0].closed
    assert shown[0].closed
    assert "ended" in shown[0].last["text/plain"]
    assert module._open == {}
    assert not [t for t in threading.enumerate() if t.name.startswith("live")]


def test_an_error_in_the_block_ends_the_view_too(shown: list[Shown]) -> None:
    with pytest.raises(ValueError, match="mine"), live(Recording()):  # type: ignore[arg-type]
        raise ValueError("mine")
    assert shown[0].closed


def test_a_frame_that_cannot_be_drawn_says_so_above_the_last_good_one(shown: list[Shown]) -> None:
    recording = Recording()
    with live(recording):  # type: ignore[arg-type]
        good = shown[0].value
        whole, recording.records = recording.records, Unreadable(recording.records)
        shown[0].until(lambda html: "cannot draw" in html)
        failed = shown[0].value
        recording.records = whole
        shown[0].until(lambda html: html == good)  # it went on trying

    assert "OSError: &lt;unreadable&gt;" in failed
    assert "the picture below is an old one" in failed
    assert failed.endswith(good)
    assert shown[0].last["text/plain"] == "(the live view of agent has ended)"


def test_a_first_frame_that_cannot_be_drawn_does_not_keep_the_block_from_running(
    shown: list[Shown],
) -> None:
    recording = Recording()
    whole, recording.records = recording.records, Unreadable(recording.records)
    with live(recording):  # type: ignore[arg-type]
        assert "cannot draw what happens now: OSError" in shown[0].value
        assert "old one" not in shown[0].value
        recording.records = whole
        shown[0].until(lambda html: "<svg" in html)


def test_a_view_that_fails_until_the_end_says_so_where_it_was(shown: list[Shown]) -> None:
    recording = Recording()
    with live(recording):  # type: ignore[arg-type]
        recording.records = Unreadable(recording.records)
        shown[0].until(lambda html: "cannot draw" in html)

    assert "its last picture was not shown: OSError" in shown[0].last["text/plain"]


def test_a_widget_that_takes_no_frame_is_said_at_the_end_and_tried_again(
    shown: list[Shown],
) -> None:
    with live(Recording()):  # type: ignore[arg-type]
        shown[0].refuses = RuntimeError("no kernel")
        shown[0].until(lambda _: shown[0].refused >= 3)

    assert "not shown: RuntimeError: no kernel" in shown[0].last["text/plain"]


def test_the_view_of_a_recording_that_runs_ends_now(
    shown: list[Shown], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        for one in half_way()[1:-1]:
            recording.change(one["resource"], one["type"], one["via"], one["object"])
        monkeypatch.setattr(type(recording), "elapsed", 60.0)
        with live(recording):
            assert shown[0].value == frame(recording.timeline)
    assert ">60 s:" in shown[0].value or ">60.0 s:" in shown[0].value


def test_outside_a_notebook_nothing_is_shown() -> None:
    with live(Recording()):  # type: ignore[arg-type]
        assert module._open == {}
