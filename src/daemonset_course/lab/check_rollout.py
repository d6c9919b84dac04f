"""Rules about a rollout: its budget, its unavailable nodes, what blocks it, its duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import containers_of
from daemonset_course.history.text import nodes
from daemonset_course.lab.check import Rule, Verdict
from daemonset_course.lab.evidence import Evidence

MOMENT = 0.3  # seconds: with a stale cache, the controller can exceed a budget for less than this
_FIELD = "kubectl explain daemonset.spec.updateStrategy.rollingUpdate.maxUnavailable"


def budget_at_most(limit: int) -> Rule:
    """Wrong, if maxUnavailable allows more than ``limit`` nodes now or allowed it in a rollout."""

    def rule(evidence: Evidence) -> Verdict | None:
        line, templates = evidence.timeline.budget, evidence.timeline.templates
        now = line.at(evidence.timeline.end) or 0
        used = max((line.max(each.t, each.end) or 0 for each in templates), default=0)
        most = max(now, used)
        if most <= limit:
            return None
        desired = evidence.timeline.desired.at(evidence.timeline.end)
        value = _rolling(evidence.after).get("maxUnavailable")
        source = "UnavailableCount, pkg/controller/daemon/util."
        if now <= limit:
            says = f"While the pods were replaced, maxUnavailable allowed {most} nodes to be down."
            how = f"The budget is worked out anew at every sync. {source}"
        elif isinstance(value, str):
            says = f"The budget is over-wide: {value} of {desired} nodes comes to {most}."
            how = (
                "A percentage is taken of the nodes that should run a pod and is rounded up "
                f"(a Deployment rounds its maxUnavailable down). {source}"
            )
        else:
            says = (
                f"The budget is over-wide: maxUnavailable {value} allows {most} nodes to be down."
            )
            how = f"What this rollout did not use, the next one may. {source}"
        observed = (f"allowed by the task: {limit}",)
        return Verdict("wrong", says, observed, how, _FIELD, final=used > limit)

    return rule


def down_at_most(limit: int) -> Rule:
    """Wrong, if more than ``limit`` nodes had no available pod at one time for MOMENT or longer."""

    def rule(evidence: Evidence) -> Verdict | None:
        start, seconds = evidence.worst(limit)
        if seconds < MOMENT:
            return None
        most = evidence.timeline.unavailable.max() or 0
        peak = next(a for a, _, value in evidence.timeline.unavailable.stretches() if value == most)
        allowed = evidence.timeline.budget.max() or 0
        how = (
            "maxUnavailable binds the rolling update only. A pod that is deleted by hand goes at "
            "once, whatever the budget says."
            if allowed <= limit
            else f"maxUnavailable allowed {allowed} nodes, and the controller used them."
        )
        return Verdict(
            "wrong",
            f"{most} nodes were down at once; at most {limit} may be. "
            f"More than {limit} were down for at least {seconds:.1f} s.",
            evidence.lines(dict.fromkeys(evidence.down_at(peak), f"no ready pod at {peak:.1f} s")),
            f"{how} Source: rollingUpdate, pkg/controller/daemon/update.go.",
            f"the picture, at {start:.1f} s.",
            final=True,
        )

    return rule


def not_stuck(evidence: Evidence, *, window: float | None = None) -> Verdict | None:
    """Wrong, if nodes are not updated and waiting will not help; the verdict names the cause.

    With a ``window`` (in restarts) the verdict also says how much of it has passed.
    """
    if not evidence.behind:
        return None
    rules = (_refused, _budget_spent, _on_delete, _cannot_start)
    found = next((verdict for rule in rules if (verdict := rule(evidence))), None)
    if found is None or window is None or not evidence.rolled:
        return found
    run = f"the window of {window:g} restarts, which has run for {evidence.elapsed():.1f} s"
    return replace(found, unless=f"the rollout can still end within {run}")


def within(restarts: float) -> Rule:
    """Wrong, if the rollout took longer than ``restarts`` times a node's mean restart.

    A restart includes the controller's pause before the next one. Both are measured in the same
    history, so the rule holds at any pace and on a busy machine. While the rollout runs, the
    longest restart so far is used, so a rollout that already exceeds the window fails at once.
    """

    def rule(evidence: Evidence) -> Verdict | None:
        restart = evidence.restart()
        # Fewer restarts are too few for an estimate.
        if restart is None or (evidence.behind and len(evidence.restart_times) < 4):
            return None
        length, pause = evidence.length(), evidence.pause()
        turn = restart + pause
        if length <= restarts * turn:
            return None
        number, so_far = len(evidence.reachable), " so far" if evidence.behind else ""
        which = "the longest of" if evidence.behind else "mean of"
        unavailable = _rolling(evidence.after).get("maxUnavailable", 1)
        return Verdict(
            "wrong",
            f"Too slow: the rollout took {length / turn:.1f} restarts{so_far}; the window is "
            f"{restarts:g}.",
            (
                f"a restart ({which} {len(evidence.restart_times)} nodes): {restart:.2f} s, "
                f"and {pause:.2f} s until the next",
                f"the rollout{so_far}: {length:.1f} s; the window: {restarts * turn:.1f} s",
                f"maxUnavailable: {unavailable}",
            ),
            f"About ceil(N / k) restarts follow each other: N nodes ({number} here), k of them at "
            "the same time. Source: rollingUpdate, pkg/controller/daemon/update.go.",
            "the picture: how many bars overlap?",
            final=True,
        )

    return rule


def finished(evidence: Evidence) -> Verdict | None:
    """Not yet, if a reachable node lacks an available pod of the newest template."""
    behind = evidence.behind
    if not behind:
        return None
    done = len(evidence.reachable) - len(behind)
    return Verdict(
        "not yet",
        f"{done} of {len(evidence.reachable)} nodes are updated; waiting for the rest.",
        evidence.lines(behind),
        where="kubectl rollout status daemonset agent, then check again.",
    )


def done(limit: int, restarts: float | None = None) -> Rule:
    """Passed, with the measured numbers."""

    def rule(evidence: Evidence) -> Verdict:
        most = evidence.timeline.unavailable.max() or 0
        observed = [
            f"at most {nodes(most)} without an available agent at one time (allowed: {limit})"
        ]
        if most > limit:
            observed.append(
                f"the moment above {limit} lasted {evidence.worst(limit)[1]:.2f} s: the controller "
                "acted on a cache that was not yet up to date; this does not count as wrong"
            )
        restart, pause, length = evidence.restart(), evidence.pause(), evidence.length()
        if restarts and restart:
            observed.append(
                f"{length:.1f} s for the rollout, {restart:.2f} s for a restart and {pause:.2f} s "
                f"until the next: {length / (restart + pause):.1f} restarts (window: {restarts:g})"
            )
        observed += [f"{evidence.lane(node)}: dead, its Node object kept" for node in evidence.dead]
        says = f"{len(evidence.reachable)} of {len(evidence.workers)} nodes run the new template."
        return Verdict("passed", says, tuple(observed))

    return rule


def _refused(evidence: Evidence) -> Verdict | None:
    """Wrong, if the API server refuses the Pods that the controller wants to create."""
    reason = evidence.refused()
    if not reason:
        return None
    return Verdict(
        "wrong",
        f"{reason[0].upper()}{reason[1:]}",
        tuple(f"{evidence.lane(node)}: {reason}" for node, reason in evidence.behind.items()),
        "The controller tries again, and the API server refuses each Pod until the template, or "
        "what refuses it, changes. Source: syncNodes, pkg/controller/daemon/daemon_controller.go.",
        "kubectl describe daemonset agent, the events.",
    )


def _budget_spent(evidence: Evidence) -> Verdict | None:
    """Wrong, if dead nodes have used up the budget and there is no surge budget."""
    budget = evidence.why.stuck_budget
    if budget is None or evidence.timeline.surge_budget.at(evidence.timeline.end):
        return None
    if len(set(evidence.why.unavailable).intersection(evidence.dead)) < budget:
        return None
    updated = len(evidence.reachable) - len(evidence.behind)
    dead = [f"{evidence.lane(n)}: not ready; its pod is unavailable" for n in evidence.dead]
    return Verdict(
        "wrong",
        f"The rollout is stuck: {updated} of {len(evidence.reachable)} reachable nodes are "
        "updated, and waiting will not help.",
        (*dead, f"maxUnavailable comes to {budget}; unavailable already: {len(evidence.dead)}"),
        "Unavailable of any cause counts: a node whose pod is down for another reason spends the "
        "same budget. Source: rollingUpdate, pkg/controller/daemon/update.go.",
        "the step line of the picture against its bound, before anything was rolled.",
    )


def _on_delete(evidence: Evidence) -> Verdict | None:
    if not evidence.why.of("OnDelete"):
        return None
    return Verdict(
        "wrong",
        "With OnDelete the controller replaces no pod by itself, so nodes stay as they are.",
        evidence.lines(evidence.behind),
        "OnDelete: a new template reaches a node when somebody deletes its pod. kubernetes.io: "
        "Perform a Rolling Update on a DaemonSet, DaemonSet Update Strategy.",
        "kubectl explain daemonset.spec.updateStrategy.type",
    )


def _cannot_start(evidence: Evidence) -> Verdict | None:
    held = {one.node: one.reason for one in evidence.why.permanent if one.kind == "kubelet"}
    if not held:
        return None
    images = set()
    for pod in evidence.pods:
        if why := held.get(pod["spec"].get("nodeName", "")):
            named = [c for c in containers_of(pod["spec"]) if f" {c['name']}: " in why]
            images |= {c["image"] for c in named or pod["spec"].get("containers") or ()}
    return Verdict(
        "wrong",
        f"New pods cannot start with this template ({', '.join(sorted(images))}).",
        evidence.lines(held),
        "The controller goes on only as new pods become available; it never rolls back by itself.",
        "kubectl describe pod, the events of a pod named above.",
    )


def _rolling(daemonset: Object | None) -> Mapping[str, Any]:
    strategy = ((daemonset or {}).get("spec") or {}).get("updateStrategy") or {}
    return strategy.get("rollingUpdate") or {}
