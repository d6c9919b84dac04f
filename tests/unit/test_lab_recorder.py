from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from daemonset_course.lab.check import Verdict
from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.errors import CourseError
from daemonset_course.lab import session as labs
from daemonset_course.lab.lab_recorder import LabRecorder, SeenVersions
from daemonset_course.lab.session import LabSession, open_lab


def item(uid: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": uid, "uid": uid, "resourceVersion": str(version)}}


def listing(moment: int, **versions: int) -> dict[str, Any]:
    items = [item(uid, version) for uid, version in versions.items()]
    return {"metadata": {"resourceVersion": str(moment)}, "items": items}


def seen(*events: tuple[str, str, int]) -> SeenVersions:
    made = SeenVersions()
    for kind, uid, version in events:
        made.add(kind, item(uid, version))
    return made


def test_a_list_is_held_when_each_of_its_objects_was_seen_as_new_or_newer() -> None:
    two = seen(("ADDED", "a", 1), ("ADDED", "b", 2))

    assert two.holds(listing(3, a=1, b=2))
    assert not two.holds(listing(4, a=1, b=4))
    assert not two.holds(listing(3, a=1, b=2, c=3))
    assert seen(("ADDED", "a", 1), ("MODIFIED", "a", 5)).holds(listing(2, a=1))


def test_an_object_that_is_listed_no_more_must_be_seen_as_gone_unless_it_came_later() -> None:
    assert not seen(("ADDED", "a", 1)).holds(listing(3))
    assert seen(("ADDED", "a", 1), ("DELETED", "a", 3)).holds(listing(3))
    assert seen(("ADDED", "a", 4)).holds(listing(3))


def test_an_object_that_was_listed_and_is_gone_since_is_held() -> None:
    assert seen(("ADDED", "a", 1), ("DELETED", "a", 5)).holds(listing(3, a=2))


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[LabRecorder]:
    with FakeServer() as server:
        state = SimpleNamespace(backend="fake", kubernetes="v1")
        api = Api(server.kubeconfig(tmp_path))
        cluster: Any = SimpleNamespace(api=api, name="fake", pace=0.0, state=state)
        made = LabRecorder(cluster, "agent", "default")
        made.start()
        yield made
        with suppress(CourseError):  # the tests say where it is to be raised
            made.stop()


@pytest.fixture
def lab(recorder: LabRecorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LabSession:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    session = open_lab("06-roll-within-budget")
    session._recorder, session._number = recorder, 1
    backend = SimpleNamespace(capabilities=set())
    cluster = SimpleNamespace(api=None, pace=0.0, backend=backend)
    monkeypatch.setattr(labs, "current", lambda: cluster)
    monkeypatch.setattr(recorder, "catch_up", lambda _: None)
    return session


def fail(recorder: LabRecorder) -> None:
    """Let a recorder fail at an object that only its last list, at the stop, brings."""
    answer = {"metadata": {"resourceVersion": "9"}, "items": [item("a", 7)]}
    recorder._feeds[3].api = SimpleNamespace(request=lambda *_, **__: answer)  # type: ignore[assignment]
    recorder._seen["pods"].add = lambda *_: {}["odd"]  # type: ignore[method-assign]


@pytest.mark.parametrize("what", ["change", "gap", "mark"])
def test_whoever_waits_for_news_is_woken_by_every_record(recorder: LabRecorder, what: str) -> None:
    words: dict[str, tuple[Any, ...]] = {
        "change": ("pods", "ADDED", "watch", item("a", 1)),
        "gap": ("pods", time.monotonic(), "lost"),
        "mark": ("here",),
    }
    count, woken = len(recorder.history.records), threading.Event()
    deadline = time.monotonic() + 3600

    def wait() -> None:
        if recorder.more_than(count, deadline):
            woken.set()

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    while not recorder._news._waiters:  # type: ignore[attr-defined]
        assert waiter.is_alive()
    getattr(recorder, what)(*words[what])

    assert woken.wait(30)


def test_a_check_judges_until_now_and_once_more_when_its_patience_ends(
    lab: LabSession, recorder: LabRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []

    def judged(evidence: Any, _: Any) -> Verdict:
        ends.append(evidence.timeline.end)
        return Verdict("not yet", "waiting")

    monkeypatch.setattr(labs, "PATIENCE", (0.2, 0.0))
    monkeypatch.setattr(labs, "judge", judged)
    last = recorder.history.last

    assert lab.check(1).outcome == "not yet"
    assert last < ends[0] < ends[-1]
    assert ends[-1] - ends[0] >= 0.2


def test_what_the_recorder_fails_at_when_a_task_is_passed_is_said_beside_the_verdict(
    lab: LabSession, recorder: LabRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs, "judge", lambda *_: Verdict("passed", "done", ("one",)))
    fail(recorder)

    verdict = lab.check(1)

    assert verdict.passed
    assert verdict.observed[0] == "one"
    assert "KeyError: 'odd'" in verdict.observed[1]
    assert not recorder.running


@pytest.mark.parametrize("again", ["start", "reset"])
def test_a_recording_that_is_given_up_says_what_failed_and_holds_nothing_up(
    lab: LabSession, recorder: LabRecorder, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    fail(recorder)
    monkeypatch.setattr(labs, "reset", lambda **_: SimpleNamespace(changes=()))
    task = SimpleNamespace(title="t", prepare=lambda: "prepared")
    monkeypatch.setattr(
        lab, "_lab", SimpleNamespace(task=lambda _: task, workers=1, daemonset="agent", name="x")
    )
    new = SimpleNamespace(start=lambda: None, stop=lambda: None)
    monkeypatch.setattr(labs, "LabRecorder", lambda *_: new)

    words = lab.start(1) if again == "start" else lab.reset()

    assert "KeyError: 'odd'" in words
    assert "Put right: nothing" in words
    assert lab._recorder is (new if again == "start" else None)


def test_the_recorder_raises_it_when_nobody_is_there_to_say_it(recorder: LabRecorder) -> None:
    fail(recorder)

    with pytest.raises(CourseError, match="while it followed the pods"):
        recorder.stop()
