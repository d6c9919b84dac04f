"""The widget of a prediction, without a browser: fields are set, buttons clicked from here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter
from ipywidgets import HTML, Button, RadioButtons, Text, VBox

from daemonset_course import prediction_widget
from daemonset_course.prediction import Prediction, open_predictions, predict
from daemonset_course.prediction_widget import MAY_CHANGE, NONE, SHOWN, PredictionWidget

NODES = ("course-worker", "course-worker2", "course-worker3")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr("daemonset_course.prediction._asked", {})
    monkeypatch.setattr(prediction_widget, "_widgets", {})
    return tmp_path / "predictions.json"


def stored(store: Path) -> list[Any]:
    return [each["answer"] for each in json.loads(store.read_text())["answers"]["q"]]


def press_enter(field: Any) -> None:
    """What a browser sends at Enter; a changed text comes behind it."""
    field._handle_custom_msg({"event": "submit"}, [])


def test_a_number_is_committed_with_its_unit_and_the_first_answer_stays(store: Path) -> None:
    shown = PredictionWidget(length := predict("q", "How long?", unit="s"))
    assert not store.exists()

    shown.field.value = "17"
    assert length.answer is None, "a text that was typed is no answer before Commit"
    shown.commit.click()
    assert (length.answer, stored(store)) == (17, [17])
    assert f"You predict 17 s. {MAY_CHANGE}" in shown.message.value
    assert 'role="status"' in shown.message.value

    shown.field.value = "12.5 s"
    shown.commit.click()
    assert (length.answer, length.first, stored(store)) == (12.5, 17, [17, 12.5])
    assert "Your first answer was 17 s." in shown.message.value
    assert str(length.compare(12.5)).startswith("You predicted 12.5 s; the cluster took 12.5 s")


def test_the_question_the_unit_and_the_names_of_the_fields_can_be_read() -> None:
    shown = PredictionWidget(predict("q", "Is `a < b` & ready?", unit="Pods"))
    question, answered, buttons = shown.box.children
    texts = [each.value for each in answered.children if isinstance(each, HTML)]

    assert "<b>Is <code>a &lt; b</code> &amp; ready?</b>" in question.value
    assert texts[0] == "Pods"
    assert isinstance(shown.field, Text)
    assert shown.field.description == "Your prediction"
    assert [each.description for each in buttons.children if isinstance(each, Button)] == [
        "Commit", "Show me without a prediction",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("four", "must be a number of Pods"),
        ("True", "must be a number of Pods"),
        ("-3", "cannot be negative"),
        ("2.5", "must be whole"),
        ("", "Type your prediction first."),
        ("  ", "Type your prediction first."),
    ],
)
def test_a_refusal_stands_beside_the_field_and_stores_nothing(
    store: Path, typed: str, says: str
) -> None:
    shown = PredictionWidget(ready := predict("q", unit="Pods"))

    shown.field.value = typed
    shown.commit.click()

    assert says in shown.message.value
    assert 'role="alert"' in shown.message.value
    assert shown.message in shown.box.children[1].children, "in the row of the field"
    assert (ready.answer, store.exists()) == (None, False)


def test_after_a_refusal_a_right_one_is_the_first(store: Path) -> None:
    shown = PredictionWidget(ready := predict("q", unit="Pods"))
    for typed in ("four", "3"):
        shown.field.value = typed
        shown.commit.click()

    assert (ready.answer, ready.first, stored(store)) == (3, 3, [3])
    assert "must be" not in shown.message.value


def test_choices_are_radio_buttons_and_none_is_chosen_before(store: Path) -> None:
    shown = PredictionWidget(who := predict("q", choices=("the scheduler", "the controller")))
    assert isinstance(shown.field, RadioButtons)
    assert isinstance(shown.box.children[1], VBox), "the message stands below"
    assert shown.field.value is None

    shown.commit.click()
    assert "Choose your prediction first." in shown.message.value
    shown.field.value = "the scheduler"
    shown.commit.click()
    assert (who.answer, stored(store)) == ("the scheduler", ["the scheduler"])


def test_nodes_are_check_boxes_and_nothing_ticked_is_no_answer(store: Path) -> None:
    shown = PredictionWidget(where := predict("q", nodes=NODES))
    boxes = {box.description: box for box in shown.field.children}
    assert tuple(boxes) == (*NODES, NONE)

    shown.commit.click()
    assert "Tick your prediction first: names, or “none of them”." in shown.message.value
    assert 'role="alert"' in shown.message.value
    assert (where.answer, store.exists()) == (None, False)
    boxes["course-worker3"].value = boxes["course-worker"].value = True
    shown.commit.click()
    assert where.answer == ["course-worker", "course-worker3"]
    assert stored(store) == [["course-worker", "course-worker3"]]
    assert where.compare({"course-worker3", "course-worker"}).right is True


def test_none_of_them_is_an_answer_that_is_ticked_and_unticks_the_names(store: Path) -> None:
    shown = PredictionWidget(where := predict("q", nodes=NODES))
    *boxes, none = shown.field.children
    boxes[1].value = True
    none.value = True
    assert [box.value for box in shown.field.children] == [False, False, False, True]
    shown.commit.click()
    assert (where.answer, stored(store)) == ([], [[]])
    assert where.compare([]).right is True

    assert PredictionWidget(predict("q", nodes=NODES)).field.children[-1].value, "shown again"
    boxes[0].value = True
    assert none.value is False
    shown.commit.click()
    assert where.answer == ["course-worker"]


def test_without_unit_choices_and_nodes_a_text_is_asked() -> None:
    shown = PredictionWidget(state := predict("q", "Which state?"))
    shown.field.value = "Pending"
    shown.commit.click()

    assert state.answer == "Pending"
    assert state.compare("pending").right is True


def test_enter_commits_a_text_that_arrives_behind_it(store: Path) -> None:
    async def typed() -> None:
        shown = PredictionWidget(predict("q", unit="Pods"))
        for number in ("3", "4"):
            press_enter(shown.field)
            assert shown.message.value.count("alert") == 0, "it waits for the text"
            shown.field.value = number

    asyncio.run(typed())

    assert stored(store) == [3, 4]


def test_enter_commits_a_text_that_the_browser_sent_before(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_widget, "_PAUSE", 0.0)

    async def typed() -> None:
        shown = PredictionWidget(predict("q", unit="Pods"))
        shown.field.value = "3"  # the field was left
        assert not store.exists()
        press_enter(shown.field)
        while not store.exists():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(typed(), 10))

    assert stored(store) == [3]


def test_after_enter_the_button_has_the_focus_unless_the_answer_is_refused() -> None:
    sent: list[Any] = []
    shown = PredictionWidget(predict("q", unit="Pods"))
    shown.commit.send = lambda content, **_: sent.append(content)
    for text in ("four", "3"):
        shown.field.value = text
        press_enter(shown.field)  # without an event loop it commits at once
        assert sent == [{"do": "focus"}] * (text == "3")


def test_a_field_that_is_left_commits_nothing(store: Path) -> None:
    shown = PredictionWidget(predict("q", unit="Pods"))
    shown.field.value = "3"
    press_enter(shown.field)  # without an event loop it commits at once
    shown.field.value = "4"

    assert stored(store) == [3]


def test_one_may_see_the_result_without_a_prediction_and_answer_later(store: Path) -> None:
    shown = PredictionWidget(length := predict("q", unit="s"))
    assert open_predictions(["q"]) == [length]

    shown.show.click()
    assert SHOWN in shown.message.value
    assert open_predictions(["q"]) == []
    assert not store.exists()
    assert predict("q", unit="s").shown, "the cell was run again"

    shown.field.value = "3"
    shown.commit.click()
    assert (length.answer, shown.show.disabled) == (3, True)


@pytest.mark.parametrize(
    ("asked", "answer", "field"),
    [
        ({"unit": "s"}, 17, "17"),
        ({"unit": "s"}, 1234567.5, "1234567.5"),
        ({"choices": ("yes", "no")}, "no", "no"),
        ({"choices": ("yes", "no")}, True, "yes"),
        ({}, "Pending", "Pending"),
        ({}, False, "no"),
    ],
)
def test_an_answer_of_an_earlier_session_is_shown_as_committed(
    asked: dict[str, Any], answer: Any, field: str
) -> None:
    predict("q", answer=answer)

    prediction = predict("q", **asked)
    shown = PredictionWidget(prediction)

    assert not prediction.open
    assert shown.field.value == field
    assert "You predict" in shown.message.value
    assert MAY_CHANGE in shown.message.value


def test_an_answer_of_an_earlier_session_that_fits_no_more_is_none() -> None:
    predict("q", answer="four")

    assert predict("q", unit="Pods").open
    assert predict("q", choices=("yes", "no")).open
    assert predict("q", nodes=NODES).open


def test_what_cannot_be_stored_counts_and_is_said(store: Path) -> None:
    shown = PredictionWidget(ready := predict("q", unit="Pods"))
    store.mkdir()  # a folder where the file should be
    shown.field.value = "3"
    shown.commit.click()

    assert ready.answer == 3
    assert "The answer was not kept" in shown.message.value


def formatter() -> DisplayFormatter:
    """The formatter of a kernel's shell after the course was loaded."""
    shell = SimpleNamespace(kernel=None, display_formatter=DisplayFormatter())
    prediction_widget.load(shell)
    return shell.display_formatter


def test_a_kernel_shows_the_widget_and_the_text_for_who_has_none() -> None:
    shown, _ = formatter().format(prediction := predict("q", "How long?", unit="s"))
    view = shown["application/vnd.jupyter.widget-view+json"]

    assert view["model_id"] == prediction_widget._widgets["q"].box.model_id
    assert shown["text/plain"] == str(prediction)
    assert shown["text/markdown"].startswith("How long? No prediction yet.")


def test_a_question_has_one_widget_at_a_time() -> None:
    show = formatter().format
    first = predict("q", unit="s")
    show(first)
    old = prediction_widget._widgets["q"]
    show(first)
    assert prediction_widget._widgets["q"] is old, "the same prediction, shown again"

    show(other := predict("other", unit="s"))
    show(predict("q", unit="s"))
    assert prediction_widget._widgets["q"] is not old
    assert [each.comm for each in (old.box, old.field, old.commit)] == [None, None, None], "closed"
    show(other)
    assert prediction_widget._widgets["other"].field.comm is not None, "others stay"


def test_a_widget_that_was_closed_is_made_again_when_the_question_is_shown() -> None:
    show = formatter().format
    show(asked := predict("q", unit="s"))
    prediction_widget._widgets["q"].box.close()
    shown, _ = show(asked)

    view = shown["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == prediction_widget._widgets["q"].box.model_id


def test_a_shell_without_a_kernel_shows_the_text() -> None:
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    prediction_widget.load(shell)
    shown, _ = shell.display_formatter.format(Prediction("q", 3, unit="Pods"))

    assert shown == {"text/plain": "You predict 3 Pods.", "text/markdown": "You predict 3 Pods."}
