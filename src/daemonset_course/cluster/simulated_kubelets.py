"""Write kwok's configuration: its options, and the Stages that simulate kubelets."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import yaml

from daemonset_course.errors import BadInput


def kwok_configuration(pace: float) -> str:
    """Return kwok's configuration, with the Stages at this pace, as YAML documents."""
    config = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            # The default, 4, is too slow for 120 nodes on a busy machine: their leases expire.
            "nodeLeaseParallelism": 16,
            # kwok's own defaults: kwokctl passes on only the options named here.
            "cidr": "10.0.0.0/24",
            "podPlayStageParallelism": 4,
            "nodePlayStageParallelism": 4,
            "podsOnNodeSyncParallelism": 1,
            "enablePodsOnNodeSyncListPager": True,
        },
    }
    return f"{yaml.safe_dump(config)}---\n{stages(pace)}"


def stages(pace: float) -> str:
    """Return the kwok Stages as YAML, with every delay multiplied by ``pace``.

    Raises:
        BadInput: the pace is not between 0.01 and 10.
    """
    if not 0.01 <= pace <= 10:
        raise BadInput(f"--pace {pace} is outside 0.01 to 10.")
    found = yaml.safe_load_all(_data("stages.yaml"))
    return yaml.safe_dump_all([completed(stage, pace) for stage in found])


def completed(stage: dict[str, Any], pace: float) -> dict[str, Any]:
    """Return a Stage of ``stages.yaml`` for kwok, with its delay at this pace and its definitions.

    Raises:
        ValueError: its delay is not a jq expression for seconds at pace 1.
    """
    spec, name = stage["spec"], stage["metadata"]["name"]
    delay = spec.get("delay")
    match delay:
        case {"durationFrom": {"expressionFrom": str(seconds)}} if delay == _duration(seconds):
            if "PACE" in seconds or "\\(" in seconds:  # it has a pace or a string already
                raise ValueError(f"Stage {name}: {seconds} is no delay in seconds at pace 1.")
        case _:
            raise ValueError(f"Stage {name}: {delay} is no delay in seconds at pace 1.")
    expressions = spec["selector"]["matchExpressions"]
    keys = [one | {"key": _with_step(one["key"], pace)} for one in expressions]
    following = dict(spec["next"])
    template = following.get("statusTemplate", "")
    if re.search(r"\$pace\b|podstatus", template):
        used = _data("podstatus.gotmpl") if "podstatus" in template else ""
        defined = f"{{{{ $pace := {pace:f} }}}}{{{{ $_ := $pace }}}}\n{used}"
        following["statusTemplate"] = defined + template
    changed = {
        "selector": {"matchExpressions": keys},
        "delay": _duration(_with_step(f'"\\(({seconds}) * {pace})s"', pace)),
        "next": following,
    }
    return stage | {"spec": spec | changed}


def _duration(expression: str) -> dict[str, Any]:
    return {"durationFrom": {"expressionFrom": expression}}


def _with_step(expression: str, pace: float) -> str:
    """Return a jq expression, with the definition of ``step`` if it uses ``step``."""
    if not re.search(r"\bstep\b", expression):
        return expression
    return f"def pace: {pace};\n{_data('step.jq')}\n{expression}"


def _data(name: str) -> str:
    return resources.files("daemonset_course").joinpath("data", name).read_text()
