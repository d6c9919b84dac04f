"""The timeline of the last rollout: it answers as the whole one does, at a cost that is bounded."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from fleet import HEADER, Fleet, Record, change, gap, listed, node, pod

from daemonset_course.analysis.explain import explain_timeline
from daemonset_course.figures.rollout import live_view
from daemonset_course.figures.rollout.live_view import counts, view, warning_lines
from daemonset_course.history import timeline as module
from daemonset_course.history.index import History
from daemonset_course.history.timeline import LEAD, LONGEST


def rollouts_of(workers: int, count: int, **fleet: Any) -> list[Record]:
    """The log of so many rollouts; the last one is under way."""
    made = Fleet(workers, **fleet).run(1)
    for _ in range(count):
        made.apply().run(4 * workers / 2)
    return made.apply().run(3).log(ended=False)


def test_of_one_rollout_nothing_is_left_out() -> None:
    history = History(Fleet(4).run(1).apply().run(9).log())

    assert history.recent() == history.timeline()
    assert history.recent().since == 0.0


@pytest.mark.parametrize(
    "fleet",
    [
        {},
        {"max_surge": 2, "max_unavailable": 0},
        {"min_ready": 2},
        {"termination": 3.0},
        {"max_unavailable": "50%", "seed": 3},
    ],
    ids=str,
)
def test_at_each_moment_it_explains_and_counts_as_the_whole_one(fleet: dict[str, Any]) -> None:
    log = rollouts_of(5, 3, **fleet)
    history = History(log[:1])
    left_out = 0.0
    for record in log[1:]:
        history.append(record)
        history.advance(record["t"] + 0.001)  # a rollout has no length yet when it begins
        whole, recent = history.timeline(), history.recent()
        left_out = max(left_out, recent.since)

        assert explain_timeline(recent).lines() == explain_timeline(whole).lines()
        assert counts(recent) == counts(whole)
        assert set(recent.segments) == {s for s in whole.segments if s.end >= recent.since}
        assert set(recent.marks) == {m for m in whole.marks if m.t >= recent.since}
        for name in ("unavailable", "budget", "behind", "surge"):
            line, full = getattr(recent, name), getattr(whole, name)
            assert list(line.stretches(recent.since)) == list(full.stretches(recent.since))

    assert left_out > whole.templates[1].t, "there was something to leave out"


def test_it_begins_before_the_last_template() -> None:
    history = History(rollouts_of(4, 3))
    recent = history.recent()

    assert recent.templates == history.timeline().templates[-1:]
    assert recent.since == recent.templates[0].since - LEAD


def test_a_gap_that_reaches_into_it_stays_and_one_before_it_goes() -> None:
    log = rollouts_of(4, 3)
    begins = History(log).recent().since
    entries = sorted([*log[1:], gap(3, 4), gap(begins - 1, begins + 0.5)], key=lambda r: r["t"])
    history = History([HEADER, *entries])

    assert [one.end for one in history.recent().gaps] == [begins + 0.5]


def test_what_never_ends_is_shown_for_the_last_minutes_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Fleet(4).run(5).apply(bad=Fleet(4).nodes).run(9).log(ended=False)
    history = History(log)
    history.advance(LONGEST + 500)
    assert history.recent().since == 500.0
    assert not explain_timeline(history.recent()).done

    monkeypatch.setattr(module, "LONGEST", 1e6)
    monkeypatch.setattr(module, "FEWEST_MOVES", 20)
    for t in range(2000):  # a Pod that fails again and again
        phase = ("ready", "not ready")[t % 2]
        history.append(change(600.0 + t, "pods", pod("99", "course-worker", phase=phase)))
    assert history.recent().since >= 2500
    assert len(history.recent().segments) < 100


def test_a_frame_of_a_log_that_is_ten_times_as_long_costs_about_the_same() -> None:
    frames = {}
    for count in (4, 40):
        history = History(rollouts_of(12, count, max_unavailable=4))
        history.timeline()
        html = view(history.recent())

        def best(work: Any) -> float:
            times = [0.0] * 8
            for i in range(len(times)):
                times[i] = -time.thread_time()
                work()
                times[i] += time.thread_time()
            return min(times)

        frames[count] = (
            len(html),
            len(history.recent().segments),
            best(lambda history=history: view(history.recent())),
            best(lambda history=history: view(history.timeline())),
            len(history.records),
        )
    few, many = frames[4], frames[40]

    assert many[4] > 7 * few[4], "the log is much longer"
    assert many[0] < 1.2 * few[0], "bytes"
    assert many[1] < 1.3 * few[1], "segments"
    assert many[2] < 2 * few[2], "time"
    assert many[3] > 3 * few[3], "which grows where the whole recording is drawn"


def test_of_a_large_fleet_a_part_is_drawn_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = History(Fleet(120, max_unavailable="10%").run(1).apply().run(3).log())
    whole = view(history.recent())
    monkeypatch.setattr(live_view, "MOST_ROWS", 50)
    html = view(history.recent())

    assert "are drawn" not in whole
    assert "41 of the 121 nodes are drawn; the numbers are of all" in html
    assert "DESIRED 120" in html
    assert len(html) < 0.7 * len(whole)


# Warnings


def event(
    uid: str, about: Record | None, reason: str, message: str, count: int = 1, kind: str = "Pod"
) -> Record:
    meta = about["metadata"] if about else {"name": "agent", "uid": "ds-1"}
    return {
        "metadata": {"name": uid, "uid": uid}, "type": "Warning", "reason": reason,
        "message": message, "count": count,
        "involvedObject": {"kind": kind, "name": meta["name"], "uid": meta["uid"]},
    }  # fmt: skip


def warned(*events: tuple[float, Record]) -> list[str]:
    pods = [pod(f"0000{n}", f"course-worker{n}") for n in (1, 2, 3, 4)]
    nodes = [node(f"course-worker{n}") for n in (1, 2, 3, 4)]
    log = [HEADER, *listed("nodes", *nodes), *listed("pods", *pods)]
    log += [change(t, "events", one, "ADDED") for t, one in events]
    return warning_lines(History(log).recent())


def test_a_warning_stands_once_with_its_nodes_and_how_often() -> None:
    pods = [pod(f"0000{n}", f"course-worker{n}") for n in (1, 2, 3, 4)]
    made = [
        (
            1.0 + i,
            event(f"e{i}", one, "Failed", f'Failed to pull image "bad:1" in agent-0000{i + 1}'),
        )
        for i, one in enumerate(pods)
    ]
    again = (9.0, event("e0", pods[0], "Failed", 'Failed to pull image "bad:1" in agent-00001', 7))

    assert warned(*made, again) == [
        'Failed: Failed to pull image "bad:1" in agent-00001 '
        "(worker1, worker2 and 2 others), 10 times"
    ]


def test_the_last_warnings_come_first_and_older_ones_are_counted() -> None:
    made = [
        (float(t), event(f"e{t}", None, f"Reason{chr(65 + t)}", "x", kind="DaemonSet"))
        for t in range(1, 6)
    ]

    assert warned(*made) == ["ReasonF: x", "ReasonE: x", "ReasonD: x", "and 2 earlier"]


def test_a_normal_event_and_one_about_another_daemonset_are_no_warning() -> None:
    normal = event("n", None, "SuccessfulCreate", "x", kind="DaemonSet") | {"type": "Normal"}
    other = event("o", {"metadata": {"name": "other", "uid": "9"}}, "Failed", "x", kind="DaemonSet")

    assert warned((1.0, normal), (2.0, other)) == []


def test_warnings_stand_below_the_picture_and_are_escaped() -> None:
    log = [*Fleet(3).run(1).apply().run(2).log(ended=False)]
    log.append(change(3.0, "events", event("e", None, "Failed", "<b>", kind="DaemonSet"), "ADDED"))
    html = view(History(log).recent())

    assert html.endswith("<ul><li>Failed: &lt;b&gt;</li></ul></div>")
    assert [a < b for a, b in pairwise([html.index("</figure>"), html.index("Warnings")])]
