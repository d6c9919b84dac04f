"""Change a DaemonSet's template, or the budget of its rollouts."""

from __future__ import annotations

import json
from typing import Any

from daemonset_course.errors import BadInput, shown
from daemonset_course.history.daemonset_status import Status
from daemonset_course.manifest_text import documents, from_python
from daemonset_course.verbs.kubectl import Output, kubectl
from daemonset_course.verbs.rollout import wait_rollout


def container_patch(name: str, **fields: Any) -> dict[str, Any]:
    """Return a patch of a DaemonSet's ``spec`` that sets these fields of one container.

    Args:
        name: the container's name.
        fields: of the container; None removes a field.
    """
    return {"template": {"spec": {"containers": [{"name": name, **fields}]}}}


def patch_container(daemonset: str, **fields: Any) -> Output:
    """Set fields of a DaemonSet's container of the same name; if none changes, restart the rollout.

    Args:
        daemonset: its name, and that of the container.
        fields: of the container; None removes a field.
    """
    patch = from_python({"spec": container_patch(daemonset, **fields)})
    output = kubectl(f"patch daemonset {daemonset} --patch", json.dumps(patch))
    return kubectl(f"rollout restart daemonset/{daemonset}") if "no change" in output else output


def release(number: int, daemonset: str = "agent") -> Output:
    """Set ``RELEASE`` in the Pod template; if it has that value already, restart the rollout."""
    output = kubectl(f"set env daemonset/{daemonset} RELEASE={number}")
    return output or kubectl(f"rollout restart daemonset/{daemonset}")


def require_nodes(terms: str, *, daemonset: str = "agent") -> Status:
    """Replace the terms of a template's required node affinity, and return the status after it.

    Args:
        terms: the list ``nodeSelectorTerms``, as YAML.
        daemonset: its name.

    Raises:
        BadInput: the YAML is broken.
        CommandFailed: the API server refuses the terms.
        NotFinished: the rollout did not end in time.
    """
    listed = [one for found in documents(terms, "the terms") for one in _listed(found.value)]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": listed}}
    patch = {"spec": {"template": {"spec": {"affinity": {"nodeAffinity": required}}}}}
    kubectl(f"patch daemonset {daemonset} --type merge --patch", json.dumps(patch))
    return wait_rollout(daemonset)


def _listed(terms: Any) -> list[Any]:
    if not isinstance(terms, list):
        raise BadInput(
            "The terms are no list.",
            seen=shown(terms),
            next_step="Begin each term with a dash: - matchExpressions: ...",
        )
    return terms


def set_budget(
    max_unavailable: int | str, max_surge: int | str | None = None, *, daemonset: str = "agent"
) -> Output:
    """Set ``maxUnavailable`` and ``maxSurge`` of a DaemonSet's rollouts.

    Args:
        max_unavailable: a number of nodes, or a percentage such as ``"10%"``.
        max_surge: likewise; None leaves it unchanged.
        daemonset: its name.

    Raises:
        CommandFailed: the API server refuses the pair.
    """
    rolling = {"maxUnavailable": max_unavailable}
    if max_surge is not None:
        rolling["maxSurge"] = max_surge
    patch = {"spec": {"updateStrategy": {"rollingUpdate": rolling}}}
    return kubectl(f"patch daemonset {daemonset} --type merge --patch", json.dumps(patch))
