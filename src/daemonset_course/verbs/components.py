"""Stop a part of the control plane and start it again: what goes on without it?"""

from __future__ import annotations

from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import BadInput

COMPONENTS = ("kube-scheduler", "kube-controller-manager")


def stop_component(component: str) -> str:
    """Stop the scheduler or the controller manager, and return when it is gone.

    On the embedded cluster its process ends; on kind its static Pod does. ``reset`` starts it
    again, as ``course up`` does.
    """
    current().backend.stop_component(_known(component))
    return f"{component}: stopped"


def start_component(component: str) -> str:
    """Start it again; where there is leader election, it works once it holds the lease."""
    current().backend.start_component(_known(component))
    return f"{component}: started"


def _known(component: str) -> str:
    if component not in COMPONENTS:
        raise BadInput(
            f"{component!r} is no part of the control plane that can be stopped alone.",
            next_step=f"One of: {', '.join(COMPONENTS)}",
        )
    return component
