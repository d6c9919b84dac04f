"""The shells of JupyterLab's terminals: each finds the course's programs and cluster.

A shell reads files of the learner and of the machine, which may set PATH, KUBECONFIG or an alias of
kubectl. Here it reads them first and the course's variables after them. That it would start as a
login shell, where the server has no terminal itself, is prevented by naming a command.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

PROGRAMS = ("course", "kubectl")
_FILES = Path(str(resources.files("daemonset_course").joinpath("data/terminal")))
_POSIX = re.compile(r"sh|dash|ash|m?ksh\d*")


def command() -> list[str]:
    """Return the command of a terminal: the learner's shell, or bash or sh where it is another.

    Other shells have no way to read a file after the learner's own.
    """
    path, family = _shell()
    if family == "bash":
        return [path, "--rcfile", str(_FILES / "bashrc"), "-i"]
    if family == "zsh":
        own = f"COURSE_OWN_ZDOTDIR={os.environ.get('ZDOTDIR', '')}"
        return ["env", own, f"ZDOTDIR={_FILES / 'zsh'}", path, "-i"]
    if family == "fish":
        return [path, "--init-command", "eval $COURSE_TERMINAL", "-i"]
    own = f"COURSE_OWN_ENV={os.environ.get('ENV', '')}"
    return ["env", own, f"ENV={_FILES / 'shrc'}", path, "-i"]


def environment(folders: Sequence[str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return what the shell evaluates after the learner's files, as the variable COURSE_TERMINAL.

    Args:
        folders: the first ones of PATH.
        variables: what else is set.
    """
    words = [shlex.quote(folder) for folder in folders]
    kept = {name: value for name, value in variables.items() if name != "PATH"}
    if _shell()[1] == "fish":
        lines = [f"set -gx {name} {_fish(value)}" for name, value in kept.items()]
        lines += [f"functions --erase {program}" for program in PROGRAMS]
        lines.append(f"set -gx PATH {' '.join(map(_fish, folders))} $PATH")
    else:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in kept.items()]
        for program in PROGRAMS:
            lines += [f"unalias {program} 2>/dev/null", f"unset -f {program} 2>/dev/null"]
        lines.append(f'export PATH={":".join(words)}:"$PATH"')
    return {"COURSE_TERMINAL": "; ".join(lines)}


def _shell() -> tuple[str, str]:
    """The path of the shell to start, and its family: bash, zsh, fish or sh."""
    wanted = os.environ.get("SHELL") or ""
    for shell in (wanted, "bash", "sh"):
        path, name = shutil.which(shell), Path(shell).name
        family = "sh" if _POSIX.fullmatch(name) else name
        if path and family in ("bash", "zsh", "fish", "sh"):
            return path, family
    return "/bin/sh", "sh"


def _fish(value: str) -> str:
    """A value quoted for fish, where a backslash counts within single quotes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
