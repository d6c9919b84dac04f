"""The ``course`` command: the cluster, JupyterLab, labs, progress, and the learner's copy."""

from __future__ import annotations

import functools
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from daemonset_course import cluster, console, jupyter, own_copy, variables
from daemonset_course.binaries.search import PROGRAMS, ensure
from daemonset_course.cluster.reset import reset as reset_cluster
from daemonset_course.cluster.status import status_of
from daemonset_course.console import Json, Name, errors_as_text, out
from daemonset_course.copy_command import forget, lessons
from daemonset_course.doctor import Finding, examine
from daemonset_course.doctor_report import report
from daemonset_course.lab.lab_command import lab
from daemonset_course.places import cluster_name, course_command
from daemonset_course.progress import progress
from daemonset_course.progress_command import progress_command

app = typer.Typer(
    help="The clusters of the DaemonSet course. They never touch your own kubeconfig.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(lab, name="lab")
app.add_typer(lessons, name="lessons")
app.command("progress")(progress_command)
app.command("forget")(forget)
BackendOption = Annotated[str | None, typer.Option(help="kind or embedded; else chosen by itself.")]
Pace = Annotated[float | None, typer.Option(help="Factor on simulated delays; 1 shows phases.")]
Image = Annotated[str | None, typer.Option(help="Node image, for kind; else the pinned one.")]
Kubernetes = Annotated[
    str | None, typer.Option(help="Which Kubernetes, such as 1.35; else the course's own.")
]
Promtool = Annotated[
    bool, typer.Option("--promtool", help="Get promtool instead, which judges alert rules.")
]
_PORT = "Port of the API server; else a free one."
Port = Annotated[int | None, typer.Option("--api-port", "--port", help=_PORT)]
ApiPort = Annotated[int | None, typer.Option("--api-port", help=_PORT)]  # --port: JupyterLab's
Debug = Annotated[bool, typer.Option("--debug", help="Show the causes of an error.")]


@app.callback()
def course(debug: Debug = False) -> None:
    """Read the options that all commands share; let no other user write what they create."""
    os.umask(os.umask(0o022) | 0o022)
    with errors_as_text():
        console.debug.set(debug or variables.DEBUG.read())


def _starts_a_cluster(port: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of ``cluster.up`` to a command, and call it with the running cluster.

    Args:
        port: the type of the API server's port option, which differs between commands.
    """
    options = {
        "name": Name,
        "backend": BackendOption,
        "pace": Pace,
        "kubernetes": Kubernetes,
        "port": port,
        "image": Image,
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def started(**given: Any) -> None:
            chosen = {key: given.pop(key) for key in options}
            with errors_as_text(chosen["name"]):
                running = cluster.up(**chosen, report=progress())
            command(running, **given)

        # Typer builds the command line from the signature.
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        added = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for key, kind in options.items()
        ]
        started.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        return started

    return decorate


@app.command()
@_starts_a_cluster(Port)
def up(running: cluster.Cluster) -> None:
    """Start a cluster, or start its components that do not run."""
    out.print(f"{running.name}: {running.state.backend}, Kubernetes {running.state.kubernetes}")
    out.print(f"  export KUBECONFIG={running.backend.kubeconfig}")


@app.command()
def down(name: Name = None) -> None:
    """Remove a cluster with all its processes and files."""
    with errors_as_text(name):
        removed = cluster.down(name)
        out.print(f"{cluster_name(name)}: {'removed' if removed else 'there was none'}")


@app.command()
def reset(
    name: Name = None,
    workers: Annotated[int | None, typer.Option(help="How many workers to have.")] = None,
    force: Annotated[bool, typer.Option("--force", help="End a lab task that runs there.")] = False,
) -> None:
    """Return a cluster to its state right after `up`, and print what was changed."""
    with errors_as_text(name):
        out.print(str(reset_cluster(name, workers=workers, force=force)))


@app.command()
def status(name: Name = None, as_json: Json = False) -> None:
    """Print whether a cluster runs; exit status 1 if it, a component or a kubelet does not."""
    with errors_as_text(name):
        found = status_of(name)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        for key, value in found.lines():
            out.print(f"{key:<11} {value}", markup=False)
    raise typer.Exit(int(bool(found.down or found.lost)))


@app.command()
def doctor(name: Name = None, as_json: Json = False) -> None:
    """Check this machine for problems that keep the course from running.

    Exit status 1 if a finding is bad; a note concerns kind alone and leaves it at 0. With --json
    the output is for an issue: without your name, home folder, tokens and addresses.
    """
    with errors_as_text(name):
        if as_json:
            found = report(name)
            print(json.dumps(found, indent=1))
            levels = [check["level"] for check in found["checks"]]
        else:
            findings = examine(name)
            _print_table(findings)
            levels = [finding.level for finding in findings]
    raise typer.Exit(int("bad" in levels))


def _print_table(findings: Sequence[Finding]) -> None:
    table = Table("", "check", "seen", box=None)
    for finding in findings:
        cure = f"\n-> {finding.cure}" if finding.cure else ""
        table.add_row(finding.level.upper(), finding.subject, f"{finding.seen}{cure}")
    out.print(table)


@app.command()
def binaries(kubernetes: Kubernetes = None, promtool: Promtool = False) -> None:
    """Get the programs of the embedded cluster, and print the source of each."""
    with errors_as_text():
        programs = ("promtool",) if promtool else PROGRAMS
        found = ensure(programs=programs, kubernetes=kubernetes, report=progress())
        for binary in found.values():
            out.print(f"{binary.name:<24} {binary.version:<9} {binary.source:<9} {binary.path}")


@app.command()
def record(lesson: str, name: Name = None) -> None:
    """Run a lesson (00 or start-here) on a kind cluster; keep its real steps in recordings/."""
    with errors_as_text(name):
        from daemonset_course.recording.rerecord import record_lesson  # noqa: PLC0415 - 60 ms

        for path in record_lesson(lesson, name):
            out.print(f"recorded {path}")


@app.command("open", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@_starts_a_cluster(ApiPort)
def open_(running: cluster.Cluster, context: typer.Context) -> None:
    """Start the cluster and open JupyterLab in your own copy; Ctrl-C stops JupyterLab.

    The copy of lessons, labs and manifests is brought to the course's present state first, without
    the files that you edited: see `course lessons`.

    Further options, such as --port and --no-browser, go to JupyterLab.
    """
    with errors_as_text(running.name):
        for line in own_copy.update().lines():
            out.print(line, markup=False)
    out.print("Opening JupyterLab at the start notebook. Ctrl-C stops it.")
    with errors_as_text(running.name):
        process = jupyter.start(running, context.args)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = _stopped(process)
    out.print(f"\nJupyterLab has stopped. The cluster {running.name!r} still runs:")
    again = course_command("open", running.name, program=_course())
    again = again if "--name" in again else "make lab"
    out.print(f"  to go on later    {again}")
    out.print(f"  to remove it      {course_command('down', running.name, program=_course())}")
    raise typer.Exit(code)


def _stopped(process: subprocess.Popen[bytes]) -> int:
    """Return exit status 0 after Ctrl-C, which JupyterLab received too; end it if it is slow."""
    try:
        process.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.terminate()
        process.wait(timeout=15)
    return 0


def _course() -> str:
    """Return how to call this command from the current folder."""
    path = Path(sys.argv[0])
    return str(os.path.relpath(path)) if path.name == "course" else "course"


if __name__ == "__main__":
    app()
