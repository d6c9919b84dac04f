"""Try commands that the API server or kubectl may refuse, and return the error message.

An empty text means that nothing was refused. For a block that must be refused use ``rejected``.
"""

from __future__ import annotations

from daemonset_course.errors import CommandFailed, NotFinished, Rejected
from daemonset_course.verbs.apply import Source, apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout


def try_apply(source: Source, *, namespace: str = "default") -> str:
    """Return why the API server refuses a manifest; empty if it accepts it. Nothing is stored.

    Args:
        source: YAML text, the path of a YAML file, or one object as a dict.
        namespace: for objects without a namespace.

    Raises:
        BadInput: broken YAML, no object, or an unknown kind.
    """
    try:
        apply(source, namespace=namespace, dry_run=True)
    except Rejected as error:
        return error.seen
    return ""


def try_kubectl(command: str, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl, and return its error message; empty if it succeeds."""
    try:
        kubectl(command, *arguments, stdin=stdin)
    except CommandFailed as error:
        return error.seen
    return ""


def try_rollout(name: str, *, timeout: float, namespace: str = "default") -> list[str]:
    """Return why a rollout is incomplete after ``timeout`` seconds; empty if it is complete.

    Raises:
        BadInput: there is no such DaemonSet.
    """
    try:
        wait_rollout(name, namespace=namespace, timeout=timeout)
    except NotFinished as error:
        return error.seen.split("; ")
    return []
