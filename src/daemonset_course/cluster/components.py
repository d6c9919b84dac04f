"""Find control-plane components that do not run, and name them first in errors of waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from daemonset_course.cluster.backend import STOPPABLE, backend_of
from daemonset_course.cluster.state import State
from daemonset_course.errors import ApiError, CourseError, NotFinished, NotRunning
from daemonset_course.history.outages import Down, cure
from daemonset_course.places import cluster_name


def asker(name: str) -> Callable[[], list[Down]]:
    """Return a function that lists the components that do not run; none of a cluster not up."""
    state = State.load(name)
    return backend_of(state).down_components if state and state.complete else list


@contextmanager
def components_first(name: str | None = None) -> Iterator[None]:
    """Make errors of the block begin with the components that do not run, and how to start them."""
    try:
        yield
    except (NotFinished, NotRunning, ApiError) as error:
        if down := components_down(name):
            lead(error, down, cluster_name(name))
        raise


def silences(one: Down) -> bool:
    """Whether the API server answers no more for this, until somebody starts the component."""
    return one.why == "ended" and one.component not in (*STOPPABLE, "kwok-controller")


def components_down(name: str | None = None) -> list[Down]:
    """Return the components that do not run now; none where the check itself fails."""
    with suppress(CourseError, OSError):  # the error of the wait matters more
        return asker(cluster_name(name))()
    return []


def lead(error: CourseError, down: list[Down], cluster: str) -> None:
    """Put the components that do not run before an error's own message; safe to repeat."""
    first = f"{'; '.join(map(str, down))}."
    if error.failed != first:
        error.seen = f"{error.failed} {error.seen}".strip()
    error.failed, error.next_step, error.args = first, cure(down, cluster), (first,)
