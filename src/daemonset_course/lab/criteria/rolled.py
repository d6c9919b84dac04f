"""Criteria about a rollout: its budget, its unavailable nodes, what blocks it, its duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.figures.rollout.bounds import Violation
from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.podstate import containers_of
from daemonset_course.history.spans import Steps
from daemonset_course.history.text import joined, nodes
from daemonset_course.lab.criteria.judged_bounds import bounded
from daemonset_course.lab.criteria.restarts import Restarts
from daemonset_course.lab.evidence import (
    JUDGED,
    DaemonSetEvidence,
    Evidence,
    environment_of,
    pod_spec,
)
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

# Seconds: with a stale cache, the controller can exceed a budget for less than this.
MOMENT = 0.3
EACH = 0.015  # the same for each worker: with 100 nodes the watch of Pods lags more
_FIELD = "kubectl explain daemonset.spec.updateStrategy.rollingUpdate.maxUnavailable"


def template_sets(name: str, container: str, variable: str, wanted: str, *,
                  namespace: str = "") -> Criterion:  # fmt: skip
    """The template gives a container's environment variable the wanted value."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        found = environment_of(pod_spec(own.after), container).get(variable)
        if found == wanted:
            return MET
        old = environment_of(pod_spec(own.before), container).get(variable)
        if found == old and not own.rolled:
            return missed(
                f"The template was never changed: {variable} is still {old}.",
                (f"pods of another template: none on {len(evidence.workers)} nodes",),
                "Only a change of spec.template starts a rollout. A new budget replaces no pod.",
                f"kubectl rollout history {own.option}: how many revisions are there?",
            )
        return missed(
            f"The template says {variable}={found}; the change request says {wanted}.",
            rule="The controller rolls out whatever the template says.",
            where=f"spec.template.spec.containers, env {variable}; a value is a string: quote it.",
        )

    return Criterion(f"the template has {variable}={wanted}", judge)


def budget_at_most(name: str, limit: int, *, namespace: str = "") -> Criterion:
    """The budget allows at most ``limit`` nodes, now and while templates rolled out."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        line, templates = own.timeline.budget, own.timeline.templates
        now = line.at(own.timeline.end) or 0
        used = max((line.max(each.t, each.end) or 0 for each in templates), default=0)
        most = max(now, used)
        if most <= limit:
            return MET
        desired = own.timeline.desired.at(own.timeline.end)
        value = rolling(own.after).get("maxUnavailable")
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
        return missed(says, observed, how, _FIELD, final=used > limit)

    return Criterion(f"the budget allows at most {nodes(limit)}", judge, weight=0, watched=JUDGED)


def down_at_most(name: str, limit: int, *, namespace: str = "") -> Criterion:
    """At most ``limit`` nodes were without an available Pod at one time, longer than ``moment``."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        line = own.timeline.unavailable
        start, seconds = longest_above(line, limit)
        words = f"at most {nodes(limit)} without an available Pod"
        if seconds < moment(evidence):
            return bounded(MET, own, words, about="unavailable", most=limit)
        most = line.max() or 0
        peak = next(a for a, _, value in line.stretches() if value == most)
        allowed = own.timeline.budget.max() or 0
        how = (
            "maxUnavailable binds the rolling update only. A pod that is deleted by hand goes at "
            "once, whatever the budget says."
            if allowed <= limit
            else f"maxUnavailable allowed {allowed} nodes, and the controller used them."
        )
        held = own.ready_at(peak)
        down = [node for node in evidence.workers if node not in held]
        found = missed(
            f"{most} nodes were down at once; at most {limit} may be. "
            f"More than {limit} were down for at least {seconds:.1f} s.",
            evidence.lines(dict.fromkeys(down, f"no ready pod at {peak:.1f} s")),
            f"{how} Source: rollingUpdate, pkg/controller/daemon/update.go.",
            f"the picture, at {start:.1f} s.",
            final=True,
        )
        over = f"more than {nodes(limit)} without an available Pod"
        return bounded(found, own, words, about="unavailable", most=limit,
                       violations=[Violation(start, start + seconds, over)])  # fmt: skip

    return Criterion(f"never more than {nodes(limit)} without an available Pod", judge,
                     weight=1, watched=JUDGED)  # fmt: skip


def not_stuck(name: str, *, window: float | None = None, namespace: str = "",
              requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The rollout is not held up by something that waiting does not end; else its cause is named.

    With a ``window`` (in restarts) the finding also says how much of it has passed.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        if not own.behind:
            return MET
        rules = (_refused, _unschedulable, _budget_spent, _on_delete, _cannot_start)
        found = next((finding for rule in rules if (finding := rule(own))), None)
        if found is None:
            return MET
        if window is None or not own.rolled:
            return found
        run = (
            f"the window of {window:g} restarts, which has run for {Restarts(own).elapsed():.1f} s"
        )
        return replace(found, unless=f"the rollout can still end within {run}")

    return Criterion("nothing holds the rollout up", judge, requires, weight=0)


def within(name: str, restarts: float, *, namespace: str = "",
           requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The rollout took no longer than ``restarts`` times a node's mean restart.

    A restart includes the controller's pause before the next one. Both are measured in the same
    history, so the criterion holds at any pace and on a busy machine. While the rollout runs, the
    longest restart so far is used, so a rollout that already exceeds the window fails at once.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        measured = Restarts(own)
        restart = measured.mean()
        # Fewer restarts are too few for an estimate.
        if restart is None or (own.behind and len(measured.times) < 4):
            return MET
        length, pause = measured.length(), measured.pause()
        turn = restart + pause
        window = restarts * turn
        began = own.timeline.end - measured.elapsed()
        bound = partial(
            bounded, own=own, words=f"{restarts:g} restarts for the rollout",
            span=(began, began + window), span_words=f"window: {restarts:g} restarts",
        )  # fmt: skip
        if length <= window:
            return bound(MET)
        number, so_far = len(evidence.reachable), " so far" if own.behind else ""
        which = "the longest of" if own.behind else "mean of"
        unavailable = rolling(own.after).get("maxUnavailable", 1)
        found = missed(
            f"Too slow: the rollout took {length / turn:.1f} restarts{so_far}; the window is "
            f"{restarts:g}.",
            (
                f"a restart ({which} {len(measured.times)} nodes): {restart:.2f} s, "
                f"and {pause:.2f} s until the next",
                f"the rollout{so_far}: {length:.1f} s; the window: {window:.1f} s",
                f"maxUnavailable: {unavailable}",
            ),
            f"About ceil(N / k) restarts follow each other: N nodes ({number} here), k of them at "
            "the same time. Source: rollingUpdate, pkg/controller/daemon/update.go.",
            "the picture: how many bars overlap?",
            final=True,
        )
        over = f"the window of {restarts:g} restarts is over"
        return bound(found, violations=[Violation(began + window, began + length, over)])

    return Criterion(f"the rollout takes at most {restarts:g} restarts", judge, requires,
                     watched=JUDGED)  # fmt: skip


def finished(name: str, *, limit: int | None = None, window: float | None = None,
             namespace: str = "", requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """Every reachable worker runs an available Pod of the newest template.

    The finding has the measured numbers; ``limit`` and ``window`` are named beside them.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        behind, reachable = own.behind, evidence.reachable
        if behind:
            return pending(
                f"{len(reachable) - len(behind)} of {len(reachable)} nodes are updated; "
                "waiting for the rest.",
                evidence.lines(behind),
                where=f"kubectl rollout status {own.option}, then check again.",
            )
        says = f"{len(reachable)} of {len(evidence.workers)} nodes run the new template."
        return met(says, _numbers(own, limit, window))

    return Criterion("every node that can be reached runs the new template", judge, requires,
                     weight=2)  # fmt: skip


def moment(evidence: Evidence) -> float:
    """Return for how many seconds a controller with a stale cache may exceed a limit."""
    return max(MOMENT, EACH * len(evidence.workers))


def longest_above(line: Steps, limit: int) -> tuple[float, float]:
    """Return start and length (s) of the longest time in which the value was above ``limit``."""
    best = (0.0, 0.0)
    start: float | None = None
    for a, b, value in line.stretches():
        over = value is not None and value > limit
        start = (a if start is None else start) if over else None
        if start is not None and b - start > best[1]:
            best = (start, b - start)
    return best


def rolling(daemonset: Object | None) -> Mapping[str, Any]:
    """Return a DaemonSet's ``updateStrategy.rollingUpdate``; empty if there is none."""
    strategy = ((daemonset or {}).get("spec") or {}).get("updateStrategy") or {}
    return strategy.get("rollingUpdate") or {}


def _numbers(own: DaemonSetEvidence, limit: int | None, window: float | None) -> list[str]:
    most = own.timeline.unavailable.max() or 0
    allowed = "" if limit is None else f" (allowed: {limit})"
    observed = [f"at most {nodes(most)} without an available agent at one time{allowed}"]
    if limit is not None and most > limit:
        seconds = longest_above(own.timeline.unavailable, limit)[1]
        observed.append(
            f"the moment above {limit} lasted {seconds:.2f} s: the controller acted on a cache "
            "that was not yet up to date; this does not count as wrong"
        )
    measured = Restarts(own)
    restart, pause, length = measured.mean(), measured.pause(), measured.length()
    if window and restart:
        observed.append(
            f"{length:.1f} s for the rollout, {restart:.2f} s for a restart and {pause:.2f} s "
            f"until the next: {length / (restart + pause):.1f} restarts (window: {window:g})"
        )
    lane = own.cluster.lane
    return [*observed, *(f"{lane(node)}: dead, its Node object kept" for node in own.cluster.dead)]


def _refused(own: DaemonSetEvidence) -> Finding | None:
    """Missed, if the API server refuses the Pods that the controller wants to create."""
    reason = own.refused()
    if not reason:
        return None
    return missed(
        f"{reason[0].upper()}{reason[1:]}",
        own.cluster.lines(own.behind),
        "The controller tries again, and the API server refuses each Pod until the template, or "
        "what refuses it, changes. Source: syncNodes, pkg/controller/daemon/daemon_controller.go.",
        f"kubectl describe {own.option}, the events.",
    )


def _unschedulable(own: DaemonSetEvidence, at: Explanation | None = None) -> Finding | None:
    """Missed, if new Pods fit on no node, and the scheduler makes no room for them.

    ``at`` explains another moment than now.
    """
    held = {c.node: c for c in (at or own.why).of("scheduler") if not c.ends_by_itself}
    making_room = {podstate.node_of(p) for p in own.pods
                   if (p.get("status") or {}).get("nominatedNodeName")}  # fmt: skip
    held = {node: cause for node, cause in held.items() if node not in making_room}
    if not held:
        return None
    why = {node: _scheduler_words(cause.message) for node, cause in held.items()}
    first = next(iter(why.values()))
    how = (
        "A port of a node can be given away once. The old Pod keeps it until the new one is "
        "available, and the new one waits for the port. Source: NodePorts, "
        "pkg/scheduler/framework/plugins/nodeports."
        if "free ports" in first
        else "The scheduler adds up the requests of all Pods on the node, and with maxSurge the "
        "old Pod is still one of them. Source: NodeResourcesFit, "
        "pkg/scheduler/framework/plugins/noderesources."
    )
    names = joined([own.cluster.lane(node) for node in held])
    return missed(
        f"The new Pod cannot be scheduled on {names}, and waiting will not help: {first}.",
        own.cluster.lines(why),
        how,
        "kubectl get pods -o wide, and kubectl describe pod of the one that is Pending.",
    )


def _scheduler_words(message: str) -> str:
    """Return the scheduler's reasons for the Pod's own node, without those for the others."""
    own = message.partition("available: ")[2].partition(". preemption")[0].rstrip(".")
    parts = [part.strip().lstrip("0123456789 ") for part in own.split(", ")]
    found = [part for part in parts if "NodeAffinity" not in part and "affinity" not in part]
    return ", ".join(found) or message


def rolls_again(name: str, probe: str, *, namespace: str = "",
                requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """The rollout that the checker starts in ``probe`` is completed."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        since = evidence.probe(probe)
        assert since is not None
        until = own.timeline.end if since.judged is None else since.judged
        begun = [one for one in own.timeline.templates if since.start <= one.t <= until]
        if not begun:
            return pending("The rollout of the check has not begun yet.")
        why = explain_timeline(own.timeline, begun[0])
        if why.done:
            return MET
        stuck = _unschedulable(own, why)
        if stuck is None and since.judged is None:
            return pending("The rollout of the check goes on.")
        reasons = {one.node: one.reason for one in why.causes if one.node}
        found = stuck or missed(f"{why.sentence(evidence.lane)}.", evidence.lines(reasons))
        return replace(
            found,
            says=f"This rollout went through, and the next one does not: the checker started one "
            f"with the same template. {found.says}",
        )

    return Criterion("the next rollout goes through as well", judge, requires, weight,
                     watched=JUDGED, probe=probe)  # fmt: skip


def _budget_spent(own: DaemonSetEvidence) -> Finding | None:
    """Missed, if dead nodes have used up the budget and there is no surge budget."""
    budget, evidence = own.why.stuck_budget, own.cluster
    if budget is None or own.timeline.surge_budget.at(own.timeline.end):
        return None
    if len(set(own.why.unavailable).intersection(evidence.dead)) < budget:
        return None
    updated = len(evidence.reachable) - len(own.behind)
    dead = [f"{evidence.lane(n)}: not ready; its pod is unavailable" for n in evidence.dead]
    return missed(
        f"The rollout is stuck: {updated} of {len(evidence.reachable)} reachable nodes are "
        "updated, and waiting will not help.",
        (*dead, f"maxUnavailable comes to {budget}; unavailable already: {len(evidence.dead)}"),
        "Unavailable of any cause counts: a node whose pod is down for another reason spends the "
        "same budget. Source: rollingUpdate, pkg/controller/daemon/update.go.",
        "the step line of the picture against its bound, before anything was rolled.",
    )


def _on_delete(own: DaemonSetEvidence) -> Finding | None:
    if not own.why.of("OnDelete"):
        return None
    return missed(
        "With OnDelete the controller replaces no pod by itself, so nodes stay as they are.",
        own.cluster.lines(own.behind),
        "OnDelete: a new template reaches a node when somebody deletes its pod. kubernetes.io: "
        "Perform a Rolling Update on a DaemonSet, DaemonSet Update Strategy.",
        "kubectl explain daemonset.spec.updateStrategy.type",
    )


def _cannot_start(own: DaemonSetEvidence) -> Finding | None:
    held = {one.node: one.reason for one in own.why.permanent if one.kind == "kubelet"}
    if not held:
        return None
    images = set()
    for pod in own.pods:
        if why := held.get(pod["spec"].get("nodeName", "")):
            named = [c for c in containers_of(pod["spec"]) if f" {c['name']}: " in why]
            images |= {c["image"] for c in named or pod["spec"].get("containers") or ()}
    return missed(
        f"New pods cannot start with this template ({', '.join(sorted(images))}).",
        own.cluster.lines(held),
        "The controller goes on only as new pods become available; it never rolls back by itself.",
        "kubectl describe pod, the events of a pod named above.",
    )
