"""The live view: its frames, and how it comes and goes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fake_server import FakeServer
from fleet import HEADER, Fleet, Record, timeline_of
from test_recorder import recorder

from daemonset_course import live as module
from daemonset_course.figures.rollout.live_view import counts, view
from daemonset_course.history.timeline import Timeline
from daemonset_course.live import live
from daemonset_course.recording.recorder import Recording


def half_way(workers: int = 4) -> list[Record]:
    return Fleet(workers).run(1).apply().run(3).log()


def svg_of(html: str) -> ElementTree.Element:
    (found,) = re.findall(r"<svg viewBox=\"0 0 740.*?</svg>", html, re.S)
    return ElementTree.fromstring(found)


def test_the_view_is_the_drawing_of_the_picture_as_it_grows() -> None:
    log = half_way()
    early, later = (timeline_of([*log[:-1], {"record": "end", "t": t}]) for t in (4.0, 8.0))
    tree = svg_of(view(early))

    words = [text.text or "" for text in tree.iter("text")]
    names = ["control-plane", "worker", "worker2", "worker3", "worker4"]
    assert sorted(word for word in words if word in names) == names
    assert svg_of(view(later)).get("viewBox") == tree.get("viewBox"), "it does not jump"
    assert ">8<" in view(later)
    assert "Pod terminating" in view(early)
    assert "data-d='{" in view(early)


def test_the_view_has_no_script_of_its_own_since_a_widget_runs_none() -> None:
    assert "<script" not in view(timeline_of(half_way()))


def test_the_counts_are_the_status_and_the_budget() -> None:
    assert "DESIRED 4" in counts(timeline_of(half_way()))
    assert counts(timeline_of(half_way())).endswith("budget 1")
    assert counts(timeline_of([HEADER, {"record": "end", "t": 2.0}])) == "2.0 s: no status yet"


def test_a_view_says_what_it_waits_for_in_one_line() -> None:
    stuck = timeline_of(Fleet(4).run(1).apply(bad=Fleet(4).nodes).run(9).log())
    lines = re.findall(r"<div>(.*?)</div>", view(stuck))
    assert lines[1].startswith(
        "Waits: the budget of 1 unavailable node is used up, and this does not end by itself: "
    )

    done = timeline_of(Fleet(4).run(1).log())
    assert re.findall(r"<div>(.*?)</div>", view(done))[1] == "\u00a0"


def test_many_nodes_are_low_rows_of_which_few_are_named() -> None:
    tree = svg_of(view(timeline_of(half_way(150))))

    assert float(tree.get("viewBox", "").split()[-1]) < 800
    named = [text for text in tree.iter("text") if "worker" in (text.text or "")]
    assert 0 < len(named) <= 5


class FakeWidget:
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


class Saved(Recording):
    """A recording that at times cannot be read, apart from its header."""

    def __init__(self) -> None:
        super().__init__(half_way())
        self.unreadable = False

    @property
    def timeline(self) -> Timeline:
        if self.unreadable:
            raise OSError("<unreadable>")
        return super().timeline


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[FakeWidget]:
    views: list[FakeWidget] = []

    def display(html: str) -> tuple[FakeWidget, FakeWidget, FakeWidget]:
        views.append(FakeWidget())
        views[-1].frames.append(html)
        return views[-1], views[-1], FakeWidget()

    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    monkeypatch.setattr(module, "_display", display)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    return views


def test_a_view_is_redrawn_and_goes_with_the_block(views: list[FakeWidget]) -> None:
    with live(Saved()):  # type: ignore[arg-type]
        assert views[0].drawn.wait(10)
        assert not views[0].closed
    assert views[0].closed
    assert "ended" in views[0].last["text/plain"]
    assert module._open_views == {}
    assert not [t for t in threading.enumerate() if t.name.startswith("live")]


def test_an_error_in_the_block_ends_the_view_too(views: list[FakeWidget]) -> None:
    with pytest.raises(ValueError, match="mine"), live(Saved()):  # type: ignore[arg-type]
        raise ValueError("mine")
    assert views[0].closed


def test_a_frame_that_cannot_be_drawn_says_so_above_the_last_good_one(
    views: list[FakeWidget],
) -> None:
    recording = Saved()
    with live(recording):  # type: ignore[arg-type]
        good = views[0].value
        recording.unreadable = True
        views[0].until(lambda html: "cannot draw" in html)
        failed = views[0].value
        recording.unreadable = False
        views[0].until(lambda html: html == good)  # it went on trying

    assert "OSError: &lt;unreadable&gt;" in failed
    assert "the picture below is an old one" in failed
    assert failed.endswith(good)
    assert views[0].last["text/plain"] == "(the live view of agent has ended)"


def test_a_first_frame_that_cannot_be_drawn_does_not_keep_the_block_from_running(
    views: list[FakeWidget],
) -> None:
    recording = Saved()
    recording.unreadable = True
    with live(recording):  # type: ignore[arg-type]
        assert "cannot draw what happens now: OSError" in views[0].value
        assert "old one" not in views[0].value
        recording.unreadable = False
        views[0].until(lambda html: "<svg" in html)


def test_a_view_that_fails_until_the_end_says_so_where_it_was(views: list[FakeWidget]) -> None:
    recording = Saved()
    with live(recording):  # type: ignore[arg-type]
        recording.unreadable = True
        views[0].until(lambda html: "cannot draw" in html)

    assert "its last picture was not shown: OSError" in views[0].last["text/plain"]


def test_a_widget_that_takes_no_frame_is_said_at_the_end_and_tried_again(
    views: list[FakeWidget],
) -> None:
    with live(Saved()):  # type: ignore[arg-type]
        views[0].refuses = RuntimeError("no kernel")
        views[0].until(lambda _: views[0].refused >= 3)

    assert "not shown: RuntimeError: no kernel" in views[0].last["text/plain"]


def test_the_view_of_a_recording_that_runs_ends_now(
    views: list[FakeWidget], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        for one in half_way()[1:-1]:
            recording.change(one["resource"], one["type"], one["via"], one["object"])
        monkeypatch.setattr(type(recording), "elapsed", 60.0)
        with live(recording):
            assert views[0].value == view(recording.timeline)
    assert ">60 s:" in views[0].value or ">60.0 s:" in views[0].value


def test_outside_a_notebook_nothing_is_shown() -> None:
    with live(Saved()):  # type: ignore[arg-type]
        assert module._open_views == {}
