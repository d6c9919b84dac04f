"""Would the DaemonSet controller run a pod on this node, and which rule decides.

The rules are those of Kubernetes v1.36: ``NodeShouldRunDaemonPod`` in
``pkg/controller/daemon/daemon_controller.go``. Resources (CPU, memory, ports) are not among them:
the controller creates the pod, and the scheduler may leave it Pending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daemonset_course.errors import BadInput

Rule = Literal["runs", "nodeName", "nodeSelector", "nodeAffinity", "taint"]

_EVICTING = "NoExecute"
_BLOCKING = frozenset({"NoSchedule", _EVICTING})  # PreferNoSchedule keeps no DaemonSet pod off
_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,63}")  # what Go's ParseInt reads; Python's int() reads more
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NODE = "node.kubernetes.io/"
_AUTOMATIC = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the controller does on one node, and why.

    Attributes:
        run: the controller creates a pod here.
        keep: a pod that is already here may stay.
        rule: the field that decides, or ``runs`` when nothing keeps the pod off.
        detail: the reason in plain words.
    """

    run: bool
    keep: bool
    rule: Rule
    detail: str


def should_run(node: Mapping[str, Any], template: Mapping[str, Any]) -> Decision:
    """The controller's decision for one node, from the first rule that keeps the pod off.

    Args:
        node: a Node as the API server returns it.
        template: the DaemonSet's ``spec.template``.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``NodeShouldRunDaemonPod``, ``pkg/controller/daemon/daemon_controller.go``: a node that
    does not match loses its pod; an untolerated NoSchedule taint only stops new pods; an
    untolerated NoExecute taint also removes the pod that is there.
    """
    spec = _pod_spec(template)
    return (
        _by_node_name(node, spec)
        or _by_node_selector(node, spec)
        or _by_node_affinity(node, spec)
        or _by_taints(node, pod_tolerations(template))
    )


def automatic_tolerations(template: Mapping[str, Any]) -> list[dict[str, str]]:
    """The tolerations that the controller adds to every pod: 6, or 7 with ``hostNetwork``.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``AddOrUpdateDaemonPodTolerations``, ``pkg/controller/daemon/util/daemonset_util.go``.
    """
    pairs = list(_AUTOMATIC)
    if _pod_spec(template).get("hostNetwork"):
        pairs.append(("network-unavailable", "NoSchedule"))
    return [{"key": _NODE + name, "operator": "Exists", "effect": effect} for name, effect in pairs]


def pod_tolerations(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tolerations that the pod carries: the template's own, then the automatic ones.

    An own toleration of the same key, operator, value and effect is replaced in its place, so a
    ``tolerationSeconds`` in it is lost.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.

    Source: ``AddOrUpdateTolerationInPodSpec``, ``pkg/apis/core/v1/helper/helpers.go``.
    """
    automatic = {_identity(each): each for each in automatic_tolerations(template)}
    own = [dict(each) for each in _pod_spec(template).get("tolerations") or ()]
    merged: list[dict[str, Any]] = [automatic.get(_identity(each), each) for each in own]
    replaced = {_identity(each) for each in own}
    return merged + [each for key, each in automatic.items() if key not in replaced]


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether one toleration accepts one taint.

    An empty effect accepts every effect, an empty key every key; the operator is ``Equal`` unless
    given. ``Gt`` and ``Lt`` accept nothing: their feature gate is off by default.

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


def _by_node_name(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    wanted, name = spec.get("nodeName"), _name(node)
    if not wanted or wanted == name:
        return None
    return Decision(False, False, "nodeName", f"the template names {wanted}, this is {name}")


def _by_node_selector(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    labels = _labels(node)
    wanted = spec.get("nodeSelector") or {}
    missing = [key for key, value in wanted.items() if labels.get(key) != value]
    if not missing:
        return None
    words = "; ".join(
        f"label {_pair(key, wanted[key])} is missing (the node has {_held(key, labels)})"
        for key in missing
    )
    return Decision(False, False, "nodeSelector", words)


def _by_node_affinity(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Decision | None:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return None
    reasons = []
    for term in required.get("nodeSelectorTerms") or ():
        reason = _term_mismatch(term, node)
        if not reason:
            return None  # terms are ORed: one match is enough
        reasons.append(reason)
    words = "; or ".join(reasons) or "there is none"
    detail = f"no term of the required node affinity matches: {words}"
    return Decision(False, False, "nodeAffinity", detail)


def _by_taints(node: Mapping[str, Any], tolerations: list[dict[str, Any]]) -> Decision:
    taints: list[Mapping[str, Any]] = (node.get("spec") or {}).get("taints") or []
    blocking = [taint for taint in taints if taint.get("effect") in _BLOCKING]
    refused = [t for t in blocking if not any(tolerates(each, t) for each in tolerations)]
    if refused:
        keep = all(taint["effect"] != _EVICTING for taint in refused)
        return Decision(False, keep, "taint", _taint_words(refused, "not tolerated"))
    if blocking:
        return Decision(True, True, "runs", _taint_words(blocking, "tolerated"))
    return Decision(True, True, "runs", "no rule keeps the pod off this node")


def _term_mismatch(term: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Why a term does not match the node, or nothing when it does.

    Source: ``nodeSelectorTerm.match``, ``k8s.io/component-helpers/scheduling/corev1/nodeaffinity``:
    requirements are ANDed, an empty term and a term that cannot be read match no node.
    """
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return "an empty term matches no node"
    faults = [(each, _expression_fault(each)) for each in expressions]
    faults += [(each, _field_fault(each)) for each in fields]
    for each, fault in faults:
        if fault:
            return f"{_requirement(each)} {fault}, so the term matches no node"
    labels, held = _labels(node), {"metadata.name": _name(node)}
    unmet = [_unmet(each, labels) for each in expressions if not _expression_met(each, labels)]
    unmet += [_unmet(each, held) for each in fields if not _field_met(each, held)]
    return " and ".join(unmet)


def _expression_fault(expression: Mapping[str, Any]) -> str:
    """What makes a label requirement unreadable (``NewRequirement``, ``labels/selector.go``)."""
    operator, values = expression.get("operator"), _values(expression)
    if operator in ("In", "NotIn"):
        fault = "" if values else "needs at least one value"
    elif operator in ("Exists", "DoesNotExist"):
        fault = "takes no values" if values else ""
    elif operator in ("Gt", "Lt"):
        fault = "" if len(values) == 1 and _integer(values[0]) is not None else "needs one integer"
    else:
        fault = "has an operator that matchExpressions do not know"
    # This includes negative numbers: "-1" is no label value, so Gt and Lt cannot use it.
    unusual = not all(_LABEL_VALUE.fullmatch(value) for value in values)
    return fault or ("has a value that no label can have" if unusual else "")


def _field_fault(requirement: Mapping[str, Any]) -> str:
    """What makes a field requirement unreadable: only In and NotIn, each with one value."""
    if requirement.get("operator") not in ("In", "NotIn"):
        return "has an operator that matchFields do not know"
    return "" if len(_values(requirement)) == 1 else "needs exactly one value"


def _expression_met(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy one readable requirement (``Requirement.Matches``)."""
    operator: str = expression["operator"]
    values, held = _values(expression), labels.get(expression.get("key", ""))
    if operator in ("In", "NotIn"):  # a node without the label satisfies NotIn
        return (held in values) == (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        return (held is not None) == (operator == "Exists")
    number, bound = _integer(held), _integer(values[0])
    if number is None or bound is None:
        return False
    return number > bound if operator == "Gt" else number < bound


def _field_met(requirement: Mapping[str, Any], held: Mapping[str, str]) -> bool:
    operator: str = requirement["operator"]
    equal = held.get(requirement.get("key", ""), "") == _values(requirement)[0]
    return equal == (operator == "In")


def _values(requirement: Mapping[str, Any]) -> list[str]:
    return [str(value) for value in requirement.get("values") or ()]


def _integer(text: str | None) -> int | None:
    if text is None or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number in _INT64 else None


def _pod_spec(template: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = template.get("spec") or {}
    if "template" in spec:
        raise BadInput(
            "A pod template is needed to decide where pods run.",
            seen=f"a whole {template.get('kind', 'object')}, with the template inside",
            next_step='Pass daemonset["spec"]["template"].',
        )
    return spec


def _labels(node: Mapping[str, Any]) -> Mapping[str, str]:
    return (node.get("metadata") or {}).get("labels") or {}


def _name(node: Mapping[str, Any]) -> str:
    return (node.get("metadata") or {}).get("name") or ""


def _identity(toleration: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(toleration.get(each) or "" for each in ("key", "operator", "value", "effect"))


def _pair(key: str, value: str) -> str:
    return f"{key}={value}" if value else f'{key}=""'


def _held(key: str, held: Mapping[str, str]) -> str:
    return _pair(key, held[key]) if key in held else f"no {key}"


def _requirement(requirement: Mapping[str, Any]) -> str:
    values = _values(requirement)
    listed = f" [{', '.join(values)}]" if values else ""
    return f"{requirement.get('key', '')} {requirement.get('operator', '')}{listed}"


def _unmet(requirement: Mapping[str, Any], held: Mapping[str, str]) -> str:
    return f"{_requirement(requirement)} (the node has {_held(requirement.get('key', ''), held)})"


def _taint_words(taints: list[Mapping[str, Any]], verdict: str) -> str:
    *others, last = map(_taint_name, taints)
    if not others:
        return f"taint {last} is {verdict}"
    return f"taints {', '.join(others)} and {last} are {verdict}"


def _taint_name(taint: Mapping[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint['effect']}"  # as kubectl taint writes it
