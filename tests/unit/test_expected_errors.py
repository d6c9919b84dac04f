"""What may be refused, and is tried: the words of the refusal, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from daemonset_course.errors import (
    BadInput,
    CommandFailed,
    CourseError,
    NotFinished,
    NotRunning,
    Reason,
    Rejected,
)
from daemonset_course.verbs import expected_errors


def answers(monkeypatch: pytest.MonkeyPatch, verb: str, error: CourseError | None) -> list[Any]:
    """Let a verb raise this error, or succeed; the calls that it gets."""
    calls: list[Any] = []

    def call(*given: Any, **named: Any) -> None:
        calls.append((given, named))
        if error:
            raise error

    monkeypatch.setattr(expected_errors, verb, call)
    return calls


def test_a_manifest_is_tried_without_being_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, "apply", Rejected("agent", [Reason("spec.selector", "immutable")]))

    assert expected_errors.try_apply({"kind": "Pod"}, namespace="x") == "spec.selector: immutable"
    assert calls == [(({"kind": "Pod"},), {"namespace": "x", "dry_run": True})]


def test_a_command_is_tried_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, "kubectl", CommandFailed("kubectl", seen="not supported"))

    assert expected_errors.try_kubectl("create", "-f -", stdin="{}") == "not supported"
    assert calls == [(("create", "-f -"), {"stdin": "{}"})]


def test_a_rollout_is_tried_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, "wait_rollout", NotFinished("rollout", seen="w1: a; w2: b"))

    assert expected_errors.try_rollout("agent", timeout=3) == ["w1: a", "w2: b"]
    assert calls == [(("agent",), {"namespace": "default", "timeout": 3})]


@pytest.mark.parametrize(
    ("verb", "trial"),
    [
        ("apply", lambda: expected_errors.try_apply("kind: Pod")),
        ("kubectl", lambda: expected_errors.try_kubectl("get pods")),
        ("wait_rollout", lambda: expected_errors.try_rollout("agent", timeout=1)),
    ],
)
def test_success_is_empty_and_another_error_stays_one(verb, trial, monkeypatch) -> None:
    answers(monkeypatch, verb, None)
    assert not trial()

    for error in (BadInput("broken YAML"), NotRunning("no cluster")):
        answers(monkeypatch, verb, error)
        with pytest.raises(type(error)):
            trial()


def test_each_pair_of_budgets_is_tried_by_itself_under_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[Any] = []

    def try_apply(manifest: Any) -> str:
        tried.append(manifest)
        both = len(manifest["spec"]["updateStrategy"]["rollingUpdate"]) == 2
        return "spec: Invalid value: 1: may not be set" if both else ""

    monkeypatch.setattr(expected_errors, "try_apply", try_apply)
    daemonset = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "uid": "x"},
        "spec": {"template": {}, "updateStrategy": {"type": "OnDelete"}},
    }

    answers = expected_errors.try_budgets(daemonset, max_unavailable=["unset", 0], max_surge=[1])

    assert answers == {("unset", 1): "", (0, 1): "may not be set"}
    assert [one["metadata"] for one in tried] == [{"name": "budget"}] * 2
    assert [one["spec"] for one in tried] == [
        {"template": {}, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": given}}
        for given in ({"maxSurge": 1}, {"maxUnavailable": 0, "maxSurge": 1})
    ]
    assert daemonset["spec"]["updateStrategy"] == {"type": "OnDelete"}
