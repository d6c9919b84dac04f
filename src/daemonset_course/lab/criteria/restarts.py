"""Measure the restarts of a rollout: how long a node's restart took, and the rollout itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from statistics import mean, median

from daemonset_course.lab.evidence import DaemonSetEvidence


class Restarts:
    """The restarts of the newest rollout of a DaemonSet; times in seconds."""

    def __init__(self, own: DaemonSetEvidence) -> None:
        """Read the history of the DaemonSet."""
        self._own = own
        self._timeline = own.timeline

    @cached_property
    def times(self) -> Mapping[str, tuple[float, float]]:
        """For each updated node: when its restart began and ended.

        A restart begins when the node loses its ready Pod or, with surge, gets the new Pod. It
        ends when the new Pod is ready and no other Pod is left on the node. A node that had a ready
        Pod of the newest template before it was set did not restart, and is left out.
        """
        if not self._own.rolled:
            return {}
        behind = self._own.behind
        updated = [name for name in self._own.cluster.reachable if name not in behind]
        since = self._timeline.templates[-1].t
        found = {name: self._restart(name) for name in updated}
        return {name: span for name, span in found.items() if span[1] > since}

    def mean(self) -> float | None:
        """Return the mean length of a node's restart; None before the first one ended.

        The mean, not the median: each slow node prolongs the rollout. While nodes are not updated,
        the longest restart is returned, because the remaining nodes may be slow.
        """
        lengths = [end - start for start, end in self.times.values()]
        if not lengths:
            return None
        return max(lengths) if self._own.behind else mean(lengths)

    def pause(self) -> float:
        """Return the median time from the end of a restart to the start of the next one.

        The controller causes it; on a busy machine it may be as long as the restart.
        """
        spans = self.times.values()
        later = [[begin - end for begin, _ in spans if begin >= end] for _, end in spans]
        pauses = [min(waits) for waits in later if waits]
        return median(pauses) if pauses else 0.0

    def length(self) -> float:
        """Return the time from the change of the Pod spec until the last node was updated.

        While nodes are not updated, the time ends at the last recorded change: a stuck rollout is
        not a slow one. ``kubectl rollout restart`` does not reset the time.
        """
        if not self._own.rolled:
            return 0.0
        ends = [end for _, end in self.times.values()]
        last = self._own.cluster.history.last_change
        return (max(ends) if ends and not self._own.behind else last) - self._began

    def elapsed(self) -> float:
        """Return the time from the change of the Pod spec until now."""
        return self._timeline.end - self._began if self._own.rolled else 0.0

    @property
    def _began(self) -> float:
        since = self._own.spec_set_at()
        return self._timeline.templates[-1].t if since is None else since

    def _restart(self, node: str) -> tuple[float, float]:
        since = self._timeline.templates[-1].t
        (alive,) = (pod["metadata"]["uid"] for pod in self._timeline.scene.pods[node])
        here = [s for s in self._timeline.by_node[node] if s.end >= since]
        new = [s for s in here if s.pod == alive]
        old = [s for s in here if s.pod != alive]
        # A Pod that appeared with the last record has no segment yet.
        now = self._timeline.end
        ready = next((s.start for s in new if s.phase == "ready"), now)
        end = max([ready, *(s.end for s in old)])
        left = [s.end for s in old if s.phase == "ready"]
        return min([end, *left, *(s.start for s in new)]), end
