"""The bars of what reached the controller's queue."""

from __future__ import annotations

from daemonset_course.plot.queued import plot_queued, queued_caption, queued_headline

COUNTS = {"heartbeat": 0, "label": 1, "new node": 2}


def test_the_title_parts_what_the_controller_is_told_from_what_it_is_not() -> None:
    assert (
        queued_headline(COUNTS) == "The controller is told of: label, new node; not of: heartbeat"
    )
    assert queued_headline({"label": 1}).endswith("not of: nothing")


def test_the_caption_has_every_count() -> None:
    assert queued_caption(COUNTS) == "Entries by change: heartbeat 0, label 1, new node 2."


def test_a_bar_for_each_change_and_words_where_there_is_none() -> None:
    picture = plot_queued(COUNTS, dark=True)
    [ax] = picture.figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0, 1, 2]
    assert ax.texts[0].get_text() == "0: not told"
