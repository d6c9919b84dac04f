"""Every symptom is brought about again: what kubectl prints still shows what the words rest on."""

from __future__ import annotations

import pytest

import symptoms
from daemonset_course.cluster.lifecycle import current
from daemonset_course.symptom import Case, cases

SCENES = [
    pytest.param(case, id=case.name, marks=pytest.mark.only(case.backend, "its scene needs it"))
    for case in cases().values()
]


@pytest.mark.parametrize("case", SCENES)
def test_the_scene_brings_the_symptom_about(case: Case) -> None:
    outputs = symptoms.bring_about(case)

    assert symptoms.missing(case, outputs, current().name) == []
