"""Name first, in errors of waits, what does not run: control-plane components, then kubelets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.backend import STOPPABLE, backend_of
from daemonset_course.cluster.simulated_nodes import unmanaged, unmanaged_words
from daemonset_course.cluster.state import State
from daemonset_course.errors import ApiError, CommandFailed, CourseError, NotFinished, NotRunning
from daemonset_course.history.outages import Down, cure
from daemonset_course.places import cluster_name, course_command

_OF_THE_CLUSTER = (NotFinished, NotRunning, ApiError)


def asker(name: str) -> Callable[[], list[Down]]:
    """Return a function that lists the components that do not run; none of a cluster not up."""
    state = State.load(name)
    return backend_of(state).down_components if state and state.complete else list


@contextmanager
def components_first(name: str | None = None) -> Iterator[None]:
    """Make errors of the block begin with what does not run, and how to start it.

    Components of the control plane; when all run, simulated nodes that have lost their label.
    """
    try:
        yield
    except CourseError as error:
        named = name_components(error, name)
        if not named and isinstance(error, _OF_THE_CLUSTER) and (lost := unmanaged_nodes(name)):
            words = unmanaged_words(lost)
            _put_first(error, f"{words[0].upper()}{words[1:]}.", reset_cure(cluster_name(name)))
        raise


def name_components(error: CourseError, name: str | None = None) -> bool:
    """Make an error that the cluster may have caused begin with the components that do not run.

    That a command failed, or took too long, is the cluster's doing only if no answer can come.
    Return whether a component is named. The API server is not asked.
    """
    down = components_down(name) if isinstance(error, (*_OF_THE_CLUSTER, CommandFailed)) else []
    if not down or (isinstance(error, CommandFailed) and not any(map(silences, down))):
        return False
    lead(error, down, cluster_name(name))
    return True


def silences(one: Down) -> bool:
    """Whether the API server answers no more for this, until somebody starts the component."""
    return one.why == "ended" and one.component not in (*STOPPABLE, "kwok-controller")


def unmanaged_nodes(name: str | None = None) -> list[str]:
    """Return the simulated nodes that have lost their label; none where nothing can be asked."""
    with suppress(CourseError, OSError):  # the error of the wait matters more
        state = State.load(cluster_name(name))
        if state and state.complete:
            return unmanaged(Api(backend_of(state).kubeconfig).items("/api/v1/nodes"))
    return []


def reset_cure(cluster: str) -> str:
    """Return what puts a lost label back."""
    return f"{course_command('reset', cluster)} puts the label back, and removes what lessons made"


def components_down(name: str | None = None) -> list[Down]:
    """Return the components that do not run now; none where the check itself fails."""
    with suppress(CourseError, OSError):  # the error of the wait matters more
        return asker(cluster_name(name))()
    return []


def lead(error: CourseError, down: list[Down], cluster: str) -> None:
    """Put the components that do not run before an error's own message; safe to repeat."""
    _put_first(error, f"{'; '.join(map(str, down))}.", cure(down, cluster))


def _put_first(error: CourseError, first: str, next_step: str) -> None:
    if error.failed != first:
        error.seen = f"{error.failed} {error.seen}".strip()
    error.failed, error.next_step, error.args = first, next_step, (first,)
