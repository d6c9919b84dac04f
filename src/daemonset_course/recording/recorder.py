"""Record what happens to a DaemonSet, then draw it.

with record("agent") as rollout:
apply(version_2)
wait_rollout("agent")
rollout.plot()
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.errors import NotFinished
from daemonset_course.recording import log
from daemonset_course.recording.feed import Feed
from daemonset_course.timeline.timeline import Timeline, build

if TYPE_CHECKING:
    from daemonset_course.plot.draw import Picture
    from daemonset_course.timeline.facts import Rollout

AFTER = 0.4  # seconds, times the pace, that a `with` records on: the picture shows the end
FIRST_LIST = 20.0  # seconds that the first lists may take


class Recording:
    """A log of one DaemonSet, with what can be read and drawn from it."""

    def __init__(self, records: list[log.Record]) -> None:
        self.records = records

    @staticmethod
    def load(path: str | Path) -> Recording:
        """The recording saved in a file."""
        return Recording(log.load(Path(path)))

    def save(self, path: str | Path) -> None:
        """Keep the recording as JSON lines."""
        log.save(self.records, Path(path))

    @property
    def timeline(self) -> Timeline:
        """Segments, counts and marks, made from the log anew."""
        return build(self.records)

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The facts of each rollout in the recording, the first one first."""
        from daemonset_course.timeline.facts import rollouts

        return rollouts(self.timeline)

    @property
    def caption(self) -> str:
        """What happened, in one generated sentence."""
        from daemonset_course.timeline.caption import caption

        return caption(self.timeline)

    def plot(self, **options: Any) -> Picture:
        """The picture of the recording."""
        from daemonset_course.plot.draw import plot

        return plot(self.timeline, **options)

    def __repr__(self) -> str:
        return self.caption


class Recorder(Recording):
    """A recording that is still being made; four feeds write into one log, on one clock."""

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str) -> None:
        super().__init__([])
        self._lock = threading.Lock()
        self._open = True
        self._began = time.monotonic()
        self._write(_header(cluster, daemonset, namespace))
        place = f"namespaces/{namespace}"
        paths = {
            "nodes": "/api/v1/nodes",
            "daemonsets": f"/apis/apps/v1/{place}/daemonsets",
            "pods": f"/api/v1/{place}/pods",
            "events": f"/api/v1/{place}/events",
        }
        self._feeds = [Feed(cluster.api, name, path, self) for name, path in paths.items()]

    def start(self) -> None:
        """Begin, and return when the present state is in the log.

        Raises:
            NotFinished: the API server did not give it in time.
        """
        try:
            self._list_all()
        except BaseException:  # also Ctrl-C: no thread stays behind
            self.stop()
            raise

    def _list_all(self) -> None:
        # One after the other: the log then begins with nodes, DaemonSets, pods, in this order.
        for feed in self._feeds:
            feed.start()
            if not feed.listed.wait(FIRST_LIST):
                raise NotFinished(
                    f"The recorder could not list the {feed.resource}.",
                    seen=f"no answer within {FIRST_LIST:.0f} s",
                    next_step="course status",
                )

    def stop(self) -> Recorder:
        """End the recording; calling it again does no harm."""
        if self._open:
            stopping = [threading.Thread(target=feed.stop) for feed in self._feeds]
            for thread in stopping:
                thread.start()
            for thread in stopping:
                thread.join()
            self._write({"record": "end", "t": self.elapsed})
            self._open = False
        return self

    @property
    def elapsed(self) -> float:
        """Seconds since the recording began."""
        return time.monotonic() - self._began

    def mark(self, text: str) -> None:
        """Put a note of your own on the time axis."""
        self._write({"record": "mark", "t": self.elapsed, "text": text})

    def change(self, resource: str, kind: str, via: str, item: log.Record) -> None:
        """A feed's word: one object changed now."""
        begun = all(feed.listed.is_set() for feed in self._feeds)
        if resource == "events" and via == "list" and not begun:
            return  # old news, which no picture shows, and often most of the log
        self._write(
            {
                "record": "change",
                "t": self.elapsed,
                "resource": resource,
                "type": kind,
                "via": via,
                "object": log.slim(item),
            }
        )

    def gap(self, resource: str, start: float, reason: str) -> None:
        """A feed's word: it was blind from ``start`` until now."""
        now = self.elapsed
        self._write(
            {
                "record": "gap",
                "t": now,
                "resource": resource,
                "start": round(max(0.0, start - self._began), 4),
                "end": now,
                "reason": reason,
            }
        )

    def __enter__(self) -> Recorder:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            threading.Event().wait(AFTER * self.records[0]["pace"])
        self.stop()

    def _write(self, record: log.Record) -> None:
        with self._lock:
            if self._open:
                if self.records:
                    # The clock was read outside the lock: keep the order of the log.
                    record["t"] = round(max(record["t"], self.records[-1].get("t", 0.0)), 4)
                if "end" in record:
                    record["end"] = record["t"]  # rounded alike: no gap outlasts the recording
                self.records.append(record)


def record(daemonset: str, *, namespace: str = "default") -> Recorder:
    """A recorder of one DaemonSet: use it in ``with``, or call ``start`` and ``stop``.

    It follows the pods, DaemonSets and events of the namespace, and all nodes. The DaemonSet need
    not exist yet.
    """
    return Recorder(current(), daemonset, namespace)


def compare(a: Recording, b: Recording, *, labels: tuple[str, str] = ("a", "b")) -> Picture:
    """Two recordings on one time axis, each from its template change on."""
    from daemonset_course.plot import compare as draw

    return draw(a.timeline, b.timeline, labels=labels)


def _header(cluster: Cluster, daemonset: str, namespace: str) -> log.Record:
    return {
        "record": "header",
        "format": log.FORMAT,
        "namespace": namespace,
        "daemonset": daemonset,
        "cluster": cluster.name,
        "backend": cluster.state.backend,
        "kubernetes": cluster.state.kubernetes,
        "pace": cluster.pace,
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
