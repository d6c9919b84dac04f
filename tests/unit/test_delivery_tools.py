"""What delivery tools say of a DaemonSet, by the cases of their own tests and sources."""

from __future__ import annotations

import pytest
from fleet import daemonset, gap, history, node, present

from daemonset_course.analysis.delivery_tools import (
    TOOLS,
    argo_health,
    delivered,
    helm_wait,
    kstatus,
    rollout_status,
)

ON_DELETE = {"type": "OnDelete"}


def rolled(updated=3, available=3, ready=3, desired=3, *, generation=1, observed=1, current=None,
           strategy=None):  # fmt: skip
    return daemonset(
        generation,
        strategy=strategy,
        observedGeneration=observed,
        desiredNumberScheduled=desired,
        currentNumberScheduled=desired if current is None else current,
        updatedNumberScheduled=updated,
        numberAvailable=available,
        numberReady=ready,
    )


def budget(value):
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": value}}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (rolled(), ("success", "ready", "Healthy", "Current")),
        (rolled(updated=1),
         ("1 of 3 updated", "1 of 3 scheduled", "Progressing", "LessUpdated")),
        (rolled(available=2),
         ("2 of 3 available", "ready", "Progressing", "LessAvailable")),
        (rolled(available=1, ready=1),
         ("1 of 3 available", "1 of 2 ready", "Progressing", "LessAvailable")),
        (rolled(generation=2),
         ("spec update not observed", "generation not observed", "Progressing",
          "generation not observed")),
        (rolled(updated=0, strategy=ON_DELETE),
         ("refuses OnDelete", "ready", "Healthy", "LessUpdated")),
        (rolled(current=2), ("success", "ready", "Healthy", "LessCurrent")),
        (rolled(0, 0, 0, 0), ("success", "ready", "Healthy", "Current")),
    ],
)  # fmt: skip
def test_each_tool_says_what_its_published_rule_says(made, words):
    said = tuple(say(made).word for say in TOOLS.values())

    assert said == words


@pytest.mark.parametrize(
    ("value", "ready", "done"),
    [(1, 2, True), (1, 1, False), (0, 2, False), ("50%", 1, True), ("50%", 0, False)],
)
def test_helm_accepts_as_many_unready_pods_as_the_budget_has(value, ready, done):
    assert helm_wait(rolled(ready=ready, available=ready, strategy=budget(value))).done is done


def test_a_tool_that_stops_waiting_need_not_have_seen_success():
    refused = rollout_status(rolled(strategy=ON_DELETE))

    assert refused.done
    assert refused.word != "success"
    assert argo_health(rolled(updated=0, strategy=ON_DELETE)).word == "Healthy"


def test_kstatus_waits_for_an_object_that_no_controller_has_seen():
    assert kstatus({"metadata": {"name": "a", "generation": 1}}).word == "generation not observed"
    deleted = rolled()
    deleted["metadata"]["deletionTimestamp"] = "2026-11-24T03:30:05Z"
    assert kstatus(deleted).word == "Terminating"


def test_the_table_has_the_word_of_each_tool_for_each_recording():
    logs = {
        "right": history(*present("nodes", node("w")), *present("daemonsets", rolled())),
        "stuck": history(*present("nodes", node("w")), *present("daemonsets", rolled(updated=1))),
    }
    found = delivered(logs, "agent")

    assert found.recordings == ("right", "stuck")
    assert all(found.done(tool) == ("right",) for tool in TOOLS)
    assert found.figure().cells["stuck", "Argo CD"].text == "Progressing"
    assert "Done at the end, of 2" in found.headline
    assert "none was run" in found.caption


def test_nothing_is_said_of_a_recording_that_ends_in_a_gap():
    seen = (*present("nodes", node("w")), *present("daemonsets", rolled()))
    found = delivered({"cut": history(*seen, gap(2, 9, "daemonsets"), end=9)}, "agent")

    assert {said.word for said in found.said.values()} == {"unknown"}
    assert not any(found.done(tool) for tool in TOOLS)
