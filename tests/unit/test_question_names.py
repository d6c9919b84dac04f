"""Predictions that were stored under a lesson's number count under the question's own name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemonset_course import judged, predict, prediction
from daemonset_course.catalogue import catalogue
from daemonset_course.judged import Judged
from daemonset_course.question_names import renamed

ANSWERS = {"01-grown": [{"date": "2026-11-01", "answer": 7}]}
VERDICTS = {"01-grown": {"first": "right", "last": "right", "date": "2026-11-01"}}


def test_a_present_answer_stays_and_an_unknown_name_is_kept() -> None:
    stored = {"grown": 1, "01-grown": 2, "08-length": 3, "own": 4}

    assert renamed(stored) == {"grown": 1, "rolling-length": 3, "own": 4}


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    for name, key, content in (
        (prediction.FILE, "answers", ANSWERS),
        (judged.FILE, "judged", VERDICTS),
    ):
        (tmp_path / name).write_text(json.dumps({"format": 1, key: content}))
    return tmp_path


def test_answers_and_verdicts_of_an_earlier_version_count(earlier: Path) -> None:
    assert prediction.answered() == {"grown"}
    assert judged.load() == {"grown": Judged(first=True, last=True)}

    predict("grown", unit="Pods", answer=5).compare(7, within=0)

    kept = json.loads((earlier / prediction.FILE).read_text())["answers"]["grown"]
    assert [one["answer"] for one in kept] == [7, 5]
    assert judged.load() == {"grown": Judged(first=True, last=False)}


def test_every_earlier_name_leads_to_a_question_of_the_course() -> None:
    there = {one for notebook in catalogue().notebooks() for one in notebook.questions}

    table = Path(prediction.__file__).parent / "data" / "earlier_questions.json"
    assert set(json.loads(table.read_text()).values()) <= there
