"""Play YAML documents on the live cluster: manifests, kubectl, waiting, faults.

A document with a ``kind`` is applied. One with an ``action`` is one of ``ACTIONS``. The same table
exists for simulated clusters in ``tests/labs``, so that a start, a solution and an attempt are
written once. ``$worker3`` stands for the full name of a node, ``$controlplane`` for the control
plane.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import Objects, until, wait_for
from daemonset_course.errors import BadInput, NotFound, NotRunning
from daemonset_course.history.daemonset_status import Status, status_of
from daemonset_course.history.podstate import is_owned, node_of, phase_of
from daemonset_course.lab.agent_requests import LiveRequests
from daemonset_course.lab.agent_tries import free_nodes, try_rights
from daemonset_course.lab.criteria import judged_rules
from daemonset_course.verbs.alert_rules import judge_rules
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.conditions import set_network_unavailable
from daemonset_course.verbs.control_plane import start_component, stop_component
from daemonset_course.verbs.daemonsets import daemonsets_path
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import (
    add_node,
    allocatable_cpu,
    break_node,
    recover_node,
    remove_node,
)
from daemonset_course.verbs.rollout import wait_rollout

Step = Mapping[str, Any]
_NODE = re.compile(r"\$(worker\d*|controlplane)\b")
PATIENCE = 60.0  # seconds that a wait may last


def named(text: str, cluster: str) -> str:
    """Return the text with the full names of nodes: ``course-worker3`` for ``$worker3``."""
    return _NODE.sub(
        lambda found: f"{cluster}-" + found[1].replace("controlplane", "control-plane"), text
    )


def play(text: str) -> None:
    """Play the documents of a text, one after the other.

    Raises:
        CourseError: a step failed.
    """
    for step in yaml.safe_load_all(named(text, current().name)):
        if step is None:
            continue
        if "action" not in step:
            apply(step)
        elif (act := ACTIONS.get(step["action"])) is None:
            raise BadInput(
                f"There is no action {step['action']!r}.", next_step=f"One of: {', '.join(ACTIONS)}"
            )
        else:
            act(step)


def _kubectl(step: Step) -> None:
    kubectl(step["command"], stdin=step.get("stdin"))


def _wait_rollout(step: Step) -> None:
    wait_rollout(step["daemonset"], namespace=_namespace(step))


def _wait_status(step: Step) -> None:
    """Wait until the status of a DaemonSet has these numbers."""
    wanted = {key: value for key, value in step.items() if key in Status._fields}

    def reached(sets: Objects) -> bool:
        found = status_of(sets[step["daemonset"]])._asdict() if step["daemonset"] in sets else {}
        return all(found.get(key) == value for key, value in wanted.items())

    wait_for(
        current().api,
        daemonsets_path(_namespace(step)),
        reached,
        what=f"{step['daemonset']} with {wanted}",
        explain=lambda sets: repr({name: status_of(one) for name, one in sets.items()}),
        timeout=PATIENCE,
    )


def _wait_stuck(step: Step) -> None:
    """Wait until a Pod of the DaemonSet is not ready for a reason that contains this one."""

    def stuck(pods: Objects) -> bool:
        return any(
            is_owned(pod, step["daemonset"]) and step["reason"] in phase_of(pod)[1]
            for pod in pods.values()
        )

    wait_for(
        current().api,
        _pods_path(step),
        stuck,
        what=f"a Pod of {step['daemonset']} in {step['reason']}",
        explain=lambda found: f"{len(found)} Pods, none in {step['reason']}",
        timeout=PATIENCE,
    )


def _wait_pods(step: Step) -> None:
    """Wait until the DaemonSet has so many Pods, and so many of them are ready."""

    def reached(pods: Objects) -> bool:
        own = [pod for pod in pods.values() if is_owned(pod, step["daemonset"])]
        ready = [pod for pod in own if phase_of(pod)[0] == "ready"]
        count = int(step["count"])
        return len(own) == count and len(ready) == int(step.get("ready", count))

    wait_for(
        current().api,
        _pods_path(step),
        reached,
        what=f"{step['count']} Pods of {step['daemonset']}",
        explain=lambda found: f"{len(found)} Pods",
        timeout=PATIENCE,
    )


def _delete_pods(step: Step) -> None:
    """Delete Pods of a DaemonSet: so many, those of these nodes, or those with this reason."""
    pods = [
        pod for pod in current().api.items(_pods_path(step)) if is_owned(pod, step["daemonset"])
    ]
    if "node" in step or "nodes" in step:
        nodes = step.get("nodes", [step.get("node")])
        pods = [pod for pod in pods if node_of(pod) in nodes]
    if "reason" in step:
        pods = [pod for pod in pods if step["reason"] in phase_of(pod)[1]]
    names = [pod["metadata"]["name"] for pod in pods[: step.get("count", len(pods))]]
    if names:
        command = f"delete pods -n {_namespace(step)} --ignore-not-found"
        kubectl(command + ("" if step.get("wait") else " --wait=false"), *names)


def _add_node(step: Step) -> None:
    count = step.get("count", 1)
    add_node(count=count, taints=step.get("taints", ()), **step.get("labels", {}))


def _remove_node(step: Step) -> None:
    """Remove a node that is there; with ``labels`` the nodes that have them, and their Pods."""
    if "labels" in step:
        query = ",".join(f"{key}={value}" for key, value in step["labels"].items())
        found = current().api.items("/api/v1/nodes", labelSelector=query)
        names = [node["metadata"]["name"] for node in found]
    else:
        names = [step["node"]]
    for name in names:
        try:
            remove_node(name)
        except NotFound:
            if not step.get("if_there") and "labels" not in step:
                raise
        if "labels" in step:  # else its Pods stay until the Pod garbage collector finds them
            here = f"--field-selector spec.nodeName={name}"
            kubectl(f"delete pods -A {here} --force --grace-period=0 --wait=false")


def _break_nodes(step: Step) -> None:
    """Break a node, or several at the same time: each is noticed after the same grace period."""
    names = step.get("nodes", [step.get("node")])
    how = step.get("how", "unreachable")
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        list(pool.map(lambda name: break_node(name, how), names))  # raises what a node raised


def _fill_node(step: Step) -> None:
    """Run a DaemonSet on one node that requests its CPU but for ``left`` (in millicores).

    ``priority`` is the name of its PriorityClass.
    """
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 300 ms

    node = step["node"]
    pods = current().api.items("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")
    resources = [one.get("resources") or {} for pod in pods for one in pod["spec"]["containers"]]
    requests = [(one.get("requests") or {}).get("cpu", 0) for one in resources]
    millicores = [int(1000 * parse_quantity(cpu)) for cpu in requests]
    cpu = allocatable_cpu(node) - sum(millicores) - int(step["left"])
    apply(filler(step["daemonset"], node, cpu, step.get("priority", "")))
    wait_rollout(step["daemonset"])


def filler(name: str, node: str, cpu: int, priority: str = "") -> dict[str, Any]:
    """Return a DaemonSet that requests so much CPU (in millicores) on one node."""
    container = {
        "name": name, "image": "busybox:1.36",
        "command": ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
        "resources": {"requests": {"cpu": f"{cpu}m"}},
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": node},
                    "containers": [container],
                    **({"priorityClassName": priority} if priority else {}),
                },
            },
        },
    }  # fmt: skip


def _slow_nodes(step: Step) -> None:
    """Make Pods start later on the nodes with a label: their probe's initial delay is longer.

    A MutatingAdmissionPolicy sets ``initialDelaySeconds`` of the first container's readinessProbe
    in the Pods that a DaemonSet creates for these nodes. It waits until the policy acts.
    """
    api, seconds, name = current().api, int(step["seconds"]), str(step["name"])
    found = api.items("/api/v1/nodes", labelSelector=step["label"])
    names = [str(node["metadata"]["name"]) for node in found]
    for one in slow_nodes_policy(name, names, seconds):
        apply(one)
    pod = _pod_for(names[0])

    def acts() -> bool:
        made = api.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)
        probe = made["spec"]["containers"][0]["readinessProbe"]
        return bool(probe.get("initialDelaySeconds") == seconds)

    if not until(acts, timeout=PATIENCE, pause=0.1):
        raise NotRunning(f"The admission policy {name} does not act.", seen=f"after {PATIENCE:g} s")


def slow_nodes_policy(name: str, nodes: Sequence[str], seconds: int) -> tuple[Step, Step]:
    """Return a MutatingAdmissionPolicy with its binding, for the Pods meant for these nodes."""
    api_version = "admissionregistration.k8s.io/v1"
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    affinity = f"object.spec.affinity.nodeAffinity.{required}"
    meant = (
        f"has({affinity}) && {affinity}.nodeSelectorTerms.exists(t, has(t.matchFields) && "
        f"t.matchFields.exists(f, f.key == 'metadata.name' && f.values[0] in {list(nodes)}))"
    )
    path = "/spec/containers/0/readinessProbe/initialDelaySeconds"
    policy = {
        "apiVersion": api_version, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"],
            }]},
            "matchConditions": [
                {"name": "node", "expression": "has(object.spec.affinity) && "
                 f"has(object.spec.affinity.nodeAffinity) && {meant}"},
                {"name": "probe", "expression": "has(object.spec.containers[0].readinessProbe)"},
            ],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {
                "expression": f'[JSONPatch{{op: "add", path: "{path}", value: {seconds}}}]'
            }}],
        },
    }  # fmt: skip
    binding = {
        "apiVersion": api_version, "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name},
    }  # fmt: skip
    return policy, binding


def _pod_for(node: str) -> dict[str, Any]:
    """Return a Pod as the DaemonSet controller makes it for a node."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    container = {"name": "probe", "image": "busybox:1.36",
                 "readinessProbe": {"exec": {"command": ["true"]}}}  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dry-run"},
        "spec": {"affinity": {"nodeAffinity": required}, "containers": [container]},
    }  # fmt: skip


def _judge_rules(_: Step) -> None:
    """Let promtool judge the rules of the learner's ConfigMap, and keep its verdict in another."""
    api = current().api

    def read() -> str | None:
        found = api.items("/api/v1/namespaces/default/configmaps")
        own = [one for one in found if one["metadata"]["name"] == judged_rules.CONFIGMAP]
        return str((own[0].get("data") or {}).get(judged_rules.KEY, "")) if own else None

    def store(data: Mapping[str, str]) -> None:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": judged_rules.JUDGED}}
        apply({**made, "data": dict(data)})

    judged_rules.judge_into(read, judge_rules, store)


ACTIONS: dict[str, Callable[[Step], Any]] = {
    "kubectl": _kubectl,
    "wait rollout": _wait_rollout,
    "wait status": _wait_status,
    "wait stuck": _wait_stuck,
    "wait pods": _wait_pods,
    "delete pods": _delete_pods,
    "break node": _break_nodes,
    "recover node": lambda step: recover_node(step["node"]),
    "remove node": _remove_node,
    "add node": _add_node,
    "fill node": _fill_node,
    "slow nodes": _slow_nodes,
    "try rights": lambda step: try_rights(LiveRequests(), step["daemonset"]),
    "free nodes": lambda step: free_nodes(
        LiveRequests(), step["daemonset"], step["key"], step["labels"]
    ),
    "judge rules": _judge_rules,
    "network unavailable": lambda step: set_network_unavailable(
        step["node"], status=step.get("status", True)
    ),
    "stop component": lambda step: stop_component(step["component"]),
    "start component": lambda step: start_component(step["component"]),
}


def _namespace(step: Step) -> str:
    return str(step.get("namespace", "default"))


def _pods_path(step: Step) -> str:
    return f"/api/v1/namespaces/{_namespace(step)}/pods"
