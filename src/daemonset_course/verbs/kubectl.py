"""kubectl on the course's own cluster, from a notebook cell."""

from __future__ import annotations

import shlex
import subprocess

from daemonset_course.cluster.lifecycle import current
from daemonset_course.environment import for_programs
from daemonset_course.errors import CommandFailed


class Output(str):
    """What a command printed; a cell that ends in one shows it as kubectl would."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


def kubectl(command: str, *arguments: str, stdin: str | None = None, timeout: float = 60) -> Output:
    """What kubectl printed: ``kubectl("get pods -o wide")``.

    ``command`` is split like a shell line; further ``arguments`` are taken as they are.

    Raises:
        CommandFailed: kubectl returned an error; with its own words.
    """
    cluster = current()
    words = [*shlex.split(command), *arguments]
    try:
        done = subprocess.run(
            [str(cluster.backend.programs / "kubectl"), *words],
            env=for_programs(cluster.environment()),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"kubectl {shlex.join(words)} did not end within {timeout:.0f} s.",
            next_step="Give a larger timeout=, or a condition that can come true.",
        ) from None
    if done.returncode:
        raise CommandFailed(
            f"kubectl {shlex.join(words)} failed.",
            seen=done.stderr.strip() or done.stdout.strip(),
            next_step="The message above is kubectl's own: correct the command.",
        )
    return Output(done.stdout + done.stderr)
