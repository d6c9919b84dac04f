"""Where the Pods of an app are, who they are, what the scheduler and the eviction API say."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.verbs import app_pods

PODS = "/api/v1/namespaces/{}/pods"


def pod(name: str, node: str = "", message: str = "", **conditions: str) -> dict[str, Any]:
    found: list[dict[str, str]] = [{"type": k, "status": v} for k, v in conditions.items()]
    if message:
        found.append({"type": "PodScheduled", "status": "False", "message": message})
    spec = {"nodeName": node} if node else {}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": spec,
        "status": {"conditions": found},
    }


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[Any]]:
    """What the API server lists, by path and label selector."""
    listed: dict[tuple[str, str], list[Any]] = {
        (PODS.format("default"), "app=agent"): [
            pod("a", "worker", Ready="True"),
            pod("b", "worker", Ready="False"),
            pod("c", "worker2", Ready="True"),
            pod("d", message="0/3 nodes are available: 3 Insufficient cpu."),
            pod("e"),
        ],
        (PODS.format("other"), "app=agent"): [pod("f", "worker3")],
    }
    api = SimpleNamespace(
        items=lambda path, labelSelector: listed.get((path, labelSelector), [])  # noqa: N803
    )
    monkeypatch.setattr(app_pods, "current", lambda: SimpleNamespace(api=api))
    return listed


def test_a_pod_is_bound_by_the_component_that_its_own_event_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [
        {"involvedObject": {"uid": uid}, "reportingComponent": "default-scheduler"}
        for uid in ("uid-a", "uid-of-an-earlier-pod")
    ]
    asked: list[dict[str, str]] = []

    def items(path: str, **query: str) -> list[Any]:
        asked.append(query)
        return events if path.endswith("/events") else [pod("a", "worker"), pod("b")]

    monkeypatch.setattr(
        app_pods, "current", lambda: SimpleNamespace(api=SimpleNamespace(items=items))
    )

    assert app_pods.bound_by("agent") == {"a": "default-scheduler"}
    assert asked == [{"fieldSelector": "reason=Scheduled"}, {"labelSelector": "app=agent"}]


@pytest.mark.usefixtures("pods")
def test_a_pod_counts_for_the_node_that_it_is_bound_to() -> None:
    assert app_pods.count_by_node("agent") == {"worker": 2, "worker2": 1}
    assert app_pods.nodes_with("agent") == {"worker", "worker2"}
    assert app_pods.nodes_with("agent", namespace="other") == {"worker3"}
    assert app_pods.count_by_node("nothing") == {}
    assert app_pods.count_by_node("nothing")["worker"] == 0


@pytest.mark.usefixtures("pods")
def test_the_names_of_all_pods_or_of_those_on_a_node() -> None:
    assert app_pods.pod_names("agent") == ["a", "b", "c", "d", "e"]
    assert app_pods.pod_names("agent", node="worker") == ["a", "b"]
    assert app_pods.pod_names("agent", node="worker3") == []


@pytest.mark.usefixtures("pods")
def test_identities_of_all_pods_of_ready_ones_and_by_node() -> None:
    assert app_pods.uids("agent") == {f"uid-{name}" for name in "abcde"}
    assert app_pods.uids("agent", ready=True) == {"uid-a", "uid-c"}
    assert app_pods.uids_by_node("agent") == {"worker": "uid-b", "worker2": "uid-c"}


def test_the_release_of_each_node_is_that_of_the_first_container(
    pods: dict[tuple[str, str], list[Any]],
) -> None:
    env = [{"name": "OTHER", "value": "x"}, {"name": "RELEASE", "value": "2"}]
    found = [pod("a", "worker"), pod("b", "worker2"), pod("c")]
    found[0]["spec"]["containers"] = [{"env": env}, {"env": [{"name": "RELEASE", "value": "9"}]}]
    found[1]["spec"]["containers"] = [{}]
    pods[PODS.format("default"), "app=agent"] = found

    assert app_pods.releases("agent") == {"worker": "2", "worker2": ""}


@pytest.mark.usefixtures("pods")
def test_only_pods_that_a_scheduler_has_looked_at_have_its_message() -> None:
    assert app_pods.scheduler_messages("agent") == ["0/3 nodes are available: 3 Insufficient cpu."]
    assert app_pods.scheduler_messages("nothing") == []


@pytest.mark.usefixtures("pods")
def test_the_first_pod_is_evicted_as_kubectl_drain_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def refuse(command: str, *, stdin: str) -> str:
        asked.append((command, json.loads(stdin)))
        return "Cannot evict pod as it would violate the pod's disruption budget."

    monkeypatch.setattr(app_pods, "try_kubectl", refuse)

    assert "disruption budget" in app_pods.try_evict("agent")
    ((command, eviction),) = asked
    assert command == f"create --raw {PODS.format('default')}/a/eviction -f -"
    assert (eviction["kind"], eviction["metadata"]["name"]) == ("Eviction", "a")


@pytest.mark.usefixtures("pods")
def test_the_pod_of_a_node_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(app_pods, "try_kubectl", lambda command, **_: asked.append(command) or "")

    assert app_pods.try_evict("agent", node="worker2") == ""
    assert asked == [f"create --raw {PODS.format('default')}/c/eviction -f -"]


@pytest.mark.usefixtures("pods")
def test_without_a_pod_there_is_nothing_to_evict() -> None:
    with pytest.raises(BadInput, match="app=nothing"):
        app_pods.try_evict("nothing")
    with pytest.raises(BadInput, match="app=agent on worker3"):
        app_pods.try_evict("agent", node="worker3")
