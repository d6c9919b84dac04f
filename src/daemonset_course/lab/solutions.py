"""Compare what the learner applied with a reference solution. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

# What the API server adds by itself, by field.
_DEFAULTS: Mapping[str, Any] = {
    "maxSurge": 0, "maxUnavailable": 1, "revisionHistoryLimit": 10, "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "securityContext": {},
    "schedulerName": "default-scheduler", "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent", "protocol": "TCP",
    "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
    "resources": {}, "minReadySeconds": 0, "creationTimestamp": None,
}  # fmt: skip
_HIDDEN = (
    "status",
    "creationTimestamp",
    "uid",
    "resourceVersion",
    "generation",
    "selfLink",
    "managedFields",
)
_ANNOTATIONS = ("deprecated.daemonset.template.generation", "kubectl.kubernetes.io/")


def compared(solution: str, theirs: Sequence[Mapping[str, Any]]) -> str:
    """Return a reference solution beside what the learner has, in Markdown.

    A solution of commands is shown as one types it; one of manifests as a diff.
    """
    steps = [step for step in yaml.safe_load_all(solution) if step]
    ours = [step for step in steps if step.get("kind") == "DaemonSet"]
    if not ours or any("action" in step for step in steps):
        parts = ["A solution, as one would type it:", f"```bash\n{as_typed(steps)}\n```"]
        if theirs:
            parts += ["What you have:", f"```yaml\n{_text(theirs)}\n```"]
        return "\n\n".join(parts)
    names = [step["metadata"]["name"] for step in ours]
    found = [one for one in theirs if one.get("metadata", {}).get("name") in names]
    if not found:
        return f"Your own manifest was not kept. A solution:\n\n```yaml\n{_text(ours)}\n```"
    mine, yours = _text(ours).splitlines(), _text(found).splitlines()
    if mine == yours:
        return f"Yours is the same:\n\n```yaml\n{_text(ours)}\n```"
    lines = difflib.unified_diff(mine, yours, "a solution", "yours", lineterm="", n=2)
    return "Both pass. They differ here:\n\n```diff\n" + "\n".join(lines) + "\n```"


def as_typed(steps: Iterable[Mapping[str, Any]]) -> str:
    """Return the steps of a solution as one types them in a terminal."""
    lines = []
    for step in steps:
        if step.get("action") == "kubectl":
            text = step.get("stdin")
            lines.append(f"kubectl {step['command']}" + (f" <<'END'\n{text}END" if text else ""))
        elif "kind" in step:
            lines.append(f"kubectl apply --server-side -f - <<'END'\n{_dump(step)}END")
        elif step.get("action") == "wait rollout":
            lines.append(f"kubectl rollout status daemonset {step['daemonset']}")
        elif step.get("action") == "delete pods":
            nodes = step.get("nodes", [step.get("node", "NODE")])
            lines += [f"kubectl delete pod -l app={step['daemonset']} "
                      f"--field-selector spec.nodeName={node}" for node in nodes]  # fmt: skip
    return "\n".join(lines)


def _text(objects: Iterable[Mapping[str, Any]]) -> str:
    return "---\n".join(_dump(_plain(one)) for one in objects).rstrip("\n")


def _dump(item: Any) -> str:
    return str(yaml.safe_dump(item, sort_keys=True))


def _plain(item: Any) -> Any:
    """Return an object without the defaults and the bookkeeping of the API server."""
    if isinstance(item, Mapping):
        found = {
            key: _plain(value)
            for key, value in item.items()
            if key not in _HIDDEN
            and not (key in _DEFAULTS and value in (_DEFAULTS[key], "0%"))
            and not str(key).startswith(_ANNOTATIONS)
        }
        if found.get("namespace") == "default":
            found.pop("namespace")
        if isinstance(item.get("updateStrategy"), Mapping):
            strategy = found["updateStrategy"]
            if strategy.get("type") == "RollingUpdate":
                strategy.pop("type")
        return {key: value for key, value in found.items() if value not in ({}, [], None)}
    if isinstance(item, list):
        return [_plain(one) for one in item]
    return item
