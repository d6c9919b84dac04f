"""The exercise of the lesson on priority: four agents, and which of them a full node keeps."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import joined
from daemonset_course.lab.agent_manifest import agent_manifest
from daemonset_course.lab.criteria import covered, kept, moments
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.tasks.no_gap_update import cpu
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

ORDER = ("net", "storage", "logs", "traces")  # the first one stays longest
SHOP = "shop"
NIGHT = "night"  # what the checker puts on the full worker
WORKERS = 3
FULL = 3  # the worker on which shop runs
REQUEST = 100  # millicores of each agent
LEFT = 250  # millicores that shop leaves there: room for two agents
VALUE = 10_000  # the priority of shop
_RULE = (
    "For a Pod that finds no room, the scheduler removes Pods of a lower priority from its node, "
    "the lowest first, and none of an equal or higher one. Source: "
    "pkg/scheduler/framework/preemption/preemption.go."
)


def manifest(name: str, priority: str = "") -> str:
    """Return an agent's manifest as YAML, with this priority class."""
    return agent_manifest(
        name,
        update='rollingUpdate: {maxUnavailable: "100%"}',
        pod=f"priorityClassName: {priority}\n" if priority else "",
        container=f"{cpu(REQUEST)}\n",
    )


def priority_class(name: str, value: int) -> str:
    """Return a PriorityClass as YAML."""
    return dedent(f"""\
        apiVersion: scheduling.k8s.io/v1
        kind: PriorityClass
        metadata:
          name: {name}
        value: {value}
        """)


def _is_full(node: Object) -> bool:
    return str(node["metadata"]["name"]).endswith(f"-worker{FULL}")


def _priorities(evidence: Evidence, name: str) -> list[int]:
    """Return the priorities of the DaemonSet's Pods, the lowest first, without terminating ones."""
    pods = evidence.daemonset(name).pods
    return sorted(
        int(pod["spec"].get("priority") or 0) for pod in pods if not podstate.is_terminating(pod)
    )


def _classes_known() -> Criterion:
    """The Pods of the newest templates have their classes."""

    def judge(evidence: Evidence) -> Finding:
        for name in ORDER:
            own = evidence.daemonset(name)
            wanted = pod_spec(own.after).get("priorityClassName") or ""
            held = {
                pod["spec"].get("priorityClassName") or "" for pod in own.pods
                if not podstate.is_terminating(pod)
            }  # fmt: skip
            if refused := own.refused():
                return missed(
                    f"No Pod of {name} can be made: {refused}.",
                    rule="The class is looked up when a Pod is created; the DaemonSet is accepted "
                    "without it. kubernetes.io: Pod Priority and Preemption.",
                    where="kubectl get priorityclasses.",
                )
            # Without a class in the template, Pods may have the class that is the global default.
            if not held or (wanted and held != {wanted}):
                return pending(
                    f"Not every Pod of {name} has the class of its template yet.",
                    where=f"kubectl rollout status {own.option}.",
                )
        return MET

    return Criterion("every Pod has the class of its template", judge, _GUARDS, weight=0)


def _ordered() -> Criterion:
    """Each agent has a higher priority than the next."""

    def judge(evidence: Evidence) -> Finding:
        found = {name: _priorities(evidence, name) for name in ORDER}
        rows = [(name, joined([str(v) for v in dict.fromkeys(found[name])])) for name in ORDER]
        for first, second in pairwise(ORDER):
            low, high = found[first][0], found[second][-1]
            if low > high:
                continue
            how = "the same priority as" if low == high else "a lower priority than"
            return missed(
                f"{first} has {how} {second}: {low} and {high}.",
                table=[("agent", "priority of its Pods"), *rows],
                rule=f"{_RULE} The higher value is the higher priority; without a class it is 0.",
                where="kubectl get pods -o custom-columns=NAME:.metadata.name,"
                "PRIORITY:.spec.priority, and kubectl get priorityclasses.",
            )
        return MET

    return Criterion(f"the priorities fall from {ORDER[0]} to {ORDER[-1]}", judge, (_CLASSES,), 2)


def _below_shop() -> Criterion:
    """No agent has the priority of the shop, or a higher one."""

    def judge(evidence: Evidence) -> Finding:
        high = {name: found[-1] for name in ORDER if (found := _priorities(evidence, name))}
        over = [name for name, value in high.items() if value >= VALUE]
        if not over:
            return MET
        return missed(
            f"{joined(over)} may not come before {SHOP}, whose Pods have the priority {VALUE}.",
            [f"{name}: {high[name]}" for name in over],
            f"{_RULE} The two system classes are above every class of yours.",
            "kubectl get priorityclasses.",
        )

    return Criterion(f"{SHOP} comes before every agent", judge, (_CLASSES,))


def _may_preempt() -> Criterion:
    """Each agent but the last one takes its place from those after it."""

    def judge(evidence: Evidence) -> Finding:
        never = [
            name for name in ORDER[:-1]
            if any(pod["spec"].get("preemptionPolicy") == "Never"
                   for pod in evidence.daemonset(name).pods if not podstate.is_terminating(pod))
        ]  # fmt: skip
        if not never:
            return MET
        return missed(
            f"The Pods of {joined(never)} may not preempt others: preemptionPolicy is Never.",
            rule="Such a Pod comes first in the queue, and waits while others hold the room. "
            "kubernetes.io: Pod Priority and Preemption, Non-preempting PriorityClass.",
            where="kubectl get priorityclasses -o yaml.",
        )

    return Criterion(f"all but {ORDER[-1]} may take a place from those after them", judge,
                     (_CLASSES,))  # fmt: skip


def _survives(count: int, what: str, *, probe: str = "",
              requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """On the full worker the first ``count`` agents have a ready Pod, and no other one has."""

    def judge(evidence: Evidence) -> Finding:
        since = evidence.probe(LESS_ROOM.name)
        node = next((n for n, one in evidence.nodes.items() if _is_full(one)), "")
        until = None if since is None else since.judged if probe else since.start
        at = None if until is None else max(0.0, until - 5e-5)  # times have four decimals
        over = at is not None or bool(probe and evidence.daemonset(NIGHT).ready_on(node))
        runs = [
            name for name in ORDER
            if (evidence.daemonset(name).ready_on(node) if at is None
                else node in evidence.daemonset(name).ready_at(at))
        ]  # fmt: skip
        if runs == [*ORDER[:count]] and (over or not probe):
            return met(f"{what}.")
        says = (
            f"Agents that run on worker{FULL}: {joined(runs) or 'none'}. There should be: "
            f"{joined(ORDER[:count])}."
        )
        lasting = [
            f"{name}: {cause.reason}" for name in ORDER[:count] if name not in runs
            for cause in evidence.daemonset(name).why.permanent if cause.node == node
        ]  # fmt: skip
        if over:
            return missed(says, lasting, _RULE, f"kubectl describe pod, on worker{FULL}.")
        return pending(says, lasting, where="kubectl get pods -o wide.")

    return Criterion(what, judge, requires, 2, probe=probe)


def _night() -> str:
    """Return the checker's DaemonSet: it takes half of the room from the agents."""
    return agent_manifest(
        NIGHT,
        pod=f"priorityClassName: {SHOP}\nnodeSelector: {{kubernetes.io/hostname: $worker{FULL}}}\n",
        container=f"{cpu(LEFT - REQUEST - 20)}\n",
    )


LESS_ROOM = Probe(
    f"{NIGHT}, a job of the shop, takes half of the room on worker{FULL}",
    f"{_night()}---\naction: wait rollout\ndaemonset: {NIGHT}\n",
    f"action: kubectl\ncommand: delete daemonset {NIGHT} --ignore-not-found\n",
)
_SAME = tuple(kept.same_object(name, beside=(NIGHT,)) for name in ORDER)
_GUARDS = (
    *_SAME,
    kept.nodes_kept(),
    kept.nodes_as_given(),
    kept.not_bare(),
    kept.others_untouched(SHOP),
)
_ONLY = [
    kept.only_changed(name, "priorityClassName", "priority", "preemptionPolicy", requires=(same,))
    for name, same in zip(ORDER, _SAME, strict=True)
]
_CLASSES = _classes_known()
_ORDERED, _BELOW, _MAY = _ordered(), _below_shop(), _may_preempt()
_KEPT = moments.pods_kept(SHOP, lambda _: True, f"worker{FULL}", requires=(_BELOW,), weight=0)
_JUDGED = (_ORDERED, _BELOW, _MAY, _KEPT)
_ELSEWHERE = [
    covered.covers(name, lambda node: is_worker(node) and not _is_full(node),
                   f"the workers beside worker{FULL}", requires=_JUDGED, weight=0)
    for name in ORDER
]  # fmt: skip
_LEFT = f"{ORDER[0]} is the one that is left on worker{FULL} when {SHOP} takes half of the room"
_TWO = _survives(2, f"{joined([*ORDER[:2]])} run on worker{FULL}", requires=_JUDGED)


def _filled() -> str:
    late = [manifest(name) for name in ORDER[:2]]
    early = [manifest(name) for name in ORDER[2:]]
    waits = [f"action: wait rollout\ndaemonset: {name}\n" for name in ORDER[2:]]
    fill = (
        f"action: fill node\nnode: $worker{FULL}\ndaemonset: {SHOP}\n"
        f"left: {LEFT - 2 * REQUEST}\npriority: {SHOP}\n"
    )
    stuck = [
        f"action: wait stuck\ndaemonset: {name}\nreason: Unschedulable\n" for name in ORDER[:2]
    ]
    return "---\n".join((priority_class(SHOP, VALUE), *early, *waits, fill, *late, *stuck))


LAB = Lab(
    name="priority-and-eviction",
    title="Who stays on a full node",
    workers=(Worker(),) * WORKERS,
    daemonset=ORDER[0],
    tasks=(
        Task(
            title="Order four agents, so that the right one survives",
            start=_filled(),
            there=f"Four agents without a priority class, {REQUEST}m of CPU each. {SHOP} runs on "
            f"worker{FULL} with the class {SHOP} (value {VALUE}), and leaves room for two of them. "
            f"{joined([*ORDER[2:]])} were there first; {joined([*ORDER[:2]])} are Pending there.",
            criteria=(
                *_GUARDS,
                *(Criterion(f"{name}: {one.name}", one.judge, one.requires, weight=0)
                  for name, one in zip(ORDER, _ONLY, strict=True)),
                _CLASSES,
                *_JUDGED,
                *_ELSEWHERE,
                _TWO,
                _survives(1, _LEFT, probe=LESS_ROOM.name, requires=(*_JUDGED, _TWO)),
            ),
            hints=(
                "kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,"
                "PRIORITY:.spec.priority, and kubectl get priorityclasses.",
                "A PriorityClass has a value, and the higher value comes first. A Pod without a "
                "class has the priority 0. Four agents need an order without ties, and all of them "
                f"come after {SHOP}.",
                "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: …\n"
                "value: …\n# and in each template: spec: {priorityClassName: …}",
            ),
            probes=(LESS_ROOM,),
            solution="---\n".join((
                *(priority_class(f"agent-{name}", 1000 * (4 - i)) for i, name in enumerate(ORDER)),
                *(manifest(name, f"agent-{name}") for name in ORDER),
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
