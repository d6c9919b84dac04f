"""What only real containers and kubelets can show, in six words that steps and tasks declare."""

from __future__ import annotations

CAPABILITIES = {
    "logs": "kubectl logs of a real container",
    "exec": "a command run inside a real container",
    "hostpath": "files of a node, mounted into a Pod",
    "probes": "probes that a kubelet really runs",
    "pull": "images that a node really pulls",
    "pressure": "what a kubelet measures of its node",
}
