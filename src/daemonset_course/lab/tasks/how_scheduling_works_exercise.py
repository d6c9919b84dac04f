"""The exercise of the lesson on scheduling: four agents missing on one node, and who says no."""

from __future__ import annotations

import re
from typing import NamedTuple

from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.podstate import is_owned, node_of
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import kept
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed

NODE = "worker2"
SSD = {"disk": "ssd"}
CONTROLLER, API_SERVER, SCHEDULER, KUBELET = "controller", "api-server", "scheduler", "kubelet"
COMPONENTS = {
    CONTROLLER: ("daemonset-controller", "controller-manager", "kube-controller-manager"),
    API_SERVER: ("apiserver", "kube-apiserver", "api server", "admission"),
    SCHEDULER: ("kube-scheduler", "default-scheduler"),
    KUBELET: (),
}
RULE = (
    "The DaemonSet controller decides whether a node is to have a Pod, and asks the API server to "
    "create it. The API server stores it or refuses. The scheduler writes spec.nodeName. Then the "
    "kubelet of that node starts it. Sources: manage, pkg/controller/daemon/daemon_controller.go; "
    "kubernetes.io: Pod Lifecycle."
)


class Case(NamedTuple):
    """One agent: who is responsible, which words show it, and where that component writes."""

    component: str
    words: frozenset[str]
    where: str


CASES = {
    "logs": Case(
        SCHEDULER,
        frozenset({"podscheduled", "unschedulable", "failedscheduling", "insufficient"}),
        "the conditions of the Pod, or its events: kubectl describe pod.",
    ),
    "metrics": Case(
        API_SERVER,
        frozenset({"failedcreate", "forbidden", "currentnumberscheduled", "current"}),
        "the events of the DaemonSet that asked: kubectl describe daemonset metrics.",
    ),
    "net": Case(
        KUBELET,
        frozenset(
            {
                "errimagepull",
                "imagepullbackoff",
                "containersnotready",
                "containersready",
                "containerstatuses",
                "waiting",
                "failed",
                "backoff",
            }
        ),
        "what the kubelet writes into the Pod's status: kubectl get pods, and kubectl describe "
        "pod, State.",
    ),
    "storage": Case(
        CONTROLLER,
        frozenset({"desirednumberscheduled", "desired", "nodeselector", "selector"}),
        "the status of the DaemonSet, in which the controller counts the nodes that it wants: "
        "kubectl get daemonset storage -o wide.",
    ),
}
_BOTH = frozenset({"pending", "ready", "notready", "available", "numberready", "numberavailable"})


def component_of(said: str) -> str:
    """Return the component that is meant; empty if none of the four is."""
    plain = said.lower()
    return next((name for name, more in COMPONENTS.items() if plain in (name, *more)), "")


def against(own: DaemonSetEvidence, node: str, said: str) -> str:
    """Return an observation of the start that contradicts the answer about a node (``worker2``)."""
    cluster, name = own.cluster, own.name
    full = f"{cluster.history.header.cluster}-{node}"
    began = (pod for pod in cluster.history.at_start("pods") if is_owned(pod, name))
    pod = next((pod for pod in began if node_of(pod) == full), None)
    bound = bool(pod and (pod.get("spec") or {}).get("nodeName"))
    desired, workers = status_of(own.before).desired, len(cluster.workers)
    if said in (KUBELET, SCHEDULER) and pod is None:
        other = "nothing to place" if said == SCHEDULER else "nothing to start"
        return f"There is no Pod of {name} for {node}, so the {said} has {other}."
    if said == KUBELET and not bound:
        return f"The Pod of {name} for {node} has no spec.nodeName: no kubelet has taken it up."
    if said == SCHEDULER and bound:
        return f"The Pod of {name} has {node} in spec.nodeName: the scheduler has done its part."
    if said == API_SERVER and pod is not None:
        return f"The Pod of {name} for {node} exists: the API server has stored it."
    if said == API_SERVER and desired < workers:
        return f"DESIRED of {name} is {desired}: nobody asked the API server for a Pod on {node}."
    if said == CONTROLLER and pod is not None:
        return f"The Pod of {name} for {node} exists: the controller has created it."
    return f"DESIRED of {name} is {desired}: the controller wants a Pod on {node} and asks for it."


def responsible(name: str, right: str, node: str, *untouched: Criterion) -> Criterion:
    """The ConfigMap has the component that says no to this agent on a node (``worker2``)."""

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(name)
        where = f"kubectl create configmap answer --from-literal={name}=…"
        if given is None:
            return missed(f"There is no answer for {name}.", where=where)
        said = component_of(given)
        if not said:
            names = ", ".join(COMPONENTS)
            return missed(f"{name}: {given or 'nothing'} is none of {names}.", where=where)
        if said == right:
            return MET
        return missed(
            f"{name}: at the start it was not the {given}. "
            f"{against(evidence.daemonset(name), node, said)}",
            rule=RULE,
            where=f"kubectl get pods -l app={name} -o wide, and kubectl describe daemonset {name}.",
        )

    return Criterion(f"who says no to {name}", judge, untouched)


def _shown(name: str, component: Criterion) -> Criterion:
    """The ConfigMap names a condition, a reason or a field that shows it."""
    key, case = f"{name}-shows", CASES[name]

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(key)
        if given is None:
            return missed(
                f"There is no answer for {key}.",
                where=f"kubectl create configmap answer --from-literal={key}=…",
            )
        words = frozenset(re.findall(r"[a-z]+", given.lower()))
        others = {word for n, one in CASES.items() if n != name for word in one.words & words}
        others -= {"desired"}  # it stands beside what CURRENT shows, too
        if words & case.words and not others:
            return met("Four agents, four components, and what each of them writes.")
        if others:
            says = f"{key}: {given}. It shows the cause of another agent, not that of {name}."
        elif words & _BOTH:
            says = f"{key}: {given}. That is so for agents with different causes."
        else:
            says = f"{key}: {given or 'nothing'} does not show which component it is."
        rule = "Each component writes what it found into the object on which it works."
        return missed(says, rule=rule, where=case.where)

    return Criterion(f"what shows it for {name}", judge, (component,))


_GUARDS = (*kept.guards("logs")[1:], kept.others_untouched(*CASES))
_ALONE = kept.same_object("logs")
_WHO = [responsible(name, case.component, NODE, *_GUARDS, _ALONE) for name, case in CASES.items()]
_SHOWN = [_shown(name, who) for name, who in zip(CASES, _WHO, strict=True)]


def _answers(**given: str) -> str:
    literals = " ".join(f"--from-literal={k.replace('_', '-')}={v}" for k, v in given.items())
    return f"action: kubectl\ncommand: create configmap answer {literals}\n"


LAB = Lab(
    name="how-scheduling-works",
    title="Who says no?",
    workers=(Worker(labels=SSD), Worker(), Worker(labels=SSD)),
    daemonset="logs",
    tasks=(
        Task(
            title="Four agents are missing on worker2: say who is responsible, and show it",
            start="---\n".join((
                f"action: fill node\nnode: ${NODE}\ndaemonset: shop\nleft: 200\n",
                agent_manifest("logs", container="resources: {requests: {cpu: 300m}}"),
                agent_manifest("metrics", pod="priorityClassName: node-agents"),
                agent_manifest("net", image="registry.invalid/net:2"),
                running(agent_manifest("storage", pod="nodeSelector: {disk: ssd}"), "storage"),
                "action: wait pods\ndaemonset: logs\ncount: 3\nready: 2\n",
                "action: wait status\ndaemonset: metrics\ndesired: 3\n",
                "action: wait stuck\ndaemonset: net\nreason: ImagePull\n",
            )),
            there="The DaemonSets logs, metrics, net and storage should run on every worker. On "
            "worker2 none of them has a ready Pod, each for another reason. For each say which "
            "component stops its Pod (controller, api-server, scheduler or kubelet), and what "
            "shows it: the condition, the reason or the field, spelled as in the API. Put both "
            "into the ConfigMap answer: the component under the agent's name, what shows it under "
            "logs-shows, metrics-shows, net-shows and storage-shows. Change nothing else.",
            criteria=(*_GUARDS, _ALONE, *_WHO, *_SHOWN),
            hints=(
                "Follow one Pod on its way. Is it wanted (DESIRED)? Does it exist (kubectl get "
                "pods)? Has it a node (-o wide, or -o yaml)? Has its container started?",
                "The component whose step does not happen is responsible. The controller writes "
                "into the DaemonSet's status; a refusal of the API server becomes an event of the "
                "DaemonSet; the scheduler writes a condition of the Pod; the kubelet writes the "
                "states of containers.",
                "kubectl create configmap answer --from-literal=logs=… "
                "--from-literal=logs-shows=… --from-literal=metrics=… …",
            ),
            solution=_answers(
                logs=SCHEDULER, logs_shows="Unschedulable",
                metrics=API_SERVER, metrics_shows="FailedCreate",
                net=KUBELET, net_shows="ImagePullBackOff",
                storage=CONTROLLER, storage_shows="desiredNumberScheduled",
            ),
        ),
    ),
    debrief="",
)  # fmt: skip
