"""Check a kubectl command before it runs: whether it ends, its timeout, whether it reads stdin.

A command in a cell has no terminal, and the cell waits for its end. A command that needs a
terminal, never ends or uses another cluster is refused, with an alternative.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from daemonset_course.errors import BadInput

PATIENCE = 60.0  # seconds
_GRACE = 10.0  # seconds for kubectl to report its own timeout
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
# Global options whose value may be the next word, which is then not the command.
_VALUED = re.compile(
    "-n|-v|--(namespace|context|cluster|user|as|as-group|as-uid|token|request-timeout|v|vmodule"
    "|cache-dir|certificate-authority|client-certificate|client-key|tls-server-name|profile"
    "|profile-output|username|password|kuberc)"
)
_TERMINAL = "or run it in a terminal of JupyterLab (File → New → Terminal)."


@dataclass(frozen=True)
class _Refused:
    """Commands that a cell does not run: never, or not with an option that the pattern matches."""

    commands: tuple[str, ...]
    option: str | None
    instead: str
    endless: bool = False  # allowed if the command has its own timeout

    @property
    def seen(self) -> str:
        return "it does not end by itself" if self.endless else "it needs a terminal"


_REFUSED = (
    _Refused(("edit",), None, f"Change a field with kubectl patch, {_TERMINAL}"),
    _Refused(("apply",), "edit-last-applied", f"Use kubectl apply -f, {_TERMINAL}"),
    _Refused(("create",), r"--edit(=true)?", f"Leave out --edit, {_TERMINAL}"),
    _Refused(("delete",), r"-i|--interactive(=true)?", f"Leave out the option, {_TERMINAL}"),
    _Refused(
        ("exec", "run", "debug"),
        r"-[iq]*t[iq]*|--tty(=true)?",
        f"Leave out -it and give the command: kubectl exec POD -- ls /, {_TERMINAL}",
    ),
    _Refused(("attach",), None, f"kubectl logs shows what a container wrote, {_TERMINAL}", True),
    _Refused(
        ("port-forward", "proxy"),
        None,
        f"kubectl get --raw asks the API server, {_TERMINAL}",
        True,
    ),
    _Refused(
        ("logs",),
        r"-p*fp*|--follow(=true)?",
        f"Leave out the option: kubectl logs --tail=20, {_TERMINAL}",
        True,
    ),
    _Refused(
        ("get", "events"),
        r"-[AR]*w[AR]*|--watch(-only)?(=true)?",
        'Wait for a condition with kubectl wait --for=..., see the changes with watch("NAME"), '
        f"{_TERMINAL}",
        True,
    ),
    _Refused(
        ("rollout",),
        r"-w|--watch(=true)?",
        "Leave out the option, or give a limit: --timeout=60s.",
        True,
    ),
)
_ELSEWHERE = re.compile(r"--(kubeconfig|server)(=.*)?|-s.*")
_INPUT = re.compile(r"-|-f-|.*=-|.*/dev/stdin")


def check(words: Sequence[str]) -> None:
    """Refuse a command that does not end in a cell, or that uses another cluster.

    Raises:
        BadInput: with an alternative; nothing was run.
    """
    options = _options(words)
    if elsewhere := next(filter(_ELSEWHERE.fullmatch, options), None):
        raise BadInput(
            f"kubectl {elsewhere} is refused.",
            seen="a cell acts on the course's own cluster and on nothing else",
            next_step=f"Leave out the option, {_TERMINAL}",
        )
    command = _command(options)
    for rule in _REFUSED:
        if command not in rule.commands:
            continue
        if rule.option is None:
            raise _refusal(command, rule)
        option = next(filter(re.compile(rule.option).fullmatch, options), None)
        if option and not (rule.endless and seconds(words) is not None):
            raise _refusal(f"{command} {option}", rule)


def seconds(words: Sequence[str]) -> float | None:
    """Return the seconds of the command's own ``--timeout`` or ``--request-timeout``."""
    for _, value in valued(words, "--timeout", "--request-timeout"):
        parts = re.findall(r"(\d+\.?\d*)(ms|h|m|s)", value)
        return sum(float(number) * _UNITS[unit] for number, unit in parts) or None
    return None


def patience(words: Sequence[str]) -> float:
    """Return the seconds to wait: a minute, or longer if the command's own timeout is longer."""
    return max(PATIENCE, (seconds(words) or 0) + _GRACE)


def reads_input(words: Sequence[str]) -> bool:
    """Whether the command reads standard input: ``-f -``, or ``exec -i``."""
    options = _options(words)
    asks = _command(options) in ("exec", "run", "debug") and {"-i", "--stdin"} & set(options)
    return bool(asks) or any(map(_INPUT.fullmatch, options))


def changes_pods(words: Sequence[str]) -> bool:
    """Whether the command sends manifests that the server stores."""
    options = _options(words)
    dry = any(word.startswith("--dry-run") and word != "--dry-run=none" for word in options)
    return _command(options) in ("apply", "create", "patch", "replace") and not dry


def needs_containers(words: Sequence[str]) -> str:
    """Return the command if only a kubelet that runs containers can answer it; else empty."""
    command = _command(_options(words)) or ""
    real = ("logs", "exec", "attach", "cp", "port-forward", "top", "debug")
    return command if command in real else ""


def valued(words: Sequence[str], *names: str) -> Iterator[tuple[str, str]]:
    """Yield each of these options of a command with its value: the rest of the word or the next."""
    for word, following in pairwise([*_options(words), ""]):
        name, equals, given = word.partition("=")
        if name in names:
            yield name, given if equals else following


def _options(words: Sequence[str]) -> list[str]:
    """Return kubectl's own words: those before ``--``."""
    return list(words[: words.index("--")] if "--" in words else words)


def _command(words: Iterable[str]) -> str | None:
    """Return the command: the first word that is no option and no option's value."""
    rest = iter(words)
    for word in rest:
        if _VALUED.fullmatch(word):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def _refusal(command: str, rule: _Refused) -> BadInput:
    return BadInput(
        f"kubectl {command} is refused in a cell.", seen=rule.seen, next_step=rule.instead
    )
