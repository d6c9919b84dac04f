"""Explain from FailedCreate Events why a DaemonSet's Pods could not be created. Pure.

The controller writes the Event about the DaemonSet, not about a node. So the newest Event explains
all nodes without a Pod together. Source: ``syncNodes`` in
``pkg/controller/daemon/daemon_controller.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from daemonset_course.history.budgets import budgets
from daemonset_course.history.log import Object
from daemonset_course.history.podstate import parse_time

REASON = "FailedCreate"
_NAMED = 6  # nodes that the sentence names
# Prefixes that client-go and the controller add to the API server's message.
_PREFIXES = ("(combined from similar events): ", "Error creating: ")


class FailedCreate(NamedTuple):
    """A failed creation: its time in seconds (the caller chooses the clock), and the message."""

    at: float
    message: str


def not_created(
    events: Iterable[Object], daemonset: Object, missing: Sequence[str], *, since: float = 0.0
) -> str:
    """Return why the nodes ``missing`` have no Pod, in a sentence; empty if no Event explains it.

    With maxSurge, ``missing`` can be empty: the extra Pod beside an old one was not created.
    Events before ``since`` (seconds since 1970) do not count: another template caused them, or a
    Pod was created after them.
    """
    if not missing and not budgets(daemonset, desired=1)[1]:
        return ""
    found = (failed_create(event, daemonset) for event in events)
    return sentence(missing, newest_message((each for each in found if each), since))


def failed_create(event: Object, daemonset: Object) -> FailedCreate | None:
    """Return the failed creation that an Event about this DaemonSet reports; None for others."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    if event.get("reason") != REASON or about.get("kind") != "DaemonSet":
        return None
    wanted = daemonset["metadata"]
    if any(
        about.get(key) and wanted.get(key) and about[key] != wanted[key]
        for key in ("name", "namespace", "uid")
    ):
        return None
    message = " ".join(str(event.get("message") or event.get("note") or "").split())
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    return FailedCreate(last_seen(event), message)


def last_seen(event: Object) -> float:
    """Return when an Event happened for the last time, in seconds since 1970; 0 if unknown."""
    series = event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp") or event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
        (event.get("metadata") or {}).get("creationTimestamp"),
    )
    return max(map(_seconds, times))


def template_age(daemonset: Object, pods: Iterable[Object]) -> float:
    """Return the time before which failed creations do not count, in seconds since 1970.

    It is the last write to the DaemonSet's template, or the creation of its newest Pod.
    """
    meta = daemonset["metadata"]
    writes = [
        entry.get("time")
        for entry in meta.get("managedFields") or ()
        if not entry.get("subresource") and _writes_template(entry)
    ]
    times = [meta.get("creationTimestamp"), *writes]
    times += [pod["metadata"].get("creationTimestamp") for pod in pods]
    return max(map(_seconds, times))


def newest_message(failed_creates: Iterable[FailedCreate], since: float) -> str:
    """Return the message of the last failed creation since ``since``; empty if there is none."""
    last = max(
        (each for each in failed_creates if each.at >= since), default=None, key=lambda r: r.at
    )
    return last.message if last else ""


def sentence(nodes: Sequence[str], message: str) -> str:
    """Return ``no Pod could be created on worker, worker2: <message>``; empty without a message.

    Without nodes, the message is about an extra Pod beside an old one (maxSurge).
    """
    if not message:
        return ""
    if not nodes:
        return f"no new Pod could be created: {message}"
    more = len(nodes) - _NAMED
    named = ", ".join(nodes[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"no Pod could be created on {named}: {message}"


def _writes_template(entry: Mapping[str, object]) -> bool:
    fields = entry.get("fieldsV1")
    spec = fields.get("f:spec") if isinstance(fields, Mapping) else None
    return isinstance(spec, Mapping) and "f:template" in spec


def _seconds(time: object) -> float:
    found = parse_time(str(time or ""))
    return found.timestamp() if found else 0.0
