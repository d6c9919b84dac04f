"""What the commands of ``course`` share: the two consoles, options, errors as text."""

from __future__ import annotations

import contextlib
import errno
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Annotated

import typer
from rich.console import Console

from daemonset_course.errors import CourseError
from daemonset_course.files import refused
from daemonset_course.places import course_command

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Name = Annotated[str | None, typer.Option(help="Which cluster. [default: course]")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]

debug: ContextVar[bool] = ContextVar("debug", default=False)


@contextlib.contextmanager
def errors_as_text(name: str | None = None) -> Iterator[None]:
    """Print errors of the course as three lines, and exit with status 1; with 130 after Ctrl-C.

    What the system refuses (a file, a process, a limit) is such an error too.

    With ``--debug`` the traceback of the error and its causes is printed first.
    """
    try:
        yield
    except CourseError as error:
        _print_error(error)
        raise typer.Exit(1) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # `course doctor | head`: Typer ends quietly
            raise
        own = refused(error)
        own.__cause__ = error
        _print_error(own)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        err.print(f"Interrupted; run the same command again, or: {course_command('down', name)}")
        raise typer.Exit(130) from error


def _print_error(error: CourseError) -> None:
    if debug.get():
        err.print("".join(traceback.format_exception(error)), markup=False)
    err.print(f"[bold red]{type(error).__name__}[/]", end=" ")
    err.print(str(error), markup=False)
