"""Lab 07, no gap: free a surge that hangs, roll without a gap, and on a node without room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, running, sets_release
from daemonset_course.lab.criteria import kept, moments, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import ROLLED, Evidence
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.quantities import millicores

AGENT = "agent"
SHOP = "shop"
WORKERS = 8
FULL = 8  # the worker without room in task 3
PORT = 9100
REQUEST = 300  # millicores
LEFT = 200  # millicores that shop leaves free on the full worker
NEEDS = 100  # millicores that the agent needs
SURGE = "maxUnavailable: 0, maxSurge: 1"


def manifest(*, release: str = "1", strategy: str = SURGE, more: str = "") -> str:
    """Return the agent's manifest as YAML; ``more`` is a further line of its container."""
    return agent_manifest(
        AGENT,
        update=f"type: RollingUpdate\nrollingUpdate: {{{strategy}}}",
        container=(f"{more}\n" if more else "") + sets_release(release) + ready_after(1),
    )


HOST_PORT = f"ports: [{{containerPort: {PORT}, hostPort: {PORT}}}]"
NO_HOST_PORT = f"ports: [{{containerPort: {PORT}}}]"


def cpu(millicores: int) -> str:
    """Return the line that requests so much CPU."""
    return f"resources: {{requests: {{cpu: {millicores}m}}}}"


def _steps(*steps: str) -> str:
    return "---\n".join(steps)


RELEASED = f"action: kubectl\ncommand: set env daemonset/{AGENT} RELEASE=2\n"
STUCK = f"action: wait stuck\ndaemonset: {AGENT}\nreason: Unschedulable\n"
FILLED = f"action: fill node\nnode: $worker{FULL}\ndaemonset: {SHOP}\nleft: {LEFT}\n"

GUARDS = kept.guards(AGENT)
SAME = GUARDS[0]
SETS = rolled.template_sets(AGENT, AGENT, "RELEASE", "2")
NEVER = moments.never_uncovered(AGENT, is_worker, "every worker")
ROLLED_OUT = (SAME, SETS)
NOT_STUCK = rolled.not_stuck(AGENT, requires=ROLLED_OUT)
FINISHED = rolled.finished(AGENT, requires=(*ROLLED_OUT, NOT_STUCK))

_FREE = Task(
    title="Free the surge that hangs",
    start=_steps(running(manifest(more=HOST_PORT), AGENT), RELEASED, STUCK),
    there=f"{AGENT} runs RELEASE 1 on {WORKERS} workers, with hostPort {PORT}. RELEASE 2 is being "
    "rolled out with maxSurge 1, and stands still: a Pod is Pending.",
    criteria=(
        *GUARDS,
        SETS,
        kept.only_changed(AGENT, f"{AGENT}.ports", requires=ROLLED_OUT),
        NEVER,
        NOT_STUCK,
        FINISHED,
    ),
    hints=(
        "Why is the Pod Pending? kubectl get pods -o wide, then kubectl describe pod, the events.",
        "With maxSurge both Pods are on the node for a while. What does each node have only one "
        "of, and which line of the template asks for it?",
        "spec:\n  template:\n    spec:\n      containers:\n      - name: agent\n"
        "        ports:\n        - containerPort: …  # and what must not be here any more?",
    ),
    solution=manifest(release="2", more=NO_HOST_PORT),
)


def _most_pods(evidence: Evidence) -> str:
    """Return the most Pods that existed at one time, without terminating ones."""
    line = evidence.daemonset(AGENT).timeline
    own = [one.start for one in evidence.probes]
    return str(WORKERS + (line.surge.max(line.start, min(own, default=line.end)) or 0))


def _rolled(value: str) -> str:
    patch = f'{{"spec":{{"template":{{"metadata":{{"annotations":{{"{ROLLED}":{value}}}}}}}}}}}'
    return f"action: kubectl\ncommand: >-\n  patch daemonset {AGENT} --type merge -p '{patch}'\n"


NEXT = Probe(
    "the next rollout",
    _rolled('"yes"'),
    _steps(_rolled("null"), f"action: wait rollout\ndaemonset: {AGENT}\n"),
)
_PROVE = Task(
    title="No gap, now and next time, and the proof",
    start=running(manifest(strategy="maxUnavailable: 1", more=HOST_PORT), AGENT),
    there=f"{AGENT} runs RELEASE 1 on {WORKERS} workers, with hostPort {PORT}; maxUnavailable "
    "is 1.",
    criteria=(
        *GUARDS,
        SETS,
        kept.only_changed(AGENT, f"{AGENT}.ports", f"{AGENT}.env", requires=ROLLED_OUT),
        NEVER,
        rolled.rolls_again(AGENT, NEXT.name, requires=(*ROLLED_OUT, NEVER)),
        NOT_STUCK,
        FINISHED,
        kept.answered(
            "most",
            f"the answer names the most Pods of {AGENT} at one time",
            _most_pods,
            rule="With maxSurge a node has two Pods while the new one becomes available, and "
            "maxSurge says on how many nodes at a time. Source: rollingUpdate, "
            "pkg/controller/daemon/update.go.",
            hint="the picture: lanes with two bars at the same moment.",
            requires=(FINISHED,),
        ),
    ),
    hints=(
        "Which strategy does the agent have now, and what will stop the other one? "
        "kubectl get daemonset agent -o yaml.",
        "maxSurge must be there when the template changes, not after it. And a repair that only "
        "moves the port frees one rollout: the next one meets its own port.",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: 0, maxSurge: …}\n"
        "# and in a terminal: kubectl create configmap answer --from-literal=most=…",
    ),
    probes=(NEXT,),
    solution=_steps(
        manifest(release="2", more=NO_HOST_PORT),
        f"action: wait rollout\ndaemonset: {AGENT}\n",
        f"action: kubectl\ncommand: create configmap answer --from-literal=most={WORKERS + 1}\n",
    ),
)


def _requests_enough(spec: Mapping[str, Any]) -> str:
    containers: list[dict[str, Any]] = list(spec.get("containers") or ())
    found = next((c for c in containers if c["name"] == AGENT), {})
    resources = found.get("resources") or {}
    # A container with a limit only requests its limit.
    own = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.get("cpu")
    if own is None:
        return f"{AGENT} requests no CPU at all; it needs {NEEDS}m."
    if millicores(str(own)) < NEEDS:
        return f"{AGENT} requests {own} of CPU; it needs {NEEDS}m."
    return ""


_NO_ROOM = Task(
    title="A node without room for a second Pod",
    start=_steps(
        running(manifest(more=cpu(REQUEST)), AGENT),
        FILLED,
        RELEASED,
        STUCK,
    ),
    there=f"{AGENT} runs RELEASE 1 on {WORKERS} workers and requests {REQUEST}m of CPU. {SHOP} "
    f"fills worker{FULL}. RELEASE 2 is being rolled out with maxSurge 1, and stands still: a Pod "
    "is Pending.",
    criteria=(
        *GUARDS,
        kept.others_untouched(SHOP),
        moments.pods_kept(SHOP, lambda _: True, f"worker{FULL}"),
        SETS,
        kept.only_changed(AGENT, f"{AGENT}.resources", requires=ROLLED_OUT),
        kept.field(
            AGENT,
            f"{AGENT} requests the CPU that it needs",
            _requests_enough,
            rule="What a Pod does not request, the scheduler gives away, and under load the "
            "kernel shares CPU by requests. kubernetes.io: Resource Management for Pods and "
            "Containers.",
            where=f"kubectl get daemonset {AGENT} -o yaml, resources.",
        ),
        NEVER,
        NOT_STUCK,
        FINISHED,
    ),
    hints=(
        "Why is the Pod Pending, and on which node? kubectl describe pod, then kubectl describe "
        "node: Allocated resources.",
        f"Both Pods must fit beside {SHOP} for a while, and the old one keeps its request until it "
        "is gone. How much is left for the new one, and how much does the agent need?",
        "kubectl set resources daemonset agent --containers=agent --requests=cpu=…",
    ),
    solution=manifest(release="2", more=cpu(NEEDS)),
)

DEBRIEF = f"""\
**Cause.** maxSurge asks every node for a second place: a second port, a second request of CPU and
memory, for as long as both Pods are there. In task 1 the old Pod kept port {PORT} until the new one
was available, and the new one waited for the port. In task 3 the place was missing on one node, and
it held up all the others: a Pod that is Pending uses the surge budget.

**Model.** For each node: old Pod alone and available: create the new one beside it, on at most
maxSurge nodes at a time; new one available: delete the old one. The rollout that takes hostPort
away has no gap either: only its old Pods use the port. The node's port {PORT} does go with them,
so first see that nobody needs it. Another port frees one rollout, and the next one hangs. A change
of requests frees the rollout in which it is made: the new Pod asks for the new amount. Sources:
`rollingUpdate` (pkg/controller/daemon/update.go), `podsShouldBeOnNode`
(pkg/controller/daemon/daemon_controller.go), NodePorts and NodeResourcesFit
(pkg/scheduler/framework/plugins).

**In production.** kubernetes/kubernetes issue 106417 asks to refuse hostPort beside maxSurge;
the API server still accepts both. The HAProxy chart had maxSurge 1 as its default for a DaemonSet
with host ports, and every update stayed Pending: haproxytech/helm-charts pull request 189. An agent
that must keep its port (hostPort or hostNetwork) rolls with maxUnavailable, and its node has a gap.

**Interview question.** A DaemonSet with maxSurge 1 has shown UP-TO-DATE 3 of 200 for an hour, and
READY 200. Who is without an agent? Which one Pod do you describe, and which two answers of the
scheduler do you expect there?
"""

LAB = Lab(
    name="07-no-gap-update",
    title="No-gap update",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(_FREE, _PROVE, _NO_ROOM),
    debrief=DEBRIEF,
)
