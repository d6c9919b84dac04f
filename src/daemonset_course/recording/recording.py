"""A log of one DaemonSet, with what can be read and drawn from it; no cluster is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.analysis.rollout_caption import caption
from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.figures.rollout.drawn_in import Beside
from daemonset_course.figures.rollout.expected import Predicted
from daemonset_course.figures.rollout.plot import compare as compare_timelines
from daemonset_course.figures.rollout.plot import plot as plot_timeline
from daemonset_course.history import log
from daemonset_course.history.index import History
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.history.timeline import Timeline

if TYPE_CHECKING:
    from daemonset_course.figures.picture import Picture


class Recording:
    """A log of one DaemonSet, with what can be read and drawn from it.

    Attributes:
        predicted: what the learner predicted of it; its pictures draw it in.
    """

    predicted: Predicted = None

    def __init__(self, records: Iterable[log.Record | Mapping[str, Any]]) -> None:
        """Index a log, given as records or as their JSON objects.

        Raises:
            BadInput: it is no log of this format.
        """
        self._history = History(records)

    @property
    def history(self) -> History:
        """The log with its index; the log of a running recording ends now."""
        return self._history

    @property
    def header(self) -> log.Header:
        """What is recorded, on which cluster."""
        return self._history.header

    @staticmethod
    def load(path: str | Path) -> Recording:
        """Return the recording that was saved in a file."""
        return Recording(log.load(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the recording to a file, as JSON lines."""
        log.save(self.records(), Path(path))

    def records(self) -> list[log.Record]:
        """Return the records of the log; the log of a running recording ends now."""
        with self.reading() as history:
            end = [] if history.ended else [log.End(history.end)]
            return [*history.records, *end]

    @contextmanager
    def reading(self) -> Iterator[History]:
        """Yield the history, which does not change within the block."""
        yield self.history

    @property
    def timeline(self) -> Timeline:
        """Segments, counts and marks of the recorded DaemonSet."""
        with self.reading() as history:
            return history.timeline()

    @property
    def recent(self) -> Timeline:
        """The timeline of the last rollout and what came after it; see ``History.recent``."""
        with self.reading() as history:
            return history.recent()

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The facts of each rollout in the recording, in order of time."""
        return rollouts(self.timeline)

    @property
    def explanation(self) -> Explanation:
        """Why the newest rollout is not done."""
        return explain_timeline(self.timeline)

    @property
    def caption(self) -> str:
        """What happened, in one generated sentence."""
        return caption(self.timeline)

    def plot(self, **options: Any) -> Picture:
        """Return the picture of the recording.

        The options are those of ``figures.rollout.plot.plot``.
        """
        timeline, beside = self._drawn()
        given = {"predicted": beside.predicted, "bounds": beside.bounds}
        return plot_timeline(timeline, **(given | options))

    def bounds(self, history: History) -> tuple[Bound, ...]:  # noqa: ARG002 - of a lab's recording
        """Return the limits that a check judges in this history; none but in a lab."""
        return ()

    def _drawn(self) -> tuple[Timeline, Beside]:
        """Return the timeline, and what is drawn into its picture."""
        with self.reading() as history:
            return history.timeline(), Beside(self.predicted, self.bounds(history))

    def __repr__(self) -> str:
        return self.caption


def compare(a: Recording, b: Recording, *, labels: tuple[str, str] = ("a", "b")) -> Picture:
    """Return a picture of two recordings; 0 on its time axis is the last new template of each."""
    (one, beside_one), (two, beside_two) = a._drawn(), b._drawn()
    return compare_timelines(one, two, labels=labels, beside=(beside_one, beside_two))
