"""Back-off and the wait for a lease, written into the picture."""

from __future__ import annotations

from typing import Any

from fleet import change, daemonset, gap, history, listed, node, pod

from daemonset_course.figures.rollout.chart import one_chart
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.rollout.pauses import pause_notes
from daemonset_course.figures.rollout.plot import plot
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]


def scene(*records: Record, end: float = 20) -> Timeline:
    status = {"desiredNumberScheduled": 2, "numberReady": 2}
    return history(
        *listed("nodes", node("n1"), node("n2")), *listed("daemonsets", daemonset(**status)),
        *records, end=end,
    ).timeline()  # fmt: skip


def refused(*pauses: float, on: str = "n1") -> list[Record]:
    """Pods that fail at once; each is created that long after the one before."""
    t, found = 1.0, []
    for i, pause in enumerate((*pauses, 99.0)):
        made = pod(f"{on}-{i}", on, phase="failed", reason="OutOfcpu")
        found.append(change(t, "pods", made, "ADDED"))
        t += pause
        if pause < 99:
            found.append(change(t - 0.01, "pods", made, "DELETED"))
    return found


def crashing(*pauses: float) -> list[Record]:
    t, found = 1.0, [change(0.5, "pods", pod("c", "n2", phase="pending"), "ADDED")]
    for pause in pauses:
        waits = pod("c", "n2", phase="pending", reason="CrashLoopBackOff")
        found += [change(t, "pods", pod("c", "n2")), change(t + 1, "pods", waits)]
        t += 1 + pause
    return [*found, change(t, "pods", pod("c", "n2"))]


def test_the_controller_s_pauses_are_a_sequence() -> None:
    timeline = scene(*refused(0.1, 1, 2, 4))

    assert pause_notes(timeline) == (
        "n1: after a failed Pod the next one is created after 0.10 s · 1.0 s · 2.0 s · 4.0 s",
    )


def test_nodes_with_the_same_pauses_share_a_sentence() -> None:
    (note,) = pause_notes(scene(*refused(1, 2), *refused(1, 2, on="n2")))

    assert note.startswith("n1, n2: after a failed Pod")


def test_the_kubelet_s_pauses_are_those_in_crash_loop_back_off() -> None:
    timeline = scene(*crashing(1, 2, 4))

    assert pause_notes(timeline) == (
        "n2: before a restart the kubelet waits 1.0 s · 2.0 s · 4.0 s",
    )


def test_a_pause_that_was_not_seen_to_end_or_in_a_gap_is_left_out() -> None:
    waits = change(15, "pods", pod("c", "n2", phase="pending", reason="CrashLoopBackOff"))

    assert "4.0" not in "".join(pause_notes(scene(*crashing(1, 2), waits, end=19)))
    assert pause_notes(scene(*crashing(1, 2), gap(4.2, 4.4))) == ()
    assert pause_notes(scene(*refused(3))) == (), "one is no sequence"


def test_both_drawings_write_a_pause_on_its_bar_and_the_sequence_below() -> None:
    timeline = scene(*refused(1, 2, 4), *crashing(1, 2, 4), end=12)
    html, figure = inline(one_chart(timeline)), plot(timeline).figure
    written = {text.get_text() for ax in figure.axes for text in ax.texts} | {
        text.get_text() for text in figure.texts
    }

    for words in ("✗ OutOfcpu, 4.0 s", "CrashLoopBackOff, 4.0 s"):
        assert f">{words}</text>" in html
        assert words in written
    for note in pause_notes(timeline):
        assert f"<li>{note}" in html
        assert note in written
    assert '"OutOfcpu, 2.0 s"' in html, "for the cursor"


def away(start: float, end: float) -> list[Record]:
    return [
        {"record": "component", "t": t, "component": "kube-controller-manager", "state": state}
        for t, state in ((start, "stopped"), (end, "running"))
    ]


def gone_and_back(created: float) -> list[Record]:
    return [
        *listed("pods", pod("a", "n1"), pod("b", "n2")),
        change(2, "pods", pod("b", "n2"), "DELETED"),
        change(created, "pods", pod("new", "n2"), "ADDED"),
    ]


def test_a_controller_that_runs_and_waits_is_measured_to_its_first_pod() -> None:
    timeline = scene(*gone_and_back(18), *away(1, 4))
    charts = one_chart(timeline)
    html, figure = inline(charts), plot(timeline).figure

    assert charts.charts[0].waits == ((4, 18, "14.0 s until its first Pod", 1),)
    assert ">14.0 s until its first Pod</text>" in html
    assert "from 4.0 s: the controller runs again, 14.0 s until its first Pod" in html
    assert "14.0 s until its first Pod" in {t.get_text() for ax in figure.axes for t in ax.texts}


def test_it_is_no_wait_if_it_acts_at_once_or_no_node_lacks_a_pod_or_the_watch_saw_nothing() -> None:
    def waits(*records: Record) -> tuple[object, ...]:
        return one_chart(scene(*records)).charts[0].waits

    assert waits(*gone_and_back(4.8), *away(1, 4)) == ()
    assert waits(*gone_and_back(18), *away(1, 4), gap(5, 6)) == ()
    assert waits(*listed("pods", pod("a", "n1"), pod("b", "n2")), *away(1, 4),
                 change(18, "pods", pod("new", "n1"), "ADDED")) == ()  # fmt: skip
