"""Criteria about moments of the history: how many nodes were covered, which Pods were replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemonset_course.figures.rollout.bounds import Violation
from daemonset_course.history import podstate
from daemonset_course.history.text import counted
from daemonset_course.lab.criteria.judged_bounds import bounded
from daemonset_course.lab.criteria.rolled import moment
from daemonset_course.lab.evidence import JUDGED, DaemonSetEvidence, Evidence, NodeTest
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending
from daemonset_course.placement.decision import should_run

INSTANT = 0.01  # seconds: two changes that are received this close to each other are one


def ready_at_least(name: str, least: int, *, namespace: str = "",
                   requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """At every moment since the start, at least ``least`` nodes had a ready Pod."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        start, seconds, fewest = fewest_ready(own, least)
        words = f"no fewer than {counted(least, 'node')} with a ready Pod"
        if seconds < moment(evidence):
            return bounded(MET, own, words)
        found = missed(
            f"At {start:.1f} s only {counted(fewest, 'node')} had a ready Pod of {own.full_name}, "
            f"for {seconds:.1f} s; at least {least} must.",
            rule="The controller deletes a Pod as soon as its node no longer matches, and creates "
            "one as soon as a node does: the order of your two steps decides.",
            where=f"the picture, at {start:.1f} s.",
            final=True,
        )
        over = f"fewer than {counted(least, 'node')} with a ready Pod"
        return bounded(found, own, words, violations=[Violation(start, start + seconds, over)])

    return Criterion(f"never fewer than {counted(least, 'node')} covered", judge, requires, weight,
                     watched=JUDGED)  # fmt: skip


def never_uncovered(name: str, test: NodeTest, words: str, *, namespace: str = "",
                    requires: tuple[Criterion, ...] = (),
                    weight: int = 1) -> Criterion:  # fmt: skip
    """Every node that passes ``test`` had a ready Pod at every moment since the start.

    Nodes that had none at the start are not judged.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        began = covered_at_start(own)
        wanted = [n for n, one in evidence.nodes_at_start.items() if test(one) and n in began]
        found = {node: gap for node in wanted if (gap := first_gap(own, node))}
        limit = "no node without a ready Pod"
        if not found:
            two = own.timeline.surge.max() or 0
            words_ = f"each of {counted(len(wanted), 'node')} had a ready Pod at every moment"
            line = f"{words_}; at most {two} at a time had a second one"
            return bounded(met("", (line,)), own, limit)
        node, (start, seconds) = min(found.items(), key=lambda one: one[1][0])
        budget = own.timeline.budget.at(start) or 0
        how = (
            f"maxUnavailable comes to {budget}: the controller deletes the old Pod first, and "
            "creates the new one when it is gone."
            if budget
            else "maxUnavailable allowed none, so no rollout did this: the Pod was deleted by hand "
            "or by another controller, or its node no longer matched."
        )
        violations = [Violation(t, t + s, "without a ready Pod", n) for n, (t, s) in found.items()]
        finding = missed(
            f"{evidence.lane(node)} had no ready Pod of {own.full_name} from {start:.1f} s on, "
            f"for {seconds:.1f} s; no node may be without one.",
            (f"{evidence.lane(n)}: none from {t:.1f} s to {t + s:.1f} s"
             for n, (t, s) in found.items()),
            f"{how} With maxSurge it deletes the old Pod when the new one is available. Source: "
            "rollingUpdate, pkg/controller/daemon/update.go.",
            f"the picture, at {start:.1f} s.",
            final=True,
        )  # fmt: skip
        return bounded(finding, own, limit, violations=violations)

    return Criterion(f"{words} always had a ready Pod of {name}", judge, requires, weight,
                     watched=JUDGED)  # fmt: skip


def first_gap(own: DaemonSetEvidence, node: str) -> tuple[float, float] | None:
    """Return start and length (s) of the first time without a ready Pod on a node; None: none.

    The node had a ready Pod at the start.
    """
    spans = [(s.start, s.end) for s in own.timeline.by_node.get(node, ()) if s.phase == "ready"]
    ready = _merged([(own.timeline.start, own.timeline.start), *spans])
    ends = [end for _, end in ready]
    begins = [*(start for start, _ in ready[1:]), own.timeline.end]
    gaps = ((end, begin - end) for end, begin in zip(ends, begins, strict=True))
    return next((gap for gap in gaps if gap[1] > INSTANT), None)


def covered_at_start(own: DaemonSetEvidence) -> set[str]:
    """Return the nodes that had a ready Pod of the DaemonSet at the start."""
    uid = own.before.get("metadata", {}).get("uid")
    return {
        podstate.node_of(pod)
        for pod in own.cluster.history.at_start("pods")
        if podstate.phase_of(pod)[0] == "ready"
        and any(one.get("uid") == uid for one in pod["metadata"].get("ownerReferences") or ())
    }


def pods_kept(name: str, test: NodeTest, words: str, *, namespace: str = "",
              requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """The Pods that the nodes passing ``test`` had at the start were not replaced."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        before = pods_at_start(own)
        now = {str(pod["metadata"]["uid"]) for pod in own.pods}
        gone = {
            node: "its Pod of the start is gone"
            for node, uids in before.items()
            if node in evidence.nodes and test(evidence.nodes[node]) and not uids <= now
        }
        if not gone:
            return MET
        return missed(
            f"Pods were replaced that could have stayed: {counted(len(gone), 'node')}.",
            evidence.lines(gone),
            "A change of spec.template replaces every Pod; a change of a node's label only those "
            "of that node.",
            f"kubectl rollout history {own.option}.",
            final=True,
        )

    return Criterion(f"the Pods on {words} were not replaced", judge, requires, weight,
                     watched=JUDGED)  # fmt: skip


def ran_nowhere(name: str, *, namespace: str = "", requires: tuple[Criterion, ...] = (),
                weight: int = 1) -> Criterion:  # fmt: skip
    """At one time since the start, the template chose no node, and the DaemonSet had no Pod."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        stretches = list(_chose_no_node(own))
        if any(_free(own, start, end) for start, end in stretches):
            return MET
        rule = (
            "A DaemonSet has no number of replicas. It has no Pod if its template matches no node. "
            "A Pod that is deleted on a node that matches comes back. Source: "
            "NodeShouldRunDaemonPod, pkg/controller/daemon/daemon_controller.go."
        )
        if not stretches:
            return missed(
                f"{own.full_name} was never at zero: its template matched nodes all the time.",
                rule=rule,
                where=f"DESIRED in kubectl get {own.option}.",
            )
        start, end = stretches[-1]
        if end >= own.timeline.end:
            left = counted(len(own.pods), "Pod")
            return pending(
                f"The template of {own.full_name} matches no node; {left} still to go.",
                where="kubectl get pods -o wide.",
            )
        return missed(
            f"{own.full_name} was never at zero: when its template matched nodes again, after "
            f"{end - start:.1f} s, Pods were still there.",
            rule="Deleting a Pod takes time: preStop, SIGTERM, terminationGracePeriodSeconds.",
            where="kubectl wait --for=delete pod -l …, before the second step.",
        )

    return Criterion(f"{name} was at zero Pods", judge, requires, weight, watched=JUDGED)


def _chose_no_node(own: DaemonSetEvidence) -> Iterator[tuple[float, float]]:
    """Yield start and end (s) of each stretch in which the template matched no node."""
    sets = own.templates()
    for i, (start, template) in enumerate(sets):
        end = sets[i + 1][0] if i + 1 < len(sets) else own.timeline.end
        if not any(should_run(node, template).run for node in own.cluster.nodes.values()):
            yield start, end


def _free(own: DaemonSetEvidence, start: float, end: float) -> bool:
    """Whether the DaemonSet had no Pod at some moment from ``start`` to ``end``."""
    reached = start
    for begin, until in _merged([(one.start, one.end) for one in own.timeline.segments]):
        if begin > reached:
            break
        reached = max(reached, until)
    return reached < end


def updated_in_order(own: DaemonSetEvidence, revision: str = "") -> list[str]:
    """Return the nodes by the time of their first Pod of a revision (default: the newest)."""
    wanted = revision or own.revision or own.timeline.newest
    first: dict[str, float] = {}
    for one in own.timeline.segments:
        if one.revision == wanted and one.node and one.node not in first:
            first[one.node] = one.start
    return sorted(first, key=lambda node: first[node])


def fewest_ready(own: DaemonSetEvidence, least: int) -> tuple[float, float, int]:
    """Return start, length (s) and value of the longest stretch with fewer ready nodes."""
    changes: list[tuple[float, int]] = []
    for spans in own.timeline.by_node.values():
        for start, end in _merged([(s.start, s.end) for s in spans if s.phase == "ready"]):
            changes += [(start, 1), (end, -1)]
    changes.sort(key=lambda change: (change[0], -change[1]))
    changes.append((own.timeline.end, 0))
    best = (0.0, 0.0, least)
    count, since, fewest = 0, own.timeline.start, least
    low = True
    for t, step in changes:
        if low and t - since > best[1]:
            best = (since, t - since, fewest)
        count += step
        if count < least:
            since, fewest = (since, min(fewest, count)) if low else (t, count)
            low = True
        else:
            low, fewest = False, least
    return best


def pods_at_start(own: DaemonSetEvidence) -> dict[str, set[str]]:
    """Return by node the uids of the DaemonSet's Pods that existed at the start."""
    found: dict[str, set[str]] = {}
    for one in own.timeline.segments:
        if one.start <= own.timeline.start:
            found.setdefault(one.node, set()).add(one.pod)
    return found


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


__all__ = [
    "covered_at_start",
    "fewest_ready",
    "first_gap",
    "met",
    "never_uncovered",
    "pods_at_start",
    "pods_kept",
    "ran_nowhere",
    "ready_at_least",
    "updated_in_order",
]
