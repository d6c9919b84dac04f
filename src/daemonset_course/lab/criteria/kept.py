"""Criteria about what must stay as it was: the object, its other fields, Node objects, others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.text import joined, listed
from daemonset_course.lab.evidence import (
    DaemonSetEvidence,
    Evidence,
    NodeTest,
    differences,
    pod_spec,
)
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed

WATCHED = ("daemonsets",)
_IN_PLACE = (
    "A DaemonSet is changed in place. Deleting it deletes its Pods on all nodes, and no update "
    "budget is asked. kubernetes.io: Perform a Rolling Update on a DaemonSet."
)


def guards(name: str, *, created: bool = False, namespace: str = "", beside: Iterable[str] = (),
           labels: Iterable[str] = (), labels_on: Iterable[str] = (),
           new_labels: bool = False) -> tuple[Criterion, ...]:  # fmt: skip
    """Return what most tasks ask first: the object, the nodes, no Pods made by hand.

    The first of them is about the DaemonSet: ``exists`` if the learner creates it, else
    ``same_object``. The other arguments are those of ``nodes_as_given``.
    """
    first = exists if created else same_object
    return (
        first(name, namespace=namespace, beside=beside),
        nodes_kept(),
        nodes_as_given(*labels, on=labels_on, new_labels=new_labels),
        not_bare(),
    )


def same_object(name: str, *, namespace: str = "", beside: Iterable[str] = ()) -> Criterion:
    """The DaemonSet of the start is still there, and no other one beside it except ``beside``."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        other = evidence.others(own.full_name, *beside)
        others = ", ".join(other)
        if own.after is None:
            says = f"The DaemonSet {name} is gone" + (
                f"; {others} is there instead." if others else "."
            )
        elif own.recreated:
            says = f"The DaemonSet {name} was deleted and made again: it has another uid."
        elif others:
            says = f"Another DaemonSet was made beside {name}: {others}."
        else:
            return MET
        kept = own.after is not None and not own.recreated
        down = own.timeline.unavailable.max()
        return missed(
            says,
            (f"nodes without an available Pod at one time: up to {down}",),
            _IN_PLACE,
            f"kubectl get daemonsets -A. Delete {others} and change {name}."
            if kept
            else "kubectl get daemonsets -A.",
            final=not kept,
        )

    return Criterion(
        f"{name} is the same DaemonSet as at the start", judge, weight=0, watched=WATCHED
    )


def exists(name: str, *, namespace: str = "", beside: Iterable[str] = ()) -> Criterion:
    """There is a DaemonSet of that name, and no other new one except ``beside``."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        others = evidence.others(own.full_name, *beside)
        where = "kubectl get daemonsets -A."
        if own.after is None:
            instead = f"; there is {joined(others)}" if others else ""
            return missed(f"There is no DaemonSet {own.full_name}{instead}.", where=where)
        if others:
            return missed(
                f"There is another DaemonSet beside {own.full_name}: {joined(others)}.",
                rule="Each DaemonSet runs its own Pod on a node: two of them are two agents.",
                where=where,
            )
        return MET

    return Criterion(f"there is a DaemonSet {name}", judge, weight=0)


def nodes_kept() -> Criterion:
    """No Node object was deleted."""

    def judge(evidence: Evidence) -> Finding:
        if not evidence.lost:
            return MET
        names = ", ".join(map(evidence.lane, evidence.lost))
        return missed(
            f"The Node object was deleted: {names}.",
            (
                f"{evidence.lane(name)}: "
                + ("a new Node object" if name in evidence.nodes else "no Node object any more")
                for name in evidence.lost
            ),
            "A node that does not exist counts nowhere. But the machine's labels, taints and "
            "history went with the object, and it was asked to stay.",
            "kubectl get nodes.",
            final=True,
        )

    return Criterion("every Node object is kept", judge, weight=0, watched=("nodes",))


def nodes_as_given(*allowed_labels: str, on: Iterable[str] = (),
                   new_labels: bool = False) -> Criterion:  # fmt: skip
    """Labels, taints and cordons of the nodes are those of the start, except ``allowed_labels``.

    ``on`` are the only nodes (``worker2``) where those may change; empty: all nodes. With
    ``new_labels`` a node may get labels whose keys it did not have. Also in between: a label that
    was taken off and put back counts.
    """
    only = frozenset(on)

    def judge(evidence: Evidence) -> Finding:
        def facts(name: str, node: Object) -> dict[str, str]:
            allowed = allowed_labels if not only or evidence.lane(name) in only else ()
            found = _facts(node, allowed)
            if not new_labels or name not in evidence.nodes_at_start:
                return found
            had = _facts(evidence.nodes_at_start[name], allowed)
            return {k: v for k, v in found.items() if k in had or not k.startswith("label ")}

        changed: dict[str, str] = {}
        first = {name: facts(name, node) for name, node in evidence.nodes_at_start.items()}
        for change in evidence.history.edits("nodes"):
            if change.via == "start" or change.gone or change.name not in first:
                continue
            now = facts(change.name, change.object)
            if now != first[change.name] and not evidence.by_checker(change.t):
                changed.setdefault(change.name, _difference(first[change.name], now))
        if not changed:
            return MET
        now_ = {name: facts(name, node) for name, node in evidence.nodes.items()}
        mended = all(now_.get(name) == first[name] for name in changed)
        return missed(
            f"The nodes were changed: {listed([evidence.lane(name) for name in changed])}.",
            evidence.lines(changed),
            "Labels and taints of a node belong to everyone who uses it: other workloads and "
            "people read them. The DaemonSet is what adapts.",
            "kubectl get nodes --show-labels, and kubectl describe node.",
            final=mended,
        )

    return Criterion("the nodes' labels, taints and cordons are untouched", judge, weight=0,
                     watched=("nodes",))  # fmt: skip


def namespaces_as_given() -> Criterion:
    """No namespace was made, deleted, or given other labels, also in between."""

    def judge(evidence: Evidence) -> Finding:
        history = evidence.history
        first = {n["metadata"]["name"]: _labels(n) for n in history.at_start("namespaces")}
        changes = [c for c in history.edits("namespaces") if c.via != "start"]
        found = [c.name for c in changes if c.gone or _labels(c.object) != first.get(c.name)]
        if not found:
            return MET
        return missed(
            f"The namespace was changed: {joined([*dict.fromkeys(found)])}.",
            rule="The labels of a namespace decide what all of its Pods may do. kubernetes.io: Pod "
            "Security Admission.",
            where="kubectl get namespaces --show-labels.",
            final=True,
        )

    return Criterion("the namespaces are untouched", judge, weight=0, watched=("namespaces",))


def still_dead() -> Criterion:
    """The node that was dead at the start did not become Ready: the task is to work without it."""

    def judge(evidence: Evidence) -> Finding:
        if evidence.dead and not evidence.revived:
            return MET
        return missed(
            "The dead node came back: this task is to release while it stays dead."
            if evidence.dead
            else "The dead node is back: this task is to release while it stays dead.",
            (f"{evidence.lane(name)}: became Ready" for name in evidence.revived),
            where="kubectl get nodes. In the next try leave the node as it is.",
            final=True,
        )

    return Criterion("the dead node stays as it is", judge, weight=0, watched=("nodes",))


def condition_kept(condition: str, words: str) -> Criterion:
    """Each node that had a condition at the start has it still, and had it all the time."""

    def judge(evidence: Evidence) -> Finding:
        begun = {n for n, node in evidence.nodes_at_start.items() if _condition(node, condition)}
        lost = {
            change.name: f"{condition} became False"
            for change in evidence.history.changes("nodes")
            if change.name in begun and not change.gone
            and not _condition(change.object, condition)
        }  # fmt: skip
        if not lost:
            return MET
        return missed(
            f"The condition {condition} of a node was changed.",
            evidence.lines(lost),
            "A condition reports what a component has found out about the node. Who writes another "
            "value hides the fault, and cures nothing.",
            "kubectl describe node, Conditions. In the next try leave the node as it is.",
            final=True,
        )

    return Criterion(words, judge, weight=0, watched=("nodes",))


def only_changed(name: str, *allowed: str, namespace: str = "",
                 requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The Pod spec differs from the start only in ``allowed``.

    Each is a field of the Pod spec (``tolerations``), or of a container with its name
    (``agent.env``).
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        found = [
            path
            for path in differences(_by_name(own.before), _by_name(own.after))
            if not any(_within(path, each) for each in allowed)
        ]
        if not found:
            return MET
        return missed(
            f"More was changed than the request asks for: {', '.join(found[:6])}.",
            (f"spec.template.spec.{path} differs from the start" for path in found),
            "What is not in the change request stays: where the Pods run, and how they are probed.",
            f"kubectl rollout history {own.option} --revision=1, and compare.",
        )

    return Criterion("nothing else of the Pod spec was changed", judge, requires, weight=0)


def spec_kept(name: str, *allowed: str, namespace: str = "",
              requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The DaemonSet's spec beside its template is that of the start, except fields ``allowed``."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        first, now = ((one or {}).get("spec") or {} for one in (own.before, own.after))
        found = [
            key
            for key in sorted({*first, *now} - {"template", *allowed})
            if first.get(key) != now.get(key)
        ]
        if not found:
            return MET
        return missed(
            f"More of {own.full_name} was changed than the repair needs: {joined(found)}.",
            (f"spec.{key}: {first.get(key)} at the start, {now.get(key)} now" for key in found),
            "How a DaemonSet is updated is decided by the team that owns it.",
            f"kubectl get {own.option} -o yaml.",
        )

    return Criterion("nothing else of the DaemonSet's spec was changed", judge, requires, weight=0)


def others_untouched(*names: str, namespace: str = "") -> Criterion:
    """These DaemonSets have the uid and the spec of the start, also in between."""

    def judge(evidence: Evidence) -> Finding:
        found = [own for own in (evidence.daemonset(n, namespace) for n in names) if _changed(own)]
        if not found:
            return MET
        return missed(
            f"Something else was changed too: {joined([own.full_name for own in found])}.",
            rule="A new template restarts every Pod of a DaemonSet. The repair of one is no reason "
            "to restart another.",
            where="kubectl rollout history, and kubectl get daemonsets.",
            final=any(own.after is None or own.recreated or own.rolled for own in found),
        )

    return Criterion(f"{joined(names)} as at the start", judge, weight=0, watched=WATCHED)


def not_bare() -> Criterion:
    """No Pod without a controller was created in a namespace that is not the system's.

    A Pod that a controller made, and that lost its owner since, is not meant.
    """

    def judge(evidence: Evidence) -> Finding:
        made = {
            change.uid
            for change in evidence.history.edits("pods")
            if change.type == "ADDED" and change.object["metadata"].get("ownerReferences")
        }
        bare = [
            pod
            for pod in evidence.own_objects("pods")
            if not pod["metadata"].get("ownerReferences")
        ]
        begun = {p["metadata"].get("uid") for p in evidence.history.at_start("pods")} | made
        names = [str(p["metadata"]["name"]) for p in bare if p["metadata"].get("uid") not in begun]
        if not names:
            return MET
        return missed(
            f"A Pod was made by hand: {listed(names)}.",
            rule="A Pod without a controller is not made again when its node goes, and no rollout "
            "reaches it. A static Pod's mirror is owned by its Node, and by no DaemonSet.",
            where="kubectl get pods -o wide. Delete it; let the DaemonSet make the Pods.",
        )

    return Criterion("no Pod was made by hand", judge, weight=0)


def field(
    name: str,
    what: str,
    test: Callable[[Mapping[str, Any]], str],
    *,
    namespace: str = "",
    rule: str = "",
    where: str = "",
    requires: tuple[Criterion, ...] = (),
    weight: int = 1,
) -> Criterion:
    """A fact about the Pod spec: ``test`` returns what is wrong with it, or an empty text."""

    def judge(evidence: Evidence) -> Finding:
        found = test(pod_spec(evidence.daemonset(name, namespace).after))
        return missed(found, rule=rule, where=where) if found else MET

    return Criterion(what, judge, requires, weight)


def answered(
    key: str,
    what: str,
    wanted: Callable[[Evidence], str],
    *,
    rule: str = "",
    hint: str = "",
    requires: tuple[Criterion, ...] = (),
    weight: int = 1,
) -> Criterion:
    """The learner's answer under ``key`` in the ConfigMap ``answer`` is the wanted one."""

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(key)
        if given is None:
            return missed(
                f"There is no answer for {key}.",
                where=f"kubectl create configmap answer --from-literal={key}=…",
            )
        if " ".join(given.split()).lower() == " ".join(wanted(evidence).split()).lower():
            return MET
        return missed(f"{key}: {given} is not what happens here.", rule=rule, where=hint)

    return Criterion(what, judge, requires, weight)


def _changed(own: DaemonSetEvidence) -> bool:
    gone = own.after is None or own.recreated
    return gone or bool((own.after or {}).get("spec") != own.before.get("spec")) or own.rolled


def _facts(node: Object, allowed: Iterable[str]) -> dict[str, str]:
    labels = node["metadata"].get("labels") or {}
    facts = {f"label {k}": str(v) for k, v in labels.items() if k not in allowed}
    spec = node.get("spec") or {}
    for taint in spec.get("taints") or ():
        if not str(taint.get("key")).startswith("node.kubernetes.io/"):
            facts[f"taint {taint.get('key')}:{taint.get('effect')}"] = str(taint.get("value") or "")
    return facts | ({"cordoned": "yes"} if spec.get("unschedulable") else {})


def _labels(namespace: Object) -> dict[str, str]:
    return dict(namespace["metadata"].get("labels") or {})


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    words = [f"{key} taken off" for key in before if key not in after]
    words += [f"{key} added" for key in after if key not in before]
    words += [f"{key} changed" for key in after if key in before and before[key] != after[key]]
    return ", ".join(words)


def _condition(node: Object, condition: str) -> bool:
    found = (node.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == condition and one.get("status") == "True" for one in found)


def _by_name(daemonset: Object | None) -> dict[str, Any]:
    """The Pod spec with its containers by name."""
    spec = dict(pod_spec(daemonset))
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = {each["name"]: each for each in spec[group]}
    return spec


def _within(path: str, allowed: str) -> bool:
    field_ = path.removeprefix("containers.").removeprefix("initContainers.")
    return any(p == allowed or p.startswith((f"{allowed}.", f"{allowed}[")) for p in (path, field_))


def selected(test: NodeTest, evidence: Evidence) -> tuple[str, ...]:
    """Return the workers that pass a test, in natural order."""
    return tuple(name for name in evidence.workers if test(evidence.nodes[name]))
