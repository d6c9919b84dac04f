"""The life of a Pod of any owner: its segments, and when what happened to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemonset_course.history import podstate
from daemonset_course.history.log import Change, Object
from daemonset_course.history.spans import UNKNOWN, Segment, Stretch, Unknown

# When something happened, in seconds since the recording began; None: it did not; UNKNOWN: it
# happened, or may have happened, while nobody watched.
When = float | Unknown | None


@dataclass(frozen=True)
class Life:
    """One Pod.

    Attributes:
        uid: its uid.
        name: its name.
        app: the value of its label ``app``.
        node: the node that it was bound to, or is meant for.
        segments: its phases, one after the other; unknown while nobody watched.
        created: when it was created; None: it was there when the recording began.
        bound: when the scheduler gave it its node; None: not in the recording.
        placed: whether it has a node; without ``bound`` it had one from the start.
        ready: when it was ready first; None: not yet, or it was when the recording began.
        stopping: when it was told to stop.
        gone: when it left the API.
        evicted: when its kubelet evicted it.
        ran: whether its kubelet said Running at some time.
        last: the object as it was seen last.
    """

    uid: str
    name: str
    app: str
    node: str
    segments: tuple[Segment, ...]
    created: When
    bound: When
    placed: bool
    ready: When
    stopping: When
    gone: When
    evicted: When
    ran: bool
    last: Object

    @property
    def phase(self) -> str:
        """The last phase that was seen of it."""
        return self.segments[-1].phase if self.segments else ""


def on_node(lives: Iterable[Life], node: str) -> list[Life]:
    """The Pods that were on a node, or meant for it."""
    return [life for life in lives if life.node == node and life.segments]


def life(
    versions: Sequence[Change], stretches: Sequence[Stretch[podstate.PodState]], *, watched: bool
) -> Life:
    """One Pod's life, from its versions in a ``History``.

    ``watched``: whether the log's end was seen, or a gap reaches it.
    """
    last, uid = versions[-1], versions[0].uid
    bound = [one for one in versions if podstate.is_bound(one.object)]
    ready = [one for one in versions if podstate.is_ready(one.object)]
    first = versions[0]
    open_ = None if watched else UNKNOWN  # what was not seen by the end

    def when(found: Sequence[Change], missing: When = open_) -> When:
        return _when(found[0]) if found else missing

    # A Pod that was deleted while nobody watched may have been told to stop before.
    left: When = UNKNOWN if last.gone and last.via == "list" else open_
    return Life(
        uid=uid,
        name=first.name,
        app=podstate.app_of(first.object),
        node=podstate.node_of(last.object),
        segments=_segments(uid, first.name, stretches),
        created=None if first.via == "start" else _when(first),
        bound=when(bound) if bound[:1] != [first] or first.via == "list" else None,
        placed=bool(bound),
        ready=None if ready[:1] == [first] and first.via == "start" else when(ready),
        stopping=when([one for one in versions if _is_stopping(one)], left),
        gone=when([last] if last.gone else []),
        evicted=when([one for one in versions if podstate.is_evicted(one.object)], left),
        ran=any((one.object.get("status") or {}).get("phase") == "Running" for one in versions),
        last=last.object,
    )


def _is_stopping(change: Change) -> bool:
    return not change.gone and podstate.is_terminating(change.object)


def _when(change: Change) -> When:
    return UNKNOWN if change.via == "list" else change.t


def _segments(
    uid: str, name: str, stretches: Sequence[Stretch[podstate.PodState]]
) -> tuple[Segment, ...]:
    """The phases; while nobody watched, the Pod is drawn on the node that it had before."""
    found: list[Segment] = []
    node = ""
    for one in stretches:
        if one.value is UNKNOWN:
            found.append(Segment(uid, name, node, "", "unknown", one.start, one.end))
        else:
            node, revision, phase, reason = one.value
            found.append(Segment(uid, name, node, revision, phase, one.start, one.end, reason))
    return tuple(found)
