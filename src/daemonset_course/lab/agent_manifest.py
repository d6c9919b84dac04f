"""The manifest of the small agent that the labs run, as YAML. Pure."""

from __future__ import annotations

from textwrap import indent

IMAGE = "busybox:1.36"


def agent_manifest(
    name: str, *, update: str = "", pod: str = "", container: str = "", image: str = IMAGE
) -> str:
    """Return a DaemonSet whose only container has its name, sleeps, and ends at SIGTERM.

    Args:
        name: the DaemonSet, its label ``app``, and its container.
        update: the lines of ``updateStrategy``; empty: the API server's default.
        pod: further lines of the Pod spec, before ``containers``.
        container: further lines of the container.
        image: the container's image.
    """
    return "".join(
        (
            "apiVersion: apps/v1\nkind: DaemonSet\n",
            f"metadata:\n  name: {name}\n",
            f"spec:\n  selector:\n    matchLabels: {{app: {name}}}\n",
            f"  updateStrategy:\n{_lines(update, 4)}" if update else "",
            f"  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n",
            _lines(pod, 6),
            f"      containers:\n      - name: {name}\n        image: {image}\n",
            "        command: [sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\"]\n",
            _lines(container, 8),
        )
    )


def running(manifest: str, daemonset: str) -> str:
    """Return the steps that apply a manifest and wait for the rollout of its DaemonSet."""
    return f"{manifest}---\naction: wait rollout\ndaemonset: {daemonset}\n"


def sets_release(value: str) -> str:
    """Return the lines of a container that set the environment variable ``RELEASE``."""
    return f'env:\n- {{name: RELEASE, value: "{value}"}}\n'


def ready_after(seconds: int) -> str:
    """Return the lines of a container whose probe succeeds at once after ``seconds``."""
    return f'readinessProbe:\n  exec: {{command: ["true"]}}\n  initialDelaySeconds: {seconds}\n'


def _lines(text: str, spaces: int) -> str:
    return indent(text.rstrip("\n"), " " * spaces) + "\n" if text else ""
