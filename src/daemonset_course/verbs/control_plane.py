"""Stop and start components of the control plane."""

from __future__ import annotations

from daemonset_course.cluster.backend import Backend
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import BadInput
from daemonset_course.progress import waiting


def stop_component(component: str) -> str:
    """Stop the scheduler or the controller manager, and wait until it has ended.

    On the embedded cluster its process ends, on kind its static Pod. ``reset`` and ``course up``
    start it again.

    Raises:
        BadInput: this component cannot be stopped alone.
        CourseError: the component did not end.
    """
    with waiting(f"the end of {component}"):
        _stopping(component).stop_component(component)
    return f"{component}: stopped"


def start_component(component: str) -> str:
    """Start a component again; with leader election, it works once it holds the lease.

    Raises:
        BadInput: this component cannot be stopped alone.
        CourseError: the component did not start.
    """
    with waiting(f"the start of {component}"):
        _stopping(component).start_component(component)
    return f"{component}: started"


def _stopping(component: str) -> Backend:
    """Return the backend, after a check that it can stop this component alone."""
    backend = current().backend
    if component not in backend.stoppable:
        raise BadInput(
            f"{component!r} is no control-plane component that can be stopped alone.",
            next_step=f"One of: {', '.join(backend.stoppable)}",
        )
    return backend
