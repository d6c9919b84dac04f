"""Match a node's labels and name with nodeSelector and the required node affinity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from daemonset_course.errors import BadInput

_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,63}")  # what Go's ParseInt reads; Python's int() reads more
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def pod_spec(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the Pod's spec in a Pod template.

    Raises:
        BadInput: ``template`` is a whole DaemonSet.
    """
    spec: Mapping[str, Any] = template.get("spec") or {}
    if "template" in spec:
        raise BadInput(
            "A pod template is needed to decide where pods run.",
            seen=f"a whole {template.get('kind', 'object')}, with the template inside",
            next_step='Pass daemonset["spec"]["template"].',
        )
    return spec


def labels_of(node: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the node's labels."""
    return (node.get("metadata") or {}).get("labels") or {}


def name_of(node: Mapping[str, Any]) -> str:
    """Return the node's name."""
    return (node.get("metadata") or {}).get("name") or ""


def required_terms(spec: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return the terms of the required node affinity, of which one must match; None: not set."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def missing_label(key: str, value: str, labels: Mapping[str, str]) -> str:
    """Return why the node does not match a label of the nodeSelector; empty if it does."""
    if labels.get(key) == value:
        return ""
    return f"label {pair(key, value)} is missing (the node has {_held(key, labels)})"


def term_mismatch(term: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return why a term does not match the node; empty if it does.

    Source: ``nodeSelectorTerm.match``, ``k8s.io/component-helpers/scheduling/corev1/nodeaffinity``:
    requirements are ANDed, an empty term and an invalid term match no node.
    """
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return "an empty term matches no node"
    faults = [(each, _expression_fault(each)) for each in expressions]
    faults += [(each, _field_fault(each)) for each in fields]
    for each, fault in faults:
        if fault:
            return f"{_requirement(each)} {fault}, so the term matches no node"
    labels, held = labels_of(node), {"metadata.name": name_of(node)}
    unmet = [_unmet(each, labels) for each in expressions if not _expression_met(each, labels)]
    unmet += [_unmet(each, held) for each in fields if not _field_met(each, held)]
    return " and ".join(unmet)


def term_words(term: Mapping[str, Any]) -> str:
    """Return a term as one line: ``zone In [a, b] and gpu Exists``."""
    parts = (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
    return " and ".join(map(_requirement, parts)) or "empty"


def pair(key: str, value: str) -> str:
    """Return a label as kubectl writes it: ``disk=ssd``."""
    return f"{key}={value}" if value else f'{key}=""'


def _expression_fault(expression: Mapping[str, Any]) -> str:
    """Return why a label requirement is invalid (``NewRequirement``, ``labels/selector.go``)."""
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
    """Return why a field requirement is invalid: only In and NotIn are valid, with one value."""
    if requirement.get("operator") not in ("In", "NotIn"):
        return "has an operator that matchFields do not know"
    return "" if len(_values(requirement)) == 1 else "needs exactly one value"


def _expression_met(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether the labels meet one valid requirement (``Requirement.Matches``)."""
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


def _held(key: str, held: Mapping[str, str]) -> str:
    return pair(key, held[key]) if key in held else f"no {key}"


def _requirement(requirement: Mapping[str, Any]) -> str:
    values = _values(requirement)
    listed = f" [{', '.join(values)}]" if values else ""
    return f"{requirement.get('key', '')} {requirement.get('operator', '')}{listed}"


def _unmet(requirement: Mapping[str, Any], held: Mapping[str, str]) -> str:
    return f"{_requirement(requirement)} (the node has {_held(requirement.get('key', ''), held)})"
