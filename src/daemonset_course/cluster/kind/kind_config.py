"""Make kind's configuration from ``kind-config.yaml``, and choose the node image."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import yaml

from daemonset_course import variables
from daemonset_course.cluster import topology
from daemonset_course.errors import BadInput

GRACE = 20  # seconds without a heartbeat until a node is unreachable; upstream 50
MONITOR = 2  # seconds between two checks by the node controller; upstream 5
# Images of lessons and labs. An image that the engine has is loaded into the nodes.
LESSON_IMAGES = (
    "registry.k8s.io/pause:3.10",
    "busybox:1.36",
    "prom/node-exporter:v1.7.0",
)


def configuration(name: str, *, port: int | None, cgroup: int) -> str:
    """Return the file for ``kind create cluster``: loopback only, and a faster node controller.

    The patches name no apiVersion: kind adapts them to the kubeadm of the node image.
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
        "nodeLeaseDurationSeconds": GRACE,  # a kubelet renews its lease four times in this time
    }
    if cgroup == 1:
        kubelet["failCgroupV1"] = False  # a kubelet refuses such a host by itself
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
    """Return the node image in ``COURSE_IMAGE``, else the pinned one of a Kubernetes minor.

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
            next_step="Give an image: --backend kind --image kindest/node:...",
        )
    return images[minor]
