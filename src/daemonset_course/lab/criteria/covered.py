"""Criteria about coverage: on which nodes a DaemonSet runs now, and should run by its template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted, joined
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence, NodeTest
from daemonset_course.lab.verdict import Criterion, Finding, met, missed, pending
from daemonset_course.placement.decision import Decision, should_run
from daemonset_course.placement.selectors import pair, required_terms, term_mismatch, term_words

RULE = "NodeShouldRunDaemonPod, pkg/controller/daemon/daemon_controller.go."
HOW = {
    "taint": "A Pod runs on a tainted node only if a toleration matches key, value and effect of "
    "each of its NoSchedule and NoExecute taints.",
    "nodeSelector": "A node must have every label of nodeSelector, with the same value.",
    "nodeAffinity": "A node must match one of the required terms, with all expressions of it.",
    "nodeName": "With nodeName in the template only that node gets a Pod.",
    "runs": "Without a rule that keeps the Pod off, every node gets one.",
}
_NOT_TRIED = (
    "its Pod was refused before the template or the namespace was changed. The controller tries "
    "again, after a pause that doubles with each refusal; a change of the DaemonSet ends the pause"
)


def covers(name: str, test: NodeTest, words: str, *, namespace: str = "",
           requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """Every node that passes ``test`` has a ready Pod of the DaemonSet.

    Nodes that the checker added are not judged here. ``words`` name the nodes: "every worker".
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        wanted = {n: node for n, node in evidence.nodes.items() if test(node)}
        return on(own, wanted)

    return Criterion(f"{name} runs on {words}", judge, requires, weight)


def stays_off(name: str, test: NodeTest, words: str, *, namespace: str = "",
              requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """No node that passes ``test`` has a Pod of the DaemonSet, or gets one by its template."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        unwanted = {n: node for n, node in evidence.nodes.items() if test(node)}
        return off(own, unwanted)

    return Criterion(f"{name} does not run on {words}", judge, requires, weight)


def on(own: DaemonSetEvidence, wanted: Mapping[str, Object]) -> Finding:
    """Return whether each of these nodes has a ready Pod; else which rule or cause is behind it."""
    evidence = own.cluster
    kept_off = dict(_decided(own, wanted, run=False))
    if kept_off:
        first = next(iter(kept_off.values()))
        return missed(
            f"The template keeps {own.full_name} off {_named(evidence, kept_off)}: {first.detail}.",
            evidence.lines({node: found.detail for node, found in kept_off.items()}),
            f"{HOW[first.rule]} Source: {RULE}",
            "kubectl get nodes --show-labels, kubectl describe node, and the template: "
            f"kubectl get {own.option} -o yaml.",
        )
    lacking = {node: own.reasons.get(node, "no ready Pod yet") for node in wanted
               if not own.ready_on(node)}  # fmt: skip
    causes = [one for one in own.why.permanent if one.node in lacking]
    if own.refusal_is_old:
        lacking |= {c.node: _NOT_TRIED for c in causes if c.kind == "refused"}
        causes = [one for one in causes if one.kind != "refused"]
    lasting = {one.node: one.reason for one in causes}
    spec = (own.after or {}).get("spec") or {}
    if lasting:
        return missed(
            f"{own.full_name} has no ready Pod on {_named(evidence, lasting)}, and waiting does "
            "not help.",
            evidence.lines(lasting),
            where=f"kubectl get pods -o wide, kubectl describe {own.option}, the events.",
        )
    if lacking and not spec:
        return missed(f"There is no DaemonSet {own.full_name}.")
    if lacking:
        done = len(wanted) - len(lacking)
        return pending(
            f"{done} of {counted(len(wanted), 'node')} have a ready Pod of {own.full_name}; "
            "waiting for the rest.",
            evidence.lines(lacking),
            where="kubectl get pods -o wide.",
        )
    if going := [one for one in own.why.causes if one.blocks and one.ends_by_itself]:
        return pending(
            f"The rollout of {own.full_name} goes on.",
            evidence.lines({one.node: one.reason for one in going if one.node}),
            where=f"kubectl rollout status {own.option}.",
        )
    return met(f"{own.full_name} runs on {counted(len(wanted), 'node')}.")


def off(own: DaemonSetEvidence, unwanted: Mapping[str, Object]) -> Finding:
    """Return whether none of these nodes has a Pod; else which rule would have kept it off."""
    evidence = own.cluster
    runs = dict(_decided(own, unwanted, run=True))
    if runs:
        details = {
            node: found.detail
            if "tolerated" in found.detail
            else _lets_in(own, unwanted[node]) or found.detail
            for node, found in runs.items()
        }
        first = next(iter(runs.values()))
        rule = "nodeAffinity" if _required(own) else "nodeSelector" if _selector(own) else "runs"
        return missed(
            f"{own.full_name} runs on {_named(evidence, runs)}, and should not.",
            evidence.lines(details),
            f"{HOW['taint' if 'tolerated' in first.detail else rule]} Source: {RULE}",
            f"the template: kubectl get {own.option} -o yaml.",
        )
    there = [node for node in unwanted if own.pods_on(node)]
    stays = {
        node: f"{found.detail}; a Pod that is there stays"
        for node, found in _decided(own, unwanted, run=False)
        if found.keep and node in there and not _to_be_replaced(own, node)
    }
    if stays:
        return missed(
            f"A Pod of {own.full_name} is still on {_named(evidence, stays)}.",
            evidence.lines(stays),
            "A NoSchedule taint keeps new Pods off and evicts none. kubernetes.io: Taints and "
            "Tolerations.",
            "kubectl get pods -o wide.",
        )
    if there:
        return pending(
            f"{own.full_name} still has Pods on {_named(evidence, there)}; they are being deleted.",
            where="kubectl get pods -o wide.",
        )
    return met()


def splits(names: Sequence[str], test: NodeTest, words: str, *,
           requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """One of the DaemonSets is to run on each node that passes ``test``, and none elsewhere."""

    def judge(evidence: Evidence) -> Finding:
        rows = []
        for node in evidence.nodes.values():
            runs = [n for n in names if _runs(evidence.daemonset(n), node)]
            if len(runs) != (1 if test(node) else 0):
                rows.append((evidence.lane(str(node["metadata"]["name"])), joined(runs) or "none"))
        if not rows:
            return met()
        return missed(
            f"{joined(list(names))} do not split the fleet: see the table.",
            table=[("node", "runs"), *rows],
            rule=f"Each DaemonSet decides for itself, node by node. Source: {RULE}",
            where="kubectl get pods -o wide, and the labels of that node.",
        )

    return Criterion(f"one of {joined(list(names))} runs on {words}", judge, requires, weight)


def probed(name: str, node_of_probe: NodeTest, probe: str, *, runs: bool, words: str,
           namespace: str = "", requires: tuple[Criterion, ...] = (),
           weight: int = 1) -> Criterion:  # fmt: skip
    """A node that the checker adds in ``probe`` gets a ready Pod, or (``runs`` false) none."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        since = evidence.probe(probe)
        assert since is not None
        over = since.judged is not None
        t = evidence.history.end if since.judged is None else since.judged
        added = {
            str(n["metadata"]["name"]): n
            for n in evidence.history.objects("nodes", at=_just_before(t))
            if node_of_probe(n) and n["metadata"]["name"] in evidence.added_by_checker
        }
        if not added:
            return pending(f"The node of the check ({probe}) is not there yet.")
        if not runs:
            return _had_none(own, added, t) if over else off(own, added)
        if all(node in own.ready_at(_just_before(t)) for node in added):
            return met()
        if over:
            return _was_off(own, added)
        found = on(own, added)
        joined_ = f"A node joined. {found.says}"
        return replace(found, says=joined_) if found.answer == "missed" else found

    return Criterion(f"{name} {'runs' if runs else 'does not run'} on {words}", judge, requires,
                     weight, probe=probe)  # fmt: skip


def _just_before(t: float) -> float:
    return max(0.0, t - 5e-5)  # times have four decimals


def _had_none(own: DaemonSetEvidence, added: Mapping[str, Object], t: float) -> Finding:
    held = {one.node for one in own.timeline.segments if one.start <= t <= one.end}
    runs = dict(_decided(own, added, run=True))
    if not runs and not held & added.keys():
        return met()
    detail = next(iter(runs.values())).detail if runs else "a Pod was there"
    return missed(
        f"A node joined, and {own.full_name} ran there: {detail}.",
        rule=f"{HOW['taint' if 'tolerated' in detail else 'runs']} Source: {RULE}",
        where=f"kubectl get {own.option} -o yaml.",
    )


def _was_off(own: DaemonSetEvidence, added: Mapping[str, Object]) -> Finding:
    found = dict(_decided(own, added, run=False))
    detail = next(iter(found.values())).detail if found else "its Pod was not ready in time"
    return missed(
        f"A node joined, and {own.full_name} did not run there: {detail}.",
        rule=f"{HOW[next(iter(found.values())).rule] if found else ''} Source: {RULE}",
        where=f"kubectl get {own.option} -o yaml.",
    )


def _required(own: DaemonSetEvidence) -> Sequence[Mapping[str, Any]]:
    return required_terms(own.template.get("spec") or {}) or ()


def _selector(own: DaemonSetEvidence) -> Mapping[str, str]:
    return (own.template.get("spec") or {}).get("nodeSelector") or {}


def _lets_in(own: DaemonSetEvidence, node: Object) -> str:
    """Return by which labels the template chooses a node; empty if it asks for none."""
    terms = _required(own)
    for number, term in enumerate(terms, 1):
        if not term_mismatch(term, node):
            of = f"term {number} of {len(terms)}" if len(terms) > 1 else "the required term"
            return f"{of} matches it: {term_words(term)}"
    affinity = (own.template.get("spec") or {}).get("affinity") or {}
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    if (affinity.get("nodeAffinity") or {}).get(preferred):
        return "a preference keeps no Pod off a node"
    labels = [pair(*each) for each in _selector(own).items()]
    return f"it has what nodeSelector asks for: {joined(labels)}" if labels else ""


def _to_be_replaced(own: DaemonSetEvidence, node: str) -> bool:
    """Whether a rolling update is going to delete the node's Pods, which are of an older spec.

    It deletes them also where no Pod is to run, and none is created again. Source: rollingUpdate,
    pkg/controller/daemon/update.go.
    """
    since = own.spec_set_at()
    strategy = ((own.after or {}).get("spec") or {}).get("updateStrategy") or {}
    if since is None or strategy.get("type") == "OnDelete":
        return False
    here = {str(pod["metadata"]["uid"]) for pod in own.pods_on(node)}
    return here <= {one.pod for one in own.timeline.segments if one.start < since}


def _runs(own: DaemonSetEvidence, node: Object) -> bool:
    return own.after is not None and should_run(node, own.template).run


def _decided(
    own: DaemonSetEvidence, nodes: Mapping[str, Object], *, run: bool
) -> Iterator[tuple[str, Decision]]:
    if own.after is None:
        return
    for name, node in nodes.items():
        found = should_run(node, own.template)
        if found.run is run:
            yield name, found


def _named(evidence: Evidence, nodes: Mapping[str, object] | Sequence[str]) -> str:
    names = [evidence.lane(node) for node in nodes]
    return joined(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def is_worker(node: Object) -> bool:
    """Whether a node is no control plane."""
    return not podstate.is_control_plane(node)
