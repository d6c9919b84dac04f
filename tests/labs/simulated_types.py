"""The types of the fields that the labs use: what the API server decodes, before any check. Pure.

A type is a Python type, ``[type]`` for a list, ``{"*": type}`` for a map with any keys, or a dict
for an object of which these fields are checked; ``_Closed`` refuses any other field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WORDS = {str: "a string", int: "an integer", bool: "true or false", dict: "an object"}
_STRINGS = {"*": str}


class _Closed(dict[str, Any]):
    """A type that has no other fields than these."""


_METADATA = {
    "name": str, "namespace": str, "labels": _STRINGS, "annotations": _STRINGS,
    "finalizers": [str], "ownerReferences": [dict],
}  # fmt: skip
_EXEC = _Closed(command=[str])
_PROBE = _Closed(
    exec=_EXEC, httpGet=dict, tcpSocket=dict, grpc=dict, initialDelaySeconds=int,
    periodSeconds=int, timeoutSeconds=int, successThreshold=int, failureThreshold=int,
    terminationGracePeriodSeconds=int,
)  # fmt: skip
_HANDLER = _Closed(exec=_EXEC, httpGet=dict, tcpSocket=dict, sleep=_Closed(seconds=int))
_CONTAINER = {
    "name": str, "image": str, "imagePullPolicy": str, "command": [str], "args": [str],
    "env": [_Closed(name=str, value=str, valueFrom=dict)], "envFrom": [dict],
    "ports": [_Closed(name=str, containerPort=int, hostPort=int, protocol=str, hostIP=str)],
    "resources": _Closed(requests=dict, limits=dict, claims=[dict]),
    "securityContext": {
        "privileged": bool, "allowPrivilegeEscalation": bool, "runAsNonRoot": bool,
        "capabilities": {"add": [str], "drop": [str]}, "seccompProfile": dict,
    },
    "readinessProbe": _PROBE, "livenessProbe": _PROBE, "startupProbe": _PROBE,
    "lifecycle": _Closed(preStop=_HANDLER, postStart=_HANDLER, stopSignal=str),
    "volumeMounts": [dict], "restartPolicy": str,
}  # fmt: skip
_REQUIREMENT = _Closed(key=str, operator=str, values=[str])
_TERM = _Closed(matchExpressions=[_REQUIREMENT], matchFields=[_REQUIREMENT])
_NODE_AFFINITY = _Closed(
    requiredDuringSchedulingIgnoredDuringExecution=_Closed(nodeSelectorTerms=[_TERM]),
    preferredDuringSchedulingIgnoredDuringExecution=[_Closed(weight=int, preference=_TERM)],
)
_POD_SPEC = {
    "containers": [_CONTAINER], "initContainers": [_CONTAINER],
    "volumes": [{"name": str, "configMap": {"name": str}, "hostPath": {"path": str}}],
    "nodeName": str, "nodeSelector": _STRINGS, "hostNetwork": bool, "hostPID": bool,
    "hostIPC": bool, "restartPolicy": str, "priorityClassName": str, "serviceAccountName": str,
    "schedulerName": str, "dnsPolicy": str, "terminationGracePeriodSeconds": int,
    "preemptionPolicy": str, "securityContext": dict, "automountServiceAccountToken": bool,
    "tolerations": [
        {"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": int}
    ],
    "affinity": _Closed(nodeAffinity=_NODE_AFFINITY, podAffinity=dict, podAntiAffinity=dict),
}  # fmt: skip
_SELECTOR = _Closed(matchLabels=_STRINGS, matchExpressions=[_REQUIREMENT])
_TYPES: dict[str, Any] = {
    "daemonsets": {
        "selector": _SELECTOR, "minReadySeconds": int, "revisionHistoryLimit": int,
        "template": _Closed(metadata=_METADATA, spec=_POD_SPEC),
        "updateStrategy": {"type": str, "rollingUpdate": dict},
    },
    "pods": _POD_SPEC,
    "nodes": {
        "taints": [{"key": str, "value": str, "effect": str}], "unschedulable": bool,
    },
}  # fmt: skip


def type_faults(resource: str, item: dict[str, Any]) -> list[str]:
    """Return what the API server could not decode; it decodes null as a field that is not set."""
    faults = [*_faults(item.get("metadata"), _METADATA, "metadata")]
    if resource in _TYPES:
        faults += _faults(item.get("spec"), _TYPES[resource], "spec")
    if resource == "configmaps":
        faults += _faults(item.get("data"), _STRINGS, "data")
    return faults


def _faults(value: Any, wanted: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(wanted, list):
        if not isinstance(value, list):
            yield f"{path}: Invalid value: {value!r}: must be a list"
            return
        for index, one in enumerate(value):
            if one is None and wanted != [str]:
                yield f"{path}[{index}]: Required value"
            yield from _faults(one, wanted[0], f"{path}[{index}]")
    elif isinstance(wanted, dict):
        if not isinstance(value, dict):
            yield f"{path}: Invalid value: {value!r}: must be an object"
            return
        for key, one in value.items():
            inner = wanted.get("*", wanted.get(key))
            if inner is None and isinstance(wanted, _Closed):
                yield f'strict decoding error: unknown field "{path}.{key}"'
            elif inner is not None:
                yield from _faults(one, inner, f"{path}.{key}")
    elif not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        yield f"{path}: Invalid value: {value!r}: must be {_WORDS[wanted]}"
