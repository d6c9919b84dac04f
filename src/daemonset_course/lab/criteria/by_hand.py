"""Criteria about Pods that somebody replaces by hand: OnDelete, which Pods, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemonset_course.figures.rollout.bounds import Violation
from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.numbering import number_at
from daemonset_course.history.text import counted, joined, listed
from daemonset_course.lab.criteria.judged_bounds import bounded
from daemonset_course.lab.criteria.moments import pods_at_start
from daemonset_course.lab.evidence import (
    JUDGED,
    DaemonSetEvidence,
    Evidence,
    environment_of,
    pod_spec,
)
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

_ON_DELETE = (
    "With OnDelete the controller replaces no Pod: a new template reaches a node when somebody "
    "deletes the Pod there. With RollingUpdate it replaces Pods of an old template as far as the "
    "budget allows, and it chooses the nodes. Source: syncDaemonSet, "
    "pkg/controller/daemon/daemon_controller.go, and rollingUpdate, update.go."
)


def only_by_hand(name: str, *, namespace: str = "",
                 requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The strategy is OnDelete now, and no Pod was replaced while it was another one."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        rolled = _replaced_under_rolling_update(own)
        limit = "no Pod replaced by the controller"
        if rolled:
            found = missed(
                f"The controller replaced Pods, not you: {_named(evidence, rolled)}.",
                evidence.lines({node: f"its Pod was replaced at {t:.1f} s, while updateStrategy "
                                f"was RollingUpdate" for node, t in rolled.items()}),
                _ON_DELETE,
                "the picture: which nodes changed, and when.",
                final=True,
            )  # fmt: skip
            violations = [Violation(t, t, "its Pod replaced by the controller", node)
                          for node, t in rolled.items()]  # fmt: skip
            return bounded(found, own, limit, violations=violations)
        return bounded(_strategy_now(own), own, limit)

    return Criterion("the controller replaced no Pod (OnDelete)", judge, requires,
                     watched=JUDGED)  # fmt: skip


def on_delete_now(name: str, *, namespace: str = "",
                  requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The strategy is OnDelete now."""

    def judge(evidence: Evidence) -> Finding:
        return _strategy_now(evidence.daemonset(name, namespace))

    return Criterion("updateStrategy is OnDelete", judge, requires)


def _strategy_now(own: DaemonSetEvidence) -> Finding:
    kind = strategy_of(own.after)
    if kind == "OnDelete":
        return MET
    return missed(
        f"updateStrategy is {kind or 'not set'} now: the controller decides when and where.",
        rule=_ON_DELETE,
        where=f"kubectl get {own.option} -o jsonpath='{{.spec.updateStrategy}}'.",
    )


def replaced_only_on(name: str, nodes: Sequence[str], *, namespace: str = "",
                     requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """Nodes beside ``nodes`` (``worker3``) have the Pods that they had at the start."""
    words = joined(list(nodes)) or "no node"

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        now = {str(pod["metadata"]["uid"]) for pod in own.pods if not podstate.is_terminating(pod)}
        gone = {
            node: "its Pod of the start is gone"
            for node, uids in pods_at_start(own).items()
            if evidence.lane(node) not in nodes and not uids <= now
        }
        if not gone:
            return MET
        return missed(
            f"A Pod was replaced on {_named(evidence, gone)}; the task asks for {words} only.",
            evidence.lines(gone),
            "A Pod that is deleted comes back with the template of now; its old one is not made "
            "again. Source: manage, pkg/controller/daemon/daemon_controller.go.",
            "kubectl get pods -o wide: AGE.",
            final=True,
        )

    return Criterion(f"Pods were replaced on {words} only", judge, requires,
                     watched=JUDGED)  # fmt: skip


def in_order(name: str, order: Sequence[str], container: str, variable: str, value: str, *,
             namespace: str = "", requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The nodes got their first Pod with ``variable=value`` in this order, as far as they did."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        wanted = revisions_with(own, container, variable, value)
        first: dict[str, float] = {}
        for one in own.timeline.segments:
            if one.node and one.revision in wanted:
                first[one.node] = min(first.get(one.node, one.start), one.start)
        done = [evidence.lane(node) for node in sorted(first, key=lambda node: first[node])]
        if done == list(order[: len(done)]):
            return MET
        rows = [
            (str(i + 1), asked, got)
            for i, (asked, got) in enumerate(zip(order, done, strict=False))
        ]
        place = next(i for i, (_, asked, got) in enumerate(rows) if asked != got)
        return missed(
            f"The order is another: number {place + 1} should be {order[place]}, and was "
            f"{done[place]}.",
            rule="With OnDelete the order of the nodes is the order in which you delete their "
            "Pods. A selector such as -l app=… names the Pods of all nodes.",
            where="kubectl get pods -o wide, and --field-selector spec.nodeName=….",
            final=True,
            table=[("place", "asked", "was"), *rows],
        )

    return Criterion(f"{variable} {value} came in the order given", judge, requires, 2,
                     watched=JUDGED)  # fmt: skip


def runs_value(name: str, container: str, variable: str, value: str, nodes: Sequence[str], *,
               namespace: str = "", requires: tuple[Criterion, ...] = (),
               weight: int = 2) -> Criterion:  # fmt: skip
    """Each of ``nodes`` has an available Pod whose container has this environment variable."""
    what = f"{variable} {value}"

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        named = {evidence.lane(node): node for node in evidence.nodes}
        found = {node: _lacking(own, named.get(node, node), container, variable, value)
                 for node in nodes}  # fmt: skip
        open_ = {node: why for node, why in found.items() if why}
        done = len(nodes) - len(open_)
        if not open_:
            return met(f"{counted(len(nodes), 'node')} run {what}.")
        lines = [f"{node}: {why}" for node, (why, _) in open_.items()]
        how_far = f"{done} of {counted(len(nodes), 'node')} run {what}"
        if any(lasting for _, lasting in open_.values()):
            template = environment_of(pod_spec(own.after), container).get(variable)
            says = how_far + (
                f"; the template has {variable} {template}, so every new Pod gets that"
                if template != value
                else "; waiting changes nothing"
            )
            return missed(f"{says}.", lines, _ON_DELETE, f"kubectl describe {own.option}.")
        return pending(f"{how_far}; waiting for the rest.", lines, "kubectl get pods -o wide.")

    return Criterion(f"{joined(list(nodes))} run {what}", judge, requires, weight)


def revisions_named(name: str, *, namespace: str = "", configmap: str = "answer",
                    requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """The ConfigMap has for each worker the revision number of the DaemonSet's Pod there."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        where = f"kubectl rollout history {own.option}, kubectl get controllerrevisions, and "
        where += "kubectl get pods -o wide -L controller-revision-hash."
        given = {n: _answer(evidence, n, configmap) for n in evidence.workers}
        lacking = [evidence.lane(node) for node, text in given.items() if text is None]
        if lacking:
            return missed(
                f"There is no answer for {listed(lacking)}.",
                where="kubectl create configmap "
                f"{configmap} --from-literal={lacking[0]}=NUMBER, one literal for each node.",
            )
        right = {node: number_on(own, node) for node in given}
        wrong = {node: text for node, text in given.items() if text != str(right[node])}
        if not wrong:
            return met(f"{counted(len(given), 'answer')} are right.")
        return missed(
            f"{counted(len(wrong), 'answer')} of {len(given)} are not the revision there: "
            f"{_named(evidence, wrong)}.{_mistaken_for(own, given)}",
            evidence.lines({node: f"you say {text or 'nothing'}; its Pod has "
                            f"controller-revision-hash {_hash_on(own, node)}"
                            for node, text in wrong.items()}),
            "A Pod belongs to the ControllerRevision whose hash is its label. The number is the "
            "field revision of that object, and it changes: a template that comes back gets the "
            "next number. Source: constructHistory, pkg/controller/daemon/update.go.",
            where,
        )  # fmt: skip

    return Criterion("the revision on each node is named", judge, requires, 3,
                     watched=("controllerrevisions", "pods"))  # fmt: skip


def number_on(own: DaemonSetEvidence, node: str) -> int | None:
    """Return the revision number, as of now, of the Pod on a node; None if there is none."""
    steps = own.timeline.numbers.get(_hash_on(own, node))
    return None if steps is None else number_at(steps, own.timeline.end)


def strategy_of(daemonset: Object | None) -> str:
    """Return the type of a DaemonSet's updateStrategy; empty if there is none."""
    spec = (daemonset or {}).get("spec") or {}
    return str((spec.get("updateStrategy") or {}).get("type", ""))


def revisions_with(own: DaemonSetEvidence, container: str, variable: str,
                    value: str) -> set[str]:  # fmt: skip
    """Return the hashes of Pods that had this variable, of the start or later."""
    return {
        podstate.revision_of(change.object)
        for change in own.cluster.history.edits("pods")
        if podstate.is_owned(change.object, own.name)
        and environment_of(change.object.get("spec") or {}, container).get(variable) == value
    }


def _lacking(own: DaemonSetEvidence, node: str, container: str, variable: str,
             value: str) -> tuple[str, bool] | None:  # fmt: skip
    """Return why a node does not run the value, and whether waiting does not help; else None."""
    pods = own.pods_on(node)
    staying = [pod for pod in pods if not podstate.is_terminating(pod)]
    lasting = any(one.node == node for one in own.why.permanent)
    if not staying:
        return own.reasons.get(node, "no Pod yet"), lasting
    runs = environment_of(staying[0]["spec"], container).get(variable)
    if runs != value:
        by_hand = strategy_of(own.after) == "OnDelete"
        return f"its Pod has {variable} {runs}" + (
            ", and was not deleted since" if by_hand else ""
        ), by_hand
    if len(pods) == 1 and own.ready_on(node) and node not in own.why.unavailable:
        return None
    return own.reasons.get(node, "its Pod is not available yet"), lasting


def _replaced_under_rolling_update(own: DaemonSetEvidence) -> dict[str, float]:
    """Return by node when a Pod was deleted while the strategy was RollingUpdate."""
    changes = [
        (change.t, strategy_of(change.object))
        for change in own.cluster.history.edits("daemonsets", own.is_it)
        if not change.gone
    ]
    found: dict[str, float] = {}
    ends = {pod: life[-1].end for pod, life in own.timeline.by_pod.items()}
    for pod, life in own.timeline.by_pod.items():
        leaving = next((s.start for s in life if s.phase == "terminating"), ends[pod])
        if leaving >= own.timeline.end or leaving <= own.timeline.start:
            continue
        kind = next((kind for t, kind in reversed(changes) if t <= leaving), "")
        if kind == "RollingUpdate":
            found.setdefault(life[-1].node, leaving)
    return found


def _answer(evidence: Evidence, node: str, configmap: str) -> str | None:
    short = evidence.answer(evidence.lane(node), configmap)
    return evidence.answer(node, configmap) if short is None else short


def _hash_on(own: DaemonSetEvidence, node: str) -> str:
    pods = [pod for pod in own.pods_on(node) if not podstate.is_terminating(pod)]
    return podstate.revision_of(pods[0]) if pods else ""


def _mistaken_for(own: DaemonSetEvidence, given: Mapping[str, str | None]) -> str:
    """Say which other number the answers are, if they all are."""
    labels = {
        node: podstate.template_generation(pods[0]) for node in given if (pods := own.pods_on(node))
    }
    if given == labels:
        return " They are the label pod-template-generation, which counts changes of the template."
    first = {node: _first_number(own, node) for node in given}
    if given == first:
        return " They are the numbers that the templates had when they were new."
    return ""


def _first_number(own: DaemonSetEvidence, node: str) -> str:
    """Return the lowest template generation of a Pod with the revision of the node's Pod."""
    mine = _hash_on(own, node)
    found = [int(podstate.template_generation(pod) or 0) for pod in own.pods
             if podstate.revision_of(pod) == mine]  # fmt: skip
    return str(min(found, default=0))


def _named(evidence: Evidence, nodes: Mapping[str, object]) -> str:
    return listed([evidence.lane(node) for node in nodes])
