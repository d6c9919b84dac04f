"""ControllerRevisions after each step: which got a new number, and the picture of it."""

from __future__ import annotations

from typing import Any

from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from daemonset_course.plot.ladder import plot_ladder
from daemonset_course.plot.look import PALETTE
from daemonset_course.timeline.ladder import ladder, ladder_caption, ladder_headline

Record = dict[str, Any]


def revision(number: int, name: str, release: str) -> Record:
    env = [{"name": "OTHER", "value": "x"}, {"name": "RELEASE", "value": release}]
    template = {"spec": {"containers": [{"env": env}]}}
    spec = {"template": template}
    return {"revision": number, "metadata": {"name": name}, "data": {"spec": spec}}


def undone() -> dict[str, list[Record]]:
    """Two releases, then back to the first; the server lists in no order."""
    return {
        "create": [revision(1, "one", "1")],
        "release": [revision(2, "two", "2"), revision(1, "one", "1")],
        "undo": [revision(3, "one", "1"), revision(2, "two", "2")],
    }


def test_numbers_are_sorted_after_each_step() -> None:
    found = ladder(undone(), "RELEASE")

    assert [found.numbers(step) for step in range(3)] == [[1], [1, 2], [2, 3]]
    assert found.numbers() == [2, 3]


def test_an_object_that_gets_another_number_climbs() -> None:
    ((step, before, after),) = ladder(undone(), "RELEASE").climbs

    assert (step, before.number, after.number, after.holds) == ("undo", 1, 3, "RELEASE 1")


def test_an_object_that_is_new_or_gone_does_not_climb() -> None:
    steps = {"before": [revision(1, "one", "1")], "after": [revision(2, "two", "2")]}

    assert ladder(steps, "RELEASE").climbs == []


def test_a_template_without_the_variable_is_told_as_unknown() -> None:
    found = ladder(undone(), "VERSION")

    assert found.rungs[0][0].holds == "VERSION ?"


def test_headline_and_caption_are_made_of_the_numbers() -> None:
    found = ladder(undone(), "RELEASE")

    assert ladder_headline(found) == (
        "2 templates, 3 numbers, 1 of them by going back to a template; now RELEASE 1"
    )
    assert ladder_caption(found) == ("undo: RELEASE 1, 1 becomes 3. Revisions at the end: 2, 3.")
    quiet = ladder({"create": [revision(1, "one", "1")]}, "RELEASE")
    assert ladder_caption(quiet) == "No revision got a new number. Revisions at the end: 1."


def test_each_revision_is_a_rung_at_its_number_and_only_the_newest_is_full() -> None:
    ax = plot_ladder(undone(), env="RELEASE").figure.axes[-1]
    rungs = {
        (round(r.get_x() + r.get_width() / 2), round(r.get_y() + r.get_height() / 2)): r
        for r in ax.patches
        if isinstance(r, Rectangle)
    }
    full = {at: to_hex(r.get_facecolor()) for at, r in rungs.items()}
    edges = {at: to_hex(r.get_edgecolor()) for at, r in rungs.items()}
    one, two, ground = PALETTE[0].lower(), PALETTE[1].lower(), "#ffffff"

    assert full == {(0, 1): one, (1, 1): ground, (1, 2): two, (2, 2): ground, (2, 3): one}
    assert edges == {(0, 1): one, (1, 1): one, (1, 2): two, (2, 2): two, (2, 3): one}


def test_a_line_leads_from_each_rung_to_the_next_one_of_its_template() -> None:
    ax = plot_ladder(undone(), env="RELEASE", dark=True).figure.axes[-1]
    drawn = [tuple(map(int, line.get_ydata())) for line in ax.lines]  # type: ignore[arg-type]

    assert sorted(drawn) == [(1, 1), (1, 3), (2, 2)]
