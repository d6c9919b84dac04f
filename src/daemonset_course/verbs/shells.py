"""Run commands in the containers of Pods, and return their output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from daemonset_course.verbs.kubectl import kubectl

SUCCEEDS = "succeeds"
_NEXT = "----"


def shell(target: str, command: str, *, container: str | None = None) -> str:
    """Run a shell command in a Pod, and return its output, error output included.

    A failing command is no error here.

    Args:
        target: a Pod's name, or ``daemonset/agent`` for one of a DaemonSet's Pods.
        command: the shell command.
        container: the container; None: the first one.

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such Pod.
    """
    where = [f"exec {target}", *(["-c", container] if container else [])]
    return str(kubectl(*where, "--", "sh", "-c", f"{{ {command}; }} 2>&1 || true")).strip()


def try_commands(
    daemonset: str, containers: Mapping[str, str], commands: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return by container and command: ``succeeds``, or the command's error output.

    Args:
        daemonset: its name.
        containers: a name for the result -> the container.
        commands: a name for the result -> the shell command.

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such DaemonSet.
    """
    script = f"; echo {_NEXT}; ".join(
        f"{{ {command} >/dev/null && echo {SUCCEEDS}; }} 2>&1" for command in commands.values()
    )
    outputs = {
        name: shell(f"daemonset/{daemonset}", script, container=container).split(_NEXT)
        for name, container in containers.items()
    }
    return {
        name: dict(zip(commands, (words.strip() for words in each), strict=True))
        for name, each in outputs.items()
    }


def can_reach(daemonset: str, node: str, port: int) -> bool:
    """Whether a Pod of the DaemonSet gets metrics from this port of a node's address.

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such DaemonSet.
    """
    path = 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'
    address = kubectl(f"get node {node} -o", path)
    ask = f"wget -q -T 3 -O /dev/null http://{address}:{port}/metrics && echo {SUCCEEDS}"
    return shell(f"daemonset/{daemonset}", ask).endswith(SUCCEEDS)


def mounts_seen(daemonset: str, app: str, *, container: str) -> int:
    """Return how many mounts of the first Pod with this label ``app`` a container sees.

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such Pod.
    """
    uid = kubectl(f"get pods -l app={app} -o jsonpath={{.items[0].metadata.uid}}")
    return int(
        shell(f"daemonset/{daemonset}", f"grep -c {uid} /proc/self/mounts", container=container)
    )


def container_runtime(node: str) -> dict[str, Any]:
    """Return a node's container runtime, and whether it supports recursive read-only mounts.

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such node.
    """
    status = json.loads(kubectl(f"get node {node} -o json"))["status"]
    features = [each.get("features") or {} for each in status.get("runtimeHandlers") or []]
    return {
        "version": status["nodeInfo"]["containerRuntimeVersion"],
        "recursive": any(each.get("recursiveReadOnlyMounts") for each in features),
    }
