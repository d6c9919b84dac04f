"""``data/stages.yaml`` and what ``stages`` makes of it, without a cluster."""

from __future__ import annotations

import copy
import re
from functools import cache
from importlib import resources
from typing import Any

import pytest
import yaml

from daemonset_course.cluster.simulated_kubelets import completed, stages

DATA = resources.files("daemonset_course").joinpath("data")
STAGES = {
    stage["metadata"]["name"]: stage
    for stage in yaml.safe_load_all(DATA.joinpath("stages.yaml").read_text())
}
# What kwok reads as a duration: an optional definition, and one string of a product.
DURATION = re.compile(
    r'(?:(?P<defined>.*)\n)?"\\\(\((?P<seconds>.+)\) \* (?P<pace>[\d.]+)\)s"', re.S
)


@cache
def at(pace: float) -> dict[str, Any]:
    found = list(yaml.safe_load_all(stages(pace)))
    assert len(found) == len(STAGES)
    return {stage["metadata"]["name"]: stage for stage in found}


def delay(stage: dict[str, Any]) -> str:
    return str(stage["spec"]["delay"]["durationFrom"]["expressionFrom"])


@pytest.mark.parametrize("pace", [0.01, 0.25, 1, 2, 10])
@pytest.mark.parametrize("name", STAGES)
def test_every_delay_is_multiplied_by_the_pace(name: str, pace: float) -> None:
    found = DURATION.fullmatch(delay(at(pace)[name]))

    assert found
    assert found["seconds"] == delay(STAGES[name])
    assert float(found["pace"]) == pace


def stage(delay: Any) -> dict[str, Any]:
    spec = STAGES["pod-creating"]["spec"] | {"delay": delay}
    return STAGES["pod-creating"] | {"spec": spec}


def test_a_delay_in_any_jq_expression_is_multiplied_as_a_whole() -> None:
    made = completed(stage({"durationFrom": {"expressionFrom": "0.4 + 2"}}), 0.5)

    assert delay(made) == '"\\((0.4 + 2) * 0.5)s"'


@pytest.mark.parametrize(
    "delay",
    [
        None,
        {},
        {"durationMilliseconds": 300},
        {"durationFrom": {"expressionFrom": "0.3"}, "jitterDurationMilliseconds": 300},
        {"durationFrom": {"expressionFrom": "0.3"}, "durationMilliseconds": 300},
        {"durationFrom": {"cel": {"expression": "duration('1s')"}}},
        {"durationFrom": {"expressionFrom": r'"\(PACE * 2)s"'}},
        {"durationFrom": {"expressionFrom": r'"\(2)s"'}},
    ],
)
def test_a_delay_that_would_not_follow_the_pace_is_refused(delay: Any) -> None:
    with pytest.raises(ValueError, match=r"pod-creating: .* is no delay in seconds at pace 1"):
        completed(stage(delay), 0.25)


def test_nothing_but_delays_depends_on_the_pace() -> None:
    slow, quick = copy.deepcopy((at(2), at(0.25)))
    for found in (*slow.values(), *quick.values()):
        del found["spec"]["delay"]
    shown = [
        re.sub(r"def pace: [\d.]+;|\$pace := [\d.]+", "pace", yaml.safe_dump(found, width=10**6))
        for found in (slow, quick)
    ]

    assert shown[0] == shown[1]


def test_the_steps_and_their_stages_are_the_same() -> None:
    steps = set(re.findall(r'"(pod-[a-z-]+)"', DATA.joinpath("step.jq").read_text()))
    taking = {
        name: key["values"]
        for name, one in STAGES.items()
        for key in one["spec"]["selector"]["matchExpressions"]
        if key["key"] == "step.stage"
    }

    assert taking == {name: [name] for name in steps}
    for name in steps:
        assert delay(STAGES[name]) == "step.seconds"


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_refers_to_is_defined_in_it(name: str) -> None:
    spec = at(1)[name]["spec"]
    keys = [one["key"] for one in spec["selector"]["matchExpressions"]]
    template = spec["next"].get("statusTemplate", "")

    for expression in [delay(at(1)[name]), *keys]:
        assert ("def step:" in expression) == bool(re.search(r"\bstep\.", expression))
    assert ('define "podstatus"' in template) == ('template "podstatus"' in template)
