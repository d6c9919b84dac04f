"""What a Pod spec says of one container: its security context, and its mounts of the node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Spec = Mapping[str, Any]


class HostMount(NamedTuple):
    """A file or folder of the node in a container.

    Attributes:
        path: on the node.
        kind: the ``type`` of the volume; empty if it has none, so that nothing is checked.
        read_only: whether the container may only read it.
    """

    path: str
    kind: str
    read_only: bool


def container_of(spec: Spec, name: str) -> Spec:
    """Return the container of that name; empty if there is none."""
    return next((c for c in spec.get("containers") or () if c["name"] == name), {})


def security_of(spec: Spec, name: str) -> Spec:
    """Return the security context of a container, over that of its Pod.

    Source: kubernetes.io, Configure a Security Context for a Pod or Container.
    """
    own = container_of(spec, name).get("securityContext") or {}
    return {**(spec.get("securityContext") or {}), **own}


def host_mounts(spec: Spec, name: str) -> list[HostMount]:
    """Return what a container mounts of its node, in the order of its mounts."""
    volumes = {v["name"]: v["hostPath"] for v in spec.get("volumes") or () if "hostPath" in v}
    return [
        HostMount(
            volumes[m["name"]]["path"],
            volumes[m["name"]].get("type") or "",
            bool(m.get("readOnly")),
        )
        for m in container_of(spec, name).get("volumeMounts") or ()
        if m["name"] in volumes
    ]
