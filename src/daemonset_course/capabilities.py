"""The capabilities of real containers and kubelets, which steps and tasks declare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from daemonset_course.errors import BadInput
from daemonset_course.places import course_command

CAPABILITIES = {
    "logs": "kubectl logs of a real container",
    "exec": "a command run inside a real container",
    "hostpath": "files of a node, mounted into a Pod",
    "probes": "probes that a kubelet really runs",
    "pull": "images that a node really pulls",
    "pressure": "what a kubelet measures of its node",
    "network": "a network plugin of each node",
}


class Capable(Protocol):
    """The part of a backend that ``require`` needs."""

    backend: str
    capabilities: frozenset[str]


def require(name: str, backend: Capable) -> None:
    """Check that a backend has a capability.

    Raises:
        BadInput: the backend lacks it; with the commands that start one that has it.
    """
    if name not in backend.capabilities:
        raise BadInput(
            f"This needs real nodes: {CAPABILITIES[name]}.",
            seen=f"the backend {backend.backend}, whose nodes are simulated",
            next_step=f"{course_command('down')}, then {course_command('up --backend kind')}",
        )


def check(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names as a tuple, after a check that each is a capability.

    Raises:
        BadInput: a name is no capability.
    """
    found = tuple(names)
    for name in found:
        if name not in CAPABILITIES:
            raise BadInput(
                f"There is no capability {name!r}.", next_step=f"One of: {', '.join(CAPABILITIES)}"
            )
    return found
