"""Decide for one node as the DaemonSet controller does: the first rule that is not met decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daemonset_course.placement.selectors import (
    labels_of,
    missing_label,
    name_of,
    pod_spec,
    required_terms,
    term_mismatch,
)
from daemonset_course.placement.tolerations import (
    EVICTING,
    blocking_taints,
    pod_tolerations,
    taint_name,
    tolerating,
)

Rule = Literal["runs", "nodeName", "nodeSelector", "nodeAffinity", "taint"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the controller does on one node, and why.

    Attributes:
        run: whether the controller creates a Pod on the node.
        keep: whether an existing Pod on the node may stay.
        rule: the field that decides, or ``runs`` if no rule keeps the Pod off.
        detail: the reason in plain words.
    """

    run: bool
    keep: bool
    rule: Rule
    detail: str


def should_run(node: Mapping[str, Any], template: Mapping[str, Any]) -> Decision:
    """Return the controller's decision for one node, by the first rule that keeps the Pod off.

    Args:
        node: a Node as the API server returns it.
        template: the DaemonSet's ``spec.template``.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``NodeShouldRunDaemonPod``, ``pkg/controller/daemon/daemon_controller.go``: a node that
    does not match loses its pod; an untolerated NoSchedule taint only stops new pods; an
    untolerated NoExecute taint also removes the pod that is there.
    """
    return decide(node, pod_spec(template), pod_tolerations(template))


def decide(
    node: Mapping[str, Any], spec: Mapping[str, Any], tolerations: Sequence[Mapping[str, Any]]
) -> Decision:
    """Return the same as ``should_run``, for a Pod's spec and all its tolerations."""
    return (
        _by_node_name(node, spec)
        or _by_node_selector(node, spec)
        or _by_node_affinity(node, spec)
        or _by_taints(node, tolerations)
    )


def other_node(node: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return why the template's ``nodeName`` excludes the node; empty if it does not."""
    wanted, name = spec.get("nodeName"), name_of(node)
    return "" if not wanted or wanted == name else f"the template names {wanted}, this is {name}"


def _by_node_name(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    words = other_node(node, spec)
    return Decision(False, False, "nodeName", words) if words else None


def _by_node_selector(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    wanted, labels = spec.get("nodeSelector") or {}, labels_of(node)
    missing = [missing_label(key, value, labels) for key, value in wanted.items()]
    words = "; ".join(filter(None, missing))
    return Decision(False, False, "nodeSelector", words) if words else None


def _by_node_affinity(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    terms = required_terms(spec)
    if terms is None:
        return None
    reasons = []
    for term in terms:
        reason = term_mismatch(term, node)
        if not reason:
            return None  # terms are ORed: one match is enough
        reasons.append(reason)
    words = "; or ".join(reasons) or "there is none"
    detail = f"no term of the required node affinity matches: {words}"
    return Decision(False, False, "nodeAffinity", detail)


def _by_taints(node: Mapping[str, Any], tolerations: Sequence[Mapping[str, Any]]) -> Decision:
    blocking = blocking_taints(node)
    refused = [taint for taint in blocking if tolerating(tolerations, taint) is None]
    if refused:
        keep = all(taint["effect"] != EVICTING for taint in refused)
        return Decision(False, keep, "taint", _taint_words(refused, "not tolerated"))
    if blocking:
        return Decision(True, True, "runs", _taint_words(blocking, "tolerated"))
    return Decision(True, True, "runs", "no rule keeps the Pod off this node")


def _taint_words(taints: list[Mapping[str, Any]], verdict: str) -> str:
    *others, last = map(taint_name, taints)
    if not others:
        return f"taint {last} is {verdict}"
    return f"taints {', '.join(others)} and {last} are {verdict}"
