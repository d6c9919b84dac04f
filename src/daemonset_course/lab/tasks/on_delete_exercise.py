"""The exercise of the lesson on OnDelete: a canary, half the fleet, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from daemonset_course.history.text import counted, joined, listed
from daemonset_course.lab.criteria import by_hand, kept, rolled
from daemonset_course.lab.criteria.moments import pods_at_start
from daemonset_course.lab.evidence import (
    JUDGED,
    DaemonSetEvidence,
    Evidence,
    differences,
    pod_spec,
)
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.node_by_node import (
    AGENT,
    FLEET,
    RELEASE,
    ROLLING_START,
    deleted,
    manifest,
    one_by_one,
    waited,
)
from daemonset_course.lab.verdict import Criterion, Finding, met, missed, pending

NEW = "2"
HALF = len(FLEET) // 2
_WHERE = "kubectl get pods -o wide -L controller-revision-hash"
_GUARDS = kept.guards(AGENT)
_SAME = _GUARDS[:1]


class _Trial(NamedTuple):
    """The first Pod with the new release on a node; times in seconds since the start.

    Attributes:
        node: the node.
        asked: when the Pod before it was asked to stop.
        came: when the Pod was created.
        ready: when it was first ready; None: it was not.
        until: when it was no longer ready.
    """

    node: str
    asked: float
    came: float
    ready: float | None
    until: float


def _trials(own: DaemonSetEvidence) -> list[_Trial]:
    """Return the trials by the time at which the Pod before was asked to stop."""
    wanted = by_hand.revisions_with(own, AGENT, RELEASE, NEW)
    found: dict[str, _Trial] = {}
    for life in own.timeline.by_pod.values():
        node, came = life[-1].node, life[0].start
        if not node or life[0].revision not in wanted:
            continue
        if node in found and found[node].came <= came:
            continue
        ready = [one for one in life if one.phase == "ready"]
        before = [one for one in own.timeline.by_node[node]
                  if one.pod != life[0].pod and one.start < came]  # fmt: skip
        stops = [one.start for one in before if one.phase == "terminating"]
        found[node] = _Trial(
            node,
            max(stops, default=came),
            came,
            ready[0].start if ready else None,
            ready[-1].end if ready else came,
        )
    return sorted(found.values(), key=lambda one: one.asked)


def _canary(evidence: Evidence) -> Finding:
    trials = _trials(evidence.daemonset(AGENT))
    if not trials:
        return missed(
            f"No node has had a Pod with {RELEASE} {NEW}.",
            rule="With OnDelete a new template reaches a node when its Pod is deleted.",
            where=f"kubectl get daemonset {AGENT} -o yaml: updateStrategy, and the template.",
        )
    first, *more = trials
    name = evidence.lane(first.node)
    early = [one for one in more if first.ready is None or one.asked < first.ready]
    if early:
        came = "it never was" if first.ready is None else f"that was at {first.ready:.1f} s"
        return missed(
            f"{name} was the first node, and {listed([evidence.lane(o.node) for o in early])} "
            f"followed before the new Pod on {name} was ready: that is no canary.",
            (
                f"{name}: its Pod was deleted at {first.asked:.1f} s; a ready one: {came}",
                *(
                    f"{evidence.lane(o.node)}: its Pod was deleted at {o.asked:.1f} s"
                    for o in early
                ),
            ),
            "With OnDelete nothing waits for you: each deletion is a node without a Pod until its "
            "new one is ready, good or bad.",
            f"the picture, at {early[0].asked:.1f} s.",
            final=True,
        )
    if first.ready is None:
        return pending(f"The first new Pod is on {name}; it is not ready yet.", where=f"{_WHERE}.")
    return met(f"{name} was the canary.")


def _half(evidence: Evidence) -> Finding:
    own = evidence.daemonset(AGENT)
    trials = _trials(own)
    names = [evidence.lane(one.node) for one in trials]
    seen = [f"{evidence.lane(one.node)}: {RELEASE} {NEW} from {one.came:.1f} s on"
            for one in trials]  # fmt: skip
    if len(trials) > HALF:
        return missed(
            f"{RELEASE} {NEW} reached {counted(len(trials), 'node')}; half the fleet is {HALF}.",
            seen,
            "A Pod that is deleted comes back with the present template, on every node.",
            f"{_WHERE}.",
            final=True,
        )
    if len(trials) < HALF:
        return missed(
            f"{RELEASE} {NEW} has reached {counted(len(trials), 'node')}; half the fleet is "
            f"{HALF}.",
            seen,
            where=f"{_WHERE}.",
        )
    spans = _ready_spans(own)
    together = [t for _, t, _ in spans if len({n for n, a, b in spans if a <= t < b}) == HALF]
    if together:
        return met(f"{joined(names)} had {RELEASE} {NEW} at {together[0]:.1f} s.")
    if all(one.ready is None or one.until >= own.timeline.end for one in trials):
        return pending(f"The new Pods on {joined(names)} are not all ready yet.", seen)
    return missed(
        f"{joined(names)} never had {RELEASE} {NEW} at the same time: you went back before half "
        "the fleet had it.",
        [f"{evidence.lane(node)}: ready with {RELEASE} {NEW} from {a:.1f} s to {b:.1f} s"
         for node, a, b in spans],
        "Half the fleet is a state in which you can stop and look. A DaemonSet has no pause: with "
        "OnDelete it stays as it is until a Pod is deleted.",
        "the picture: the bars of the new revision do not overlap.",
    )  # fmt: skip


def _ready_spans(own: DaemonSetEvidence) -> list[tuple[str, float, float]]:
    """Return node, start and end (s) of each stretch with a ready Pod of the new release."""
    wanted = by_hand.revisions_with(own, AGENT, RELEASE, NEW)
    return [
        (one.node, one.start, one.end)
        for one in own.timeline.segments
        if one.phase == "ready" and one.revision in wanted
    ]


def _only_release(evidence: Evidence) -> Finding:
    own = evidence.daemonset(AGENT)
    first = _without_env(pod_spec(own.before))
    found = {
        path: t
        for t, template in reversed(own.templates())
        for path in differences(first, _without_env(template.get("spec") or {}))
    }
    if not found:
        return met()
    return missed(
        f"More was changed than {RELEASE}: {', '.join([*found][:4])}.",
        [f"spec.template.spec.{path} differed from the start at {t:.1f} s"
         for path, t in found.items()],
        "A canary shows what the next nodes get. What else changes with it is tried as well.",
        f"kubectl rollout history daemonset {AGENT}, and --revision=… for one of them.",
        final=not any(differences(first, _without_env(pod_spec(own.after)))),
    )  # fmt: skip


def _without_env(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    one, *more = spec.get("containers") or ({},)
    return {**spec, "containers": [{k: v for k, v in one.items() if k != "env"}, *more]}


def _others(evidence: Evidence) -> Finding:
    own = evidence.daemonset(AGENT)
    tried = {one.node for one in _trials(own)}
    now = {str(pod["metadata"]["uid"]) for pod in own.pods}
    gone = {
        node: f"never had {RELEASE} {NEW}, and its Pod of the start is gone"
        for node, uids in pods_at_start(own).items()
        if node not in tried and not uids <= now
    }
    if not gone:
        return met()
    return missed(
        f"A Pod was replaced for nothing on {listed([evidence.lane(node) for node in gone])}: "
        f"it had {RELEASE} 1 all the time.",
        evidence.lines(gone),
        "A selector such as -l app=agent names the Pods of all nodes. Those that were never "
        "upgraded have nothing to go back from.",
        f"{_WHERE}: which Pods have the newer hash?",
        final=True,
    )


_BY_HAND = by_hand.only_by_hand(AGENT, requires=_SAME)
_STEPS = (
    Criterion(f"one node had {RELEASE} {NEW} first, and its Pod was ready before the next",
              _canary, _SAME, watched=JUDGED),
    Criterion(f"{counted(HALF, 'node')} had {RELEASE} {NEW}, and no more", _half, _SAME, 2,
              watched=JUDGED),
    Criterion("the other nodes kept their Pods", _others, _SAME, watched=JUDGED),
)  # fmt: skip

_CANARY, _MORE = ("worker3",), ("worker5", "worker6")
LAB = Lab(
    name="on-delete-and-rollback",
    title="A canary, half the fleet, and back",
    workers=(Worker(),) * len(FLEET),
    daemonset=AGENT,
    tasks=(
        Task(
            title="A canary, half the fleet, and back",
            start=ROLLING_START,
            there=f"{AGENT} runs RELEASE 1 on six workers; its updateStrategy is RollingUpdate, "
            "with maxUnavailable 1.",
            criteria=(
                *_GUARDS,
                Criterion(f"nothing but {RELEASE} was changed in the Pod spec", _only_release,
                          _SAME, weight=0, watched=("daemonsets",)),
                _BY_HAND,
                *_STEPS,
                rolled.template_sets(AGENT, AGENT, RELEASE, "1"),
                by_hand.runs_value(AGENT, AGENT, RELEASE, "1", FLEET, requires=_SAME),
            ),
            hints=(
                "What does the controller do with the Pods when the template changes? "
                "kubectl get daemonset agent -o jsonpath='{.spec.updateStrategy}'. Decide that "
                "first.",
                "With OnDelete two things have a version: the template, and each Pod. Trying the "
                "new release and going back take the same two steps. The controller does not do "
                "the second one for you.",
                "kubectl delete pod -l app=agent --field-selector spec.nodeName=…\n"
                "kubectl wait pod -l app=agent --field-selector spec.nodeName=… "
                "--for=condition=Ready\nkubectl rollout undo daemonset agent",
            ),
            solution="---\n".join((
                manifest(release=NEW),
                one_by_one(_CANARY),
                deleted(*_MORE),
                waited(HALF),
                f"action: kubectl\ncommand: rollout undo daemonset {AGENT}\n",
                waited(HALF),
                deleted(*_CANARY, *_MORE),
                waited(len(FLEET)),
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
