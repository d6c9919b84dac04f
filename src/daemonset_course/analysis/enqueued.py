"""Show which changes of nodes the DaemonSet controller adds to its queue. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemonset_course.figures.shapes import Bars, Style


@dataclass(frozen=True)
class Enqueued:
    """The result of ``count_queue_adds``: change of a node -> entries in the controller's queue.

    Attributes:
        counts: the entries, by change.
        predicted: the changes of which the learner predicted an entry; None without an answer.
    """

    counts: Mapping[str, int]
    predicted: Sequence[str] | None = None

    @property
    def headline(self) -> str:
        """Which changes the controller queues, and which it does not."""
        some = [name for name, count in self.counts.items() if count]
        none = [name for name, count in self.counts.items() if not count]
        return f"The controller queues: {_listed(some)}; not: {_listed(none)}"

    @property
    def caption(self) -> str:
        """Every count."""
        return "Entries by change: " + ", ".join(f"{k} {n}" for k, n in self.counts.items()) + "."

    def figure(self) -> Bars:
        """Return one bar for each change."""
        names = {name: self._name(name) for name in self.counts}
        return Bars(
            tuple(names.values()),
            {"entries": tuple(self.counts.values())},
            {"entries": Style("accent", edge="foreground")},
            value_axis="entries in the controller's queue of node changes",
            horizontal=True,
            texts={("entries", names[one]): "0: not queued"
                   for one, number in self.counts.items() if not number},
        )  # fmt: skip

    def _name(self, change: str) -> str:
        return f"predicted: {change}" if change in (self.predicted or ()) else change


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
