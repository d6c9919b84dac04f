"""The commands ``course lessons ...`` and ``course forget``: the learner's copy and results."""

from __future__ import annotations

from typing import Annotated

import typer

from daemonset_course import judged, own_copy, prediction
from daemonset_course.console import errors_as_text, out
from daemonset_course.files import unwritable
from daemonset_course.lab import leaderboard, results
from daemonset_course.places import state_home

RESULTS = (prediction.FILE, judged.FILE, results.FILE, leaderboard.FILE)

lessons = typer.Typer(
    help="Your own copy of lessons and labs, which JupyterLab shows.", no_args_is_help=True
)
FileName = Annotated[
    str, typer.Argument(help="Such as 06, labs/06 or manifests/start-here/hello.yaml.")
]


@lessons.command("list")
def list_files() -> None:
    """Print each lesson and lab of your copy, and whether you or the course changed it."""
    with errors_as_text():
        for name, state in own_copy.states().items():
            out.print(f"{name:<46} {state}", markup=False)


@lessons.command()
def update() -> None:
    """Bring your copy to the course's present state; what you edited stays."""
    with errors_as_text():
        lines = list(own_copy.update().lines())
    out.print("\n".join(lines or ["Nothing has changed."]), markup=False)


@lessons.command()
def diff(name: FileName) -> None:
    """Print where a file of your copy differs from the course's."""
    with errors_as_text():
        found = own_copy.difference(name)
    out.print(found or "No difference.", markup=False)


@lessons.command()
def fresh(name: FileName) -> None:
    """Begin a lesson or lab afresh; your version goes to the folder `earlier` of your copy."""
    with errors_as_text():
        path, kept = own_copy.begin_afresh(name)
    out.print(f"{path} is as the course has it.", markup=False)
    if kept:
        out.print(f"Your version is now {kept}", markup=False)


def forget(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove your predictions and lab results; your copy of the lessons stays."""
    with errors_as_text():
        found = sorted(one for name in RESULTS for one in state_home().glob(f"{name}*"))
        if not found:
            out.print("There are no predictions and no results.")
            return
        if not yes:
            typer.confirm("Remove all predictions and lab results?", abort=True)
        for path in found:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error
            if path.suffix != ".lock":
                out.print(f"removed {path}", markup=False)
