"""The commands ``course lab ...``: labs from a terminal and in CI."""

from __future__ import annotations

import json
import os
import re
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from daemonset_course import variables
from daemonset_course.cluster.lifecycle import current
from daemonset_course.console import Json, Name, errors_as_text, out
from daemonset_course.errors import BadInput, CourseError
from daemonset_course.lab.lab import find
from daemonset_course.lab.lab_progress import progress_rows
from daemonset_course.lab.session import LabSession, started_on
from daemonset_course.lab.verdict import Verdict, cannot_check
from daemonset_course.places import cluster_name, course_command

EXIT = {"passed": 0, "wrong": 1, "not attempted": 2, "not yet": 3, "cannot check": 4}

lab = typer.Typer(
    help="Labs: a prepared cluster, tasks, and a check of what the cluster did.",
    no_args_is_help=True,
)
LabName = Annotated[str | None, typer.Argument(help="Such as 06; else the one started last.")]
Number = Annotated[int | None, typer.Argument(help="Task; else the one started last.")]


@lab.command("list")
def list_labs(as_json: Json = False) -> None:
    """Print the labs with their tasks, and what you have passed."""
    _print_progress(as_json)


@lab.command()
def start(
    lab_name: Annotated[str, typer.Argument(metavar="LAB", help="Such as 06.")],
    number: Annotated[int, typer.Argument(metavar="TASK")] = 1,
    name: Name = None,
    force: Annotated[bool, typer.Option("--force", help="End a task of another lab.")] = False,
) -> None:
    """Bring the cluster into the starting state of a task, and record from then on."""
    with _on(name):
        out.print(_text(LabSession(find(lab_name)).start(number, force=force)), markup=False)


@lab.command()
def check(
    lab_name: LabName = None,
    number: Number = None,
    name: Name = None,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check until it is passed.")] = False,
) -> None:
    """Judge what the cluster did since the start of the task.

    Exit status: 0 passed, 1 wrong, 2 not attempted, 3 not yet, 4 cannot check.
    """
    with _on(name):
        try:
            session, task = _chosen(lab_name, number)
            verdict = _watched(session, task, as_json) if watch else session.check(task)
        except CourseError as error:
            verdict = cannot_check(
                error.failed, filter(None, [error.seen]), where=error.next_step or ""
            )
    if as_json:
        print(json.dumps(verdict.as_dict(), ensure_ascii=False))
    elif not watch:
        out.print(repr(verdict), markup=False)
    raise typer.Exit(EXIT[verdict.outcome])


@lab.command()
def hint(lab_name: LabName = None, number: Number = None, name: Name = None) -> None:
    """Print the next of three hints."""
    with _on(name):
        session, task = _chosen(lab_name, number)
        out.print(_text(session.hint(task)), markup=False)


@lab.command()
def solution(lab_name: LabName = None, number: Number = None, name: Name = None) -> None:
    """Print a solution beside yours; after passing."""
    with _on(name):
        session, task = _chosen(lab_name, number)
        out.print(_text(session.solution(task)), markup=False)


@lab.command()
def debrief(lab_name: LabName = None, name: Name = None) -> None:
    """Print cause, model, cases from production, and an interview question."""
    with _on(name):
        out.print(_text(_chosen(lab_name, None)[0].debrief()), markup=False)


@lab.command()
def leaderboard(lab_name: LabName = None, name: Name = None) -> None:
    """Print your best releases of a lab with a score."""
    with _on(name):
        out.print(_text(_chosen(lab_name, None)[0].leaderboard()), markup=False)


@lab.command("reset")
def reset_lab(name: Name = None) -> None:
    """End the task: stop its recorder, and restore the cluster."""
    with _on(name):
        session, _ = _chosen(None, None)
        out.print(_text(session.reset()), markup=False)


def _on(name: str | None) -> Any:
    if name is not None:
        os.environ[variables.CLUSTER.name] = cluster_name(name)
    return errors_as_text(name)


def _chosen(lab_name: str | None, number: int | None) -> tuple[LabSession, int]:
    """Return the lab and the task, by default those that were started last."""
    found = started_on(current().name) if lab_name is None or number is None else None
    if lab_name is None:
        if found is None:
            raise BadInput(
                "No task was started on this cluster.", next_step=course_command("lab start 06")
            )
        return LabSession(find(found[0])), found[1] if number is None else number
    session = LabSession(find(lab_name))
    if number is None:
        number = found[1] if found is not None and found[0] == session.lab.name else 1
    return session, number


def _watched(session: LabSession, number: int, as_json: bool) -> Verdict:
    """Check at each change until the task is passed, or cannot be any more; show the criteria.

    With ``as_json`` they go to standard error.
    """
    with Live(console=Console(highlight=False, stderr=as_json), refresh_per_second=4) as view:
        for verdict in session.verdicts(number):
            view.update(Text(repr(verdict)))
    return verdict


def _print_progress(as_json: bool) -> None:
    with errors_as_text():
        rows = progress_rows()
    if as_json:
        print(json.dumps({"format": 1, "tasks": rows}, ensure_ascii=False))
        return
    lab_name = ""
    for row in rows:
        if row["lab"] != lab_name:
            lab_name = row["lab"]
            out.print(f"\n{lab_name}", markup=False)
        out.print(f"  {row['task']}. {row['title']:<52} {row['verdict']}", markup=False)


def _text(markdown: str) -> str:
    """Return Markdown as it reads best in a terminal: without fences, emphasis and folding."""
    markdown = re.sub(r"<details><summary>(.*?)</summary>", r"\1:", markdown)
    markdown = markdown.replace("</details>", "").rstrip("\n")
    lines = [line for line in markdown.splitlines() if not line.startswith("```")]
    return re.sub(r"\*\*(.+?)\*\*", r"\1", "\n".join(lines))
