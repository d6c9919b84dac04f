"""Show nodes that fail: their state over time, and the outcome of their Pods. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from daemonset_course.errors import BadInput
from daemonset_course.figures.pods import pod_bars, pod_styles
from daemonset_course.figures.shapes import Bar, Lane, Lanes, Row, Style
from daemonset_course.history import podstate
from daemonset_course.history.index import History, named, of_app
from daemonset_course.history.lives import Life, When, on_node
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed, interruptions
from daemonset_course.history.spans import UNKNOWN, Stretch
from daemonset_course.history.text import seconds, short_name
from daemonset_course.placement.tolerations import taints_of
from daemonset_course.prediction import Prediction

ORPHANED = ("DeletionByPodGC", "PodGC: node no longer exists")
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_NODE = Style("faint", edge="muted", height=0.78, width=0.6)
_HATCHES = {
    "ready": "", "cordoned": "----", "not ready": "////", "unknown": "xxxx",
    "out of service": "+++++", "no Node object": "",
}  # fmt: skip


class PodOutcome(NamedTuple):
    """The outcome of the Pod that was on a node when the node failed; ``life`` is None without one.

    Times in seconds since the failure. A Pod that is deleted by force has no ``stopping`` time.
    """

    life: Life | None
    stopping: When
    gone: When

    @property
    def phase(self) -> str:
        """The last phase of the Pod; empty without a Pod."""
        return self.life.phase if self.life else ""


@dataclass(frozen=True)
class Failure:
    """One node's failure and what followed; times in seconds since the failure.

    Attributes:
        kind: its name, the text of the mark at its beginning.
        node: the node's short name.
        states: the node's states: ready, cordoned, not ready, unknown, out of service;
            ``UNKNOWN`` within gaps. After the last one the Node object was deleted, or the
            recording ended.
        outcomes: by app, the outcome of its Pod.
        zero: when the node failed, in seconds since the recording began.
        end: when the recording ended.
        observed: when nodes and Pods were watched, in seconds since the recording began.
    """

    kind: str
    node: str
    states: tuple[Stretch[str], ...]
    outcomes: Mapping[str, PodOutcome]
    zero: float
    end: float
    observed: Observed

    @property
    def noticed(self) -> When:
        """When the Node object first showed the failure; None: it did not."""
        for state in (one for one in self.states if one.value != "ready"):
            if state.value is UNKNOWN and state.end > 0:
                return UNKNOWN
            if state.start > 0:
                return state.start
        last = self.states[-1].end
        return last if last < self.end else None


@dataclass(frozen=True)
class Failures:
    """Several failures, one lane each, on one time axis that begins when the node failed.

    Attributes:
        found: the failures.
        predicted: by app, a prediction of the failures in which its Pod is evicted.
    """

    found: tuple[Failure, ...]
    predicted: Mapping[str, Prediction] = field(default_factory=dict)

    def __getitem__(self, kind: str) -> Failure:
        """Return the failure of that kind."""
        return next(one for one in self.found if one.kind == kind)

    def evicted(self, app: str) -> list[str]:
        """Return the failures in which the deletion of the app's Pod was requested."""
        return [one.kind for one in self.found if isinstance(one.outcomes[app].stopping, float)]

    @property
    def headline(self) -> str:
        """In how many of the failures the deletion of each app's Pod was requested."""
        apps = list(dict.fromkeys(app for one in self.found for app in one.outcomes))
        stopped = ", ".join(f"{app} in {self._stopped(app)}" for app in apps)
        return f"{len(self.found)} failures, Pods evicted: {stopped}"

    @property
    def caption(self) -> str:
        """The outcome of each Pod in each failure."""
        gaps = {gap: None for one in self.found for gap in one.observed.gaps}
        sentences = [
            f"{one.kind[:1].upper()}{one.kind[1:]}: "
            + ", ".join(f"{app} {_outcome_text(outcome)}" for app, outcome in one.outcomes.items())
            + "."
            for one in self.found
        ]
        return " ".join([*sentences, *interruptions(gaps)])

    def figure(self) -> Lanes:
        """Return a lane for each failure: the node's state above the phases of its Pods."""
        end = max(one.end for one in self.found)
        styles = {"node": _NODE, **pod_styles()}
        node_states = {
            f"node {state}": replace(_NODE, hatch=hatch) for state, hatch in _HATCHES.items()
        }
        node_states["node no Node object"] = Style("stripe", height=0.78)
        node_states["node not seen"] = Style("muted", 0.75, "xxxx", height=0.78, width=0.0)
        lanes = tuple(
            Lane(f"{one.kind}\n{one.node}", tuple(self._rows(one)), one.end) for one in self.found
        )
        shape = Lanes(
            lanes, (-0.015 * end, end), styles | node_states, "seconds since the failure", 0.21,
            moments=(0.0,),
        )  # fmt: skip
        explained = shape.used | {"node"}
        return replace(shape, legend={w: s for w, s in styles.items() if w in explained})

    def _stopped(self, app: str) -> str:
        times = [one.outcomes[app].stopping for one in self.found]
        unseen = f" ({times.count(UNKNOWN)} not seen)" if UNKNOWN in times else ""
        return f"{sum(isinstance(t, float) for t in times)}{unseen}"

    def _rows(self, one: Failure) -> Iterator[Row]:
        words = [
            (s.start, s.end, "not seen" if s.value is UNKNOWN else s.value) for s in one.states
        ]
        if one.states[-1].end < one.end:
            words.append((one.states[-1].end, one.end, "no Node object"))
        yield Row(tuple(Bar(a, b, f"node {word}", word) for a, b, word in words), label="node")
        for app, outcome in one.outcomes.items():
            bars = pod_bars(outcome.life.segments if outcome.life else (), one.zero)
            yield Row(bars, label=f"{app}{self._you(app, one.kind)}")

    def _you(self, app: str, kind: str) -> str:
        """Return what the learner predicted for the app's Pod in this failure."""
        answer = self.predicted[app].answer if app in self.predicted else None
        if not isinstance(answer, list):
            return ""
        return f" (you: {'evicted' if kind in answer else 'stays'})"


def failures(
    history: History,
    nodes: Mapping[str, str],
    apps: Sequence[str],
    *,
    predicted: Mapping[str, Prediction] | None = None,
) -> Failures:
    """Return the failures of a recording, with the outcome of the Pods of each app.

    Args:
        history: of the recording.
        nodes: the kind of failure, which is the text of its mark -> the node.
        apps: values of the Pods' label ``app``.
        predicted: by app, a prediction of the kinds in which its Pod is evicted.

    Raises:
        BadInput: there is no such mark, or no such node.
    """
    found = tuple(failure(history, kind, node, apps) for kind, node in nodes.items())
    return Failures(found, predicted or {})


def failure(history: History, kind: str, node: str, apps: Sequence[str]) -> Failure:
    """Return the failure of ``node`` that began at the mark with the text ``kind``.

    ``apps`` are values of the Pods' label ``app``.

    Raises:
        BadInput: there is no such mark, or no such node.
    """
    zero = next((mark.t for mark in history.marks if mark.text == kind), None)
    found = history.stretches("nodes", state_of, named(node))
    if zero is None or not found:
        raise BadInput(
            f"The recording does not show the failure {kind!r} of {node}.",
            seen="no mark with this text" if zero is None else "no such node",
            next_step=f"run.mark({kind!r}) within the recording, right before the node fails.",
        )
    states = next(iter(found.values()))
    shifted = (replace(s, start=s.start - zero, end=s.end - zero) for s in states)
    outcomes = {app: _outcome(on_node(history.lives(of_app(app)), node), zero) for app in apps}
    return Failure(
        kind, short_name(node, history.header.cluster), tuple(shifted), outcomes, zero,
        history.end - zero, history.observed("nodes", "pods"),
    )  # fmt: skip


def state_of(node: Object) -> str:
    """Return the state of a Node in one word or two."""
    ready = podstate.condition(node, "Ready").get("status")
    if any(taint["key"] == OUT_OF_SERVICE for taint in taints_of(node)):
        return "out of service"
    if ready != "True":
        return "not ready" if ready == "False" else "unknown"
    return "cordoned" if (node.get("spec") or {}).get("unschedulable") else "ready"


def _outcome(lives: Sequence[Life], zero: float) -> PodOutcome:
    """Return the outcome of the first of these Pods that existed before the failure."""
    life = next((life for life in lives if life.segments[0].start <= zero), None)
    stopping, gone = (life.stopping, life.gone) if life else (None, None)
    if life and _is_orphaned(life.last):
        stopping = None
    return PodOutcome(life, *(t - zero if isinstance(t, float) else t for t in (stopping, gone)))


def _is_orphaned(pod: Object) -> bool:
    """Whether the Pod garbage collector deleted the Pod because its node was gone.

    It deletes by force, and even then the API server reports a ``deletionTimestamp`` first.
    """
    target = podstate.condition(pod, "DisruptionTarget")
    return (target.get("reason"), target.get("message")) == ORPHANED


def _outcome_text(outcome: PodOutcome) -> str:
    if outcome.life is None:
        return "had no Pod"
    if isinstance(outcome.gone, float):
        return f"gone after {seconds(outcome.gone)}"
    if UNKNOWN in (outcome.gone, outcome.stopping):
        return "was not seen to the end"
    if isinstance(outcome.stopping, float):
        return f"evicted after {seconds(outcome.stopping)}, still listed"
    return f"stays, {outcome.phase}"
