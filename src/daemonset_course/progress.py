"""Report the progress of long steps, and say what a cell or command waits for.

Steps are bars on a terminal, and lines elsewhere. A wait of more than ``FIRST`` seconds is one
line, which is updated in place in a notebook.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

FIRST = 2.0  # seconds of a wait before its line appears
PAUSE = 1.0  # seconds between two updates of the line, at least
LONGEST_PAUSE = 5.0  # seconds, also where a busy machine takes long to answer
SHARE = 0.1  # of the time that working out the words may take
LONGEST = 200  # characters of the line
PLAIN = 10.0  # seconds between two lines on a terminal

shown_live: set[str] = set()  # the DaemonSets whose live view is open: it says what they wait for


class Report(Protocol):
    """Receive the progress of one step at a time: ``start``, any ``advance``, then ``done``."""

    def start(self, text: str, total: int | None = None, unit: str = "") -> None:
        """Begin a step; ``total`` is None if its length is unknown."""

    def advance(self, n: int = 1) -> None:
        """Add ``n`` finished units."""

    def done(self, text: str) -> None:
        """End the step; a call without ``start`` prints a message."""


class Lines:
    """A report for logs and pipes: a line at the start, at every tenth, and at the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._text, self._unit, self._total, self._at = "", "", 0, 0

    def start(self, text: str, total: int | None = None, unit: str = "") -> None:
        """Print the step."""
        self._text, self._unit, self._total, self._at = text, unit, total or 0, 0
        self.done(text)

    def advance(self, n: int = 1) -> None:
        """Print a line at each tenth of the total."""
        before, self._at = self._at, self._at + n
        if self._total and self._at * 10 // self._total > before * 10 // self._total:
            self.done(f"{self._text}: {100 * self._at // self._total} % ({self._so_far()})")

    def done(self, text: str) -> None:
        """Print the last text of the step."""
        print(text, file=self._stream, flush=True)

    def _so_far(self) -> str:
        of = f" of {amount(self._total, self._unit)}" if self._total else ""
        return f"{amount(self._at, self._unit)}{of} {self._unit}".strip()


class Bars(Lines):
    """A report for terminals: a progress bar, which the last text of the step replaces."""

    open = False  # whether a bar is on the terminal
    _bar: Any = None

    def start(self, text: str, total: int | None = None, unit: str = "") -> None:
        """Open the bar; close one that is still open."""
        from rich.console import Console  # noqa: PLC0415 - 70 ms with the next one
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._close()
        self._text, self._unit, self._total, self._at = text, unit, total or 0, 0
        words = [TextColumn("{task.description}"), TextColumn("{task.fields[so_far]}")]
        columns = (words[0], BarColumn(), words[1], TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(file=self._stream), transient=True)
        self._bar.add_task(text, total=total, so_far="")
        self._bar.start()
        Bars.open = True

    def advance(self, n: int = 1) -> None:
        """Move the bar."""
        self._at += n
        self._bar.update(0, advance=n, so_far=self._so_far())

    def done(self, text: str) -> None:
        """Close the bar and print the text."""
        self._close()
        super().done(text)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            Bars.open = False
        self._bar = None


def progress() -> Report:
    """Return bars on a terminal, lines elsewhere (CI, a notebook, a pipe).

    The lines of a notebook go to stdout: it shows stderr in red, as an error.
    """
    if in_notebook():
        return Lines(sys.stdout)
    return Bars() if sys.stderr.isatty() else Lines()


def in_notebook() -> bool:
    """Return whether this process is a Jupyter kernel, which can show and update outputs."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_ipython(), "kernel")


def amount(n: int, unit: str) -> str:
    """Format a number; with the unit ``MB`` the number is bytes, shown in whole MB."""
    return f"{n / 1e6:,.0f}" if unit == "MB" else f"{n:,}"


@contextlib.contextmanager
def step(report: Report, text: str, total: int | None = None, unit: str = "") -> Iterator[None]:
    """Report a step that also ends when it fails, so that no bar stays open."""
    report.start(text, total, unit)
    try:
        yield
    except BaseException:
        report.done(f"{text}: stopped")
        raise


@dataclass
class Waiting:
    """One wait, of the calling thread.

    Attributes:
        what: what is waited for, in words that follow "Waiting for".
        say: returns how far it is; None: nothing is known.
        about: the DaemonSet; while its live view is open, the view says it, and no line does.
        result: what the last line says when the wait has ended; empty: only that it has.
        draw: called when the first line is due; returns whether a picture shows the wait instead.
    """

    what: str
    say: Callable[[], str] | None = None
    about: str = ""
    result: str = ""
    draw: Callable[[], bool] | None = None


@contextlib.contextmanager
def waiting(
    what: str,
    say: Callable[[], str] | None = None,
    *,
    about: str = "",
    draw: Callable[[], bool] | None = None,
) -> Iterator[Waiting]:
    """Say what the block waits for, if it takes longer than ``FIRST`` seconds.

    In a notebook this is one line of the cell's output, updated in place; it stays, with the time
    that the wait took. On a terminal it is a line every ``PLAIN`` seconds, on stderr. Elsewhere,
    and in another thread than the main one, nothing is said. Of waits within each other, the
    innermost that has something to ``say`` says it, and only the outermost may ``draw``.

    ``say`` and ``draw`` are called in another thread than the block. Their errors are not raised.
    """
    wait = Waiting(what, say, about, draw=draw)
    if threading.current_thread() is not threading.main_thread():
        yield wait
        return
    if _Line.now is not None:
        with _Line.now.within(wait):
            yield wait
        return
    show = _notebook_line() if in_notebook() else _terminal_line() if sys.stderr.isatty() else None
    if show is None:
        yield wait
        return
    with _Line(show).runs(wait):
        yield wait


def waits() -> bool:
    """Whether a wait runs that a line can show."""
    return _Line.now is not None


class _Line:
    """The line about the waits that run; a thread updates it."""

    now: _Line | None = None

    def __init__(self, show: Callable[[str, bool], None]) -> None:
        self._show = show  # the text, and whether it is the last one
        self._waits: list[Waiting] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()  # nothing is shown after the last text
        self._shown = False

    @contextlib.contextmanager
    def within(self, wait: Waiting) -> Iterator[None]:
        self._waits = [*self._waits, wait]
        try:
            yield
        finally:
            self._waits = self._waits[:-1]

    @contextlib.contextmanager
    def runs(self, wait: Waiting) -> Iterator[None]:
        # Outputs of the thread belong to the cell whose context it has.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._run,), name="wait", daemon=True)
        began = time.monotonic()
        _Line.now, self._waits = self, [wait]
        thread.start()
        ending = "not in this time"
        try:
            yield
            ending = wait.result
        finally:
            _Line.now = None
            with self._lock:
                self._ended.set()
                if self._shown:
                    took = f"Waited {time.monotonic() - began:.0f} s for {wait.what}"
                    with contextlib.suppress(Exception):
                        self._show(f"{took}{': ' if ending else '.'}{ending}", True)

    def _run(self) -> None:
        pause = FIRST
        while not self._ended.wait(pause):
            began = time.monotonic()
            text = self._text()
            with self._lock:
                if text and not self._ended.is_set():
                    with contextlib.suppress(Exception):  # the wait matters more than its line
                        self._show(text, False)
                        self._shown = True
            pause = max(PAUSE, min(LONGEST_PAUSE, (time.monotonic() - began) / SHARE))

    def _text(self) -> str:
        """Return what is waited for now; empty where a live view says it."""
        waits = self._waits
        if not waits or any(wait.about in shown_live for wait in waits):
            return ""
        if not self._shown and (draw := waits[0].draw) is not None:
            with contextlib.suppress(Exception):  # then the line says it
                if draw():
                    return ""
        head = [waits[0].what]
        for wait in reversed(waits):
            if wait.say is not None:
                with contextlib.suppress(Exception):  # it is asked again
                    said = [wait.say()]
                    head += [wait.what] if wait is not waits[0] else []
                    words = dict.fromkeys(filter(None, [*head, *said]))
                    return _cut(f"Waiting for {': '.join(words)}")
        return _cut(f"Waiting for {head[0]}")


def _cut(text: str) -> str:
    """Return the text in one line of a notebook, at most two."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"


def _notebook_line() -> Callable[[str, bool], None]:
    handles: list[Any] = []

    def show(text: str, last: bool) -> None:  # noqa: ARG001 - a terminal shows no last one
        from IPython.display import display  # noqa: PLC0415 - 50 ms

        bundle = {"text/plain": text}
        if handles:
            handles[0].update(bundle, raw=True)
        else:
            handles.append(display(bundle, raw=True, display_id=True))  # type: ignore[no-untyped-call]

    return show


def _terminal_line() -> Callable[[str, bool], None]:
    shown = [0.0]

    def show(text: str, last: bool) -> None:
        now = time.monotonic()
        if last or Bars.open or now - shown[0] < PLAIN:
            return
        shown[0] = now
        print(text, file=sys.stderr, flush=True)

    return show
