"""A shortened log gives the timeline of the whole one, and is much smaller."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from proof import find, play, started

from daemonset_course.history.index import History
from daemonset_course.history.log import to_json
from daemonset_course.history.shortened import shortened


@pytest.mark.parametrize("lab", ["06", "08"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_timeline_of_a_shortened_log_is_that_of_the_whole_one(lab: str, number: int) -> None:
    found = find(lab)
    world = started(found, number)
    play(world, found.tasks[number - 1].solution)
    whole = world.run(30).log(ended=True)
    short = list(shortened(whole))
    one, other = (History(records).timeline() for records in (whole, short))
    templates = [(t.t, t.generation, t.revision, t.created) for t in one.templates]

    assert other.segments == one.segments
    assert [(t.t, t.generation, t.revision, t.created) for t in other.templates] == templates
    assert (other.marks, other.numbers, other.nodes) == (one.marks, one.numbers, one.nodes)
    for line in ("unavailable", "updated", "behind", "surge", "budget", "desired", "ready"):
        assert getattr(other, line) == getattr(one, line), line
    assert len(json.dumps([*map(to_json, short)])) < 0.6 * len(json.dumps([*map(to_json, whole)]))


def test_objects_of_other_daemonsets_and_namespaces_are_left_out() -> None:
    found = find("09")
    whole = started(found, 1).run(5).log(ended=True)
    kept = {
        record.object["metadata"]["name"]
        for record in shortened([replace(whole[0], daemonset="metrics"), *whole[1:]])  # type: ignore[type-var,list-item]
        if getattr(record, "resource", "") == "daemonsets"
    }

    assert kept == {"metrics"}
