"""Cause faults in a real node, and repair them.

Every function takes ``inside``, which runs a shell script in the node and returns its output. No
function waits until the control plane notices. ``mend`` repairs all faults, also those of an
interrupted lesson.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from daemonset_course.cluster.backend import Pressure

Inside = Callable[[str], str]

CONFIG = "/var/lib/kubelet/config.yaml"
KEPT_CONFIG = f"{CONFIG}.before-pressure"
PLUGINS = "/etc/cni/net.d"
# Per resource: the kubelet's eviction signal, and a threshold that every node crosses.
_THRESHOLDS: Mapping[Pressure, tuple[str, str]] = {
    "disk": ("nodefs.available", "99.9%"),
    "memory": ("memory.available", "99.9%"),
    "pid": ("pid.available", "1G"),
}


def press(inside: Inside, what: Pressure) -> None:
    """Set an eviction threshold that every node crosses, and restart the kubelet.

    A soft threshold: a hard one would also reduce the node's allocatable memory.
    """
    config: dict[str, Any] = yaml.safe_load(inside(f"cat {CONFIG}"))
    signal, wanted = _THRESHOLDS[what]
    config["evictionSoft"] = {signal: wanted}
    config["evictionSoftGracePeriod"] = {signal: "1s"}
    config["evictionPressureTransitionPeriod"] = "5s"
    # Under disk pressure a kubelet removes unused images; lessons still need them.
    config["imageMinimumGCAge"] = "24h"
    text = base64.b64encode(yaml.safe_dump(config).encode()).decode()
    keep = f"[ -e {KEPT_CONFIG} ] || cp {CONFIG} {KEPT_CONFIG}"
    write = f"echo {text} | base64 -d > {CONFIG}"
    inside(f"{keep}; {write}; systemctl restart kubelet")


_RELEASE = f"""
if [ -e {KEPT_CONFIG} ]; then
    mv {KEPT_CONFIG} {CONFIG} && systemctl restart kubelet && echo kubelet configuration
fi
"""


def unplug(inside: Inside) -> None:
    """Remove the network plugin from the container runtime.

    A plugin registers with the runtime by a configuration file. The file is renamed, and a folder
    takes its name, so that the plugin cannot write the file again.
    """
    away = "for f in *.conflist; do [ -d $f ] || { mv $f $f.aside && mkdir $f; }; done"
    inside(f"cd {PLUGINS} && {away}")


_PLUG = f"""
for f in {PLUGINS}/*.aside; do
    [ -e "$f" ] && rmdir "${{f%.aside}}" && mv "$f" "${{f%.aside}}" && echo network plugin
done
"""


def stop_runtime(inside: Inside) -> None:
    """Stop the container runtime; the kubelet reports that its node is not ready."""
    inside("systemctl stop containerd || true")


def start_runtime(inside: Inside) -> None:
    """Start the container runtime."""
    inside("systemctl start containerd || true")


_RUNTIME = """
systemctl is-active --quiet containerd || { systemctl start containerd && echo containerd; }
"""
_BOOTED = """
tries=0
until systemctl list-jobs >/dev/null 2>&1; do  # a container that has just started boots first
    tries=$((tries + 1)); [ $tries -gt 150 ] && exit 1; sleep 0.2
done
"""


def mend(inside: Inside) -> list[str]:
    """Repair all remaining faults, and return what was repaired."""
    return inside(_BOOTED + _RELEASE + _PLUG + _RUNTIME).splitlines()
