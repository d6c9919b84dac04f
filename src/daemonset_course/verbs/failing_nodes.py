"""Break several nodes at the same time, recover them, and wait for the eviction of their Pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import Objects, wait_for
from daemonset_course.history import podstate
from daemonset_course.progress import waiting
from daemonset_course.verbs.nodes import break_node, recover_node

_PODS = "/api/v1/namespaces/default/pods"


def break_nodes(nodes: Mapping[str, str], *, mark: Callable[[str], object]) -> None:
    """Break nodes at the same time, each with a mark in a recording.

    Args:
        nodes: the text of the mark -> the node. With the text ``not ready`` its kubelet reports a
            fault, else it reports nothing.
        mark: the recording's ``mark``.

    Raises:
        NotFinished: the control plane did not notice in time.
    """

    def fail(text: str) -> None:
        mark(text)
        break_node(nodes[text], "not ready" if text == "not ready" else "unreachable")

    _at_once(fail, nodes)


def recover_nodes(*nodes: str) -> None:
    """Recover broken nodes at the same time, and wait until they and their Pods are Ready.

    Raises:
        NotFinished: a node or its Pods were not Ready in time.
    """
    _at_once(recover_node, nodes)


def wait_evictions(app: str, *nodes: str, gone: bool = False, timeout: float = 60) -> None:
    """Wait until the deletion of each Pod with this label ``app`` on the nodes is requested.

    With ``gone`` wait until the API server lists none of them any more.

    Raises:
        NotFinished: a Pod is left after ``timeout`` seconds.
    """

    def staying(pods: Objects) -> list[str]:
        here = [pod for pod in pods.values() if podstate.node_of(pod) in nodes]
        return [podstate.node_of(pod) for pod in here if gone or not podstate.is_terminating(pod)]

    what = f"the end of Pods of {app}"
    with waiting(what):
        wait_for(
            current().api,
            _PODS,
            lambda pods: not staying(pods),
            what=what,
            explain=lambda pods: f"still on {', '.join(staying(pods))}",
            timeout=timeout,
            selector={"labelSelector": f"app={app}"},
        )


def _at_once(do: Callable[[str], object], given: Iterable[str]) -> None:
    names = list(given)
    with ThreadPoolExecutor(max_workers=len(names) or 1) as pool:
        list(pool.map(do, names))  # raises what a call raised
