"""Start the shells of JupyterLab's terminals with the course's programs and cluster.

The learner's and the machine's shell files may set PATH, KUBECONFIG or an alias of kubectl. The
shell reads those files first and the course's variables after them. Without an explicit command,
a server that has no terminal would start a login shell.
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
    """Return the command of a terminal: the learner's shell if supported, else bash or sh.

    Other shells cannot read a file after the learner's own.
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
    """Return COURSE_TERMINAL: the code that the shell evaluates after the learner's files.

    Args:
        folders: the first folders of PATH.
        variables: other variables to set.
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
    """Return the path of the shell to start, and its family: bash, zsh, fish or sh."""
    wanted = os.environ.get("SHELL") or ""
    for shell in (wanted, "bash", "sh"):
        path, name = shutil.which(shell), Path(shell).name
        family = "sh" if _POSIX.fullmatch(name) else name
        if path and family in ("bash", "zsh", "fish", "sh"):
            return path, family
    return "/bin/sh", "sh"


def _fish(value: str) -> str:
    """Quote a value for fish, where a backslash is special within single quotes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
