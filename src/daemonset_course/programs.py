"""Start other programs; no other module does, so all errors have one form.

An error has three parts: what failed, the last lines of the program's output, the next step. This
module handles missing programs, programs that cannot be executed or do not end, and output that is
not UTF-8. A program gets no standard input unless the caller passes text; ``environment`` makes its
environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from daemonset_course.environment import for_programs
from daemonset_course.errors import CommandFailed

Command = Sequence[str | Path]
_GRACE = 5.0  # seconds that an interrupted program has to stop by itself
_START = 30.0  # seconds that a shell has to start a program in the background


class Output(NamedTuple):
    """What a program wrote to standard output and to standard error."""

    stdout: str
    stderr: str


def last_lines(text: str, count: int = 3) -> str:
    """Return the last lines that are not empty, joined in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-count:])


def run(
    command: Command,
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: str | None = None,
    own_session: bool = False,
    name: str = "",
    evidence: Callable[[str], str] = last_lines,
    next_step: str = "",
    if_slow: str = "",
    if_missing: str = "",
) -> Output:
    """Run a program to its end and return what it wrote.

    Args:
        command: the program and its arguments.
        timeout: the seconds after which the program is killed.
        env: its whole environment; default ``environment.for_programs()``.
        cwd: its working directory; default that of this process.
        stdin: text for its standard input; default no input at all.
        own_session: run it in a session of its own, which Ctrl-C does not reach.
        name: its name in errors; default its file's name and two arguments.
        evidence: makes the evidence of an error from standard error or, if that is empty, from
            standard output; after a timeout only the last lines are used.
        next_step: the next step after an error.
        if_slow: the next step after a timeout; default ``next_step``.
        if_missing: the next step if the program did not start; default ``next_step``.

    Raises:
        CommandFailed: the program did not start, did not end in time, or returned an error.
    """
    name = name or _name(command)
    try:
        done = subprocess.run(
            command,
            env=for_programs() if env is None else env,
            cwd=cwd,
            capture_output=True,
            check=False,
            timeout=timeout,
            start_new_session=own_session,
            encoding="utf-8",
            errors="replace",
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )
    except (OSError, ValueError) as error:
        raise _not_started(name, command, error, if_missing or next_step) from error
    except subprocess.TimeoutExpired as error:
        until_then = last_lines(evidence(_wrote(error.stdout, error.stderr)))
        seen = [f"no answer within {timeout:g} s", until_then]
        raise CommandFailed(
            f"{name} did not end.",
            seen="; ".join(filter(None, seen)),
            next_step=if_slow or next_step,
        ) from error
    if done.returncode:
        raise CommandFailed(
            f"{name} failed.",
            seen=evidence(_wrote(done.stdout, done.stderr)) or _silent(done.returncode),
            next_step=next_step,
        )
    return Output(done.stdout, done.stderr)


def follow(
    command: Command,
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    name: str = "",
    next_step: str = "",
) -> None:
    """Run a program to its end, without a timeout, and pass each line of its output to ``on_line``.

    An interrupted run ends the program and the processes that it started.

    Raises:
        CommandFailed: the program did not start, or returned an error; with its last lines.
    """
    name = name or _name(command)
    last: deque[str] = deque(maxlen=8)
    try:
        process = subprocess.Popen(
            command,
            env=for_programs() if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _not_started(name, command, error, next_step) from error
    with process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                on_line(line.rstrip())
        except BaseException:
            _stop(process)
            raise
    if process.returncode:
        seen = last_lines("\n".join(last), 8) or _silent(process.returncode)
        raise CommandFailed(f"{name} failed.", seen=seen, next_step=next_step)


def start(command: Command, *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a program that outlives this process; append its output to ``log``.

    A shell that ends at once starts it in a session of its own: it is no child of this process and
    leaves no zombie. ``env`` is its whole environment; default ``environment.for_programs()``.

    Returns:
        The number of its process.

    Raises:
        CommandFailed: the shell did not start.
    """
    script = '"$@" >>"$0" 2>&1 </dev/null & echo $!'
    shell = ["sh", "-c", script, log, *command]
    return int(run(shell, timeout=_START, env=env, own_session=True, name=_name(command)).stdout)


def stay_with(command: Command, *, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """Start a program that shares this process's terminal, and return it while it runs.

    Raises:
        CommandFailed: the program did not start.
    """
    try:
        return subprocess.Popen(command, env=env, cwd=cwd)
    except (OSError, ValueError) as error:
        raise _not_started(_name(command), command, error, "") from error


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the course, without modules of the current folder.

    ``-P``: a learner's ``random.py`` beside a notebook is not imported in place of Python's.
    """
    return [sys.executable, "-P", "-m", name, *arguments]


def _name(command: Command) -> str:
    return " ".join([Path(command[0]).name, *map(str, command[1:3])])


def _wrote(stdout: str | bytes | None, stderr: str | bytes | None) -> str:
    """Return a program's standard error, or its standard output; bytes come after a timeout."""
    for text in (stderr, stdout):
        found = text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""
        if found.strip():
            return found
    return ""


def _silent(code: int) -> str:
    """Return the evidence for a program without output."""
    if code > 0:
        return f"exit status {code}, no output"
    with suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}, no output"
    return f"ended by signal {-code}, no output"


def _not_started(
    name: str, command: Command, error: OSError | ValueError, next_step: str
) -> CommandFailed:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return CommandFailed(
        f"{name} did not start.", seen=f"{command[0]}: {reason}", next_step=next_step
    )


def _stop(process: subprocess.Popen[str]) -> None:
    """End a program and the processes that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return
