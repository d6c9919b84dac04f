"""The exercise of the lesson on scale: a budget for 5,000 nodes, an hour, and 97 % with an agent.

The fleet is not there: the DaemonSet on the small cluster runs on no node, and its strategy is
judged by the model of rounds and requests.
"""

from __future__ import annotations

from typing import NamedTuple

from daemonset_course.analysis.scale import Rate
from daemonset_course.history.budgets import budgets, rounds
from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import agent_manifest
from daemonset_course.lab.criteria import kept
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import Criterion, Finding, met, missed

AGENT = "agent"
NODES, SILENT = 5000, 50  # nodes of the fleet, and those of them that are dead
STOP, START = 20, 40  # seconds
HOUR = 3600.0
MOST = 150  # nodes that may be without an available Pod
REQUESTS = Rate(qps=20, burst=30)  # the defaults of kube-controller-manager
_EXPLAIN = "kubectl explain daemonset.spec.updateStrategy.rollingUpdate."


class Plan(NamedTuple):
    """What the model says of a strategy on the fleet; None: the rollout never ends."""

    budget: int
    rounds: int | None
    seconds: float | None


def plan(daemonset: Object | None) -> Plan | None:
    """Return the model's plan for a DaemonSet's strategy; None if it has no budget.

    Dead nodes are unavailable all the time, so they use up their part of the budget.
    """
    budget, _ = budgets(daemonset, NODES)
    if budget is None:
        return None
    free, left = budget - SILENT, NODES - SILENT
    if free <= 0:
        return Plan(budget, None, None)
    number = rounds(left, free)
    return Plan(budget, number, max(number * (STOP + START), REQUESTS.takes(2 * left)))


def _lines(found: Plan) -> list[str]:
    """Return the model, step by step."""
    free = max(0, found.budget - SILENT)
    lines = [
        f"maxUnavailable comes to {found.budget} of {NODES} nodes",
        f"{SILENT} nodes are dead and unavailable: {free} are left for the rollout",
    ]
    if found.rounds is not None and found.seconds is not None:
        lines += [
            f"{found.rounds} rounds of {STOP} s and {START} s: {found.seconds / 60:.0f} minutes",
            f"two requests a node at {REQUESTS.qps:g} a second: "
            f"{REQUESTS.takes(2 * (NODES - SILENT)) / 60:.0f} minutes",
        ]
    return lines


def _has_budget() -> Criterion:
    """The strategy has a maxUnavailable and no surge."""

    def judge(evidence: Evidence) -> Finding:
        after = evidence.daemonset(AGENT).after
        found, surge = plan(after), budgets(after, NODES)[1]
        if found is None:
            return missed(
                "With OnDelete nobody rolls: a node gets a new Pod when somebody deletes the old.",
                rule="OnDelete has no budget. kubernetes.io: Perform a Rolling Update on a "
                "DaemonSet.",
                where="kubectl explain daemonset.spec.updateStrategy.type",
            )
        if surge:
            return missed(
                f"maxSurge comes to {surge}: a second Pod of {AGENT} waits for port 9100 of its "
                "node, which the first one has.",
                rule="A port of a node is given to one Pod. Source: NodePorts, "
                "pkg/scheduler/framework/plugins/nodeports.",
                where=f"hostPort in the template, and {_EXPLAIN}maxSurge",
            )
        return met()

    return Criterion("the strategy is a rolling update without surge", judge, weight=0)


_BUDGET = _has_budget()


def _in_time() -> Criterion:
    """By the model the rollout ends within an hour."""

    def judge(evidence: Evidence) -> Finding:
        found = plan(evidence.daemonset(AGENT).after)
        assert found is not None
        if found.seconds is None:
            return missed(
                f"The rollout never ends: the {SILENT} dead nodes use up the whole budget of "
                f"{found.budget}.",
                _lines(found),
                "Unavailable of any cause counts, a dead node too. Source: rollingUpdate, "
                "pkg/controller/daemon/update.go.",
                f"{_EXPLAIN}maxUnavailable",
            )
        if found.seconds > HOUR:
            return missed(
                f"Too slow: the rollout takes {found.seconds / 60:.0f} minutes; the window has 60.",
                _lines(found),
                "A rollout takes its rounds or its requests, whichever is longer; a round is one "
                "restart of as many nodes as the budget leaves. Source: rollingUpdate, "
                "pkg/controller/daemon/update.go.",
                f"{_EXPLAIN}maxUnavailable",
            )
        return met(
            f"{found.rounds} rounds, {found.seconds / 60:.0f} minutes, and at most "
            f"{found.budget} of {NODES} nodes without an available agent.",
            _lines(found),
        )

    return Criterion(f"{NODES} nodes are updated within an hour", judge, (_BUDGET,), 2)


def _available() -> Criterion:
    """By the model at least 97 % of the nodes have an available Pod at every moment."""

    def judge(evidence: Evidence) -> Finding:
        found = plan(evidence.daemonset(AGENT).after)
        assert found is not None
        if found.budget <= MOST:
            return met()
        return missed(
            f"Too many at once: {found.budget} of {NODES} nodes may be without an agent; the "
            f"objective allows {MOST}.",
            _lines(found),
            "The controller uses its whole budget. A percentage is of the nodes that should run a "
            "Pod, and is rounded up. Source: UnavailableCount, pkg/controller/daemon/util.",
            f"{_EXPLAIN}maxUnavailable",
        )

    return Criterion(f"at most {MOST} nodes are without an agent", judge, (_BUDGET,), 2)


def manifest(budget: str = "1") -> str:
    """Return the agent's manifest as YAML, with this maxUnavailable."""
    return agent_manifest(
        AGENT,
        update=f"type: RollingUpdate\nrollingUpdate: {{maxUnavailable: {budget}}}",
        pod="nodeSelector: {fleet: large}\n",
        container=f"ports: [{{containerPort: 9100, hostPort: 9100}}]\n"
        f'readinessProbe:\n  exec: {{command: ["true"]}}\n  initialDelaySeconds: {START}\n'
        f"lifecycle:\n  preStop:\n    sleep: {{seconds: {STOP}}}\n",
    )


_GUARDS = kept.guards(AGENT)

LAB = Lab(
    name="at-scale",
    title="A budget for 5,000 nodes and an hour",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    tasks=(
        Task(
            title="A budget for 5,000 nodes and an hour",
            start=f"{manifest()}---\naction: wait status\ndaemonset: {AGENT}\ndesired: 0\n",
            there=f"{AGENT} is meant for {NODES} nodes with the label fleet=large. None of them is "
            "here, so nothing runs: this is the manifest before it is shipped. "
            f"{SILENT} nodes of that fleet are dead, and each still has a Pod.",
            criteria=(
                *_GUARDS,
                kept.only_changed(AGENT, requires=_GUARDS[:1]),
                kept.spec_kept(AGENT, "updateStrategy", requires=_GUARDS[:1]),
                _BUDGET,
                _available(),
                _in_time(),
            ),
            hints=(
                "How long does one restart take? The template says both parts: kubectl get "
                "daemonset agent -o yaml. How many rounds of that length has an hour?",
                "Rounds = nodes to update / nodes at a time. How many nodes at a time does the "
                "budget leave, if nodes without an available Pod count against it before the "
                "rollout begins?",
                "spec:\n  updateStrategy:\n    rollingUpdate:\n"
                '      maxUnavailable: …  # a number, or "…%"',
            ),
            solution=manifest("140"),
        ),
    ),
    debrief="",
)
