"""Show an interrupted cell in two lines, and after a NameError what helps after a restart.

The import of ``daemonset_course`` loads this where IPython runs, and the kernels of ``course open``
load it at their start. Errors of the course show themselves: ``CourseError._render_traceback_``.
"""

from __future__ import annotations

import linecache
import traceback
from types import TracebackType
from typing import Any

from daemonset_course import variables

GOES_ON = "What was begun in the cluster goes on there. Run the cell again to wait for it again."
RESTARTED = (
    "If the kernel was restarted: choose Run > Run All Above Selected Cell, then run this cell."
)


def load(shell: Any) -> None:
    """Let a shell show these errors so."""
    shell.set_custom_exc((KeyboardInterrupt, NameError), _show)


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:  # fmt: skip
    interrupted = issubclass(kind, KeyboardInterrupt)
    if interrupted and not variables.DEBUG.read():
        lines = [_where(trace), GOES_ON]
    else:
        offset = 1 if tb_offset is None else tb_offset
        lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=offset)
        lines = list(lines) if interrupted else [*lines, RESTARTED]
    shell._showtraceback(kind, error, lines)


def _where(trace: TracebackType | None) -> str:
    """Return the line of the cell that was interrupted."""
    for frame, number in traceback.walk_tb(trace):
        if "__file__" not in frame.f_globals and frame.f_code.co_name == "<module>":  # the cell
            text = linecache.getline(frame.f_code.co_filename, number).strip()
            return f"Interrupted in line {number}: {text}" if text else "Interrupted."
    return "Interrupted."
