"""Criteria about ports of a node: a hostPort is given to one Pod at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daemonset_course.history import podstate
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed

_RULE = (
    "A port of a node is given to one Pod. A second Pod that wants it stays Pending, however long "
    "one waits. Source: NodePorts, pkg/scheduler/framework/plugins/nodeports."
)


def ports_free(name: str, *, namespace: str = "",
               requires: tuple[Criterion, ...] = ()) -> Criterion:  # fmt: skip
    """No Pod of another owner has a hostPort of the DaemonSet on a node; no surge asks for two."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        wanted = set(host_ports(pod_spec(own.after)))
        taken: dict[str, tuple[int, str]] = {}
        for pod in evidence.history.objects("pods"):
            node = podstate.node_of(pod)
            both = wanted & set(host_ports(pod["spec"]))
            if both and pod["spec"].get("nodeName") and not podstate.is_owned(pod, own.name):
                taken[node] = min(both)[0], _owner(pod)
        if taken:
            port, other = next(iter(taken.values()))
            return missed(
                f"Port {port} of the machine is taken by {other}.",
                evidence.lines({n: f"{p} belongs to {who}" for n, (p, who) in taken.items()}),
                _RULE,
                "kubectl get pods -o yaml, hostPort.",
            )
        strategy = ((own.after or {}).get("spec") or {}).get("updateStrategy") or {}
        surge = (strategy.get("rollingUpdate") or {}).get("maxSurge")
        if wanted and surge not in (None, 0, "0%"):
            return missed(
                f"maxSurge {surge} puts a new Pod of {own.full_name} beside the old one, and both "
                f"want port {min(wanted)[0]} of the machine.",
                rule=_RULE,
                where=f"kubectl get {own.option} -o yaml, updateStrategy and hostPort.",
            )
        return MET

    return Criterion(f"the ports of {name} are free", judge, requires, weight=0)


def host_ports(spec: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the ports of the node that a Pod spec asks for, each with its protocol."""
    for one in spec.get("containers") or ():
        for port in one.get("ports") or ():
            if port.get("hostPort"):
                yield int(port["hostPort"]), str(port.get("protocol") or "TCP")


def _owner(pod: Mapping[str, Any]) -> str:
    owners = pod["metadata"].get("ownerReferences") or ()
    return str(owners[0]["name"]) if owners else f"the Pod {pod['metadata']['name']}"
