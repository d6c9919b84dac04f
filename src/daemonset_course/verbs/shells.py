"""Commands in the containers of a DaemonSet, and what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from daemonset_course.verbs.kubectl import kubectl

SUCCEEDS = "succeeds"
_NEXT = "----"


def shell(daemonset: str, command: str, *, container: str | None = None) -> str:
    """What a shell command says in a Pod of the DaemonSet, in its first container or this one.

    A command that fails is no error here: what counts is what it says.

    Raises:
        CommandFailed: kubectl returned an error, as where there is no such DaemonSet.
    """
    where = [f"exec daemonset/{daemonset}", *(["-c", container] if container else [])]
    return str(kubectl(*where, "--", "sh", "-c", f"{{ {command}; }} 2>&1 || true")).strip()


def tries(
    daemonset: str, containers: Mapping[str, str], commands: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """By container and command: ``succeeds``, or what the command says instead.

    Args:
        daemonset: its name.
        containers: the name to tell -> the container.
        commands: the name to tell -> the shell command.

    Raises:
        CommandFailed: kubectl returned an error, as where there is no such DaemonSet.
    """
    script = f"; echo {_NEXT}; ".join(
        f"{{ {command} >/dev/null && echo {SUCCEEDS}; }} 2>&1" for command in commands.values()
    )
    outputs = {
        name: shell(daemonset, script, container=container).split(_NEXT)
        for name, container in containers.items()
    }
    return {
        name: dict(zip(commands, (words.strip() for words in each), strict=True))
        for name, each in outputs.items()
    }


def reaches(daemonset: str, node: str, port: int) -> bool:
    """Whether a Pod of the DaemonSet gets metrics from this port of a node's address.

    Raises:
        CommandFailed: kubectl returned an error, as where there is no such DaemonSet.
    """
    path = 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'
    address = kubectl(f"get node {node} -o", path)
    ask = f"wget -q -T 3 -O /dev/null http://{address}:{port}/metrics && echo {SUCCEEDS}"
    return shell(daemonset, ask).endswith(SUCCEEDS)


def mounts_seen(daemonset: str, app: str, *, container: str) -> int:
    """How many mounts a container sees that belong to the first Pod with this label ``app``.

    Raises:
        CommandFailed: kubectl returned an error, as where there is no such Pod.
    """
    uid = kubectl(f"get pods -l app={app} -o jsonpath={{.items[0].metadata.uid}}")
    return int(shell(daemonset, f"grep -c {uid} /proc/self/mounts", container=container))


def runtime(node: str) -> dict[str, Any]:
    """The container runtime of a node, and whether it can do recursive read-only mounts.

    Raises:
        CommandFailed: kubectl returned an error, as where there is no such node.
    """
    status = json.loads(kubectl(f"get node {node} -o json"))["status"]
    features = [each.get("features") or {} for each in status.get("runtimeHandlers") or []]
    return {
        "version": status["nodeInfo"]["containerRuntimeVersion"],
        "recursive": any(each.get("recursiveReadOnlyMounts") for each in features),
    }
