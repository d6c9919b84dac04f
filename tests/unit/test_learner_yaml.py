"""What a learner writes between the quotes: whole objects, and parts of the task's DaemonSet."""

from __future__ import annotations

import pytest
import yaml

from daemonset_course.errors import BadInput
from daemonset_course.lab.learner_yaml import pieces

PART = "spec:\n  template:\n    spec:\n      tolerations: []\n"
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: agent}\n"
WHOLE = (
    "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n"
    "spec: {selector: {matchLabels: {app: agent}}, template: {}}\n"
)


def kinds(text: str) -> list[bool]:
    return [one.is_whole for one in pieces(text, "agent")]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (PART, [False]),
        (WHOLE, [True]),
        (f"{PART}---\n{ROLE}", [False, True]),
        (f"{ROLE}---\n{PART}", [True, False]),
        (f"{WHOLE}---\n{ROLE}", [True]),  # whole objects stay one text, with their lines
        ('{"spec": {"minReadySeconds": 1}}', [False]),
        ("spec: [\n", [True]),  # broken: `apply` reports the line
        ("- a\n- b\n", [True]),
        ("just words", [True]),
    ],
)
def test_each_document_is_a_whole_object_or_a_part(text: str, whole: list[bool]) -> None:
    assert kinds(text) == whole


def test_no_document_is_lost() -> None:
    first, second = pieces(f"{PART}---\n{ROLE}rules: []\n", "agent")

    assert yaml.safe_load(first.text) == yaml.safe_load(PART)
    assert "\n" not in first.text  # an error of kubectl repeats it
    assert yaml.safe_load(second.text)["rules"] == []


def test_a_daemonset_with_only_what_changes_is_a_part() -> None:
    only = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n" + PART

    assert kinds(only) == [False]
    assert kinds(only.replace("name: agent", "name: other")) == [True]


def test_a_part_of_another_object_is_refused_with_what_to_write() -> None:
    with pytest.raises(BadInput, match="begins with rules: and names no kind") as refused:
        pieces(f"{PART}---\nrules: []\n", "agent")
    assert "apiVersion, kind and metadata.name" in str(refused.value)


def test_a_saved_object_can_be_applied_after_the_one_it_was_is_gone() -> None:
    saved = yaml.safe_load(WHOLE)
    saved["metadata"] |= {"uid": "1-2", "resourceVersion": "7", "labels": {"app": "agent"}}
    saved["status"] = {"numberReady": 3}

    (one,) = pieces(yaml.safe_dump(saved), "agent")
    assert one.is_whole
    assert yaml.safe_load(one.text)["metadata"] == {"name": "agent", "labels": {"app": "agent"}}
    assert "status" not in yaml.safe_load(one.text)
