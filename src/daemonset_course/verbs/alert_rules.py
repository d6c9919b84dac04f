"""Judge alert rules on the recorded histories: by promtool, or by its recorded verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from daemonset_course.analysis.alert_histories import HISTORIES, UNSEEN, rule_file
from daemonset_course.analysis.exported_series import Values, exported, written
from daemonset_course.analysis.rule_tests import RuleVerdicts, digest, read_stored
from daemonset_course.errors import BadInput, NotFound
from daemonset_course.files import unreadable
from daemonset_course.history.index import History
from daemonset_course.places import REPOSITORY
from daemonset_course.prediction import Prediction
from daemonset_course.recording.recorder import Recording
from daemonset_course.verbs.promtool import has_promtool, run_promtool


def histories_folder() -> Path:
    """Return the folder of the recorded histories and verdicts."""
    return REPOSITORY / "recordings" / "alerts"


def verdicts_path() -> Path:
    """Return the file of the recorded verdicts."""
    return histories_folder() / "verdicts.json"


def alert_histories() -> Mapping[str, History]:
    """Return the seven recorded histories of the lesson by name.

    Raises:
        BadInput: one cannot be read.
    """
    return {name: one for name, one in _recorded().items() if name in HISTORIES}


@cache
def _recorded() -> Mapping[str, History]:
    return {
        name: Recording.load(histories_folder() / f"{name.replace(' ', '-')}.jsonl").history
        for name in (*HISTORIES, *UNSEEN)
    }


@cache
def alert_series() -> Mapping[str, Mapping[str, Values]]:
    """Return the series of kube-state-metrics for each recorded history."""
    return {name: exported(one) for name, one in _recorded().items()}


def judge_rules(
    rules: str | Mapping[str, tuple[str, str]], *, predicted: Prediction | None = None
) -> RuleVerdicts:
    """Return when each alert fires first on each recorded history.

    promtool judges; where it is not on this machine, a verdict of it that was recorded for these
    rules is returned, and says so.

    Args:
        rules: a rule file, or for each alert how long its expression must hold, and that.
        predicted: a prediction of the histories on which an alert fires; the picture draws it in.

    Raises:
        ProgramMissing: there is neither promtool nor a recorded verdict; with how to get promtool.
        BadInput: the text is no rule file, or promtool does not accept an expression.
    """
    text = rules if isinstance(rules, str) else rule_file(rules)
    if not has_promtool() and digest(text, alert_series()) in _stored():
        found = recorded_verdict(text)
    else:
        found = run_promtool(text, alert_series())
    answer = predicted.answer if predicted is not None else None
    return found.with_prediction(answer) if isinstance(answer, list) else found


def recorded_verdict(rules: str) -> RuleVerdicts:
    """Return the recorded verdict of promtool on a rule file.

    Raises:
        NotFound: none was recorded for these rules and histories.
        BadInput: promtool did not accept these rules.
    """
    stored = _stored().get(digest(rules, alert_series()))
    if stored is None:
        raise NotFound(
            "There is no recorded verdict on these rules.",
            seen=rules[:200],
            next_step="Record it, with promtool: python tools/record_alerts.py verdicts",
        )
    if "refused" in stored:
        failed, seen, next_step = map(str, stored["refused"])
        raise BadInput(failed, seen=seen, next_step=next_step)
    return read_stored(stored)


def verdict_to_store(rules: str) -> dict[str, Any]:
    """Return what ``verdicts_path`` keeps about a rule file: promtool judges now.

    Raises:
        ProgramMissing: promtool is not on this machine.
    """
    try:
        return run_promtool(rules, alert_series()).stored()
    except BadInput as error:
        return {"refused": [error.failed, error.seen, error.next_step]}


def metrics_of(history: str, *words: str) -> str:
    """Return the series of a recorded history whose names contain one of the words, as text.

    Each line has a name, and its values at each scrape as promtool reads them: ``3x4`` is the value
    3 five times.

    Raises:
        NotFound: there is no such history.
    """
    if history not in alert_series():
        raise NotFound(
            f"There is no history {history!r}.", next_step=f"One of: {', '.join(alert_series())}"
        )
    found = alert_series()[history].items()
    lines = [f"{name} {written(v)}" for name, v in found if any(word in name for word in words)]
    return "\n".join(lines)


def _stored() -> Mapping[str, Mapping[str, Any]]:
    try:
        found: Mapping[str, Mapping[str, Any]] = json.loads(verdicts_path().read_text())
    except OSError as error:
        raise unreadable(verdicts_path(), error) from error
    return found
