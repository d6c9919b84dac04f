"""Stop and start components of a kind cluster by moving their static Pod manifests."""

from __future__ import annotations

import json
from typing import Any

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.backend import COMPONENTS, STOPPABLE
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import CommandFailed, NotRunning
from daemonset_course.history.outages import Down
from daemonset_course.history.podstate import is_ready
from daemonset_course.places import course_command

_PORTS = {"kube-controller-manager": 10257, "kube-scheduler": 10259}
_MANIFESTS = "/etc/kubernetes/manifests"
_STOPPED_MANIFESTS = "/etc/kubernetes/stopped-by-the-course"  # not read by the kubelet


def stop(engine: Engine, api: Api, node: str, component: str) -> None:
    """Move a component's manifest away, and return when its Pod is gone."""
    _move(engine, node, component, _MANIFESTS, _STOPPED_MANIFESTS)
    _wait(api, f"{component}-{node}", running=False)


def start(engine: Engine, api: Api, node: str, component: str) -> None:
    """Move a component's manifest back, and return when its Pod is Ready."""
    _move(engine, node, component, _STOPPED_MANIFESTS, _MANIFESTS)
    _wait(api, f"{component}-{node}", running=True)


def down(engine: Engine, node: str) -> list[Down]:
    """Return the components without a running container: stopped by the course, or ended."""
    script = f"echo $(ls {_STOPPED_MANIFESTS} 2>/dev/null); crictl ps --output json"
    moved, _, listed = engine.run("exec", node, "sh", "-c", script).partition("\n")
    running = {one["metadata"]["name"] for one in json.loads(listed).get("containers") or []}
    stopped = {name.removesuffix(".yaml") for name in moved.split()}
    return [
        Down(component, "stopped" if component in stopped else "ended")
        for component in COMPONENTS
        if component in stopped or component not in running
    ]


def heal(engine: Engine, api: Api, node: str) -> list[str]:
    """Start the stoppable components that do not run, and return their names."""
    found = [one for one in down(engine, node) if one.component in STOPPABLE]
    for component, why in found:
        if why == "ended":  # the kubelet's back-off may last minutes
            stop(engine, api, node, component)
        start(engine, api, node, component)
    return [component for component, _ in found]


def metrics(engine: Engine, node: str, component: str) -> str:
    """Return the component's /metrics, fetched inside the node because it binds to 127.0.0.1.

    Raises:
        NotRunning: the component does not answer.
    """
    server = f"--server=https://127.0.0.1:{_PORTS[component]}"
    access = ("--kubeconfig=/etc/kubernetes/admin.conf", "--insecure-skip-tls-verify")
    try:
        return engine.run("exec", node, "kubectl", *access, server, "get", "--raw", "/metrics")
    except CommandFailed as error:
        cluster = node.removesuffix("-control-plane")
        raise NotRunning(
            f"The metrics of {component} cannot be read.",
            seen=error.seen,
            next_step=f"{course_command('up', cluster)} starts components that do not run",
        ) from error


def _move(engine: Engine, node: str, component: str, source: str, target: str) -> None:
    file = f"{source}/{component}.yaml"
    script = f"mkdir -p {target} && if [ -e {file} ]; then mv {file} {target}; fi"
    engine.run("exec", node, "sh", "-c", script)


def _wait(api: Api, name: str, *, running: bool) -> None:
    def as_wanted(pods: dict[str, Any]) -> bool:
        pod = pods.get(name, {})
        return is_ready(pod) if running else not pod

    wait_for(
        api,
        "/api/v1/namespaces/kube-system/pods",
        as_wanted,
        what=f"{name} {'ready' if running else 'stopped'}",
        explain=lambda pods: f"{name} {'is there' if name in pods else 'is not there'}",
        timeout=90,
    )
