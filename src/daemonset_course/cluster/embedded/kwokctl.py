"""Write kwokctl's configuration: programs, ports and settings of the control plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from daemonset_course import variables
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.simulated_kubelets import kwok_configuration
from daemonset_course.cluster.timing import Settings
from daemonset_course.history import podstate

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
    """Return kwokctl's configuration and the Stages; all paths are set, so it downloads nothing."""
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
    # kwokctl counts ports down from a fixed number: two clusters created at once would collide.
    options |= dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    if port:
        options["kubeApiserverPort"] = port
    if policy := variables.AUDIT_POLICY.read():  # tools/bench_live.py reads the audit log
        options["kubeAuditPolicy"] = policy
    patches = {
        # kwok manages only nodes with this label; removing it simulates a failed machine.
        "kwok-controller": {
            "manage-all-nodes": "false",
            "manage-nodes-with-label-selector": f"{podstate.MANAGED}=simulated",
        },
        "kube-controller-manager": {
            "node-monitor-grace-period": f"{settings.node_grace_seconds}s",
            "node-monitor-period": f"{settings.node_monitor_seconds}s",
            "kube-api-qps": str(settings.controller_requests_per_second),
            "kube-api-burst": str(settings.controller_burst_requests),
            "leader-elect": "false",
        },
        # One replica each needs no leader election. With it both would end when the API server
        # stalls for 10 s, and no kubelet would start them again.
        "kube-scheduler": {"leader-elect": "false"},
        # The data must survive a killed process, but not a power failure.
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
                    # kwokctl ignores an "override" of flags that it does not set itself.
                    {"key": key, "value": value, "override": key in KWOKCTL_SETS}
                    for key, value in extra.items()
                ],
            }
            for component, extra in patches.items()
        ],
    }
    return f"{yaml.safe_dump(config)}---\n{kwok_configuration(pace)}"
