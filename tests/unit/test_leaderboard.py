"""The leaderboard keeps the best releases, in order, and survives a damaged file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemonset_course.lab import leaderboard
from daemonset_course.lab.criteria.scored import Score

LAB = "10-fleet-release"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path


def score(points: float) -> Score:
    return Score(time=points - 50, availability=50, restarts=10.04, lost=0.004)


def file() -> Path:
    found: Path = leaderboard._store().path
    return found


def test_the_best_release_is_first_and_of_equals_the_earlier_one() -> None:
    assert leaderboard.add(LAB, score(80), "one") == (1, 1, "")
    assert leaderboard.add(LAB, score(90), "two") == (1, 2, "")
    assert leaderboard.add(LAB, score(80), "three") == (3, 3, "")

    found, note = leaderboard.releases(LAB)

    assert [(one["points"], one["how"]) for one in found] == [
        (90, "two"),
        (80, "one"),
        (80, "three"),
    ]
    assert note == ""
    assert "| 1 | 90 | 10.0 | 0.0 | two |" in leaderboard.table(LAB)


def test_only_so_many_releases_are_kept() -> None:
    for points in range(60, 60 + leaderboard.KEPT + 3):
        leaderboard.add(LAB, score(points), "x")

    found, _ = leaderboard.releases(LAB)

    assert len(found) == leaderboard.KEPT
    assert found[-1]["points"] == 63


def test_another_lab_has_its_own_board() -> None:
    leaderboard.add(LAB, score(80), "one")

    assert leaderboard.releases("other") == ([], "")
    assert "No release is on the board yet." in leaderboard.table("other")


def test_the_file_has_a_format_and_one_damaged_entry_costs_no_other() -> None:
    leaderboard.add(LAB, score(80), "one")
    leaderboard.add(LAB, score(90), "two")
    stored = json.loads(file().read_text())
    assert stored["format"] == 1
    stored["labs"][LAB][0]["points"] = "many"
    file().write_text(json.dumps(stored))

    found, note = leaderboard.releases(LAB)

    assert [one["how"] for one in found] == ["one"]
    assert "leaderboard.json.bad" in note


def test_the_strategy_is_named_by_its_fields() -> None:
    rolling = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 9}}}}

    assert leaderboard.strategy_words(rolling) == "maxSurge 9, maxUnavailable 0"
    assert (
        leaderboard.strategy_words({"spec": {"updateStrategy": {"type": "OnDelete"}}}) == "OnDelete"
    )
