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
from contextlib import contextmanager, suppress
from typing import Any

from daemonset_course.plot.frame import frame
from daemonset_course.recording.recorder import Recorder
from daemonset_course.timeline.timeline import build

PAUSE = 0.25  # seconds between two frames, at least
SHARE = 0.2  # of the time that drawing may take

_open: dict[str, threading.Event] = {}  # by DaemonSet: what ends its view


@contextmanager
def live(recording: Recorder) -> Iterator[None]:
    """Show the recording while the block runs; at its end the view goes, and ``plot`` is for you.

    There is one view of a DaemonSet at a time. Outside a notebook nothing is shown.
    """
    if not _in_notebook():
        yield
        return
    name = str(recording.records[0]["daemonset"])
    if name in _open:  # a block around this one
        _open.pop(name).set()
    _open[name] = ended = threading.Event()
    widget, shown = _display(_frame(recording))
    thread = threading.Thread(
        target=_draw, args=(recording, widget, ended), name=f"live-{name}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)
        widget.close()
        shown.update({"text/plain": f"(the live view of {name} has ended)"}, raw=True)
        _open.pop(name, None)


def _draw(recording: Recorder, widget: Any, ended: threading.Event) -> None:
    """Redraw until the end; a frame that cannot be drawn is left out."""
    pause = PAUSE
    while not ended.wait(pause):
        began = time.monotonic()
        with suppress(Exception):
            widget.value = _frame(recording)
        pause = max(PAUSE, (time.monotonic() - began) / SHARE)


def _frame(recording: Recorder) -> str:
    now = {"record": "end", "t": recording.elapsed}
    return frame(build([*recording.records, now]))


def _display(html: str) -> tuple[Any, Any]:
    """The widget, and the handle of the output that it is shown in."""
    from IPython.display import display
    from ipywidgets import HTML

    widget = HTML(html)
    return widget, display(widget, display_id=True)  # type: ignore[no-untyped-call]


def _in_notebook() -> bool:
    """Whether somebody can see a widget: this is a Jupyter kernel."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
