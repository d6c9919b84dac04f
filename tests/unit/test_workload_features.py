"""The features of the workloads of a namespace, as kubectl lists them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemonset_course.verbs import workload_features
from daemonset_course.verbs.kubectl import Output


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [], **spec}}
    return {"kind": kind, "metadata": {"name": name}, "spec": {"template": template}}


def test_each_workload_has_its_features_by_kind_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    volumes = [{"name": "log", "hostPath": {"path": "/var/log"}}]
    items = [
        workload("DaemonSet", "proxy", hostNetwork=True, volumes=volumes),
        workload("Deployment", "proxy"),
    ]

    def kubectl(command: str) -> Output:
        asked.append(command)
        return Output(json.dumps({"items": items}))

    monkeypatch.setattr(workload_features, "kubectl", kubectl)

    assert workload_features.workload_features("kube-system") == {
        "DaemonSet proxy": ["hostPath", "hostNetwork"],
        "Deployment proxy": [],
    }
    assert asked == ["-n kube-system get daemonsets,deployments -o json"]
