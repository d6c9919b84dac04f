"""Waits for what happens to a Pod: what kubectl waits for, in which order, and what is returned."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.cluster.waiting import Objects
from daemonset_course.errors import CommandFailed
from daemonset_course.verbs import pod_waits
from daemonset_course.verbs.kubectl import Output


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands so far. There is one Pod, and no event FailedCreate."""
    given: list[str] = []

    def run(command: str) -> Output:
        given.append(command)
        if "reason=FailedCreate" in command:
            raise CommandFailed("kubectl failed.", seen="timed out waiting for the condition")
        answers = {"get pods": "agent-x7f2p", "get events": "The node was low.", "logs": "in use\n"}
        return Output(next((said for words, said in answers.items() if words in command), ""))

    monkeypatch.setattr(pod_waits, "kubectl", run)
    return given


def test_a_pod_is_waited_for_on_its_node(kubectl: list[str]) -> None:
    assert pod_waits.wait_pod("agent", "worker2") == "agent-x7f2p"

    chosen = "-l app=agent --field-selector spec.nodeName=worker2"
    assert kubectl[0] == f"wait --for=create pod {chosen} --timeout=60s"
    assert chosen in kubectl[1]


@pytest.mark.parametrize(("answer", "there"), [("pod/agent-x7f2p\n", True), ("", False)])
def test_a_pod_is_watched_until_it_is_deleted_or_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, answer: str, there: bool
) -> None:
    given: list[str] = []

    def run(command: str) -> Output:
        given.append(command)
        if command.startswith("wait") and there:
            raise CommandFailed("kubectl failed.", seen="timed out waiting for the condition")
        return Output(answer)

    monkeypatch.setattr(pod_waits, "kubectl", run)

    assert pod_waits.watch_pod("agent", "worker2", at_most=4) is there
    chosen = "-l app=agent --field-selector spec.nodeName=worker2"
    assert given == [f"wait --for=delete pod {chosen} --timeout=4s", f"get pods {chosen} -o name"]


def test_the_message_of_an_event_is_returned(kubectl: list[str]) -> None:
    said = pod_waits.wait_event("agent-1", "Evicted", timeout=5, namespace="other")

    assert said == "The node was low."
    assert all("reason=Evicted,involvedObject.name=agent-1" in command for command in kubectl)
    assert all(command.startswith("-n other ") for command in kubectl)
    assert kubectl[0].endswith("--timeout=5s")


def test_an_event_that_does_not_come_is_an_error(kubectl: list[str]) -> None:
    with pytest.raises(CommandFailed):
        pod_waits.wait_event("agent-1", "FailedCreate")
    assert len(kubectl) == 1


def test_a_pod_is_evicted_when_the_kubelet_has_said_so_and_the_pod_is_gone(
    kubectl: list[str],
) -> None:
    assert pod_waits.wait_evicted("plain") == "The node was low."

    first, event, _, gone = kubectl
    assert "-l app=plain" in first
    assert "wait --for=create events" in event
    assert "involvedObject.name=agent-x7f2p" in event
    assert gone == "wait --for=delete pod/agent-x7f2p --timeout=60s"


def owned(name: str, daemonset: str = "pinned") -> dict[str, Any]:
    owner = {"kind": "DaemonSet", "name": daemonset}
    return {"metadata": {"name": name, "ownerReferences": [owner]}}


def test_new_pods_are_counted_also_those_that_are_gone_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pod_waits, "current", lambda: SimpleNamespace(api=None))
    seen = []

    def wait(_: object, __: str, done: Callable[[Objects], bool], **___: Any) -> None:
        for names in (["old"], ["a"], ["y"], ["b"]):
            pods = [owned(name, "agent" if name == "y" else "pinned") for name in names]
            seen.append(done({pod["metadata"]["name"]: pod for pod in pods}))

    monkeypatch.setattr(pod_waits, "wait_for", wait)

    assert pod_waits.wait_new_pods("pinned", 2, besides=["old"]) == ["a", "b"]
    assert seen == [False, False, False, True]
