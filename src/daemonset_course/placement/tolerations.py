"""List the tolerations of a DaemonSet's Pod, and find the one that matches a taint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daemonset_course.placement.selectors import pod_spec

EVICTING = "NoExecute"
BLOCKING = frozenset({"NoSchedule", EVICTING})  # the controller ignores PreferNoSchedule

_NODE = "node.kubernetes.io/"
_AUTOMATIC = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


def automatic_tolerations(template: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the tolerations that the controller adds to every Pod: 6, or 7 with ``hostNetwork``.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``AddOrUpdateDaemonPodTolerations``, ``pkg/controller/daemon/util/daemonset_util.go``.
    """
    pairs = list(_AUTOMATIC)
    if pod_spec(template).get("hostNetwork"):
        pairs.append(("network-unavailable", "NoSchedule"))
    return [{"key": _NODE + name, "operator": "Exists", "effect": effect} for name, effect in pairs]


def pod_tolerations(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tolerations of the Pod: first the template's own, then the automatic ones.

    An automatic toleration replaces an own one of the same key, operator, value and effect, so its
    ``tolerationSeconds`` is lost.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``AddOrUpdateTolerationInPodSpec``, ``pkg/apis/core/v1/helper/helpers.go``.
    """
    automatic = {_identity(each): each for each in automatic_tolerations(template)}
    own = [dict(each) for each in pod_spec(template).get("tolerations") or ()]
    merged: list[dict[str, Any]] = [automatic.get(_identity(each), each) for each in own]
    replaced = {_identity(each) for each in own}
    return merged + [each for key, each in automatic.items() if key not in replaced]


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether one toleration matches one taint.

    An empty effect matches every effect, an empty key every key. The default operator is ``Equal``.
    ``Gt`` and ``Lt`` match nothing: their feature gate is off by default.

    Source: ``ToleratesTaint``, ``k8s.io/api/core/v1/toleration.go``.
    """
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return (toleration.get("value") or "") == (taint.get("value") or "")
    return bool(operator == "Exists")


def tolerating(
    tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the first toleration that matches the taint, or None."""
    return next((each for each in tolerations if tolerates(each, taint)), None)


def seconds_tolerated(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> int | None:
    """Return after how many seconds a Pod with the toleration is evicted; None: never.

    Only NoExecute evicts. The DaemonSet controller ignores the limit: it creates the Pod again.

    Source: ``getMinTolerationTime``, ``pkg/controller/tainteviction/taint_eviction.go``.
    """
    seconds = toleration.get("tolerationSeconds")
    if seconds is None or taint.get("effect") != EVICTING:
        return None
    return max(0, int(seconds))


def taints_of(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the node's taints."""
    return list((node.get("spec") or {}).get("taints") or ())


def blocking_taints(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the node's taints that keep a Pod without a toleration off: not PreferNoSchedule."""
    return [taint for taint in taints_of(node) if taint.get("effect") in BLOCKING]


def taint_name(taint: Mapping[str, Any]) -> str:
    """Return the taint as kubectl writes it: ``gpu=true:NoSchedule``."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"


def toleration_name(toleration: Mapping[str, Any]) -> str:
    """Return what the toleration matches: ``gpu Exists, NoSchedule``."""
    key, effect = toleration.get("key") or "any key", toleration.get("effect") or "any effect"
    if (toleration.get("operator") or "Equal") == "Equal":
        return f"{key}={toleration.get('value') or chr(34) * 2}, {effect}"
    return f"{key} {toleration['operator']}, {effect}"


def _identity(toleration: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(toleration.get(each) or "" for each in ("key", "operator", "value", "effect"))
