"""Describe the life of one Pod of any owner: its segments and the times of its steps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemonset_course.history import podstate
from daemonset_course.history.log import Change, Object
from daemonset_course.history.spans import UNKNOWN, Segment, Stretch, Unknown

# When something happened, in seconds since the recording began; None: it did not; UNKNOWN: it
# happened, or may have happened, while the watch was interrupted.
When = float | Unknown | None


@dataclass(frozen=True)
class Life:
    """The life of one Pod.

    Attributes:
        uid: the Pod's uid.
        name: the Pod's name.
        app: the value of the label ``app``.
        node: the node that the Pod is bound to, or that its affinity names.
        segments: its phases, one after the other; ``unknown`` within gaps.
        created: when it was created; None: before the recording began.
        bound: when the scheduler bound it to its node; None: not in the recording.
        placed: whether it has a node; without ``bound`` it had one from the start.
        ready: when it was ready first; None: not yet, or before the recording began.
        stopping: when its deletion was requested (``deletionTimestamp``).
        gone: when its object was deleted.
        evicted: when its kubelet evicted it.
        ran: whether its phase was Running at some time.
        first: the first version of the object that was seen.
        last: the last version of the object.
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
    first: Object
    last: Object

    @property
    def phase(self) -> str:
        """The last phase of the Pod; empty if it has no segment."""
        return self.segments[-1].phase if self.segments else ""


def on_node(lives: Iterable[Life], node: str) -> list[Life]:
    """Return the lives of the Pods that were bound to a node, or whose affinity names it."""
    return [life for life in lives if life.node == node and life.segments]


def life(
    versions: Sequence[Change], stretches: Sequence[Stretch[podstate.PodState]], *, watched: bool
) -> Life:
    """Return one Pod's life from its versions in a ``History``.

    ``watched`` says whether the watch of Pods was not interrupted at the log's end.
    """
    last, uid = versions[-1], versions[0].uid
    bound = [one for one in versions if podstate.is_bound(one.object)]
    ready = [one for one in versions if podstate.is_ready(one.object)]
    first = versions[0]
    open_ = None if watched else UNKNOWN  # for a step that did not happen by the end

    def when(found: Sequence[Change], missing: When = open_) -> When:
        return _when(found[0]) if found else missing

    # The deletion of a Pod that disappeared within a gap may have been requested before.
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
        first=first.object,
        last=last.object,
    )


def _is_stopping(change: Change) -> bool:
    return not change.gone and podstate.is_terminating(change.object)


def _when(change: Change) -> When:
    return UNKNOWN if change.via == "list" else change.t


def _segments(
    uid: str, name: str, stretches: Sequence[Stretch[podstate.PodState]]
) -> tuple[Segment, ...]:
    """Return the phases; within a gap the Pod keeps the node that it had before."""
    found: list[Segment] = []
    node = ""
    for one in stretches:
        if one.value is UNKNOWN:
            found.append(Segment(uid, name, node, "", "unknown", one.start, one.end))
        else:
            node, revision, phase, reason = one.value
            found.append(Segment(uid, name, node, revision, phase, one.start, one.end, reason))
    return tuple(found)
