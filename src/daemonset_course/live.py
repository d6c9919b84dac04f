"""Show a recording while it is being made: one widget, redrawn in place.

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
from daemonset_course.figures.rollout.inline import script
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.recording.recorder import Recorder

PAUSE = 0.25  # seconds between two frames, at least
SHARE = 0.2  # of the time that drawing may take

_open_views: dict[str, threading.Event] = {}  # by DaemonSet; setting one ends its view


@contextmanager
def live(recording: Recorder) -> Iterator[None]:
    """Show the recording while the block runs; the view is removed when the block ends.

    Call ``plot`` after the block for the picture of the whole recording.

    A DaemonSet has one view at a time. Outside a notebook nothing is shown. If a frame cannot be
    drawn, the block goes on, and the view shows the error and tries again.
    """
    if not _in_notebook():
        yield
        return
    name = recording.header.daemonset
    if name in _open_views:  # the block of another view is around this one
        _open_views.pop(name).set()
    frames = _Frames(recording)
    widget, handle, scripted = _display(frames.next())
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
        scripted.update({}, raw=True)
        handle.update(
            {"text/plain": f"(the live view of {name} has ended{frames.closing_note})"}, raw=True
        )
        _open_views.pop(name, None)


class _Frames:
    """The frames of a recording, in order; an error is shown above the last frame without one."""

    def __init__(self, recording: Recorder) -> None:
        self._recording = recording
        self._last_good = ""
        self.closing_note = ""  # shown at the end, if the last frame could not be shown

    def next(self) -> str:
        """Return the HTML of the present moment, or of the error that prevents it."""
        try:
            self._last_good = view(self._recording.timeline, self._recording.predicted)
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
        """Keep the error of a frame that was not shown, for the closing note."""
        self.closing_note = f"; its last picture was not shown: {in_one_line(error)}"


def _draw(frames: _Frames, widget: Any, ended: threading.Event) -> None:
    """Redraw until the end, also after errors."""
    pause = PAUSE
    while not ended.wait(pause):
        began = time.monotonic()
        html = frames.next()
        try:
            widget.value = html
        except Exception as error:  # the widget takes no text: show it at the end
            frames.note_failure(error)
        pause = max(PAUSE, (time.monotonic() - began) / SHARE)


def _display(html: str) -> tuple[Any, Any, Any]:
    """Return the widget, the handle of the output that shows it, and that of the script.

    A widget runs no script, so the script is an output of its own.
    """
    from IPython.display import display  # noqa: PLC0415 - 50 ms
    from ipywidgets import HTML  # noqa: PLC0415 - 110 ms

    widget = HTML(html)
    scripted = display({"text/html": script(tiles=True)}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return widget, display(widget, display_id=True), scripted  # type: ignore[no-untyped-call]


def _in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, which can show widgets."""
    from IPython import get_ipython  # noqa: PLC0415 - 50 ms

    return hasattr(get_ipython(), "kernel")
