"""The recorder against the API server's own account of a rollout: its audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cell_outputs import FakeOutput, show_in_fakes
from daemonset_course.cluster import lifecycle
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.history.log import Change
from daemonset_course.history.podstate import node_of
from daemonset_course.recording.recorder import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import PACE, Object, daemonset, eventually

pytestmark = pytest.mark.only("embedded", "kind's API server writes no audit log")

NODES = 12
POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - resources: [pods, pods/status, pods/binding, pods/eviction, nodes, nodes/status]
      - {group: apps, resources: [daemonsets, daemonsets/status]}
  - {level: None}
"""
KINDS = {"pods": "Pod", "nodes": "Node", "daemonsets": "DaemonSet"}


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of the test's own, whose API server writes an audit log."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CLUSTER", "audited")
    monkeypatch.setenv("COURSE_AUDIT_POLICY", str(policy))
    yield lifecycle.up("audited", pace=PACE)
    lifecycle.down("audited")


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[FakeOutput]:
    # It draws all the time, which is much more than it may.
    return show_in_fakes(monkeypatch, PAUSE=0.0, SHARE=1e9, BYTES=10**12)


def version(item: Object) -> int:
    """The version of an object; 0 if it has none (see ``removed_by_update``)."""
    return int(item["metadata"].get("resourceVersion", 0))


def version_now(cluster: Cluster) -> int:
    """The version of the API server's store: that of the last write to anything."""
    return version(cluster.api.get("/api/v1/namespaces?limit=1"))


def audit_log(cluster: Cluster, marker: str) -> list[Object]:
    """The successful writes of the audit log, in order, when it has a last one with that word."""
    file = next(cluster.backend.directory.rglob("audit.log"))
    eventually(lambda: marker in file.read_text())
    found = [json.loads(line) for line in file.read_text().splitlines()]
    return [one for one in found if one["responseStatus"]["code"] < 300]


def writes(log: list[Object], after: int, until: int) -> dict[tuple[str, str, int], str]:
    """The objects that were written between two versions: what, which, its version; and by what."""
    found = {}
    for one in log:
        item, resource = one.get("responseObject") or {}, one["objectRef"]["resource"]
        if item.get("kind") == KINDS[resource] and after < version(item) <= until:
            by = f"{one['verb']} {resource}/{one['objectRef'].get('subresource', '')}"
            found[resource, item["metadata"]["uid"], version(item)] = by
    return found


def removed_by_update(log: list[Object], after: int, until: int) -> set[str]:
    """The Pods that went with the update that took their last finalizer or ended their grace.

    Its answer is the object of the request, which has no version: ``deleteWithoutFinalizers`` in
    staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.
    """
    items = [one.get("responseObject") or {} for one in log]
    pods = [item for item in items if item.get("kind") == KINDS["pods"]]
    inside = [i for i, item in enumerate(pods) if after < version(item) <= until]
    between = pods[inside[0] : inside[-1] + 1]
    return {item["metadata"]["uid"] for item in between if not version(item)}


def bindings(log: list[Object], pods: set[str]) -> set[tuple[str, str]]:
    """The Pods and their nodes, of the writes whose answer has no object: the scheduler's."""
    bound = [one for one in log if one["objectRef"].get("subresource") == "binding"]
    pairs = {(one["objectRef"]["name"], one["requestObject"]["target"]["name"]) for one in bound}
    return {pair for pair in pairs if pair[0] in pods}


def changes(recording: Recording) -> list[Change]:
    return [one for one in recording.history.records if isinstance(one, Change)]


def test_every_write_in_the_audit_log_is_recorded_while_the_live_view_draws(
    audited: Cluster, outputs: list[FakeOutput]
) -> None:
    reset(workers=NODES)
    made: dict[str, Any] = daemonset("agent")
    made["spec"]["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": 4}}
    apply(made)
    wait_rollout("agent")
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "RELEASE", "value": "2"}]

    with record("agent", live=True) as drawn:
        after = version_now(audited)
        apply(made)
        node = audited.workers()[0]
        kubectl(f"cordon {node}")
        audited.api.merge_conditions(node, [{"type": "Tried", "status": "True"}])
        kubectl(f"uncordon {node}")
        wait_rollout("agent")
        until = version_now(audited)
    kubectl(f"label node {node} ends=the-audit-log")
    log = audit_log(audited, "the-audit-log")

    moving = [html for html in outputs[0].frames if "Waits: " in html]
    assert len(moving) > 5, "it drew while the rollout was under way"
    assert drawn.timeline.gaps == ()
    written = writes(log, after, until)
    ours = {(one.resource, one.uid, version(one.object)) for one in changes(drawn)}
    missing = {key: by for key, by in written.items() if key not in ours}
    assert missing == {}
    gone = {one.uid for one in changes(drawn) if one.gone}
    assert removed_by_update(log, after, until) <= gone

    # Each node: an old Pod marked and deleted, a new one made, begun, ready.
    kinds = [resource for resource, _, _ in written]
    assert kinds.count("pods") >= 5 * NODES - NODES  # a binding's answer has no object
    assert kinds.count("daemonsets") >= NODES / 4
    assert {"patch nodes/", "patch nodes/status"} <= set(written.values())
    new = {one.name for one in changes(drawn) if one.resource == "pods" and one.via == "watch"}
    placed = {(one.name, node_of(one.object)) for one in changes(drawn) if one.resource == "pods"}
    assert len(bound := bindings(log, new)) >= NODES
    assert bound <= placed
