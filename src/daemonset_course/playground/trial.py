"""One run of the playground: what was predicted, what happened, and the run before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from daemonset_course.history.rollouts import Rollout
from daemonset_course.history.text import nodes, seconds
from daemonset_course.playground.settings import UNITS, Settings
from daemonset_course.prediction import Comparison, Prediction
from daemonset_course.recording.recorder import Recording, compare

if TYPE_CHECKING:
    from daemonset_course.figures.picture import Picture


def predictions(settings: Settings, count: int) -> dict[str, Prediction]:
    """Return the predictions as the picture of a rollout draws them.

    Args:
        settings: valid ones.
        count: the nodes that should run the agent.
    """
    drawn = {"length": settings.prediction("length")}
    lowest = settings.prediction("lowest")
    if isinstance(lowest, int):
        drawn["unavailable"] = max(0, count - lowest)
    units = {"length": UNITS["length"], "unavailable": UNITS["lowest"]}
    return {
        about: Prediction(f"playground-{about}", answer, unit=units[about])
        for about, answer in drawn.items()
        if answer is not None
    }


@dataclass(frozen=True, repr=False)
class Trial:
    """A run that has ended; in a notebook its words and its picture.

    Attributes:
        settings: what it was set to.
        recording: what happened.
        ended: why the recording ended: ``done``, ``stopped``, or ``still``: nothing changed any
            more.
        previous: the run before it; None for the first.
    """

    settings: Settings
    recording: Recording
    ended: str
    previous: Trial | None = None

    @property
    def rollout(self) -> Rollout | None:
        """The rollout of the new template; None if it was stopped before that."""
        found = [one for one in self.recording.rollouts if not one.created]
        return found[-1] if found else None

    @property
    def length(self) -> float | None:
        """Seconds from the new template until each node has its new Pod; None: not done."""
        return self.rollout.duration if self.rollout else None

    @property
    def lowest(self) -> int | None:
        """The lowest number of nodes with an available Pod at one time; None if unknown."""
        one = self.rollout
        if one is None or one.nodes is None or one.max_unavailable is None:
            return None
        return one.nodes - one.max_unavailable

    def comparisons(self) -> dict[str, Comparison]:
        """Return how each prediction compares with what happened; none for one not typed."""
        facts = {"length": self.length, "lowest": self.lowest}
        found = {}
        for name, fact in facts.items():
            answer = self.settings.prediction(name)
            if answer is None or fact is None:
                continue
            within = 0.0 if name == "lowest" else None
            prediction = Prediction(f"playground-{name}", answer, unit=UNITS[name])
            found[name] = prediction.compare(fact, within=within)
        return found

    def lines(self) -> Iterator[str]:
        """Yield what happened, how it was predicted, and what was different the time before."""
        yield f"{self._length()} {self._lowest()}"
        judged = self.comparisons()
        for name, words in {"length": "Length", "lowest": "Lowest coverage"}.items():
            if name in judged:
                yield f"{words}: {_verdict(judged[name])}"
            elif self.settings.prediction(name) is not None:
                yield f"{words}: no verdict, because the rollout was not done."
            else:
                yield f"{words}: no prediction was typed."
        if self.previous is not None:
            changed = "; ".join(self.settings.differences(self.previous.settings))
            yield f"The run before: {self.previous._length()} Changed: {changed or 'nothing'}."

    def picture(self) -> Picture:
        """Return the picture: on one time axis with the run before, if there was one."""
        if self.previous is None:
            return self.recording.plot()
        labels = (f"before: {self.previous.settings.words}", f"now: {self.settings.words}")
        return compare(self.previous.recording, self.recording, labels=labels)

    def _length(self) -> str:
        if self.length is not None:
            return f"The rollout took {seconds(self.length)}."
        why = {
            "stopped": "it was stopped",
            "still": "no Pod changed any more",
        }.get(self.ended, "the recording ended")
        waits = self.recording.explanation.sentence(self.recording.timeline.lane)
        return f"The rollout was not done when {why}{f': {waits}' if waits else ''}."

    def _lowest(self) -> str:
        if self.lowest is None:
            return ""
        return f"At the lowest, {nodes(self.lowest)} had an available Pod."

    def html(self) -> str:
        """Return the words, and below them the picture."""
        picture = self.picture()
        drawn = picture.html() if picture.html else f"<p>{escape(picture.caption)}</p>"
        return "".join(f"<div>{escape(line)}</div>" for line in self.lines()) + drawn

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def _verdict(found: Comparison) -> str:
    words = {True: "as predicted. ", False: "not as predicted. ", None: ""}[found.right]
    return f"{words}{found.sentence}"
