"""Record what happens to a DaemonSet, then draw it.

Example::

    with record("agent") as rollout:
        apply(version_2)
        wait_rollout("agent")
    rollout.plot()
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.analysis.rollout_caption import caption
from daemonset_course.cluster.api import segment
from daemonset_course.cluster.components import asker
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import NotFinished, RecorderFailed
from daemonset_course.history import log
from daemonset_course.history.index import History
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.history.timeline import Timeline
from daemonset_course.places import course_command
from daemonset_course.recording.component_feed import ComponentFeed
from daemonset_course.recording.feed import Feed

if TYPE_CHECKING:
    from daemonset_course.figures.picture import Picture

EXTRA_TIME = 0.4  # seconds, times the pace, that a `with` records on: the picture shows the end
FIRST_LIST = 20.0  # seconds that the first lists may take


class Recording:
    """A log of one DaemonSet, with what can be read and drawn from it."""

    def __init__(self, records: Iterable[log.Record | Mapping[str, Any]]) -> None:
        """Index a log, given as records or as their JSON objects.

        Raises:
            BadInput: it is no log of this format.
        """
        self._history = History(records)

    @property
    def history(self) -> History:
        """The log with its index; that of a recording that still runs ends now."""
        return self._history

    @property
    def header(self) -> log.Header:
        """What is recorded, on which cluster."""
        return self._history.header

    @staticmethod
    def load(path: str | Path) -> Recording:
        """The recording saved in a file."""
        return Recording(log.load(Path(path)))

    def save(self, path: str | Path) -> None:
        """Keep the recording as JSON lines."""
        log.save(self.records(), Path(path))

    def records(self) -> list[log.Record]:
        """The log; that of a recording that still runs ends now."""
        with self.reading() as history:
            end = [] if history.ended else [log.End(history.end)]
            return [*history.records, *end]

    @contextmanager
    def reading(self) -> Iterator[History]:
        """The history, which does not change within the block."""
        yield self.history

    @property
    def timeline(self) -> Timeline:
        """Segments, counts and marks of the recorded DaemonSet."""
        with self.reading() as history:
            return history.timeline()

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The facts of each rollout in the recording, the first one first."""
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
        """The picture of the recording."""
        from daemonset_course.figures.rollout.draw import plot  # noqa: PLC0415 - 570 ms

        return plot(self.timeline, **options)

    def __repr__(self) -> str:
        return self.caption


class Recorder(Recording):
    """A recording that is still being made; its feeds write into one log, on one clock.

    Safe to use from several threads; while it runs, read its history in ``reading``.
    """

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str) -> None:
        super().__init__([_header(cluster, daemonset, namespace)])
        self._lock = threading.RLock()
        self._ending = threading.Lock()  # of two calls of `stop` the second waits for the first
        self._open = True
        self._began = time.monotonic()
        place = f"namespaces/{segment(namespace)}"
        paths = {
            "nodes": "/api/v1/nodes",
            "daemonsets": f"/apis/apps/v1/{place}/daemonsets",
            "controllerrevisions": f"/apis/apps/v1/{place}/controllerrevisions",
            "pods": f"/api/v1/{place}/pods",
            "events": f"/api/v1/{place}/events",
        }
        self._feeds = [Feed(cluster.api, name, path, self) for name, path in paths.items()]
        self._components = ComponentFeed(asker(cluster.name), self.component)

    @property
    def history(self) -> History:
        """The log with its index; while the recording runs, it ends now.

        A watch that is interrupted now is a gap until now.
        """
        with self._lock:
            if self._open:
                now = round(self.elapsed, 4)
                for feed in self._feeds:
                    if (gap := feed.open_gap) is not None:
                        self._history.append(self._gap(feed.resource, *gap, now))
                self._history.advance(now)
            return self._history

    @contextmanager
    def reading(self) -> Iterator[History]:
        """The history until now, to which nothing is added within the block."""
        with self._lock:
            yield self.history

    def start(self) -> None:
        """Begin, and return when the present state is in the log.

        Raises:
            NotFinished: the API server did not give it in time.
        """
        try:
            self._list_all()
        except BaseException as error:  # also Ctrl-C: no thread stays behind
            self._end_after(error)
            raise

    def _list_all(self) -> None:
        self._components.start()
        # One after the other: the log then begins with nodes, DaemonSets, their revisions, pods.
        for feed in self._feeds:
            feed.start()
            if not feed.listed.wait(FIRST_LIST):
                raise NotFinished(
                    f"The recorder could not list the {feed.resource}.",
                    seen=f"{feed.last_error or 'no answer'}; tried for {FIRST_LIST:.0f} s",
                    next_step=course_command("status"),
                )
        self._begin()

    def _begin(self) -> None:
        """Let the clock begin now, when all first lists are in: before that, nothing is known."""
        with self._lock:
            self._began = time.monotonic()
            header = replace(self.header, date=_date())
            self._history = History([header, *map(_at_zero, self._history.records[1:])])

    def stop(self) -> Recorder:
        """End the recording; calling it again does no harm.

        Raises:
            RecorderFailed: the recorder itself failed. The recording is complete all the same,
                apart from the gaps that it names.
        """
        failure = self._end()
        if failure is not None:
            raise failure
        return self

    def _end(self) -> RecorderFailed | None:
        """End the recording; return the recorder's own error, when it ends here and had one."""
        with self._ending:
            if not self._open:
                return None
            feeds: list[Feed | ComponentFeed] = [*self._feeds, self._components]
            stopping = [threading.Thread(target=feed.stop) for feed in feeds]
            for thread in stopping:
                thread.start()
            for thread in stopping:
                thread.join()
            with self._lock:  # a feed that could not be stopped writes nothing behind the end
                self._append(log.End(self.elapsed))
                self._open = False
        return _failure(self._feeds)

    def _end_after(self, error: BaseException) -> None:
        """End the recording because of an error, which the recorder's own must not hide."""
        failure = self._end()
        if failure is not None:
            error.add_note(str(failure))

    @property
    def elapsed(self) -> float:
        """Seconds since the recording began."""
        return time.monotonic() - self._began

    def mark(self, text: str) -> None:
        """Put a note of your own on the time axis."""
        self._write(log.Mark(self.elapsed, text))

    def change(self, resource: str, kind: str, via: str, item: log.Object) -> None:
        """Append a change that a feed saw now."""
        begun = all(feed.listed.is_set() for feed in self._feeds)
        if resource == "events" and via == "list" and not begun:
            return  # old news, which no picture shows, and often most of the log
        self._write(log.Change(self.elapsed, resource, kind, via, log.without_bookkeeping(item)))

    def component(self, component: str, state: str) -> None:
        """A component of the control plane ended, was stopped or suspended, or runs again."""
        self._write(log.Component(self.elapsed, component, state))

    def gap(self, resource: str, start: float, reason: str) -> None:
        """Append a gap: a feed saw nothing from ``start`` until now."""
        self._write(self._gap(resource, start, reason, self.elapsed))

    def _gap(self, resource: str, start: float, reason: str, now: float) -> log.Gap:
        since = round(max(0.0, start - self._began), 4)
        return log.Gap(now, resource, since, now, reason)

    def __enter__(self) -> Recorder:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._end_after(error)
            return
        try:
            extra = EXTRA_TIME * self.header.pace
            until(lambda: not self._open, timeout=extra, pause=extra)
        except BaseException as interrupt:
            self._end_after(interrupt)
            raise
        self.stop()

    def _write(self, record: log.Entry) -> None:
        with self._lock:
            if self._open:
                self._append(record)

    def _append(self, record: log.Entry) -> None:
        """Append a record with the time at which it stands in the log, behind those there."""
        # The clock was read outside the lock, and may have begun anew since: keep the order.
        t = round(max(min(record.t, self.elapsed), self._history.last), 4)
        if isinstance(record, log.Gap):  # rounded alike: no gap outlasts the recording
            record = replace(record, end=t)
        self._history.append(replace(record, t=t))


def record(daemonset: str, *, namespace: str = "default") -> Recorder:
    """A recorder of one DaemonSet: use it in ``with``, or call ``start`` and ``stop``.

    It follows the pods, DaemonSets, ControllerRevisions and events of the namespace, and all
    nodes. The DaemonSet need not exist yet.

    Raises:
        BadInput: no namespace can have this name.
        NotRunning: the cluster is not up.
    """
    return Recorder(current(), daemonset, namespace)


def compare(a: Recording, b: Recording, *, labels: tuple[str, str] = ("a", "b")) -> Picture:
    """Two recordings on one time axis, each from its template change on."""
    from daemonset_course.figures.rollout.draw import compare as draw  # noqa: PLC0415 - 570 ms

    return draw(a.timeline, b.timeline, labels=labels)


def _failure(feeds: list[Feed]) -> RecorderFailed | None:
    """The errors of the recorder's own that its feeds met, as one; None if there was none."""
    failed = {feed.resource: feed.failure for feed in feeds if feed.failure is not None}
    if not failed:
        return None
    found = RecorderFailed(
        f"The recorder failed while it followed the {' and the '.join(failed)}.",
        seen="; ".join(f"{resource}: {_describe(error)}" for resource, error in failed.items()),
        next_step="Use the recording: it has a gap where something was missed. The error is one of "
        "the course, not of the cluster: please report it.",
    )
    found.__cause__ = next(iter(failed.values()))
    return found


def _describe(error: BaseException) -> str:
    """An error, and the line that it comes from."""
    *_, last = traceback.extract_tb(error.__traceback__)
    text = "".join(traceback.format_exception_only(error)).strip()
    return f"{text} ({Path(last.filename).name}, line {last.lineno})"


def _header(cluster: Cluster, daemonset: str, namespace: str) -> log.Header:
    return log.Header(
        daemonset=daemonset,
        namespace=namespace,
        cluster=cluster.name,
        backend=cluster.state.backend,
        kubernetes=cluster.state.kubernetes,
        pace=cluster.pace,
        date=_date(),
    )


def _at_zero(record: log.Record) -> log.Record:
    """A record from before the clock began."""
    match record:
        case log.Header():
            return record
        case log.Gap():
            return replace(record, t=0.0, start=0.0, end=0.0)
        case _:
            return replace(record, t=0.0)


def _date() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
