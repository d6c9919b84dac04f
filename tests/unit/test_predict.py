from __future__ import annotations

import json
import os
import stat

import pytest
from filelock import FileLock

from daemonset_course import prediction as module
from daemonset_course.errors import BadInput
from daemonset_course.prediction import Prediction, predict


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    home = tmp_path / "state"
    monkeypatch.setenv("COURSE_HOME", str(home))
    return home / "predictions.json"


def kept(store, question_id="q"):
    return [each["answer"] for each in json.loads(store.read_text())["answers"][question_id]]


def sentence(answer, actual, unit="", **options):
    return str(Prediction("q", answer, unit=unit).compare(actual, **options))


@pytest.mark.parametrize("nothing", [..., None, "", "  "])
def test_no_answer_yet_says_what_to_do_and_stores_nothing(store, nothing):
    prediction = predict("q", nothing, question="How long?", unit="s")

    assert prediction.answer is None
    assert str(prediction) == (
        "How long? No prediction yet. Replace ... with your answer and run the cell again."
    )
    assert not store.parent.exists()
    comparison = prediction.compare(19.9)
    assert comparison.right is None
    assert str(comparison) == "No prediction was typed; the cluster took 19.9 s."


@pytest.mark.parametrize("answer", [12, 1.5, "Background", True, ["n1", "n2"], []])
def test_an_answer_is_shown_and_kept_as_typed(store, answer):
    prediction = predict("q", answer)

    assert (type(prediction.answer), prediction.answer) == (type(answer), answer)
    assert kept(store) == [answer]
    assert type(kept(store)[0]) is type(answer)


@pytest.mark.parametrize(
    "answer", [{"a": 1}, (1, 2), [1, 2], ["n1", 2], float("nan"), float("inf"), b"x", object(), 1j]
)
def test_other_kinds_of_answer_are_refused_with_what_is_allowed(store, answer):
    with pytest.raises(BadInput) as refused:
        predict("q", answer)

    assert "A number (12 or 1.5), a text" in str(refused.value)
    assert type(answer).__name__ in str(refused.value)
    assert not store.exists()


def test_the_first_answer_stays_and_changes_are_added_with_their_dates(store):
    predict("q", 12)
    predict("q", 12)  # the cell was run again
    predict("other", 1)
    last = predict("q", 20, unit="s")

    assert kept(store) == [12, 20]
    assert kept(store, "other") == [1]
    dates = [each["date"] for each in json.loads(store.read_text())["answers"]["q"]]
    assert all(len(date) == 20 and date.endswith("Z") for date in dates)
    assert last.first == 12
    assert str(last) == "You predict 20 s. (Your first answer was 12 s.)"
    assert str(last.compare(20)) == (
        "You predicted 20 s; the cluster took 20 s: exactly as predicted."
        " (Your first answer was 12 s.)"
    )


def test_true_and_one_are_different_answers(store):
    predict("q", 1)
    predict("q", True)

    assert [type(each) for each in kept(store)] == [int, bool]


def test_only_the_owner_can_read_the_store_and_no_pieces_are_left(store):
    predict("q", 1)
    predict("q", 2)

    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert {each.name for each in store.parent.iterdir()} <= {store.name, f"{store.name}.lock"}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"format": 2, "answers": {}}',
        b'{"format": 1, "answers": []}',
        b'{"format": 1, "answers": {"q": 5}}',
        b'{"format": 1, "answers": {"q": [{"answer": 5}]}}',
        b'{"format": 1, "answers": {"q": [{"date": "x", "answer": null}]}}',
        b"[" * 100_000,
    ],
)
def test_a_corrupt_store_is_set_aside_and_that_is_said(store, content):
    store.parent.mkdir()
    store.write_bytes(content)

    prediction = predict("q", 12)

    aside = store.with_name("predictions.json.bad")
    assert aside.read_bytes() == content
    assert kept(store) == [12]
    assert str(prediction) == (
        f"You predict 12. (Earlier answers could not be read; they are in {aside}.)"
    )
    assert predict("q", 12).note == ""


def test_a_question_with_an_empty_history_takes_the_answer_as_the_first(store):
    store.parent.mkdir()
    store.write_text('{"format": 1, "answers": {"q": []}}')

    assert predict("q", 3).first == 3


def test_a_store_that_cannot_be_written_does_not_stop_the_lesson(store):
    store.parent.write_text("a file where the folder should be")

    prediction = predict("q", 12)

    assert (prediction.answer, prediction.first) == (12, 12)
    assert "The answer was not kept" in str(prediction)
    assert store.parent.read_text() == "a file where the folder should be"


def test_a_lock_that_another_notebook_holds_does_not_stop_the_lesson(store, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.0)
    store.parent.mkdir()
    with FileLock(f"{store}.lock"):
        assert "The answer was not kept" in predict("q", 12).note

    assert predict("q", 12).note == ""


def test_a_failed_write_leaves_the_old_answers_whole(store, monkeypatch):
    predict("q", 12)
    before = store.read_bytes()

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    prediction = predict("q", 20)

    assert "No space left on device" in prediction.note
    assert store.read_bytes() == before
    assert not list(store.parent.glob(".predictions*"))


@pytest.mark.parametrize(
    ("answer", "actual", "within", "right"),
    [
        (12, 12, None, True),
        (12, 19.9, None, False),
        (15, 12, None, True),  # 25 % above
        (1.5, 1.2, None, True),  # 25 % above, in binary fractions
        (9, 12, None, True),  # 25 % below
        (8.9, 12, None, False),
        (3, 4, 0, False),
        (4, 4, 0, True),
        (10, 19.9, 0.5, True),
        (0, 0, None, True),
        (1, 0, None, False),
        (0, 1, None, False),
        (-1, 1, None, False),
        ("background", " Background ", None, True),
        ("STRASSE", "straße", None, True),
        ("Foreground", "Background", None, False),
        (True, True, None, True),
        (True, False, None, False),
        (["n2", "N1", "n1"], ["n1", "n2"], None, True),
        (["n1"], {"n1"}, None, True),
        (["n1"], ("n1", "n2"), None, False),
        (["n1", "n3"], ["n1"], None, False),
        ([], [], None, True),
        (True, 1, None, None),
        (1, True, None, None),
        ("12", 12, None, None),
        (12, "12", None, None),
        ("n1", ["n1"], None, None),
        (12, None, None, None),
    ],
)
def test_what_counts_as_right(answer, actual, within, right):
    assert Prediction("q", answer).compare(actual, within=within).right is right


@pytest.mark.parametrize(
    ("answer", "actual", "unit", "words"),
    [
        (
            12,
            19.9,
            "s",
            "You predicted 12 s; the cluster took 19.9 s: about 1.7 times as long.",
        ),
        (20, 9.94, "s", "You predicted 20 s; the cluster took 9.94 s: about 0.5 times as long."),
        (
            18.0,
            19.9,
            "s",
            "You predicted 18 s; the cluster took 19.9 s: close enough (within 25 %).",
        ),
        (
            3,
            8,
            "nodes",
            "You predicted 3 nodes; the cluster shows 8 nodes: about 2.7 times as much.",
        ),
        (
            0,
            3,
            "nodes",
            "You predicted 0 nodes; the cluster shows 3 nodes: 3 nodes more than predicted.",
        ),
        (3, 0, "", "You predicted 3; the cluster shows 0: 3 less than predicted."),
        (1, 2345.6, "", "You predicted 1; the cluster shows 2346: about 2346 times as much."),
        (True, False, "s", "You predicted yes; the cluster shows no: not as predicted."),
        ("a", "a", "", "You predicted a; the cluster shows a: as predicted."),
        (
            ["n1", "n2"],
            ["n2", "n3"],
            "",
            "You predicted n1, n2; the cluster shows n2, n3: "
            "not predicted: n3; predicted but not seen: n1.",
        ),
        ([], ["n1"], "", "You predicted none; the cluster shows n1: not predicted: n1."),
        (12, None, "s", "You predicted 12 s; the cluster gave no value."),
        (
            "12",
            12,
            "s",
            "You predicted 12; the cluster took 12 s: "
            "a text cannot be compared with a number, so this has no verdict.",
        ),
    ],
)
def test_the_sentence_of_a_comparison(answer, actual, unit, words):
    assert sentence(answer, actual, unit) == words


def test_numbers_that_differ_never_look_the_same():
    assert sentence(12.0, 12.001, "s", within=0) == (
        "You predicted 12 s; the cluster took 12.001 s: 0.001 s more than predicted."
    )


def test_a_fact_that_no_answer_can_match_is_refused():
    with pytest.raises(BadInput, match="cannot be used"):
        Prediction("q", 1).compare({"a": 1})


def test_markdown_says_the_verdict_in_words_and_escapes_what_was_typed():
    right = Prediction("q", "<b>x</b> *y*").compare("<b>x</b> *y*")
    wrong = Prediction("q", 1).compare(9)
    open_question = Prediction("q").compare(9)

    assert right._repr_markdown_().startswith(
        "**As predicted.** You predicted \\<b\\>x\\</b\\> \\*y"
    )
    assert wrong._repr_markdown_().startswith("**Not as predicted.** ")
    assert open_question._repr_markdown_() == "No prediction was typed; the cluster shows 9."
    assert Prediction("q", "a\n\n# b")._repr_markdown_() == "You predict a \\# b."


def test_a_terminal_shows_the_words_too():
    prediction = Prediction("q", 12, unit="s")

    assert repr(prediction) == "You predict 12 s."
    assert repr(prediction.compare(12)) == str(prediction.compare(12))
