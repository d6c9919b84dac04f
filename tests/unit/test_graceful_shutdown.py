"""A kubelet that is played by hand: its machine shuts down in good order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.cluster.simulated_nodes import OS_IMAGE
from daemonset_course.errors import ApiError, BadInput, NotFinished
from daemonset_course.verbs import graceful_shutdown

Record = dict[str, Any]


class Fake:
    """An API server with one node: what was written to it, in order, without heartbeats.

    A Pod that has failed is replaced by the next one of ``names``.
    """

    def __init__(self, *names: str, image: str = OS_IMAGE, gone: str = "", status: int = 404):
        self.names = iter(names)
        self.there = [next(self.names)]
        self.image, self.gone, self.status = image, gone, status
        self.written: list[Any] = []
        self.beats = 0

    def get(self, path: str) -> Record:
        return {"metadata": {"name": path}, "status": {"nodeInfo": {"osImage": self.image}}}

    def items(self, _: str, **query: str) -> list[Record]:
        assert query == {"fieldSelector": "spec.nodeName=n1"}
        return [{"metadata": {"name": name, "uid": name}} for name in self.there]

    def merge(self, path: str, body: Record) -> None:
        if "leases" in path:
            assert body["spec"]["renewTime"].endswith("Z")
            self.beats += 1
        else:
            self.written.append(body["metadata"]["labels"])

    def merge_conditions(self, node: str, conditions: list[Record]) -> None:
        self.written += [(node, one["type"], one["status"], one["message"]) for one in conditions]

    def request(self, method: str, path: str, body: Record, **_: str) -> None:
        assert method == "PATCH"
        name = path.split("/")[-2]
        self.there = [one for one in (next(self.names, ""),) if one]
        if name == self.gone:
            raise ApiError("no Pod", self.status)
        said = body["status"]
        kinds = [one["type"] for one in said["conditions"]]
        self.written.append((name, said["phase"], said["reason"], "DisruptionTarget" in kinds))


def play(monkeypatch: pytest.MonkeyPatch, api: Fake) -> Fake:
    def require(node: str) -> str:
        return node

    monkeypatch.setattr(graceful_shutdown, "current", lambda: SimpleNamespace(api=api))
    monkeypatch.setattr(graceful_shutdown, "require_node", require)
    monkeypatch.setattr(graceful_shutdown, "wait_status", lambda _, *seen: api.written.append(seen))
    return api


def test_the_node_is_not_ready_then_its_pods_fail_then_new_ones_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = play(monkeypatch, Fake("old", "one", "two", "three"))
    names = graceful_shutdown.shut_down("n1", rejected=2, mark=played.written.append)

    assert names == ["one", "two"]
    assert played.beats
    assert played.written == [
        "kubelet, by hand: shutdown",
        {"course.daemonset.example/kubelet": None},
        ("n1", "Ready", "False", "node is shutting down"),
        ("n1", "False", "node.kubernetes.io/not-ready"),
        ("old", "Failed", "Terminated", True),
        ("one", "Failed", "NodeShutdown", False),
        ("two", "Failed", "NodeShutdown", False),
    ]


def test_a_pod_that_is_gone_needs_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    played = play(monkeypatch, Fake("old", "one", "two", gone="one"))

    assert graceful_shutdown.shut_down("n1", rejected=2, mark=str) == ["one", "two"]
    assert [one[0] for one in played.written[-2:]] == ["old", "two"]
    play(monkeypatch, Fake("old", gone="old", status=403))
    with pytest.raises(ApiError):
        graceful_shutdown.shut_down("n1", rejected=1, mark=str)


def test_it_says_how_many_pods_there_were_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, Fake("old", "one"))

    with pytest.raises(NotFinished, match="did not create 2 new Pods on n1") as caught:
        graceful_shutdown.shut_down("n1", rejected=2, mark=str, timeout=0)
    assert caught.value.seen == "1 so far"


def test_a_real_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, Fake("old", image="Debian"))

    with pytest.raises(BadInput, match="n1 is a real node"):
        graceful_shutdown.shut_down("n1", rejected=1, mark=str)
