"""Compute how many Pods may be unavailable, and how many extra ones may exist, in a rollout."""

from __future__ import annotations

from daemonset_course.history.log import Object


def budgets(daemonset: Object | None, desired: int) -> tuple[int | None, int | None]:
    """Return (maxUnavailable, maxSurge) in nodes for ``desired`` nodes; (None, None): no budget.

    Percentages are of ``desired`` and rounded up. If both are zero, the controller uses a
    maxUnavailable of one. OnDelete has no budget: whoever deletes the Pods decides. Sources:
    ``UnavailableCount`` and ``SurgeCount``, ``pkg/controller/daemon/util``;
    ``updatedDesiredNodeCounts``, ``pkg/controller/daemon/update.go``.
    """
    strategy = ((daemonset or {}).get("spec") or {}).get("updateStrategy") or {}
    if daemonset is None or strategy.get("type") == "OnDelete":
        return None, None
    rolling = strategy.get("rollingUpdate") or {}
    unavailable = resolved(rolling.get("maxUnavailable", 1), desired)
    surge = resolved(rolling.get("maxSurge", 0), desired)
    if desired and not unavailable and not surge:
        unavailable = 1
    return unavailable, surge


def rounds(nodes: int, budget: int) -> int:
    """Return how many rounds a rollout takes that updates ``budget`` of ``nodes`` at a time."""
    return -(-nodes // budget)


def resolved(value: int | str | None, desired: int) -> int:
    """Return a number of Pods, or the share of ``desired`` rounded up; 0 for None."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    return -(-desired * int(value.rstrip("%")) // 100)
