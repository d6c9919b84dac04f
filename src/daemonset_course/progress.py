"""Report the progress of long steps: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Protocol, TextIO


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
        self._bar = None


def progress() -> Report:
    """Return bars on a terminal, lines elsewhere (CI, a notebook, a pipe)."""
    return Bars() if sys.stderr.isatty() else Lines()


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
