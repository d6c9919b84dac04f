"""Show nodes that join: their taints, and whether an application ran before the agent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from daemonset_course.answers import show
from daemonset_course.figures.pods import pod_bars, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Row, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, named, of_app
from daemonset_course.history.lives import Life, When, on_node
from daemonset_course.history.log import Change, Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import UNKNOWN, Stretch
from daemonset_course.history.text import nodes, seconds, short_name
from daemonset_course.placement.tolerations import taints_of
from daemonset_course.prediction import Prediction


@dataclass(frozen=True)
class NewNode:
    """One node that joined; times in seconds since the recording began.

    Attributes:
        node: its short name.
        joined: when its Node object was created.
        ready: when its condition Ready became True.
        taints: the keys of its NoSchedule taints over time; ``UNKNOWN`` within gaps.
        agent: the lives of the agent's Pods there.
        app: the lives of the application's Pods there.
        agent_ready: when the agent was ready first; None: never.
        app_ready: the same of the application.
        app_bound: when the scheduler first bound a Pod of the application; None: never.
    """

    node: str
    joined: When
    ready: When
    taints: tuple[Stretch[tuple[str, ...]], ...]
    agent: tuple[Life, ...]
    app: tuple[Life, ...]
    agent_ready: When
    app_ready: When
    app_bound: When

    @property
    def early(self) -> bool:
        """Whether the application was ready while the agent was not yet."""
        app, agent = self.app_ready, self.agent_ready
        if not isinstance(app, float):
            return False
        return agent is None or (isinstance(agent, float) and app < agent)


@dataclass(frozen=True)
class NewNodes:
    """Nodes that joined in a recording.

    Attributes:
        found: the nodes, in the order given.
        agent: the label ``app`` of the agent.
        app: the label ``app`` of the application.
        observed: when nodes and Pods were watched.
        predicted: a prediction of the number of nodes on which the application is first.
    """

    found: tuple[NewNode, ...]
    agent: str
    app: str
    observed: Observed
    predicted: Prediction | None = None

    @property
    def early(self) -> list[str]:
        """The nodes on which the application was ready while the agent was not yet."""
        return [one.node for one in self.found if one.early]

    @property
    def headline(self) -> str:
        """On how many nodes the application was first, and what the learner predicted."""
        few = f"{len(self.early)} of {nodes(len(self.found))}"
        text = f"On {few} {self.app} was ready before {self.agent}"
        answer = None if self.predicted is None else self.predicted.answer
        you = "" if answer is None or self.predicted is None else show(answer, self.predicted.unit)
        return f"{text} (you: {you})" if you else text

    @property
    def caption(self) -> str:
        """For each node when it was Ready, and when agent and application were ready there."""
        return self.observed.caption(*(self._sentence(one) for one in self.found))

    def figure(self) -> Lanes:
        """Return for each node its taints above the Pods of the agent and of the application."""
        styles = {
            "NoSchedule taint": Style("faint", hatch="xxxx", edge="muted", width=0.7),
            "no NoSchedule taint": Style("faint", edge="muted", width=0.7),
            "node not seen": Style("muted", 0.75, "xxxx", width=0.0),
            **pod_styles(),
            f"{self.app} without {self.agent}": Style("alarm", 0.2, height=0.4),
        }
        lanes = tuple(Lane(one.node, tuple(self._rows(one))) for one in self.found)
        return Lanes(lanes, self.observed.span, styles, row=0.3, unknown=self.observed.unknown)

    def _rows(self, one: NewNode) -> Sequence[Row]:
        rows = [
            Row(tuple(map(_taint_bar, one.taints)), label="taints"),
            Row(_pods(one.agent), label=self.agent),
            Row(_pods(one.app), label=self.app),
        ]
        if one.early and isinstance(one.app_ready, float):
            until = one.agent_ready if isinstance(one.agent_ready, float) else self.observed.end
            bar = Bar(one.app_ready, until, f"{self.app} without {self.agent}")
            rows.append(Row((bar,)))
        return rows

    def _sentence(self, one: NewNode) -> str:
        steps = [
            ("Ready", one.ready), (f"{self.agent} ready", one.agent_ready),
            (f"{self.app} ready", one.app_ready),
        ]  # fmt: skip
        zero = one.joined
        if not isinstance(zero, float):
            return f"{one.node}: not seen to join."
        text = ", ".join(
            f"{what} after {seconds(when - zero)}" for what, when in steps
            if isinstance(when, float)
        )  # fmt: skip
        return f"{one.node}: {text or 'nothing was ready'}."


def new_nodes(
    history: History,
    names: Iterable[str],
    agent: str,
    app: str,
    *,
    predicted: Prediction | None = None,
) -> NewNodes:
    """Return how nodes joined: their taints, and when agent and application were ready there.

    Args:
        history: of a recording that began before the nodes joined.
        names: the nodes.
        agent: the label ``app`` of the agent's Pods.
        app: the label ``app`` of the application's Pods.
        predicted: a prediction of the number of nodes on which the application is ready first.
    """
    lives = {one: history.lives(of_app(one)) for one in (agent, app)}
    observed = history.observed("nodes", "pods")
    found = []
    for name in names:
        stretches = history.node_stretches(_keys, named(name)).get(name, [])
        changes = list(history.changes("nodes", named(name)))
        joined = _when(changes[:1])
        of_agent, of_the_app = (tuple(on_node(lives[one], name)) for one in (agent, app))
        first = partial(_first_since, joined, observed)
        found.append(NewNode(
            short_name(name, history.header.cluster),
            joined,
            first(_when([one]) for one in changes if podstate.is_ready(one.object)),
            tuple(stretches),
            of_agent,
            of_the_app,
            first(life.ready for life in of_agent),
            first(life.ready for life in of_the_app),
            first(life.bound for life in of_the_app),
        ))  # fmt: skip
    return NewNodes(tuple(found), agent, app, observed, predicted)


def _keys(node: Object) -> tuple[str, ...]:
    keys = (str(one["key"]) for one in taints_of(node) if one["effect"] == "NoSchedule")
    return tuple(key.removeprefix("node.kubernetes.io/") for key in keys)


def _when(changes: Iterable[Change]) -> When:
    """Return when a change happened; None: before the recording began."""
    return _first(UNKNOWN if one.via == "list" else one.t for one in changes if one.via != "start")


def _first(times: Iterable[When]) -> When:
    found = list(times)
    if UNKNOWN in found:
        return UNKNOWN
    return min((t for t in found if isinstance(t, float)), default=None)


def _first_since(joined: When, observed: Observed, times: Iterable[When]) -> When:
    """Return the first time, or None; unknown if an earlier Pod can have been there unseen."""
    found = _first(times)
    if not isinstance(joined, float) or (found is None and not observed.at_end):
        return UNKNOWN
    until = found if isinstance(found, float) else observed.end
    return found if observed.covers(joined, until) else UNKNOWN


def _taint_bar(one: Stretch[tuple[str, ...]]) -> Bar:
    if one.value is UNKNOWN:
        return Bar(one.start, one.end, "node not seen")
    word = "NoSchedule taint" if one.value else "no NoSchedule taint"
    return Bar(one.start, one.end, word, ", ".join(one.value))


def _pods(lives: Iterable[Life]) -> tuple[Bar, ...]:
    return pod_bars(segment for life in lives for segment in life.segments)
