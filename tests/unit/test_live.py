"""The live view: its frames, and how it comes and goes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fake_server import FakeServer
from fleet import HEADER, Fleet, Record, change, daemonset, history, listed, node, pod, timeline_of
from test_recorder import recorder

from cell_outputs import FakeOutput, show_in_fakes
from daemonset_course.figures.rollout.live_view import counts, view
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline
from daemonset_course.progress import shown_live
from daemonset_course.recording import live_output as module
from daemonset_course.recording.live_output import LiveView
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


def test_the_script_comes_only_where_it_is_asked_for() -> None:
    timeline = timeline_of(half_way())

    assert "<script" not in view(timeline)
    assert "<script" in view(timeline, scripted=True)


def test_the_last_picture_has_no_empty_line() -> None:
    done = timeline_of(Fleet(4).run(1).log())

    assert "\u00a0" in view(done)
    assert "\u00a0" not in view(done, ended=True)


def test_the_counts_are_the_status_and_the_budget() -> None:
    assert "DESIRED 4" in counts(timeline_of(half_way()))
    assert counts(timeline_of(half_way())).endswith("budget 1")
    assert counts(timeline_of([HEADER, {"record": "end", "t": 2.0}])) == "2.0 s: no status yet"


def gone(*, left: bool) -> Timeline:
    status = {"desiredNumberScheduled": 1, "numberReady": 1}
    away = [] if left else [change(4, "pods", pod("a", "n1"), "DELETED")]
    log = history(
        *listed("nodes", node("n1")), *listed("daemonsets", daemonset(**status)),
        *listed("pods", pod("a", "n1")),
        change(2, "daemonsets", daemonset(**status), "DELETED"), *away, end=6,
    )  # fmt: skip
    return log.timeline()


def test_a_deleted_daemonset_has_no_numbers_and_its_pods_are_counted() -> None:
    html = view(gone(left=False), ended=True)

    assert counts(gone(left=True)) == "6.0 s: the DaemonSet is deleted, 1 Pod left"
    assert counts(gone(left=False)) == "6.0 s: the DaemonSet is deleted, 0 Pods left"
    assert "Waits" not in html
    assert re.findall(r"<td>([^<]*)", html) == ["-"] * 7
    assert '[2,"-","-","-","-","-","-","-"]' in html


def test_the_last_picture_has_no_panel_that_says_nothing() -> None:
    done = timeline_of(Fleet(4).run(1).log())

    assert ">available Pod</text>" in view(done)
    assert ">available Pod</text>" not in view(done, ended=True)
    assert ">available Pod</text>" in view(timeline_of(half_way()), ended=True)


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


def begun_late(log: list[Record], cut: float, end: float) -> list[Record]:
    """The log of a recorder that began at ``cut``: what was there then, and the changes since."""
    there: dict[tuple[str, str], Record] = {}
    for one in (r for r in log if r["record"] == "change" and r["t"] <= cut):
        meta = one["object"]["metadata"]
        key = one["resource"], meta.get("uid", meta["name"])
        there.pop(key, None)
        if one["type"] != "DELETED":
            there[key] = one | {"t": 0.0, "type": "ADDED", "via": "list"}
    since = [r | {"t": r["t"] - cut} for r in log if r["record"] == "change" and r["t"] > cut]
    rest = [one for one in since if one["t"] <= end]
    return [HEADER, *there.values(), *rest, {"record": "end", "t": end}]


def test_a_view_that_began_within_a_rollout_claims_nothing_of_the_time_before() -> None:
    log = Fleet(4).run(1).apply().run(20).log()
    early, done = (timeline_of(begun_late(log, 4.0, end)) for end in (2.0, 12.0))

    assert "UP-TO-DATE 3; 1 node without an available Pod, budget 1" in counts(early)
    assert "Waits: the budget of 1 unavailable node is used up" in view(early)
    assert "UP-TO-DATE 4" in view(done, ended=True)
    for timeline in (early, done):
        assert rollouts(timeline) == (), "its beginning was not seen"
        assert timeline.marks == ()
        assert "seconds since the recording began" in view(timeline)


class Saved(Recording):
    """A recording that at times cannot be read, apart from its header."""

    def __init__(self) -> None:
        super().__init__(half_way())
        self.unreadable = False

    @property
    def recent(self) -> Timeline:
        if self.unreadable:
            raise OSError("<unreadable>")
        return super().recent


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeOutput]]:
    yield show_in_fakes(monkeypatch, PAUSE=0.01, SHARE=0.9, BYTES=10**9)
    module.close_all()


def opened(recording: Recording | None = None, **options: Any) -> LiveView:
    found = LiveView(recording or Saved(), **options)
    found.open()
    return found


def test_a_view_is_redrawn_and_its_last_picture_stays(outputs: list[FakeOutput]) -> None:
    one = opened()
    [output] = outputs
    assert outputs[0].drawn.wait(10)
    assert one.is_open
    assert shown_live == {"agent"}
    assert "<script" in output.frames[0]
    one.close()

    assert not one.is_open
    assert "<figure" in output.html
    assert "<script" in output.html
    assert module._open_views == {}
    assert shown_live == set()
    assert not [t for t in threading.enumerate() if t.name.startswith("live")]

    drawn = len(output.frames)
    one.close("twice")
    assert len(output.frames) == drawn


def test_the_last_picture_is_whole_where_nobody_has_the_recording(
    outputs: list[FakeOutput],
) -> None:
    log = Fleet(4).run(1).apply().run(9).apply().run(9).log()
    for whole in (False, True):
        opened(Recording(log), whole=whole).close()

    left_out = ["plot() shows the whole recording" in one.html for one in outputs]
    assert left_out == [True, False]


def test_why_it_ended_stands_above_the_last_picture(outputs: list[FakeOutput]) -> None:
    opened().close("The cluster <x> is gone.")

    assert "<div>The cluster &lt;x&gt; is gone.</div></div><figure" in outputs[0].html


def test_a_second_view_of_the_name_ends_the_first(outputs: list[FakeOutput]) -> None:
    ended: list[str] = []
    first = opened(closed=lambda: ended.append("first"))
    second = opened()

    assert ended == ["first"]
    assert not first.is_open
    assert second.is_open
    assert "Another live view of agent was opened." in outputs[0].html
    assert shown_live == {"agent"}


def test_a_view_ends_by_itself_when_there_is_nothing_to_show_any_more(
    outputs: list[FakeOutput], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.01)
    words = [""]
    one = opened(ends=lambda: words[0])
    outputs[0].until(lambda _: True)
    words[0] = "The cluster is gone."
    outputs[0].until(lambda html: "The cluster is gone." in html)

    assert not one.is_open


def test_a_frame_that_cannot_be_drawn_says_so_above_the_last_good_one(
    outputs: list[FakeOutput],
) -> None:
    recording = Saved()
    one = opened(recording)
    outputs[0].until(lambda _: True)
    good = outputs[0].html
    recording.unreadable = True
    outputs[0].until(lambda html: "cannot draw" in html)
    failed = outputs[0].html
    recording.unreadable = False
    outputs[0].until(lambda html: html == good)  # it went on trying
    one.close()

    assert "OSError: &lt;unreadable&gt;" in failed
    assert "the picture below is an old one" in failed
    assert failed.endswith(good)
    assert "cannot draw" not in outputs[0].html


def test_a_first_frame_that_cannot_be_drawn_does_not_keep_the_cell_from_running(
    outputs: list[FakeOutput],
) -> None:
    recording = Saved()
    recording.unreadable = True
    opened(recording)
    assert "cannot draw what happens now: OSError" in outputs[0].html
    assert "old one" not in outputs[0].html
    recording.unreadable = False
    outputs[0].until(lambda html: "<svg" in html)


def test_a_view_that_fails_until_the_end_says_so_there(outputs: list[FakeOutput]) -> None:
    recording = Saved()
    one = opened(recording)
    recording.unreadable = True
    outputs[0].until(lambda html: "cannot draw" in html)
    one.close()

    assert "OSError: &lt;unreadable&gt;" in outputs[0].html
    assert "tries again" not in outputs[0].html


def test_an_output_that_takes_no_frame_is_said_in_the_next_one(
    outputs: list[FakeOutput],
) -> None:
    opened()
    outputs[0].refuses = RuntimeError("no kernel")
    outputs[0].until(lambda _: outputs[0].refused >= 3)
    outputs[0].refuses = None
    outputs[0].until(lambda html: "A picture was not shown: RuntimeError: no kernel" in html)


def test_the_view_of_a_recording_that_runs_ends_now(
    outputs: list[FakeOutput], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        recording = recorder(server, tmp_path)
        for one in half_way()[1:-1]:
            recording.change(one["resource"], one["type"], one["via"], one["object"])
        monkeypatch.setattr(type(recording), "elapsed", 60.0)
        opened(recording).close()
    assert ">60 s:" in outputs[0].html or ">60.0 s:" in outputs[0].html


def _fail(output: FakeOutput, error: BaseException) -> None:
    output.until(lambda _: True)
    raise error


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()], ids=repr)
def test_an_error_or_interrupt_in_the_block_leaves_the_last_picture_and_no_thread(
    outputs: list[FakeOutput], tmp_path: Path, error: BaseException
) -> None:
    before = set(threading.enumerate())
    with FakeServer() as server:
        recording = recorder(server, tmp_path, live=True)
        with pytest.raises(type(error)), recording:
            _fail(outputs[0], error)

    assert recording.ended
    assert "<script" in outputs[0].html
    left = {t for t in threading.enumerate() if t.name.startswith(("live", "feed"))} - before
    assert left == set()


@pytest.mark.usefixtures("outputs")
def test_frames_wait_longer_when_they_take_long_or_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            return len(pauses) > 2 or super().wait(0)

    for limit, value in (("SHARE", 1e-6), ("BYTES", 1)):
        pauses.clear()
        one = LiveView(Saved())
        one._ended = Ended()
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            one.open()
            assert one._thread is not None
            one._thread.join(10)
        assert pauses[0] == module.PAUSE
        assert min(pauses[1:]) > 10
        one.close()


def test_outside_a_notebook_nothing_is_shown() -> None:
    one = opened()

    assert not one.is_open
    assert module._open_views == {}
    one.close()
