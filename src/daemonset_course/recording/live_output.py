"""The live view of a recording: one output of a cell, redrawn in place by a thread.

The output is plain HTML, no widget: its last picture stays in the saved notebook. A DaemonSet has
one view at a time.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any

from daemonset_course.errors import in_one_line
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.progress import in_notebook, shown_live

if TYPE_CHECKING:
    from daemonset_course.recording.recording import Recording

PAUSE = 0.25  # seconds between two frames, at least
SHARE = 0.06  # of one core that drawing may take
BYTES = 250_000  # a second that frames may have: Jupyter's limit for all outputs is 1 MB
LOOK = 2.0  # seconds between two looks at whether there is still something to show

_open_views: dict[str, LiveView] = {}  # by DaemonSet
_lock = threading.Lock()  # protects them


class LiveView:
    """The live view of one recording, from ``open`` to ``close``. Safe to use from any thread.

    Attributes:
        name: the DaemonSet.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        ends: Callable[[], str] | None = None,
        closed: Callable[[], None] | None = None,
        whole: bool = False,
    ) -> None:
        """Prepare the view.

        Args:
            recording: what is shown.
            ends: returns why the view ends by itself, or nothing. Asked every ``LOOK`` seconds.
            closed: called once, when the view is closing and before its last picture.
            whole: the last picture is of the whole recording, which nobody can plot later.
        """
        self.name = recording.header.daemonset
        self._frames = Frames(recording, whole=whole)
        self._ends, self._closed = ends, closed
        self._handle: Any = None
        self._cell, self._execution = "", 0
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._closing = threading.Lock()
        self._free = True  # no other picture has taken the place of the last one

    def open(self) -> None:
        """Show the first picture, and redraw it until ``close``; close an older view of the name.

        Nothing is shown outside a notebook.
        """
        if not in_notebook():
            return
        _close_at_reruns()
        self._cell, self._execution = _cell()
        with _lock:
            before = _open_views.pop(self.name, None)
            _open_views[self.name] = self
        if before is not None:
            before.close(f"Another live view of {self.name} was opened.")
        shown_live.add(self.name)
        try:
            # Only this picture and the last one have the script: it serves those between them.
            self._handle = _display(_bundle(self._frames.next(scripted=True), self.name))
            # An output of the thread belongs to the cell in whose context it is.
            context = contextvars.copy_context()
            self._thread = threading.Thread(
                target=context.run, args=(self._draw,), name=f"live-{self.name}", daemon=True
            )
            self._thread.start()
        except BaseException:
            self._forget()
            raise

    @property
    def is_open(self) -> bool:
        """Whether it is being redrawn."""
        return self._handle is not None and not self._ended.is_set()

    def close(self, why: str = "") -> None:
        """Redraw it for the last time, with a line that says why it ended; then it stays.

        A second call does nothing.
        """
        with self._closing:
            if self._ended.is_set():
                return
            self._ended.set()
            self._forget()
        try:
            if self._closed is not None:
                self._closed()
        finally:
            if self._handle is not None:
                if self._thread not in (None, threading.current_thread()):
                    self._thread.join(timeout=5)
                self._show(self._frames.next(scripted=True, ended=True, note=why))

    def place(self, picture: Picture) -> Picture:
        """Return the picture so that, shown by the same execution, it takes the place of the view.

        So a cell does not have two pictures of one recording.
        """
        if self._handle is None or not self._ended.is_set():
            return picture
        values = {one.name: getattr(picture, one.name) for one in fields(Picture)}
        return PlacedPicture(**values, take=self._take)

    def _take(self, picture: Picture) -> bool:
        if not self._free or self._execution != _cell()[1]:
            return False
        self._free = False
        data, metadata = picture._repr_mimebundle_()
        self._handle.update(data, metadata=metadata, raw=True)
        return True

    def _draw(self) -> None:
        """Redraw until the end, also after errors."""
        pause, looked = PAUSE, time.monotonic()
        while not self._ended.wait(pause):
            began = time.thread_time()
            html = self._frames.next()
            if not self._ended.is_set():
                self._show(html)
            took = time.thread_time() - began
            pause = max(PAUSE, took / SHARE, len(html) / BYTES)
            if self._ends is not None and time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                if why := self._ends():
                    self.close(why)

    def _show(self, html: str) -> None:
        try:
            self._handle.update(_bundle(html, self.name), raw=True)
        except Exception as error:  # the output takes none: the next one says so
            self._frames.lost = in_one_line(error)

    def _forget(self) -> None:
        with _lock:
            if _open_views.get(self.name) is self:
                del _open_views[self.name]
                shown_live.discard(self.name)


@dataclass(frozen=True)
class PlacedPicture(Picture):
    """A picture that takes the place of the live view; shown again, it is an output of its own."""

    take: Callable[[Picture], bool] = lambda _: False

    def _ipython_display_(self) -> None:
        if not self.take(self):
            raise NotImplementedError  # IPython then shows it as any other picture


class Frames:
    """The live pictures of a recording, in order; an error stands above the last good one."""

    def __init__(self, recording: Recording, *, whole: bool = False) -> None:
        self._recording, self._whole = recording, whole
        self._last_good = ""
        self.lost = ""  # why the picture before could not be shown

    def next(self, *, scripted: bool = False, ended: bool = False, note: str = "") -> str:
        """Return the HTML of the present moment, or of the error that prevents it."""
        notes, self.lost = (
            [note, *([f"A picture was not shown: {self.lost}"] * bool(self.lost))],
            "",
        )
        said = "".join(f"<div>{escape(one)}</div>" for one in notes if one)
        try:
            shown = self._recording
            timeline = shown.timeline if ended and self._whole else shown.recent
            self._last_good = view(timeline, shown.predicted, scripted=scripted, ended=ended)
        except Exception as error:
            old = "; the picture below is an old one" if self._last_good else ""
            again = "" if ended else ", and the view tries again"
            said += (
                f'<div role="alert"><b>The live view cannot draw what happens now: '
                f"{escape(in_one_line(error))}</b>{old}. The recording goes on{again}.</div>"
            )
        return (
            f'<div style="font-size:13px">{said}</div>{self._last_good}'
            if said
            else self._last_good
        )


def close_all(why: str = "") -> None:
    """Close every open view: each keeps its last picture."""
    with _lock:
        views = list(_open_views.values())
    for one in views:
        one.close(why)


def close_view(name: str, why: str = "") -> None:
    """Close the view of a DaemonSet, if one is open."""
    with _lock:
        found = _open_views.get(name)
    if found is not None:
        found.close(why)


def _close_of_cell(cell: str) -> None:
    with _lock:
        views = [one for one in _open_views.values() if cell and one._cell == cell]
    for one in views:
        one.close()


_registered: list[Any] = []  # the shell whose cells are followed


def _close_at_reruns() -> None:
    """From now on, a cell that runs again closes the views that it opened; so does the end."""
    from IPython import get_ipython  # noqa: PLC0415 - 50 ms

    shell: Any = get_ipython()
    if shell in _registered:
        return
    _registered.append(shell)
    shell.events.register("pre_run_cell", lambda info: _close_of_cell(info.cell_id or ""))
    atexit.register(close_all, "The kernel ended.")


def in_named_cell() -> bool:
    """Whether a cell runs that its frontend names, as JupyterLab does: somebody looks at it.

    nbval and nbconvert name none.
    """
    return bool(_cell()[0])


def _cell() -> tuple[str, int]:
    """Return the id of the cell that runs, if the frontend gives one, and its execution count."""
    from IPython import get_ipython  # noqa: PLC0415 - 50 ms

    shell: Any = get_ipython()
    if shell is None:
        return "", 0
    cell = ""
    with suppress(Exception):  # another kernel than ipykernel
        cell = str(shell.kernel.get_parent("shell")["metadata"].get("cellId") or "")
    return cell, int(shell.execution_count)


def _bundle(html: str, name: str) -> dict[str, str]:
    return {"text/html": html, "text/plain": f"the live view of {name}"}


def _display(bundle: dict[str, str]) -> Any:
    from IPython.display import display  # noqa: PLC0415 - 50 ms

    return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
