"""Criteria about alert rules in a ConfigMap: on which recorded histories they fire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from daemonset_course.analysis.alert_histories import HISTORIES, UNSEEN, is_healthy
from daemonset_course.analysis.rule_tests import RuleVerdicts, alerts_of, read_stored
from daemonset_course.errors import BadInput
from daemonset_course.history.text import counted, joined
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.verdict import Criterion, Finding, met, missed

CONFIGMAP, KEY = "alert-rules", "rules.yml"  # where the learner writes the rules
JUDGED = "judged-rules"  # the ConfigMap with the verdict
_WHERE = f"kubectl get configmap {CONFIGMAP} -o yaml"
_PENDING = (
    "An alert is pending while its expression returns a series, and fires after for. Source: "
    "prometheus.io/docs/prometheus/latest/configuration/alerting_rules."
)


def judge_into(read: Callable[[], str | None], judge: Callable[[str], RuleVerdicts],
               store: Callable[[Mapping[str, str]], None]) -> None:  # fmt: skip
    """Judge the rules that ``read`` returns, and ``store`` the verdict for the criteria.

    Rules that promtool does not accept are stored with its words.

    Raises:
        ProgramMissing: promtool is not on this machine.
    """
    rules = read() or ""
    try:
        found = {"verdict": json.dumps(judge(rules).stored())}
    except BadInput as error:
        found = {"refused": f"{error.failed} {error.seen}".strip()}
    store({"of": _digest(rules), **found})


def is_rule_file(requires: tuple[Criterion, ...] = ()) -> Criterion:
    """The ConfigMap has a rule file with at least one alert."""

    def judge(evidence: Evidence) -> Finding:
        text = evidence.answer(KEY, CONFIGMAP)
        if text is None:
            return missed(
                f"The ConfigMap {CONFIGMAP} has no key {KEY}.",
                rule="A rule file is one key of a ConfigMap, which Prometheus mounts as a file.",
                where=_WHERE,
            )
        try:
            alerts = alerts_of(text)
        except BadInput as error:
            return missed(error.failed, (error.seen,), error.next_step, _WHERE)
        return met(f"{counted(len(alerts), 'alert')}: {', '.join(alerts)}.")

    return Criterion(f"{CONFIGMAP} has a rule file", judge, requires, weight=0)


def is_accepted(probe: str, requires: tuple[Criterion, ...] = ()) -> Criterion:
    """``promtool check rules`` accepts the rules."""

    def judge(evidence: Evidence) -> Finding:
        refused = evidence.answer("refused", JUDGED)
        if refused:
            return missed("promtool does not accept the rules.", (refused,), where=_WHERE)
        return met()

    return Criterion("promtool accepts the rules", judge, requires, weight=0, probe=probe)


def is_judged_right(name: str, probe: str, requires: tuple[Criterion, ...] = ()) -> Criterion:
    """An alert fires on this history if it has a fault, and none if it is healthy."""
    what = {**HISTORIES, **UNSEEN}[name]

    def judge(evidence: Evidence) -> Finding:
        found = _verdict(evidence)
        if found is None:
            return missed("The rules were changed while they were judged.", where="check again")
        fired = {a: minutes for (h, a), minutes in found.first.items() if h == name}
        said = tuple(f"{alert}: fires after {m:g} minutes" for alert, m in sorted(fired.items()))
        if is_healthy(name):
            if not fired:
                return met()
            return missed(
                f"A false alarm on “{name}” ({what}): {joined([*sorted(fired)])}.",
                said,
                _PENDING,
                "which numbers move while a rollout makes progress, and for how long",
            )
        if fired:
            return met()
        return missed(
            f"No alert fires on “{name}” ({what}).",
            tuple(f"{alert}: quiet for 60 minutes" for alert in found.alerts),
            "A rule that compares numbers of one DaemonSet with one another cannot see what the "
            "controller does not count. Source: updateDaemonSetStatus, daemon_controller.go.",
            "the metrics of this history: show(metrics_of(...)) in the lesson",
        )

    verb = "quiet on" if is_healthy(name) else "an alert fires on"
    return Criterion(f"{verb} “{name}”", judge, requires, probe=probe)


def _verdict(evidence: Evidence) -> RuleVerdicts | None:
    """Return the verdict on the rules of now; None if it is about others."""
    text, stored = evidence.answer(KEY, CONFIGMAP), evidence.answer("verdict", JUDGED)
    if stored is None or evidence.answer("of", JUDGED) != _digest(text or ""):
        return None
    return read_stored(json.loads(stored))


def _digest(rules: str) -> str:
    return hashlib.sha256(rules.strip().encode()).hexdigest()[:16]
