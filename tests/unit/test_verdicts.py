"""Pairs of two settings and what the API server said to each: the grid and its picture."""

from __future__ import annotations

from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import PALETTE
from daemonset_course.plot.verdicts import plot_verdicts
from daemonset_course.timeline.verdicts import verdicts, verdicts_caption, verdicts_headline

BOTH, NEITHER = "not both", "not neither"
ANSWERS = {
    (0, 0): NEITHER,
    (0, "10%"): "",
    (0, 1): "",
    (1, 0): "",
    (1, "10%"): BOTH,
    (1, 1): BOTH,
}


def test_rows_and_columns_keep_the_order_in_which_they_were_asked() -> None:
    found = verdicts(ANSWERS)

    assert found.rows == ("0", "1")
    assert found.columns == ("0", "10%", "1")


def test_the_most_frequent_refusal_is_letter_a() -> None:
    found = verdicts(ANSWERS)

    assert found.messages == (BOTH, NEITHER)
    assert [found.letter(said) for said in (BOTH, NEITHER)] == ["a", "b"]


def test_headline_and_caption_count_the_answers() -> None:
    found = verdicts(ANSWERS)

    assert verdicts_headline(found) == "3 of 6 pairs are accepted"
    assert verdicts_caption(found) == (
        "Accepted ✓: 3. Refused: a (2 pairs): not both; b (1 pairs): not neither."
    )
    assert verdicts_caption(verdicts({(0, 1): ""})) == "Accepted ✓: 1. Refused: none."


def test_each_pair_is_a_cell_with_a_tick_or_the_letter_of_its_refusal() -> None:
    (*_, ax) = plot_verdicts(ANSWERS, rows="down", columns="extra").figure.axes
    cells = {
        (round(r.get_x() + r.get_width() / 2), round(r.get_y() + r.get_height() / 2)): r
        for r in ax.patches
        if isinstance(r, Rectangle)
    }
    words = {(round(t.get_position()[0]), round(t.get_position()[1])): t for t in ax.texts}
    drawn = {spot: words[spot].get_text() for spot in cells}
    filled = {spot for spot, r in cells.items() if to_hex(r.get_facecolor()) == PALETTE[0].lower()}

    assert drawn == {
        (0, 0): "b", (1, 0): "✓", (2, 0): "✓", (0, 1): "✓", (1, 1): "a", (2, 1): "a",
    }  # fmt: skip
    assert filled == {spot for spot, word in drawn.items() if word == "✓"}


def test_the_picture_names_both_settings_and_takes_a_title() -> None:
    picture = plot_verdicts(ANSWERS, rows="down", columns="extra", title="One of two", dark=True)
    texts = {text.get_text() for ax in picture.figure.axes for text in ax.texts}

    assert {"down", "extra"} <= texts
    assert picture.title == "One of two"
