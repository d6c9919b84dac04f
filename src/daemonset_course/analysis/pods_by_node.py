"""Show the Pods of several applications on each node, by phase. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemonset_course.figures.colours import application_colours
from daemonset_course.figures.pods import PHASES, pod_style, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Row
from daemonset_course.history import podstate
from daemonset_course.history.index import History, of_app
from daemonset_course.history.lives import Life
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import Phase, Segment
from daemonset_course.history.text import short_name


@dataclass(frozen=True)
class PodsByNode:
    """The lives of the Pods of some applications, by the value of their label ``app``.

    Attributes:
        apps: in the order given.
        nodes: the lanes: first the control plane if it had a Pod, then the workers. The last name
            may be empty: the lane of Pods without a node.
        lives: by app, the Pods' lives by first appearance.
        cluster: the prefix of the nodes' names.
        observed: when Pods were watched.
    """

    apps: tuple[str, ...]
    nodes: tuple[str, ...]
    lives: Mapping[str, tuple[Life, ...]]
    cluster: str
    observed: Observed

    def held(self, app: str, t: float | None = None) -> Counter[tuple[str, Phase]]:
        """Return the number of Pods of ``app`` by node and phase at ``t`` (default: the end)."""
        moment = self.observed.end if t is None else t
        pods = (s for life in self.lives[app] for s in life.segments if self._holds(s, moment))
        return Counter((segment.node, segment.phase) for segment in pods)

    @property
    def headline(self) -> str:
        """On how many nodes each application runs at the end."""
        if not self.observed.at_end:
            return "Nobody saw where the Pods were at the end"
        *first, last = self.apps
        texts = [f"{app} runs on {self._reached(app)}" for app in first]
        total = sum(bool(node) for node in self.nodes)
        return (
            f"At the end {', '.join([*texts, f'{last} on {self._reached(last)}'])} of {total} nodes"
        )

    @property
    def caption(self) -> str:
        """How many Pods of each application were in each phase at the end."""
        return self.observed.caption(*(f"{app}: {self._sentence(app)}." for app in self.apps))

    def figure(self) -> Lanes:
        """Return a lane for each node, a row for each Pod; the bar of a pending Pod is hollow."""
        colours = application_colours(self.apps)
        styles = {
            f"{app} {phase}": replace(style, height=style.height * 1.15)
            for app, colour in colours.items()
            for phase in PHASES
            for style in [pod_style(phase, colour)]
        }
        lanes = tuple(
            Lane(short_name(node, self.cluster), tuple(self._rows(node))) for node in self.nodes
        )
        seen = {s.phase for lives in self.lives.values() for life in lives for s in life.segments}
        legend = {app: pod_style("ready", colour) for app, colour in colours.items()}
        legend |= {w: s for w, s in pod_styles("muted").items() if w.removeprefix("Pod ") in seen}
        return Lanes(
            lanes, self.observed.span, styles, row=0.2, unknown=self.observed.unknown, legend=legend
        )

    def _rows(self, node: str) -> list[Row]:
        """Return the rows of a node, by app; Pods that do not overlap share a row."""
        rows = []
        for app in self.apps:
            own: list[list[Segment]] = [[]]
            for life in self.lives[app]:
                there = [segment for segment in life.segments if segment.node == node]
                if there:
                    _place(own, there)
            # The lane of Pods without a node has rows only for apps with such Pods.
            rows += [Row(_bars(bars, app)) for bars in own if bars or node]
        return rows

    def _reached(self, app: str) -> int:
        return len({node for node, phase in self.held(app) if phase == "ready" and node})

    def _sentence(self, app: str) -> str:
        if not self.observed.at_end:
            return "unknown at the end"
        before = min((life.segments[0].start for life in self.lives[app]), default=0.0)
        first = sum(phase == "ready" for _, phase in self.held(app, before).elements())
        now = Counter(phase for _, phase in self.held(app).elements())
        words = [f"{number} {phase}" for phase, number in now.most_common()]
        last = (life.segments[-1] for life in self.lives[app])
        reasons = sorted({s.reason for s in last if s.reason and s.end >= self.observed.end})
        ending = f" ({', '.join(reasons)})" if reasons else ""
        began = f"{first} ready at first, " if first else ""
        return f"{began}{', '.join(words) or 'no Pod'} at the end{ending}"

    def _holds(self, segment: Segment, t: float) -> bool:
        return segment.start <= t < segment.end or (t == self.observed.end == segment.end)


def pods_by_node(history: History, apps: Sequence[str]) -> PodsByNode:
    """Return the Pods of ``apps`` (values of the label ``app``) in a recording, by node."""
    lives = {
        app: tuple(life for life in history.lives(of_app(app)) if life.segments) for app in apps
    }
    used = {s.node for each in lives.values() for life in each for s in life.segments}
    control = {str(change.name) for change in history.changes("nodes", podstate.is_control_plane)}
    lanes = [n for n in history.timeline().nodes if n and (n in used or n not in control)]
    lanes += [""] if "" in used else []
    observed = history.observed("pods")
    return PodsByNode(tuple(apps), tuple(lanes), lives, history.header.cluster, observed)


def _place(rows: list[list[Segment]], there: list[Segment]) -> None:
    for row in rows:
        if not row or row[-1].end <= there[0].start:
            row += there
            return
    rows.append(there)


def _bars(segments: Sequence[Segment], app: str) -> tuple[Bar, ...]:
    """The bars of a row; each Pod has the app's name where it is ready, else on its longest bar."""
    named = {s for s in segments if s.phase == "ready"}
    for pod in {s.pod for s in segments} - {s.pod for s in named}:
        own = [s for s in segments if s.pod == pod]
        named.add(max(own, key=lambda s: s.end - s.start))
    return tuple(
        Bar(s.start, s.end, f"{app} {s.phase}", app if s in named else "") for s in segments
    )
