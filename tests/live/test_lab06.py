from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemonset_course.apply import apply
from daemonset_course.cluster import current
from daemonset_course.kubectl import kubectl
from daemonset_course.lab import LabSession, open_lab
from daemonset_course.nodes import recover_node, remove_node
from daemonset_course.podstate import phase_of
from daemonset_course.reset import reset

LAB = "06-roll-within-budget"
ATTEMPTS = Path(__file__).parents[2] / "content" / "labs" / LAB / "attempts"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabSession]:
    session = open_lab(LAB)
    yield session
    session.reset()


def header(path: Path) -> dict[str, str]:
    """What the comment at the top of an attempt says: task, expect, says."""
    lines = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    return dict(line.split(": ", 1) for line in lines[1:])


def perform(path: Path) -> None:
    """Do what an attempt does, step by step, as the learner would."""
    for step in yaml.safe_load_all(path.read_text()):
        if "action" not in step:
            apply(step)
        else:
            act(step)


def act(step: dict[str, Any]) -> None:
    dead = current().workers()[3]
    pods = current().api.items(PODS)
    broken = [p["metadata"]["name"] for p in pods if phase_of(p)[1] == "ImagePullBackOff"]
    match step["action"]:
        case "kubectl":
            kubectl(step["command"])
        case "delete pods":
            names = [pod["metadata"]["name"] for pod in pods[: step["count"]]]
            kubectl("delete pods --wait=false", *names)
        case "delete broken pod":
            kubectl("delete pods --wait=false", *broken)
        case "delete dead node":
            remove_node(dead)
        case "recover dead node":
            recover_node(dead)
        case other:
            raise AssertionError(f"no such action: {other}")


@pytest.mark.parametrize("path", sorted(ATTEMPTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_attempt_earns_its_own_verdict(lab: LabSession, path: Path) -> None:
    expected = header(path)
    number = int(expected["task"])
    t0 = time.monotonic()
    lab.start(number)
    t1 = time.monotonic()
    perform(path)
    verdict = lab.check(number)
    print(f"\nTIMES start {t1 - t0:.1f} check {time.monotonic() - t1:.1f}\n{verdict!r}")

    assert expected["expect"] == verdict.outcome, repr(verdict)
    assert expected["says"] in repr(verdict)
