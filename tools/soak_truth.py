"""What ``make soak`` runs in its kernels: a DaemonSet to change, checks of what the course says.

Each check compares a sentence of the course with the API, read with kubectl. Things move: a
sentence is false only if the API contradicts it at two looks, and did so before it was said.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from daemonset_course import CourseError, NotFinished, kubectl, wait_rollout, why
from daemonset_course.recording import Recording
from soak_steps import CLUSTER

REASON = re.compile(
    r"\b(ImagePullBackOff|ErrImagePull|CrashLoopBackOff|Unschedulable|OutOf\w+|InvalidImageName)\b"
)
PAUSE = 1.5  # seconds between two looks
EARLIER = timedelta(seconds=3)  # the stamps of the API have whole seconds, and watches lag


class FalseSentence(Exception):
    """The course has said what the API contradicts."""


def daemonset(
    name: str, *, image: str = "registry.k8s.io/pause:3.10", budget: Any = 1, surge: Any = 0,
    strategy: str = "RollingUpdate", tolerate: bool = False, min_ready: int = 0, cpu: str = "",
    selector: dict[str, str] | None = None, account: str = "", port: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Return a DaemonSet with these settings."""
    container: dict[str, Any] = {"name": "main", "image": image, "command": ["/pause"]}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    if port:
        container["ports"] = [{"containerPort": port, "hostPort": port}]
    pod: dict[str, Any] = {"containers": [container]}
    pod |= {"tolerations": [{"operator": "Exists"}]} if tolerate else {}
    pod |= {"nodeSelector": selector} if selector else {}
    pod |= {"serviceAccountName": account} if account else {}
    how: dict[str, Any] = {"type": strategy}
    if strategy == "RollingUpdate":
        how["rollingUpdate"] = {"maxUnavailable": budget, "maxSurge": surge}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "updateStrategy": how,
            "minReadySeconds": min_ready,
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def rolled(name: str, timeout: float) -> Any:
    """Wait for a rollout; check the status, or the error's sentences."""
    try:
        status = wait_rollout(name, timeout=timeout)
    except NotFinished as error:
        _check_reasons(name, f"{error.failed} {error.seen}")
        raise
    _require(lambda: len(_ready_nodes(name)) >= _counted(name), f"{status}: {{}} ready Pods",
             lambda: len(_ready_nodes(name)))  # fmt: skip
    return status


def tried(name: str, timeout: float) -> str:
    """Wait as ``rolled``; return the error that a learner would read."""
    try:
        return str(rolled(name, timeout))
    except CourseError as error:
        return str(error)


def placed(name: str) -> Any:
    """Return ``why(name)``, checked where the controller has nothing left to do."""
    answers = why(name)
    with suppress(CourseError):
        wait_rollout(name, timeout=4)

        def wrong() -> str:
            found = why(name)
            held, wanted = _nodes(name), set(found.runs_on)
            stays = {node for node, answer in found.nodes.items() if answer.keep}
            return ", ".join(sorted((wanted - held) | (held & set(found.nodes)) - stays - wanted))

        _require(lambda: not wrong(), "why says otherwise of {}", wrong)
    return answers


def told(run: Recording) -> str:
    """Return the caption of a recording, checked against the API."""
    text = run.caption
    _check_nodes(text)
    found = run.rollouts
    if found and found[-1].end is not None and "saw nothing" not in text and found[-1].exact:
        nodes = found[-1].nodes
        since = run.timeline.end - found[-1].end
        if since < 1 and nodes is not None and found[-1].stop == found[-1].end:
            name = run.header.daemonset
            _require(lambda: _counted(name) == nodes, f"{text!r}: DESIRED is {{}}",
                     lambda: _counted(name))  # fmt: skip
    return text


def _check_reasons(name: str, text: str) -> None:
    now = datetime.now(UTC)
    _check_nodes(text)
    for node in re.findall(rf"({CLUSTER}-[\w-]+): no Pod yet", text):
        old = [pod for pod in _pods(name) if _node_of(pod) == node and _born(pod) < now - EARLIER
               and "deletionTimestamp" not in pod["metadata"]]  # fmt: skip
        if old:
            raise FalseSentence(f"{text!r}, but {old[0]['metadata']['name']} is there")
    for reason in set(REASON.findall(text)):
        _require(
            lambda: reason in json.dumps([pod["status"] for pod in _pods(name)]),  # noqa: B023
            f"{text!r}: no Pod has {reason}; {{}}",
            lambda: [pod["status"].get("containerStatuses") for pod in _pods(name)],
        )


def _check_nodes(text: str) -> None:
    named = {one.rstrip("-") for one in re.findall(rf"\b{CLUSTER}-worker\d*", text)}
    known = set(kubectl("get nodes -o jsonpath={.items[*].metadata.name}").split())
    known |= {_node_of(pod) for pod in _get("pods")}
    if named - known and not re.search(r"\b(gone|deleted|deletion)\b", text):
        raise FalseSentence(f"{text!r} names {named - known}, which are no nodes")


def _require(true: Callable[[], bool], words: str, seen: Callable[[], Any]) -> None:
    """Raise unless it is true at one of three looks."""
    for _ in range(3):
        if true():
            return
        time.sleep(PAUSE)
    raise FalseSentence(words.format(seen()))


def _get(what: str) -> list[dict[str, Any]]:
    return list(json.loads(kubectl(f"get {what} -o json"))["items"])


def _pods(name: str) -> list[dict[str, Any]]:
    return [
        pod for pod in _get(f"pods -l app={name}")
        if any(one.get("name") == name for one in pod["metadata"].get("ownerReferences", []))
    ]  # fmt: skip


def _born(pod: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])


def _node_of(pod: dict[str, Any]) -> str:
    """Return the node of a Pod of a DaemonSet, also before the scheduler has bound it."""
    found = re.search(r'"metadata.name", "operator": "In", "values": \["([^"]+)"', json.dumps(pod))
    return str(pod["spec"].get("nodeName") or (found[1] if found else ""))


def _nodes(name: str) -> set[str]:
    return {_node_of(pod) for pod in _pods(name) if "deletionTimestamp" not in pod["metadata"]}


def _ready_nodes(name: str) -> set[str]:
    return {
        _node_of(pod) for pod in _pods(name)
        if any(c["type"] == "Ready" and c["status"] == "True"
               for c in pod["status"].get("conditions", []))
    }  # fmt: skip


def _counted(name: str) -> int:
    """Return DESIRED, as the API has it; 0 of a DaemonSet that is gone."""
    path = "jsonpath={.status.desiredNumberScheduled}"
    return int(kubectl(f"get daemonset {name} --ignore-not-found -o {path}") or 0)
