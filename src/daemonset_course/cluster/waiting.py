"""Wait until a condition on a collection is true: list, then watch, never sleep."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from daemonset_course.cluster.api import TIMEOUT, Api, Object, watch_lines
from daemonset_course.cluster.components import components_first
from daemonset_course.errors import NotFinished, NotRunning

Objects = dict[str, Object]  # by name
LIST_SECONDS = 8.0  # that a list may take however short the wait is: a busy server is no dead one


def wait_for(
    api: Api,
    path: str,
    done: Callable[[Objects], bool],
    *,
    what: str,
    explain: Callable[[Objects], str],
    timeout: float,
    selector: dict[str, str] | None = None,
) -> Objects:
    """The objects of a collection, by name, at the first moment when ``done`` holds for them.

    Raises:
        NotFinished: ``timeout`` seconds went by; ``explain`` says what is still missing.
        NotRunning: the API server does not answer; it is asked for hardly longer than the wait.

    Both name the components of the control plane that do not run, if there are any, first.
    """
    with components_first(api.kubeconfig.parent.name):
        return _waited(api, path, done, what, explain, timeout, selector or {})


def _waited(
    api: Api,
    path: str,
    done: Callable[[Objects], bool],
    what: str,
    explain: Callable[[Objects], str],
    timeout: float,
    selector: dict[str, str],
) -> Objects:
    deadline = time.monotonic() + timeout
    objects: Objects = {}
    while True:
        patience = min(TIMEOUT[1], max(LIST_SECONDS, deadline - time.monotonic()))
        listing = api.request("GET", path, query=selector, timeout=(TIMEOUT[0], patience))
        objects = {item["metadata"]["name"]: item for item in listing["items"]}
        if done(objects):
            return objects
        version = listing["metadata"]["resourceVersion"]
        if _follow(api, path, selector, version, objects, done, deadline):
            return objects
        if time.monotonic() >= deadline:
            raise NotFinished(
                f"{what[0].upper()}{what[1:]}: not within {timeout:.0f} s.",
                seen=explain(objects),
                next_step="Look at what is named above, cure it, and wait again.",
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
    """Whether ``done`` became true while watching; False asks for a new list."""
    import urllib3

    left = max(0.05, deadline - time.monotonic())
    query: dict[str, Any] = {
        **selector,
        "watch": "true",
        "resourceVersion": version,
        "timeoutSeconds": max(1, int(left) + 1),
    }
    try:
        answer = api.stream(path, query=query, timeout=(5.0, left))
    except NotRunning:
        if time.monotonic() < deadline:
            raise
        return False  # the deadline came before the server's first word
    try:
        for line in watch_lines(answer):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return False  # e.g. 410 Gone: list again
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                objects.pop(name, None)
            else:
                objects[name] = event["object"]
            if done(objects):
                return True
            if time.monotonic() >= deadline:
                return False
    except urllib3.exceptions.ReadTimeoutError:
        return False  # the deadline
    except urllib3.exceptions.HTTPError:
        return False  # the watch broke: the next list tells whether the server is gone
    finally:
        answer.close()
    return False
