from __future__ import annotations

import json
import os
import stat

import pytest
from filelock import FileLock

from daemonset_course import store as store_module
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
    prediction = predict("q", answer=nothing, question="How long?", unit="s")

    assert prediction.answer is None
    assert str(prediction) == (
        "How long? No prediction yet. Add answer=... with yours and run the cell again."
    )
    assert not store.parent.exists()
    comparison = prediction.compare(19.9)
    assert comparison.right is None
    assert str(comparison) == "No prediction was typed; the cluster took 19.9 s."


def test_an_answer_is_one_of_the_choices(store):
    with pytest.raises(BadInput, match="Choose one of ready, both"):
        predict("q", choices=("ready", "both"), answer="neither")

    assert not store.exists()
    assert predict("q", choices=("ready", "both"), answer="both").answer == "both"


@pytest.mark.parametrize(
    ("choices", "typed", "taken"),
    [
        (("yes", "no"), True, "yes"),
        (("yes", "no"), "NO", "no"),
        (("True", "False"), False, "False"),
        (("True", "False"), "true", "True"),
        (("1", "2", "both"), 2, "2"),
        (("ready", "both"), " Both ", "both"),
    ],
)
def test_a_choice_is_stored_in_its_own_words(store, choices, typed, taken):
    assert predict("q", choices=choices, answer=typed).answer == taken
    assert kept(store) == [taken]


@pytest.mark.parametrize(
    ("choices", "fact", "words"),
    [
        (("yes", "no"), True, "You predicted yes; the cluster shows yes: as predicted."),
        (("True", "False"), True, "You predicted True; the cluster shows True: as predicted."),
        (("yes", "no"), False, "You predicted yes; the cluster shows no: not as predicted."),
        (("1", "2"), 2, "You predicted 1; the cluster shows 2: 1 more than predicted."),
    ],
)
def test_a_fact_is_said_in_the_words_of_the_choices(choices, fact, words):
    assert str(predict("q", choices=choices, answer=choices[0]).compare(fact)) == words


@pytest.mark.parametrize("stored_before", [True, "yes", "Yes"])
def test_an_answer_from_before_the_question_had_choices_still_counts(stored_before):
    predict("q", answer=stored_before)

    prediction = predict("q", choices=("yes", "no"))
    assert prediction.answer == prediction.first == "yes"
    assert prediction.compare(True).right is True


@pytest.mark.parametrize(
    ("typed", "taken"),
    [(["n3", "n1"], ["n1", "n3"]), ("n2", ["n2"]), ("n3, n2", ["n2", "n3"]), ([], []),
     ("none", []), ({"n1"}, ["n1"])],
)  # fmt: skip
def test_an_answer_of_nodes_is_a_list_in_their_order(store, typed, taken):
    assert predict("q", nodes=["n1", "n2", "n3"], answer=typed).answer == taken
    assert kept(store) == [taken]


@pytest.mark.parametrize("typed", [["n4"], ["n1", "n4"], 1, True, "n1 n2"])
def test_a_node_that_was_not_asked_for_is_refused(store, typed):
    with pytest.raises(BadInput, match="Name some of n1, n2, or none"):
        predict("q", nodes=["n1", "n2"], answer=typed)

    assert not store.exists()


def test_without_an_answer_the_last_one_of_an_earlier_session_counts(store):
    predict("q", answer=12, unit="s")
    predict("q", answer=20, unit="s")
    before = store.read_bytes()

    prediction = predict("q", unit="s")

    assert (prediction.answer, prediction.first) == (20, 12)
    assert store.read_bytes() == before


def test_earlier_answers_that_cannot_be_read_do_not_stop_the_lesson(store):
    store.mkdir(parents=True)  # a folder where the file should be

    prediction = predict("q", "How long?", unit="s")

    assert prediction.open
    assert "Earlier answers cannot be read: " in str(prediction)


def test_an_answer_committed_later_is_the_one_that_is_compared(store):
    prediction = predict("q", "How many?", unit="Pods")
    prediction.commit("4")
    prediction.commit(3)

    assert kept(store) == [4, 3]
    assert str(prediction) == "How many? You predict 3 Pods. (Your first answer was 4 Pods.)"
    assert prediction.compare(3).right is True


def test_a_refused_answer_leaves_the_one_before(store):
    prediction = predict("q", unit="Pods", answer=3)
    with pytest.raises(BadInput, match="must be whole"):
        prediction.commit(2.5)

    assert (prediction.answer, kept(store)) == (3, [3])


def test_each_fact_is_added_to_a_file_if_a_variable_names_one(tmp_path, monkeypatch):
    Prediction("q", 3).compare(3)
    monkeypatch.setenv("COURSE_FACTS", str(tmp_path / "facts"))
    Prediction("q", unit="Pods").compare(3)
    Prediction("q2", True).compare({"n2", "n1"})

    assert [json.loads(line) for line in (tmp_path / "facts").read_text().splitlines()] == [
        {"question": "q", "fact": 3, "unit": "Pods"},
        {"question": "q2", "fact": ["n1", "n2"], "unit": ""},
    ]


@pytest.mark.parametrize("answer", [12, 1.5, "Background", True, ["n1", "n2"], []])
def test_an_answer_is_shown_and_kept_as_typed(store, answer):
    prediction = predict("q", answer=answer)

    assert (type(prediction.answer), prediction.answer) == (type(answer), answer)
    assert kept(store) == [answer]
    assert type(kept(store)[0]) is type(answer)


@pytest.mark.parametrize(
    "answer", [{"a": 1}, (1, 2), [1, 2], ["n1", 2], float("nan"), float("inf"), b"x", object(), 1j]
)
def test_other_kinds_of_answer_are_refused_with_what_is_allowed(store, answer):
    with pytest.raises(BadInput) as refused:
        predict("q", answer=answer)

    assert "A number (12 or 1.5), a text" in str(refused.value)
    assert type(answer).__name__ in str(refused.value)
    assert not store.exists()


@pytest.mark.parametrize(
    ("typed", "unit", "taken"),
    [
        ("3", "Pods", 3),
        (" 3 ", "Pods", 3),
        ("3 Pods", "Pods", 3),
        ("1 Pod", "Pods", 1),
        (3.0, "Pods", 3),
        ("3.0", "nodes", 3),
        (0, "nodes", 0),
        (-0.0, "nodes", 0),
        ("1.5", "s", 1.5),
        ("12 s", "s", 12),
        (2.5, "s", 2.5),
        (2.5, "times", 2.5),
    ],
)
def test_where_there_is_a_unit_the_answer_is_taken_as_a_number(store, typed, unit, taken):
    prediction = predict("q", answer=typed, unit=unit)

    assert (type(prediction.answer), prediction.answer) == (type(taken), taken)
    assert kept(store) == [taken]
    assert prediction.compare(taken, within=0).right is True


@pytest.mark.parametrize(
    ("typed", "unit", "says"),
    [
        ("four", "Pods", "must be a number of Pods"),
        ("3 nodes", "Pods", "must be a number of Pods"),
        ("3, 4", "Pods", "must be a number of Pods"),
        (True, "Pods", "must be a number of Pods"),
        (False, "s", "must be a number of seconds"),
        (["3"], "Pods", "must be a number of Pods"),
        ({3}, "Pods", "must be a number of Pods"),
        (float("nan"), "Pods", "must be a number of Pods"),
        (float("inf"), "s", "must be a number of seconds"),
        ("nan", "s", "must be a number of seconds"),
        ("-inf", "s", "must be a number of seconds"),
        (10**400, "Pods", "must be a number of Pods"),
        (1j, "s", "must be a number of seconds"),
        (-3, "Pods", "number of Pods cannot be negative"),
        ("-3", "Pods", "number of Pods cannot be negative"),
        (-0.5, "s", "number of seconds cannot be negative"),
        (2.5, "Pods", "number of Pods must be whole"),
        ("2.5", "nodes", "number of nodes must be whole"),
    ],
)
def test_where_a_number_is_asked_nothing_else_is_kept(store, typed, unit, says):
    with pytest.raises(BadInput) as refused:
        predict("q", answer=typed, unit=unit)

    assert says in str(refused.value)
    assert not store.exists()
    assert predict("q", answer=3, unit=unit).first == 3


@pytest.mark.parametrize("field", [{}, {"choices": ("yes", "no")}, {"nodes": ("n1", "n2")}])
def test_a_text_that_is_too_long_is_refused_and_not_kept(store, field):
    with pytest.raises(BadInput, match="too long") as refused:
        predict("q", answer="x" * 1001, **field)

    assert len(str(refused.value)) < 300
    assert not store.exists()
    assert predict("q", answer="x" * 1000).answer == "x" * 1000


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"choices": ("yes", "Yes ")}, "The choices must be texts that differ"),
        ({"choices": "yes"}, "The choices must be texts that differ"),
        ({"choices": (1, 2)}, "The choices must be texts that differ"),
        ({"nodes": ("n1", "n1")}, "The nodes must be texts that differ"),
        ({"nodes": ("n1", "n2"), "choices": ("yes", "no")}, "choices or nodes, not both"),
    ],
)
def test_choices_or_nodes_that_make_no_field_are_refused_where_they_are_written(names, says):
    with pytest.raises(BadInput, match=says):
        predict("q", **names)


def test_a_set_or_a_tuple_of_names_is_a_list(store):
    assert predict("q", answer=("n1", "n2")).answer == ["n1", "n2"]
    assert predict("other", answer={"n2", "n1"}).answer == ["n1", "n2"]
    assert kept(store, "other") == [["n1", "n2"]]


def stored(*answers):
    listed = [{"date": "2026-01-01T00:00:00Z", "answer": each} for each in answers]
    return json.dumps({"format": 1, "answers": {"q": listed, "other": listed[:1]}})


@pytest.mark.parametrize("earlier", ["four", True, -3, 2.5, ["3"]])
def test_an_earlier_answer_that_the_question_would_refuse_is_not_the_first(store, earlier):
    store.parent.mkdir()
    store.write_text(stored(earlier, 5))

    prediction = predict("q", answer=3, unit="Pods")

    assert (prediction.first, prediction.note) == (5, "")
    assert kept(store) == [earlier, 5, 3]
    assert str(prediction.compare(3)) == (
        "You predicted 3 Pods; the cluster shows 3 Pods: exactly as predicted."
        " (Your first answer was 5 Pods.)"
    )
    assert predict("q", answer=earlier).first == earlier, "without a unit it is an answer"


def test_an_earlier_number_in_quotes_is_the_first_answer(store):
    store.parent.mkdir()
    store.write_text(stored("4"))

    assert predict("q", answer=3, unit="Pods").first == 4


@pytest.mark.parametrize("earlier", [None, float("nan"), {"a": 1}, [1], 10**400])
def test_one_answer_that_cannot_be_read_does_not_lose_the_others(store, earlier):
    store.parent.mkdir()
    content = stored(7, earlier)
    store.write_text(content)

    prediction = predict("q", answer=7, unit="Pods")

    assert prediction.first == 7
    assert prediction.note.startswith("(Some earlier answers could not be read; they are in ")
    assert store.with_name("predictions.json.bad").read_text() == content
    assert (kept(store), kept(store, "other")) == ([7], [7])


def test_the_first_answer_stays_and_changes_are_added_with_their_dates(store):
    predict("q", answer=12)
    predict("q", answer=12)  # the cell was run again
    predict("other", answer=1)
    last = predict("q", answer=20, unit="s")

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
    predict("q", answer=1)
    predict("q", answer=True)

    assert [type(each) for each in kept(store)] == [int, bool]


def test_only_the_owner_can_read_the_store_and_no_pieces_are_left(store):
    predict("q", answer=1)
    predict("q", answer=2)

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

    prediction = predict("q", answer=12)

    aside = store.with_name("predictions.json.bad")
    assert aside.read_bytes() == content
    assert kept(store) == [12]
    newer = "were written by a newer version of the course"
    why = newer if b"2" in content else "could not be read"
    assert str(prediction) == f"You predict 12. (Earlier answers {why}; they are in {aside}.)"
    assert predict("q", answer=12).note == ""


def test_a_question_with_an_empty_history_takes_the_answer_as_the_first(store):
    store.parent.mkdir()
    store.write_text('{"format": 1, "answers": {"q": []}}')

    assert predict("q", answer=3).first == 3


def test_a_store_that_cannot_be_written_does_not_stop_the_lesson(store):
    store.parent.write_text("a file where the folder should be")

    prediction = predict("q", answer=12)

    assert (prediction.answer, prediction.first) == (12, 12)
    assert "The answer was not kept" in str(prediction)
    assert store.parent.read_text() == "a file where the folder should be"


def test_a_lock_that_another_notebook_holds_does_not_stop_the_lesson(store, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.0)
    store.parent.mkdir()
    with FileLock(f"{store}.lock"):
        assert "The answer was not kept" in predict("q", answer=12).note

    assert predict("q", answer=12).note == ""


def test_a_failed_write_leaves_the_old_answers_whole(store, monkeypatch):
    predict("q", answer=12)
    before = store.read_bytes()

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    prediction = predict("q", answer=20)

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
        ("12", 12, None, True),  # a number in quotes
        (" 13 ", 12, 0, False),
        ("1.5", 1.5, 0, True),
        ("twelve", 12, None, None),
        ("nan", 12, None, None),
        ("inf", 12, None, None),
        (2, "2", None, True),  # a version, such as RELEASE 2, is a text
        (2.0, "2", None, True),
        (2, "3", None, False),
        (50, "50m", None, False),
        ("n1", ["n1"], None, True),
        ("N2, n1", {"n1", "n2"}, None, True),
        ("n1", ["n1", "n2"], None, False),
        ("none", [], None, True),
        (["n1"], "n1", None, True),
        (["n1", "n2"], "n1", None, False),
        ("yes", True, None, True),
        ("False", False, None, True),
        ("no", True, None, False),
        ("perhaps", True, None, None),
        (True, "True", None, None),
        (3, ["3"], None, None),
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
            "You predicted 12 s; the cluster took 19.9 s: 7.9 s more than predicted.",
        ),
        (20, 9.94, "s", "You predicted 20 s; the cluster took 9.94 s: 10.1 s less than predicted."),
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
            "You predicted 3 nodes; the cluster shows 8 nodes: 5 more than predicted.",
        ),
        (
            0,
            3,
            "nodes",
            "You predicted 0 nodes; the cluster shows 3 nodes: 3 more than predicted.",
        ),
        (3, 0, "", "You predicted 3; the cluster shows 0: 3 fewer than predicted."),
        (
            4,
            3,
            "Pods",
            "You predicted 4 Pods; the cluster shows 3 Pods: 1 fewer than predicted.",
        ),
        (1, 3, "Pods", "You predicted 1 Pod; the cluster shows 3 Pods: 2 more than predicted."),
        (
            2,
            1,
            "kubelets",
            "You predicted 2 kubelets; the cluster shows 1 kubelet: 1 fewer than predicted.",
        ),
        (4.0, 3, "", "You predicted 4; the cluster shows 3: 1 fewer than predicted."),
        (1.5, 3, "", "You predicted 1.5; the cluster shows 3: 1.5 more than predicted."),
        (1, 2, "times", "You predicted 1 time; the cluster shows 2 times: about 2 times as much."),
        (4, 3, "s", "You predicted 4 s; the cluster took 3 s: 1 s less than predicted."),
        (1, 2345.6, "m", "You predicted 1 m; the cluster shows 2346 m: about 2346 times as much."),
        (10, 20, "s", "You predicted 10 s; the cluster took 20 s: about 2 times as long."),
        (10, 30, "%", "You predicted 10 %; the cluster shows 30 %: about 3 times as much."),
        (
            20,
            30,
            "%",
            "You predicted 20 %; the cluster shows 30 %: 10 percentage points more than predicted.",
        ),
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
            "twelve",
            12,
            "s",
            "You predicted twelve; the cluster took 12 s: "
            "a text cannot be compared with a number, so this has no verdict.",
        ),
    ],
)
def test_the_sentence_of_a_comparison(answer, actual, unit, words):
    assert sentence(answer, actual, unit) == words


@pytest.mark.parametrize(
    ("unit", "one"),
    [("Pods", "Pod"), ("kubelets", "kubelet"), ("retries", "retry"), ("classes", "class"),
     ("batches", "batch"), ("s", "s"), ("ms", "ms"), ("seconds", "second"), ("%", "%")],
)  # fmt: skip
def test_one_of_a_unit_is_singular(unit, one):
    assert str(predict("q", answer=1, unit=unit)) == f"You predict 1 {one}."
    assert (
        str(predict("q", answer=2, unit=unit))
        == f"You predict 2 {unit}. (Your first answer was 1 {one}.)"
    )
    assert sentence(1, 11, unit, within=0).startswith(f"You predicted 1 {one}; ")


@pytest.mark.parametrize(
    ("actual", "unit", "source", "words"),
    [
        (3, "Pods", "cluster", "the cluster shows 3 Pods"),
        (3, "Pods", "recording", "the recording shows 3 Pods"),
        (3, "Pods", "rule", "by the rule the answer is 3 Pods"),
        (248.4, "s", "cluster", "the cluster took 248 s"),
        (248.4, "s", "recording", "the recording shows 248 s"),
        (248.4, "s", "rule", "by the rule it takes 248 s"),
        (["n1"], "", "recording", "the recording shows n1"),
        ("rounds", "", "rule", "by the rule the answer is rounds"),
        (None, "s", "cluster", "the cluster gave no value"),
        (None, "s", "recording", "the recording gave no value"),
        (None, "", "rule", "the rule gave no value"),
    ],
)
def test_a_comparison_says_whose_answer_it_is(actual, unit, source, words):
    assert f"; {words}" in sentence(12, actual, unit, source=source)
    untyped = Prediction("q", unit=unit).compare(actual, source=source)
    assert str(untyped) == f"No prediction was typed; {words}."


def test_there_are_three_sources():
    with pytest.raises(BadInput, match="no such source"):
        Prediction("q", 1).compare(1, source="oracle")


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


def test_a_notebook_says_the_verdict_once():
    right = Prediction("q", 3, unit="Pods", first=4).compare(3)
    near = Prediction("q", 12, unit="s").compare(12.5)
    wrong = Prediction("q", "a").compare("b")

    assert right._repr_markdown_() == (
        "**As predicted.** You predicted 3 Pods; the cluster shows 3 Pods."
        " (Your first answer was 4 Pods.)"
    )
    assert near._repr_markdown_().endswith("12.5 s: close enough (within 25 %).")
    assert wrong._repr_markdown_() == (
        "**Not as predicted.** You predicted a; the cluster shows b."
    )


def test_a_terminal_shows_the_words_too():
    prediction = Prediction("q", 12, unit="s")

    assert repr(prediction) == "You predict 12 s."
    assert repr(prediction.compare(12)) == str(prediction.compare(12))
