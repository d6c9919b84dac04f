"""Save the real nodes of a kind cluster as created, so that ``reset`` can restore them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from daemonset_course.cluster import topology
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.readiness import wait_ready
from daemonset_course.cluster.topology import NodeSpec
from daemonset_course.files import write_whole

PATIENCE = 180.0  # seconds that real kubelets may take to join
_KUBELETS_OWN = {"kubernetes.io/arch", "kubernetes.io/os", "kubernetes.io/hostname"}


def wait_nodes_joined(api: Api, cluster: str, directory: Path) -> None:
    """Wait until all nodes have joined, label them, and save their specs in the folder.

    Raises:
        NotFinished: a node was not Ready in time.
    """
    described = topology.read(cluster)
    wait_ready(api, [spec.name for spec in described], timeout=PATIENCE)
    for spec in described:  # a kubelet may not set all labels of its node
        labels = {key: value for key, value in spec.labels.items() if key not in _KUBELETS_OWN}
        api.merge(f"/api/v1/nodes/{spec.name}", {"metadata": {"labels": labels}})
    observed = json.dumps([asdict(spec) for spec in _observed(api)], indent=1)
    write_whole(directory / "nodes.json", observed)


def load(directory: Path) -> list[NodeSpec]:
    """Return the saved specs; none where the file is missing or damaged."""
    try:
        saved = json.loads((directory / "nodes.json").read_text())
    except (OSError, ValueError):
        return []
    return [
        NodeSpec(one["name"], one["labels"], tuple((k, v, e) for k, v, e in one["taints"]))
        for one in saved
    ]


def _observed(api: Api) -> list[NodeSpec]:
    """Return the current labels and taints of all nodes, without the taints of conditions."""
    found = []
    for node in api.items("/api/v1/nodes"):
        labels = {k: v for k, v in node["metadata"]["labels"].items() if not k.startswith("beta.")}
        taints = tuple(
            (t["key"], t.get("value", ""), t["effect"])
            for t in node["spec"].get("taints") or []
            if not t["key"].startswith("node.kubernetes.io/")
        )
        found.append(NodeSpec(node["metadata"]["name"], labels, taints))
    return found
