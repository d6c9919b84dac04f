"""The table of facts, made of the lines that comparisons of a run wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import facts
from daemonset_course.prediction import Prediction


def line(question: str, fact: Any, unit: str = "") -> str:
    return json.dumps({"question": question, "fact": fact, "unit": unit})


def test_facts_that_a_cell_could_name_are_kept_by_question() -> None:
    kept = [line("b", "Pending"), line("a", 3, "Pods"), line("c", ["n1", "n2"])]

    assert list(facts.table(kept).items()) == [("a", 3), ("b", "Pending"), ("c", ["n1", "n2"])]


@pytest.mark.parametrize(
    ("fact", "unit"),
    [(17.5, "s"), (17, "s"), (True, ""), (None, "Pods"), (0, "Pods"), (1, "Pods"), (2.5, "times"),
     ([], ""), ("", "")],
)  # fmt: skip
def test_lengths_of_time_and_what_stands_anywhere_are_left_out(fact: Any, unit: str) -> None:
    assert facts.table([line("a", fact, unit)]) == {}


def test_a_fact_that_differs_from_run_to_run_is_left_out() -> None:
    assert facts.table([line("a", 3), line("a", 4), line("b", 3), line("b", 3)]) == {"b": 3}


def test_the_command_writes_what_comparisons_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "content").mkdir()
    assert facts.read(tmp_path) == {}
    monkeypatch.setenv("COURSE_FACTS", str(tmp_path / "run"))
    Prediction("01-x", unit="Pods").compare(3)
    Prediction("01-y", unit="s").compare(3)

    assert facts.main([str(tmp_path / "run")], root=tmp_path) == 0
    assert capsys.readouterr().out == "content/facts.json: 1 facts\n"
    assert facts.read(tmp_path) == {"01-x": 3}


def test_without_a_file_the_command_says_how_to_make_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert facts.main([]) == 2
    assert "COURSE_FACTS=/tmp/facts make test" in capsys.readouterr().err
