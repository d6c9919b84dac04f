"""The exercise of the lesson on configuration: a new value in a ConfigMap, in every Pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import dedent
from typing import Any, NamedTuple

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after
from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import JUDGED, DaemonSetEvidence, Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

AGENT = "agent"
CONFIG = "agent-config"
VARIABLE, KEY = "LEVEL", "level"
OLD, NEW = "info", "debug"
WORKERS = 6
BUDGET = 2
_SOURCE = (
    "The kubelet reads a ConfigMap for an environment variable when it starts the container, and "
    "the controller compares templates, not ConfigMaps. kubernetes.io: ConfigMaps; Source: Match, "
    "pkg/controller/daemon/update.go."
)


def manifest(config: str = CONFIG, *, notes: str = "") -> str:
    """Return the agent's manifest as YAML, which reads this ConfigMap; ``notes``: annotations."""
    env = (
        f"env:\n- name: {VARIABLE}\n  valueFrom:\n"
        f"    configMapKeyRef: {{name: {config}, key: {KEY}}}\n"
    )
    made = agent_manifest(
        AGENT,
        update=f"type: RollingUpdate\nrollingUpdate: {{maxUnavailable: {BUDGET}}}",
        container=env + ready_after(1),
    )
    labels = f"      labels: {{app: {AGENT}}}\n"
    return made.replace(labels, f"{labels}      annotations: {{{notes}}}\n") if notes else made


def config_map(level: str, name: str = CONFIG) -> str:
    """Return the ConfigMap as YAML."""
    return dedent(f"""\
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {name}
        data:
          {KEY}: {level}
        """)


class Reads(NamedTuple):
    """The ConfigMap and the key from which a Pod spec takes the variable; empty: from none."""

    config: str
    key: str


def reads(spec: Mapping[str, Any]) -> Reads | None:
    """Return from which ConfigMap the agent's variable comes; None if from no ConfigMap."""
    containers: list[dict[str, Any]] = list(spec.get("containers") or ())
    container = next((c for c in containers if c["name"] == AGENT), {})
    for one in container.get("env") or ():
        if one["name"] == VARIABLE:
            ref = (one.get("valueFrom") or {}).get("configMapKeyRef")
            return Reads(str(ref["name"]), str(ref["key"])) if ref else None
    for one in reversed(container.get("envFrom") or ()):
        ref, prefix = one.get("configMapRef"), one.get("prefix") or ""
        if ref and VARIABLE.startswith(prefix):
            return Reads(str(ref["name"]), VARIABLE.removeprefix(prefix))
    return None


def _value(evidence: Evidence, source: Reads, at: float | None = None) -> str | None:
    """Return what a ConfigMap had under a key at a time (default: now); None if nothing.

    At 0 it is what it had at the start of the task.
    """
    history = evidence.history
    for one in history.objects("configmaps", at=at) if at != 0 else history.at_start("configmaps"):
        if one["metadata"]["name"] == source.config:
            found = (one.get("data") or {}).get(source.key)
            return None if found is None else str(found)
    return None


def _from_config_map() -> Criterion:
    """The template takes the variable from a ConfigMap that has the new value."""

    def judge(evidence: Evidence) -> Finding:
        source = reads(pod_spec(evidence.daemonset(AGENT).after))
        if source is None:
            return missed(
                f"{VARIABLE} does not come from a ConfigMap any more.",
                rule="A value in the template is one more place to change next time.",
                where=f"kubectl get daemonset {AGENT} -o yaml, env.",
            )
        found = _value(evidence, source)
        if found == NEW:
            return MET
        if found is None:
            return missed(
                f"The template reads {source.key} of the ConfigMap {source.config}, and that is "
                "not there.",
                rule="A container whose ConfigMap or key is missing does not start: "
                "CreateContainerConfigError. kubernetes.io: Configure a Pod to Use a ConfigMap.",
                where="kubectl get configmaps.",
            )
        return missed(
            f"The ConfigMap {source.config}, which the template reads, has {source.key}: {found}; "
            f"it should be {NEW}.",
            rule=_SOURCE,
            where=f"kubectl get configmap {source.config} -o yaml.",
        )

    return Criterion(f"the template reads a ConfigMap with {KEY}: {NEW}", judge, _GUARDS[:1])


def _started(own: DaemonSetEvidence) -> dict[str, float]:
    """Return when the agent's container of each Pod was last seen to start, in seconds, by uid."""
    found: dict[str, tuple[Any, float]] = {}
    for change in own.cluster.history.changes("pods"):
        if change.gone or not podstate.is_owned(change.object, own.name):
            continue
        now = _running_since(change.object)
        if now is not None and (change.uid not in found or found[change.uid][0] != now):
            found[change.uid] = now, 0.0 if change.via == "start" else change.t
    return {uid: t for uid, (_, t) in found.items()}


def _running_since(pod: Object) -> tuple[int, str] | None:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    for one in statuses:
        if one.get("name") == AGENT and "running" in (one.get("state") or {}):
            return int(one.get("restartCount") or 0), str(one["state"]["running"].get("startedAt"))
    return None


def _stale(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield each node whose Pod was started with another value, with the value."""
    own = evidence.daemonset(AGENT)
    started = _started(own)
    for pod in own.pods:
        source, uid = reads(pod["spec"]), str(pod["metadata"]["uid"])
        if uid not in started or podstate.is_terminating(pod):
            continue
        value = None if source is None else _value(evidence, source, started[uid])
        if value != NEW:
            yield podstate.node_of(pod), f"started with {VARIABLE}={value or ''}"


def _in_every_pod() -> Criterion:
    """Each Pod was started when its ConfigMap had the new value."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        stale = dict(_stale(evidence))
        if not stale:
            return met(f"Every Pod of {AGENT} was started with {VARIABLE}={NEW}.")
        old = [pod for pod in own.pods if _is_old(own, pod)]
        strategy = ((own.after or {}).get("spec") or {}).get("updateStrategy") or {}
        if old and strategy.get("type") != "OnDelete":
            return pending(
                f"{len(stale)} of {len(own.pods)} Pods still have the old value; the rollout goes "
                "on.",
                evidence.lines(stale),
                f"kubectl rollout status {own.option}.",
            )
        how = (
            "The template rolled out before the ConfigMap had the new value."
            if own.rolled and not old
            else "With OnDelete a new template reaches a node when somebody deletes its Pod."
            if old
            else "Nothing has replaced these Pods: UP-TO-DATE counts them all the same."
        )
        return missed(
            f"{len(stale)} of {len(own.pods)} Pods of {AGENT} run with another value than {NEW}.",
            evidence.lines(stale),
            f"{how} {_SOURCE}",
            "AGE in kubectl get pods -o wide, and when the ConfigMap was changed.",
        )

    return Criterion(f"every Pod was started with {VARIABLE}={NEW}", judge,
                     (*_GUARDS[:1], _CONFIGURED), 2, watched=(*JUDGED, "configmaps"))  # fmt: skip


def _is_old(own: DaemonSetEvidence, pod: Object) -> bool:
    if not own.rolled or podstate.is_terminating(pod):
        return False
    labels = pod["metadata"].get("labels") or {}
    return bool(labels.get("controller-revision-hash") != own.revision)


_GUARDS = kept.guards(AGENT)
_CONFIGURED = _from_config_map()
_EVERY_POD = _in_every_pod()
_COVERED = covered.covers(AGENT, is_worker, "every worker", requires=(*_GUARDS[:1], _CONFIGURED))

LAB = Lab(
    name="configuration",
    title="A new value in every Pod",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(
        Task(
            title=f"Give every Pod {VARIABLE}={NEW}, within the budget",
            start=f"{config_map(OLD)}---\n{manifest()}---\naction: wait rollout\n"
            f"daemonset: {AGENT}\n",
            there=f"{AGENT} runs on {WORKERS} workers. Its variable {VARIABLE} comes from the key "
            f"{KEY} of the ConfigMap {CONFIG}; the value is {OLD}. The budget is {BUDGET} nodes.",
            criteria=(
                *_GUARDS,
                kept.only_changed(AGENT, f"{AGENT}.env", f"{AGENT}.envFrom",
                                  requires=_GUARDS[:1]),
                rolled.budget_at_most(AGENT, BUDGET),
                rolled.down_at_most(AGENT, BUDGET),
                _CONFIGURED,
                _COVERED,
                _EVERY_POD,
            ),
            hints=(
                "Change the ConfigMap first. Which Pods have the new value now? Compare AGE in "
                "kubectl get pods.",
                "A rollout begins when the template changes. The template holds the name of the "
                "ConfigMap, not its content. What could be in the template that changes with the "
                "content?",
                "spec:\n  template:\n    metadata:\n      annotations:\n"
                "        checksum/config: …\n"
                "# or a new ConfigMap, and its name in configMapKeyRef",
            ),
            solution=f"{config_map(NEW)}---\n" + manifest(notes='checksum/config: "2"'),
        ),
    ),
    debrief="",
)  # fmt: skip
