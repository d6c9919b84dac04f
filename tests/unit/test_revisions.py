"""ControllerRevisions after each step, and which got a new number."""

from __future__ import annotations

from typing import Any

from daemonset_course.analysis.revisions import revision_history

Record = dict[str, Any]


def revision(number: int, name: str, release: str) -> Record:
    env = [{"name": "OTHER", "value": "x"}, {"name": "RELEASE", "value": release}]
    spec = {"template": {"spec": {"containers": [{"env": env}]}}}
    return {"revision": number, "metadata": {"name": name}, "data": {"spec": spec}}


def undone() -> dict[str, list[Record]]:
    """Two releases, then back to the first; the server lists in no order."""
    return {
        "create": [revision(1, "one", "1")],
        "release": [revision(2, "two", "2"), revision(1, "one", "1")],
        "undo": [revision(3, "one", "1"), revision(2, "two", "2")],
    }


def test_numbers_are_sorted_after_each_step() -> None:
    found = revision_history(undone(), "RELEASE")

    assert [found.numbers(step) for step in range(3)] == [[1], [1, 2], [2, 3]]
    assert found.numbers() == [2, 3]


def test_an_object_that_is_new_or_gone_is_not_renumbered() -> None:
    steps = {"before": [revision(1, "one", "1")], "after": [revision(2, "two", "2")]}

    assert revision_history(steps, "RELEASE").renumbered == []


def test_a_template_without_the_variable_is_unknown() -> None:
    assert revision_history(undone(), "VERSION").headline.endswith("now VERSION ?")


def test_headline_and_caption_are_made_of_the_numbers() -> None:
    found = revision_history(undone(), "RELEASE")

    assert found.headline == (
        "2 templates, 3 numbers, 1 of them by going back to a template; now RELEASE 1"
    )
    assert found.caption == "undo: RELEASE 1, 1 becomes 3. Revisions at the end: 2, 3."
    quiet = revision_history({"create": [revision(1, "one", "1")]}, "RELEASE")
    assert quiet.caption == "No revision got a new number. Revisions at the end: 1."


def test_each_revision_is_a_cell_at_its_number_and_only_the_newest_is_full() -> None:
    figure = revision_history(undone(), "RELEASE").figure()
    styles = {place: figure.styles[cell.style] for place, cell in figure.cells.items()}

    assert [row.name for row in figure.rows] == ["3", "2", "1"]
    assert {place: (style.colour, style.fade) for place, style in styles.items()} == {
        ("1", "create"): ("series 0", 0), ("1", "release"): ("series 0", 1),
        ("2", "release"): ("series 1", 0), ("2", "undo"): ("series 1", 1),
        ("3", "undo"): ("series 0", 0),
    }  # fmt: skip


def test_a_link_leads_from_each_cell_to_the_next_one_of_its_template() -> None:
    assert revision_history(undone(), "RELEASE").figure().links == (
        (("1", "create"), ("1", "release"), "series 0"),
        (("1", "release"), ("3", "undo"), "series 0"),
        (("2", "release"), ("2", "undo"), "series 1"),
    )
