"""A recording to look at while it is being made: one widget, redrawn in place.

with record("agent") as rollout, live(rollout):
    apply(version_2)
    wait_rollout("agent")
rollout.plot()
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from daemonset_course.errors import in_one_line
from daemonset_course.figures.rollout.frame import frame
from daemonset_course.recording.recorder import Recorder

PAUSE = 0.25  # seconds between two frames, at least
SHARE = 0.2  # of the time that drawing may take

_open_views: dict[str, threading.Event] = {}  # by DaemonSet: what ends its view


@contextmanager
def live(recording: Recorder) -> Iterator[None]:
    """Show the recording while the block runs; at its end the view goes, and ``plot`` is for you.

    There is one view of a DaemonSet at a time. Outside a notebook nothing is shown. A frame that
    cannot be drawn does not disturb the block: the view shows the error, and tries again.
    """
    if not _in_notebook():
        yield
        return
    name = recording.header.daemonset
    if name in _open_views:  # a block around this one
        _open_views.pop(name).set()
    frames = _Frames(recording)
    widget, handle = _display(frames.next())
    _open_views[name] = ended = threading.Event()
    thread = threading.Thread(
        target=_draw, args=(frames, widget, ended), name=f"live-{name}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)
        widget.close()
        handle.update(
            {"text/plain": f"(the live view of {name} has ended{frames.closing_note})"}, raw=True
        )
        _open_views.pop(name, None)


class _Frames:
    """The frames of a recording, one after the other; an error is shown above the last good one."""

    def __init__(self, recording: Recorder) -> None:
        self._recording = recording
        self._last_good = ""
        self.closing_note = ""  # what to say at the end, if the last frame was not shown

    def next(self) -> str:
        """Return the frame of this moment."""
        try:
            self._last_good = frame(self._recording.timeline)
        except Exception as error:
            self.note_failure(error)
            old = "; the picture below is an old one" if self._last_good else ""
            return (
                f'<div role="alert" style="font-size: 13px"><b>The live view cannot draw what '
                f"happens now: {escape(in_one_line(error))}</b>{old}. The recording goes on, and "
                f"the view tries again.</div>{self._last_good}"
            )
        self.closing_note = ""
        return self._last_good

    def note_failure(self, error: Exception) -> None:
        """Remember that what happens now is not shown, and why."""
        self.closing_note = f"; its last picture was not shown: {in_one_line(error)}"


def _draw(frames: _Frames, widget: Any, ended: threading.Event) -> None:
    """Redraw until the end, whatever fails."""
    pause = PAUSE
    while not ended.wait(pause):
        began = time.monotonic()
        html = frames.next()
        try:
            widget.value = html
        except Exception as error:  # nothing can be said in the widget: it is said at the end
            frames.note_failure(error)
        pause = max(PAUSE, (time.monotonic() - began) / SHARE)


def _display(html: str) -> tuple[Any, Any]:
    """The widget, and the handle of the output that it is shown in."""
    from IPython.display import display  # noqa: PLC0415 - 50 ms
    from ipywidgets import HTML  # noqa: PLC0415 - 110 ms

    widget = HTML(html)
    return widget, display(widget, display_id=True)  # type: ignore[no-untyped-call]


def _in_notebook() -> bool:
    """Whether somebody can see a widget: this is a Jupyter kernel."""
    from IPython import get_ipython  # noqa: PLC0415 - 50 ms

    return hasattr(get_ipython(), "kernel")
