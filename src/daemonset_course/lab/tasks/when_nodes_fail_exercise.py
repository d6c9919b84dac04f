"""The exercise of the lesson on failing nodes: five nodes in five states, and one agent missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted
from daemonset_course.lab.agent_manifest import IMAGE, agent_manifest, running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import taint_of
from daemonset_course.lab.evidence import Evidence, pod_spec, tainted
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import Criterion, Finding, met, missed
from daemonset_course.placement.tolerations import tolerating

AGENT, WEB = "agent", "web"
WORKERS = 6
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
MAINTENANCE = "maintenance=true:NoExecute"
CORDONED, DRAINED, NOT_READY, UNREACHABLE, SHUT_DOWN = STATES = (
    "cordoned", "drained", "not-ready", "unreachable", "shut-down",
)  # fmt: skip
ALIASES = {"notready": NOT_READY, "shutdown": SHUT_DOWN, "off": SHUT_DOWN}
NODES = {
    "worker": DRAINED,
    "worker2": UNREACHABLE,
    "worker3": CORDONED,
    "worker4": SHUT_DOWN,
    "worker5": NOT_READY,
}
HOUR = 3600  # seconds that the Pods of web stay on a node that fails
_STAY = "\n".join(
    f"      - {{key: node.kubernetes.io/{word}, operator: Exists, effect: NoExecute, "
    f"tolerationSeconds: {HOUR}}}"
    for word in ("not-ready", "unreachable")
)
WEB_MANIFEST = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {WEB}
spec:
  replicas: {WORKERS}
  selector:
    matchLabels: {{app: {WEB}}}
  template:
    metadata:
      labels: {{app: {WEB}}}
    spec:
      topologySpreadConstraints:
      - topologyKey: kubernetes.io/hostname
        maxSkew: 1
        whenUnsatisfiable: DoNotSchedule
        nodeTaintsPolicy: Honor
        labelSelector:
          matchLabels: {{app: {WEB}}}
      tolerations:
{_STAY}
      containers:
      - name: {WEB}
        image: {IMAGE}
        command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
"""


def _steps(*commands: str) -> str:
    return "---\n".join(f'action: kubectl\ncommand: "{command}"\n' for command in commands)


def _number(field: str) -> str:
    return f"wait --for=jsonpath={{.status.{field}}}={WORKERS} deployment/{WEB} --timeout=60s"


def _here(app: str, node: str) -> str:
    return f"pods -l app={app} --field-selector spec.nodeName=${node}"


START = "---\n".join((
    WEB_MANIFEST,
    running(agent_manifest(AGENT, update="rollingUpdate: {maxUnavailable: 3}"), AGENT),
    _steps(_number("readyReplicas"), "cordon $worker3"),
    "action: break node\nnode: $worker5\nhow: not ready\n",
    "action: break node\nnodes: [$worker2, $worker4]\n",
    _steps(
        f"taint node $worker4 {OUT_OF_SERVICE}=nodeshutdown:NoExecute",
        # As the Pod garbage collector does, which looks every 20 s.
        *(f"delete {_here(app, 'worker4')} --force --grace-period=0" for app in (WEB, AGENT)),
        "drain $worker --ignore-daemonsets --delete-emptydir-data --timeout=60s",
        f"taint node $worker {MAINTENANCE}",
        f"wait --for=delete {_here(AGENT, 'worker')} --timeout=60s",
        # The Pods that replace those of worker and worker4; worker6 alone is open to them.
        _number("replicas"),
        f"wait --for=condition=Ready {_here(WEB, 'worker6')} --timeout=60s",
    ),
))  # fmt: skip


class Facts(NamedTuple):
    """What kubectl shows of a node: Ready, whether it is cordoned or declared off, Pods of web."""

    ready: str
    cordoned: bool
    off: bool
    web: int

    @property
    def state(self) -> str:
        """The state in which the node is."""
        if self.ready == "True":
            return (CORDONED if self.web else DRAINED) if self.cordoned else "healthy"
        if self.ready == "False":
            return NOT_READY
        return SHUT_DOWN if self.off else UNREACHABLE


def facts(node: Object, pods: Iterable[Object]) -> Facts:
    """Return the facts about a node; ``pods`` are all Pods of that moment."""
    name = node["metadata"]["name"]
    web = sum(podstate.app_of(pod) == WEB and podstate.node_of(pod) == name for pod in pods)
    return Facts(
        str(podstate.condition(node, "Ready").get("status", "Unknown")),
        bool((node.get("spec") or {}).get("unschedulable")),
        tainted(OUT_OF_SERVICE)(node),
        web,
    )


def against(lane: str, found: Facts, said: str) -> str:
    """Return an observation that contradicts the answer."""
    if said in (CORDONED, DRAINED) and found.ready != "True":
        return f"Ready of {lane} is {found.ready}: it has a fault, and no cordon."
    if said in (NOT_READY, UNREACHABLE, SHUT_DOWN) and found.ready == "True":
        return f"Ready of {lane} is True: its kubelet reports, and reports no fault."
    if said == DRAINED:
        return f"{counted(found.web, 'Pod')} of {WEB} is still on {lane}: a drain evicts it."
    if said == CORDONED:
        return f"No Pod of {WEB} is on {lane} any more, and a cordon evicts none."
    if said == NOT_READY:
        return (
            f"Ready of {lane} is Unknown: its kubelet reports nothing. A kubelet that reports a "
            "fault sets False."
        )
    if found.ready == "False":
        return f"Ready of {lane} is False: its kubelet reports a fault, so it does report."
    if said == SHUT_DOWN:
        return f"{lane} has no taint {OUT_OF_SERVICE}: nobody has said that it is off."
    return f"{lane} has the taint {OUT_OF_SERVICE}: somebody has said that the machine is off."


def _which(lane: str) -> Criterion:
    """The ConfigMap has the state in which the node was found."""

    def judge(evidence: Evidence) -> Finding:
        node = f"{evidence.history.header.cluster}-{lane}"
        given = evidence.answer(lane)
        given = evidence.answer(node) if given is None else given
        where = f"kubectl create configmap answer --from-literal={lane}=…"
        if given is None:
            return missed(f"There is no answer for {lane}.", where=where)
        plain = "-".join(given.lower().replace("_", " ").replace("-", " ").split())
        said = ALIASES.get(plain, plain)
        if said not in STATES:
            return missed(f"{lane}: {given or 'nothing'} is none of {', '.join(STATES)}.",
                          where=where)  # fmt: skip
        found = facts(evidence.nodes_at_start[node], evidence.history.at_start("pods"))
        if said == found.state:
            return met()
        return missed(
            f"{lane}: {given} does not fit. {against(lane, found, said)}",
            rule="A kubelet that reports a fault sets Ready to False; if none reports, the node "
            "controller sets Unknown. A cordon sets spec.unschedulable, a drain evicts besides. "
            "The taint out-of-service is set by a person. kubernetes.io: Nodes, Node Shutdowns.",
            where=f"kubectl describe node {node}, and kubectl get pods -o wide.",
        )

    return Criterion(f"{lane}: the state is named", judge)


def _as_found() -> Criterion:
    """Nobody repaired, uncordoned or declared off a machine."""

    def judge(evidence: Evidence) -> Finding:
        changed: dict[str, str] = {}
        for name in evidence.workers:
            if name not in evidence.nodes_at_start:
                continue
            first, now = (facts(n, ())[:3] for n in (evidence.nodes_at_start[name],
                                                     evidence.nodes[name]))  # fmt: skip
            if first != now:
                words = ("Ready", "cordoned", "off")
                changed[name] = ", ".join(
                    f"{word} was {a} and is {b}"
                    for word, a, b in zip(words, first, now, strict=True) if a != b
                )  # fmt: skip
        if not changed:
            return met()
        names = ", ".join(evidence.lane(name) for name in changed)
        return missed(
            f"The machines are not as they were found: {names}.",
            evidence.lines(changed),
            "Whether a machine is off, repaired or free again is decided by those who care for it.",
            "kubectl get nodes.",
        )

    return Criterion("the machines are as they were found", judge, weight=0)


def _for_good() -> Criterion:
    """The toleration that lets the agent on the node has no tolerationSeconds."""

    def judge(evidence: Evidence) -> Finding:
        tolerations = pod_spec(evidence.daemonset(AGENT).after).get("tolerations") or ()
        used = tolerating(tolerations, taint_of(MAINTENANCE)) or {}
        if "tolerationSeconds" not in used:
            return met()
        return missed(
            f"The toleration of maintenance ends after {used['tolerationSeconds']} s: the Pod is "
            "evicted, and the controller creates it again, over and over.",
            rule="Only the eviction reads tolerationSeconds. Sources: getMinTolerationTime, "
            "pkg/controller/tainteviction/taint_eviction.go; NodeShouldRunDaemonPod, "
            "pkg/controller/daemon/daemon_controller.go.",
            where="kubectl get pods -o wide --watch.",
        )

    return Criterion(f"the Pods of {AGENT} stay", judge)


def _answers_its_kubelet(node: Object) -> bool:
    return is_worker(node) and podstate.is_ready(node)


def _off_limits(node: Object) -> bool:
    return podstate.is_control_plane(node) or tainted(OUT_OF_SERVICE)(node)


_GUARDS = (*kept.guards(AGENT), _as_found())
_SAME = _GUARDS[0]
_COVERED = covered.covers(
    AGENT, _answers_its_kubelet, "every worker that is Ready", requires=(_SAME,), weight=2
)
TOLERATION = "tolerations:\n- {key: maintenance, operator: Exists, effect: NoExecute}"

LAB = Lab(
    name="when-nodes-fail",
    title="Which is which?",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Five nodes in five states, and one agent that can be brought back",
            start=START,
            there="This morning each of the six workers had a Pod of the DaemonSet agent and one "
            f"of the Deployment web. worker6 is healthy. Of the other five, one is {CORDONED}, one "
            f"{DRAINED}, one {NOT_READY}, one {UNREACHABLE}, one {SHUT_DOWN}. Which is which? "
            "Write the five words into the ConfigMap answer, under worker, worker2, worker3, "
            "worker4 and worker5. Then see to it that agent runs, and stays, on every worker that "
            "is Ready, and neither on a machine that is off nor on the control plane. The nodes "
            "stay as they are.",
            criteria=(
                *_GUARDS,
                *map(_which, NODES),
                _COVERED,
                _for_good(),
                covered.stays_off(
                    AGENT, _off_limits, "a machine that is off, nor on the control plane",
                    requires=(_SAME,),
                ),
                kept.only_changed(AGENT, "tolerations", requires=(_SAME,)),
            ),
            hints=(
                "kubectl get nodes has two words in STATUS. For the rest, kubectl describe node: "
                "Conditions and Taints. kubectl get pods -o wide shows which Pods are missing, and "
                "on which nodes.",
                "Ready is False if the kubelet reports a fault, Unknown if it reports nothing. A "
                "drain is a cordon and an eviction. A person sets a taint to declare that a silent "
                "machine is off. A Ready node without agent has a taint that agent does not "
                "tolerate.",
                "kubectl create configmap answer --from-literal=worker=… …\n"
                "tolerations:\n- {key: …, operator: Exists, effect: …}",
            ),
            solution=agent_manifest(AGENT, update="rollingUpdate: {maxUnavailable: 3}",
                                    pod=TOLERATION)
            + "---\naction: kubectl\ncommand: create configmap answer "
            + " ".join(f"--from-literal={lane}={state}" for lane, state in NODES.items()) + "\n",
        ),
    ),
    debrief="",
)  # fmt: skip
