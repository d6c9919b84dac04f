"""The verdicts on predictions: the one on the first answer stays, and no failure stops a lesson."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemonset_course import judged
from daemonset_course.judged import Judged
from daemonset_course.prediction import answered, predict


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def test_the_verdict_on_the_first_answer_stays() -> None:
    judged.keep("rolling-length", False, False)
    judged.keep("rolling-length", True, True)

    assert judged.load() == {"rolling-length": Judged(first=False, last=True)}


@pytest.mark.parametrize("verdicts", [(None, True), (True, None), (None, None)])
def test_what_cannot_be_judged_is_not_stored(
    home: Path, verdicts: tuple[bool | None, bool | None]
) -> None:
    judged.keep("rolling-length", *verdicts)

    assert judged.load() == {}
    assert list(home.iterdir()) == []


def test_an_entry_that_cannot_be_read_costs_no_other(home: Path) -> None:
    judged.keep("a", True, True)
    path = home / judged.FILE
    path.write_text(path.read_text().replace('"a": {', '"b": {"first": "maybe"}, "a": {'))

    assert judged.load() == {"a": Judged(first=True, last=True)}
    assert (home / f"{judged.FILE}.bad").exists()


def test_a_file_that_cannot_be_written_does_not_stop_the_lesson(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(home / "file"))
    judged.keep("a", True, True)

    monkeypatch.setenv("COURSE_HOME", str(home))
    assert judged.load() == {}


def test_a_comparison_judges_the_first_answer_too() -> None:
    predict("pods", unit="Pods", answer=4)
    assert answered() == {"pods"}
    predict("pods", unit="Pods", answer=3).compare(3, within=0)
    assert judged.load() == {"pods": Judged(first=False, last=True)}

    predict("00-none", unit="Pods").compare(3)
    predict("00-zero", unit="Pods", answer=0).compare(0)
    assert judged.load().keys() == {"pods", "00-zero"}
    assert judged.load()["00-zero"].first
