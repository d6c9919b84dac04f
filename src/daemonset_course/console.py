"""What the commands of ``course`` share: the two consoles, options, errors as text."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Annotated

import typer
from rich.console import Console

from daemonset_course.errors import CourseError
from daemonset_course.places import course_command

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Name = Annotated[str | None, typer.Option(help="Which cluster. [default: course]")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]

debug: ContextVar[bool] = ContextVar("debug", default=False)


@contextlib.contextmanager
def errors_as_text(name: str | None = None) -> Iterator[None]:
    """Print errors of the course as three lines, and exit with status 1; with 130 after Ctrl-C.

    With ``--debug`` the traceback of the error and its causes is printed first.
    """
    try:
        yield
    except CourseError as error:
        if debug.get():
            err.print("".join(traceback.format_exception(error)), markup=False)
        err.print(f"[bold red]{type(error).__name__}[/]", end=" ")
        err.print(str(error), markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        err.print(f"Interrupted; run the same command again, or: {course_command('down', name)}")
        raise typer.Exit(130) from error
