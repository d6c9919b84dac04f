"""Show which component did which step until a Pod was ready, and how a node joined. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.figures.pods import pod_bars, pod_style, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Link, Point, Row, Style, Zone
from daemonset_course.history import podstate
from daemonset_course.history.index import History, Test, named, owned_by
from daemonset_course.history.lives import Life, When, on_node
from daemonset_course.history.log import Change, Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import Phase, Segment, Span, union
from daemonset_course.history.text import counted, natural_key, seconds, short_name, within
from daemonset_course.placement.tolerations import taints_of

SCHEDULER = "kube-scheduler"
NOT_READY = "node.kubernetes.io/not-ready"
_LANES = ("DaemonSet\ncontroller", "scheduler", "kubelets")
_WORDS: Mapping[Phase, str] = {
    "pending": "waits for the scheduler", "not ready": "starts", "ready": "ready",
    "terminating": "terminating", "failed": "failed", "unknown": "not seen",
}  # fmt: skip
_SIGN = Style("background", edge="background", width=0.0, height=0.5)


@dataclass(frozen=True)
class Startup:
    """The steps of every Pod of a DaemonSet, and when no scheduler ran.

    Attributes:
        lives: the Pods' lives, by node, then by time.
        away: each stretch without a scheduler.
        cluster: the prefix of the nodes' names.
        observed: when Pods were watched.
    """

    lives: tuple[Life, ...]
    away: tuple[Span, ...]
    cluster: str
    observed: Observed

    @property
    def new(self) -> tuple[Life, ...]:
        """The Pods that were created during the recording."""
        return tuple(life for life in self.lives if life.created is not None)

    @property
    def headline(self) -> str:
        """The finding in a few words."""
        late = [life for life in self.new if self._waited(life)]
        ran = [life for life in self.lives if life.created is None and life.stopping is None]
        if late:
            kept = f", {counted(len(ran), 'Pod')} ran on" if ran else ""
            return f"No scheduler: {counted(len(late), 'Pod')} waited for it{kept}"
        if self.new and not any(life.bound is not None for life in self.new):
            return "The scheduler bound none of the Pods"
        if short := [life for life in self.new if life.ready is None and life.gone is None]:
            return f"{counted(len(self.new), 'Pod')} created, {len(short)} never ready"
        if not self.new:
            return "No Pod was created"
        return "The controller creates, the scheduler binds, the kubelet runs"

    @property
    def caption(self) -> str:
        """How many Pods were created, and how long each step took at most."""
        seen = [life for life in self.new if isinstance(life.created, float)]
        unbound = [life for life in seen if not life.placed or life.bound is not None]
        sentences = [f"{counted(len(seen), 'Pod')} created, {len(unbound)} of them without a node."]
        if unseen := len(self.new) - len(seen):
            sentences.append(f"{counted(unseen, 'Pod')} came while nobody watched.")
        if bound := [d for life in self.new if (d := _between(life.created, life.bound)) >= 0]:
            sentences.append(f"The scheduler bound {len(bound)} of them {within(bound)}.")
        if ready := [d for life in self.new if (d := _between(life.bound, life.ready)) >= 0]:
            sentences.append(f"The kubelets had {len(ready)} ready {within(ready)} more.")
        sentences += [f"No scheduler from {a:.1f} to {b:.1f} s." for a, b in self.away]
        return self.observed.caption(*sentences)

    def figure(self) -> Lanes:
        """Return a lane each for controller, scheduler and kubelets, with a row for each Pod."""
        styles = {
            "created": replace(_SIGN, sign="◆"),
            "bound to its node": replace(_SIGN, sign="●"),
            **{word: pod_style(phase, "accent") for phase, word in _WORDS.items()},
            "no scheduler": Style("alarm", 0.85, "\\\\", width=0.6),
        }
        rows: tuple[list[Row], ...] = ([], [], [])
        links = []
        for y, life in enumerate(self.lives):
            bars = self._bars(life)
            created = _point(life.created, "◆", "created")
            bound = _point(life.bound, "●", "bound to its node")
            waits = tuple(bar for bar in bars if bar.style == _WORDS["pending"])
            rest = tuple(bar for bar in bars if bar not in waits)
            rows[0].append(Row(points=created))
            rows[1].append(Row(waits, bound))
            rows[2].append(Row(rest, label=short_name(life.node, self.cluster)))
            links += [Link(point.t, (0, y), (1, y)) for point in created]
            links += [Link(point.t, (1, y), (2, y)) for point in bound]
        zones = tuple(Zone(a, b, "no scheduler", 1, "no scheduler") for a, b in self.away)
        lanes = tuple(Lane(name, tuple(each)) for name, each in zip(_LANES, rows, strict=True))
        return Lanes(
            lanes, self.observed.span, styles, row=0.2, zones=zones, links=tuple(links),
            unknown=self.observed.unknown,
        )  # fmt: skip

    def _bars(self, life: Life) -> list[Bar]:
        """Return one bar for each step of a Pod, independent of the reasons of its segments.

        The Pod waits for the scheduler until it has a node; then it starts.
        """
        steps: list[tuple[float, float, Phase]] = []
        for one in life.segments:
            if one.phase != "pending":
                steps.append((one.start, one.end, one.phase))
                continue
            placed = one.start if life.placed else one.end
            placed = life.bound if isinstance(life.bound, float) else placed
            middle = min(max(placed, one.start), one.end)
            if one.start < middle:
                steps.append((one.start, middle, "pending"))
            if middle < one.end:
                steps.append((middle, one.end, "not ready"))
        made: list[Bar] = []
        for start, end, phase in steps:
            if made and (made[-1].style, made[-1].end) == (_WORDS[phase], start):
                start = made.pop().start
            made.append(Bar(start, end, _WORDS[phase]))
        return made

    def _waited(self, life: Life) -> bool:
        """Whether the Pod was created in a stretch without a scheduler."""
        t = life.created
        return isinstance(t, float) and any(start <= t < end for start, end in self.away)


class Moment(NamedTuple):
    """The time of one change. Moments compare by the order in which etcd stored the changes.

    Two watches may deliver two changes in the wrong order. ``version`` is the resourceVersion,
    which counts over all objects. ``t`` is in seconds since the recording began.
    """

    version: int
    t: float


@dataclass(frozen=True)
class Joining:
    """The steps in which one node joined.

    Attributes:
        node: its name.
        added: when the Node object was created.
        ready: when its condition Ready became True.
        untainted: when the taint ``node.kubernetes.io/not-ready:NoSchedule`` was removed.
        created: by DaemonSet, when its Pod for this node was created.
        segments: by DaemonSet, the segments of its Pods there.
        observed: when nodes and Pods were watched.
    """

    node: str
    added: Moment
    ready: Moment
    untainted: Moment
    created: Mapping[str, Moment]
    segments: Mapping[str, Sequence[Segment]]
    observed: Observed

    @property
    def headline(self) -> str:
        """Which Pods were created before the taint was removed."""
        early = [name for name, moment in self.created.items() if moment < self.untainted]
        late = [name for name in self.created if name not in early]
        if not early or not late:
            when = "before" if early else "after"
            return f"Pods of {', '.join(early or late)} came {when} the taint was gone"
        return f"{', '.join(early)} did not wait for the node; {', '.join(late)} did"

    @property
    def caption(self) -> str:
        """The steps in order, with times since the node was added."""
        steps = [("node Ready", self.ready), ("taint gone", self.untainted)]
        steps += [(f"Pod of {name} created", moment) for name, moment in self.created.items()]
        steps.sort(key=lambda step: step[1])
        zero = self.added.t
        text = ", ".join(f"{what} {seconds(max(0.0, at.t - zero))}" for what, at in steps)
        return self.observed.caption(f"After the node was added: {text}.")

    def figure(self) -> Lanes:
        """Return the node's bar above one bar for each DaemonSet's Pods."""
        zero, end = self.added.t, self.observed.end
        styles = {
            "node tainted not-ready": Style("faint", hatch="xxxx", edge="muted", width=0.7),
            "node without the taint": Style("muted", width=0.0),
            **pod_styles(),
        }
        free = self.untainted.t
        bars = (
            Bar(0.0, free - zero, "node tainted not-ready"),
            Bar(free - zero, end - zero, "node without the taint"),
        )
        lanes = [Lane("node", (Row(bars),))]
        for name, life in self.segments.items():
            lanes.append(Lane(f"Pod of {name}", (Row(pod_bars(life, zero)),)))
        unknown = tuple((a - zero, b - zero) for a, b in self.observed.unknown)
        return Lanes(
            tuple(lanes), (-0.01 * (end - zero), end - zero), styles,
            "seconds since the node was added", 0.42, moments=(free - zero,), unknown=unknown,
        )  # fmt: skip


def startup(history: History) -> Startup:
    """Return the steps of the Pods of the recorded DaemonSet.

    The time without a scheduler begins at a mark with ``stopped``. It ends at the mark with
    ``started``, or when the next Pod is bound: the scheduler can bind a Pod before that mark.

    Raises:
        BadInput: the recording shows no Pod of the DaemonSet.
    """
    owner = history.header.daemonset
    lives = history.lives(owned_by(owner))
    if not lives:
        raise BadInput(
            f"The recording shows no Pod of {owner}.",
            next_step="Record the DaemonSet while its Pods are created.",
        )
    first = {change.uid: change.object for change in reversed(list(history.changes("pods")))}
    lives = [
        one if podstate.is_owned(first[one.uid], owner) else replace(one, created=None)  # adopted
        for one in lives
    ]
    # On one node, Pods from before the recording come first, then the others by creation time.
    lives.sort(key=lambda life: (natural_key(life.node), _between(0.0, life.created)))
    bound = [life.bound for life in lives if isinstance(life.bound, float)]
    away = tuple(_away(history, bound))
    return Startup(tuple(lives), away, history.header.cluster, history.observed("pods"))


def joining(history: History, node: str, daemonsets: Sequence[str]) -> Joining:
    """Return how ``node`` joined, from a recording.

    Raises:
        BadInput: the recording does not show the node from its creation until it is Ready and has
            a Pod of each DaemonSet, or a watch was interrupted meanwhile.
    """
    changes = [*history.changes("nodes", named(node))]
    if changes and (changes[0].via, changes[0].type) != ("watch", "ADDED"):
        changes = []  # the creation is not in the recording
    seen = [change for change in changes if change.via == "watch"]
    tainted = [change for change in seen if _is_tainted(change.object)]
    untainted = [change for change in seen if not _is_tainted(change.object)]
    ready = [change for change in seen if podstate.is_ready(change.object)]
    pods = {name: [*history.changes("pods", _pod_for(node, name))] for name in daemonsets}
    missing = [name for name, found in pods.items() if not found]
    kinds = [seen, ready, untainted, *pods.values()]
    steps = [_moment(found[0]) for found in kinds if found]
    times = [moment.t for moment in steps]
    observed = history.observed("nodes", "pods")
    watched = not times or observed.covers(min(times), max(times))
    if not tainted or not all(kinds) or not watched:
        raise BadInput(
            f"The recording does not show how {node} joined.",
            seen=f"{len(seen)} changes of the node; no Pod of: {', '.join(missing) or 'none'}"
            + ("" if watched else "; " + observed.caption()),
            next_step="Record add_node and wait_rollout together.",
        )
    added, became_ready, free, *created = (_in_order(moment, steps) for moment in steps)
    segments = {
        name: [s for life in on_node(history.lives(owned_by(name)), node) for s in life.segments]
        for name in pods
    }
    by_name = dict(zip(pods, created, strict=True))
    return Joining(node, added, became_ready, free, by_name, segments, observed)


def _moment(change: Change) -> Moment:
    version = str(change.object["metadata"].get("resourceVersion") or "0")
    return Moment(int(version), change.t)


def _in_order(moment: Moment, others: Sequence[Moment]) -> Moment:
    """Return the moment with a ``t`` no later than that of any change stored after it."""
    return Moment(moment.version, min(m.t for m in others if m.version >= moment.version))


def _is_tainted(node: Object) -> bool:
    return any(t["key"] == NOT_READY and t["effect"] == "NoSchedule" for t in taints_of(node))


def _pod_for(node: str, daemonset: str) -> Test:
    return lambda pod: podstate.is_owned(pod, daemonset) and podstate.node_of(pod) == node


def _away(history: History, bound: Sequence[float]) -> list[Span]:
    """Return the stretches from a mark that the scheduler stopped until it ran again."""
    starts = [mark.t for mark in history.marks if mark.text == f"{SCHEDULER}: stopped"]
    signs = [mark.t for mark in history.marks if mark.text == f"{SCHEDULER}: started"]
    signs += [*bound, history.end]
    return union((start, min(t for t in signs if t >= start)) for start in starts)


def _point(when: When, sign: str, word: str) -> tuple[Point, ...]:
    return (Point(when, sign, word),) if isinstance(when, float) else ()


def _between(start: When, end: When) -> float:
    """Return the seconds from ``start`` to ``end``; negative if one is unknown or None."""
    return end - start if isinstance(start, float) and isinstance(end, float) else -1.0
