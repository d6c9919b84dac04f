"""Judge what a learner's cluster did: apply rules to the evidence, and return a verdict.

Each task has an ordered list of rules. A rule reads the evidence (the present state and the
recorded history) and returns a verdict, or None if it does not apply; the first verdict counts.
Rules judge outcomes only: any way to reach the outcome passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from daemonset_course.history.log import Object
from daemonset_course.history.outages import Down, cure
from daemonset_course.lab.evidence import Evidence, differences

Outcome = Literal["passed", "wrong", "not attempted", "not yet", "cannot check"]

SIGNS = {"passed": "✔", "wrong": "✘", "not attempted": "○", "not yet": "…", "cannot check": "!"}


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of a check.

    Attributes:
        outcome: one of the five outcomes.
        says: the finding in one or two sentences.
        observed: lines of evidence, mostly one per node.
        rule: the rule of Kubernetes behind a wrong verdict, with its source.
        where: where to look next.
        final: whether the recorded history already decides the verdict, so that further changes
            of the cluster cannot improve it.
        unless: the only condition under which further changes can improve the verdict.
        task: the number of the task; 0 if unknown.
    """

    outcome: Outcome
    says: str
    observed: tuple[str, ...] = ()
    rule: str = ""
    where: str = ""
    final: bool = False
    unless: str = ""
    task: int = 0

    @property
    def passed(self) -> bool:
        """Whether the task is done."""
        return self.outcome == "passed"

    def __repr__(self) -> str:
        lines = [f"{SIGNS[self.outcome]} {self.outcome}: {self.says}"]
        lines += [f"  {line}" for line in self.observed]
        lines += [f"  Rule: {self.rule}"] if self.rule else []
        lines += [f"  Look: {self.where}"] if self.where else []
        lines += [f"  Start again: {self._again}"] if self._again else []
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        parts = [f"{SIGNS[self.outcome]} **{self.outcome}**: {_plain(self.says)}"]
        parts += ["\n".join(f"- {_plain(line)}" for line in self.observed)] if self.observed else []
        parts += [f"*The rule behind it*: {_plain(self.rule)}"] if self.rule else []
        parts += [f"*Where to look*: {_plain(self.where)}"] if self.where else []
        parts += [f"*Start again*: {_plain(self._again)}"] if self._again else []
        return "\n\n".join(parts)

    @property
    def _again(self) -> str:
        start = f"run lab.start({self.task or '…'})"
        if self.final:
            return f"{start}. The recording keeps what happened, so this try cannot pass any more."
        return f"{start}, unless {self.unless}." if self.unless else ""


Rule = Callable[[Evidence], Verdict | None]


def judge(evidence: Evidence, rules: Iterable[Rule]) -> Verdict:
    """Return the first verdict of the rules; the last rule always returns one.

    A wrong verdict is also final if a later rule returns a final one. If the API server refuses the
    controller's Pods, every verdict on an unfinished task includes the reason. While a component of
    the control plane does not run, a task that is not passed cannot be checked.
    """
    return _with_outages(evidence, _with_refusal(evidence, _first(evidence, rules)))


def _with_refusal(evidence: Evidence, verdict: Verdict) -> Verdict:
    """Add the reason why the API server refuses the controller's Pods."""
    refused = evidence.refused() if verdict.outcome in ("wrong", "not yet") else ""
    if not refused or refused.lower() == verdict.says.lower():
        return verdict
    return replace(verdict, observed=(*verdict.observed, refused))


def _with_outages(evidence: Evidence, verdict: Verdict) -> Verdict:
    """Put the components that did not run first in the evidence: they may be the cause."""
    found = evidence.timeline.outages
    down = [one for one in found if one.end is None]
    if verdict.passed or not found:
        return verdict
    if down:
        says = f"{'; '.join(str(Down(one.component, one.why)) for one in down)}."
        where = cure(down, evidence.timeline.header.cluster)
        return Verdict("cannot check", says, (f"without that: {verdict.says}",), where=where)
    return replace(verdict, observed=(*map(str, found), *verdict.observed))


def _first(evidence: Evidence, rules: Iterable[Rule]) -> Verdict:
    verdicts = (rule(evidence) for rule in rules)
    found = next((each for each in verdicts if each is not None), None)
    if found is None:
        says = "No rule of this task came to a verdict: a fault of the course."
        return Verdict("cannot check", says)
    if found.outcome != "wrong" or found.final:
        return found
    worse = next((each for each in verdicts if each is not None and each.final), None)
    if worse is None:
        return found
    return replace(found, observed=(*found.observed, worse.says), final=True)


def was_watched(evidence: Evidence) -> Verdict | None:
    """Cannot check, if a watch was interrupted or the recorder missed the starting state."""
    if evidence.before and not evidence.interrupted():
        return None
    gaps = [
        f"{g.resource}: {g.start:.1f} s to {g.end:.1f} s, {g.reason}"
        for g in evidence.timeline.gaps
    ]
    return Verdict(
        "cannot check",
        "The recorder could not see everything, and a history with a hole proves nothing.",
        tuple(gaps),
        final=True,
    )


def was_attempted(evidence: Evidence) -> Verdict | None:
    """Not attempted, if spec and template are the starter's, and nothing was deleted or created."""
    after = evidence.after
    changed = after is None or after["spec"] != evidence.before["spec"] or _recreated(evidence)
    if changed or evidence.rolled or evidence.pods_gone or evidence.lost or evidence.others:
        return None
    return Verdict("not attempted", "The DaemonSet is as the start of the task left it.")


def same_object(evidence: Evidence) -> Verdict | None:
    """Wrong, if the DaemonSet was deleted or recreated, or another one was created."""
    name = evidence.timeline.header.daemonset
    others = ", ".join(evidence.others)
    if evidence.after is None:
        says = f"The DaemonSet {name} is gone" + (
            f"; {others} is there instead." if others else "."
        )
    elif _recreated(evidence):
        says = f"The DaemonSet {name} was deleted and made again: it has another uid."
    elif others:
        says = f"Another DaemonSet was made beside {name}: {others}."
    else:
        return None
    beside = evidence.after is not None and not _recreated(evidence)
    where = (
        f"kubectl get daemonsets. Delete {others} and change {name}."
        if beside
        else "kubectl get daemonsets."
    )
    down = evidence.timeline.unavailable.max()
    return Verdict(
        "wrong",
        says,
        (f"nodes without an available agent at one time: up to {down}",),
        "A DaemonSet is changed in place. Deleting it deletes its pods on all nodes, and no update "
        "budget is asked. kubernetes.io: Perform a Rolling Update on a DaemonSet.",
        where,
        final=not beside,
    )


def nodes_kept(evidence: Evidence) -> Verdict | None:
    """Wrong, if a Node object was deleted."""
    if not evidence.lost:
        return None
    names = ", ".join(map(evidence.lane, evidence.lost))
    return Verdict(
        "wrong",
        f"The Node object was deleted: {names}.",
        tuple(
            f"{evidence.lane(name)}: "
            + ("a new Node object" if name in evidence.nodes else "no Node object any more")
            for name in evidence.lost
        ),
        "A node that does not exist counts nowhere, so the budget looked free again. But the "
        "machine's labels, taints and history went with the object, and it was asked to stay.",
        "kubectl get nodes.",
        final=True,
    )


def still_dead(evidence: Evidence) -> Verdict | None:
    """Wrong, if the dead node became Ready at any time: the rollout must work without it."""
    if evidence.dead and not evidence.revived:
        return None
    return Verdict(
        "wrong",
        "The dead node came back: this task is to release while it stays dead."
        if evidence.dead
        else "The dead node is back: this task is to release while it stays dead.",
        tuple(f"{evidence.lane(name)}: became Ready" for name in evidence.revived),
        where="kubectl get nodes. In the next try leave the node as it is.",
        final=True,
    )


def rolled_to(container: str, variable: str, wanted: str) -> Rule:
    """Wrong, if the template is the starter's or sets the variable to another value."""

    def rule(evidence: Evidence) -> Verdict | None:
        found = _environment(evidence.after, container).get(variable)
        if found == wanted:
            return None
        old = _environment(evidence.before, container).get(variable)
        if found == old and not evidence.rolled:
            return Verdict(
                "wrong",
                f"The template was never changed: {variable} is still {old}.",
                (f"pods of another template: none on {len(evidence.workers)} nodes",),
                "Only a change of spec.template starts a rollout. A new budget replaces no pod.",
                "kubectl rollout history daemonset agent: how many revisions are there?",
            )
        return Verdict(
            "wrong",
            f"The template says {variable}={found}; the change request says {wanted}.",
            rule="The controller rolls out whatever the template says.",
            where=f"spec.template.spec.containers, env {variable}; a value is a string: quote it.",
        )

    return rule


def only_changed(*allowed: str) -> Rule:
    """Wrong, if the Pod spec differs from the starter's in fields other than ``allowed``."""

    def rule(evidence: Evidence) -> Verdict | None:
        found = [
            path
            for path in differences(_pod_spec(evidence.before), _pod_spec(evidence.after))
            if not any(path.startswith(f"containers[0].{field}") for field in allowed)
        ]
        if not found:
            return None
        return Verdict(
            "wrong",
            f"More was changed than the request asks for: {', '.join(found[:6])}.",
            tuple(f"spec.template.spec.{path} differs from the start" for path in found),
            "What is not in the change request stays: where the agent runs, and how it is probed.",
            "kubectl rollout history daemonset agent --revision=1, and compare.",
        )

    return rule


def _recreated(evidence: Evidence) -> bool:
    after = evidence.after
    return after is not None and after["metadata"]["uid"] != evidence.before["metadata"]["uid"]


def _pod_spec(daemonset: Object | None) -> Mapping[str, Any]:
    return ((daemonset or {}).get("spec") or {}).get("template", {}).get("spec") or {}


def _environment(daemonset: Object | None, container: str) -> dict[str, str]:
    found = [c for c in _pod_spec(daemonset).get("containers", ()) if c["name"] == container]
    return {e["name"]: e.get("value", "") for c in found for e in c.get("env") or ()}


def _plain(text: str) -> str:
    """Escape a text for Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_<>#|[]$~" else c for c in text)
