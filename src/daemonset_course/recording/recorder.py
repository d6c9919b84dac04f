"""Record what happens to a DaemonSet, then draw it.

Example::

    with record("agent") as rollout:
        apply(version_2)
        wait_rollout("agent")
    rollout.plot()
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from daemonset_course.cluster.api import segment
from daemonset_course.cluster.components import asker, components_first, silences
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import NotFinished, RecorderFailed
from daemonset_course.figures.rollout.expected import Predicted, expected
from daemonset_course.history import log
from daemonset_course.history.index import History
from daemonset_course.places import course_command
from daemonset_course.recording.component_feed import ComponentFeed
from daemonset_course.recording.feed import Feed
from daemonset_course.recording.live_output import LiveView
from daemonset_course.recording.recording import Recording, compare

if TYPE_CHECKING:
    from daemonset_course.figures.picture import Picture

__all__ = ["Recorder", "Recording", "compare", "record"]

EXTRA_TIME = 0.4  # seconds, times the pace: a `with` records on for it, so that the end is seen
FIRST_LIST = 20.0  # seconds that the first lists may take
LOOK = 0.5  # seconds between two looks at the clock
SUSPENDED = 2.0  # seconds without a look after which the process was suspended

running: set[Recorder] = set()  # those of this process


class Recorder(Recording):
    """A recording in progress; its feeds write into one log, on one clock.

    Safe to use from several threads; while it runs, read its history in ``reading``. While its
    process was suspended, the log has a gap: it received the changes of that time later, all at
    once. Where the clock itself stands still, as in the sleep of a laptop, there is none.
    """

    def __init__(
        self,
        cluster: Cluster,
        daemonset: str,
        namespace: str,
        paths: Mapping[str, str] | None = None,
        *,
        live: bool = False,
    ) -> None:
        """Prepare to record.

        Args:
            cluster: where.
            daemonset: its name.
            namespace: its namespace.
            paths: the collections to follow, by resource. The default is all nodes, and of the
                namespace its DaemonSets, ControllerRevisions, Pods and events.
            live: show the live view while it records, in a notebook.
        """
        super().__init__([_header(cluster, daemonset, namespace)])
        self._lock = threading.RLock()
        self._ending = threading.Lock()  # the second of two calls of `stop` waits for the first
        self._open = True
        self._began = time.monotonic()
        place = f"namespaces/{segment(namespace)}"
        paths = paths or {
            "nodes": "/api/v1/nodes",
            "daemonsets": f"/apis/apps/v1/{place}/daemonsets",
            "controllerrevisions": f"/apis/apps/v1/{place}/controllerrevisions",
            "pods": f"/api/v1/{place}/pods",
            "events": f"/api/v1/{place}/events",
        }
        self._feeds = [Feed(cluster.api, name, path, self) for name, path in paths.items()]
        self._view = LiveView(self) if live else None
        self._down = asker(cluster.name)
        self._components = ComponentFeed(self._down, self.component)
        self._looked = math.inf  # when the process certainly ran; infinite: not yet
        self._ended = threading.Event()
        self._looks = threading.Thread(target=self._look, name="looks", daemon=True)

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
        """Yield the history until now; nothing is added to it within the block."""
        with self._lock:
            yield self.history

    def start(self) -> None:
        """Start to record, and return when the present state is in the log.

        Raises:
            NotFinished: the API server did not answer a first list in time, or cannot: then the
                error begins with the component that has ended.
        """
        running.add(self)
        try:
            with components_first(self.header.cluster):
                self._list_all()
            self._looked = self.elapsed  # on a busy machine the start takes its time
            self._looks.start()
            if self._view is not None:
                self._view.open()
        except BaseException as error:  # also Ctrl-C: no thread is left
            self._end_after(error)
            raise

    def _list_all(self) -> None:
        self._components.start()
        # One after the other: the log then begins with nodes, DaemonSets, their revisions, pods.
        for feed in self._feeds:
            feed.start()
            began = time.monotonic()
            until(partial(self._is_answered, feed), timeout=FIRST_LIST, pause=0.0)
            if not feed.listed.is_set():
                raise NotFinished(
                    f"The recorder could not list the {feed.resource}.",
                    seen=f"{feed.last_error or 'no answer'}; "
                    f"tried for {time.monotonic() - began:.0f} s",
                    next_step=course_command("status"),
                )
        self._begin()

    def _is_answered(self, feed: Feed) -> bool:
        """Whether the first list has come, or will not."""
        return feed.listed.wait(LOOK) or any(map(silences, self._down()))

    def _begin(self) -> None:
        """Set the clock to 0 now, when all first lists have arrived."""
        with self._lock:
            self._began = time.monotonic()
            self._looked = 0.0
            header = replace(self.header, date=_date())
            self._history = History([header, *map(_at_zero, self._history.records[1:])])

    def stop(self) -> Recorder:
        """End the recording; a second call does nothing.

        Raises:
            RecorderFailed: the recorder itself failed. The recording is complete apart from its
                gaps.
        """
        failure = self._end()
        if failure is not None:
            raise failure
        return self

    def _end(self) -> RecorderFailed | None:
        """End the recording; return the recorder's own error, once; None without one."""
        with self._ending:
            if not self._open:
                return None
            with self._lock:
                self._note_suspension()
                self._ended.set()  # the end may take its time
            feeds: list[Feed | ComponentFeed] = [*self._feeds, self._components]
            stopping = [threading.Thread(target=feed.stop) for feed in feeds]
            for thread in stopping:
                thread.start()
            for thread in stopping:
                thread.join()
            with self._lock:  # a feed that could not be stopped writes nothing after the end
                self._append(log.End(self.elapsed))
                self._open = False
        running.discard(self)
        if self._view is not None:
            self._view.close()
        return _failure(self._feeds)

    def _end_after(self, error: BaseException) -> None:
        """End the recording because of an error; add the recorder's own error to it as a note."""
        failure = self._end()
        if failure is not None:
            error.add_note(str(failure))

    def end_quietly(self) -> None:
        """End the recording as ``stop``, and raise no error of the recorder."""
        self._end()

    def plot(self, **options: Any) -> Picture:
        """Return the picture of the recording, as ``Recording.plot``.

        Shown by the cell execution that showed the live view, it takes the view's place.
        """
        picture = super().plot(**options)
        return picture if self._view is None else self._view.place(picture)

    @property
    def ended(self) -> bool:
        """Whether the recording has ended."""
        return not self._open

    @property
    def elapsed(self) -> float:
        """Seconds since the recording began."""
        return time.monotonic() - self._began

    def mark(self, text: str) -> None:
        """Put a note on the time axis, at the present moment."""
        self._write(log.Mark(self.elapsed, text))

    def change(self, resource: str, kind: str, via: str, item: log.Object) -> None:
        """Append a change that a feed emits now."""
        begun = all(feed.listed.is_set() for feed in self._feeds)
        if resource == "events" and via == "list" and not begun:
            return  # events from before the recording: no picture shows them, and they fill the log
        self._write(log.Change(self.elapsed, resource, kind, via, log.without_bookkeeping(item)))

    def component(self, component: str, state: str) -> None:
        """Append the new state of a component of the control plane."""
        self._write(log.Component(self.elapsed, component, state))

    def gap(self, resource: str, start: float, reason: str) -> None:
        """Append a gap: a watch was interrupted from ``start`` until now."""
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

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            if self.elapsed - self._looked > SUSPENDED:
                with self._lock:
                    self._note_suspension()
            self._looked = self.elapsed  # without the lock: a picture may be drawn under it

    def _note_suspension(self) -> None:
        """Append gaps if the process was suspended since the last look."""
        since, now = self._looked, self.elapsed
        if now - since > SUSPENDED and not self._ended.is_set():
            self._looked = now
            for feed in self._feeds:
                self._append(log.Gap(now, feed.resource, round(since, 4), now, log.SUSPENDED))

    def _append(self, record: log.Entry) -> None:
        """Append a record; its time is not before that of the last record."""
        self._note_suspension()  # before the record: it may be one of those that came late
        # The clock was read outside the lock, and may have been set to 0 since: keep the order.
        t = round(max(min(record.t, self.elapsed), self._history.last), 4)
        if isinstance(record, log.Gap):  # rounded alike: no gap ends after the recording
            record = replace(record, end=t)
        self._history.append(replace(record, t=t))


def record(
    daemonset: str,
    *,
    namespace: str = "default",
    predicted: Predicted = None,
    live: bool = False,
) -> Recorder:
    """Return a recorder of one DaemonSet: use it in ``with``, or call ``start`` and ``stop``.

    It follows the Pods, DaemonSets, ControllerRevisions and events of the namespace, and all
    nodes. The DaemonSet need not exist yet.

    Args:
        daemonset: its name.
        namespace: its namespace.
        predicted: a prediction, which the pictures of the recording draw in: of the rollout's
            length, or of a list of nodes. For others give them by what they are about: ``order``,
            ``unavailable`` (nodes without an available Pod at one time), ``extra Pods``, or a
            column of ``kubectl get daemonset``: ``predicted={"READY": ten}``.
        live: show what happens while it happens, in the output of the cell. The last picture
            stays there; a ``plot()`` that the same cell shows takes its place.

    Raises:
        BadInput: the namespace's name is not valid; the prediction is about something else.
        NotRunning: the cluster is not up.
    """
    expected(predicted)  # what cannot be drawn is refused now, not after the recording
    recorder = Recorder(current(), daemonset, namespace, live=live)
    recorder.predicted = predicted
    return recorder


def _failure(feeds: list[Feed]) -> RecorderFailed | None:
    """Return the feeds' own errors as one error; None if there was none."""
    failed = {feed.resource: feed.failure for feed in feeds if feed.failure is not None}
    if not failed:
        return None
    found = RecorderFailed(
        f"The recorder failed while it followed the {' and the '.join(failed)}.",
        seen="; ".join(f"{resource}: {_describe(error)}" for resource, error in failed.items()),
        next_step="Use the recording: it has a gap where changes were missed. The error is one of "
        "the course, not of the cluster: please report it.",
    )
    found.__cause__ = next(iter(failed.values()))
    return found


def _describe(error: BaseException) -> str:
    """Return the error's text and the line that raised it."""
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
    """Return the record of a first list with the time 0."""
    match record:
        case log.Header():
            return record
        case log.Gap():
            return replace(record, t=0.0, start=0.0, end=0.0)
        case _:
            return replace(record, t=0.0)


def _date() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
