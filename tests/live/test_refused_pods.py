"""Pods that the API server refuses: every explanation names the newest FailedCreate Event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.errors import NotFinished, Rejected
from daemonset_course.recording.recorder import Recorder, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout
from daemonset_course.verbs.why import why
from live.scenes import PAUSE, daemonset, eventually

PLACE = "guarded"
FAILED = "events --field-selector reason=FailedCreate"
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-agents}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations: [{expression: "false", message: "no agents on Fridays"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-agents}
spec:
  policyName: no-agents
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: guarded}}}
"""
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}


@pytest.fixture
def guarded(live_cluster: Cluster) -> Iterator[str]:
    reset(live_cluster.name)
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}})
    kubectl(f"-n {PLACE} wait --for=create serviceaccount/default --timeout=60s", timeout=70)
    yield PLACE
    kubectl("delete validatingadmissionpolicy,validatingadmissionpolicybinding --all")
    reset(live_cluster.name)


def allow_no_pods() -> None:
    apply(QUOTA, namespace=PLACE)
    kubectl(
        f"-n {PLACE} wait resourcequota/none --for=jsonpath={{.status.hard.pods}}=0 --timeout=60s",
        timeout=70,
    )


def forbid() -> None:
    apply(POLICY)
    trial = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}}
    trial["spec"] = {"containers": [{"name": "main", "image": PAUSE}]}

    def refused() -> bool:
        try:
            apply(trial, namespace=PLACE, dry_run=True)
        except Rejected:
            return True
        return False

    eventually(refused, within=60)


def enforce_baseline() -> None:
    kubectl(f"label namespace {PLACE} pod-security.kubernetes.io/enforce=baseline")


CASES: dict[str, Any] = {
    "service account": (
        None,
        {"serviceAccountName": "nobody"},
        'serviceaccount "nobody" not found',
    ),
    "priority class": (None, {"priorityClassName": "nope"}, "no PriorityClass with name nope"),
    "pod security": (enforce_baseline, {"hostNetwork": True}, 'violates PodSecurity "baseline'),
    "quota": (allow_no_pods, {}, "exceeded quota: none"),
    "admission policy": (forbid, {}, "no agents on Fridays"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_wait_the_caption_and_why_name_the_refusal(
    guarded: str, case: str, live_cluster: Cluster
) -> None:
    worker = f"{live_cluster.name}-worker"
    prepare, spec, words = CASES[case]
    if prepare:
        prepare()
    with record("agent", namespace=guarded) as recording:
        apply(daemonset("agent", **spec), namespace=guarded)
        eventually(lambda: recording.timeline.failed_creates, within=60)
        with pytest.raises(NotFinished) as late:
            wait_rollout("agent", namespace=guarded, timeout=1)

    assert late.value.seen.startswith(f"no Pod could be created on {worker}, ")
    assert words in late.value.seen
    assert "no Pod yet" not in late.value.seen
    assert words in recording.explanation.of("refused")[0].reason
    assert "no Pod could be created on worker, worker2, worker3: pods " in recording.caption
    assert words in recording.caption
    assert words in repr(why(worker, "agent", namespace=guarded))


def test_a_refusal_that_was_mended_is_said_no_longer(guarded: str) -> None:
    apply(daemonset("agent", serviceAccountName="nobody"), namespace=guarded)
    kubectl(f"-n {guarded} wait --for=create {FAILED} --timeout=60s", timeout=70)
    recording: Recorder
    with record("agent", namespace=guarded) as recording:
        bad = {"name": "main", "image": "registry.invalid/agent:1"}
        apply(daemonset("agent", bad, serviceAccountName="default"), namespace=guarded)
        kubectl(f"-n {guarded} wait pods -l app=agent --for=create --timeout=60s", timeout=70)
        eventually(lambda: "ImagePullBackOff" in recording.caption, within=60)
        with pytest.raises(NotFinished) as late:
            wait_rollout("agent", namespace=guarded, timeout=1)

    assert "nobody" not in late.value.seen
    assert "could be created" not in recording.caption
    assert "FailedCreate" in kubectl(f"-n {guarded} get events")
