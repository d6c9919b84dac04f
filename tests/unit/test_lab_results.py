"""What the labs show and keep: hints, typed YAML, results and the progress table."""

from __future__ import annotations

import json
import re
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mistune
import pytest
import yaml
from verdicts import verdict_of

from daemonset_course.errors import BadInput
from daemonset_course.history import log
from daemonset_course.lab import results, session
from daemonset_course.lab.lab import LABS, find
from daemonset_course.lab.lab_command import _text
from daemonset_course.lab.model_answers import MODEL_ANSWERS
from daemonset_course.lab.session import LabSession, open_lab
from daemonset_course.lab.typed import check_strings
from daemonset_course.lab.verdict import Outcome

LAB = "06-roll-within-budget"
DATE = "2019-11-29T12:11:04Z"
THEN = "29 Nov 2019"
MANIFEST = yaml.safe_load(find(LAB).task(1).solution)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(results, "_now", lambda: DATE)
    return tmp_path / "labs.json"


@pytest.fixture
def lab() -> LabSession:
    return open_lab(LAB)


def keep(*outcomes: Outcome) -> None:
    for outcome in outcomes:
        results.keep(LAB, 1, verdict_of(outcome, outcome), [MANIFEST])


def row(lab: LabSession) -> str:
    return lab.progress().splitlines()[2].split("|")[2].strip()


# Hints and debrief


@pytest.mark.parametrize("task", [1, 2, 3])
def test_each_hint_keeps_its_lines_in_markdown(lab: LabSession, task: int) -> None:
    for text in find(LAB).task(task).hints:
        html = mistune.html(lab.hint(task)._repr_markdown_())
        blocks = re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", html, re.S)

        assert blocks == ([f"{text}\n"] if "\n" in text else [])
        assert "<code>" not in html.replace("<pre><code>", "")


@pytest.mark.parametrize("task", [1, 2])
def test_the_last_hint_is_yaml_of_the_daemonset(lab: LabSession, task: int) -> None:
    text = [lab.hint(task) for _ in range(3)][-1]
    fragment = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])

    assert list(fragment["spec"]["updateStrategy"]["rollingUpdate"]) == ["maxUnavailable"]


def test_no_text_of_the_lab_loses_its_lines(lab: LabSession) -> None:
    text = mistune.html(lab.debrief()._repr_markdown_())

    assert text.count("<p><strong>") == lab.debrief().count("\n\n**") + 1
    assert "  " not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.S)


@pytest.mark.parametrize("name", LABS)
def test_each_interview_question_has_a_model_answer_that_a_notebook_folds(name: str) -> None:
    text = LabSession(find(name)).debrief()
    question, _, folded = text.partition("<details>")

    assert "**Interview question.**" in question
    assert MODEL_ANSWERS[name] not in question
    assert f"<summary>A model answer</summary>\n\n{MODEL_ANSWERS[name]}\n\n</details>" in folded


def test_a_terminal_prints_the_model_answer_and_no_tags(lab: LabSession) -> None:
    lines = _text(lab.debrief()).splitlines()

    assert lines[lines.index("A model answer:") + 2] == MODEL_ANSWERS[LAB].splitlines()[0]
    assert not [line for line in lines if "details>" in line or "**" in line]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_terminal_keeps_the_lines_of_the_last_hint(lab: LabSession, number: int) -> None:
    text = [lab.hint(number) for _ in range(3)][-1]
    (last,) = find(LAB).task(number).hints[2:]

    assert _text(text).splitlines()[-len(last.splitlines()) :] == last.splitlines()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("wrong", 1), ("not attempted", 1), ("passed", 0), ("not yet", 0), ("cannot check", 0)],
)
def test_a_check_that_is_not_passed_says_how_to_get_a_hint(
    lab: LabSession, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, said: int
) -> None:
    backend = SimpleNamespace(capabilities=frozenset())
    monkeypatch.setattr(session, "current", lambda: SimpleNamespace(backend=backend, pace=1.0))
    monkeypatch.setattr(session, "components_first", nullcontext)
    monkeypatch.setattr(LabSession, "_judge", lambda *_: verdict_of(outcome, outcome))
    monkeypatch.setattr(LabSession, "_store_verdict", lambda _, __, verdict: verdict)
    found = lab.check(2)

    for text in (repr(found), found._repr_markdown_()):
        assert text.count("lab.hint(2) gives the next of three hints.") == said


# What was typed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("env:\n- name: RELEASE\n  value: 2", "Line 3: 2 is a number, and an env value must be"),
        ("a:\n- env: [{name: RELEASE, value: 2.0}]", "Line 2: 2.0 is a number"),
        ("env: [{name: RELEASE, value: yes}]", "Line 1: yes is a boolean"),
        ("x: 1\n---\nmetadata: {labels: {app: 3}}", "Line 3: 3 is a number, and labels.app must"),
        ("nodeSelector:\n  gpu: true", "Line 2: true is a boolean, and nodeSelector.gpu must"),
        ("command: [sleep, 60]", "Line 1: 60 is a number, and each item of command must"),
    ],
)
def test_a_value_that_must_be_a_string_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_strings(text)

    assert message in refused.value.failed
    assert "\n" not in refused.value.failed
    assert "quotes" in refused.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        'env: [{name: RELEASE, value: "2"}]',
        "env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
        "env: [{name: EMPTY, value: }]",
        "rollingUpdate: {maxUnavailable: 2}",
        "labels: {a: b}\nenv: oops",
        "env: [1, 2]",
        "broken: [",
        "",
    ],
)
def test_other_yaml_is_left_to_the_server(text: str) -> None:
    check_strings(text)


def test_the_lab_refuses_an_unquoted_value_before_kubectl(lab: LabSession) -> None:
    with pytest.raises(BadInput, match="Line 2: 2 is a number"):
        lab.apply(
            "spec: {template: {spec: {containers: [\n{name: agent, env: [{name: R, value: 2}]}]}}}"
        )


def test_a_daemonset_of_five_megabytes_is_refused_at_once(lab: LabSession) -> None:
    items = "".join(f"  a{i}: b\n" for i in range(450_000))
    with pytest.raises(BadInput, match=r"The YAML has 5\.\d MiB") as refused:
        lab.apply(f"kind: DaemonSet\nmetadata:\n {items}")

    assert "at most 3 MiB" in refused.value.seen


# Results and progress


@pytest.mark.parametrize("later", ["cannot check", "not attempted", "not yet"])
def test_a_pass_is_never_overwritten(lab: LabSession, home: Path, later: Outcome) -> None:
    keep("passed", later)
    entry = json.loads(home.read_text())["labs"][LAB]["1"]

    assert entry["last"]["outcome"] == "passed"
    assert entry["passed"]["manifests"] == [MANIFEST]
    assert row(lab) == f"✔ passed {THEN}"


def test_a_wrong_after_a_pass_is_shown_behind_it(lab: LabSession) -> None:
    keep("passed", "wrong", "cannot check")

    assert row(lab) == f"✔ passed {THEN}; last check: wrong"

    keep("passed")

    assert row(lab) == f"✔ passed {THEN}"


@pytest.mark.parametrize("outcome", ["wrong", "not yet", "cannot check"])
def test_without_a_pass_the_last_verdict_is_shown(lab: LabSession, outcome: Outcome) -> None:
    assert row(lab) == "○ not attempted"

    keep("not yet", outcome)

    assert row(lab).endswith(f" {outcome} {THEN}")


def stored(home: Path, entry: dict[str, Any]) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text(json.dumps({"format": 1, "labs": {LAB: {"1": entry}}}))


def test_an_old_file_with_an_overwritten_pass_still_loads(lab: LabSession, home: Path) -> None:
    stored(
        home,
        {
            "last": {"outcome": "cannot check", "says": "no recording", "date": DATE},
            "passed": {"date": DATE, "says": "all", "manifest": {}},
            "hints": 2,
        },
    )

    assert row(lab) == f"✔ passed {THEN}"
    assert lab.hint(1).startswith("**Hint 3 of 3.**")

    stored(home, {"hints": 1})

    assert row(lab) == "○ not attempted"


@pytest.mark.parametrize(
    ("date", "text"),
    [
        ("2026-11-29T14:11:04Z", "15:11"),
        ("2026-11-28T23:30:00Z", "00:30"),  # the day is the local one, too
        ("2026-11-28T14:11:04Z", "28 Nov 15:11"),
        ("2019-11-29T12:11:04Z", "29 Nov 2019"),
        ("some day", "some day"),
    ],
)
def test_times_are_local_and_short(monkeypatch: pytest.MonkeyPatch, date: str, text: str) -> None:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    try:
        assert results.short(date, datetime(2026, 11, 29, 16, tzinfo=UTC)) == text
    finally:
        monkeypatch.undo()
        time.tzset()


# The reference run


def test_the_reference_run_comes_after_passing(
    lab: LabSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "reference.jsonl"
    log.save([log.Header("agent"), log.End(3.0)], saved)
    monkeypatch.setattr(session, "reference_of", lambda *_: saved)

    with pytest.raises(BadInput, match="not passed yet"):
        lab.reference(1)

    keep("passed")

    assert lab.reference(1).history.end == 3.0


def test_without_a_reference_run_compare_says_so(
    lab: LabSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "reference_of", lambda *_: tmp_path / "none")
    monkeypatch.setattr(LabSession, "recording", property(lambda _: None))
    keep("passed")

    assert "has no reference run" in str(lab.beside_reference(1))
