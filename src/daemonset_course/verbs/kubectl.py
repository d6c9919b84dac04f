"""Run kubectl on the course's own cluster, from a notebook cell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.environment import for_programs
from daemonset_course.errors import BadInput, shown
from daemonset_course.lab.typed import quotes_missing
from daemonset_course.places import course_command
from daemonset_course.programs import run
from daemonset_course.progress import waiting
from daemonset_course.verbs import command_words
from daemonset_course.verbs.not_played import tell_of_text

_NO_TEXT = re.compile("[\ud800-\udfff]")  # a half of a character: no program can be given it


class Output(str):
    """The output of a command; a cell that ends in one shows it as kubectl prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).rstrip("\n")

    def show(self) -> None:
        """Print the output if it is not empty."""
        if text := repr(self):
            print(text)


def kubectl(
    command: str, *arguments: str, stdin: str | None = None, timeout: float | None = None
) -> Output:
    """Run kubectl and return its output: ``kubectl("get pods -o wide")``.

    ``command`` is split like a shell line; further ``arguments`` are passed unchanged. kubectl is
    killed after ``timeout`` seconds; by default after 60, or after its own ``--timeout`` plus 10 if
    that is longer.

    Raises:
        BadInput: the command has an open quotation mark, needs a terminal (``edit``, ``exec -it``),
            does not end (``-w``, ``logs -f``, ``port-forward``) or names another cluster; it was
            not run.
        CommandFailed: kubectl returned an error; with kubectl's message. If a value that must be
            a string has no quotes, the next step names its line.
        NotRunning: the cluster is not up.
    """
    try:
        words = [*shlex.split(command), *arguments]
    except ValueError as error:
        raise BadInput(
            f"The command {command!r} cannot be split into words.",
            seen=str(error),
            next_step='Close the quotation mark, or give the word apart: kubectl("get", "a word").',
        ) from error
    if odd := next((text for text in (*words, stdin or "") if _NO_TEXT.search(text)), None):
        raise BadInput("A command cannot hold this character.", seen=shown(odd))
    command_words.check(words)
    cluster = current()
    with waiting(f"kubectl {shlex.join(words)}"):
        done = run(
            [cluster.backend.programs / "kubectl", *words],
            timeout=command_words.patience(words) if timeout is None else timeout,
            env=for_programs(cluster.environment()),
            stdin=stdin,
            name=f"kubectl {shlex.join(words)}",
            evidence=str.strip,
            next_step=_next_step(words, stdin, cluster),
            if_slow="Give it longer, timeout= or its own --timeout, or a condition that can come "
            "true.",
            if_missing=f"{course_command('up', cluster.name)} brings the programs of the cluster",
        )
    if command_words.changes_pods(words):
        tell_of_text(cluster, _manifests(words, stdin))
    return Output(done.stdout + done.stderr)


def _next_step(words: Sequence[str], stdin: str | None, cluster: Cluster) -> str:
    """Return what to do if the command fails."""
    if (command := command_words.needs_containers(words)) and "exec" not in (
        cluster.backend.capabilities
    ):
        return (
            f"The kubelets of this cluster are simulated and run no container: kubectl {command} "
            f"needs one. On kind it has: {course_command('up', 'real')} --backend kind."
        )
    found = filter(None, map(quotes_missing, _manifests(words, stdin)))
    return next(found, "The message above is kubectl's own: correct the command.")


def _manifests(words: Sequence[str], stdin: str | None) -> Iterator[str]:
    """Yield the YAML and JSON texts that a command sends, as far as they can be read."""
    if stdin:
        yield stdin
    for option, given in command_words.valued(words, "-p", "--patch", "-f", "--filename"):
        if option in ("-p", "--patch"):
            yield given
        else:
            with suppress(OSError, ValueError):  # a folder, an address, no UTF-8
                yield Path(given).read_text()
