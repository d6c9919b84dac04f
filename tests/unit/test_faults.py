"""What is left on a node for a filler, in every way that Kubernetes writes a quantity."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.verbs import faults, nodes


def pod(*cpu: str, phase: str = "Running") -> dict[str, Any]:
    containers = [{"resources": {"requests": {"cpu": one}}} for one in cpu]
    return {"status": {"phase": phase}, "spec": {"containers": [*containers, {}]}}


@pytest.mark.parametrize(
    ("allocatable", "pods", "left"),
    [
        ("2", [], 2000),
        ("1940m", [pod("250m", "0.5"), pod("1", phase="Succeeded")], 1190),
        ("2", [pod("100500u")], 1899),  # what is left is rounded down, so that it fits
        ("1", [pod("1e0")], 0),
    ],
)
def test_the_cpu_that_is_left_on_a_node(
    monkeypatch: pytest.MonkeyPatch, allocatable: str, pods: list[Any], left: int
) -> None:
    node = {"status": {"allocatable": {"cpu": allocatable}}}
    api = SimpleNamespace(items=lambda *_, **__: pods, get=lambda _: node)
    monkeypatch.setattr(faults, "current", lambda: SimpleNamespace(api=api))

    assert faults._cpu_left("node") == left


@pytest.mark.parametrize(
    ("written", "millicores"), [("2", 2000), ("1940m", 1940), ("1999500u", 1999)]
)
def test_the_cpu_that_pods_can_request(
    monkeypatch: pytest.MonkeyPatch, written: str, millicores: int
) -> None:
    node = {"status": {"allocatable": {"cpu": written}}}
    api = SimpleNamespace(find=lambda _: node, get=lambda _: node)
    monkeypatch.setattr(nodes, "current", lambda: SimpleNamespace(api=api))

    assert nodes.allocatable_cpu("node") == millicores
