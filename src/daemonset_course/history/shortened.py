"""Shorten a log to what the timeline of one DaemonSet is made from. Pure.

For logs that are kept in the repository. The timeline is that of the whole log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from daemonset_course.history import podstate
from daemonset_course.history.log import Change, Header, Object, Record

_GENERATION = "deprecated.daemonset.template.generation"
_METADATA = (
    "name", "namespace", "uid", "generation", "labels", "deletionTimestamp", "ownerReferences",
)  # fmt: skip
_KEPT: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "nodes": {"spec": ("taints", "unschedulable"), "status": ("conditions",)},
    "daemonsets": {"spec": ("template", "updateStrategy", "minReadySeconds"), "status": ()},
    "controllerrevisions": {},
    "pods": {
        "spec": ("nodeName", "affinity", "containers", "initContainers"),
        "status": ("phase", "reason", "conditions", "containerStatuses", "initContainerStatuses"),
    },
}


def shortened(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records that the header's DaemonSet needs, with the fields that it needs."""
    name = namespace = ""
    last: dict[tuple[str, str], Any] = {}
    for record in records:
        match record:
            case Header():
                name, namespace = record.daemonset, record.namespace
                yield record
            case Change() if record.resource not in _KEPT or _is_other(record, name, namespace):
                continue
            case Change():
                short = _short(record)
                key = record.resource, record.uid
                if record.type != "MODIFIED" or last.get(key) != short:
                    last[key] = short
                    yield replace(record, object=short)
            case _:
                yield record


def _is_other(change: Change, name: str, namespace: str) -> bool:
    item = change.object
    if change.resource == "nodes":
        return False
    if item["metadata"].get("namespace", namespace) != namespace:
        return True
    if change.resource == "daemonsets":
        return change.name != name
    return not podstate.is_owned(item, name)


def _short(change: Change) -> Object:
    item, parts = change.object, _KEPT[change.resource]
    metadata = {key: item["metadata"][key] for key in _METADATA if key in item["metadata"]}
    annotations = item["metadata"].get("annotations") or {}
    if _GENERATION in annotations:
        metadata["annotations"] = {_GENERATION: annotations[_GENERATION]}
    found: dict[str, Any] = {"metadata": metadata}
    for part, fields in parts.items():
        value = item.get(part) or {}
        found[part] = {key: value[key] for key in fields if key in value} if fields else value
    if "revision" in item:
        found["revision"] = item["revision"]
    for one in ("conditions",):
        if one in found.get("status", {}):
            found["status"][one] = [_condition(c) for c in found["status"][one]]
    for group in ("containers", "initContainers"):
        if group in found.get("spec", {}) and change.resource == "pods":
            found["spec"][group] = [
                {key: c[key] for key in ("name", "image") if key in c} for c in found["spec"][group]
            ]
    return found


def _condition(condition: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "status", "reason", "lastTransitionTime")
    return {key: condition[key] for key in kept if key in condition}
