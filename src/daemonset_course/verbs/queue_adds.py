"""Count which node changes the DaemonSet controller enqueues, from its workqueue metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemonset_course.cluster.lifecycle import current
from daemonset_course.metrics import gauge
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, label, remove_node, taint
from daemonset_course.verbs.rollout import wait_rollout

_HEARTBEAT = (
    '{"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]}}'
)
# The queue of changed nodes; since 1.33, kubernetes/kubernetes#130514.
_ADDS, _QUEUE = "workqueue_adds_total", "daemonset-node-updates"
_NAME = "sentinel"
_SENTINEL: Mapping[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": _NAME},
    "spec": {
        "selector": {"matchLabels": {"app": _NAME}},
        "template": {
            "metadata": {"labels": {"app": _NAME}},
            "spec": {
                "nodeSelector": {_NAME: "yes"},
                "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10"}],
            },
        },
    },
}


def node_changes(node: str, daemonset: str) -> dict[str, Callable[[], object]]:
    """Return six changes of nodes by name, for ``count_queue_adds``.

    They are: a heartbeat of ``node``, an annotation, a label ``turn``, a taint ``turn`` with the
    effect PreferNoSchedule; then a new node, with its Pod of ``daemonset``; and that node removed.
    """
    label(node, turn=None)
    taint(node, "turn:PreferNoSchedule-")
    added: list[str] = []

    def join() -> None:
        added[:] = add_node()
        wait_rollout(daemonset)

    return {
        "heartbeat": lambda: kubectl(f"patch node {node} --subresource=status -p", _HEARTBEAT),
        "annotation": lambda: kubectl(f"annotate node {node} --overwrite turn=1"),
        "label": lambda: label(node, turn="1"),
        "taint": lambda: taint(node, "turn=1:PreferNoSchedule"),
        "new node": join,
        "removed": lambda: remove_node(*added),
    }


def count_queue_adds(changes: Mapping[str, Callable[[], object]]) -> dict[str, int]:
    """Count how many nodes each change adds to the DaemonSet controller's queue.

    A filtered change produces nothing to wait for, so each change is followed by a sentinel: a
    label that a DaemonSet of ours selects. Node changes are handled in order, so when the
    sentinel's Pod is created or deleted, the change before it was handled too. The sentinel is not
    counted.

    Raises:
        NotRunning: the controller manager does not answer.
    """
    node = current().workers()[0]
    label(node, **{_NAME: None})
    kubectl(f"delete daemonset {_NAME} --ignore-not-found --cascade=foreground")
    apply(dict(_SENTINEL))
    found = {}
    try:
        # A controller that just started may still be counting nodes.
        _send_sentinel(node, wanted=True)
        for number, (name, change) in enumerate(changes.items()):
            before = _adds()
            change()
            _send_sentinel(node, wanted=number % 2 == 1)
            found[name] = _adds() - before - 1
    finally:
        label(node, **{_NAME: None})
        kubectl(f"delete daemonset {_NAME} --ignore-not-found --cascade=foreground")
    return found


def _send_sentinel(node: str, *, wanted: bool) -> None:
    """Set or remove the sentinel label, and wait until the controller has acted on it."""
    label(node, **{_NAME: "yes" if wanted else None})
    there = f"--for=jsonpath={{.status.currentNumberScheduled}}={int(wanted)}"
    kubectl(f"wait {there} daemonset/{_NAME} --timeout=50s")


def _adds() -> int:
    return int(gauge(current().backend.metrics("kube-controller-manager"), _ADDS, name=_QUEUE))
