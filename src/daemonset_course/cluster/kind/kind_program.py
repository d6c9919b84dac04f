"""Install the program ``kind``, and run it with the engine that the course found."""

from __future__ import annotations

from pathlib import Path

from daemonset_course import binaries, programs
from daemonset_course.cluster.kind.engine import PROVIDER, Engine
from daemonset_course.environment import for_containers
from daemonset_course.places import begin_anew, course_command
from daemonset_course.progress import Report

TIMEOUT = 900.0  # seconds that kind may take


def bring(folder: Path, kubernetes: str | None, report: Report) -> None:
    """Link kind, and kubectl of this Kubernetes version, into a cluster's folder of programs."""
    found = binaries.ensure(programs=("kind", "kubectl"), kubernetes=kubernetes, report=report)
    binaries.link(found, folder)


def run(folder: Path, engine: Engine, cluster: str, *arguments: str) -> None:
    """Run kind on a cluster.

    Raises:
        CommandFailed: with the error lines of kind's output.
    """
    programs.run(
        [folder / "kind", *arguments, "--name", cluster],
        timeout=TIMEOUT,
        env=for_containers({PROVIDER: engine.name}),
        evidence=_errors,
        next_step=f"{course_command('doctor', cluster)} looks for the cause; --image names "
        f"another node image; {course_command('up --backend embedded', cluster)} needs no engine",
        if_slow=begin_anew(cluster),
    )


def _errors(output: str) -> str:
    """Return the lines of kind's output that name an error, or its last characters."""
    lines = [line for line in output.splitlines() if "ERROR" in line or "rror:" in line]
    return " / ".join(lines[:3]) or output.strip()[-300:]
