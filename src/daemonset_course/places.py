"""Return the folders of the course: one for state, one for the cache; and names of clusters.

``COURSE_HOME`` changes the state folder (clusters, predictions, lab results). ``COURSE_CACHE``
changes the cache folder (programs, safe to delete).
"""

from __future__ import annotations

import re
from pathlib import Path

from platformdirs.unix import Unix

from daemonset_course import variables
from daemonset_course.errors import BadInput

APP = "daemonset-course"
REPOSITORY = Path(__file__).parents[2]  # in an installed wheel this is not the repository
DEFAULT_CLUSTER = variables.CLUSTER.default


def state_home() -> Path:
    """Return the folder of the learner's clusters and results.

    It is the same on Linux and macOS, because "Application Support" has a space.

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
    """Return the folder of programs that can be downloaded or built again."""
    return (variables.CACHE.read() or Path(Unix(APP).user_cache_dir)).absolute()


def cluster_name(name: str | None = None) -> str:
    """Return ``name``, else ``COURSE_CLUSTER``, else ``course``.

    Raises:
        BadInput: the name cannot be part of a node's name.
    """
    chosen = name or variables.CLUSTER.read()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", chosen):
        raise BadInput(
            f"{chosen!r} cannot be the name of a cluster.",
            next_step="Use up to 30 of a-z, 0-9 and '-', with a letter or digit at both ends.",
        )
    return chosen


def course_command(words: str, name: str | None = None, *, program: str = "course") -> str:
    """Return the command to type for a cluster, such as ``course down --name second``.

    The option ``--name`` is left out only where the command acts on the default cluster without it.

    Args:
        words: the words after ``course``.
        name: the cluster; default the one that a command without a name acts on.
        program: how the learner calls ``course``.
    """
    meant = variables.CLUSTER.read()
    name = name or meant
    named = "" if name == meant == DEFAULT_CLUSTER else f" --name {name}"
    return f"{program} {words}{named}"


def begin_anew(name: str) -> str:
    """Return the next step for a cluster that cannot be repaired."""
    down, up, doctor = (course_command(verb, name) for verb in ("down", "up", "doctor"))
    return f"{down}, then {up}; {doctor} looks for the cause"


def cluster_dir(name: str) -> Path:
    """Return the folder of one cluster's state."""
    return state_home() / "clusters" / name
