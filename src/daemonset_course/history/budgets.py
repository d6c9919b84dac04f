"""How many pods the update strategy lets be unavailable, and how many extra it lets exist."""

from __future__ import annotations

from daemonset_course.history.log import Object


def budgets(daemonset: Object | None, desired: int) -> tuple[int | None, int | None]:
    """(max unavailable, max surge) in nodes for ``desired`` nodes; Nones when nothing bounds it.

    Percentages are of ``desired`` and rounded up. Should both come to zero, the controller takes
    one unavailable. OnDelete has no budget: whoever deletes the pods decides. Sources:
    ``UnavailableCount`` and ``SurgeCount``, ``pkg/controller/daemon/util``;
    ``updatedDesiredNodeCounts``, ``pkg/controller/daemon/update.go``.
    """
    strategy = ((daemonset or {}).get("spec") or {}).get("updateStrategy") or {}
    if daemonset is None or strategy.get("type") == "OnDelete":
        return None, None
    rolling = strategy.get("rollingUpdate") or {}
    unavailable = _resolved(rolling.get("maxUnavailable", 1), desired)
    surge = _resolved(rolling.get("maxSurge", 0), desired)
    if desired and not unavailable and not surge:
        unavailable = 1
    return unavailable, surge


def rounds(nodes: int, budget: int) -> int:
    """How many rounds a rollout of ``nodes`` takes when ``budget`` of them go at a time."""
    return -(-nodes // budget)


def _resolved(value: int | str | None, desired: int) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    return -(-desired * int(value.rstrip("%")) // 100)
