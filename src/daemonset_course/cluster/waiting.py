"""Wait until a condition is true: of a collection by list and watch, otherwise by polling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from daemonset_course.cluster.api import TIMEOUT, Api, Object
from daemonset_course.cluster.components import components_down, components_first
from daemonset_course.cluster.watch import Listing, Watch, list_objects
from daemonset_course.errors import NotFinished, NotRunning
from daemonset_course.progress import waiting

T = TypeVar("T")
Objects = dict[str, Object]  # by name
NEXT_STEP = "Correct what is named above, and wait again."
LIST_SECONDS = 8.0  # minimum timeout of a list: a slow server must not be reported as dead
LOOK = 1.0  # seconds between two looks at the components, at least
SHARE = 0.05  # of the time that looking may take: on kind, it runs a command in a container
HOPELESS = (
    3.0  # seconds after which a component that has ended ends a wait: others go on until then
)


def until(condition: Callable[[], T], *, timeout: float, pause: float) -> T:
    """Return the first true value of a condition, or its last value after ``timeout`` seconds.

    For conditions that no watch reports: ``condition`` is called again after each pause.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()) and (left := deadline - time.monotonic()) > 0:
        threading.Event().wait(min(pause, left))
    return value


def wait_for(
    api: Api,
    path: str,
    done: Callable[[Objects], bool],
    *,
    what: str,
    explain: Callable[[Objects], str],
    timeout: float,
    selector: dict[str, str] | None = None,
    say: Callable[[Objects], str] | None = None,
) -> Objects:
    """Return the objects of a collection, by name, as soon as ``done`` is true for them.

    A long wait says what it waits for: what ``say`` returns, or ``what`` and ``explain``.

    Raises:
        NotFinished: ``timeout`` seconds passed; ``explain`` returns what is still missing. Or a
            component has ended: nothing but ``course up`` starts it again.
        NotRunning: the API server does not answer.

    Both errors begin with the control-plane components that do not run, if there are any.
    """
    seen: list[Objects] = []  # the last list, kept up to date

    def said() -> str:
        return (say or explain)(dict(seen[-1])) if seen else ""

    cluster = api.kubeconfig.parent.name
    with components_first(cluster), waiting("" if say else what, said):
        watched = _Components(cluster)
        return _waited(api, path, done, what, explain, timeout, selector or {}, seen, watched)


def _waited(
    api: Api,
    path: str,
    done: Callable[[Objects], bool],
    what: str,
    explain: Callable[[Objects], str],
    timeout: float,
    selector: dict[str, str],
    seen: list[Objects],
    components: _Components,
) -> Objects:
    deadline = time.monotonic() + timeout
    while True:
        items, version = _listed(api, path, selector, deadline, components)
        objects: Objects = {item["metadata"]["name"]: item for item in items}
        seen[:] = [objects]
        if done(objects) or _follow(
            api, path, selector, version, objects, done, deadline, components
        ):
            return objects
        late = time.monotonic() >= deadline
        if late or components.hopeless:
            ending = f"not within {timeout:.0f} s" if late else "nothing to wait for"
            raise NotFinished(
                f"{what[0].upper()}{what[1:]}: {ending}.",
                seen=explain(objects),
                next_step=NEXT_STEP,
            )


def _listed(
    api: Api, path: str, selector: dict[str, str], deadline: float, components: _Components
) -> Listing:
    """Return a list; a slow server has until the deadline, unless a component has ended."""
    with suppress(NotRunning):
        return list_objects(api, path, query=selector, timeout=(TIMEOUT[0], LIST_SECONDS))
    left = 0.0 if components.ended else deadline - time.monotonic()
    patience = min(TIMEOUT[1] - LIST_SECONDS, max(1.0, left))
    return list_objects(api, path, query=selector, timeout=(TIMEOUT[0], patience))


def _follow(
    api: Api,
    path: str,
    selector: dict[str, str],
    version: str,
    objects: Objects,
    done: Callable[[Objects], bool],
    deadline: float,
    components: _Components,
) -> bool:
    """Return whether ``done`` became true while watching; if not, list again or give up.

    A quiet watch is opened again from its last version, after a look at the components and at
    ``done``. How else it ended does not matter: the next list fails if the server does not answer.
    """
    while (left := max(0.05, deadline - time.monotonic())) and not components.hopeless:
        query = {**selector, "timeoutSeconds": max(1, int(left) + 1)}
        try:
            watch = Watch(api, path, version, quiet=min(left, components.pause), query=query)
        except NotRunning:
            if time.monotonic() < deadline:
                raise
            return False  # the deadline passed before the server accepted the watch
        with watch:
            for event in watch:
                name = event.object["metadata"].get("name")
                if event.type == "DELETED":
                    objects.pop(name, None)
                elif event.type != "BOOKMARK":
                    objects[name] = event.object
                if done(objects):
                    return True
                if time.monotonic() >= deadline or components.hopeless:
                    return False
        if watch.ended != "quiet" or time.monotonic() >= deadline:
            return False
        if done(objects):  # it may ask for more than these objects, such as nodes
            return True
        version = watch.version
    return False


class _Components:
    """Looks now and then whether a component of the control plane has ended."""

    def __init__(self, cluster: str) -> None:
        self.pause = LOOK  # seconds until the next look
        self._cluster = cluster
        self._looked = time.monotonic()
        self._since: float | None = None  # one has ended since then

    @property
    def ended(self) -> bool:
        """Whether one has ended, now."""
        return any(one.why == "ended" for one in components_down(self._cluster))

    @property
    def hopeless(self) -> bool:
        """Whether one has ended, and was not started again for ``HOPELESS`` seconds."""
        now = time.monotonic()
        if now - self._looked >= self.pause:
            ended = self.ended
            self._looked = time.monotonic()
            self.pause = max(LOOK, (self._looked - now) / SHARE)
            self._since = (self._since or now) if ended else None
        return self._since is not None and self._looked - self._since >= HOPELESS
