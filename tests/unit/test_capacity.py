"""What agents request of their nodes, and how many Pods fit beside them."""

from __future__ import annotations

from typing import Any

from fleet import blinded, history, listed, node, pod

from daemonset_course.analysis.capacity import Capacity, NodeShares, node_shares

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


ROOMS = {"course-worker": "48", "course-worker2": "4", "course-worker3": "940m"}


def sized(requests: dict[str, str], *, unbound: str = "") -> list[dict[str, Any]]:
    """The records of three nodes, and of a Pod on each that has a request."""
    nodes = [node(name) for name in ROOMS]
    for one in nodes:
        one["status"]["allocatable"] = {"cpu": ROOMS[one["metadata"]["name"]]}
    pods = [
        pod(name, name, phase="unbound" if name == unbound else "ready", app="collector")
        for name in requests
    ]
    for one in pods:
        asked = {"requests": {"cpu": requests[one["metadata"]["uid"]]}}
        one["spec"]["containers"] = [{"resources": asked}, {}]
    other = pod("other", "course-worker", app="other")
    return [*listed("nodes", *nodes), *listed("pods", *pods, other)]


ONE = sized(dict.fromkeys(ROOMS, "1"), unbound="course-worker3")
EACH = sized({"course-worker": "1", "course-worker2": "100m"})


def shares(**logs: list[dict[str, Any]]) -> NodeShares:
    found = {name: history(*log) for name, log in logs.items()}
    return node_shares(found, [*ROOMS], "collector")


def test_the_same_request_is_another_share_of_each_node() -> None:
    found = shares(one=ONE)

    assert [round(share.percent) for share in found.shares["one"].values()] == [2, 25, 106]
    assert found.waiting("one") == ["worker3"]
    assert found.headline == "collector requests of a node's CPU: 2.1 to 106 % (one)"
    assert found.caption == (
        "one: worker 1000m of 48000m, 2.1 %, worker2 1000m of 4000m, 25 %, "
        "worker3 1000m of 940m, 106 %, Pending."
    )


def test_a_bar_for_each_node_and_arrangement_says_what_is_pending_or_missing() -> None:
    drawn = shares(one=ONE, each=EACH).figure()

    assert drawn.groups == ("worker: 48 CPUs", "worker2: 4 CPUs", "worker3: 0.94 CPUs")
    assert drawn.texts["one", "worker3: 0.94 CPUs"] == "106 %, Pending"
    assert drawn.texts["each", "worker2: 4 CPUs"] == "2.5 %"
    assert drawn.texts["each", "worker3: 0.94 CPUs"] == "no Pod"
    assert drawn.styles["one"].hatch != drawn.styles["each"].hatch


def test_an_end_that_nobody_saw_has_a_question_mark() -> None:
    blind = blinded(EACH, "pods", 5, 10, relist=False)
    found = shares(one=ONE, each=blind)
    alone = shares(each=blind).figure()

    assert found.figure().values["each"] == (0, 0, 0)
    assert found.figure().texts["each", "worker: 48 CPUs"] == "?"
    assert (alone.groups, alone.texts) == (("unknown",), {("each", "unknown"): "?"})
    assert "each: the end was not seen. The watch of pods saw nothing from 5.0 s" in found.caption
    assert shares(each=blind).headline == "Nobody saw what collector requests of its nodes"


def test_a_gap_before_the_end_is_told_and_the_end_is_known() -> None:
    found = shares(each=blinded(EACH, "nodes", 2, 4))

    assert found.shares["each"] == shares(each=EACH).shares["each"]
    assert found.caption.endswith("The watch of nodes saw nothing from 2.0 s to 4.0 s.")
