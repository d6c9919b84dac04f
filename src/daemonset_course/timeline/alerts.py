"""What monitoring sees of a DaemonSet, and which alert rules fire on it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.timeline import podstate

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@dataclass(frozen=True)
class Sample:
    """The numbers that rules can be written about, at one moment.

    Attributes:
        desired: and the next five: of the DaemonSet's status.
        current: nodes that should run it and have a Pod, also one that waits for room.
        ready: nodes that should run it and have a ready Pod.
        updated: nodes that should run it and have one of the newest template.
        available: nodes that should run it and have an available Pod.
        misscheduled: nodes that should not run it and have a Pod.
        nodes: workers that there are; the status does not know them.
        nodes_ready: workers whose condition Ready is True.
    """

    desired: int
    current: int
    ready: int
    updated: int
    available: int
    misscheduled: int
    nodes: int
    nodes_ready: int


Rule = Callable[[Sample], bool]
_Last = dict[str, dict[str, Mapping[str, Any]]]  # by resource and name, as last seen


@dataclass(frozen=True)
class Alerts:
    """Which rule fires on which fault.

    Attributes:
        rules: the names of the rules.
        fired: by fault, the names of the rules that fire.
    """

    rules: tuple[str, ...]
    fired: Mapping[str, frozenset[str]]

    @property
    def unseen(self) -> tuple[str, ...]:
        """Faults on which no rule fires."""
        return tuple(fault for fault, names in self.fired.items() if not names)

    def seen_by(self, *rules: str) -> tuple[str, ...]:
        """Faults on which at least one of these rules fires."""
        return tuple(fault for fault, names in self.fired.items() if names & set(rules))


def sample(log: Iterable[Mapping[str, Any]], daemonset: str) -> Sample:
    """The numbers of one DaemonSet at the end of a recording of its namespace."""
    last = _nothing()
    for record in log:
        _read(record, last)
    return _sampled(last, daemonset)


def samples(log: Iterable[Mapping[str, Any]], daemonset: str) -> Iterator[Sample]:
    """The numbers of one DaemonSet after each change of a DaemonSet or a node.

    The first is that of the log's first word about the DaemonSet.
    """
    last = _nothing()
    for record in log:
        if _read(record, last) and daemonset in last["daemonsets"]:
            yield _sampled(last, daemonset)


def alerts(samples: Mapping[str, Sample], rules: Mapping[str, Rule]) -> Alerts:
    """Which of the rules fire on the samples, by the name of the fault."""
    fired = {
        fault: frozenset(name for name, rule in rules.items() if rule(seen))
        for fault, seen in samples.items()
    }
    return Alerts(tuple(rules), fired)


def alerts_headline(found: Alerts) -> str:
    """How many faults the first rule sees, and how many all of them see."""
    every = len(found.fired)
    first = len(found.seen_by(found.rules[0]))
    together = len(found.seen_by(*found.rules))
    return (
        f"“{found.rules[0]}” sees {first} of {every} faults; "
        f"all {len(found.rules)} rules together see {together}"
    )


def alerts_caption(found: Alerts) -> str:
    """For each fault the rules that fire."""
    told = [f"{fault}: {_listed(found, fault)}" for fault in found.fired]
    return f"{'; '.join(told)}."


def _listed(found: Alerts, fault: str) -> str:
    return ", ".join(rule for rule in found.rules if rule in found.fired[fault]) or "nothing fires"


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _nothing() -> _Last:
    return {"nodes": {}, "daemonsets": {}}


def _read(record: Mapping[str, Any], last: _Last) -> bool:
    """Keep what the record says of a node or a DaemonSet; whether it says anything of them."""
    if record["record"] != "change" or record["resource"] not in last:
        return False
    item = record["object"]
    name = str(item["metadata"]["name"])
    if record["type"] == "DELETED":
        last[record["resource"]].pop(name, None)
    else:
        last[record["resource"]][name] = item
    return True


def _sampled(last: _Last, daemonset: str) -> Sample:
    status = last["daemonsets"].get(daemonset, {}).get("status") or {}
    workers = [n for n in last["nodes"].values() if _CONTROL_PLANE not in _labels(n)]
    return Sample(
        desired=int(status.get("desiredNumberScheduled") or 0),
        current=int(status.get("currentNumberScheduled") or 0),
        ready=int(status.get("numberReady") or 0),
        updated=int(status.get("updatedNumberScheduled") or 0),
        available=int(status.get("numberAvailable") or 0),
        misscheduled=int(status.get("numberMisscheduled") or 0),
        nodes=len(workers),
        nodes_ready=sum(podstate.condition(n, "Ready").get("status") == "True" for n in workers),
    )
