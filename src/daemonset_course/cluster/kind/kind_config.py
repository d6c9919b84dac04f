"""What kind is told: ``kind-config.yaml`` with the course's own additions, and the node image."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import yaml

from daemonset_course import variables
from daemonset_course.cluster import topology
from daemonset_course.errors import BadInput

GRACE = 20  # seconds of silence before a node is unreachable; upstream 50
MONITOR = 2  # seconds between two looks of the node controller; upstream 5
# What lessons and labs run. An engine that has one gives it to the nodes: they need not pull it.
LESSON_IMAGES = (
    "registry.k8s.io/pause:3.10",
    "busybox:1.36",
    "prom/node-exporter:v1.7.0",
)


def configuration(name: str, *, port: int | None, cgroup: int) -> str:
    """The file for ``kind create cluster``: loopback only, and a quicker node controller.

    The patches name no version: kind fits them to the kubeadm of the node image.
    """
    config: dict[str, Any] = yaml.safe_load(topology.config_file().read_text())
    config["name"] = name
    address: dict[str, Any] = {"apiServerAddress": "127.0.0.1"}
    if port:
        address["apiServerPort"] = port
    config["networking"] = (config.get("networking") or {}) | address
    manager = {
        "node-monitor-grace-period": f"{GRACE}s",
        "node-monitor-period": f"{MONITOR}s",
    }
    kubelet: dict[str, Any] = {
        "kind": "KubeletConfiguration",
        "nodeLeaseDurationSeconds": GRACE,  # a kubelet renews its lease four times in this
    }
    if cgroup == 1:
        kubelet["failCgroupV1"] = False  # from 1.35 on a kubelet refuses such a host by itself
    patches = [
        {"kind": "ClusterConfiguration", "controllerManager": {"extraArgs": manager}},
        kubelet,
    ]
    config["kubeadmConfigPatches"] = [
        *(config.get("kubeadmConfigPatches") or []),
        *(yaml.safe_dump(patch) for patch in patches),
    ]
    return yaml.safe_dump(config, sort_keys=False)


def node_image(kubernetes: str | None) -> str:
    """The pinned node image of a Kubernetes minor; ``COURSE_IMAGE`` names another one.

    Raises:
        BadInput: no image is pinned for this minor.
    """
    if named := variables.IMAGE.read():
        return named
    text = resources.files("daemonset_course").joinpath("data/versions.toml").read_text()
    table = tomllib.loads(text)
    version = kubernetes or table["kubernetes"]["version"]
    minor = ".".join(version.removeprefix("v").split(".")[:2])
    images: dict[str, str] = table.get("node-images", {})
    if minor not in images:
        raise BadInput(
            f"No node image is pinned for Kubernetes {version}.",
            seen=f"pinned: {', '.join(images)}",
            next_step="Name one: --backend kind --image kindest/node:...",
        )
    return images[minor]
