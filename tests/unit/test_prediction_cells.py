"""Which cells of a lesson wait for which prediction, and what keeps a result from waiting."""

from __future__ import annotations

import pytest

from prediction_cells import asked, problems, shows

ASK = 'x = predict("01-x", "How many?", unit="Pods")\nx'


def test_the_cells_after_a_question_show_its_result_until_the_last_that_compares_it() -> None:
    cells = ["a = 1", ASK, None, "run()", "x.compare(1)", "print(1)", "x.compare(2)", "b = 2"]

    assert shows(cells) == [[], [], [], ["01-x"], ["01-x"], ["01-x"], ["01-x"], []]


def test_a_cell_that_asks_waits_for_no_question() -> None:
    other = 'y = predict("01-y")\ny'
    cells = [ASK, other, "run()", "x.compare(1)", "y.compare(2)"]

    assert shows(cells) == [[], [], ["01-x", "01-y"], ["01-x", "01-y"], ["01-y"]]


def test_a_name_that_is_used_again_is_another_question() -> None:
    cells = [ASK, "x.compare(1)", ASK.replace("01-x", "01-z"), "%kubectl get pods\nx.compare(1)"]

    assert shows(cells) == [[], ["01-x"], [], ["01-z"]]
    assert [(each.question_id, each.cell, each.last) for each in asked(cells)] == [
        ("01-x", 0, 1), ("01-z", 2, 3),
    ]  # fmt: skip


def test_a_comparison_in_a_loop_or_a_dict_counts() -> None:
    cells = [ASK, "for n in (1,):\n    display(x.compare(n))", "{'x': x.compare(1)}"]

    assert shows(cells) == [[], ["01-x"], ["01-x"]]


def test_a_good_lesson_has_no_problem() -> None:
    before = "from daemonset_course import taint\nnode = 'n1'\ntaint(node, 'a=b:NoSchedule')\n"
    cells = ["# a text", before + ASK, "x.compare(1)", "%%kubectl apply -f -\nkind: Pod", "1 +"]

    assert list(problems(cells)) == []


@pytest.mark.parametrize(
    ("cell", "line", "says"),
    [
        (f"{ASK}.compare(1)", 2, "ends in x"),
        (f"{ASK}\nrun()", 2, "ends in x"),
        (ASK.removesuffix("\nx"), 1, "ends in x"),
        (f"{ASK.removesuffix('x')}apply(y)\nx.compare(1)", 2, "ends in x"),
        (f"print(1)\n{ASK}", 1, "only assignments and calls"),
        (f"for n in (1,):\n    run()\n{ASK}", 1, "only assignments and calls"),
        (f"y = 1\nshow(y)\n{ASK}", 2, "only assignments and calls"),
        (f"y = predict('01-y')\n{ASK}", 2, "two predictions in a cell"),
        ('predict("01-x")', 1, "a name of its own"),
        ('x = {"a": predict("01-x")}', 1, "a name of its own"),
        ("x = predict(name)\nx", 1, "must be a text"),
    ],
)
def test_a_cell_that_cannot_wait_is_named(cell: str, line: int, says: str) -> None:
    found = [(at, text) for index, at, text in problems(["1", cell, "x.compare(1)\ny.compare(1)"])]

    assert [at for at, text in found if says in text] == [line]


def test_a_question_that_is_never_compared_is_named() -> None:
    (found,) = problems(["run()", ASK, "x.answer"])

    assert found == (1, 1, "x is compared in no cell after it.")
