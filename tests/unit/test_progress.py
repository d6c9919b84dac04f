"""What a wait says: where, how often, and in which words."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer
from fleet import Fleet, timeline_of

from daemonset_course import progress
from daemonset_course.analysis.explain import so_far
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import NotFinished
from daemonset_course.progress import Bars, Lines, waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Shown(list[tuple[str, bool]]):
    """The texts that a notebook's line had, each with whether it was the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def __call__(self, text: str, last: bool) -> None:
        self.append((text, last))
        self.came.set()

    def wait(self, text: str) -> None:
        while text not in [one for one, _ in self]:
            self.came.clear()
            if text not in [one for one, _ in self]:
                assert self.came.wait(30), self


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    found = Shown()
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "_notebook_line", lambda: found)
    monkeypatch.setattr(progress, "FIRST", 0.01)
    monkeypatch.setattr(progress, "PAUSE", 0.01)
    monkeypatch.setattr(progress, "SHARE", 1e9)
    yield found
    progress.shown_live.clear()
    assert not [t for t in threading.enumerate() if t.name == "wait" and t.join(5)]


def test_the_innermost_wait_that_knows_how_far_it_is_says_it(shown: Shown) -> None:
    with waiting("the start of the task"):
        shown.wait("Waiting for the start of the task")
        with waiting("all nodes Ready", lambda: "not Ready: worker3"):
            shown.wait("Waiting for the start of the task: all nodes Ready: not Ready: worker3")
            with waiting("kubectl get pods"):
                shown.clear()
                shown.wait("Waiting for the start of the task: all nodes Ready: not Ready: worker3")
        shown.clear()
        shown.wait("Waiting for the start of the task")

    text, last = shown[-1]
    assert last
    assert text.endswith(" s for the start of the task.")
    assert text.startswith("Waited ")


def test_equal_words_stand_once(shown: Shown) -> None:
    with waiting("the rollout of agent"), waiting("the rollout of agent", lambda: "1 of 3"):
        shown.wait("Waiting for the rollout of agent: 1 of 3")


def test_the_last_line_says_the_result_or_that_there_is_none(shown: Shown) -> None:
    with waiting("x") as wait:
        shown.wait("Waiting for x")
        wait.result = "3 of 3"
    assert shown[-1][0].endswith("s for x: 3 of 3")

    with pytest.raises(KeyboardInterrupt), waiting("x"):
        _interrupt(shown)
    assert shown[-1][0].endswith("s for x: not in this time")


def _interrupt(shown: Shown) -> None:
    shown.clear()
    shown.wait("Waiting for x")
    raise KeyboardInterrupt


def test_words_that_cannot_be_worked_out_are_left_out_and_asked_for_again(shown: Shown) -> None:
    answers = iter([OSError("busy"), OSError("busy")])

    def say() -> str:
        if (error := next(answers, None)) is not None:
            raise error
        return "2 of 3"

    with waiting("x", say):
        shown.wait("Waiting for x: 2 of 3")
    assert shown[0][0] == "Waiting for x"


def test_a_line_is_cut(shown: Shown) -> None:
    with waiting("x", lambda: "long " * 200):
        while not shown:
            shown.came.wait(1)
    assert len(shown[0][0]) <= progress.LONGEST


def test_while_a_live_view_shows_the_daemonset_no_line_does(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = threading.Semaphore(0), progress._Line._text

    def text(line: progress._Line) -> str:
        asked.release()
        return real(line)

    monkeypatch.setattr(progress._Line, "_text", text)
    progress.shown_live.add("agent")
    with waiting("the rollout of agent", about="agent"), waiting("pods", lambda: "1 of 3"):
        for _ in range(3):
            assert asked.acquire(timeout=30)
        assert shown == []
        progress.shown_live.discard("agent")
        shown.wait("Waiting for the rollout of agent: pods: 1 of 3")


def test_a_wait_in_another_thread_says_nothing(shown: Shown) -> None:
    def other() -> None:
        with waiting("x"):
            assert progress._Line.now is None

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert shown == []


def test_a_terminal_gets_a_line_now_and_then_and_none_over_a_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, now = Terminal(), [100.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    show = progress._terminal_line()
    for now[0] in (100.0, 105.0, 109.9, 110.0):
        show(f"at {now[0]}", False)
    show("the end", True)
    monkeypatch.setattr(Bars, "open", True)
    now[0] = 200.0
    show("over a bar", False)

    assert terminal.getvalue() == "at 100.0\nat 110.0\n"


def test_a_pipe_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with waiting("x"):
        assert progress._Line.now is None


def test_a_notebook_s_steps_go_to_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    report = progress.progress()
    report.done("Starting")

    assert type(report) is Lines
    assert out.getvalue() == "Starting\n"


def test_waiting_for_a_collection_says_what_is_missing(shown: Shown, tmp_path: Path) -> None:
    with FakeServer() as server, pytest.raises(NotFinished, match="All nodes: not within 1 s"):
        wait_for(
            Api(server.kubeconfig(tmp_path)), "/api/v1/nodes", lambda _: False,
            what="all nodes", explain=lambda items: f"{len(items)} nodes", timeout=1,
        )  # fmt: skip
    assert "Waiting for all nodes: 0 nodes" in [text for text, _ in shown]


# The words


def test_a_rollout_counts_the_nodes_that_are_done_and_names_what_the_others_lack() -> None:
    fleet = Fleet(4).run(1)
    assert so_far(timeline_of(fleet.log())) == "4 of 4 nodes have an available new Pod"

    words = so_far(timeline_of(fleet.apply(bad=["course-worker2"]).run(30).log()))
    count, _, why = words.partition(" nodes have an available new Pod; ")
    assert count in ("0 of 4", "1 of 4", "2 of 4", "3 of 4")
    assert "ImagePullBackOff" in why
    assert "worker2" in why
