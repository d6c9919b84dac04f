"""kubectl on the course's own cluster, from a notebook cell."""

from __future__ import annotations

import shlex

from daemonset_course.cluster.lifecycle import current
from daemonset_course.environment import for_programs
from daemonset_course.errors import BadInput
from daemonset_course.places import course_command
from daemonset_course.programs import run


class Output(str):
    """What a command printed; a cell that ends in one shows it as kubectl would."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


def kubectl(command: str, *arguments: str, stdin: str | None = None, timeout: float = 60) -> Output:
    """What kubectl printed: ``kubectl("get pods -o wide")``.

    ``command`` is split like a shell line; further ``arguments`` are taken as they are.

    Raises:
        BadInput: the command cannot be split, such as one with an open quotation mark.
        CommandFailed: kubectl returned an error; with its own words.
        NotRunning: the cluster is not up.
    """
    cluster = current()
    try:
        words = [*shlex.split(command), *arguments]
    except ValueError as error:
        raise BadInput(
            f"The command {command!r} cannot be split into words.",
            seen=str(error),
            next_step='Close the quotation mark, or give the word apart: kubectl("get", "a word").',
        ) from error
    done = run(
        [cluster.backend.programs / "kubectl", *words],
        timeout=timeout,
        env=for_programs(cluster.environment()),
        stdin=stdin,
        name=f"kubectl {shlex.join(words)}",
        evidence=str.strip,
        next_step="The message above is kubectl's own: correct the command.",
        if_slow="Give a larger timeout=, or a condition that can come true.",
        if_missing=f"{course_command('up', cluster.name)} brings the programs of the cluster",
    )
    return Output(done.stdout + done.stderr)
