"""The exercise of the lesson on ports and resources: six agents beside the shop on one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemonset_course.lab.agent_manifest import agent_manifest
from daemonset_course.lab.criteria import covered, kept, moments, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.host_ports import host_ports
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.quantities import millicores
from daemonset_course.lab.tasks.no_gap_update import cpu
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

SHOP = "shop"
WORKERS = 3
FULL = 3  # the worker on which shop runs
LEFT = 600  # millicores that shop leaves free there
REQUEST = 150  # millicores that each agent requests at the start
NEEDS = {"net": 120, "logs": 100, "metrics": 80, "traces": 80, "audit": 60, "disk": 60}
PORT = 9100
METRICS, TRACES = "metrics", "traces"  # both want PORT


def port(number: int) -> str:
    """Return the lines of a container that ask for a port of the node."""
    return f"ports: [{{name: ask, containerPort: {number}, hostPort: {number}}}]\n"


def manifest(name: str, request: int = REQUEST, number: int = PORT) -> str:
    """Return an agent's manifest as YAML, with its request in millicores and its port."""
    asks = port(number) if name in (METRICS, TRACES) else ""
    # With a budget of one, a rollout that waits for a port and one that waits for room can wait for
    # each other for good.
    return agent_manifest(
        name,
        update='rollingUpdate: {maxUnavailable: "100%"}',
        container=f"{asks}{cpu(request)}\n",
    )


def _requested(spec: Mapping[str, Any], name: str) -> str | None:
    """Return the CPU that a container of a Pod spec requests; with a limit only, that is it."""
    containers: list[dict[str, Any]] = list(spec.get("containers") or ())
    found = next((c for c in containers if c["name"] == name), {})
    resources = found.get("resources") or {}
    own = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.get("cpu")
    return None if own is None else str(own)


def _requests_enough(name: str) -> Callable[[Mapping[str, Any]], str]:
    def test(spec: Mapping[str, Any]) -> str:
        own = _requested(spec, name)
        if own is None:
            return f"{name} requests no CPU at all; it needs {NEEDS[name]}m."
        if millicores(own) < NEEDS[name]:
            return f"{name} requests {own} of CPU; it needs {NEEDS[name]}m."
        return ""

    return test


def _ports(*requires: Criterion) -> Criterion:
    """The port is that of metrics, and traces has another one."""

    def judge(evidence: Evidence) -> Finding:
        held = {
            name: [n for n, protocol in host_ports(pod_spec(evidence.daemonset(name).after))
                   if protocol == "TCP"]
            for name in (METRICS, TRACES)
        }  # fmt: skip
        if PORT not in held[METRICS]:
            return missed(
                f"{METRICS} has no hostPort {PORT} any more, and clients outside the node use it.",
                rule="Who reads an agent's port from outside knows its number: of two agents, move "
                "the one whose callers can follow.",
                where=f"kubectl get daemonset {METRICS} -o yaml, ports.",
            )
        if not held[TRACES]:
            return missed(
                f"{TRACES} has no hostPort over TCP: the applications of a node send their traces "
                "to a port of their node.",
                rule="Without hostPort a container's port is reached at the Pod's own address "
                "only. kubernetes.io: Configuration Best Practices, hostPort.",
                where=f"kubectl get daemonset {TRACES} -o yaml, ports.",
            )
        if PORT in held[TRACES]:
            return missed(
                f"{METRICS} and {TRACES} both want port {PORT} of each node.",
                rule="A port of a node is given to one Pod; the other one stays Pending, however "
                "long one waits. Source: NodePorts, pkg/scheduler/framework/plugins/nodeports.",
                where=f"kubectl describe pod -l app={TRACES}, the events.",
            )
        for name in (METRICS, TRACES):
            surge = rolled.rolling(evidence.daemonset(name).after).get("maxSurge")
            if surge not in (None, 0, "0%"):
                return missed(
                    f"maxSurge {surge} puts the next Pod of {name} beside the old one, and both "
                    f"want port {held[name][0]} of the node.",
                    rule="A port of a node is given to one Pod. Source: NodePorts, "
                    "pkg/scheduler/framework/plugins/nodeports.",
                    where=f"kubectl get daemonset {name} -o yaml, updateStrategy and hostPort.",
                )
        return MET

    return Criterion(f"{METRICS} keeps port {PORT}, and {TRACES} has another one", judge, requires,
                     2)  # fmt: skip


def _fits(*requires: Criterion) -> Criterion:
    """On the full worker the requests of all agents are no more than the shop leaves."""

    def judge(evidence: Evidence) -> Finding:
        asked = {n: _requested(pod_spec(evidence.daemonset(n).after), n) or "0" for n in NEEDS}
        total = sum(map(millicores, asked.values()))
        if total <= LEFT:
            return met(f"Six agents request {total:.0f}m of the {LEFT}m beside {SHOP}.")
        return missed(
            f"Six agents request {total:.0f}m of CPU on worker{FULL}, and {SHOP} leaves {LEFT}m.",
            table=[
                ("agent", "requests", "needs"),
                *((name, cpu_, f"{NEEDS[name]}m") for name, cpu_ in asked.items()),
            ],
            rule="The scheduler adds up the requests of all Pods on a node, and looks at nothing "
            "else. Source: NodeResourcesFit, pkg/scheduler/framework/plugins/noderesources.",
            where=f"kubectl describe node of worker{FULL}: Allocated resources.",
        )

    return Criterion(f"the requests fit beside {SHOP}", judge, requires, 2)


def _covered(name: str, *requires: Criterion) -> Criterion:
    """The agent runs on every worker. The scheduler's refusal may be older than the last change."""
    found = covered.covers(name, is_worker, "every worker")

    def judge(evidence: Evidence) -> Finding:
        finding = found.judge(evidence)
        kinds = {cause.kind for cause in evidence.daemonset(name).why.permanent if cause.node}
        if finding.answer == "missed" and "scheduler" in kinds <= {"scheduler", "old template"}:
            return pending(
                f"{name} waits for room or for its port.", finding.observed, finding.where
            )
        return MET if finding.answer == "met" else finding

    return Criterion(found.name, judge, requires)


def _keeps(name: str) -> tuple[Criterion, Criterion]:
    """Return that a DaemonSet is the one of the start, and what may differ in it."""
    same = kept.same_object(name)
    fields = [f"{name}.resources", *([f"{name}.ports"] if name in (METRICS, TRACES) else ())]
    only = kept.only_changed(name, *fields, requires=(same,))
    return same, Criterion(f"{name}: {only.name}", only.judge, only.requires, weight=0)


_KEPT = [each for name in NEEDS for each in _keeps(name)]
_SHOP = (
    kept.others_untouched(SHOP),
    moments.pods_kept(SHOP, lambda _: True, f"worker{FULL}", weight=0),
)
_PORTS = _ports()
_ENOUGH = [
    kept.field(
        name, f"{name} requests the CPU that it needs", _requests_enough(name),
        rule="What a Pod does not request, the scheduler gives away, and under load the kernel "
        "shares CPU by requests. kubernetes.io: Resource Management for Pods and Containers.",
        where=f"kubectl get daemonset {name} -o yaml, resources.",
    )
    for name in NEEDS
]  # fmt: skip
_FITS = _fits(*_ENOUGH)
_COVERED = [_covered(name, _PORTS, _FITS, *_SHOP) for name in NEEDS]


def _start() -> str:
    first = [manifest(name) for name in ("logs", METRICS)]
    waits = [f"action: wait rollout\ndaemonset: {name}\n" for name in ("logs", METRICS)]
    left = LEFT - 2 * REQUEST
    fill = f"action: fill node\nnode: $worker{FULL}\ndaemonset: {SHOP}\nleft: {left}\n"
    rest = [manifest(name) for name in NEEDS if name not in ("logs", METRICS)]
    stuck = f"action: wait stuck\ndaemonset: {TRACES}\nreason: Unschedulable\n"
    return "---\n".join((*first, *waits, fill, *rest, stuck))


def _resources(name: str) -> str:
    return (
        f"action: kubectl\ncommand: set resources daemonset {name} --requests=cpu={NEEDS[name]}m\n"
    )


_TABLE = ", ".join(f"{name} {needs}m" for name, needs in NEEDS.items())

LAB = Lab(
    name="ports-and-resources",
    title="Six agents beside the shop",
    workers=(Worker(),) * WORKERS,
    daemonset=TRACES,
    tasks=(
        Task(
            title="Make six agents fit beside the shop",
            start=_start(),
            there=f"Six agents run on {WORKERS} workers; each requests {REQUEST}m of CPU. {SHOP} "
            f"runs on worker{FULL} and leaves {LEFT}m to all of them together. Measured, the "
            f"agents need: {_TABLE}. {METRICS} and {TRACES} both want port {PORT}. {METRICS} is "
            f"asked there from outside; {TRACES} may have any other port. Some Pods are Pending.",
            criteria=(
                kept.nodes_kept(), kept.nodes_as_given(), kept.not_bare(), *_KEPT, *_SHOP, _PORTS,
                *_ENOUGH, _FITS, *_COVERED,
            ),
            hints=(
                "kubectl get pods -o wide, then kubectl describe pod of each one that is Pending: "
                "there are two reasons.",
                "The scheduler adds up requests, and looks at nothing else: what do six agents "
                f"request, what do they need, and what does {SHOP} leave? A port of a node is "
                "given once, on every node.",
                "kubectl set resources daemonset logs --requests=cpu=…   # each of the six\n"
                "kubectl edit daemonset traces   # ports: containerPort and hostPort",
            ),
            solution="---\n".join((
                *(_resources(name) for name in NEEDS if name != TRACES),
                manifest(TRACES, NEEDS[TRACES], 9101),
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
