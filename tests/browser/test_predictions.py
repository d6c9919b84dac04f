"""A prediction in its notebook: the field, the buttons, and the cells that wait for the answer."""

from __future__ import annotations

from typing import Any

from browser.notebook_page import Lab, Notebook
from daemonset_course.symptom import cases

COUNT = "The cluster has three workers. How many Pods will the DaemonSet have?"


def asked(name: str) -> tuple[Any, ...]:
    """Cells with three questions that nobody has answered, and a cell with the result of each."""
    return (
        "from daemonset_course import predict",
        f"count = predict({name + '-count'!r}, {COUNT!r}, unit='Pods')\ncount",
        ("print('the result')\ncount.compare(3, within=0)", f"{name}-count"),
        f"owner = predict({name + '-owner'!r}, 'Who owns its Pods?', "
        "choices=('DaemonSet', 'Node'))\nowner",
        ("owner.compare('DaemonSet')", f"{name}-owner"),
        f"where = predict({name + '-where'!r}, 'Which nodes run it?', "
        "nodes=('worker', 'worker2', 'control-plane'))\nwhere",
        ("where.compare(['worker', 'worker2'])", f"{name}-where"),
    )


def held_back(opened: Notebook, number: int) -> list[str]:
    return [line for line in opened.text(number).splitlines() if line.strip()]


def test_a_result_is_held_back_until_the_answer_is_committed_by_enter(
    lab: Lab, notebook: Any, look: Any
) -> None:
    opened = lab.open(notebook("browser-count", *asked("browser-count")))
    opened.run_all_until(2)
    first, second = held_back(opened, 2)
    assert first == f"NotPredicted: Commit your prediction first: {COUNT}"
    assert second.strip().startswith("Next: Type it above and press Commit, or press Show me")
    assert [one.partition(":")[0] for one in opened.errors()] == ["cell 2"]
    assert opened.text(3) == ""  # Run All went no further

    opened.fill(1, "many")
    opened.press(1, "Commit")
    alert = opened.output(1).get_by_role("alert")
    alert.get_by_text("Nothing was stored.").wait_for()
    field = opened.output(1).locator("input").bounding_box()
    said = alert.bounding_box()
    assert field
    assert said
    assert said["x"] > field["x"]  # beside it, on its line
    assert said["y"] < field["y"] + field["height"]
    look(opened, 1, "refused")

    opened.output(1).locator("input").fill("3")
    lab.page.keyboard.press("Enter")
    opened.run(2)  # at once
    assert opened.errors() == []
    assert opened.text(2).startswith("the result")
    assert "As predicted." in opened.text(2)
    assert "You predict 3 Pods." in opened.text(1)
    look(opened, 1, "predicted")


def test_show_me_lets_the_result_be_seen_without_an_answer(lab: Lab, notebook: Any) -> None:
    opened = lab.open(notebook("browser-show", *asked("browser-show")))
    opened.run_all_until(2)
    opened.press(1, "Show me without a prediction")
    opened.run(2)
    assert "No prediction was typed; the cluster shows 3 Pods" in opened.text(2)

    opened.run(3)
    opened.run(4)
    assert "NotPredicted" in opened.text(4)  # each question by itself


def test_choices_and_nodes_are_answered_by_keys_alone(lab: Lab, notebook: Any) -> None:
    opened = lab.open(notebook("browser-keys", *asked("browser-keys")))
    opened.run(0)
    keyboard = lab.page.keyboard
    opened.run(1)
    opened.select(1)
    opened.tab_to(1, "Your prediction")
    keyboard.type("4")
    keyboard.press("Enter")
    opened.output(1).get_by_text("You predict 4 Pods.").wait_for()

    opened.run(3)
    opened.select(3)
    opened.tab_to(3, "DaemonSet")
    keyboard.press("Space")
    opened.tab_to(3, "Commit")
    keyboard.press("Enter")
    opened.output(3).get_by_text("You predict DaemonSet.").wait_for()

    opened.run(5)
    opened.select(5)
    opened.tab_to(5, "Commit")
    keyboard.press("Space")
    opened.output(5).get_by_role("alert").get_by_text("Tick your prediction first").wait_for()
    opened.select(5)
    for name in ("none of them", "worker", "worker2"):
        if name == "worker":  # it unticks none of them
            opened.select(5)
        opened.tab_to(5, name)
        keyboard.press("Space")
    opened.tab_to(5, "Commit")
    keyboard.press("Space")
    opened.output(5).get_by_text("You predict worker, worker2.").wait_for()

    for number, verdict in ((2, "Not as predicted."), (4, "As predicted."), (6, "As predicted.")):
        opened.run(number)
        assert verdict in opened.text(number)
    assert opened.errors() == []


def test_shift_enter_commits_in_a_field_and_runs_on_when_pressed_again(
    lab: Lab, notebook: Any
) -> None:
    opened = lab.open(notebook("browser-shift", *asked("browser-shift")))
    opened.run(0)
    opened.run(1)
    opened.output(1).locator("input").click()
    lab.page.keyboard.type("3")
    lab.page.keyboard.press("Shift+Enter")
    opened.wait_focused(1, "Commit")
    assert "You predict 3 Pods." in opened.text(1)

    assert opened.active == 1
    opened.run_active()
    opened.run_active()
    assert "As predicted." in opened.text(2)
    assert opened.errors() == []


def test_without_its_kernel_a_saved_notebook_shows_the_answer(lab: Lab, notebook: Any) -> None:
    path = notebook("browser-saved", *asked("browser-saved"))
    opened = lab.open(path)
    opened.run_all_until(2)
    opened.output(1).locator("input").fill("3")
    lab.page.keyboard.press("Enter")
    opened.output(1).get_by_text("You predict 3 Pods.").wait_for()
    opened.select(2)
    opened.save()
    opened.shut_down()
    opened = lab.open(path)

    opened.output(1).get_by_text("You predict 3 Pods.").wait_for()
    assert "model not found" not in opened.text(1)


def test_a_symptom_shows_a_terminal_and_judges_the_choice_after_commit(
    lab: Lab, notebook: Any, look: Any
) -> None:
    case = cases()["waits-for-your-delete"]
    wrong, right = case.explanations[0], case.explanations[1]
    code = f"from daemonset_course.lessons import symptom\n\nsymptom({case.name!r})"
    opened = lab.open(notebook("browser-symptom", code))
    opened.run(0)
    opened.output(0).get_by_text("$ kubectl rollout status daemonset/agent").wait_for()
    look(opened, 0, "symptom")
    assert wrong.because not in opened.text(0)

    opened.output(0).get_by_label(wrong.says).check()
    opened.press(0, "Commit")
    opened.output(0).get_by_text("That is not the cause.").wait_for()
    assert wrong.because in opened.text(0)
    assert "Right." not in opened.text(0)

    opened.output(0).get_by_label(right.says).check()
    opened.press(0, "Commit")
    opened.output(0).get_by_text("Right.").wait_for()
    look(opened, 0, "symptom-right")
    assert "Show me without a prediction" not in opened.text(0)
