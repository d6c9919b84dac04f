"""The agent's part on simulated nodes: remove a taint with the token of its Pod."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.errors import NotFinished
from daemonset_course.verbs import own_taint

KEY = "agent.example.com/not-ready"
KEPT = {"key": "gpu", "effect": "NoSchedule"}
NODES = [
    {"metadata": {"name": name}, "spec": {"taints": [{"key": KEY, "effect": "NoSchedule"}, KEPT]}}
    for name in ("n1", "n2")
]


def pod(*, ready: bool, owner: str = "agent") -> dict[str, Any]:
    return {
        "metadata": {"name": "agent-1", "ownerReferences": [{"kind": "DaemonSet", "name": owner}]},
        "spec": {"nodeName": "n1", "serviceAccountName": "agent"},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the API server, and with which token."""
    made: list[Any] = []

    @contextmanager
    def client(token: str) -> Iterator[str]:
        made.append(token)
        yield token

    def refused(api: str, node: str, change: Any, *, dry_run: bool) -> str:
        made.append((api, node, change, dry_run))
        return "" if node == "n1" else "not yours"

    monkeypatch.setattr(own_taint, "api_with_token", client)
    monkeypatch.setattr(own_taint, "refusal", refused)
    monkeypatch.setattr(own_taint, "make_token", lambda *names: "-".join(names))
    return made


def cluster(monkeypatch: pytest.MonkeyPatch, *pods: Any) -> None:
    def items(path: str, **_: str) -> list[Any]:
        return list(pods) if path.endswith("pods") else NODES

    api = SimpleNamespace(items=items)
    monkeypatch.setattr(own_taint, "current", lambda: SimpleNamespace(api=api))


def test_the_taint_goes_with_the_token_of_the_ready_pod_and_other_taints_stay(
    requests: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(monkeypatch, pod(ready=True, owner="other"), pod(ready=True))
    answers = own_taint.untaint_as_agent("agent", KEY, "n1", ["n1", "n2"])

    change = {"spec": {"taints": [KEPT]}}
    token = "agent-agent-1"
    assert answers == {"n1": "", "n2": "not yours"}
    assert requests == [token, (token, "n1", change, False), (token, "n2", change, False)]


@pytest.mark.usefixtures("requests")
def test_an_agent_that_does_not_get_ready_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, pod(ready=False))

    with pytest.raises(NotFinished, match="agent on n1 was not ready within 0 s"):
        own_taint.untaint_as_agent("agent", KEY, "n1", ["n1"], timeout=0)
