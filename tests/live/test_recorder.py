"""The recorder on a real API server: quick to stop, honest about gaps, the same when loaded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.cluster.embedded.embedded_backend import Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.errors import NotRunning
from daemonset_course.history.log import Change, End, Header
from daemonset_course.recording.feed import QUIET
from daemonset_course.recording.recorder import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset, eventually, histories, words

RESOURCES = {"nodes", "daemonsets", "controllerrevisions", "pods", "events"}


def feeds() -> list[str]:
    ours = ("feed-", "components")
    return [t.name for t in threading.enumerate() if t.name.startswith(ours)]


@pytest.fixture(scope="module", autouse=True)
def clean(live_cluster: Cluster) -> Iterator[None]:
    reset(live_cluster.name)
    yield
    reset(live_cluster.name)


def test_a_rollout_recorded_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    with record("agent") as first, record("agent") as second:
        apply(daemonset("agent"))
        wait_rollout("agent")
        first.mark("new version")
        apply(daemonset("agent", {"image": "registry.k8s.io/pause:3.9"}))
        wait_rollout("agent")
    first.save(tmp_path / "rollout.jsonl")
    loaded = Recording.load(tmp_path / "rollout.jsonl")

    assert loaded.history.records == first.history.records
    assert loaded.timeline == first.timeline
    assert loaded.caption == first.caption
    assert "3 nodes" in first.caption
    assert [mark.text for mark in first.timeline.marks if mark.kind == "note"] == ["new version"]
    # two recorders at once see the same pods go through the same states
    ours, theirs = (histories(r.history, "agent") for r in (first, second))
    assert {pod: words(steps) for pod, steps in ours.items()} == {
        pod: words(steps) for pod, steps in theirs.items()
    }
    assert len(ours) == 6
    assert first.timeline.gaps == ()


def test_the_log_begins_with_what_is_there_and_its_clock_never_goes_back() -> None:
    with record("agent") as recording:
        apply(daemonset("agent", {"env": [{"name": "RELEASE", "value": "2"}]}))
        wait_rollout("agent")

    header, *rest = recording.history.records
    changes = [one for one in rest if isinstance(one, Change)]
    listed = [one.resource for one in changes if one.via == "list" and one.t == 0]
    assert isinstance(header, Header)
    assert list(dict.fromkeys(listed)) == ["nodes", "daemonsets", "controllerrevisions", "pods"]
    assert [one.t for one in rest] == sorted(one.t for one in rest)
    assert recording.history.ended
    assert not any("managedFields" in one.object["metadata"] for one in changes)
    assert not any("data" in one.object for one in changes)


def test_revision_numbers_are_those_of_rollout_history() -> None:
    apply(daemonset("agent"))
    wait_rollout("agent")
    with record("agent") as recording:
        apply(daemonset("agent", {"env": [{"name": "RELEASE", "value": "again"}]}))
        wait_rollout("agent")
        kubectl("rollout undo daemonset/agent")
        wait_rollout("agent")

    lines = kubectl("rollout history daemonset/agent").splitlines()
    history = [int(line.split()[0]) for line in lines if line[:1].isdigit()]
    timeline = recording.timeline
    numbers = [timeline.numbers[revision].at(timeline.end) for revision in timeline.revisions]
    assert sorted(n for n in numbers if n is not None) == history[-2:]
    assert [mark.text for mark in timeline.marks if "revision" in mark.text] == [
        f"new template: revision {history[-2]}",
        f"template of revision {history[-2] - 1} again, now revision {history[-1]}",
    ]


def test_stop_in_a_quiet_cluster_is_quick_and_leaves_no_thread() -> None:
    before = feeds()
    recorder = record("nobody")
    recorder.start()
    assert len(feeds()) == len(before) + len(RESOURCES) + 1  # the components

    began = time.monotonic()
    recorder.stop()
    recorder.stop()

    assert time.monotonic() - began < QUIET / 3, "it does not wait for the watches to end"
    assert feeds() == before
    assert sum(isinstance(one, End) for one in recorder.history.records) == 1


def test_an_error_in_the_block_stops_the_recorder() -> None:
    with pytest.raises(ZeroDivisionError), record("nobody") as recorder:
        raise ZeroDivisionError

    assert feeds() == []
    assert recorder.history.ended


def test_twenty_recorders_leave_nothing_behind() -> None:
    before = threading.active_count()
    for _ in range(20):
        _start_and_stop()

    assert threading.active_count() <= before


def _start_and_stop() -> None:
    recorder = record("nobody")
    recorder.start()
    recorder.stop()


@pytest.mark.only("embedded", "it kills a process")
def test_a_killed_api_server_is_a_gap_in_every_watch_and_the_end_is_right(own: Cluster) -> None:
    backend = own.backend
    assert isinstance(backend, Embedded)
    apply(daemonset("agent"))
    wait_rollout("agent")
    recorder = record("agent")
    recorder.start()
    apply(daemonset("agent", {"image": "registry.k8s.io/pause:3.9"}))
    eventually(lambda: recorder.history.deleted("pods"))

    server = backend.process("kube-apiserver")
    assert server is not None
    server.kill()
    eventually(lambda: backend.process("kube-apiserver") is None)
    with pytest.raises(NotRunning, match="did not answer"):
        wait_rollout("agent")
    cluster.up("own")
    wait_rollout("agent")
    eventually(lambda: all(feed.open_gap is None for feed in recorder._feeds))
    recorder.stop()

    gaps = recorder.timeline.gaps
    assert {gap.resource for gap in gaps} == RESOURCES
    assert all(0 < gap.start < gap.end and gap.reason for gap in gaps)
    live = {p["metadata"]["name"] for p in own.api.items("/api/v1/namespaces/default/pods")}
    found = histories(recorder.history, "agent")
    assert {pod for pod, steps in found.items() if words(steps)[-1] == "ready"} == live
    assert len(live) == 3
    assert {words(steps)[-1] for pod, steps in found.items() if pod not in live} == {"gone"}
    assert recorder.timeline.unavailable.at(recorder.timeline.end) == 0
    assert feeds() == []
