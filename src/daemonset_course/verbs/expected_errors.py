"""Try commands that the API server or kubectl may refuse, and return the error message.

An empty text means that nothing was refused. For a block that must be refused use ``rejected``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from daemonset_course.errors import BadInput, CommandFailed, NotFinished, Rejected
from daemonset_course.verbs.apply import Source, apply, parse_one
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.rollout import wait_rollout

_FIELDS = ("maxUnavailable", "maxSurge")


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


def try_budgets(
    daemonset: Source, *, max_unavailable: Sequence[Any], max_surge: Sequence[Any]
) -> dict[tuple[Any, Any], str]:
    """Return why the API server refuses each pair of ``maxUnavailable`` and ``maxSurge``.

    The message is empty where the pair is accepted. Nothing is stored.

    Args:
        daemonset: the manifest of one DaemonSet: YAML text, a path, or a dict.
        max_unavailable: its values; ``"unset"`` leaves the field out.
        max_surge: likewise.

    Raises:
        BadInput: broken YAML, or not one object.
    """
    manifest = parse_one(daemonset)
    if not isinstance(manifest.get("spec"), Mapping):
        raise BadInput("The manifest has no spec.", next_step="Give the manifest of a DaemonSet")
    pairs = product(max_unavailable, max_surge)
    return {pair: _refusal(manifest, dict(zip(_FIELDS, pair, strict=True))) for pair in pairs}


def _refusal(manifest: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    budget = {field: value for field, value in given.items() if value != "unset"}
    strategy = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": budget}}
    # Another name: what is there already does not complete this one.
    copy = {**manifest, "metadata": {"name": "budget"}, "spec": {**manifest["spec"], **strategy}}
    return try_apply(copy).rpartition(": ")[2]


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
