"""How many Pods fit beside agents."""

from __future__ import annotations

from daemonset_course.analysis.capacity import Capacity

FOUND = Capacity({"without requests": {0: 8, 10: 8}, "with requests": {0: 8, 5: 7, 10: 6}}, "web")


def test_headline_and_caption_tell_what_the_agents_took() -> None:
    assert FOUND.headline == (
        "10 agents took the room of 0 (without requests), 2 (with requests) Pods of web"
    )
    assert "with requests: 8 beside 0, 7 beside 5, 6 beside 10." in FOUND.caption


def test_a_line_for_each_kind_of_agent_the_first_one_on_top() -> None:
    drawn = FOUND.figure().series

    assert [(one.label, one.points) for one in drawn] == [
        ("with requests", ((0, 8), (5, 7), (10, 6))),
        ("without requests", ((0, 8), (10, 8))),
    ]
    assert len({(one.stroke.colour, one.stroke.marker, one.stroke.dash) for one in drawn}) == 2


def test_a_prediction_is_a_hollow_point_on_the_lines_and_stands_in_the_caption() -> None:
    answers = {"without requests": None, "with requests": 7, "never measured": 3}
    found = Capacity(FOUND.measured, FOUND.app, answers)
    *lines, guess = found.figure().series

    assert guess.points == ((10, 7),)
    assert guess.stroke.hollow
    assert tuple(lines) == FOUND.figure().series
    assert found.caption == f"{FOUND.caption} You predicted 7 with requests."
