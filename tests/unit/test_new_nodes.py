"""Nodes that join: who was ready first, the agent or the application."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, gap, history, node, pod

from daemonset_course.analysis.new_nodes import NewNodes, new_nodes
from daemonset_course.history.index import History
from daemonset_course.history.spans import UNKNOWN
from daemonset_course.prediction import Prediction

Record = dict[str, Any]
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
STARTUP = {"key": "agent.example.com/not-yet", "effect": "NoSchedule"}
EVICTS = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}


def of(app: str, on: str, phase: str) -> Record:
    return pod(f"{app}-{on}", on, phase=phase, app=app)


def joins(name: str, *, agent: float, app: float, startup: bool) -> list[Record]:
    """A node joins at 1 and is Ready at 2; agent and application are ready when it is said."""
    more = [STARTUP] if startup else []
    return [
        change(1, "nodes", node(name, ready="False", taints=[NOT_READY, *more]), "ADDED"),
        change(2, "nodes", node(name, taints=more)),
        change(2.2, "pods", of("agent", name, "unbound"), "ADDED"),
        change(2.4, "pods", of("agent", name, "not ready")),
        change(agent, "pods", of("agent", name, "ready")),
        *([change(agent + 0.1, "nodes", node(name))] if startup else []),
        change(app - 0.5, "pods", of("shop", name, "unbound"), "ADDED"),
        change(app - 0.4, "pods", of("shop", name, "not ready")),
        change(app, "pods", of("shop", name, "ready")),
    ]


def day(*more: Record) -> History:
    """On n1 the application is first, on n2 the agent is."""
    made = [
        *joins("n1", agent=6, app=3, startup=False),
        *joins("n2", agent=6.5, app=8, startup=True),
        *more,
    ]
    return history(*sorted(made, key=lambda one: one["t"]), end=10)


def both(*more: Record, predicted: Prediction | None = None) -> NewNodes:
    return new_nodes(day(*more), ["n1", "n2"], "agent", "shop", predicted=predicted)


def test_the_application_is_early_where_it_was_ready_before_the_agent() -> None:
    first, second = both().found

    assert (first.ready, first.app_ready, first.agent_ready) == pytest.approx((2, 3, 6))
    assert second.app_bound == pytest.approx(7.6)
    assert both().early == ["n1"]


def test_headline_and_caption_name_the_moments() -> None:
    assert both().headline == "On 1 of 2 nodes shop was ready before agent"
    assert both().caption == (
        "n1: Ready after 1.0 s, agent ready after 5.0 s, shop ready after 2.0 s. "
        "n2: Ready after 1.0 s, agent ready after 5.5 s, shop ready after 7.0 s."
    )


def test_the_headline_has_what_the_learner_predicted() -> None:
    asked = Prediction("race", 0, unit="nodes")

    assert (
        both(predicted=asked).headline
        == "On 1 of 2 nodes shop was ready before agent (you: 0 nodes)"
    )
    assert both(predicted=Prediction("race", unit="nodes")).headline == both().headline


def test_a_lane_has_taints_over_pods_and_the_time_without_an_agent() -> None:
    first, second = both().figure().lanes

    assert [row.label for row in second.rows] == ["taints", "agent", "shop"]
    assert [(bar.text, bar.start, bar.end) for bar in second.rows[0].bars] == [
        ("not-ready, agent.example.com/not-yet", 1, 2),
        ("agent.example.com/not-yet", 2, 6.6),
        ("", 6.6, 10),
    ]  # fmt: skip
    (alone,) = first.rows[3].bars
    assert (alone.style, alone.start, alone.end) == ("shop without agent", 3, 6)


def test_taints_that_evict_are_left_out() -> None:
    made = [change(1, "nodes", node("n1", taints=[EVICTS]), "ADDED")]
    (found,) = new_nodes(history(*made, end=3), ["n1"], "agent", "shop").found

    assert [one.value for one in found.taints] == [()]
    assert (found.early, found.agent_ready) == (False, None)


def test_an_agent_that_was_never_ready_leaves_the_application_alone_until_the_end() -> None:
    made = [one for one in joins("n1", agent=6, app=3, startup=False) if one["t"] != 6]
    found = new_nodes(history(*made, end=9), ["n1"], "agent", "shop")

    assert found.early == ["n1"]
    assert found.figure().lanes[0].rows[3].bars[0].end == 9


@pytest.mark.parametrize(("start", "end"), [(2.9, 4), (5.9, 10)])
def test_what_became_ready_in_a_gap_has_no_moment(start: float, end: float) -> None:
    made = [one for one in day_records() if not start < one["t"] < end]
    back = [change(end, "pods", of("shop", "n1", "ready"), via="list")] if end < 10 else []
    log = history(*made, gap(start, end), *back, end=10)
    (found, _) = new_nodes(log, ["n1", "n2"], "agent", "shop").found

    assert UNKNOWN in (found.app_ready, found.agent_ready)
    assert not found.early


def day_records() -> list[Record]:
    return joins("n1", agent=6, app=3, startup=False)


def test_a_gap_of_nodes_is_drawn_as_not_seen() -> None:
    log = history(
        *joins("n1", agent=6, app=3, startup=False)[:2],
        gap(4, 6, "nodes"),
        change(6, "nodes", node("n1"), via="list"),
        end=10,
    )
    found = new_nodes(log, ["n1"], "agent", "shop")

    assert [bar.style for bar in found.figure().lanes[0].rows[0].bars] == [
        "NoSchedule taint", "no NoSchedule taint", "node not seen", "no NoSchedule taint",
    ]  # fmt: skip
    assert found.caption.endswith("The watch of nodes saw nothing from 4.0 s to 6.0 s.")
