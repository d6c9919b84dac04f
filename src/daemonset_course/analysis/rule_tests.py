"""Write promtool's test file for alert rules, read what it found, and draw it. Pure.

The format of the file:
https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from daemonset_course.analysis.alert_histories import EVERY, HISTORIES, MINUTES, is_healthy
from daemonset_course.analysis.exported_series import Values, written
from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Cell, Line, Style, Table
from daemonset_course.history.text import counted, joined

RULES = "rules.yml"  # the rule file, beside the test file
_FIRED = re.compile(r"name: (?P<name>[^\n]*),\n\s+alertname: (?P<alert>\S+), time: (?P<time>\w+),")
_BREAK = re.compile(r"(?<=DaemonSet)(?=[A-Z])")  # where a long name of a column is broken
_FIRES, _FALSE, _QUIET, _MISSES = "fires", "false alarm", "quiet", "quiet on a fault"
_STYLES = {
    _FIRES: Style("accent"),
    _FALSE: Style("alarm", 0.6, "////"),
    _QUIET: Style("background", edge="muted"),
    _MISSES: Style("muted", 0.75, edge="muted"),
}


@dataclass(frozen=True)
class RuleVerdicts:
    """When each alert of a rule file fires first on each history.

    Attributes:
        alerts: their names, in the order of the file.
        first: (history, alert) -> minutes from the start of the history; no entry: quiet.
        source: who judged: ``promtool``, or ``recorded``.
        predicted: the histories on which the learner expects an alert; None without a prediction.
    """

    alerts: tuple[str, ...]
    first: Mapping[tuple[str, str], float]
    source: str = "promtool"
    predicted: tuple[str, ...] | None = None

    def fired(self, *alerts: str) -> tuple[str, ...]:
        """Return the histories on which one of these alerts fires; without names: any alert."""
        asked = alerts or self.alerts
        return tuple(h for h in HISTORIES if any((h, one) in self.first for one in asked))

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """The healthy histories on which an alert fires."""
        return tuple(name for name in self.fired() if is_healthy(name))

    @property
    def missed(self) -> tuple[str, ...]:
        """The faults on which no alert fires."""
        return tuple(
            name for name in HISTORIES if not is_healthy(name) and name not in self.fired()
        )

    def with_prediction(self, predicted: Sequence[str]) -> RuleVerdicts:
        """Return the same with the histories on which the learner expects an alert."""
        return replace(self, predicted=tuple(predicted))

    @property
    def headline(self) -> str:
        """How many faults are seen, and how many false alarms there are."""
        faults = sum(not is_healthy(name) for name in HISTORIES)
        wrong = counted(len(self.false_alarms), "false alarm")
        return f"{faults - len(self.missed)} of {faults} faults seen, {wrong}"

    @property
    def caption(self) -> str:
        """The alerts of each history with their minutes, and who judged."""
        parts = []
        for name in HISTORIES:
            mine = [f"{a} at {self.first[name, a]:g} min" for a in self.alerts
                    if (name, a) in self.first]  # fmt: skip
            parts.append(f"{name}: {', '.join(mine) or 'quiet'}")
        who = {
            "promtool": "Judged now by promtool test rules.",
            "recorded": "A recorded verdict of promtool, which is not on this machine.",
        }[self.source]
        return f"{'; '.join(parts)}. {who}"

    def figure(self) -> Table:
        """Return a table: histories by alerts; a cell says after how many minutes one fires."""
        rows = tuple(
            Line(name, group="healthy" if is_healthy(name) else "faults") for name in HISTORIES
        )
        columns = tuple(Line(name, text=_BREAK.sub(" ", name)) for name in self.alerts)
        cells = {(h, a): self._cell(h, a) for h in HISTORIES for a in self.alerts}
        if self.predicted is not None:
            columns = (*columns, Line(_YOURS))
            for name in HISTORIES:
                cells[name, _YOURS] = _words(name, "alert" if name in self.predicted else "")
        note = {"promtool": "judged now by promtool", "recorded": "recorded verdict of promtool"}
        return Table(rows, columns, cells, _STYLES, notes=(note[self.source],), widest=2.2)

    def _cell(self, history: str, alert: str) -> Cell:
        minutes = self.first.get((history, alert))
        return _words(history, "" if minutes is None else f"{minutes:g} min")

    def stored(self) -> dict[str, Any]:
        """Return what ``read_stored`` reads."""
        first = [[h, a, minutes] for (h, a), minutes in sorted(self.first.items())]
        return {"alerts": list(self.alerts), "first": first}


_YOURS = "you expect"


def _words(history: str, fires: str) -> Cell:
    if fires:
        return Cell(_FALSE if is_healthy(history) else _FIRES, fires)
    return Cell(_QUIET if is_healthy(history) else _MISSES, "quiet")


def read_stored(stored: Mapping[str, Any], source: str = "recorded") -> RuleVerdicts:
    """Return verdicts that were stored."""
    first = {(str(h), str(a)): float(minutes) for h, a, minutes in stored["first"]}
    return RuleVerdicts(tuple(stored["alerts"]), first, source)


def alerts_of(rules: str) -> tuple[str, ...]:
    """Return the names of the alerts in a rule file.

    Raises:
        BadInput: the text is no rule file, or has no alert.
    """
    try:
        groups = (yaml.safe_load(rules) or {})["groups"]
        found = [str(one["alert"]) for group in groups for one in group["rules"] if "alert" in one]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise _no_rules(str(error).splitlines()[0] if str(error) else "") from error
    if not found:
        raise _no_rules("it has no alert")
    return tuple(dict.fromkeys(found))


def digest(rules: str, series: Mapping[str, Mapping[str, Values]]) -> str:
    """Return a short digest of a rule file and of the series that it is judged on."""
    text = rules.strip() + json.dumps([sorted(series), sorted(map(_lines, series.values()))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def promtool_tests(alerts: Sequence[str], series: Mapping[str, Mapping[str, Values]]) -> str:
    """Return promtool's test file: each alert is expected to be quiet in every minute.

    What promtool reports as a failure is then an alert that fires.

    Args:
        alerts: the names of the alerts.
        series: by history, the series as ``exported`` returns them.
    """
    tests = [
        {
            "name": name,
            "interval": f"{EVERY}s",
            "input_series": [{"series": s, "values": written(v)} for s, v in each.items()],
            "alert_rule_test": [
                {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}
                for alert in alerts
                for minute in range(MINUTES + 1)
            ],
        }
        for name, each in series.items()
    ]
    found = {"rule_files": [RULES], "evaluation_interval": f"{EVERY}s", "tests": tests}
    return json.dumps(found, indent=1)  # JSON is YAML


def read_output(output: str, alerts: Sequence[str]) -> RuleVerdicts:
    """Return when the alerts fired, from what promtool printed about ``promtool_tests``.

    Raises:
        BadInput: promtool did not evaluate the rules; with its words.
    """
    first: dict[tuple[str, str], float] = {}
    for one in _FIRED.finditer(output):
        place, minutes = (one["name"], one["alert"]), _minutes(one["time"])
        first[place] = min(minutes, first.get(place, minutes))
    if not first and "FAILED" in output:
        raise BadInput(
            "promtool does not accept the rules.",
            seen=" / ".join(line.strip() for line in output.splitlines() if line.strip())[:600],
            next_step="Correct the expression that it names.",
        )
    return RuleVerdicts(tuple(alerts), first)


def _minutes(text: str) -> float:
    """Return the minutes of a duration of Prometheus: ``1h2m30s``."""
    units = {"h": 60.0, "m": 1.0, "s": 1 / 60}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


def _lines(series: Mapping[str, Values]) -> list[str]:
    return [f"{name} {written(values)}" for name, values in sorted(series.items())]


def _no_rules(seen: str) -> BadInput:
    return BadInput(
        "This is no rule file of Prometheus.",
        seen=seen,
        next_step="Write groups, in a group rules, and in a rule alert and expr: "
        "https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/",
    )


def named(histories: Sequence[str]) -> str:
    """Return the names of histories in one text, each in quotation marks."""
    return joined([f"“{name}”" for name in histories])
