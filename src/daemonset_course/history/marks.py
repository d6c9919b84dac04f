"""Derive marks (actions and events) from changes of nodes, of the DaemonSet and of Events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from daemonset_course.history.log import Change, Mark, MarkKind, Object
from daemonset_course.history.podstate import DOMAIN, condition, is_terminating, taint_names

_BASE = 58  # characters of a generated name that are kept before its five random ones
_LONGEST = 280  # two lines below a picture
_PREEMPTION = re.compile(r"[.,;]?\s*(no new claims to deallocate,\s*)?preemption: .*$")
_COMBINED = "(combined from similar events): "  # how client-go begins an aggregated message
TEMPLATE_CHANGED = "template changed"


@dataclass(frozen=True, slots=True)
class Warned:
    """The Events of type Warning that have one reason, and one message but for names and numbers.

    Attributes:
        reason: such as ``FailedCreate``.
        message: of the first one.
        last: when the last one was received.
        times: how often they happened.
        places: the nodes of the Pods that they are about, or the Pod's name where it has no node;
            in order of time, each once. Empty if they are about the DaemonSet.
    """

    reason: str
    message: str
    last: float
    times: int
    places: tuple[str, ...]


@dataclass(slots=True)
class _Warnings:
    """What ``Warned`` is made of, while Events arrive."""

    reason: str
    message: str
    last: float = 0.0
    times: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # by the Event's uid
    places: dict[str, None] = field(default_factory=dict)

    def add(self, t: float, event: Object, place: str) -> None:
        meta = event["metadata"]
        name = str(meta.get("uid") or meta.get("name"))
        count = int((event.get("series") or {}).get("count") or event.get("count") or 1)
        self.times += count - self.counts.get(name, 0)
        self.counts[name], self.last = count, t
        if place:
            self.places[place] = None


class Marker:
    """Derives marks from changes; keeps the last version of each node and of the DaemonSet."""

    def __init__(self, daemonset: str, pod_nodes: Mapping[str, str]) -> None:
        """Create a marker. ``pod_nodes`` maps the uid of each Pod to its node, kept up to date."""
        self._daemonset = daemonset
        self._pod_nodes = pod_nodes
        self._nodes: dict[str, Object] = {}
        self._owner: Object | None = None
        self._t = 0.0  # of the change that is read
        self._warned: dict[tuple[str, str], _Warnings] = {}  # by reason and kind of message
        self._pod_name = re.compile(re.escape(f"{daemonset}-"[:_BASE]) + r"[a-z0-9]{5}\b")

    def read(self, t: float, change: Change) -> list[Mark]:
        """Return the marks of one change; none for objects that existed at the start."""
        initial = change.via == "start"
        read = {
            "nodes": self._node_marks,
            "daemonsets": self._daemonset_marks,
            "events": self._event_marks,
        }
        reader = read.get(change.resource)
        if reader is None or (initial and change.resource == "events"):
            return []
        self._t = t
        marks = [
            Mark(t, text, kind, node) for kind, text, node in reader(change.type, change.object)
        ]
        return [] if initial else marks

    def _node_marks(self, kind: str, node: Object) -> Iterator[tuple[MarkKind, str, str]]:
        name = str(node["metadata"]["name"])
        if kind == "DELETED":
            if self._nodes.pop(name, None) is not None:
                yield "event", "node deleted", name
            return
        old, self._nodes[name] = self._nodes.get(name), node
        if old is None:
            yield "event", "node added", name
            return
        for text in (*_label_changes(old, node), *_taint_changes(old, node), *_cordon(old, node)):
            yield "action", text, name
        ready, was = (condition(n, "Ready").get("status") for n in (node, old))
        if ready != was and ready:
            yield "event", "node Ready" if ready == "True" else f"node NotReady ({ready})", name

    def _daemonset_marks(self, kind: str, owner: Object) -> Iterator[tuple[MarkKind, str, str]]:
        if owner["metadata"]["name"] != self._daemonset:
            return
        old, self._owner = self._owner, None if kind == "DELETED" else owner
        if kind == "DELETED":
            yield "action", "DaemonSet deleted", ""
        elif old is None or old["metadata"].get("uid") != owner["metadata"].get("uid"):
            yield "action", "DaemonSet created", ""
        else:
            if old["spec"].get("template") != owner["spec"].get("template"):
                yield "action", TEMPLATE_CHANGED, ""
            if old["spec"].get("updateStrategy") != owner["spec"].get("updateStrategy"):
                yield "action", f"update strategy: {strategy_text(owner)}", ""
            if is_terminating(owner) and not is_terminating(old):
                yield "action", "DaemonSet deletion asked for", ""

    def _event_marks(self, kind: str, event: Object) -> Iterator[tuple[MarkKind, str, str]]:
        about = event.get("involvedObject") or event.get("regarding") or {}
        if kind == "DELETED" or event.get("type") != "Warning" or not self._is_ours(about):
            return
        reason = str(event.get("reason", ""))
        message = str(event.get("message") or event.get("note") or "")
        node = self._pod_nodes.get(about.get("uid", ""), "")
        is_new = (key := (reason, self._message_class(message, about))) not in self._warned
        same = self._warned.setdefault(key, _Warnings(reason, _short(message)))
        same.add(self._t, event, "" if about.get("kind") == "DaemonSet" else node or about["name"])
        if is_new:
            yield "event", _short(f"{reason}: {message}"), node

    def warnings(self, since: float) -> tuple[Warned, ...]:
        """Return the warnings of which one was received since then, the last one first."""
        found = [
            Warned(one.reason, one.message, one.last, one.times, tuple(one.places))
            for one in self._warned.values()
            if one.last >= since
        ]
        return tuple(sorted(found, key=lambda one: -one.last))

    def _message_class(self, message: str, about: Object) -> str:
        """Return the message without names of Pods and nodes and numbers, for comparison."""
        message = self._pod_name.sub("…", message.removeprefix(_COMBINED))
        for word in (about.get("name"), about.get("uid")):
            message = message.replace(str(word), "…") if word else message
        words = re.split(r"([^\w.-]+)", message)
        return re.sub(r"\d+", "#", "".join("…" if w in self._nodes else w for w in words))

    def _is_ours(self, about: Object) -> bool:
        if about.get("kind") == "DaemonSet":
            return about.get("name") == self._daemonset
        # An Event may arrive before its Pod (two watches). Then only the name identifies the Pod.
        return about.get("kind") == "Pod" and (
            about.get("uid", "") in self._pod_nodes
            or self._pod_name.fullmatch(str(about.get("name", ""))) is not None
        )


def strategy_text(daemonset: Object) -> str:
    """Return the update strategy in one line, such as ``RollingUpdate, maxUnavailable 1``."""
    strategy = daemonset["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    parts = [f"{key} {rolling[key]}" for key in ("maxUnavailable", "maxSurge") if rolling.get(key)]
    return ", ".join([str(strategy.get("type", "RollingUpdate")), *parts])


def _label_changes(old: Object, new: Object) -> list[str]:
    before, after = (n["metadata"].get("labels") or {} for n in (old, new))
    texts = []
    for key in sorted({*before, *after}):
        if key.startswith(DOMAIN) or before.get(key) == after.get(key):
            continue
        if key not in after:
            texts.append(f"label {key} removed")
        elif key not in before:
            texts.append(f"label {key}={after[key]}")
        else:
            texts.append(f"label {key}={after[key]} (was {before[key]})")
    return texts


def _taint_changes(old: Object, new: Object) -> list[str]:
    before, after = taint_names(old), taint_names(new)
    gone = [f"taint {text} removed" for text in before if text not in after]
    return gone + [f"taint {text}" for text in after if text not in before]


def _cordon(old: Object, new: Object) -> list[str]:
    before, after = (bool((n.get("spec") or {}).get("unschedulable")) for n in (old, new))
    if before == after:
        return []
    return ["cordon" if after else "uncordon"]


def _short(text: str) -> str:
    """Return the text in two lines at most, cut between words, without the preemption result.

    The middle is cut out: the reason is at the beginning or at the end of a message.
    """
    text = _PREEMPTION.sub("", " ".join(text.split()))
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2 - 2
    head, tail = text[:half], text[-half:]
    return f"{head.rpartition(' ')[0] or head} … {tail.partition(' ')[2] or tail}"
