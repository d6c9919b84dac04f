"""The exercise of the lesson on agents in the wild: six lines of a manifest are put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from daemonset_course.history.text import joined
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.quantities import amount
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed, pending

LOGS = "logs"
READS, POSITIONS = "/var/log/pods", "/var/lib/logs"
CPU, MEMORY = "20m", "32Mi"
BATCH = "dedicated=batch:NoSchedule"
LOG_PATHS = ("/var/log", "/var/lib/docker/containers")  # the runtime may write there
LOST = {
    "priority": "priorityClassName: system-node-critical\n",
    "tolerations": "tolerations: [{operator: Exists}]\n",
    "env": "- {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}\n",
    "resources": f"resources: {{requests: {{cpu: {CPU}, memory: {MEMORY}}}, "
    "limits: {memory: 64Mi}}\n",
    "mount": "- {name: log, mountPath: /var/log, readOnly: true}\n",
    "volume": "- {name: log, hostPath: {path: /var/log}}\n",
}


def manifest(**lines: str) -> str:
    """Return the agent's manifest as YAML, with these of the six lines."""
    line = {key: lines.get(key, "") for key in LOST}
    return agent_manifest(
        LOGS,
        pod=f"{line['priority']}{line['tolerations']}volumes:\n"
        f"- {{name: positions, hostPath: {{path: {POSITIONS}, type: DirectoryOrCreate}}}}\n"
        f"{line['volume']}",
        container=f"env:\n- {{name: READS, value: {READS}}}\n{line['env']}{line['resources']}"
        f"volumeMounts:\n- {{name: positions, mountPath: {POSITIONS}}}\n{line['mount']}",
    )


class Seen(NamedTuple):
    """What a path in the container is: the node's path (empty if none), and how it is mounted."""

    node_path: str
    read_only: bool
    kind: str
    type: str


def seen(spec: Mapping[str, Any], path: str) -> Seen | None:
    """Return where a path in the container comes from; None: from its image."""
    volumes = {one["name"]: one for one in spec.get("volumes") or ()}
    mounts = _container(spec).get("volumeMounts") or ()
    for mount in sorted(mounts, key=lambda one: -len(one["mountPath"])):
        at = str(mount["mountPath"]).rstrip("/")
        if path != at and not path.startswith(f"{at}/"):
            continue
        volume = volumes.get(mount["name"], {})
        kind = next((key for key in volume if key != "name"), "emptyDir")
        source = volume.get("hostPath")
        if source is None:
            return Seen("", False, kind, "")
        inner = f"/{mount['subPath']}" if mount.get("subPath") else ""
        node_path = f"{str(source['path']).rstrip('/')}{inner}{path[len(at) :]}"
        return Seen(node_path, bool(mount.get("readOnly")), kind, source.get("type") or "")
    return None


def _container(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in spec.get("containers") or () if one["name"] == LOGS), {})


def reads_the_node(spec: Mapping[str, Any]) -> str:
    """Return why the agent does not see the log files of its node; empty if it does."""
    found = seen(spec, READS)
    if found is None:
        return f"{READS} in the container is a folder of its image, and empty."
    if not found.node_path:
        return f"{READS} in the container is of a volume {found.kind}, and no file of the node."
    if found.node_path != READS:
        return f"{READS} in the container is {found.node_path} of the node: no log is there."
    if found.type not in ("", "Directory", "DirectoryOrCreate"):
        return f"The hostPath has the type {found.type}, and {READS} is a directory."
    return ""


def writes_nothing_else(spec: Mapping[str, Any]) -> str:
    """Return what the agent could write or read beside its job; empty if nothing."""
    volumes = {v["name"]: str(v["hostPath"]["path"]) for v in spec.get("volumes") or ()
               if "hostPath" in v}  # fmt: skip
    for mount in _container(spec).get("volumeMounts") or ():
        if (path := volumes.get(mount["name"], POSITIONS)) == POSITIONS:
            continue
        if mount.get("subPath"):
            path = f"{path.rstrip('/')}/{mount['subPath']}"
        if not any(path == each or path.startswith(f"{each}/") for each in LOG_PATHS):
            return f"The agent sees {path} of its node, and its job does not need it."
        if not mount.get("readOnly"):
            return f"The agent could write to {path} of its node, also over the logs of others."
    return ""


def names_its_node(spec: Mapping[str, Any]) -> str:
    """Return why NODE_NAME is not the node's name in each Pod; empty if it is."""
    env = {one["name"]: one for one in _container(spec).get("env") or ()}
    if "NODE_NAME" not in env:
        return "The container has no variable NODE_NAME: nobody knows which node a line is from."
    source = env["NODE_NAME"].get("valueFrom") or {}
    path = (source.get("fieldRef") or {}).get("fieldPath", "")
    if path == "spec.nodeName":
        return ""
    if path:
        return f"NODE_NAME is {path}, which is not the name of the node."
    value = env["NODE_NAME"].get("value", "")
    if source:
        return "NODE_NAME comes from something else than a field of the Pod."
    return f"NODE_NAME is {value!r} on every node."


def requests_enough(spec: Mapping[str, Any]) -> str:
    """Return what the agent requests too little of, or has no limit of; empty if nothing."""
    resources = _container(spec).get("resources") or {}
    limits = resources.get("limits") or {}
    given = {**limits, **(resources.get("requests") or {})}  # a limit alone is the request too
    for name, least in (("cpu", CPU), ("memory", MEMORY)):
        if amount(given.get(name, 0)) < amount(least):
            return f"The agent requests {given.get(name, 'nothing')} of {name}; it needs {least}."
    if "memory" not in limits:
        return "A leak of the agent takes the memory of its node: it has no limit of memory."
    return ""


def _above_applications(same: Criterion) -> Criterion:
    """Its Pods have a priority above 0, which is that of Pods without a class."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(LOGS)
        if not own.pods:
            return pending("There is no Pod yet.")
        named = pod_spec(own.after).get("priorityClassName")
        low = [pod["spec"] for pod in own.pods if int(pod["spec"].get("priority") or 0) <= 0]
        if not low:
            return MET
        if named and all(spec.get("priorityClassName") != named for spec in low):
            return pending(f"Not every Pod has the priority class {named} yet.")
        return missed(
            f"The Pods of {LOGS} have priority 0, as every application has.",
            rule="For room and under pressure, Pods of lower priority go first. kubernetes.io: Pod "
            "Priority and Preemption.",
            where="kubectl get priorityclasses, and kubectl explain pod.spec.priorityClassName.",
        )

    return Criterion("its Pods have a priority above that of applications", judge, (same,))


def _still_there(same: Criterion) -> Criterion:
    """What the manifest had of env, volumeMounts and volumes at the start is still in it."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(LOGS)
        first, now = pod_spec(own.before), pod_spec(own.after)
        pairs = {
            "env": [_container(spec).get("env") or () for spec in (first, now)],
            "volumeMounts": [_container(spec).get("volumeMounts") or () for spec in (first, now)],
            "volumes": [spec.get("volumes") or () for spec in (first, now)],
        }
        found = [
            f"{field} {one['name']}"
            for field, (had, has) in pairs.items() for one in had if one not in has
        ]  # fmt: skip
        if not found:
            return MET
        return missed(
            f"Lines are gone or changed that were there: {joined(found)}.",
            rule="A list of a manifest that is applied again loses what is not in it any more.",
            where=f"kubectl rollout history daemonset {LOGS} --revision=1, and compare.",
        )

    return Criterion("the lines that were there still are", judge, (same,), weight=0)


_GUARDS = kept.guards(LOGS)
_SAME = _GUARDS[0]
_WHERE = f"kubectl get daemonset {LOGS} -o yaml."
_EVERYWHERE = covered.covers(LOGS, lambda _: True, "every node", requires=(_SAME,))
_NOT_STUCK = rolled.not_stuck(LOGS, requires=(_SAME, _EVERYWHERE))
_READS = kept.field(
    LOGS,
    "it reads the log files of its node",
    reads_the_node,
    rule="A container sees a file of its node only through a hostPath volume that is mounted. "
    "kubernetes.io: Volumes, hostPath.",
    where=_WHERE,
    requires=(_SAME,),
)


_CRITERIA = (
    *_GUARDS,
    kept.only_changed(
        LOGS, "tolerations", "priorityClassName", "volumes",
        *(f"{LOGS}.{field}" for field in ("env", "resources", "volumeMounts")), requires=(_SAME,),
    ),
    _still_there(_SAME),
    _EVERYWHERE,
    _READS,
    kept.field(
        LOGS, "of its node it can write its positions only", writes_nothing_else,
        rule="Who writes to the node's files owns the node. kubernetes.io: Volumes, hostPath.",
        where=_WHERE, requires=(_SAME, _READS),
    ),
    kept.field(
        LOGS, "NODE_NAME is the name of its node", names_its_node,
        rule="A template is the same for all nodes. The downward API gives a container a field of "
        "its own Pod. kubernetes.io: Downward API.",
        where=f"{_WHERE} And kubectl explain pod.spec.containers.env.valueFrom.",
        requires=(_SAME,),
    ),
    kept.field(
        LOGS, "it requests what it needs, and has a limit of memory", requests_enough,
        rule="The scheduler reserves what is requested, and the kernel enforces the limit. "
        "kubernetes.io: Resource Management for Pods and Containers.",
        where=_WHERE, requires=(_SAME,),
    ),
    _above_applications(_SAME),
    _NOT_STUCK,
    rolled.finished(LOGS, requires=(_SAME, _EVERYWHERE, _NOT_STUCK)),
)  # fmt: skip

LAB = Lab(
    name="agents-in-the-wild",
    title="Six lines are gone",
    workers=(Worker(), Worker(), Worker(taints=(BATCH,))),
    daemonset=LOGS,
    tasks=(
        Task(
            title="Put back what the job of a log agent needs",
            start=running(manifest(), LOGS),
            there="The DaemonSet logs sends what the containers of its node print. In a merge six "
            "lines of its manifest were lost, and the rollout was green. Its job: it runs on every "
            "node, the control plane and worker3 with its taint included. It reads "
            f"{READS} of its node, and can write nothing of the node but its positions in "
            f"{POSITIONS}. Each line carries the name of the node, from the variable NODE_NAME. It "
            f"needs {CPU} CPU and {MEMORY} memory, and a leak must not take the memory of the "
            "node. When the node is short of room, applications go before it. Put back what is "
            "missing, and leave the rest as it is.",
            criteria=_CRITERIA,
            hints=(
                "Go through the sentences of its job, one by one: which field of the manifest "
                "serves it? kubectl get daemonset logs -o yaml.",
                "Two lines belong together: a volume is nothing without a mount, and the positions "
                "show both. The others are a toleration, a field of the Pod as a variable, "
                "requests with a limit, and a priority class (kubectl get priorityclasses).",
                "- {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: …}}}\n"
                "- {name: log, mountPath: …, readOnly: …}\n- {name: log, hostPath: {path: …}}",
            ),
            solution=manifest(**LOST),
        ),
    ),
    debrief="",
)
