"""Change a DaemonSet's template or the budget of its rollouts, as lessons do again and again."""

from __future__ import annotations

import json

from daemonset_course.verbs.kubectl import Output, kubectl


def release(number: int, daemonset: str = "agent") -> Output:
    """Put a new ``RELEASE`` into the Pod template; where it is there already, restart the Pods."""
    output = kubectl(f"set env daemonset/{daemonset} RELEASE={number}")
    return output or kubectl(f"rollout restart daemonset/{daemonset}")


def set_budget(
    max_unavailable: int | str, max_surge: int | str | None = None, *, daemonset: str = "agent"
) -> Output:
    """Set how many nodes may be without an available Pod during a rollout, and how many have two.

    Args:
        max_unavailable: a number of nodes, or a percentage such as ``"10%"``.
        max_surge: likewise; None leaves it as it is.
        daemonset: its name.

    Raises:
        CommandFailed: the API server refuses the pair.
    """
    rolling = {"maxUnavailable": max_unavailable}
    if max_surge is not None:
        rolling["maxSurge"] = max_surge
    patch = {"spec": {"updateStrategy": {"rollingUpdate": rolling}}}
    return kubectl(f"patch daemonset {daemonset} --type merge --patch", json.dumps(patch))
