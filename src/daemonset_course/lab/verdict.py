"""Criteria, findings and verdicts: what a check asks, what it finds, and how it is shown. Pure.

A task has criteria: questions with a name. ``judge`` answers all of them from the evidence, and a
verdict has all answers. The outcome and the score follow from the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.history.outages import Down, cure
from daemonset_course.history.text import joined
from daemonset_course.lab.evidence import Evidence

Outcome = Literal["passed", "wrong", "not attempted", "not yet", "cannot check"]
Answer = Literal["met", "missed", "pending", "unknown", "skipped"]

SIGNS: Mapping[str, str] = {
    "passed": "✔", "wrong": "✘", "not attempted": "○", "not yet": "…", "cannot check": "!",
}  # fmt: skip
ANSWER_SIGNS: Mapping[str, str] = {
    "met": "✔", "missed": "✘", "pending": "…", "unknown": "?", "skipped": "-",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The answer to one criterion.

    Attributes:
        answer: ``met``; ``missed``: wrong as it is; ``pending``: waiting may help; ``unknown``: a
            watch was interrupted; ``skipped``: it needs a criterion that is not met.
        says: the finding in one or two sentences.
        observed: lines of evidence, mostly one for each node.
        rule: the rule of Kubernetes behind it, with its source.
        where: where to look next.
        final: whether the recorded history decides it, so that further changes of the cluster
            cannot improve it.
        unless: the only condition under which further changes can improve it.
        table: rows of evidence, the first of them the headings.
        bound: the limit that was judged, with its violations, for the picture; None without one.
    """

    answer: Answer
    says: str = ""
    observed: tuple[str, ...] = ()
    rule: str = ""
    where: str = ""
    final: bool = False
    unless: str = ""
    table: tuple[tuple[str, ...], ...] = ()
    bound: Bound | None = field(default=None, compare=False)  # its window ends now


MET = Finding("met")


def met(says: str = "", observed: Iterable[str] = ()) -> Finding:
    """Return the finding of a criterion that is met."""
    return Finding("met", says, tuple(observed))


def missed(says: str, observed: Iterable[str] = (), rule: str = "", where: str = "",
           *, final: bool = False, unless: str = "",
           table: Iterable[tuple[str, ...]] = ()) -> Finding:  # fmt: skip
    """Return the finding of a criterion that is not met and does not become so by waiting."""
    return Finding("missed", says, tuple(observed), rule, where, final, unless, tuple(table))


def pending(says: str, observed: Iterable[str] = (), where: str = "") -> Finding:
    """Return the finding of a criterion that may be met soon, without a change by the learner."""
    return Finding("pending", says, tuple(observed), where=where)


@dataclass(frozen=True, eq=False)
class Criterion:
    """One question of a task.

    Attributes:
        name: what has to be true, in a few words: "every worker runs agent".
        judge: answers the question from the evidence.
        requires: the criteria that must be met first; else this one is skipped.
        weight: its part of the score; 0 for a condition that holds from the start.
        watched: the resources whose history it reads: after a gap of one of them, the answer "met"
            or "pending" becomes "unknown".
        probe: the name of the task's probe that must have run since the last change.
    """

    name: str
    judge: Callable[[Evidence], Finding]
    requires: tuple[Criterion, ...] = ()
    weight: int = 1
    watched: tuple[str, ...] = ()
    probe: str = ""


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of a check.

    Attributes:
        findings: each criterion with its finding, in the task's order.
        untouched: whether nothing was changed since the start of the task.
        problem: why nothing could be judged, or not yet; None if it could.
        notes: further lines for the learner.
        outages: the components of the control plane that did not run for a while; shown first.
        task: the number of the task; 0 if unknown.
        hint: the call that gives the next hint, such as ``lab.hint(1)``; empty if none is there.
    """

    findings: tuple[tuple[Criterion, Finding], ...] = ()
    untouched: bool = False
    problem: Finding | None = None
    notes: tuple[str, ...] = ()
    outages: tuple[str, ...] = ()
    task: int = 0
    hint: str = field(default="", compare=False)
    _refused: str = field(default="", repr=False)

    @property
    def outcome(self) -> Outcome:
        """One of the five outcomes."""
        answers = {finding.answer for _, finding in self.findings}
        if self.problem is not None and self.problem.answer == "pending":
            return "not yet"
        if self.problem is not None or (not answers and not self.untouched):
            return "cannot check"
        if self.untouched:
            return "not attempted"
        if "missed" in answers:
            return "wrong"
        if "unknown" in answers:
            return "cannot check"
        return "not yet" if "pending" in answers or "skipped" in answers else "passed"

    @property
    def passed(self) -> bool:
        """Whether the task is done."""
        return self.outcome == "passed"

    @property
    def score(self) -> tuple[int, int]:
        """The weights of the criteria that are met, and of all criteria."""
        if self.untouched or self.problem is not None:
            return 0, sum(one.weight for one, _ in self.findings)
        met_ = sum(one.weight for one, found in self.findings if found.answer == "met")
        return met_, sum(one.weight for one, _ in self.findings)

    @property
    def main(self) -> Finding:
        """The finding that decides the outcome; of several, the first."""
        if self.problem is not None:
            return self.problem
        if self.untouched:
            return Finding("pending", "Nothing was changed since the start of the task.")
        for answer in ("missed", "unknown", "pending", "skipped"):
            found = next((f for _, f in self.findings if f.answer == answer), None)
            if found is not None:
                return found
        said = [found for _, found in self.findings if found.says]
        lines = tuple(line for _, found in self.findings for line in found.observed)
        return replace(said[-1] if said else MET, observed=lines)

    @property
    def says(self) -> str:
        """The finding in one or two sentences."""
        return self.main.says

    @property
    def observed(self) -> tuple[str, ...]:
        """Lines of evidence, mostly one for each node."""
        refused = (self._refused,) if self._refused else ()
        return (*self.outages, *self.main.observed, *refused, *self.notes)

    @property
    def rule(self) -> str:
        """The rule of Kubernetes behind the finding, with its source."""
        return self.main.rule

    @property
    def where(self) -> str:
        """Where to look next."""
        return self.main.where

    @property
    def final(self) -> bool:
        """Whether no change of the cluster can lead to a pass any more."""
        lost = [found for _, found in self.findings if found.answer in ("missed", "unknown")]
        problem = self.problem is not None and self.problem.final
        return problem or (not self.untouched and any(found.final for found in lost))

    @property
    def unless(self) -> str:
        """The only condition under which further changes can improve the verdict."""
        return self.main.unless

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The limits that were judged, for the picture."""
        return tuple(found.bound for _, found in self.findings if found.bound is not None)

    def others(self) -> list[Finding]:
        """Return the missed criteria beside the first one."""
        found = [f for _, f in self.findings if f.answer == "missed" and f is not self.main]
        return [] if self.untouched or self.problem is not None else found

    def criteria(self) -> list[tuple[str, str, str]]:
        """Return a row for each criterion: its sign, its name, what was found if not met."""
        return [
            (ANSWER_SIGNS[found.answer], one.name, "" if found.answer == "met" else found.says)
            for one, found in self.findings
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for ``course lab check --json``."""
        criteria = [
            {"name": one.name, "answer": found.answer, "says": found.says, "weight": one.weight,
             "observed": list(found.observed), "table": [list(row) for row in found.table],
             "rule": found.rule, "where": found.where}
            for one, found in self.findings
        ]  # fmt: skip
        return {
            "task": self.task, "outcome": self.outcome, "says": self.says,
            "observed": list(self.observed), "rule": self.rule, "where": self.where,
            "final": self.final, "score": list(self.score), "criteria": criteria,
        }  # fmt: skip

    def __repr__(self) -> str:
        lines = [f"{SIGNS[self.outcome]} {self.outcome}: {self.says}"]
        lines += [f"  {line}" for line in (*self.observed, *_columns(self.main.table))]
        lines += [f"  Rule: {self.rule}"] if self.rule else []
        lines += [f"  Look: {self.where}"] if self.where else []
        lines += [f"  Also: {' '.join((one.says, *one.observed[:3]))}" for one in self.others()]
        lines += [f"  Start again: {self._again}"] if self._again else []
        lines += [f"  Stuck? {self._stuck}"] if self._stuck else []
        if self._partial:
            lines.append(f"  {self._partial}:")
            lines += [f"    {sign} {name}" for sign, name, _ in self.criteria()]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        parts = [f"{SIGNS[self.outcome]} **{self.outcome}**: {_plain(self.says)}"]
        parts += ["\n".join(f"- {_plain(line)}" for line in self.observed)] if self.observed else []
        parts += ["\n".join(_markdown(self.main.table))] if self.main.table else []
        parts += [f"*The rule behind it*: {_plain(self.rule)}"] if self.rule else []
        parts += [f"*Where to look*: {_plain(self.where)}"] if self.where else []
        parts += [f"*Start again*: {_plain(self._again)}"] if self._again else []
        parts += [f"*Stuck?* {_plain(self._stuck)}"] if self._stuck else []
        if self._partial:
            rows = [("", "criterion", "found"), *self.criteria()]
            parts += [f"{self._partial}:", "\n".join(_markdown(rows))]
        return "\n\n".join(parts)

    @property
    def _partial(self) -> str:
        if self.outcome not in ("wrong", "not yet") or len(self.findings) < 2:
            return ""
        good = sum(found.answer == "met" for _, found in self.findings)
        return f"{good} of {len(self.findings)} criteria are met"

    @property
    def _stuck(self) -> str:
        wanted = self.hint and self.outcome in ("wrong", "not attempted")
        return f"{self.hint} gives the next of three hints." if wanted else ""

    @property
    def _again(self) -> str:
        call = self.hint.replace("hint", "start") or f"lab.start({self.task or '…'})"
        start = f"run {call}"
        if self.final:
            return f"{start}. The recording keeps what happened, so this try cannot pass any more."
        return f"{start}, unless {self.unless}." if self.unless else ""


def cannot_check(says: str, observed: Iterable[str] = (), rule: str = "", where: str = "",
                 *, final: bool = False, task: int = 0) -> Verdict:  # fmt: skip
    """Return the verdict of a check that could not judge."""
    finding = Finding("unknown", says, tuple(observed), rule, where, final)
    return Verdict(problem=finding, task=task)


def judge(evidence: Evidence, criteria: Iterable[Criterion]) -> Verdict:
    """Answer every criterion.

    A gap in a history that a criterion reads makes its answer unknown. If the API server refuses
    Pods, a verdict on an unfinished task includes the reason. While a component of the control
    plane does not run, a task that is not passed cannot be checked.
    """
    found: dict[Criterion, Finding] = {}
    for one in criteria:
        found[one] = _answer(evidence, one, found)
    untouched = not evidence.touched
    verdict = Verdict(tuple(found.items()), untouched)
    if verdict.outcome in ("wrong", "not yet"):
        reasons = [reason for reason in evidence.refused() if reason.lower() not in _said(verdict)]
        verdict = replace(verdict, _refused="; ".join(reasons))
    return _with_outages(evidence, _with_silence(evidence, verdict))


def needed_probe(verdict: Verdict) -> str:
    """Return the name of the probe to run next; empty if none is needed, or not now.

    Probes run when everything that can be judged without them is met.
    """
    waiting = [one for one, found in verdict.findings if found is _NOT_PROBED]
    rest = [found for _, found in verdict.findings if found is not _NOT_PROBED]
    ready = all(found.answer in ("met", "skipped") for found in rest)
    judged = not verdict.untouched and verdict.problem is None
    return waiting[0].probe if waiting and ready and judged else ""


_NOT_PROBED = Finding("pending", "The checker tries this when the other criteria are met.")


def _answer(evidence: Evidence, one: Criterion, found: Mapping[Criterion, Finding]) -> Finding:
    lacking = [each for each in one.requires if found.get(each, MET).answer != "met"]
    if lacking:
        return Finding("skipped", f"needs: {lacking[0].name}")
    if one.probe and evidence.probe(one.probe) is None:
        return _NOT_PROBED
    finding = one.judge(evidence)
    gaps = [gap for gap in evidence.history.gaps if gap.resource in one.watched]
    if gaps and finding.answer != "missed":
        return Finding(
            "unknown",
            "The recorder could not see everything, and a history with a gap proves nothing.",
            tuple(f"{g.resource}: {g.start:.1f} s to {g.end:.1f} s, {g.reason}" for g in gaps),
            final=True,
            bound=finding.bound,
        )
    return finding


def _said(verdict: Verdict) -> str:
    found = (verdict.main, *verdict.others())
    return " ".join(text for one in found for text in (one.says, *one.observed)).lower()


def _with_silence(evidence: Evidence, verdict: Verdict) -> Verdict:
    """Do not blame the learner for a simulated node whose heartbeats this computer was late with.

    The node is unreachable, and its Pods are not ready: no criterion can tell why.
    """
    if verdict.outcome not in ("wrong", "not yet"):
        return verdict
    without = f"without that: {verdict.says}"
    if evidence.silent:
        nodes = joined([*map(evidence.lane, evidence.silent)])
        says = f"This computer is too busy: the kubelet of {nodes} sends no heartbeat."
        return Verdict(problem=pending(says, (without,), cure((), evidence.history.header.cluster)))
    if evidence.silences and verdict.main.final:
        spans = {n: f"{a:.1f} s to {b:.1f} s" for n, (a, b) in evidence.silences.items()}
        says = "This computer was too busy: kubelets that nobody stopped sent no heartbeat."
        return cannot_check(says, (*evidence.lines(spans), without), final=True)
    return verdict


def _with_outages(evidence: Evidence, verdict: Verdict) -> Verdict:
    """Put the components that did not run first in the evidence: they may be the cause."""
    found = evidence.outages
    if verdict.passed or not found:
        return verdict
    down = [one for one in found if one.end is None]
    if down:
        says = f"{'; '.join(str(Down(one.component, one.why)) for one in down)}."
        where = cure(down, evidence.history.header.cluster)
        return cannot_check(says, (f"without that: {verdict.says}",), where=where)
    return replace(verdict, outages=tuple(map(str, found)))


def _columns(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows of a table as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _markdown(table: Sequence[tuple[str, ...]]) -> list[str]:
    head, *rows = [f"| {' | '.join(map(_plain, row))} |" for row in table]
    return [head, f"|{'---|' * len(table[0])}", *rows]


def _plain(text: str) -> str:
    """Escape a text for Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_<>#|[]$~" else c for c in text)
