"""Count how often an init container has run on each node, as a preparation does. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from daemonset_course.answers import show
from daemonset_course.errors import BadInput
from daemonset_course.figures.pods import pod_bars, pod_styles
from daemonset_course.figures.shapes import Lane, Lanes, Point, Row, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, of_app
from daemonset_course.history.lives import Life, on_node
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.text import counted, joined, natural_key, nodes, short_name
from daemonset_course.prediction import Prediction


@dataclass(frozen=True)
class InitRun:
    """One run of an init container that ended with exit code 0.

    ``t`` is when its end was seen, in seconds since the recording began.
    """

    node: str
    pod: str
    t: float


@dataclass(frozen=True)
class InitRuns:
    """The runs of one init container in the Pods of an application.

    Attributes:
        container: the name of the init container.
        lives: by node, the lives of the Pods.
        runs: by time.
        cluster: the prefix of the nodes' names.
        observed: when Pods were watched.
        predicted: a prediction of the number of runs.
    """

    container: str
    lives: dict[str, tuple[Life, ...]]
    runs: tuple[InitRun, ...]
    cluster: str
    observed: Observed
    predicted: Prediction | None = None

    @property
    def by_node(self) -> Counter[str]:
        """The number of runs by node; 0 on a node where none was seen."""
        return Counter(dict.fromkeys(self.lives, 0) | Counter(one.node for one in self.runs))

    @property
    def headline(self) -> str:
        """How often the init container has run, on how many nodes; with the prediction."""
        text = f"{self.container} ran {_times(len(self.runs))} on {nodes(len(self.lives))}"
        answer = None if self.predicted is None else self.predicted.answer
        if answer is None or self.predicted is None:
            return text
        return f"{text} (you: {show(answer, self.predicted.unit)})"

    @property
    def caption(self) -> str:
        """On how many nodes it ran how often."""
        found = sorted(Counter(self.by_node.values()).items())
        parts = [f"{_times(number)} on {nodes(count)}" for number, count in found]
        pods = counted(len({one.pod for one in self.runs}), "Pod")
        return self.observed.caption(f"{self.container} ran {joined(parts)}, in {pods}.")

    def figure(self) -> Lanes:
        """Return a lane for each node: its Pods, and a tick where the init container ended."""
        word = f"{self.container} has run"
        styles = {**pod_styles("muted"), word: Style("background", edge="foreground", sign="✓")}
        lanes = tuple(
            Lane(
                short_name(node, self.cluster),
                (
                    Row(
                        tuple(bar for life in lives for bar in pod_bars(life.segments)),
                        tuple(Point(one.t, "✓", word) for one in self.runs if one.node == node),
                        label=_times(self.by_node[node]),
                    ),
                ),
            )
            for node, lives in self.lives.items()
        )
        return Lanes(lanes, self.observed.span, styles, row=0.32, unknown=self.observed.unknown)


def init_runs(
    history: History, app: str, container: str, *, predicted: Prediction | None = None
) -> InitRuns:
    """Return how often an init container has run in an application's Pods, by node.

    Args:
        history: of a recording that began before the Pods were created.
        app: the label ``app`` of the Pods.
        container: the name of the init container.
        predicted: a prediction of the number of runs.

    Raises:
        BadInput: the recording shows no Pod of the application that has a node.
    """
    lives = history.lives(of_app(app))
    names = sorted({one.node for one in lives if one.node}, key=natural_key)
    if not names:
        raise BadInput(
            f"The recording shows no Pod of {app} on a node.",
            next_step="Record the DaemonSet while its Pods are created.",
        )
    return InitRuns(
        container,
        {node: tuple(on_node(lives, node)) for node in names},
        tuple(sorted(_runs(history, app, container), key=lambda one: one.t)),
        history.header.cluster,
        history.observed("pods"),
        predicted,
    )


def _runs(history: History, app: str, container: str) -> Iterator[InitRun]:
    """Yield a run for each end of the container that was not there when the recording began."""
    seen = set()
    for change in history.changes("pods", of_app(app)):
        finished = _finished(change.object, container)
        run = (change.uid, finished)
        if finished and run not in seen:
            seen.add(run)
            if change.via != "start":
                yield InitRun(podstate.node_of(change.object), change.name, change.t)


def _finished(pod: Object, container: str) -> str:
    """Return when the init container ended with exit code 0; empty if it did not."""
    for one in (pod.get("status") or {}).get("initContainerStatuses") or ():
        ended = (one.get("state") or {}).get("terminated") or {}
        if one.get("name") == container and ended.get("exitCode") == 0:
            return str(ended.get("finishedAt", ""))
    return ""


def _times(number: int) -> str:
    return "once" if number == 1 else counted(number, "time")
