"""Show an interrupted cell in two lines, and with other errors what may have caused them.

After a NameError that is a restart of the kernel, else a reset of the cluster by another notebook.

The import of ``daemonset_course`` loads this where IPython runs, and the kernels of ``course open``
load it at their start. Errors of the course show themselves: ``CourseError._render_traceback_``.
"""

from __future__ import annotations

import linecache
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Any

from daemonset_course import variables
from daemonset_course.cluster.components import name_components
from daemonset_course.cluster.usage import reset_since
from daemonset_course.errors import CourseError
from daemonset_course.places import cluster_name

GOES_ON = "What was begun in the cluster goes on there. Run the cell again to wait for it again."
FROM_THE_TOP = "run it again from the top. A cluster is for one notebook at a time."
RESTARTED = (
    "If the kernel was restarted: choose Run > Run All Above Selected Cell, then run this cell."
)


def load(shell: Any) -> None:
    """Let a shell show interrupts and these errors in the form of this module."""
    shell.set_custom_exc((KeyboardInterrupt, NameError, CourseError, AssertionError), _show)


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:  # fmt: skip
    interrupted = issubclass(kind, KeyboardInterrupt)
    if interrupted and not variables.DEBUG.read():
        lines = [_where(trace), GOES_ON]
    else:
        lines = _as_usual(shell, kind, error, trace, 1 if tb_offset is None else tb_offset)
        if issubclass(kind, NameError):
            lines.append(RESTARTED)
        elif not interrupted and (since := _reset_since()):
            lines.append(f"{since}, after this notebook did: {FROM_THE_TOP}")
    shell._showtraceback(kind, error, lines)


def _as_usual(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None,
    offset: int,
) -> list[str]:  # fmt: skip
    """Return the lines that IPython shows of an error."""
    if isinstance(error, CourseError):
        name_components(error)
        return error._render_traceback_()
    return list(shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=offset))


def _reset_since() -> str:
    with suppress(CourseError):  # a name that no cluster can have: the error says so itself
        return reset_since(cluster_name())
    return ""


def _where(trace: TracebackType | None) -> str:
    """Return the line of the cell that was interrupted."""
    for frame, number in traceback.walk_tb(trace):
        if "__file__" not in frame.f_globals and frame.f_code.co_name == "<module>":  # the cell
            text = linecache.getline(frame.f_code.co_filename, number).strip()
            return f"Interrupted in line {number}: {text}" if text else "Interrupted."
    return "Interrupted."
