"""Where the course keeps its files: one state folder, one cache folder, nothing else.

``COURSE_HOME`` moves the state (clusters, predictions, lab results), ``COURSE_CACHE`` the cache
(binaries, safe to delete).
"""

from __future__ import annotations

import re
from pathlib import Path

from platformdirs.unix import Unix

from daemonset_course import variables
from daemonset_course.errors import BadInput

APP = "daemonset-course"
REPOSITORY = Path(__file__).parents[2]  # an installed wheel has none: then nothing is there
DEFAULT_CLUSTER = variables.CLUSTER.default


def state_home() -> Path:
    """The folder of everything that belongs to this learner's clusters and progress.

    The same places on Linux and macOS, whose own choice ("Application Support") has a space.

    Raises:
        BadInput: the path has a space.
    """
    home = (variables.HOME.read() or Path(Unix(APP).user_state_dir)).absolute()
    if re.search(r"\s", str(home)):
        raise BadInput(
            "The course's state folder cannot have a space in its path: kwokctl cuts it there.",
            seen=str(home),
            next_step="Set COURSE_HOME to another folder.",
        )
    return home


def cache_home() -> Path:
    """The folder of binaries that can be fetched or built again."""
    return (variables.CACHE.read() or Path(Unix(APP).user_cache_dir)).absolute()


def cluster_name(name: str | None = None) -> str:
    """The name given, else ``COURSE_CLUSTER``, else ``course``.

    Raises:
        BadInput: the name cannot be a part of a node's name.
    """
    chosen = name or variables.CLUSTER.read()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", chosen):
        raise BadInput(
            f"{chosen!r} cannot be the name of a cluster.",
            next_step="Use up to 30 of a-z, 0-9 and '-', with a letter or digit at both ends.",
        )
    return chosen


def course_command(words: str, name: str | None = None, *, program: str = "course") -> str:
    """The command to type for a cluster: ``course down --name second``.

    Only what acts on the default cluster by itself may leave its name out.

    Args:
        words: what follows ``course``.
        name: the cluster; else the one that a command without a name acts on.
        program: how ``course`` is called from where the learner stands.
    """
    meant = variables.CLUSTER.read()
    name = name or meant
    named = "" if name == meant == DEFAULT_CLUSTER else f" --name {name}"
    return f"{program} {words}{named}"


def begin_anew(name: str) -> str:
    """What to type where a cluster cannot be mended."""
    down, up, doctor = (course_command(verb, name) for verb in ("down", "up", "doctor"))
    return f"{down}, then {up}; {doctor} looks for causes"


def cluster_dir(name: str) -> Path:
    """The folder that holds all state of one cluster."""
    return state_home() / "clusters" / name
