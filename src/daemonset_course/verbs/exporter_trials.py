"""Try what an exporter reads on its node, and what a shell in its place can do there."""

from __future__ import annotations

from typing import Any

from daemonset_course.cluster.api import Object
from daemonset_course.metrics import families, labels
from daemonset_course.verbs.apply import parse_one
from daemonset_course.verbs.exporter import at_port, deploy, renamed, scrape, scrape_cost
from daemonset_course.verbs.shells import (
    can_reach,
    container_runtime,
    mounts_seen,
    try_commands,
)

# The series to compare, each with the label whose values are compared.
SERIES = {
    "node_cpu_seconds_total": "cpu",
    "node_filesystem_device_error": "mountpoint",
    "node_network_info": "device",
    "node_network_receive_bytes_total": "device",
    "node_uname_info": "nodename",
    "node_disk_info": "model",
}
SHELLS = {  # a name for the result -> the container of the DaemonSet ``hands``
    "root": "given-root",
    "nobody": "given-nobody",
    "root, recursive": "recursive-root",
    "nobody, recursive": "recursive-nobody",
}
PLACES = ("/etc", "/run", "/dev/shm", "/var/lib/kubelet")
TRIES = {
    **{f"write in {p}": f"mkdir /node{p}/course-07 && rmdir /node{p}/course-07" for p in PLACES},
    "write to containerd's socket": "test -w /node/run/containerd/containerd.sock",
    "read the kubelet's key": "head -c 1 /node/var/lib/kubelet/pki/kubelet.key",
}
_UDEV = "--path.udev.data=/host/root/run/udev/data"
_FIRST_PORT = 9121  # of the variants
_FIRST_WAY = 9111  # the port of the first one of the four that are asked from another node


def variants(exporter: Object) -> dict[str, Object]:
    """Return six variants of an exporter, each on a port of its own; the first one changes nothing.

    They run on the nodes with the label ``disk=ssd``.
    """
    arguments = exporter["spec"]["template"]["spec"]["containers"][0]["args"]
    changes: dict[str, dict[str, Any]] = {
        "as given": {},
        "no hostPID": {"hostPID": False},
        "no hostNetwork": {"hostNetwork": False},
        "neither": {"hostPID": False, "hostNetwork": False},
        "udev path": {"arguments": [*arguments, _UDEV]},
        "default exclusion": {"arguments": arguments[:3]},
    }
    base = renamed(exporter, "exporter", nodeSelector={"disk": "ssd"})
    return {
        way: at_port(base, port, **change)
        for port, (way, change) in enumerate(changes.items(), _FIRST_PORT)
    }


def read_variants(manifest: str, node: str) -> dict[str, Any]:
    """Deploy six variants of the exporter in a file, and read the metrics of each on this node.

    Returns:
        ``told``: by variant and series, the values of one label; ``families``: by variant, the
        number of metric families.

    Raises:
        NotFinished: the Pods of a variant were not available in time.
    """
    made = variants(parse_one(manifest))
    texts = {
        way: scrape(name, _FIRST_PORT + i)[node]
        for i, (way, name) in enumerate(deploy(made).items())
    }
    return {
        "told": {way: labels(text, SERIES) for way, text in texts.items()},
        "families": {way: len(families(text)) for way, text in texts.items()},
    }


def ways(exporter: Object) -> dict[str, Object]:
    """Return four copies of an exporter, with ``hostNetwork``, ``hostPort``, both or neither.

    They run on the nodes with the label ``disk=ssd``.
    """
    base = renamed(exporter, "exporter", nodeSelector={"disk": "ssd"})
    settings = {
        "both": (True, True), "network": (True, False), "port": (False, True),
        "neither": (False, False),
    }  # fmt: skip
    return {
        way: at_port(base, port, hostNetwork=network, host_port=host_port)
        for port, (way, (network, host_port)) in enumerate(settings.items(), _FIRST_WAY)
    }


def try_ways(manifest: str, asker: str, node: str) -> dict[str, bool]:
    """Return which of four copies of the exporter in a file answer at the address of this node.

    ``both`` has hostNetwork and hostPort, ``network`` and ``port`` have one of them. A Pod of the
    DaemonSet ``asker`` asks each.

    Raises:
        NotFinished: the Pods of a copy were not available in time.
    """
    names = deploy(ways(parse_one(manifest)))
    return {way: can_reach(asker, node, _FIRST_WAY + i) for i, way in enumerate(names)}


def read_exporter(name: str, port: int, *, namespace: str = "default") -> dict[str, Any]:
    """Read the metrics of each Pod of an exporter.

    Returns:
        ``told``: by node and series, the values of one label; ``families``: the least number of
        metric families; ``cost``: what a reading costs the most expensive Pod (``scrape_cost``).

    Raises:
        CommandFailed: kubectl returned an error, for example if a Pod does not listen on the port.
    """
    texts = scrape(name, port, namespace=namespace)
    return {
        "told": {node: labels(text, SERIES) for node, text in texts.items()},
        "families": min(len(families(text)) for text in texts.values()),
        "cost": scrape_cost(name, port, namespace=namespace),
    }


def try_shells(daemonset: str, mounted: str, node: str) -> dict[str, Any]:
    """Try in the four shells of a DaemonSet what they can do on their node.

    Args:
        daemonset: the name of the DaemonSet, which has a container for each of ``SHELLS``.
        mounted: the label ``app`` of a Pod that mounted a volume on the node after their start.
        node: the name of the node, for its container runtime.

    Returns:
        ``done``: by shell and attempt, ``succeeds`` or the error output; ``late``: by shell, how
        many mounts of the Pod ``mounted`` it sees; ``runtime``: the node's (``container_runtime``).

    Raises:
        CommandFailed: kubectl returned an error, for example if there is no such DaemonSet.
    """
    late = {name: mounts_seen(daemonset, mounted, container=each) for name, each in SHELLS.items()}
    done = try_commands(daemonset, SHELLS, TRIES)
    return {"done": done, "late": late, "runtime": container_runtime(node)}
