"""The log of a task: what the recorder process writes, and what reads it meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.processes import RECORDER
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import BadInput, FileFailed, NotRunning
from daemonset_course.history import log
from daemonset_course.history.outages import Down
from daemonset_course.lab import lab_log, lab_recorder
from daemonset_course.lab.evidence import RIGHTS, WORKLOADS
from daemonset_course.lab.lab_log import LabRecording, SeenVersions, is_running
from daemonset_course.lab.lab_recorder import CLOCK, LOG, LabRecorder, main
from daemonset_course.recording.recorder import SUSPENDED

MARK = b'{"record": "mark", "t": 0.0, "text": "here", "kind": "note", "node": ""}\n'


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


# What is written, and read meanwhile


@pytest.fixture
def cluster(server: FakeServer, tmp_path: Path) -> Any:
    api = Api(server.kubeconfig(tmp_path))
    state = SimpleNamespace(backend="fake", kubernetes="v1")
    return SimpleNamespace(api=api, name="fake", pace=0.0, state=state)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lab"
    made.mkdir()
    return made


@pytest.fixture
def recorder(cluster: Any, folder: Path) -> Iterator[LabRecorder]:
    made = LabRecorder(cluster, "agent", "default", folder)
    made.start()
    yield made
    made.stop()


def add(recorder: LabRecorder, *names: str) -> None:
    for version, name in enumerate(names, 1):
        recorder.change("pods", "ADDED", "watch", item(name, version))


def texts(recording: LabRecording) -> list[str]:
    """Pods and marks of a recording, in its order."""
    return [
        record.text if isinstance(record, log.Mark) else record.object["metadata"]["name"]
        for record in recording._history.records
        if isinstance(record, log.Mark | log.Change)
    ]


def test_the_file_is_read_while_it_is_written(recorder: LabRecorder, folder: Path) -> None:
    recording = LabRecording(folder)
    add(recorder, "a", "b")
    recording.read()
    early = texts(recording)
    recorder.gap("pods", time.monotonic(), "lost")
    recorder.component("kube-scheduler", "stopped")
    recording.read()

    assert early == ["a", "b"]
    assert recording._history.records == recorder._history.records
    assert LabRecording(folder)._history.records == recorder._history.records


@pytest.mark.usefixtures("recorder")
def test_a_line_is_read_when_it_is_complete(folder: Path) -> None:
    recording = LabRecording(folder)
    with (folder / LOG).open("ab", buffering=0) as file:
        file.write(MARK[:20])
        before = recording.read()
        file.write(MARK[20:])

    assert recording.read() == before + 1
    assert texts(recording) == ["here"]


@pytest.mark.parametrize("line", ["{", "[]", "1", '{"record": "mark"}', '{"record": "odd"}', ""])
@pytest.mark.parametrize("name", [LOG, lab_log.MARKS])
@pytest.mark.usefixtures("recorder")
def test_a_damaged_line_is_an_error_at_every_read(folder: Path, name: str, line: str) -> None:
    recording = LabRecording(folder)
    with (folder / name).open("a") as file:
        file.write(f"{line}\n{MARK.decode()}")

    for read in (recording.read, recording.read, lambda: LabRecording(folder)):
        with pytest.raises(BadInput, match="is damaged"):
            read()


@pytest.mark.usefixtures("recorder")
def test_a_log_that_is_gone_or_was_never_there_is_an_error(folder: Path) -> None:
    recording = LabRecording(folder)
    (folder / LOG).unlink()

    with pytest.raises(BadInput, match="is gone"):
        recording.read()
    with pytest.raises(BadInput, match="no recording of a task"):
        LabRecording(folder)


def test_marks_of_any_process_are_read_at_their_place(recorder: LabRecorder, folder: Path) -> None:
    one, other = LabRecording(folder), LabRecording(folder)
    add(recorder, "a")
    one.mark("first")
    other.read()
    add(recorder, "b")
    other.read()
    other.mark("second")
    one.read()
    other.read()

    assert texts(other) == ["a", "first", "b", "second"]
    assert sorted(texts(one)) == sorted(texts(other))
    for recording in (one, other):
        times = [getattr(record, "t", 0.0) for record in recording._history.records]
        assert times == sorted(times)


def test_a_change_that_is_read_after_a_later_mark_is_not_before_it(
    recorder: LabRecorder, folder: Path
) -> None:
    recording = LabRecording(folder)
    (folder / lab_log.MARKS).write_bytes(MARK.replace(b"0.0", b"99.0"))
    recording.read()
    add(recorder, "late")
    recording.read()

    assert texts(recording) == ["here", "late"]
    assert [mark.t for mark in recording._history.marks] == [99.0]
    assert recording._history.records[-1].t == 99.0  # type: ignore[union-attr]


@pytest.mark.usefixtures("recorder")
def test_a_mark_that_is_written_just_now_waits_for_its_end(folder: Path) -> None:
    recording = LabRecording(folder)
    path = folder / lab_log.MARKS
    path.write_bytes(MARK[:30])
    recording.read()
    path.write_bytes(MARK)
    recording.read()

    assert texts(recording) == ["here"]


@pytest.mark.usefixtures("recorder")
def test_a_mark_that_cannot_be_written_is_an_error_of_the_course(folder: Path) -> None:
    (folder / lab_log.MARKS).mkdir()
    with pytest.raises(FileFailed):
        LabRecording.mark(SimpleNamespace(folder=folder, _began=0.0), "x")  # type: ignore[arg-type]


def test_whoever_waits_is_woken_by_a_record_or_by_the_deadline(
    recorder: LabRecorder, folder: Path
) -> None:
    recording = LabRecording(folder)
    count = recording.read()
    later = threading.Timer(0.1, add, (recorder, "a"))
    later.start()

    assert recording.wait_for_more(count, time.monotonic() + 60)
    assert not recording.wait_for_more(count + 1, time.monotonic() + 0.1)
    later.join()


# A recorder that was suspended


def gaps(recorder: LabRecorder) -> set[str]:
    return {gap.resource for gap in recorder._history.gaps}


@pytest.mark.parametrize("first", ["a change", "a look", "the end"])
def test_what_a_suspended_recorder_gets_late_follows_a_gap(
    recorder: LabRecorder, folder: Path, first: str
) -> None:
    recorder._began -= 10  # nothing was heard of the process for ten seconds
    if first == "a look":
        assert until(lambda: gaps(recorder), timeout=20, pause=0.01)
    elif first == "the end":
        recorder.stop()
    add(recorder, "late")
    found = LabRecording(folder)._history

    assert gaps(recorder) == set(lab_recorder.paths("default"))
    assert {gap.resource for gap in found.gaps} == gaps(recorder)
    assert all(gap.end - gap.start > 5 for gap in found.gaps)
    kinds = [type(record).__name__ for record in found.records]
    assert "Change" not in kinds or kinds.index("Gap") < kinds.index("Change")


def test_rights_and_policies_are_recorded_only_where_a_lab_asks_for_them() -> None:
    plain, more = lab_recorder.paths("default"), lab_recorder.paths("default", rights=True)

    assert set(more) - set(plain) == set(RIGHTS)
    assert more["rolebindings"].endswith("/namespaces/default/rolebindings")


def test_other_workloads_are_recorded_only_where_a_lab_asks_for_them() -> None:
    plain, more = lab_recorder.paths("default"), lab_recorder.paths("default", workloads=True)

    assert set(more) - set(plain) == set(WORKLOADS)


def test_a_recorder_that_looks_or_ends_slowly_has_no_gap(recorder: LabRecorder) -> None:
    recorder._began -= SUSPENDED / 2
    add(recorder, "a")
    recorder._ended.set()  # as after the beginning of `stop`
    recorder._began -= 10
    add(recorder, "b")

    assert gaps(recorder) == set()


# The process


@pytest.fixture
def stand_in(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the command line of the folder's recorder."""
    words = ["-c", "import sys; sys.stdin.read()", RECORDER, str(folder)]
    process = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)
    (folder / lab_log.PID).write_text(str(process.pid))
    yield process
    process.kill()
    process.communicate()


def test_a_process_that_ended_runs_no_more(folder: Path, stand_in: subprocess.Popen[bytes]) -> None:
    assert until(lambda: is_running(folder), timeout=20, pause=0.01)  # after its exec
    ended = psutil.Process(stand_in.pid)
    stand_in.kill()  # and nobody waits for it

    assert until(lambda: ended.status() == psutil.STATUS_ZOMBIE, timeout=20, pause=0.01)
    assert not is_running(folder)


@pytest.mark.usefixtures("stand_in")
def test_another_process_of_that_number_is_no_recorder(folder: Path, tmp_path: Path) -> None:
    assert until(lambda: is_running(folder), timeout=20, pause=0.01)
    other = tmp_path / "other"
    other.mkdir()
    (other / lab_log.PID).write_text((folder / lab_log.PID).read_text())
    (folder / lab_log.PID).write_text(str(os.getpid()))

    assert not is_running(other)
    assert not is_running(folder)


@pytest.mark.parametrize("text", ["", "x", "-1", "99999999999999999999", "0"])
def test_a_number_that_is_none_names_no_recorder(folder: Path, text: str) -> None:
    (folder / lab_log.PID).write_text(text)

    assert not is_running(folder)


def test_a_recorder_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    nobody: Any = SimpleNamespace(name="nobody", environment=lambda: dict(os.environ))
    with pytest.raises(NotRunning, match="recorder of the task did not start") as failed:
        lab_log.start(nobody, "agent", "default")

    assert "'nobody' is not up" in failed.value.seen
    assert "--name nobody" in failed.value.next_step
    assert not is_running(lab_log.folder_of("nobody"))


@pytest.fixture
def ran(cluster: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run the program of the process here, and do something when it records."""
    monkeypatch.setattr(lab_recorder, "current", lambda _name: cluster)
    monkeypatch.setattr(lab_recorder, "LOOK", 0.02)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(what: Any) -> int:
        def then() -> None:
            assert until((folder / LOG).exists, timeout=30, pause=0.01)
            what()

        acting = threading.Thread(target=then)
        acting.start()
        status = main([str(folder), "fake", "agent", "default"])
        acting.join()
        return status

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_log(ran: Any, folder: Path, number: int) -> None:
    assert ran(lambda: os.kill(os.getpid(), number)) == 0

    ended = LabRecording(folder)
    assert ended.history.ended
    assert not ended.running
    assert ended.history.end == ended.history.last  # and time does not go on


def test_the_process_ends_when_its_log_is_gone(ran: Any, folder: Path) -> None:
    assert ran((folder / LOG).unlink) == 0


def test_the_process_ends_when_another_recorder_has_made_a_new_log(ran: Any, folder: Path) -> None:
    (folder / "new").write_text("")
    assert ran(lambda: (folder / "new").replace(folder / LOG)) == 0

    assert (folder / LOG).read_text() == ""


@pytest.mark.usefixtures("recorder")
def test_a_log_without_its_clock_is_no_recording(folder: Path) -> None:
    (folder / CLOCK).write_text("soon")

    with pytest.raises(BadInput, match="no recording"):
        LabRecording(folder)


def test_a_record_is_one_line_of_json(recorder: LabRecorder, folder: Path) -> None:
    add(recorder, "a\nb")
    lines = (folder / LOG).read_text().splitlines()

    assert [json.loads(line)["record"] for line in lines] == ["header", "change"]


def test_a_check_waits_until_the_log_has_the_components_that_do_not_run(
    recorder: LabRecorder, folder: Path, cluster: Any, stand_in: subprocess.Popen[bytes]
) -> None:
    assert until(lambda: is_running(folder), timeout=20, pause=0.01)
    recording = LabRecording(folder)
    later = threading.Timer(0.1, recorder.component, ("kube-scheduler", "stopped"))
    later.start()
    recording.catch_up(cluster.api, "default", [Down("kube-scheduler", "stopped")])
    later.join()

    assert [outage.component for outage in recording.timeline.outages] == ["kube-scheduler"]
    assert stand_in.poll() is None
    recorder.component("kube-scheduler", "running")
    recording.catch_up(cluster.api, "default")
    assert recording.timeline.outages[0].end is not None
