"""Wait until a condition is true: of a collection by list and watch, otherwise by polling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from daemonset_course.cluster.api import TIMEOUT, Api, Object
from daemonset_course.cluster.components import components_first
from daemonset_course.cluster.watch import Watch, list_objects
from daemonset_course.errors import NotFinished, NotRunning
from daemonset_course.progress import waiting

T = TypeVar("T")
Objects = dict[str, Object]  # by name
NEXT_STEP = "Correct what is named above, and wait again."
LIST_SECONDS = 8.0  # minimum timeout of a list: a slow server must not be reported as dead


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
        NotFinished: ``timeout`` seconds passed; ``explain`` returns what is still missing.
        NotRunning: the API server does not answer.

    Both errors begin with the control-plane components that do not run, if there are any.
    """
    seen: list[Objects] = []  # the last list, kept up to date

    def said() -> str:
        return (say or explain)(dict(seen[-1])) if seen else ""

    with components_first(api.kubeconfig.parent.name), waiting("" if say else what, said):
        return _waited(api, path, done, what, explain, timeout, selector or {}, seen)


def _waited(
    api: Api,
    path: str,
    done: Callable[[Objects], bool],
    what: str,
    explain: Callable[[Objects], str],
    timeout: float,
    selector: dict[str, str],
    seen: list[Objects],
) -> Objects:
    deadline = time.monotonic() + timeout
    while True:
        patience = min(TIMEOUT[1], max(LIST_SECONDS, deadline - time.monotonic()))
        items, version = list_objects(api, path, query=selector, timeout=(TIMEOUT[0], patience))
        objects: Objects = {item["metadata"]["name"]: item for item in items}
        seen[:] = [objects]
        if done(objects) or _follow(api, path, selector, version, objects, done, deadline):
            return objects
        if time.monotonic() >= deadline:
            raise NotFinished(
                f"{what[0].upper()}{what[1:]}: not within {timeout:.0f} s.",
                seen=explain(objects),
                next_step=NEXT_STEP,
            )


def _follow(
    api: Api,
    path: str,
    selector: dict[str, str],
    version: str,
    objects: Objects,
    done: Callable[[Objects], bool],
    deadline: float,
) -> bool:
    """Return whether ``done`` became true while watching; if not, list again or give up.

    How the watch ended does not matter: the next list fails if the server does not answer.
    """
    left = max(0.05, deadline - time.monotonic())
    query = {**selector, "timeoutSeconds": max(1, int(left) + 1)}
    try:
        watch = Watch(api, path, version, quiet=left, query=query)
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
            if time.monotonic() >= deadline:
                return False
    return False
