"""Show which changes of nodes the DaemonSet controller adds to its queue. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemonset_course.figures.shapes import Bars, Style


@dataclass(frozen=True)
class Enqueued:
    """The result of ``count_queue_adds``: change of a node -> entries in the controller's queue."""

    counts: Mapping[str, int]

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
        return Bars(
            tuple(self.counts),
            {"entries": tuple(self.counts.values())},
            {"entries": Style("accent", edge="foreground")},
            value_axis="entries in the controller's queue of node changes",
            horizontal=True,
            texts={("entries", name): "0: not queued" for name, n in self.counts.items() if not n},
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
