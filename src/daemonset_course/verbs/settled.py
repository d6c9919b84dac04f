"""Wait until each Pod of a group is ready or refused by the scheduler; count those that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.history import podstate
from daemonset_course.progress import waiting
from daemonset_course.verbs.kubectl import kubectl


@dataclass(frozen=True)
class Settled:
    """The nodes of ready Pods, and the Pods that the scheduler refused.

    Attributes:
        ready: the node of each Pod that is ready.
        refused: for each Pod that the scheduler could not place, the node that it is meant for
            (empty if none) and the scheduler's message.
    """

    ready: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        messages = "".join(f"\n  {text}" for text in sorted({text for _, text in self.refused}))
        return f"{len(self.ready)} ready, {len(self.refused)} refused by the scheduler{messages}"


def wait_settled(selector: str, *, pods: int, timeout: float = 60) -> Settled:
    """Wait until ``pods`` Pods with this label are ready or refused by the scheduler.

    Terminating Pods are not counted.

    Raises:
        NotFinished: not within ``timeout`` seconds; with the number of undecided Pods.
    """
    what = f"{pods} Pods with {selector} ready or refused"
    with waiting(what, about=selector.partition("=")[2]) as wait:
        found = wait_for(
            current().api,
            "/api/v1/namespaces/default/pods",
            lambda items: _all_done(items, pods),
            what=what,
            explain=lambda items: f"{len(_living(items))} Pods, {_undecided(items)} undecided",
            timeout=timeout,
            selector={"labelSelector": selector},
        )
        wait.result = f"{len(_living(found))} Pods, none undecided"
    living = _living(found)
    ready = [podstate.node_of(pod) for pod in living if podstate.is_ready(pod)]
    refused = [
        (podstate.node_of(pod), str(podstate.condition(pod, "PodScheduled").get("message", "")))
        for pod in living
        if not podstate.is_ready(pod)
    ]
    return Settled(tuple(sorted(ready)), tuple(sorted(refused)))


def pods_that_fit(deployment: str, *, most: int = 10) -> int:
    """Return how many Pods of a Deployment the scheduler can place, of at most ``most``.

    The Deployment's Pods have its name as their label ``app``. It has no Pod afterwards.
    """
    app = f"app={deployment}"
    kubectl(f"scale deployment {deployment} --replicas={most}")
    placed = wait_settled(app, pods=most).ready
    kubectl(f"scale deployment {deployment} --replicas=0")
    kubectl(f"wait --for=delete pod -l {app} --timeout=60s")
    return len(placed)


def _living(pods: Mapping[str, Any]) -> list[Any]:
    return [pod for pod in pods.values() if not podstate.is_terminating(pod)]


def _is_refused(pod: Any) -> bool:
    return podstate.condition(pod, "PodScheduled").get("status") == "False"


def _undecided(pods: Mapping[str, Any]) -> int:
    return len(
        [pod for pod in _living(pods) if not podstate.is_ready(pod) and not _is_refused(pod)]
    )


def _all_done(pods: Mapping[str, Any], wanted: int) -> bool:
    return len(_living(pods)) == wanted and not _undecided(pods)
