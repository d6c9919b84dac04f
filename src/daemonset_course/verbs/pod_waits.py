"""Wait for what the controller, the scheduler or a kubelet does with a Pod."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import Objects, wait_for
from daemonset_course.errors import CommandFailed
from daemonset_course.history.podstate import is_owned
from daemonset_course.history.text import joined
from daemonset_course.progress import waiting
from daemonset_course.verbs.kubectl import kubectl


def wait_pod(app: str, node: str) -> str:
    """Wait until a Pod with this label ``app`` is bound to the node, and return its name.

    Raises:
        CommandFailed: there is no such Pod after 60 s.
    """
    chosen = _on(app, node)
    with waiting(f"a Pod of {app} on {node}"):
        kubectl(f"wait --for=create pod {chosen} --timeout=60s")
    return str(kubectl(f"get pods {chosen} -o jsonpath={{.items[0].metadata.name}}"))


def watch_pod(app: str, node: str, *, at_most: int = 20) -> bool:
    """Watch a node until its Pod is deleted, or for some seconds; return whether it has one then.

    Args:
        app: the label ``app`` of the Pod.
        node: the name of the node.
        at_most: how long it watches, in seconds, if the Pod stays.

    Raises:
        CommandFailed: the API server does not answer.
    """
    chosen = _on(app, node)
    with waiting(f"changes of the Pod of {app} on {node}"), suppress(CommandFailed):
        kubectl(f"wait --for=delete pod {chosen} --timeout={at_most}s")
    return "pod/" in kubectl(f"get pods {chosen} -o name")


def wait_new_pods(
    daemonset: str, count: int, *, besides: Collection[str] = (), timeout: float = 60
) -> list[str]:
    """Wait until so many Pods of a DaemonSet were seen, and return their names in this order.

    A Pod that is gone again counts too.

    Args:
        daemonset: the name.
        count: how many Pods.
        besides: the names of Pods that do not count, because they existed before.
        timeout: in seconds.

    Raises:
        NotFinished: there were fewer in time.
    """
    new: dict[str, None] = {}

    def enough(pods: Objects) -> bool:
        own = (name for name, pod in pods.items() if is_owned(pod, daemonset))
        new.update((name, None) for name in own if name not in besides)
        return len(new) >= count

    wait_for(
        current().api,
        "/api/v1/namespaces/default/pods",
        enough,
        what=f"{count} new Pods of {daemonset}",
        explain=lambda _: f"{len(new)} so far",
        timeout=timeout,
    )
    return list(new)


def wait_event(name: str, reason: str, *, timeout: int = 60, namespace: str = "default") -> str:
    """Wait until there is an event with this reason about an object, and return its message.

    Args:
        name: the object's name.
        reason: such as ``FailedCreate``.
        timeout: in seconds.
        namespace: of the object.

    Raises:
        CommandFailed: there is no such event in time.
    """
    about = f"--field-selector reason={reason},involvedObject.name={name}"
    with waiting(f"an event {reason} about {name}"):
        kubectl(f"-n {namespace} wait --for=create events {about} --timeout={timeout}s")
    return str(kubectl(f"-n {namespace} get events {about} -o jsonpath={{.items[0].message}}"))


def wait_mounts(apps: Sequence[str], *, timeout: float = 90) -> dict[str, str]:
    """Wait until a kubelet has started a Pod of each app, or cannot mount its volumes.

    Each app has one Pod, owned by a DaemonSet of its name.

    Returns:
        By app: empty if its container was started, else the kubelet's message.

    Raises:
        NotFinished: a Pod had neither in time.
    """
    found: dict[str, str] = {}

    def told(events: Objects) -> bool:
        for event in events.values():
            app = event["involvedObject"]["name"].rpartition("-")[0]
            if app in apps and event["reason"] in ("Started", "FailedMount"):
                failed = event["reason"] == "FailedMount"
                found.setdefault(app, event["message"] if failed else "")
        return len(found) == len(apps)

    wait_for(
        current().api,
        "/api/v1/namespaces/default/events",
        told,
        what="an event of the kubelet for each Pod",
        explain=lambda _: f"none for {joined([app for app in apps if app not in found])}",
        timeout=timeout,
    )
    return {app: found[app] for app in apps}


def wait_evicted(app: str) -> str:
    """Wait until a kubelet has evicted the app's present Pod, and the Pod is gone.

    The app has one Pod, or the first one counts.

    Returns:
        The kubelet's message about the eviction.

    Raises:
        CommandFailed: the Pod was not evicted within 120 s, or was not gone 60 s later.
    """
    pod = kubectl(f"get pods -l app={app} -o jsonpath={{.items[0].metadata.name}}")
    with waiting(f"the eviction of the Pod {pod}"):
        message = wait_event(pod, "Evicted", timeout=120)
        kubectl(f"wait --for=delete pod/{pod} --timeout=60s")
    return message


def _on(app: str, node: str) -> str:
    """Return the options that choose the Pods of an app on a node."""
    return f"-l app={app} --field-selector spec.nodeName={node}"
