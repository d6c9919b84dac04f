"""A new release and a new budget: the commands that kubectl gets."""

from __future__ import annotations

import json

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.verbs import template_changes
from daemonset_course.verbs.kubectl import Output


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands so far; ``set env`` says nothing where the value is there already."""
    given: list[tuple[str, ...]] = []

    def kubectl(*words: str) -> Output:
        given.append(words)
        return Output("" if words[0].endswith("RELEASE=1") else "done")

    monkeypatch.setattr(template_changes, "kubectl", kubectl)
    return given


def test_a_patch_of_a_container_leaves_all_other_fields_out() -> None:
    patch = template_changes.container_patch("agent", lifecycle=None, image="agent:2")

    container = {"name": "agent", "lifecycle": None, "image": "agent:2"}
    assert patch == {"template": {"spec": {"containers": [container]}}}


def test_a_new_release_changes_the_template(commands: list[tuple[str, ...]]) -> None:
    template_changes.release(2, "eager")

    assert commands == [("set env daemonset/eager RELEASE=2",)]


def test_the_release_that_is_there_restarts_the_pods(commands: list[tuple[str, ...]]) -> None:
    template_changes.release(1)

    assert commands[1:] == [("rollout restart daemonset/agent",)]


def test_required_terms_are_replaced_and_the_rollout_is_waited_for(
    commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_changes, "wait_rollout", lambda name: f"status of {name}")
    terms = "- matchExpressions:\n  - {key: gpu, operator: Exists}\n"

    assert template_changes.require_nodes(terms, daemonset="logs") == "status of logs"
    ((command, patch),) = commands
    assert command == "patch daemonset logs --type merge --patch"
    assert json.loads(patch)["spec"]["template"]["spec"]["affinity"]["nodeAffinity"] == {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
        }
    }


def test_terms_that_are_no_yaml_are_refused_before_kubectl_runs(
    commands: list[tuple[str, ...]],
) -> None:
    with pytest.raises(BadInput, match="not valid YAML"):
        template_changes.require_nodes("- {key: [")
    assert commands == []


@pytest.mark.parametrize(
    ("given", "rolling"),
    [
        ((2,), {"maxUnavailable": 2}),
        (("10%",), {"maxUnavailable": "10%"}),
        ((0, 1), {"maxUnavailable": 0, "maxSurge": 1}),
        ((1, 0), {"maxUnavailable": 1, "maxSurge": 0}),
    ],
)
def test_a_budget_leaves_a_surge_that_is_not_given(commands, given, rolling) -> None:
    template_changes.set_budget(*given, daemonset="logs")

    ((command, patch),) = commands
    assert command == "patch daemonset logs --type merge --patch"
    assert json.loads(patch)["spec"]["updateStrategy"] == {"rollingUpdate": rolling}


@pytest.mark.parametrize(("answer", "restarts"), [("patched", 0), ("patched (no change)", 1)])
def test_fields_of_a_container_that_are_there_already_restart_the_pods(
    monkeypatch: pytest.MonkeyPatch, answer: str, restarts: int
) -> None:
    given: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        template_changes, "kubectl", lambda *words: given.append(words) or Output(answer)
    )

    template_changes.patch_container("agent", lifecycle=None)

    (command, patch), *more = given
    assert command == "patch daemonset agent --patch"
    assert json.loads(patch)["spec"] == template_changes.container_patch("agent", lifecycle=None)
    assert more == [("rollout restart daemonset/agent",)] * restarts
