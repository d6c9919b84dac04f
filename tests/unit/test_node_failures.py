"""What became of nodes and Pods after failures: the data, the words, the figure."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, gap, history, listed, node, pod

from daemonset_course.analysis.node_failures import (
    ORPHANED,
    Failure,
    Failures,
    failure,
    failures,
    state_of,
)
from daemonset_course.errors import BadInput
from daemonset_course.figures.show import show
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN
from daemonset_course.prediction import Prediction

Record = dict[str, Any]
OFF = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}
KINDS = {"silent": "n1", "deleted": "n2", "drained": "n3"}
ON = [("n1", "a"), ("n2", "b"), ("n3", "c")]


def of(app: str, uid: str, on: str, *, phase: str = "ready") -> Record:
    return pod(f"{app}-{uid}", on, phase=phase, app=app)


def day(*more: Record) -> History:
    """n1 falls silent at 2 and is seen at 5; n2 is deleted at 2; n3 is drained at 2."""
    cordoned = node("n3")
    cordoned["spec"]["unschedulable"] = True
    return history(
        *listed("nodes", *(node(name) for name, _ in ON)),
        *listed("pods", *(of(app, u, n) for app in ("agent", "web") for n, u in ON)),
        *({"record": "mark", "t": 2, "text": text} for text in KINDS),
        change(2, "nodes", node("n2"), "DELETED"),
        change(2.1, "nodes", cordoned),
        change(2.2, "pods", of("web", "c", "n3", phase="terminating")),
        change(2.4, "pods", of("web", "c", "n3", phase="terminating"), "DELETED"),
        change(3, "pods", of("web", "late", "n1"), "ADDED"),
        change(5, "nodes", node("n1", ready="Unknown")),
        change(5.1, "pods", of("agent", "a", "n1", phase="not ready")),
        change(5.2, "pods", of("web", "a", "n1", phase="not ready")),
        change(7, "pods", of("web", "a", "n1", phase="terminating")),
        *more,
        end=12,
    )


def three(*more: Record) -> list[Failure]:
    return [failure(day(*more), kind, name, ["agent", "web"]) for kind, name in KINDS.items()]


def test_a_failure_is_noticed_when_its_node_object_changes_or_goes() -> None:
    assert [one.noticed for one in three()] == pytest.approx([3, 0, 0.1])


@pytest.mark.parametrize(
    ("kind", "app", "stopping", "gone", "phase"),
    [
        ("silent", "agent", None, None, "not ready"),  # nobody asks it to leave
        ("deleted", "agent", None, None, "ready"),
        ("deleted", "web", None, 7, "ready"),  # deleted by force: not told to stop
        ("silent", "web", 5, None, "terminating"),  # no kubelet ends it: still listed
        ("drained", "web", 0.2, 0.4, "terminating"),
    ],
)
def test_an_outcome_has_the_moments_that_were_seen_and_no_other(
    kind: str, app: str, stopping: float | None, gone: float | None, phase: str
) -> None:
    forced = change(9, "pods", of("web", "b", "n2", phase="terminating"), "DELETED")
    outcome = failure(day(forced), kind, KINDS[kind], [app]).outcomes[app]

    assert (outcome.stopping, outcome.gone) == (pytest.approx(stopping), pytest.approx(gone))
    assert outcome.phase == phase


def test_a_pod_whose_node_is_gone_is_not_evicted_although_it_is_terminating_for_a_moment() -> None:
    swept = of("web", "b", "n2", phase="terminating")
    swept["status"]["conditions"].append(
        {"type": "DisruptionTarget", "reason": ORPHANED[0], "message": ORPHANED[1]}
    )
    found = failures(
        day(change(9, "pods", swept), change(9.1, "pods", swept, "DELETED")), KINDS, ["web"]
    )

    assert found["deleted"].outcomes["web"].gone == pytest.approx(7.1)
    assert found["deleted"].outcomes["web"].stopping is None
    assert found.evicted("web") == ["silent", "drained"]


def test_headline_and_caption_count_and_name_what_happened() -> None:
    found = Failures(tuple(three()))

    assert found.headline == "3 failures, Pods evicted: agent in 0, web in 2"
    assert found.caption == (
        "Silent: agent stays, not ready, web evicted after 5.0 s, still listed. "
        "Deleted: agent stays, ready, web stays, ready. "
        "Drained: agent stays, ready, web gone after 0.40 s."
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (node("n"), "ready"),
        (node("n", ready="False"), "not ready"),
        (node("n", ready="Unknown"), "unknown"),
        (node("n", ready="Unknown", taints=[OFF]), "out of service"),
        (node("n", ready="Unknown") | {"spec": {"unschedulable": True}}, "unknown"),
    ],
)
def test_the_state_of_a_node_in_words(made: Record, said: str) -> None:
    assert state_of(made) == said


@pytest.mark.parametrize(("kind", "name"), [("flood", "n1"), ("silent", "n9")])
def test_a_recording_without_the_failure_is_refused(kind: str, name: str) -> None:
    with pytest.raises(BadInput, match="does not show the failure"):
        failure(day(), kind, name, ["agent"])


def test_a_lane_has_the_node_over_its_pods_and_a_deleted_node_is_told() -> None:
    figure = Failures(tuple(three())).figure()
    silent, deleted, drained = figure.lanes

    assert [lane.label for lane in figure.lanes] == ["silent\nn1", "deleted\nn2", "drained\nn3"]
    assert [row.label for row in silent.rows] == ["node", "agent", "web"]
    assert [(bar.text, bar.start, bar.end) for bar in silent.rows[0].bars] == [
        ("ready", -2, 3), ("unknown", 3, 10),
    ]  # fmt: skip
    assert [(bar.text, bar.start) for bar in deleted.rows[0].bars] == [
        ("ready", -2), ("no Node object", 0),
    ]  # fmt: skip
    assert [bar.text for bar in drained.rows[0].bars] == ["ready", "cordoned"]
    assert [bar.style for bar in silent.rows[2].bars] == [
        "Pod ready", "Pod not ready", "Pod terminating",
    ]  # fmt: skip
    assert (figure.moments, silent.end, figure.span[1]) == ((0.0,), 10, 10)


def test_a_failure_while_nobody_watched_the_node_was_noticed_at_an_unknown_time() -> None:
    silent, *_ = three(
        gap(4, 6, "nodes"), change(6, "nodes", node("n1", ready="False"), via="list")
    )
    (bars, *_) = (row.bars for row in Failures((silent,)).figure().lanes[0].rows)

    assert [s.value for s in silent.states] == ["ready", UNKNOWN, "not ready"]
    assert silent.noticed is UNKNOWN
    assert [(bar.style, bar.start, bar.end) for bar in bars][1] == ("node not seen", 2, 4)
    assert "The watch of nodes saw nothing from 4.0 s to 6.0 s." in Failures((silent,)).caption


def test_a_gap_of_pods_up_to_the_end_leaves_their_end_unknown() -> None:
    silent, deleted, drained = three(gap(7.5, 12))
    found = Failures((silent, deleted, drained))

    assert deleted.outcomes["agent"].gone is UNKNOWN
    assert drained.outcomes["web"].gone == pytest.approx(0.4)
    assert "agent was not seen to the end" in found.caption
    assert "agent in 0 (3 not seen), web in 2 (1 not seen)" in found.headline
    assert found.figure().lanes[1].rows[1].bars[-1].style == "Pod unknown"


def test_the_states_of_nodes_take_few_bytes_in_a_notebook() -> None:
    html = show(Failures(tuple(three())))._repr_mimebundle_()[0]["text/html"]

    assert "cordoned" in html
    assert len(html) < 50_000, "a hatch of dots takes 180 kB: each dot is a path of eight curves"


def test_the_failures_of_a_recording_are_found_by_their_marks() -> None:
    found = failures(day(), KINDS, ["agent", "web"])

    assert found["drained"].node == "n3"
    assert found.evicted("web") == ["silent", "drained"]
    assert found.evicted("agent") == []


def test_a_row_has_what_the_learner_predicted_of_its_pod() -> None:
    predicted = {"agent": Prediction("agents", ["silent"]), "web": Prediction("webs")}
    found = failures(day(), KINDS, ["agent", "web"], predicted=predicted)
    silent, deleted, _ = found.figure().lanes

    assert [row.label for row in silent.rows] == ["node", "agent (you: evicted)", "web"]
    assert [row.label for row in deleted.rows] == ["node", "agent (you: stays)", "web"]
