"""Run Prometheus' promtool on alert rules, if it is on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from daemonset_course.analysis.exported_series import Values
from daemonset_course.analysis.rule_tests import (
    RULES,
    RuleVerdicts,
    alerts_of,
    promtool_tests,
    read_output,
)
from daemonset_course.binaries.search import find_local
from daemonset_course.errors import BadInput, CommandFailed, ProgramMissing
from daemonset_course.places import course_command
from daemonset_course.programs import run

_SECONDS = 60.0  # seconds that an evaluation may take; that of the course's rules takes two


def has_promtool() -> bool:
    """Whether promtool is on this machine; nothing is downloaded or built."""
    return "promtool" in find_local(programs=("promtool",)).found


def run_promtool(rules: str, series: Mapping[str, Mapping[str, Values]]) -> RuleVerdicts:
    """Return when each alert of a rule file fires first on each history.

    Args:
        rules: the rule file.
        series: by history, its series.

    Raises:
        ProgramMissing: promtool is not on this machine.
        BadInput: the text is no rule file, or promtool does not accept an expression.
        CommandFailed: promtool does not run, or takes too long.
    """
    alerts = alerts_of(rules)
    found = find_local(programs=("promtool",)).found
    if "promtool" not in found:
        raise ProgramMissing(
            "promtool is not on this machine.",
            seen="not in COURSE_BINARIES, on PATH or in the course's cache",
            next_step=f"In a terminal: {course_command('binaries --promtool')}. It downloads the "
            "pinned release of Prometheus, or builds promtool with Go, which takes minutes.",
        )
    program = str(found["promtool"].path)
    with tempfile.TemporaryDirectory(prefix="course-rules-") as folder:
        file, tests = Path(folder, RULES), Path(folder, "tests.json")
        file.write_text(rules)
        tests.write_text(promtool_tests(alerts, series))
        checked = [program, "check", "rules", "--lint=none", str(file)]
        try:
            run(checked, timeout=_SECONDS, evidence=str)
        except CommandFailed as error:
            if "FAILED" not in error.seen:
                raise
            raise BadInput(
                "promtool does not accept the rules.",
                seen=_words(error.seen, folder),
                next_step="Correct what it names.",
            ) from error
        try:
            output = run([program, "test", "rules", str(tests)], timeout=_SECONDS, evidence=str)
        except CommandFailed as error:  # it ends with 1 when an alert fires
            if "FAILED" not in error.seen:
                raise
            return read_output(error.seen, alerts)
        return read_output(output.stdout, alerts)


def _words(output: str, folder: str) -> str:
    lines = [line.strip() for line in output.replace(f"{folder}/", "").splitlines()]
    return " / ".join(line for line in lines if line and "FAILED" not in line)[:600]
