"""Read DaemonSets that people run, in miniature in ``tests/manifests``, without a cluster.

A manifest's first line names its source, as in ``manifests/agents-in-the-wild/agents``; its second
line the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemonset_course.history.budgets import budgets
from daemonset_course.history.podstate import CONTROL_PLANE, containers_of
from daemonset_course.history.text import counted, joined
from daemonset_course.placement.decision import should_run
from daemonset_course.verbs.apply import parse
from daemonset_course.verbs.nodes import split_taint

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "manifests"
Object = dict[str, Any]

_SOURCE = re.compile(r"^# In miniature, the features of (https://\S+)")
_VERSION = re.compile(r"^# Version: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """What makes one node of the fleet different from the others.

    Attributes:
        labels: its labels, beside those that every node has.
        taints: its taints as kubectl writes them.
    """

    labels: Mapping[str, str]
    taints: tuple[str, ...] = ()


OS, CORDONED = "kubernetes.io/os", "node.kubernetes.io/unschedulable:NoSchedule"
COMMON = {OS: "linux", "kubernetes.io/arch": "amd64"}
# One node of each kind that real manifests choose or avoid.
FLEET: Mapping[str, Kind] = {
    "control plane": Kind({CONTROL_PLANE: ""}, (f"{CONTROL_PLANE}:NoSchedule",)),
    "linux": Kind({}),
    "arm64": Kind({"kubernetes.io/arch": "arm64", "node.kubernetes.io/instance-type": "a1.large"}),
    "windows": Kind({OS: "windows"}),
    "gpu": Kind({"nvidia.com/gpu.deploy.driver": "true"}, ("nvidia.com/gpu=present:NoSchedule",)),
    "database": Kind({}, ("dedicated=database:NoExecute",)),
    "fargate": Kind(
        {"eks.amazonaws.com/compute-type": "fargate"},
        ("eks.amazonaws.com/compute-type=fargate:NoSchedule",),
    ),
    "cordoned": Kind({}, (CORDONED,)),
}


def fleet() -> dict[str, Object]:
    """Return a Node of each kind, by kind."""
    return {name: _node(name, kind) for name, kind in FLEET.items()}


def _node(name: str, kind: Kind) -> Object:
    taints = [
        dict(zip(("key", "value", "effect"), split_taint(t), strict=True)) for t in kind.taints
    ]
    return {
        "metadata": {"name": name, "labels": {**COMMON, **kind.labels}},
        "spec": {"taints": taints},
    }


@dataclass(frozen=True)
class Manifest:
    """A DaemonSet with what it needs, from one file.

    Attributes:
        path: the file.
        source: the address of the manifest whose features it has.
        version: the version of that manifest.
        objects: all objects of the file.
        daemonset: the one DaemonSet among them.
    """

    path: Path
    source: str
    version: str
    objects: tuple[Object, ...]
    daemonset: Object

    @property
    def title(self) -> str:
        """The name of the file, which is what people call it."""
        return self.path.stem

    @property
    def name(self) -> str:
        """The name of the DaemonSet."""
        return str(self.daemonset["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The namespace of the DaemonSet."""
        return str(self.daemonset["metadata"].get("namespace", "default"))

    @property
    def template(self) -> Object:
        """The Pod template."""
        return dict(self.daemonset["spec"]["template"])

    @property
    def spec(self) -> Object:
        """The spec of its Pods."""
        return dict(self.template["spec"])

    @property
    def on_delete(self) -> bool:
        """Whether nobody but a person replaces its Pods."""
        return bool((self.daemonset["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of nodes of the fleet on which it runs, by the rules of placement."""
        return tuple(name for name, node in fleet().items() if should_run(node, self.template).run)

    @property
    def ready(self) -> str:
        """The column READY of a Pod, and the number of its init containers: ``2/2, 1 init``."""
        every, first = len(self.spec["containers"]), len(self.spec.get("initContainers") or ())
        return f"{every}/{every}" + (f", {first} init" if first else "")

    @property
    def budget(self) -> str:
        """How many of its nodes may be unavailable in a rollout: ``10% = 1``."""
        allowed, _ = budgets(self.daemonset, len(self.kinds))
        if allowed is None:
            return "OnDelete"
        strategy = self.daemonset["spec"].get("updateStrategy") or {}
        given = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "default")
        return str(allowed) if given == allowed else f"{given} = {allowed}"

    @property
    def tolerates(self) -> str:
        """What its own tolerations match, in a few words."""
        return (
            joined(list(dict.fromkeys(map(_toleration, self.spec.get("tolerations") or ()))))
            or "nothing"
        )

    @property
    def not_played(self) -> tuple[str, ...]:
        """What simulated kubelets do not play of it; see ``data/stages.yaml`` for what they do."""
        return tuple(_not_played(self))


def source_of(path: Path) -> str:
    """Return the address of the manifest whose features a file has; empty if it names none."""
    found = _SOURCE.match(path.read_text(encoding="utf-8"))
    return found[1] if found else ""


def read(path: Path) -> Manifest:
    """Return the manifest in a file.

    Raises:
        BadInput: the file is not YAML, or holds no object.
        ValueError: it does not hold exactly one DaemonSet.
    """
    text = path.read_text(encoding="utf-8")
    objects = tuple(parse(text))
    [daemonset] = [item for item in objects if item["kind"] == "DaemonSet"]
    version = _VERSION.search(text)
    return Manifest(path, source_of(path), version[1] if version else "", objects, daemonset)


def manifests(folder: Path = FOLDER) -> list[Manifest]:
    """Return the manifests of a folder, by title."""
    return [read(path) for path in sorted(folder.glob("*.yaml"))]


def _toleration(given: Mapping[str, str]) -> str:
    key, effect = given.get("key", ""), given.get("effect", "")
    if not key:
        return f"every {effect}" if effect else "everything"
    return key.removeprefix("node-role.kubernetes.io/")


def _not_played(manifest: Manifest) -> Iterator[str]:
    spec = manifest.spec
    every = containers_of(spec)
    for field, words in (
        ("livenessProbe", "liveness probes"),
        ("startupProbe", "startup probes"),
        ("readinessProbe", "readiness probes, but for their initial delay"),
    ):
        if any(field in each for each in every):
            yield words
    hooks = {hook for each in every for hook in each.get("lifecycle") or {}}
    if hooks:
        yield f"{joined(sorted(hooks))} hooks"
    if any(_bidirectional(each) for each in every):
        yield "mounts that the node sees"
    if paths := _existing(spec.get("volumes") or ()):
        yield f"{counted(paths, 'hostPath')} that must exist"
    if missing := sorted(set(_references(spec))):
        yield f"the lack of {joined(missing)}"


def _bidirectional(container: Mapping[str, Any]) -> bool:
    mounts = container.get("volumeMounts") or ()
    return any(mount.get("mountPropagation") == "Bidirectional" for mount in mounts)


def _existing(volumes: Sequence[Mapping[str, Any]]) -> int:
    """Return how many volumes a kubelet refuses to mount if the node lacks the file or folder.

    Source: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types
    """
    types = [str((volume.get("hostPath") or {}).get("type") or "") for volume in volumes]
    return sum(bool(each) and not each.endswith("OrCreate") for each in types)


def _references(spec: Mapping[str, Any]) -> Iterator[str]:
    """The ConfigMaps and Secrets without which a kubelet starts no container of the Pod."""
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            yield from _named("ConfigMap", source.get("configMap"))
            yield from _named("Secret", source.get("secret"))
    for container in containers_of(dict(spec)):
        for variable in container.get("env") or ():
            given = variable.get("valueFrom") or {}
            yield from _named("ConfigMap", given.get("configMapKeyRef"))
            yield from _named("Secret", given.get("secretKeyRef"))


def _named(kind: str, reference: Mapping[str, Any] | None) -> Iterator[str]:
    if reference and not reference.get("optional"):
        yield f"{kind} {reference.get('name') or reference.get('secretName')}"
