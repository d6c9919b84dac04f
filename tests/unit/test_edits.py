"""Edits: the changes of an object but those of its status, which controllers and kubelets write."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, daemonset, history, node, present

from daemonset_course.history.outages import Outage


def of_nodes(*later: dict[str, Any]) -> list[float]:
    begun = present("nodes", node("n1"))
    changes = [change(t, "nodes", one) for t, one in enumerate(later, 1)]
    return [one.t for one in history(*begun, *changes).edits("nodes")]


def test_a_status_alone_is_no_edit() -> None:
    assert of_nodes(node("n1", ready="False"), node("n1")) == [0.0]


@pytest.mark.parametrize(
    "edited", [node("n1", team="a"), node("n1", taints=[{"key": "a"}]), node("n1") | {"data": {}}]
)
def test_labels_spec_and_every_other_part_are(edited: dict[str, Any]) -> None:
    assert of_nodes(node("n1"), edited, edited) == [0.0, 2.0]


def test_a_write_that_changes_the_version_only_is_none() -> None:
    def written(version: str) -> dict[str, Any]:
        one = node("n1")
        one["metadata"] |= {"resourceVersion": version, "managedFields": [version]}
        return one

    assert of_nodes(written("1"), written("2")) == [0.0]


def test_deletion_and_a_new_object_of_the_name_are_edits() -> None:
    gone = change(3, "nodes", node("n1"), "DELETED")
    again = change(4, "nodes", node("n1"), "ADDED")
    found = history(*present("nodes", node("n1")), gone, again)

    assert [one.type for one in found.edits("nodes")] == ["ADDED", "DELETED", "ADDED"]


def test_edits_can_be_tested_as_changes_can() -> None:
    both = present("daemonsets", daemonset(), daemonset(name="other"))
    found = history(*both, change(2, "daemonsets", daemonset(2, image="a:2")))

    edits = found.edits("daemonsets", lambda o: bool(o["metadata"]["name"] == "agent"))
    assert [one.t for one in edits] == [0.0, 2]


def test_outages_are_those_of_the_control_plane_whatever_the_daemonset() -> None:
    def component(t: float, state: str) -> dict[str, Any]:
        return {"record": "component", "t": t, "component": "kube-scheduler", "state": state}

    found = history(component(1, "ended"), component(3, "running"))

    assert found.outages == (Outage("kube-scheduler", "ended", 1, 3),)
    assert found.outages == found.timeline().outages
