"""What only real containers and kubelets can show, in six words that steps and tasks declare."""

from __future__ import annotations

from collections.abc import Iterable

from daemonset_course.errors import BadInput

CAPABILITIES = {
    "logs": "kubectl logs of a real container",
    "exec": "a command run inside a real container",
    "hostpath": "files of a node, mounted into a Pod",
    "probes": "probes that a kubelet really runs",
    "pull": "images that a node really pulls",
    "pressure": "what a kubelet measures of its node",
}


def check(names: Iterable[str]) -> tuple[str, ...]:
    """The names, all of them known.

    Raises:
        BadInput: one is not.
    """
    found = tuple(names)
    for name in found:
        if name not in CAPABILITIES:
            raise BadInput(
                f"There is no capability {name!r}.", next_step=f"One of: {', '.join(CAPABILITIES)}"
            )
    return found
