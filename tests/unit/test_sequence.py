"""Who created, who bound, who ran a pod: the facts and the picture of them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, change, pod

from daemonset_course.errors import BadInput
from daemonset_course.plot.sequence import plot_sequence
from daemonset_course.timeline.sequence import sequence, sequence_caption, sequence_headline

Record = dict[str, Any]


def log(*records: Record, end: float = 10) -> list[Record]:
    return [HEADER, *records, {"record": "end", "t": end}]


def note(t: float, text: str) -> Record:
    return {"record": "mark", "t": t, "text": text}


def born(t: float, uid: str, on: str) -> Record:
    return change(t, "pods", pod(uid, on, phase="unbound"), "ADDED")


def without_scheduler(*, started: float = 7) -> list[Record]:
    """n1's pod is replaced while there is no scheduler; n2's runs on."""
    return log(
        change(0.01, "pods", pod("a", "n1"), "ADDED", "list"),
        change(0.01, "pods", pod("b", "n2"), "ADDED", "list"),
        note(1, "kube-scheduler: stopped"),
        change(2, "pods", pod("a", "n1", phase="terminating")),
        change(3, "pods", pod("a", "n1", phase="terminating"), "DELETED"),
        born(3.1, "c", "n1"),
        change(6, "pods", pod("c", "n1", phase="pending")),
        change(6.5, "pods", pod("c", "n1")),
        note(started, "kube-scheduler: started"),
    )


def test_each_step_of_a_life_has_its_moment() -> None:
    [old, new, other] = sequence(without_scheduler()).lives

    assert (old.created, old.bound, old.stopping, old.gone) == (None, None, 2, 3)
    assert (new.created, new.bound, new.ready, new.gone) == (3.1, 6, 6.5, None)
    assert (other.node, other.created, other.placed, other.ready) == ("n2", None, True, None)


def test_the_scheduler_is_away_until_it_binds_or_says_that_it_started() -> None:
    assert sequence(without_scheduler(started=7)).away == ((1, 6),)
    assert sequence(without_scheduler(started=5)).away == ((1, 5),)


def test_a_scheduler_that_stays_away_is_away_until_the_end() -> None:
    found = sequence(log(note(1, "kube-scheduler: stopped"), born(3, "c", "n1"), end=8))

    assert found.away == ((1, 8),)
    assert sequence_caption(found) == (
        "1 pod created, 1 of them without a node. No scheduler from 1.0 to 8.0 s."
    )


def test_the_headline_tells_who_waited_and_who_ran_on() -> None:
    found = sequence(without_scheduler())

    assert sequence_headline(found) == "No scheduler: 1 pod waited for it, 1 pod ran on"
    assert sequence_caption(found) == (
        "1 pod created, 1 of them without a node. The scheduler bound 1 of them within 2.9 s. "
        "The kubelets had 1 ready within 0.50 s more. No scheduler from 1.0 to 6.0 s."
    )


def test_with_a_scheduler_the_headline_names_the_three() -> None:
    found = sequence(log(born(1, "a", "n1"), change(1.2, "pods", pod("a", "n1"))))

    assert sequence_headline(found) == (
        "The controller creates, the scheduler binds, the kubelet runs"
    )


def test_a_pod_with_a_node_from_its_creation_on_was_bound_by_nobody() -> None:
    found = sequence(log(change(1, "pods", pod("a", "n1", phase="pending"), "ADDED")))

    assert [(life.placed, life.bound) for life in found.new] == [(True, None)]
    assert sequence_headline(found) == "The scheduler bound none of the pods"
    assert sequence_caption(found) == "1 pod created, 0 of them without a node."


def test_an_adopted_pod_is_not_a_created_one() -> None:
    stray = pod("a", "n1", owned=False)
    found = sequence(log(change(1, "pods", stray, "ADDED"), change(2, "pods", pod("a", "n1"))))

    assert [life.pod for life in found.lives] == ["agent-a"]
    assert found.new == ()


def test_a_recording_without_a_pod_is_refused() -> None:
    with pytest.raises(BadInput, match="shows no pod of agent"):
        sequence(log(change(1, "pods", pod("a", "n1", owned=False), "ADDED")))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_picture_is_svg_with_its_caption_as_description(dark: bool) -> None:
    picture = plot_sequence(without_scheduler(), dark=dark)
    text = picture.svg()

    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert picture.caption in text
    assert "NaN" not in text


def test_text_stays_on_the_paper_and_does_not_cover_other_text() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plot_sequence(without_scheduler()).figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    boxes += [text.get_window_extent(renderer) for ax in figure.axes for text in ax.texts]

    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
