"""Several nodes that fail at the same time, and the wait for the end of their Pods."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.verbs import failing_nodes


def pod(name: str, node: str, *, terminating: bool = False) -> dict[str, Any]:
    made = {"metadata": {"name": name}, "spec": {"nodeName": node}}
    if terminating:
        made["metadata"]["deletionTimestamp"] = "2026-11-30T16:00:00Z"
    return made


@pytest.mark.parametrize(
    ("pods", "gone", "ended"),
    [
        ([pod("a", "n1"), pod("b", "n2")], False, False),
        ([pod("a", "n1", terminating=True), pod("b", "n2")], False, True),
        ([pod("a", "n1", terminating=True)], True, False),
        ([pod("b", "n2")], True, True),
        ([], False, True),
    ],
)
def test_pods_of_these_nodes_are_waited_for_and_no_others(
    pods: list[Any], gone: bool, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def waits(_: object, path: str, done: Any, **options: Any) -> None:
        found = {one["metadata"]["name"]: one for one in pods}
        asked.append((path, options["selector"], done(found)))

    monkeypatch.setattr(failing_nodes, "current", lambda: SimpleNamespace(api=None))
    monkeypatch.setattr(failing_nodes, "wait_for", waits)
    failing_nodes.wait_evictions("web", "n1", gone=gone)

    assert asked == [("/api/v1/namespaces/default/pods", {"labelSelector": "app=web"}, ended)]


def test_each_node_fails_in_its_way_with_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[tuple[str, str]] = []
    marks: list[str] = []
    monkeypatch.setattr(failing_nodes, "break_node", lambda *one: broken.append(one))
    failing_nodes.break_nodes({"not ready": "n1", "off": "n2"}, mark=marks.append)

    assert sorted(broken) == [("n1", "not ready"), ("n2", "unreachable")]
    assert sorted(marks) == ["not ready", "off"]


def test_an_error_of_one_node_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(node: str) -> None:
        raise ValueError(node)

    monkeypatch.setattr(failing_nodes, "recover_node", fails)

    with pytest.raises(ValueError, match="n1"):
        failing_nodes.recover_nodes("n1")
