"""Which components of a cluster's control plane do not run, said first where a wait fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from daemonset_course.cluster.backend import backend_of
from daemonset_course.cluster.state import State
from daemonset_course.errors import ApiError, CourseError, NotFinished, NotRunning
from daemonset_course.history.outages import Down, cure
from daemonset_course.places import cluster_name


def asker(name: str) -> Callable[[], list[Down]]:
    """What tells which components of a cluster do not run; nothing of a cluster that is not up."""
    state = State.load(name)
    return backend_of(state).down_components if state and state.complete else list


@contextmanager
def components_first(name: str | None = None) -> Iterator[None]:
    """Let an error of the block begin with the components that do not run, and name their cure."""
    try:
        yield
    except (NotFinished, NotRunning, ApiError) as error:
        if down := components_down(name):
            lead(error, down, cluster_name(name))
        raise


def components_down(name: str | None = None) -> list[Down]:
    """Which components of a cluster do not run now; nothing where that cannot be told."""
    with suppress(CourseError, OSError):  # where a wait fails, its own error counts more
        return asker(cluster_name(name))()
    return []


def lead(error: CourseError, down: list[Down], cluster: str) -> None:
    """Put components that do not run before what an error says; doing it again does no harm."""
    first = f"{'; '.join(map(str, down))}."
    if error.failed != first:
        error.seen = f"{error.failed} {error.seen}".strip()
    error.failed, error.next_step, error.args = first, cure(down, cluster), (first,)
