from __future__ import annotations

from typing import Any

from daemonset_course.lab.recorder import Seen


def item(uid: str, version: int) -> dict[str, Any]:
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def listing(moment: int, **versions: int) -> dict[str, Any]:
    items = [item(uid, version) for uid, version in versions.items()]
    return {"metadata": {"resourceVersion": str(moment)}, "items": items}


def seen(*told: tuple[str, str, int]) -> Seen:
    made = Seen()
    for kind, uid, version in told:
        made.told(kind, item(uid, version))
    return made


def test_a_list_is_held_when_each_of_its_objects_was_told_as_new_or_newer() -> None:
    two = seen(("ADDED", "a", 1), ("ADDED", "b", 2))

    assert two.holds(listing(3, a=1, b=2))
    assert not two.holds(listing(4, a=1, b=4))
    assert not two.holds(listing(3, a=1, b=2, c=3))
    assert seen(("ADDED", "a", 1), ("MODIFIED", "a", 5)).holds(listing(2, a=1))


def test_an_object_that_is_listed_no_more_must_be_told_as_gone_unless_it_came_later() -> None:
    assert not seen(("ADDED", "a", 1)).holds(listing(3))
    assert seen(("ADDED", "a", 1), ("DELETED", "a", 3)).holds(listing(3))
    assert seen(("ADDED", "a", 4)).holds(listing(3))


def test_an_object_that_was_listed_and_is_gone_since_is_held() -> None:
    assert seen(("ADDED", "a", 1), ("DELETED", "a", 5)).holds(listing(3, a=2))
