"""Pairs of two settings and what the API server answered to each."""

from __future__ import annotations

from daemonset_course.analysis.admission import admission

BOTH, NEITHER = "not both", "not neither"
ANSWERS = {
    (0, 0): NEITHER,
    (0, "10%"): "",
    (0, 1): "",
    (1, 0): "",
    (1, "10%"): BOTH,
    (1, 1): BOTH,
}


FOUND = admission(ANSWERS, rows="down", columns="extra")


def test_rows_and_columns_keep_the_order_in_which_they_were_asked() -> None:
    assert (FOUND.rows, FOUND.columns) == (("0", "1"), ("0", "10%", "1"))


def test_the_answers_are_counted_and_the_most_frequent_refusal_is_letter_a() -> None:
    assert FOUND.headline == "3 of 6 pairs are accepted"
    assert FOUND.caption == (
        "Accepted ✓: 3. Refused: a (2 pairs): not both; b (1 pair): not neither."
    )
    every = admission({(0, 1): ""}, rows="down", columns="extra")
    assert every.caption == "Accepted ✓: 1. Refused: none."


def test_each_pair_is_a_cell_with_a_tick_or_the_letter_of_its_refusal() -> None:
    figure = FOUND.figure()

    assert {place: cell.text for place, cell in figure.cells.items()} == {
        ("0", "0"): "b", ("0", "10%"): "✓", ("0", "1"): "✓",
        ("1", "0"): "✓", ("1", "10%"): "a", ("1", "1"): "a",
    }  # fmt: skip
    assert {c.style for c in figure.cells.values() if c.text == "✓"} == {"accepted"}
    assert list(figure.styles) == ["accepted", "refused (a, b: see below)"]
    assert (figure.row_title, figure.column_title) == ("down", "extra")
