"""Count over time the nodes, and the nodes with a Pod of a DaemonSet or an application. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from daemonset_course.figures.colours import application_colours
from daemonset_course.figures.shapes import (
    SINCE_START,
    Bars,
    Dash,
    Lines,
    Series,
    Shade,
    Stroke,
    Style,
    points_of,
)
from daemonset_course.history import podstate
from daemonset_course.history.index import History, of_app
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import Span, Steps, count, excess, overlap
from daemonset_course.history.text import counted, nodes, seconds
from daemonset_course.history.timeline import Timeline

_BAND = Stroke("muted", 6.0, fade=0.45)  # wide and pale, so that lines on it are seen
_DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted")
_FILLS = (("", 0.0), ("////", 0.6), ("....", 0.6))  # hatch and fade, by application


@dataclass(frozen=True)
class Counts:
    """Three numbers over time; unknown within gaps.

    Attributes:
        workers: Node objects that exist, without the control plane.
        desired: ``desiredNumberScheduled`` of the DaemonSet's status.
        ready: ``numberReady`` of the DaemonSet's status.
        observed: when nodes and DaemonSets were watched.
    """

    workers: Steps
    desired: Steps
    ready: Steps
    observed: Observed

    @property
    def stale(self) -> float:
        """The longest stretch, in seconds, in which the status counted more nodes than existed."""
        return excess(self.desired, self.workers).longest(0)

    @property
    def behind(self) -> float:
        """The longest stretch, in seconds, in which fewer nodes were ready than existed."""
        return excess(self.workers, self.ready).longest(0)

    @property
    def headline(self) -> str:
        """The finding in a few words."""
        first, *_, last = _path(self.workers)
        if first is None or last is None:
            return f"{_value(first)} workers at first, an unknown number of them at the end"
        if last < first:
            gone = nodes(first - last)
            return f"{gone} removed: the status kept counting them for {self._lasted(self.stale)}"
        if first == last == self.workers.max():
            return f"{counted(last, 'worker')}: {self._status_at_end}"
        followed = all(one.at(self.observed.end) == last for one in (self.desired, self.ready))
        late = f"not all had a ready Pod for {self._lasted(self.behind)}"
        text = late if followed else self._status_at_end
        return f"{first} to {last} workers: {text}"

    @property
    def caption(self) -> str:
        """The numbers of workers, the status at the end, and the longest lag."""
        path = [value for value, _ in groupby(map(_value, _path(self.workers)))]
        if self.stale > self.behind:
            lag = f"the status counted missing nodes for {self._lasted(self.stale)}"
        else:
            lag = f"not all workers had a ready Pod for {self._lasted(self.behind)} at a stretch"
        return self.observed.caption(f"Workers {' → '.join(path)}; {self._status_at_end}; {lag}.")

    @property
    def _status_at_end(self) -> str:
        desired, ready = (_value(one.at(self.observed.end)) for one in (self.desired, self.ready))
        return f"desired {desired}, ready {ready} at the end"

    def _lasted(self, length: float) -> str:
        return f"at least {seconds(length)}" if self.observed.gaps else seconds(length)

    def figure(self) -> Lines:
        """Return workers as a band under desired and ready; missing nodes that count are shaded."""
        series = (
            Series("workers", points_of(self.workers), _BAND),
            Series("desired", points_of(self.desired), Stroke("foreground")),
            Series("ready", points_of(self.ready), Stroke("compared", dash="dashed")),
        )
        style = Style("alarm", 1.0, "\\\\\\\\", width=0.0)
        shade = Shade("desired", "workers", "counted, but not there", style)
        return Lines(
            series, SINCE_START, "nodes", self.observed.span, shades=(shade,),
            unknown=self.observed.unknown, height=2.1,
        )  # fmt: skip


@dataclass(frozen=True)
class CoverageOverTime:
    """Workers, and how many of them have a ready Pod of each application, over time.

    Attributes:
        apps: values of the label ``app``, in the order given.
        nodes: workers that exist.
        covered: by app, the workers with at least one ready Pod.
        held: by app, the number of ready Pods of each worker at the end, 0 included; empty if
            the end is unknown.
        observed: when nodes and Pods were watched.
    """

    apps: tuple[str, ...]
    nodes: Steps
    covered: Mapping[str, Steps]
    held: Mapping[str, Mapping[str, int]]
    observed: Observed

    @property
    def headline(self) -> str:
        """How many nodes have a ready Pod of each application at the end."""
        last = {app: _value(line.at(self.observed.end)) for app, line in self.covered.items()}
        text = ", ".join(f"{app} {last[app]}" for app in self.apps)
        return f"Of {nodes(self.nodes.at(self.observed.end))} at the end have a ready Pod: {text}"

    @property
    def caption(self) -> str:
        """The numbers of nodes, and of nodes with a ready Pod: at first, at most, at the end."""
        text = "; ".join(f"{app} {_ends(self.covered[app])}" for app in self.apps)
        return self.observed.caption(
            f"Workers at first, at most, at the end: {_ends(self.nodes)}.",
            f"Of them with a ready Pod: {text}.",
        )

    def figure(self) -> Lines:
        """Return workers as a band, and one line for each application."""
        series = [Series("workers", points_of(self.nodes), _BAND)]
        colours = application_colours(self.apps)
        for i, app in enumerate(self.apps):
            stroke = Stroke(colours[app], 2.0, _DASHES[i % 3])
            series.append(Series(app, points_of(self.covered[app]), stroke))
        unknown = self.observed.unknown
        return Lines(tuple(series), SINCE_START, "nodes", self.observed.span, unknown=unknown)

    @property
    def shares(self) -> Shares:
        """How many ready Pods the workers have at the end."""
        by_app = {app: Counter(held.values()) for app, held in self.held.items()}
        return Shares(self.apps, by_app, self.observed)


@dataclass(frozen=True)
class Shares:
    """How many workers have 0, 1, 2, ... ready Pods of each application at the end.

    Attributes:
        apps: in the order given.
        workers: by app, number of Pods -> number of workers; empty if the end is unknown.
        observed: when nodes and Pods were watched.
    """

    apps: tuple[str, ...]
    workers: Mapping[str, Counter[int]]
    observed: Observed

    @property
    def headline(self) -> str:
        """The fewest and the most Pods on one node, for each application."""
        return f"Ready Pods on a node: {', '.join(map(self._range, self.apps))}"

    @property
    def caption(self) -> str:
        """How many nodes have how many Pods, for each application."""
        text = "; ".join(f"{app}: {self._spread(app)}" for app in self.apps)
        return self.observed.caption(f"Ready Pods at the end of the recording. {text}.")

    def figure(self) -> Bars:
        """Return one bar for each number of Pods and each application."""
        colours = application_colours(self.apps)
        styles = {
            app: Style(colours[app], fade, hatch)
            for i, app in enumerate(self.apps)
            for hatch, fade in [_FILLS[i % 3]]
        }
        axes = "ready Pods on a node", "nodes"
        if not self.workers:
            texts = {(app, "unknown"): "?" for app in self.apps}
            return Bars(("unknown",), dict.fromkeys(self.apps, (0.0,)), styles, *axes, texts=texts)
        numbers = range(max(map(max, self.workers.values()), default=0) + 1)
        values = {app: tuple(float(self.workers[app][n]) for n in numbers) for app in self.apps}
        return Bars(tuple(map(str, numbers)), values, styles, *axes)

    def _spread(self, app: str) -> str:
        found = sorted(self.workers.get(app, {}).items())
        return ", ".join(f"{n} on {nodes(k)}" for n, k in found) or "unknown"

    def _range(self, app: str) -> str:
        found = self.workers.get(app)
        if not found:
            return f"{app} unknown"
        low, high = min(found), max(found)
        return f"{app} {low}" if low == high else f"{app} {low} to {high}"


def counts(history: History) -> Counts:
    """Return over time the workers and the status of the recorded DaemonSet."""
    timeline = history.timeline()
    observed = history.observed("nodes", "daemonsets")
    desired, ready = map(observed.with_unknown, (timeline.desired, timeline.ready))
    return Counts(_workers(history), desired, ready, observed)


def coverage_over_time(history: History, apps: Sequence[str]) -> CoverageOverTime:
    """Return over time the workers with a ready Pod of each of ``apps`` (label ``app``)."""
    observed = history.observed("nodes", "pods")
    there = _spans_of_workers(history)
    covered = {}
    for app in apps:
        ready = [
            s for one in history.lives(of_app(app)) for s in one.segments if s.phase == "ready"
        ]
        spans = [
            one
            for node, held in there.items()
            for one in overlap(held, [(s.start, s.end) for s in ready if s.node == node])
        ]
        covered[app] = observed.with_unknown(count(spans, start=observed.start, end=observed.end))
    held = {app: _held(history, app) for app in apps} if observed.at_end else {}
    return CoverageOverTime(tuple(apps), _workers(history), covered, held, observed)


def pods_per_node(timeline: Timeline) -> dict[str, int]:
    """Return the most Pods that each node had at one time, terminating ones included."""
    spans = {n: [(s.start, s.end) for s in here] for n, here in timeline.by_node.items() if here}
    return {n: count(held, start=0.0, end=timeline.end).max() or 0 for n, held in spans.items()}


def _workers(history: History) -> Steps:
    spans = (one for held in _spans_of_workers(history).values() for one in held)
    line = count(spans, start=history.start, end=history.end)
    return history.observed("nodes").with_unknown(line)


def _spans_of_workers(history: History) -> dict[str, list[Span]]:
    """Return by name when each Node object existed."""
    found = history.node_stretches(lambda _: None, lambda node: not podstate.is_control_plane(node))
    return {name: [(one.start, one.end) for one in held] for name, held in found.items()}


def _held(history: History, app: str) -> dict[str, int]:
    """Return the number of ready Pods of each worker at the end."""
    pods = filter(of_app(app), history.objects("pods"))
    ready = Counter(podstate.node_of(p) for p in pods if podstate.phase_of(p)[0] == "ready")
    return {name: ready[name] for name in sorted(n["metadata"]["name"] for n in history.workers())}


def _path(line: Steps) -> tuple[int | None, int | None, int | None]:
    """Return the first known, the highest and the last value."""
    known = [value for value in line.values if value is not None]
    return (known[0], max(known), line.values[-1]) if known else (None, None, None)


def _ends(line: Steps) -> str:
    return ", ".join(map(_value, _path(line)))


def _value(number: int | None) -> str:
    return "unknown" if number is None else str(number)
