"""Criteria about NoExecute taints: how long a Pod stays on a node that gets one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daemonset_course.history import podstate
from daemonset_course.history.text import counted, listed
from daemonset_course.lab.evidence import JUDGED, DaemonSetEvidence, Evidence
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending
from daemonset_course.placement.tolerations import (
    pod_tolerations,
    seconds_tolerated,
    taint_name,
    tolerates,
    tolerating,
    toleration_name,
)

EVICTION = (
    "Of the tolerations that match a NoExecute taint the first counts: without tolerationSeconds "
    "the Pod stays as long as the taint is there. Sources: GetMatchingTolerations, "
    "pkg/apis/core/v1/helper/helpers.go; getMinTolerationTime, "
    "pkg/controller/tainteviction/taint_eviction.go."
)
WATCHED_FOR = 5.0  # seconds that a check looks at a Pod on a node that it has tainted
_NOT_TOLERATED = -1


def stays(name: str, taint: Mapping[str, str], seconds: int | None, *, namespace: str = "",
          requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """By its template, a Pod may stay so many seconds on a node that gets the taint.

    ``seconds`` None: as long as the taint is there.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        tolerations = pod_tolerations(own.template)
        found = _limit(tolerations, taint)
        if found == seconds:
            return MET
        matching = [one for one in tolerations if tolerates(one, taint)]
        return missed(
            f"On a node that gets {taint_name(taint)}, a Pod of {own.full_name} "
            f"{_stay(found)}; it must {_stay(seconds, 'stay')}.",
            [
                f"the toleration that counts: {toleration_name(matching[0])}"
                + (f" (the first of {len(matching)} that match)" if len(matching) > 1 else "")
            ]
            if matching
            else ["no toleration matches this taint"],
            rule=EVICTION,
            where=f"spec.template.spec.tolerations: kubectl get {own.option} -o yaml.",
        )

    words = _stay(seconds)
    return Criterion(f"on {taint_name(taint)}, {name} {words}", judge, requires, weight)


def pods_stay(name: str, taint: Mapping[str, str], seconds: int | None, *, namespace: str = "",
              requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """The Pods that run now have the toleration of ``stays`` too, not the template alone."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        limits = {
            podstate.node_of(pod): _limit(pod["spec"].get("tolerations") or (), taint)
            for pod in own.pods
        }
        old = {node: f"its Pod {_stay(s)}" for node, s in limits.items() if s != seconds}
        if not old:
            return MET
        says = f"{counted(len(old), 'Pod')} of {own.full_name} still has the old tolerations."
        if not own.why.of("OnDelete"):
            return pending(says, evidence.lines(old), f"kubectl rollout status {own.option}.")
        return missed(
            says,
            evidence.lines(old),
            "The tolerations of a Pod are those of its template when it was created. With "
            "OnDelete the controller replaces no Pod by itself.",
            f"kubectl get pods -o yaml, and the updateStrategy: kubectl get {own.option} -o yaml.",
        )

    return Criterion(f"the running Pods of {name} do so too", judge, requires, weight)


def stayed(name: str, taint: Mapping[str, str], probe: str, *, namespace: str = "",
           requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """The Pod of a node that the checker taints in ``probe`` is there some seconds later."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        since = evidence.probe(probe)
        assert since is not None
        t = evidence.history.end if since.judged is None else since.judged
        nodes = _tainted_at(evidence, taint, _just_before(t)) - {
            str(node["metadata"]["name"])
            for node in evidence.nodes_at_start.values()
            if _has(node, taint)
        }
        if not nodes:
            return pending(f"The checker taints a node with {taint_name(taint)}.")
        begun = _pods_at(own, nodes, since.start)
        left = begun.keys() - _pods_at(own, nodes, _just_before(t)).keys()
        if left or not begun:
            lanes = [evidence.lane(node) for node in sorted({begun[pod] for pod in left} or nodes)]
            return missed(
                f"The checker gave {listed(lanes)} the taint {taint_name(taint)}, and within "
                f"{t - since.start:.0f} s the Pod was deleted.",
                rule=EVICTION,
                where=f"spec.template.spec.tolerations: kubectl get {own.option} -o yaml.",
            )
        if since.judged is None and t - since.start < WATCHED_FOR:
            return pending(f"The checker watches a Pod on a node with {taint_name(taint)}.")
        where = listed([evidence.lane(node) for node in sorted(nodes)])
        return met(
            f"{where} got {taint_name(taint)}, and {t - since.start:.0f} s later the Pod "
            f"of {own.full_name} was still there."
        )

    return Criterion(f"a Pod of {name} on a node that the checker taints is still there after "
                     f"{WATCHED_FOR:.0f} s", judge, requires, weight, JUDGED, probe)  # fmt: skip


def _limit(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, str]) -> int | None:
    used = tolerating(tolerations, taint)
    return _NOT_TOLERATED if used is None else seconds_tolerated(used, taint)


def _stay(seconds: int | None, verb: str = "stays") -> str:
    if seconds is None:
        return f"{verb} as long as the taint is there"
    return "is deleted at once" if seconds <= 0 else f"{verb} {seconds} s"


def _pods_at(own: DaemonSetEvidence, nodes: set[str], t: float) -> dict[str, str]:
    """Return the uids of the Pods on these nodes that are not being deleted, with their nodes."""
    return {
        one.pod: one.node
        for one in own.timeline.segments
        if one.node in nodes and one.start <= t < one.end and one.phase != "terminating"
    }


def _tainted_at(evidence: Evidence, taint: Mapping[str, str], t: float) -> set[str]:
    found = evidence.history.objects("nodes", at=t)
    return {str(node["metadata"]["name"]) for node in found if _has(node, taint)}


def _has(node: Mapping[str, Any], taint: Mapping[str, str]) -> bool:
    taints = (node.get("spec") or {}).get("taints") or ()
    return any(taint_name(one) == taint_name(taint) for one in taints)


def _just_before(t: float) -> float:
    return max(0.0, t - 5e-5)  # times have four decimals
