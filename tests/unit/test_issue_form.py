from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from daemonset_course import doctor_report
from daemonset_course.cli import app
from daemonset_course.doctor import Finding

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "ISSUE_TEMPLATE"
FORM = yaml.safe_load((FOLDER / "bug.yaml").read_text())
FIELDS: dict[str, dict[str, Any]] = {field["id"]: field for field in FORM["body"]}
TEXTS = {
    "form": FIELDS["doctor"]["attributes"]["description"],
    "README": (ROOT / "README.md").read_text(),
}


def test_the_form_asks_for_what_was_done_seen_and_expected_and_for_the_doctor() -> None:
    assert list(FIELDS) == ["done", "seen", "expected", "doctor"]
    assert all(field["validations"]["required"] for field in FIELDS.values())
    assert FIELDS["doctor"]["attributes"]["render"] == "json"


def test_github_accepts_the_form_and_its_configuration() -> None:
    """https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests"""
    assert {"name", "description", "body"} <= FORM.keys()
    assert all(field["type"] == "textarea" for field in FORM["body"])
    assert all(field["attributes"]["label"] for field in FORM["body"])
    assert yaml.safe_load((FOLDER / "config.yml").read_text()) == {"blank_issues_enabled": True}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_command_that_it_names_is_there(text: str) -> None:
    (command,) = set(re.findall(r"`\.venv/bin/course (doctor --json)`", text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor_report, "examine", lambda _name: [])
        patch.setattr(doctor_report, "candidates", list)
        result = CliRunner().invoke(app, command.split())

    assert result.exit_code == 0


def test_the_readme_lists_the_keys_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding("memory", "ok", "x")
    monkeypatch.setattr(doctor_report, "examine", lambda _name: [finding])
    monkeypatch.setattr(doctor_report, "candidates", list)
    report = doctor_report.report("mine")
    help_ = (ROOT / "README.md").read_text().partition("\n## Help\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", help_, re.M)
    keys = [key for row in rows for key in re.findall(r"`(\w+)`", row[0])]

    assert keys == list(report)
    assert dict(rows)["`format`"].startswith(f"{doctor_report.FORMAT};")
    assert re.findall(r"`(\w+)`", dict(rows)["`checks`"]) == [
        "check", "level", "ok", "note", "bad", "seen", "cure",
    ]  # fmt: skip
    assert set(report["checks"][0]) == {"check", "level", "seen", "cure"}
