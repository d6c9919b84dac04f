"""What reached the controller's queue, by change."""

from __future__ import annotations

from daemonset_course.analysis.enqueued import Enqueued

FOUND = Enqueued({"heartbeat": 0, "label": 1, "new node": 2})


def test_the_headline_parts_what_is_queued_from_what_is_not() -> None:
    assert FOUND.headline == "The controller queues: label, new node; not: heartbeat"
    assert Enqueued({"label": 1}).headline.endswith("not: nothing")


def test_the_caption_has_every_count() -> None:
    assert FOUND.caption == "Entries by change: heartbeat 0, label 1, new node 2."


def test_a_bar_for_each_change_and_words_where_there_is_none() -> None:
    figure = FOUND.figure()

    assert figure.groups == ("heartbeat", "label", "new node")
    assert figure.values == {"entries": (0, 1, 2)}
    assert figure.texts == {("entries", "heartbeat"): "0: not queued"}


def test_a_prediction_stands_at_its_bars() -> None:
    figure = Enqueued(FOUND.counts, predicted=["heartbeat", "label"]).figure()

    assert figure.groups == ("predicted: heartbeat", "predicted: label", "new node")
    assert figure.texts == {("entries", "predicted: heartbeat"): "0: not queued"}
