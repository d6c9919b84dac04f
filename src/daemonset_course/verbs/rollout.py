"""Wait for a DaemonSet's rollout, and report which nodes are not updated and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from daemonset_course import placement
from daemonset_course.analysis.explain import Explanation, explain, so_far
from daemonset_course.cluster.api import Object, segment
from daemonset_course.cluster.components import components_down, components_first
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import NEXT_STEP, wait_for
from daemonset_course.errors import NotFinished
from daemonset_course.history.daemonset_status import Status, status_of
from daemonset_course.progress import waiting
from daemonset_course.recording.live_wait import live_wait
from daemonset_course.recording.snapshot import snapshot
from daemonset_course.verbs.daemonsets import daemonsets_path, no_daemonset

Explain = Callable[[Object], str]

# A node that returns while its old Pod is still listed is not counted at once.
# Source: syncNodeUpdate in pkg/controller/daemon/daemon_controller.go, the same in 1.36 and 1.37.
LATE = "; the controller counts again when the DaemonSet or one of its Pods changes"


def wait_rollout(name: str, *, namespace: str = "default", timeout: float = 120) -> Status:
    """Wait until every node that should run a Pod has an available new one; return the status.

    The condition is that of ``kubectl rollout status`` (the controller has observed the latest
    template, and updated = available = desired). In addition, the Pods must agree with the status,
    and the status must count every such node: on a busy control plane it may lag behind.

    In JupyterLab a wait of more than two seconds shows the live view, from the beginning of the
    wait on, unless something records already. Elsewhere a line says how far the rollout is.

    Raises:
        NotFound: there is no such DaemonSet.
        NotFinished: the rollout was not complete within ``timeout`` seconds; raised at once if the
            DaemonSet is deleted or its strategy is OnDelete. Names the components of the control
            plane that do not run, or the nodes that are not updated, with the reasons.
        NotRunning: the cluster is not up, or does not answer.
    """
    what = f"the rollout of {name}"
    with (
        components_first(),
        live_wait(name, namespace) as draw,
        waiting(what, about=name, draw=draw) as wait,
    ):
        status = _waited(name, namespace, timeout)
        wait.result = f"{status.updated} of {status.desired} nodes have an available new Pod"
        return status


def wait_observed(name: str, *, namespace: str = "default", timeout: float = 30) -> Status:
    """Wait until the controller has observed the newest template, and return the status.

    Raises:
        NotFound: there is no such DaemonSet.
        NotFinished: the controller has not observed it within ``timeout`` seconds.
    """
    wanted = int(_found(name, namespace)["metadata"]["generation"])

    def observed(items: Mapping[str, Object]) -> bool:
        status = items.get(name, {}).get("status") or {}
        return int(status.get("observedGeneration", 0)) >= wanted

    found = wait_for(
        current().api,
        daemonsets_path(namespace),
        observed,
        what=f"the controller to observe the template of {name}",
        explain=lambda _: f"generation {wanted} is not observed",
        timeout=timeout,
        selector={"fieldSelector": f"metadata.name={name}"},
    )
    return status_of(found[name])


def daemonset_status(name: str, *, namespace: str = "default") -> Status:
    """Return the DaemonSet's status as it is now, without waiting.

    Raises:
        NotFound: there is no such DaemonSet.
    """
    return status_of(_found(name, namespace))


def _found(name: str, namespace: str) -> Object:
    api, path = current().api, daemonsets_path(namespace)
    found = api.find(f"{path}/{segment(name)}")
    if found is None:
        others = (str(item["metadata"]["name"]) for item in api.items(path))
        raise no_daemonset(name, namespace, others)
    return found


def _waited(name: str, namespace: str, timeout: float) -> Status:
    api, path = current().api, daemonsets_path(namespace)
    _found(name, namespace)
    deadline = time.monotonic() + timeout

    def why(pods: Iterable[Object] | None = None) -> Explanation:
        return explain(snapshot(api, name, namespace, pods=pods))

    def missing(pods: Iterable[Object] | None = None) -> str:
        found = explain(snapshot(api, name, namespace, pods=pods, down=components_down()))
        # ``components_first`` reports the components.
        lines = found.where(lambda cause: cause.kind != "component").lines()
        return "; ".join(lines) or "every node has its Pod; the controller has not counted it yet"

    def progress() -> str:
        return so_far(snapshot(api, name, namespace, down=components_down()).timeline())

    def missed(daemonset: Object) -> int:
        return uncounted(daemonset, api.items("/api/v1/nodes"))

    def wait(done: Callable[[Object], bool], what: str, say: Explain, timeout: float) -> Object:
        found = wait_for(
            api,
            path,
            lambda items: name not in items or done(items[name]),
            what=what,
            explain=lambda items: say(items[name]),
            say=lambda _: progress(),
            timeout=timeout,
            selector={"fieldSelector": f"metadata.name={name}"},
        )
        if name not in found:
            raise NotFinished(
                f"The DaemonSet {name} was deleted during the wait.",
                next_step="Apply it again, and wait again.",
            )
        return found[name]

    with _next_step(f"kubectl describe daemonset {name}, and look at the nodes named above."):
        found = wait(
            lambda daemonset: finished(daemonset) or _only_by_hand(daemonset, why),
            f"the rollout of {name}",
            lambda _: missing(),
            timeout,
        )
        if not finished(found):
            raise NotFinished(
                f"The controller replaces no Pods of {name}: its update strategy is OnDelete.",
                seen=missing(),
                next_step="Delete the Pods that run the old template, and wait again.",
            )
        wait_for(
            api,
            f"/api/v1/namespaces/{namespace}/pods",
            lambda pods: why(pods.values()).done,
            what=f"the pods of {name} ready",
            explain=lambda pods: missing(pods.values()),
            say=lambda _: progress(),
            timeout=max(deadline - time.monotonic(), 1.0),
        )
        return status_of(
            wait(
                lambda daemonset: finished(daemonset) and not missed(daemonset),
                f"the rollout of {name} in its status",
                lambda daemonset: (
                    f"DESIRED leaves out {missed(daemonset)} nodes that should run it{LATE}"
                ),
                max(deadline - time.monotonic(), 1.0),
            )
        )


@contextmanager
def _next_step(words: str) -> Iterator[None]:
    """Give the error of a wait that timed out this next step."""
    try:
        yield
    except NotFinished as error:
        if error.next_step == NEXT_STEP:
            error.next_step = words
        raise


def _only_by_hand(daemonset: Object, why: Callable[[], Explanation]) -> bool:
    """Whether the rollout only continues when somebody deletes Pods (OnDelete)."""
    seen = int((daemonset.get("status") or {}).get("observedGeneration") or 0)
    strategy = daemonset["spec"]["updateStrategy"].get("type")
    current = seen >= daemonset["metadata"]["generation"]
    return strategy == "OnDelete" and current and why().blocked_only_by("OnDelete")


def finished(daemonset: Object) -> bool:
    """Whether every node that should run the latest template has an available Pod of it.

    Source: kubectl's ``pkg/polymorphichelpers/rollout_status.go``.
    """
    status = status_of(daemonset)
    seen = (daemonset.get("status") or {}).get("observedGeneration", 0)
    return (
        seen >= daemonset["metadata"]["generation"]
        and status.updated >= status.desired
        and status.available >= status.desired
    )


def uncounted(daemonset: Object, nodes: Iterable[Object]) -> int:
    """Return how many more nodes should run the DaemonSet than its status counts."""
    template = daemonset["spec"]["template"]
    wanted = sum(placement.should_run(node, template).run for node in nodes)
    return max(0, wanted - status_of(daemonset).desired)
