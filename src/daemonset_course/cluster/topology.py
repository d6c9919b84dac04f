"""Read the nodes of a cluster from ``kind-config.yaml``, their only description."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from daemonset_course import variables
from daemonset_course.errors import BadInput
from daemonset_course.history.podstate import CONTROL_PLANE, MANAGED
from daemonset_course.places import REPOSITORY

Failure = Literal["unreachable", "not ready"]  # how a node can fail


@dataclass(frozen=True)
class NodeSpec:
    """The specification of a node right after ``course up``."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()  # key, value, effect

    @property
    def is_simulated(self) -> bool:
        """Whether kwok simulates this node's kubelet."""
        return MANAGED in self.labels

    @property
    def is_control_plane(self) -> bool:
        """Whether the node has the control-plane role."""
        return CONTROL_PLANE in self.labels


def config_file() -> Path:
    """Return the path in ``COURSE_CONFIG``, else of the repository's ``kind-config.yaml``."""
    return (variables.CONFIG.read() or REPOSITORY / "kind-config.yaml").absolute()


def read(cluster: str, *, workers: int | None = None, path: Path | None = None) -> list[NodeSpec]:
    """Return the nodes of the cluster, with the names that kind gives (``course-worker2``).

    ``workers`` replaces the number of workers in the file: further workers repeat the labels of the
    file's workers in turn.

    Raises:
        BadInput: the file is missing, is not YAML, or is not a kind configuration with workers.
    """
    path = path or config_file()
    nodes = _nodes(path)
    planes = [n for n in nodes if n.get("role") == "control-plane"]
    workers_listed = [n for n in nodes if n.get("role", "worker") == "worker"]
    if not planes or not workers_listed:
        raise BadInput(f"{path} needs one control-plane and at least one worker in `nodes`.")
    count = len(workers_listed) if workers is None else workers
    if count < 1:
        raise BadInput("A cluster needs at least one worker.", seen=f"workers={count}")
    specs = [_spec(cluster, "control-plane", i, n) for i, n in enumerate(planes)]
    specs += [
        _spec(cluster, "worker", i, workers_listed[i % len(workers_listed)]) for i in range(count)
    ]
    return specs


def _nodes(path: Path) -> list[dict[str, Any]]:
    try:
        config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInput(f"{path} cannot be read.", seen=str(error)) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not valid YAML.", seen=str(error)) from error
    if not isinstance(config, dict) or config.get("kind") != "Cluster":
        raise BadInput(f"{path} is not a kind configuration.", seen="it has no `kind: Cluster`")
    return list(config.get("nodes") or [])


def _spec(cluster: str, role: str, index: int, node: dict[str, Any]) -> NodeSpec:
    name = f"{cluster}-{role}{index + 1 if index else ''}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    taints: tuple[tuple[str, str, str], ...] = ()
    if role == "control-plane":
        # kubeadm does this on kind; simulated nodes need it too.
        labels[CONTROL_PLANE] = ""
        taints = ((CONTROL_PLANE, "", "NoSchedule"),)
    return NodeSpec(name, labels | (node.get("labels") or {}), taints)


def simulated(spec: NodeSpec, *taints: tuple[str, str, str]) -> NodeSpec:
    """Return the node with a simulated kubelet and further taints."""
    return replace(spec, labels=spec.labels | {MANAGED: "simulated"}, taints=spec.taints + taints)
