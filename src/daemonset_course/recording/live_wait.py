"""Show a DaemonSet live while a cell waits for it, if nothing else records or shows it."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemonset_course.cluster.lifecycle import current
from daemonset_course.progress import in_notebook, shown_live, waits
from daemonset_course.recording.live_output import LiveView, in_named_cell
from daemonset_course.recording.recorder import Recorder, running

BEGIN = 0.3  # seconds of a wait before it is recorded: most waits have ended by then


@contextmanager
def live_wait(daemonset: str, namespace: str) -> Iterator[Callable[[], bool] | None]:
    """Record a DaemonSet during the block; yield a function that opens its live view.

    The function returns whether the view is open; the view shows what happened since the beginning
    of the block. When the block ends, the last picture stays.

    None is yielded where there is no view: outside a notebook; in a cell that its frontend does not
    name, where nobody looks while it runs (nbval, nbconvert); in another thread than the main one;
    within another wait, and while a view of the DaemonSet is open, which both say how far it is.
    """
    said = waits() or daemonset in shown_live
    in_cell = in_notebook() and threading.current_thread() is threading.main_thread()
    if said or not in_cell or not in_named_cell():
        yield None
        return
    lanes = _Lanes(Recorder(current(), daemonset, namespace))
    try:
        yield lanes.open
    finally:
        lanes.close()


class _Lanes:
    """The recording of a wait and its view. A wait that has ended waits for neither."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._view = recorder, LiveView(recorder, whole=True)
        self._ended = threading.Event()
        self._lock = threading.Lock()  # nothing is opened after the end
        self._recording = self._opened = False
        # An error of the first lists is for the wait itself to report.
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._record,), name="live-wait", daemon=True
        ).start()

    def _record(self) -> None:
        if self._ended.wait(BEGIN) or running:
            return
        try:
            self._recorder.start()
        except Exception:
            return
        with self._lock:
            self._recording = True
            ended = self._ended.is_set()
        if ended:
            self._recorder.end_quietly()

    def open(self) -> bool:
        with self._lock:
            if self._recording and not self._opened and not self._ended.is_set():
                self._opened = True
                self._view.open()
            return self._view.is_open

    def close(self) -> None:
        with self._lock:
            self._ended.set()
            recording = self._recording
        if recording:
            self._recorder.end_quietly()
            self._view.close()
