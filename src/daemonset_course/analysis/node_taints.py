"""Show the taints of nodes over time, and what happened to the Pods there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from daemonset_course.figures.pods import pod_bars, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Point, Row, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, named, of_app, owned_by
from daemonset_course.history.lives import Life, When, on_node
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import UNKNOWN
from daemonset_course.history.text import joined, nodes, seconds, short_name
from daemonset_course.placement.tolerations import taint_name, taints_of

_EFFECTS = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Taint:
    """A stretch in which a node had a taint; times in seconds since the recording began.

    ``dated``: whether ``start`` is exact; else the taint was added in a gap, by ``start``.
    """

    name: str
    effect: str
    start: float
    end: float
    dated: bool = True

    @property
    def text(self) -> str:
        """Its name and its start."""
        when = f"from {seconds(self.start)} on" if self.dated else f"by {seconds(self.start)}"
        return f"{self.name} {when}"

    def later(self, delay: float) -> str:
        """Return the text for an event ``delay`` seconds after its start; empty if undated."""
        return f" {seconds(delay)} later" if self.dated else ""


@dataclass(frozen=True)
class TaintedNode:
    """One node of a recording.

    Attributes:
        node: its short name.
        taints: by time; without taints within gaps of the watch of nodes.
        pods: by the label ``app``, the lives of the Pods bound to the node.
    """

    node: str
    taints: tuple[Taint, ...]
    pods: Mapping[str, tuple[Life, ...]]

    @property
    def evicting(self) -> Taint | None:
        """The first taint with the effect NoExecute."""
        return next((one for one in self.taints if one.effect == "NoExecute"), None)

    def evictions(self, app: str) -> tuple[float, ...]:
        """Return the times at which the node's kubelet evicted a Pod of ``app``."""
        return tuple(t for life in self.pods[app] if isinstance(t := life.evicted, float))

    def stopping(self, app: str) -> When:
        """Return when the deletion of a Pod of ``app`` was first requested; None: never."""
        when = [life.stopping for life in self.pods[app]]
        if UNKNOWN in when:  # this Pod may have been the first
            return UNKNOWN
        return min((t for t in when if isinstance(t, float)), default=None)

    def stopped(self, app: str) -> When:
        """Return the seconds from the NoExecute taint to ``stopping(app)``; None: never."""
        taint, when = self.evicting, self.stopping(app)
        if isinstance(when, float):
            return None if taint is None else max(0.0, when - taint.start)
        return when


@dataclass(frozen=True)
class NodeTaints:
    """The taints of some nodes, and the Pods that were there.

    Attributes:
        nodes: in the order given.
        apps: values of the Pods' label ``app``.
        observed: when nodes and Pods were watched.
    """

    nodes: tuple[TaintedNode, ...]
    apps: tuple[str, ...]
    observed: Observed

    @property
    def headline(self) -> str:
        """The applications whose Pods were evicted or deleted, and those whose Pods stayed."""
        if evicted := [app for app in self.apps if any(n.evictions(app) for n in self.nodes)]:
            rest = [app for app in self.apps if app not in evicted]
            spared = f", and spared {joined(rest)}" if rest and not self.observed.gaps else ""
            return f"The kubelet evicted Pods of {joined(evicted)}{spared}"
        pods = ", ".join(self._stopped(app) for app in self.apps)
        return f"{nodes(len(self.nodes))} failed: {pods}"

    @property
    def caption(self) -> str:
        """For each node the taint or the evictions, and what happened to each Pod."""
        return self.observed.caption(*(self._sentence(one) for one in self.nodes))

    def figure(self) -> Lanes:
        """Return for each node its taints, by effect, above the Pods that were there."""
        styles = {
            "taint, keeps off": Style("alarm", 0.8, height=0.64),
            "taint, evicts": Style("alarm", height=0.64),
            **pod_styles(),
            "evicted": Style("background", edge="foreground", sign="✗", height=0.8),
        }
        words = dict(zip(_EFFECTS, styles, strict=False))
        lanes = []
        for one in self.nodes:
            taints = [
                Row(tuple(Bar(t.start, t.end, words[e], _short(t.name)) for t in one.taints
                          if t.effect == e), label=e)
                for e in _EFFECTS
            ]  # fmt: skip
            pods = [
                Row(
                    pod_bars(segment for life in one.pods[app] for segment in life.segments),
                    tuple(Point(t, "✗", "evicted") for t in one.evictions(app)),
                    f"Pod of {app}",
                )
                for app in self.apps
            ]
            lanes.append(Lane(one.node, (*taints, *pods)))
        return Lanes(
            tuple(lanes), self.observed.span, styles, row=0.32, unknown=self.observed.unknown
        )

    def _stopped(self, app: str) -> str:
        found = [one.stopping(app) for one in self.nodes]
        if UNKNOWN in found:
            return f"nobody saw what all Pods of {app} did"
        out, every = sum(one is not None for one in found), len(found)
        whole = {0: f"the Pods of {app} stayed", every: f"the Pods of {app} were told to stop"}
        return whole.get(out, f"{out} of {every} Pods of {app} were told to stop")

    def _sentence(self, one: TaintedNode) -> str:
        if any(one.evictions(app) for app in self.apps):
            first = one.taints[0] if one.taints else Taint("", "", 0.0, 0.0)
            parts = [first.text] if one.taints else []
            for app in self.apps:
                never = "not seen to be evicted" if self.observed.gaps else "never"
                times = one.evictions(app)
                later = first.later(times[0] - first.start) if times else ""
                parts.append(f"{app} first evicted{later}" if times else f"{app} {never}")
            return f"{one.node}: {', '.join(parts)}."
        taint = one.evicting
        if taint is None:
            seen = " was seen" if self.observed.gaps else ""
            return f"{one.node}: no taint that evicts{seen}."
        parts = [f"{app} {_stop(one.stopped(app), taint)}" for app in self.apps]
        return f"{one.node}: {taint.text}, {', '.join(parts)}."


class Attempt(NamedTuple):
    """One Pod of a DaemonSet on a node; times in seconds since the recording began.

    Attributes:
        created: when it was created, or first recorded.
        deleted: when it was deleted; None: it still existed at the end.
        ran: whether its phase was Running at some time.
        phase: the last ``status.phase`` (``Running``, ``Failed``).
        reason: ``status.reason``; empty if there is none.
        message: ``status.message``, or else the message of the condition ``DisruptionTarget`` (an
            evicted container that ends with exit code 0 has only this one).
    """

    created: float
    deleted: When
    ran: bool
    phase: str
    reason: str
    message: str


def node_taints(history: History, names: Iterable[str], apps: Sequence[str]) -> NodeTaints:
    """Return the taints of these nodes, and their Pods with these labels ``app``."""
    cluster = history.header.cluster
    found = tuple(
        TaintedNode(
            short_name(name, cluster),
            tuple(_taints(history, name)),
            {app: tuple(on_node(history.lives(of_app(app)), name)) for app in apps},
        )
        for name in names
    )
    return NodeTaints(found, tuple(apps), history.observed("nodes", "pods"))


def attempts(history: History, node: str, daemonset: str) -> list[Attempt]:
    """Return the DaemonSet's Pods on a node, or with affinity to it, by creation time."""
    lives = on_node(history.lives(owned_by(daemonset)), node)
    return sorted(map(_attempt, lives), key=lambda one: one.created)


def _attempt(life: Life) -> Attempt:
    status = life.last.get("status") or {}
    disruption = podstate.condition(life.last, "DisruptionTarget").get("message", "")
    return Attempt(
        created=life.created if isinstance(life.created, float) else life.segments[0].start,
        deleted=life.gone,
        ran=life.ran,
        phase=str(status.get("phase", "Pending")),
        reason=str(status.get("reason", "")),
        message=str(status.get("message") or disruption),
    )


def _taints(history: History, node: str) -> list[Taint]:
    """Return each taint with its start and end; a gap of the watch ends a taint."""

    def read(item: Object) -> frozenset[tuple[str, str]]:
        return frozenset((taint_name(one), str(one["effect"])) for one in taints_of(item))

    found: dict[tuple[str, str, float], Taint] = {}  # by name, effect and end
    dated = True
    for stretch in history.node_stretches(read, named(node)).get(node, ()):
        for name, effect in () if stretch.value is UNKNOWN else stretch.value:
            new = Taint(name, effect, stretch.start, stretch.end, dated)
            came = found.pop((name, effect, stretch.start), new)
            found[name, effect, stretch.end] = replace(came, end=stretch.end)
        dated = stretch.value is not UNKNOWN
    return sorted(found.values(), key=lambda one: (one.start, one.name))


def _stop(when: When, taint: Taint) -> str:
    if when is UNKNOWN:
        return "was not seen all the time"
    return f"told to stop{taint.later(when)}" if isinstance(when, float) else "stayed"


def _short(taint: str) -> str:
    return taint.rpartition(":")[0].removeprefix("node.kubernetes.io/")
