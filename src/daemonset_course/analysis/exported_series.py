"""Make the series that kube-state-metrics exports from a history of objects. Pure.

Names, labels and values: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
and ``internal/store/daemonset.go``, ``node.go``, ``pod.go`` there. Only the metrics that rules
about DaemonSets use are made, and of ``kube_node_info`` and ``kube_pod_info`` only the labels that
connect Pods, nodes and owners. Each series has the label ``job``, which Prometheus adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from daemonset_course.analysis.alert_histories import EVERY, MINUTES, STRETCH
from daemonset_course.history.index import History
from daemonset_course.history.log import Object

JOB = "kube-state-metrics"
_STATUS = {
    "current_number_scheduled": "currentNumberScheduled",
    "desired_number_scheduled": "desiredNumberScheduled",
    "number_available": "numberAvailable",
    "number_misscheduled": "numberMisscheduled",
    "number_ready": "numberReady",
    "number_unavailable": "numberUnavailable",
    "observed_generation": "observedGeneration",
    "updated_number_scheduled": "updatedNumberScheduled",
}
_ROLE = "node-role.kubernetes.io/"
_CONDITION = ("true", "false", "unknown")
_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")

Values = tuple[float | None, ...]


def exported(history: History, *, stretch: float = STRETCH, every: float = EVERY,
             minutes: float = MINUTES) -> dict[str, Values]:  # fmt: skip
    """Return each series by its name with labels: a value for each scrape, None without one.

    Args:
        history: a recording of DaemonSets, Pods and nodes.
        stretch: seconds on the axis of scrapes for each recorded second.
        every: seconds between two scrapes.
        minutes: how long is scraped; after the end of the recording nothing changes any more.
    """
    count = int(minutes * 60 / every) + 1
    found: dict[str, list[float | None]] = {}
    scraped: dict[float, list[tuple[str, float]]] = {}  # all scrapes after the end are alike
    for number in range(count):
        at = min(number * every / stretch, history.end)
        if at not in scraped:
            known = history.is_known("nodes", "daemonsets", "pods", at=at)
            scraped[at] = [*_scraped(history, at)] if known else []
        for name, value in scraped[at]:
            found.setdefault(name, [None] * count)[number] = value
    return {name: tuple(found[name]) for name in sorted(found)}


def written(values: Values) -> str:
    """Return values in the notation of promtool's test files: ``3x4 2 stale _x9``.

    ``3x4`` is the value five times. A series that a scrape lacks gets a staleness marker, as in
    Prometheus: without it the old value would be found for another five minutes.
    https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
    """
    words: list[str] = []
    for value, run in groupby(values):
        length = len([*run])
        if value is None:
            if words:
                words.append("stale")
                length -= 1
            words += [f"_x{length}"] if length > 1 else ["_"] * length  # _x3 is three times
        else:
            words.append(f"{value:g}" if length == 1 else f"{value:g}x{length - 1}")
    return " ".join(words)


def _scraped(history: History, at: float) -> Iterator[tuple[str, float]]:
    for one in history.objects("daemonsets", at=at):
        yield from _daemonset(one)
    for one in history.objects("nodes", at=at):
        yield from _node(one)
    for one in history.objects("pods", at=at):
        yield from _pod(one)


def _daemonset(item: Object) -> Iterator[tuple[str, float]]:
    meta, status = item["metadata"], item.get("status") or {}
    which = {"namespace": meta.get("namespace", "default"), "daemonset": meta["name"]}
    for name, field in _STATUS.items():
        yield _series(f"kube_daemonset_status_{name}", which), float(status.get(field, 0))
    yield _series("kube_daemonset_metadata_generation", which), float(meta.get("generation", 0))


def _node(item: Object) -> Iterator[tuple[str, float]]:
    meta, spec = item["metadata"], item.get("spec") or {}
    which = {"node": meta["name"]}
    yield _series("kube_node_info", which), 1.0
    yield _series("kube_node_spec_unschedulable", which), float(bool(spec.get("unschedulable")))
    for label in meta.get("labels") or {}:
        if label.startswith(_ROLE):
            yield _series("kube_node_role", which | {"role": label.removeprefix(_ROLE)}), 1.0
    for taint in spec.get("taints") or ():
        parts = {key: taint.get(key, "") for key in ("key", "value", "effect")}
        yield _series("kube_node_spec_taint", which | parts), 1.0
    for one in (item.get("status") or {}).get("conditions") or ():
        for status in _CONDITION:
            labels = which | {"condition": one["type"], "status": status}
            yield _series("kube_node_status_condition", labels), _is(one["status"], status)


def _pod(item: Object) -> Iterator[tuple[str, float]]:
    meta, status = item["metadata"], item.get("status") or {}
    which = {"namespace": meta.get("namespace", "default"), "pod": meta["name"], "uid": meta["uid"]}
    owners = [one for one in meta.get("ownerReferences") or () if one.get("controller")]
    more = {
        "node": (item.get("spec") or {}).get("nodeName", ""),
        "created_by_kind": owners[0]["kind"] if owners else "",
        "created_by_name": owners[0]["name"] if owners else "",
    }
    yield _series("kube_pod_info", which | more), 1.0
    if status.get("phase"):
        for phase in _PHASES:
            labels = which | {"phase": phase}
            yield _series("kube_pod_status_phase", labels), _is(status["phase"], phase)
    for one in status.get("conditions") or ():
        if one["type"] == "Ready":
            for value in _CONDITION:
                labels = which | {"condition": value}
                yield _series("kube_pod_status_ready", labels), _is(one["status"], value)


def _is(found: str, wanted: str) -> float:
    return float(found.lower() == wanted.lower())


def _series(name: str, labels: Mapping[str, Any]) -> str:
    pairs = ", ".join(f'{key}="{_escaped(str(value))}"' for key, value in labels.items())
    return f'{name}{{job="{JOB}", {pairs}}}'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
