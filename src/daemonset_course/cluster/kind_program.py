"""The program ``kind``: brought beside kubectl, and run with the engine that the course found."""

from __future__ import annotations

import subprocess
from pathlib import Path

from daemonset_course import binaries
from daemonset_course.cluster.engine import PROVIDER, Engine
from daemonset_course.environment import for_containers
from daemonset_course.errors import CommandFailed
from daemonset_course.places import begin_anew, course_command
from daemonset_course.progress import Report

TIMEOUT = 900.0  # seconds that kind may take


def bring(folder: Path, kubernetes: str | None, report: Report) -> None:
    """Put kind, and the kubectl of this Kubernetes, into a cluster's folder of programs."""
    folder.mkdir(exist_ok=True)
    found = binaries.ensure(programs=("kind", "kubectl"), kubernetes=kubernetes, report=report)
    for name, binary in found.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(binary.path)


def run(folder: Path, engine: Engine, cluster: str, *arguments: str) -> None:
    """Run kind on a cluster.

    Raises:
        CommandFailed: with kind's own last words.
    """
    what = f"kind {' '.join(arguments[:2])}"
    try:
        done = subprocess.run(
            [str(folder / "kind"), *arguments, "--name", cluster],
            env=for_containers({PROVIDER: engine.name}),
            capture_output=True, text=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"{what} did not end.",
            seen=f"no answer within {TIMEOUT:.0f} s",
            next_step=begin_anew(cluster),
        ) from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line or "rror:" in line]
        raise CommandFailed(
            f"{what} failed.",
            seen=" | ".join(said[:3]) or done.stderr.strip()[-300:],
            next_step=f"{course_command('doctor', cluster)} looks for causes; --image names "
            f"another node image; {course_command('up --backend embedded', cluster)} "
            "needs no engine",
        )
