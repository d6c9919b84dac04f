"""What the learner sees after passing: a solution beside what they have."""

from __future__ import annotations

from typing import Any

import yaml

from daemonset_course.lab.solutions import as_typed, compared
from daemonset_course.lab.tasks.roll_within_budget import manifest

SOLUTION = manifest(release="2", strategy="maxUnavailable: 2")


def stored(text: str) -> dict[str, Any]:
    """The object with what the API server adds."""
    made: dict[str, Any] = yaml.safe_load(text)
    made["metadata"] |= {"uid": "1", "namespace": "default", "generation": 2}
    made["spec"]["updateStrategy"]["rollingUpdate"].setdefault("maxSurge", 0)
    made["spec"] |= {"revisionHistoryLimit": 10}
    made["spec"]["template"]["spec"] |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    return made | {"status": {"numberReady": 12}}


def test_what_the_api_server_adds_is_no_difference() -> None:
    assert compared(SOLUTION, [stored(SOLUTION)]).startswith("Yours is the same")


def test_another_value_is_shown_as_a_difference() -> None:
    text = compared(SOLUTION, [stored(manifest(release="2", strategy="maxUnavailable: 16%"))])

    assert text.startswith("Both pass. They differ here:")
    assert "-      maxUnavailable: 2" in text
    assert "+      maxUnavailable: 16%" in text


def test_a_solution_of_commands_is_shown_as_typed_with_what_you_have() -> None:
    steps = "action: kubectl\ncommand: rollout undo daemonset agent\n"
    text = compared(steps, [stored(SOLUTION)])

    assert "kubectl rollout undo daemonset agent" in text
    assert "What you have:" in text


def test_without_a_manifest_the_solution_is_shown_alone() -> None:
    assert "was not kept" in compared(SOLUTION, [])


def test_each_kind_of_step_can_be_typed() -> None:
    steps = yaml.safe_load_all(
        f"{manifest()}---\naction: delete pods\ndaemonset: agent\nnodes: [course-worker2]\n---\n"
        "action: wait rollout\ndaemonset: agent\n"
    )
    text = as_typed(steps)

    assert "kubectl apply --server-side -f - <<'END'" in text
    assert "kubectl delete pod -l app=agent --field-selector spec.nodeName=course-worker2" in text
    assert "kubectl rollout status daemonset agent" in text
