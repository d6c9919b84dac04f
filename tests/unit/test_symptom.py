"""Symptoms: what is shown before an answer and after it, and whether words and recordings agree."""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter
from ipywidgets import RadioButtons, Widget

import symptoms
from daemonset_course import judged, prediction_widget
from daemonset_course.errors import BadInput, NotFound
from daemonset_course.judged import Judged
from daemonset_course.prediction_widget import MAY_CHANGE, PredictionWidget
from daemonset_course.symptom import LETTERS, Case, Symptom, cases, recorded, symptom, terminal
from notebook_source import read_sources

ROOT = Path(__file__).parents[2]
NAME, RIGHT, WRONG = "typo-in-selector", "d", "b"
RECORDED = [one for one in cases().values() if one.backend == "embedded"] + [
    one
    for one in cases().values()
    if one.backend == "kind" and (ROOT / symptoms.RECORDED / f"{one.name}.json").exists()
]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(prediction_widget, "_widgets", {})
    return tmp_path / "predictions.json"


def answers(store: Path) -> list[str]:
    return [each["answer"] for each in json.loads(store.read_text())["answers"][f"symptom-{NAME}"]]


def sent(widget: Widget) -> str:
    """Return all that the browser gets of a widget and the widgets in it."""
    parts = [json.dumps(widget.get_state(), default=str)]
    return "\n".join(parts + [sent(child) for child in getattr(widget, "children", ())])


def test_before_an_answer_neither_text_nor_widget_says_which_is_right() -> None:
    asked = symptom(NAME)
    case = cases()[NAME]
    shown = PredictionWidget(asked)

    for text in (repr(asked), sent(shown.box)):
        assert case.question in text
        for one in case.explanations:
            assert one.says in text
            assert one.because not in text
        assert case.next_command not in text
        assert "Right" not in text
    assert "$ kubectl get daemonset agent" in repr(asked)
    assert str(asked).endswith('Add answer="a" (or another letter) and run it again.')
    assert isinstance(shown.field, RadioButtons)
    assert shown.field.value is None
    assert [child.description for child in shown.box.children[-1].children] == ["Commit"]


def test_a_wrong_answer_gets_its_own_sentence_and_can_be_changed(store: Path) -> None:
    asked, case = symptom(NAME), cases()[NAME]
    shown = PredictionWidget(asked)
    shown.commit.click()
    assert "Choose your explanation first." in shown.message.value
    assert not store.exists()

    shown.field.value = WRONG
    shown.commit.click()
    assert asked.said == (
        f"That is not the cause. {case.explanations[1].because} "
        f"The next command would be `{case.next_command}`."
    )
    assert "✗ That is not the cause." in shown.message.value
    assert "<code>kubectl rollout status</code>" in shown.message.value
    assert MAY_CHANGE in shown.message.value
    assert case.explanations[3].because not in shown.message.value

    shown.field.value = RIGHT
    shown.commit.click()
    assert "✓ Right." in shown.message.value
    assert "Your first answer was b." in shown.message.value
    assert MAY_CHANGE not in shown.message.value
    assert answers(store) == [WRONG, RIGHT]
    assert judged.load() == {f"symptom-{NAME}": Judged(first=False, last=True)}


def test_an_answer_in_code_is_judged_and_kept_for_the_next_session() -> None:
    assert symptom(NAME, answer=...).answer is None
    typed = symptom(NAME, answer="D")
    assert typed.right is True
    assert repr(typed).splitlines()[-1].startswith(f"{RIGHT}) Right. NODE SELECTOR has")
    assert judged.load() == {f"symptom-{NAME}": Judged(first=True, last=True)}

    assert symptom(NAME).said == typed.said


def test_what_is_no_answer_or_no_symptom_is_refused(store: Path) -> None:
    with pytest.raises(BadInput, match="none of the choices"):
        symptom(NAME, answer="e")
    with pytest.raises(NotFound, match="There is no symptom 'typo'"):
        symptom("typo")
    assert not store.exists()


def test_a_kernel_shows_the_widget_and_other_programs_the_text() -> None:
    formatter = DisplayFormatter()
    bundle = formatter.mimebundle_formatter
    bundle.for_type(prediction_widget.Prediction, prediction_widget._view)

    data, _ = formatter.format(symptom(NAME))
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_a_symptom_without_a_recording_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = cases()
    monkeypatch.setattr("daemonset_course.symptom._DATA", tmp_path)
    monkeypatch.setattr("daemonset_course.symptom.cases", lambda: names)
    with pytest.raises(NotFound, match=r"symptoms\.py record killed-for-memory") as raised:
        recorded("killed-for-memory")
    assert "Record it on kind" in str(raised.value)


def test_the_recordings_are_those_of_the_scenes() -> None:
    assert list(symptoms.stale(ROOT)) == []


def test_a_changed_scene_or_a_missing_recording_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases()[NAME]
    monkeypatch.setattr(symptoms, "cases", lambda: {NAME: case})
    scenes, recordings = tmp_path / symptoms.SCENES, tmp_path / symptoms.RECORDED
    for folder in (scenes, recordings):
        folder.mkdir(parents=True)
    (scenes / f"{NAME}.yaml").write_text("action: kubectl\ncommand: get nodes\n")
    assert list(symptoms.stale(tmp_path)) == [f"{NAME}: not recorded"]

    made = {"scene": symptoms.digest(case, tmp_path)}
    (recordings / f"{NAME}.json").write_text(json.dumps(made))
    assert list(symptoms.stale(tmp_path)) == []

    (scenes / f"{NAME}.yaml").write_text("action: kubectl\ncommand: get pods\n")
    (recordings / "old.json").write_text("{}")
    changed, extra = symptoms.stale(tmp_path)
    assert changed == f"{NAME}: its scene or its commands have changed since it was recorded"
    assert extra.endswith("old.json: of no symptom")


def test_times_alone_do_not_make_an_output_another_one() -> None:
    def out(line: str) -> list[dict[str, Any]]:
        return [{"command": "kubectl get pods", "output": [line]}]

    before = symptoms._still(out("agent-x 1/1 Running 0 9s"))
    assert symptoms._still(out("agent-x 1/1 Running 0 1m10s")) == before
    assert symptoms._still(out("agent-x 0/1 Running 0 9s")) != before


@pytest.mark.parametrize("case", cases().values(), ids=lambda case: case.name)
def test_every_explanation_is_a_sentence_with_its_reason(case: Case) -> None:
    sentences = [case.question, *(one.says for one in case.explanations)]
    sentences += [one.because for one in case.explanations]

    assert case.question.endswith("?")
    assert len({one.says for one in case.explanations}) == len(LETTERS)
    assert case.right in LETTERS
    assert case.backend in ("embedded", "kind")
    assert 1 <= len(case.commands) <= 3
    assert case.telling
    assert case.next_command not in case.commands
    for one in (*case.commands, case.next_command):
        assert one.startswith("kubectl ")
    for text in sentences:
        assert text.endswith((".", "?"))
    # A learner must not know the right one by its length.
    lengths = [len(one.says) for one in case.explanations]
    assert max(lengths) <= 1.4 * min(lengths)


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.name)
def test_the_recorded_output_shows_what_the_explanations_quote(case: Case) -> None:
    outputs = recorded(case.name)["outputs"]
    shown = re.sub(r"\s+", " ", terminal(outputs))
    right = case.explanations[LETTERS.index(case.right)]

    assert symptoms.missing(case, outputs) == []
    assert [one["command"] for one in outputs] == [
        symptoms.named(one, symptoms.CLUSTER) for one in case.commands
    ]
    assert re.findall(r"`([^`]+)`", right.because)
    quotes = re.findall(r"`([^`]+)`", " ".join(one.because for one in case.explanations))
    assert [quote for quote in quotes if quote not in shown] == []


def test_the_letter_of_the_right_explanation_tells_nothing() -> None:
    letters = [one.right for one in cases().values()]

    assert all(letters.count(letter) >= len(letters) // 6 for letter in LETTERS)


def test_lessons_ask_only_for_symptoms_that_are_recorded() -> None:
    sources, _ = read_sources(ROOT, None)
    code = "\n".join(cell.text for one in sources for cell in one.cells if cell.kind == "code")
    names = re.findall(r"\bsymptom\(\s*[\"']([^\"']+)", code)

    assert names
    assert len(names) == len(set(names))
    for name in names:
        assert isinstance(symptom(name), Symptom)


def test_the_symptoms_of_a_lesson_stand_together() -> None:
    lessons = [one.lesson for one in cases().values()]

    assert [lesson for lesson, _ in groupby(lessons)] == list(dict.fromkeys(lessons))
