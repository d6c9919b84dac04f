"""Judge a template on fleets that the learner never saw, and find what it could do without.

Placement is decided node by node, so the smallest fleet on which a template goes wrong is one node:
of the nodes that are wrong, the one with the fewest labels and taints.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.text import joined
from daemonset_course.lab.criteria.covered import HOW, RULE
from daemonset_course.lab.evidence import Evidence, NodeTest
from daemonset_course.lab.verdict import Criterion, Finding, met, missed
from daemonset_course.placement.decision import Decision, should_run
from daemonset_course.placement.tolerations import taint_name, toleration_name

FLEETS = 200
_EVERY_NODE = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": "unseen"}
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@dataclass(frozen=True)
class Fleets:
    """The labels and taints that the nodes of unseen fleets may have.

    Attributes:
        labels: for each key its values; None: the node has no such label.
        taints: taints as kubectl writes them, each on some nodes.
        control_plane: whether fleets have control-plane nodes.
        seed: another seed gives other fleets.
    """

    labels: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    taints: Sequence[str] = ()
    control_plane: bool = False
    seed: int = 20

    @cached_property
    def nodes(self) -> list[Object]:
        """The nodes of 200 fleets, 3 to 8 nodes each, without repetitions."""
        chance = random.Random(self.seed)
        made = [self._node(chance) for _ in range(FLEETS) for _ in range(chance.randint(3, 8))]
        return list({_words(node): node for node in made}.values())

    def _node(self, chance: random.Random) -> Object:
        labels = {key: chance.choice(list(values)) for key, values in self.labels.items()}
        chosen = [taint for taint in self.taints if chance.random() < 0.25]
        taints = [taint_of(text) for text in dict.fromkeys(chosen)]
        if self.control_plane and chance.random() < 0.15:
            labels[_CONTROL_PLANE] = ""
            taints.append({"key": _CONTROL_PLANE, "effect": "NoSchedule"})
        return node(labels, taints)


def node(labels: Mapping[str, str | None], taints: Iterable[Mapping[str, str]] = ()) -> Object:
    """Return a Node with these labels and taints; a label with the value None is left out."""
    kept = {key: value for key, value in labels.items() if value is not None}
    return {
        "metadata": {"name": "unseen", "labels": {**_EVERY_NODE, **kept}},
        "spec": {"taints": list(taints)},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def right_on_unseen(name: str, wanted: NodeTest, words: str, fleets: Fleets, *,
                    namespace: str = "", requires: tuple[Criterion, ...] = (),
                    weight: int = 2) -> Criterion:  # fmt: skip
    """The DaemonSet is to run on exactly the wanted nodes of 200 fleets that nobody saw."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        if own.after is None:
            return missed(f"There is no DaemonSet {own.full_name}.")
        decided = ((one, should_run(one, own.template)) for one in fleets.nodes)
        return _right([(one, d, wanted(one)) for one, d in decided if d.run != wanted(one)], name)

    return Criterion(f"{name} runs on {words}, on 200 other fleets too", judge, requires, weight)


def splits_unseen(names: Sequence[str], wanted: NodeTest, words: str, fleets: Fleets, *,
                  requires: tuple[Criterion, ...] = (), weight: int = 2) -> Criterion:  # fmt: skip
    """Exactly one of the DaemonSets is to run on each wanted node of 200 unseen fleets."""

    def judge(evidence: Evidence) -> Finding:
        templates = {n: evidence.daemonset(n).template for n in names}
        wrong = []
        for one in fleets.nodes:
            runs = [
                n for n, template in templates.items() if template and should_run(one, template).run
            ]
            if len(runs) != (1 if wanted(one) else 0):
                wrong.append((one, runs))
        if not wrong:
            return met()
        one, runs = min(wrong, key=lambda pair: _size(pair[0]))
        return missed(
            f"{joined(list(names))} do not split a fleet with this node.",
            table=[("node", "should run", "runs"),
                   (_words(one), "one of them" if wanted(one) else "none", joined(runs) or "none")],
            rule=f"Each DaemonSet decides for itself, node by node. Source: {RULE}",
        )  # fmt: skip

    return Criterion(f"one of {joined(list(names))} runs on {words}, on 200 other fleets too",
                     judge, requires, weight)  # fmt: skip


def nothing_to_drop(
    name: str,
    fleets: Fleets,
    *,
    namespace: str = "",
    requires: tuple[Criterion, ...] = (),
    weight: int = 1,
) -> Criterion:
    """No toleration, label, term or expression of the template can be left out.

    Something can be left out if the DaemonSet is then to run on the same nodes, of this cluster and
    of 200 unseen fleets.
    """

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        there = [*evidence.nodes.values(), *fleets.nodes]
        spare = could_drop(own.template, there)
        if not spare:
            return met()
        return missed(
            f"{own.full_name} has more than it needs: {spare[0]} can go.",
            [f"could be dropped: {one}" for one in spare],
            "A right that changes nothing today is one that nobody notices when it does: least "
            "privilege. The controller adds the tolerations for node conditions by itself: "
            "AddOrUpdateDaemonPodTolerations, pkg/controller/daemon/util/daemonset_util.go.",
            f"spec.template.spec: kubectl get {own.option} -o yaml.",
        )

    return Criterion(f"{name} has no toleration or term that it could do without", judge, requires,
                     weight)  # fmt: skip


def could_drop(template: Mapping[str, Any], nodes: Sequence[Object]) -> list[str]:
    """Return what can be left out of a template without another decision on any of the nodes."""
    now = [_outcome(one, template) for one in nodes]
    return [
        words for words, less in _smaller(template) if [_outcome(one, less) for one in nodes] == now
    ]


def _outcome(one: Object, template: Mapping[str, Any]) -> tuple[bool, bool]:
    found = should_run(one, template)
    return found.run, found.keep


def _smaller(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the template with one part left out, with words for the part."""
    spec = template.get("spec") or {}

    def with_(**fields: Any) -> Mapping[str, Any]:
        return {**template, "spec": {**spec, **fields}}

    tolerations = list(spec.get("tolerations") or ())
    for i, one in enumerate(tolerations):
        yield (
            f"the toleration {toleration_name(one)}",
            with_(tolerations=tolerations[:i] + tolerations[i + 1 :]),
        )
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in selector.items():
        rest = {k: v for k, v in selector.items() if k != key}
        yield f"the label {key}={value} of nodeSelector", with_(nodeSelector=rest)
    terms = _terms(spec)
    for i, term in enumerate(terms):
        if len(terms) > 1:
            yield (
                f"term {i + 1} of the node affinity",
                with_(affinity=_affinity(spec, terms[:i] + terms[i + 1 :])),
            )
        for group in ("matchExpressions", "matchFields"):
            parts = list(term.get(group) or ())
            for j, part in enumerate(parts):
                if sum(len(term.get(g) or ()) for g in ("matchExpressions", "matchFields")) < 2:
                    continue  # an empty term matches nothing
                less = {**term, group: parts[:j] + parts[j + 1 :]}
                words = f"{part.get('key')} {part.get('operator')} in term {i + 1}"
                yield words, with_(affinity=_affinity(spec, [*terms[:i], less, *terms[i + 1 :]]))


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def _terms(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    return list(found.get("nodeSelectorTerms") or ())


def _affinity(spec: Mapping[str, Any], terms: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    affinity = dict(spec.get("affinity") or {})
    own = {**(affinity.get("nodeAffinity") or {}), _REQUIRED: {"nodeSelectorTerms": terms}}
    return {**affinity, "nodeAffinity": own}


def _right(wrong: Sequence[tuple[Object, Decision, bool]], name: str) -> Finding:
    if not wrong:
        return met()
    by_kind: dict[tuple[bool, str], tuple[Object, Decision, bool]] = {}
    for one in sorted(wrong, key=lambda found: _size(found[0])):
        by_kind.setdefault((one[2], one[1].rule), one)
    rows = [
        (_words(one), "a Pod" if wants else "none", "a Pod" if found.run else "none", found.detail)
        for one, found, wants in by_kind.values()
    ]
    found = next(iter(by_kind.values()))[1]
    return missed(
        f"The template of {name} fails on another fleet: the table shows nodes where it is wrong.",
        table=[("node", "should have", "has", "because"), *rows],
        rule=f"{HOW[found.rule]} Source: {RULE}",
        where="the labels and taints in the table, and the words of the task.",
    )


def _size(one: Object) -> int:
    return len(one["metadata"]["labels"]) + 2 * len(one["spec"]["taints"])


def _words(one: Object) -> str:
    labels = {k: v for k, v in one["metadata"]["labels"].items() if k not in _EVERY_NODE}
    parts = [f"{key}={value}" if value else key for key, value in labels.items()]
    parts += [f"taint {taint_name(taint)}" for taint in one["spec"]["taints"]]
    return ", ".join(parts) or "no label, no taint"


def taint_of(text: str) -> dict[str, str]:
    """Return a taint that is written as by kubectl: ``gpu=true:NoSchedule``."""
    key, _, effect = text.rpartition(":")
    key, _, value = key.partition("=")
    return {"key": key, "effect": effect} | ({"value": value} if value else {})
