"""Show the containers of the Pods on one node: in which order they start and stop. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from daemonset_course.answers import show
from daemonset_course.errors import BadInput
from daemonset_course.figures.pods import PHASES, pod_bars, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Point, Row, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, of_app
from daemonset_course.history.lives import Life, When, on_node
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.spans import UNKNOWN, Stretch
from daemonset_course.history.text import joined, seconds
from daemonset_course.prediction import Prediction

Kind = Literal["init container", "sidecar", "container"]
State = Literal["waits", "not ready", "ready", "ended", "failed"]

_KINDS: Mapping[Kind, str] = {"init container": "init", "sidecar": "sidecar", "container": ""}
_BARS: Mapping[State, Style] = {
    "waits": PHASES["pending"],
    "not ready": PHASES["not ready"],
    "ready": PHASES["ready"],
    "failed": PHASES["failed"],
}
_STOPS = "container told to stop"
_PREDICTED = "your prediction"


@dataclass(frozen=True)
class ContainerTimes:
    """One container of one Pod; times in seconds since the recording began.

    Attributes:
        name: its name.
        kind: an ``init container`` ends before the next one starts; a ``sidecar`` is one with
            ``restartPolicy: Always``; a ``container`` is one of ``spec.containers``.
        states: its states until the Pod is asked to stop; ``UNKNOWN`` within gaps.
        started: when it first ran or had ended; None: not seen.
        ended: when it ended after the Pod was asked to stop, by the kubelet's ``finishedAt``,
            which is in whole seconds; None: not seen.
    """

    name: str
    kind: Kind
    states: tuple[Stretch[State], ...]
    started: When
    ended: When


@dataclass(frozen=True)
class PodContainers:
    """One Pod and its containers, in the order of its spec, init containers first."""

    life: Life
    containers: tuple[ContainerTimes, ...]

    def find(self, name: str) -> ContainerTimes | None:
        """Return the container of that name; None if there is none."""
        return next((one for one in self.containers if one.name == name), None)

    def after(self, name: str) -> When:
        """Return how long a container started after the one before it; None: not seen."""
        names = [one.name for one in self.containers]
        if name not in names[1:]:
            return None
        before = self.containers[names.index(name) - 1].started
        return _between(before, self.containers[names.index(name)].started)

    def stop(self, name: str) -> When:
        """Return how long after the request to stop a container ended; None: not seen."""
        found = self.find(name)
        return _between(self.life.stopping, found.ended) if found else None


@dataclass(frozen=True)
class ContainerOrder:
    """The Pods of an application on one node, with their containers.

    Attributes:
        app: the label ``app`` of the Pods.
        pods: by first appearance.
        observed: when Pods were watched.
        predicted: predictions in seconds, by what they are about: ``agent starts``, since the
            container before it started; ``proxy ends``, since the Pod was asked to stop.
    """

    app: str
    pods: tuple[PodContainers, ...]
    observed: Observed
    predicted: Mapping[str, Prediction] = field(default_factory=dict)

    def starts(self, name: str) -> float | None:
        """Return after how many seconds a container of the newest Pod follows the one before it.

        None: that was not seen.
        """
        return _seen(one.after(name) for one in reversed(self.pods))

    def ends(self, name: str) -> float | None:
        """Return how many seconds after the request to stop a container of the oldest Pod ended.

        None: that was not seen.
        """
        return _seen(one.stop(name) for one in self.pods)

    @property
    def gone(self) -> float | None:
        """After how many seconds the oldest Pod that was asked to stop was gone."""
        return _seen(_between(one.life.stopping, one.life.gone) for one in self.pods)

    @property
    def headline(self) -> str:
        """Which containers ended in which order, and which started; with the predictions."""
        slowest = max(self._starts, default=None)
        words = [f"Told to stop, {joined(self._ends)}"] if self._ends else []
        words += [slowest[1]] if slowest else []
        text = "; ".join(words) or f"No container of {self.app} was seen to start or to stop"
        answers = [
            f"{what}: {show(one.answer, one.unit)}"
            for what, one in self.predicted.items() if one.answer is not None
        ]  # fmt: skip
        you = f" (you: {', '.join(answers)})" if answers else ""
        return f"{text}{you}"

    @property
    def caption(self) -> str:
        """The order at the stop and at the start, in full."""
        return self.observed.caption(self._stop_sentence(), self._start_sentence())

    def figure(self) -> Lanes:
        """Return a lane for the Pods, and one for each container."""
        styles = {
            **pod_styles("muted"),
            **{f"container {state}": _coloured(style) for state, style in _BARS.items()},
            _STOPS: _coloured(PHASES["terminating"]),
            "container not seen": Style("muted", 0.75, "xxxx", width=0.0),
            _PREDICTED: Style("foreground", sign="◆"),
        }
        whole = Row(tuple(bar for one in self.pods for bar in pod_bars(one.life.segments)))
        lanes = [Lane("Pod", (whole,))]
        lanes += [
            Lane(self._label(name), (Row(tuple(self._bars(name)), tuple(self._points(name))),))
            for name in self._names
        ]
        seen = {bar.style for lane in lanes for row in lane.rows for bar in row.bars}
        seen |= {point.style for lane in lanes for row in lane.rows for point in row.points}
        # The Pod's bars have the shapes of its containers'.
        legend = {
            word.removeprefix("container "): style
            for word, style in styles.items() if word in seen and not word.startswith("Pod ")
        }  # fmt: skip
        return Lanes(
            tuple(lanes), self.observed.span, styles, row=0.34, unknown=self.observed.unknown,
            legend=legend,
        )  # fmt: skip

    @property
    def _names(self) -> list[str]:
        return [*dict.fromkeys(one.name for pod in self.pods for one in pod.containers)]

    def _label(self, name: str) -> str:
        kind = next(one.kind for pod in self.pods for one in pod.containers if one.name == name)
        return f"{name} ({_KINDS[kind]})" if _KINDS[kind] else name

    def _bars(self, name: str) -> Iterator[Bar]:
        for pod in self.pods:
            found = pod.find(name)
            if found is None:
                continue
            for one in found.states:
                if one.value is UNKNOWN:
                    yield Bar(one.start, one.end, "container not seen")
                elif one.value != "ended":
                    yield Bar(one.start, one.end, f"container {one.value}")
            start = pod.life.stopping
            if isinstance(start, float) and isinstance(found.ended, float):
                yield Bar(start, found.ended, _STOPS)

    def _points(self, name: str) -> Iterator[Point]:
        """Yield where the learner's predictions put the container's start and end."""
        for what, one in self.predicted.items():
            about, _, verb = what.rpartition(" ")
            if about != name or not isinstance(one.answer, int | float):
                continue
            zeros = [self._zero(pod, name, verb) for pod in self.pods]
            zero = next((t for t in zeros if isinstance(t, float)), None)
            if zero is not None:
                yield Point(zero + one.answer, "◆", _PREDICTED)

    @staticmethod
    def _zero(pod: PodContainers, name: str, verb: str) -> When:
        if verb == "ends":
            return pod.life.stopping
        names = [one.name for one in pod.containers]
        before = names.index(name) - 1 if name in names else -1
        created = isinstance(pod.life.created, float)
        return pod.containers[before].started if before >= 0 and created else None

    def _stop_sentence(self) -> str:
        if not self._ends:
            return ""
        gone = f", and the Pod was gone after {seconds(self.gone)}" if self.gone else ""
        return f"Told to stop, {joined(self._ends)} (in whole seconds, by the kubelet){gone}."

    def _start_sentence(self) -> str:
        return f"{joined([text for _, text in self._starts])}." if self._starts else ""

    @property
    def _ends(self) -> list[str]:
        """What is said of the containers that were seen to stop, the first one first."""
        found = [(t, name) for name in reversed(self._names) if (t := self.ends(name)) is not None]
        found.sort(key=lambda one: one[0])
        return [
            f"{name} {'' if number else 'ended '}after {t:.0f} s"
            for number, (t, name) in enumerate(found)
        ]

    @property
    def _starts(self) -> list[tuple[float, str]]:
        """How long each container started after the one before it, and what is said of it."""
        pairs = pairwise(self._names)
        return [
            (t, f"{name} started {seconds(t)} after {before}")
            for before, name in pairs if (t := self.starts(name)) is not None
        ]  # fmt: skip


def container_order(
    history: History,
    app: str,
    node: str,
    *,
    predicted: Mapping[str, Prediction] | None = None,
) -> ContainerOrder:
    """Return when the containers of an application's Pods on one node started and stopped.

    The kubelet reports the ends of containers in the last status of a Pod that stops, in whole
    seconds (``killContainer`` in ``pkg/kubelet/kuberuntime/kuberuntime_container.go`` blocks the
    Pod's worker). Starts are those that the recording saw.

    Args:
        history: of a recording that began before the Pod was deleted or created.
        app: the label ``app`` of the Pods.
        node: the name of the node.
        predicted: predictions in seconds, such as ``{"agent starts": …, "proxy ends": …}``.

    Raises:
        BadInput: the recording shows no Pod of the application on the node.
    """
    lives = on_node(history.lives(of_app(app)), node)
    if not lives:
        raise BadInput(
            f"The recording shows no Pod of {app} on {node}.",
            next_step="Record the Pod while it is created or deleted.",
        )
    states = history.stretches("pods", _states, of_app(app))
    stopping = [*history.changes("pods", podstate.is_terminating)]
    asked = {one.uid: podstate.asked_to_stop(one.object) for one in reversed(stopping)}
    pods = tuple(
        PodContainers(one, tuple(_containers(one, states[one.uid], asked.get(one.uid))))
        for one in lives
    )
    return ContainerOrder(app, pods, history.observed("pods"), dict(predicted or {}))


def _containers(
    life: Life, states: list[Stretch[Mapping[str, State]]], asked: datetime | None
) -> Iterator[ContainerTimes]:
    spec = life.last.get("spec") or {}
    first = spec.get("initContainers") or ()
    for one in podstate.containers_of(spec):
        kind: Kind = "container"
        if one in first:
            kind = "sidecar" if one.get("restartPolicy") == "Always" else "init container"
        name = str(one["name"])
        mine = tuple(_until(life.stopping, _of(name, states)))
        yield ContainerTimes(name, kind, mine, _started(mine), _ended(life, name, asked))


def _of(name: str, states: list[Stretch[Mapping[str, State]]]) -> Iterator[Stretch[State]]:
    """Yield the states of one container, with equal neighbours joined."""
    last: Stretch[State] | None = None
    for one in states:
        value = one.value if one.value is UNKNOWN else one.value.get(name, "waits")
        if last and last.value == value and last.end == one.start:
            last = Stretch(last.start, one.end, value)
            continue
        if last:
            yield last
        last = Stretch(one.start, one.end, value)
    if last:
        yield last


def _until(stop: When, states: Iterator[Stretch[State]]) -> Iterator[Stretch[State]]:
    for one in states:
        if not isinstance(stop, float):
            yield one
        elif one.start < stop:
            yield Stretch(one.start, min(one.end, stop), one.value)


def _started(states: tuple[Stretch[State], ...]) -> When:
    """Return when the container left ``waits``; None if it did not, or before the recording."""
    for before, one in pairwise(states):
        if one.value is UNKNOWN:
            return UNKNOWN
        if before.value == "waits":
            return one.start
    return None


def _ended(life: Life, name: str, asked: datetime | None) -> When:
    """Return when the container ended after its Pod was asked to stop, at that time of the API."""
    finished = podstate.parse_time(str(_terminated(life.last, name).get("finishedAt", "")))
    if not isinstance(life.stopping, float):
        return life.stopping
    if asked is None or finished is None or finished < asked:
        return None
    ended = life.stopping + (finished - asked).total_seconds()
    return min(ended, life.gone) if isinstance(life.gone, float) else ended


def _states(pod: Object) -> Mapping[str, State]:
    return {str(one.get("name", "")): _state(one) for one in _statuses(pod)}


def _state(status: Object) -> State:
    state = status.get("state") or {}
    if ended := state.get("terminated"):
        return "failed" if ended.get("exitCode") else "ended"
    if "running" in state:
        return "ready" if status.get("ready") else "not ready"
    return "waits"


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()),
    ]  # fmt: skip


def _terminated(pod: Object, name: str) -> Object:
    found = (one for one in _statuses(pod) if one.get("name") == name)
    return next(((one.get("state") or {}).get("terminated") or {} for one in found), {})


def _between(start: When, end: When) -> When:
    if start is UNKNOWN or end is UNKNOWN:
        return UNKNOWN
    return end - start if isinstance(start, float) and isinstance(end, float) else None


def _seen(times: Iterator[When]) -> float | None:
    return next((t for t in times if isinstance(t, float)), None)


def _coloured(style: Style) -> Style:
    return style if style.colour else replace(style, colour="accent")
