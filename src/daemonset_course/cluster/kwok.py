"""What kwokctl is told: programs, ports, timing, and how simulated kubelets behave."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from daemonset_course import variables
from daemonset_course.cluster import topology
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.timing import Settings
from daemonset_course.errors import BadInput

PORTS = (
    "kubeApiserverPort",
    "etcdPort",
    "etcdPeerPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
KWOKCTL_SETS = ("manage-all-nodes", "node-monitor-grace-period", "node-monitor-period")


def configuration(
    name: str, programs: Path, *, kubernetes: str, pace: float, port: int | None
) -> str:
    """Kwokctl's configuration and our stages: every path given, so it never downloads."""
    settings = Settings.at_pace(pace)
    options: dict[str, Any] = {
        "runtime": "binary",
        "bindAddress": "127.0.0.1",
        "kubeVersion": kubernetes,
        "heartbeatFactor": 1,
        "nodeLeaseDurationSeconds": settings.node_grace_seconds,
        "quietPull": True,
        "etcdBinary": str(programs / "etcd"),
        "kubeApiserverBinary": str(programs / "kube-apiserver"),
        "kubeControllerManagerBinary": str(programs / "kube-controller-manager"),
        "kubeSchedulerBinary": str(programs / "kube-scheduler"),
        "kwokControllerBinary": str(programs / "kwok"),
        "kubectlBinary": str(programs / "kubectl"),
    }
    # kwokctl counts down from a fixed number: two clusters made at once would collide.
    options |= dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    if port:
        options["kubeApiserverPort"] = port
    if policy := variables.AUDIT_POLICY.read():  # the bench compares with the audit log
        options["kubeAuditPolicy"] = policy
    patches = {
        # Only nodes with this label have a kubelet: taking it away is a dead machine.
        "kwok-controller": {
            "manage-all-nodes": "false",
            "manage-nodes-with-label-selector": f"{topology.MANAGED}=simulated",
        },
        "kube-controller-manager": {
            "node-monitor-grace-period": f"{settings.node_grace_seconds}s",
            "node-monitor-period": f"{settings.node_monitor_seconds}s",
            "kube-api-qps": str(settings.controller_requests_per_second),
            "kube-api-burst": str(settings.controller_burst_requests),
            "leader-elect": "false",
        },
        # One replica each: nobody takes over a lease, but whoever loses it ends. An API server that
        # stalls for 10 s would end both for good, as no kubelet starts them again.
        "kube-scheduler": {"leader-elect": "false"},
        # The data need not survive a power cut, only a killed process.
        "etcd": {"unsafe-no-fsync": "true"},
    }
    config = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "metadata": {"name": name},
        "options": options,
        "componentsPatches": [
            {
                "name": component,
                "extraArgs": [
                    # kwokctl drops an "override" of what it does not set itself.
                    {"key": key, "value": value, "override": key in KWOKCTL_SETS}
                    for key, value in extra.items()
                ],
            }
            for component, extra in patches.items()
        ],
    }
    return f"{yaml.safe_dump(config)}---\n{kubelets(pace)}"


def kubelets(pace: float) -> str:
    """How kwok plays kubelets: its own configuration, and the stages at this pace."""
    config = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            # The default, 4, is too slow for 120 nodes on a busy machine: they lose their leases.
            "nodeLeaseParallelism": 16,
            # kwok's own defaults: kwokctl passes on what is named here, and nothing else.
            "cidr": "10.0.0.0/24",
            "podPlayStageParallelism": 4,
            "nodePlayStageParallelism": 4,
            "podsOnNodeSyncParallelism": 1,
            "enablePodsOnNodeSyncListPager": True,
        },
    }
    return f"{yaml.safe_dump(config)}---\n{stages(pace)}"


def stages(pace: float) -> str:
    """The kwok stages with every delay multiplied by ``pace``.

    Raises:
        BadInput: a pace that is not between 0.01 and 10.
    """
    if not 0.01 <= pace <= 10:
        raise BadInput(f"--pace {pace} is outside 0.01 to 10.")
    found = yaml.safe_load_all(_data("stages.yaml"))
    return yaml.safe_dump_all([completed(stage, pace) for stage in found])


def completed(stage: dict[str, Any], pace: float) -> dict[str, Any]:
    """A stage of ``stages.yaml`` as kwok reads it: its delay at this pace, and what it refers to.

    Raises:
        ValueError: its delay is anything but a jq expression for seconds at pace 1.
    """
    spec, name = stage["spec"], stage["metadata"]["name"]
    delay = spec.get("delay")
    match delay:
        case {"durationFrom": {"expressionFrom": str(seconds)}} if delay == _duration(seconds):
            if "PACE" in seconds or "\\(" in seconds:  # a pace, or a text, of its own
                raise ValueError(f"Stage {name}: {seconds} is no delay in seconds at pace 1.")
        case _:
            raise ValueError(f"Stage {name}: {delay} is no delay in seconds at pace 1.")
    keys = [one | {"key": _with_step(one["key"])} for one in spec["selector"]["matchExpressions"]]
    following = dict(spec["next"])
    if "podstatus" in following.get("statusTemplate", ""):
        following["statusTemplate"] = _data("podstatus.gotmpl") + following["statusTemplate"]
    changed = {
        "selector": {"matchExpressions": keys},
        "delay": _duration(_with_step(f'"\\(({seconds}) * {pace})s"')),
        "next": following,
    }
    return stage | {"spec": spec | changed}


def _duration(expression: str) -> dict[str, Any]:
    return {"durationFrom": {"expressionFrom": expression}}


def _with_step(expression: str) -> str:
    """A jq expression, with the definition of ``step`` if it uses that."""
    return f"{_data('step.jq')}\n{expression}" if re.search(r"\bstep\b", expression) else expression


def _data(name: str) -> str:
    return resources.files("daemonset_course").joinpath("data", name).read_text()
