"""Add simulated nodes to a kind cluster; a kwok process on this host simulates their kubelets.

They have a ``PreferNoSchedule`` taint: the scheduler prefers real nodes for ordinary Pods, and
DaemonSets ignore it. The cluster's own agents (kube-proxy, kindnet) do not run on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from daemonset_course import binaries, programs
from daemonset_course.cluster import simulated_kubelets
from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.ports import free_ports
from daemonset_course.cluster.processes import processes_of
from daemonset_course.cluster.simulated_nodes import create_nodes
from daemonset_course.cluster.topology import NodeSpec
from daemonset_course.history import podstate
from daemonset_course.progress import progress

TAINT = (podstate.MANAGED, "simulated", "PreferNoSchedule")
LEASE_SECONDS = 20
_SYSTEM = "/apis/apps/v1/namespaces/kube-system/daemonsets"


def add(
    api: Api, specs: Iterable[NodeSpec], *, directory: Path, kubernetes: str, pace: float
) -> None:
    """Create simulated nodes in a kind cluster, and start its kwok process."""
    specs = list(specs)
    if specs:
        start(directory, pace)
        _keep_system_agents_off(api)
        # kind's controller manager allocates podCIDRs, and fails on one that it did not allocate.
        create_nodes(api, specs, kubernetes, pod_cidr=False)


def start(directory: Path, pace: float) -> None:
    """Start the kwok process of this cluster unless it runs."""
    if running(directory):
        return
    binaries.link(binaries.ensure(programs=("kwok",), report=progress()), directory / "bin")
    stages = directory / "stages.yaml"
    stages.write_text(simulated_kubelets.kwok_configuration(pace))
    command = [
        str(directory / "bin" / "kwok"),
        f"--kubeconfig={directory / 'kubeconfig'}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-label-selector={podstate.MANAGED}=simulated",
        f"--node-lease-duration-seconds={LEASE_SECONDS}",
        f"--server-address=127.0.0.1:{free_ports(1)[0]}",
    ]
    programs.start(command, log=directory / "kwok.log")


def running(directory: Path) -> bool:
    """Whether the kwok process of this cluster runs."""
    return any(Path(process.cmdline()[0]).name == "kwok" for process in processes_of(directory))


def wanted(directory: Path) -> bool:
    """Whether this cluster has had simulated nodes."""
    return (directory / "stages.yaml").exists()


def _keep_system_agents_off(api: Api) -> None:
    """Exclude simulated nodes from the DaemonSets of ``kube-system``: their counts stay true."""
    rule = {"key": podstate.MANAGED, "operator": "DoesNotExist"}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    patch: Object = {"spec": {"template": {"spec": {"affinity": affinity}}}}
    for agent in api.items(_SYSTEM):
        if agent["spec"]["template"]["spec"].get("affinity") != affinity:
            api.merge(f"{_SYSTEM}/{agent['metadata']['name']}", patch)
