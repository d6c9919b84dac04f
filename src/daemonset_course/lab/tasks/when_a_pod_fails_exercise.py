"""The exercise of the lesson on failing Pods: two agents fail, each with another back-off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted
from daemonset_course.lab.agent_manifest import agent_manifest, running, sets_release
from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.quantities import millicores
from daemonset_course.lab.tasks.place_by_label import kubectl
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed

AGENT, SHIPPER, NODE = "agent", "shipper", "worker2"
NEEDS = 100  # millicores that RELEASE 2 of agent needs
MEANT, WRITTEN = "100m", "1000"
PROGRAM = ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
_COMMAND = "command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]"
CONTROLLER, KUBELET = "controller", "kubelet"
COMPONENTS = {
    CONTROLLER: ("daemonset-controller", "controller-manager", "kube-controller-manager"),
    KUBELET: (),
    "scheduler": ("kube-scheduler", "default-scheduler"),
    "api-server": ("apiserver", "kube-apiserver"),
}
RULE = (
    "A kubelet starts a container again in the same Pod, and counts it under RESTARTS. A Pod that "
    "has failed stays failed: the DaemonSet controller deletes it and creates another. Sources: "
    "kubernetes.io, Pod Lifecycle; podsShouldBeOnNode, pkg/controller/daemon/daemon_controller.go."
)


def agent(*, release: str = "2", cpu: str = MEANT, pod: str = "") -> str:
    """Return the manifest of agent as YAML."""
    asks = f'resources: {{requests: {{cpu: "{cpu}"}}}}\n'
    return agent_manifest(AGENT, pod=pod, container=asks + sets_release(release))


def shipper(*, release: str = "2", command: str = _COMMAND) -> str:
    """Return the manifest of shipper as YAML."""
    made = agent_manifest(SHIPPER, container=sets_release(release))
    return made.replace(_COMMAND, command)


START = "---\n".join((
    agent(release="1"),
    running(shipper(release="1"), SHIPPER),
    f"action: wait rollout\ndaemonset: {AGENT}\n",
    agent(cpu=WRITTEN, pod=f"nodeName: ${NODE}"),
    shipper(command='command: ["false"]'),
    f"action: wait status\ndaemonset: {AGENT}\ndesired: 1\nready: 0\n",
    f"action: wait stuck\ndaemonset: {SHIPPER}\nreason: CrashLoopBackOff\n",
    f"action: wait stuck\ndaemonset: {AGENT}\nreason: OutOfcpu\n",
))  # fmt: skip


class Seen(NamedTuple):
    """What the history shows of a DaemonSet's Pods: how many failed, and the most restarts."""

    failed: int
    restarts: int


def seen(own: DaemonSetEvidence) -> Seen:
    """Return what happened to the Pods of a DaemonSet since the start."""
    pods = list(_versions(own))
    failed = {pod["metadata"]["uid"] for pod in pods if pod["status"].get("phase") == "Failed"}
    counts = (
        int(one.get("restartCount") or 0)
        for pod in pods
        for one in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    return Seen(len(failed), max(counts, default=0))


def _versions(own: DaemonSetEvidence) -> Iterator[Object]:
    history = own.cluster.history
    yield from (pod for pod in history.at_start("pods") if podstate.is_owned(pod, own.name))
    yield from (
        change.object
        for change in history.edits("pods")
        if podstate.is_owned(change.object, own.name)
    )


def against(own: DaemonSetEvidence, said: str) -> str:
    """Return an observation that contradicts the answer."""
    found, name = seen(own), own.name
    if said == "api-server":
        return f"Pods of {name} exist: the API server has stored them."
    if said == "scheduler":
        return f"The Pods of {name} that fail have a node in spec.nodeName: nothing waits for it."
    if said == KUBELET:
        return (
            f"{counted(found.failed, 'Pod')} of {name} failed on {NODE}, and no container was "
            "started again: another Pod took the place of each."
        )
    return (
        f"No Pod of {name} has failed. A container of it was started again in the same Pod: "
        f"RESTARTS {found.restarts}."
    )


def _whose(name: str, right: str, *requires: Criterion) -> Criterion:
    """The ConfigMap has the component that waits before it tries again."""

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(name)
        if given is None:
            return missed(
                f"There is no answer for {name}.",
                where=f"kubectl create configmap answer --from-literal={name}=…",
            )
        plain = given.lower().replace(" ", "-")
        said = next((n for n, more in COMPONENTS.items() if plain in (n, *more)), "")
        if said == right:
            return MET
        if not said:
            return missed(
                f"{name}: {given or 'nothing'} is none of {CONTROLLER} and {KUBELET}.",
                where="kubectl edit configmap answer.",
            )
        return missed(
            f"{name}: the back-off is not that of the {given}. "
            f"{against(evidence.daemonset(name), said)}",
            rule=RULE,
            where=f"kubectl get pods -l app={name}, and kubectl events --for daemonset/{name}.",
        )

    return Criterion(f"whose back-off: {name}", judge, requires)


def _container(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        (one for one in spec.get("containers") or () if one.get("name") == name), {}
    )
    return found


def _enough(spec: Mapping[str, Any]) -> str:
    resources = _container(spec, AGENT).get("resources") or {}
    # A container with a limit only requests its limit.
    own = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.get("cpu", "0")
    if millicores(str(own)) >= NEEDS:
        return ""
    return f"{AGENT} requests {own} of CPU, and RELEASE 2 needs {NEEDS}m."


def _program(spec: Mapping[str, Any]) -> str:
    command = list(_container(spec, SHIPPER).get("command") or ())
    if command == PROGRAM:
        return ""
    return f"{SHIPPER} does not run its program: its command is {command or 'that of the image'}."


def _field(name: str, what: str, test: Callable[[Mapping[str, Any]], str], rule: str) -> Criterion:
    where = f"kubectl rollout history daemonset {name} --revision=1: the template that worked."
    return kept.field(name, what, test, rule=rule, where=where, requires=(_SAME[name],))


_SAME = {name: kept.same_object(name) for name in (AGENT, SHIPPER)}
_RELEASE = rolled.template_sets(AGENT, AGENT, "RELEASE", "2")
_ENOUGH = _field(
    AGENT, f"{AGENT} requests the CPU that it needs", _enough,
    "What a Pod does not request, the scheduler gives away. kubernetes.io: Resource Management "
    "for Pods and Containers.",
)  # fmt: skip
_PROGRAM = _field(
    SHIPPER, f"{SHIPPER} runs its program", _program,
    "A new Pod has the command of the template. A Pod that is deleted comes back with the same "
    "command, and so with the same failure.",
)  # fmt: skip


def unchanged(name: str, same: Criterion, *allowed: str) -> tuple[Criterion, Criterion]:
    """Nothing of the DaemonSet was changed but these fields of its Pod spec."""
    pod = kept.only_changed(name, *allowed, requires=(same,))
    spec = kept.spec_kept(name, requires=(same,))
    return _named(name, pod), _named(name, spec)


def _named(name: str, one: Criterion) -> Criterion:
    return Criterion(f"{name}: {one.name}", one.judge, one.requires, one.weight, one.watched)


def _covers(name: str, *requires: Criterion) -> Criterion:
    return covered.covers(name, is_worker, "every worker", requires=(_SAME[name], *requires))


def _done(*requires: Criterion) -> Criterion:
    """Both agents run; the sentence of the verdict, with what was seen of both back-offs."""

    def judge(evidence: Evidence) -> Finding:
        first, second = (seen(evidence.daemonset(name)) for name in (AGENT, SHIPPER))
        return met(
            "Both agents run on every worker, and you read whose back-off each one met.",
            (
                f"{AGENT}: {counted(first.failed, 'Pod')} failed, and the controller replaces them",
                f"{SHIPPER}: the kubelet started a container again, RESTARTS {second.restarts}",
            ),
        )

    return Criterion("both agents run again", judge, requires)


_WHOSE = (_whose(AGENT, CONTROLLER), _whose(SHIPPER, KUBELET))
_STUCK = rolled.not_stuck(AGENT, requires=(_SAME[AGENT], _RELEASE, _ENOUGH))
_COVERED = (_covers(AGENT, _STUCK), _covers(SHIPPER, _PROGRAM))

LAB = Lab(
    name="when-a-pod-fails",
    title="Whose back-off?",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Two agents fail: read whose back-off each one meets, and repair both in place",
            start=START,
            there=f"{AGENT} and {SHIPPER} ran on every worker with RELEASE 1. Both were changed "
            f"to RELEASE 2 an hour ago. Of {AGENT} no worker has a ready Pod; of {SHIPPER} one "
            "worker has none.",
            criteria=(
                *_SAME.values(),
                kept.nodes_kept(),
                kept.nodes_as_given(),
                kept.not_bare(),
                *_WHOSE,
                *unchanged(AGENT, _SAME[AGENT], "nodeName", f"{AGENT}.resources", f"{AGENT}.env"),
                *unchanged(SHIPPER, _SAME[SHIPPER], f"{SHIPPER}.command", f"{SHIPPER}.env"),
                _RELEASE,
                _ENOUGH,
                _PROGRAM,
                _STUCK,
                *_COVERED,
                _done(*_WHOSE, *_COVERED),
            ),
            hints=(
                "Run kubectl get pods twice, some seconds apart. Which Pods have another NAME the "
                "second time? In which Pod does RESTARTS count?",
                "A component that creates new Pods is the DaemonSet controller: its events are "
                f"those of the DaemonSet. Compare with revision 1: kubectl rollout history "
                f"daemonset {AGENT} --revision=1, and the same for {SHIPPER}. Two fields of "
                f"{AGENT} differ that have nothing to do with its release.",
                f"kubectl create configmap answer --from-literal={AGENT}=… "
                f"--from-literal={SHIPPER}=…\n"
                f"kubectl rollout undo daemonset {SHIPPER}\n"
                "spec:\n  template:\n    spec:\n      nodeName: null\n      containers:\n"
                f"      - name: {AGENT}\n        resources: …",
            ),
            solution=kubectl(
                f"create configmap answer --from-literal={AGENT}={CONTROLLER} "
                f"--from-literal={SHIPPER}={KUBELET}"
            )
            + f"---\n{agent()}---\n{shipper()}",
        ),
    ),
    debrief="",
)  # fmt: skip
