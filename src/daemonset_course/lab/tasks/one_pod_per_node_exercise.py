"""The exercise of the lesson on one Pod per node: a node joins, and the Pods change their owner."""

from __future__ import annotations

from collections.abc import Mapping

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, right_on_unseen
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence, labelled, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.cover_the_fleet import AGENT, JOINS
from daemonset_course.lab.tasks.place_by_label import kubectl, not_tainted
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

RACK = "nodeSelector: {rack: one}"
FLEETS = Fleets(labels={"rack": ("one", "two", None), "zone": ("a", "b", None)},
                taints=("dedicated=db:NoSchedule",), control_plane=True)  # fmt: skip
_GUARDS = kept.guards(AGENT, created=True)
_EXISTS = _GUARDS[0]
GENERATION = "deprecated.daemonset.template.generation"
_ADOPTION = (
    "A DaemonSet adopts the Pods that match its selector and have no owner. Source: ClaimPods, "
    "pkg/controller/controller_ref_manager.go."
)


def _deleted() -> Criterion:
    """The DaemonSet was deleted, and there is a new one of that name."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        if own.recreated:
            return MET
        return missed(
            f"{AGENT} is the object of the start: it was not deleted and created again.",
            (f"uid {own.before.get('metadata', {}).get('uid')}, as at the start",),
            where=f"kubectl get daemonset {AGENT} -o jsonpath={{.metadata.uid}}, and AGE.",
        )

    return Criterion(f"{AGENT} is a new object", judge, (_EXISTS,), watched=("daemonsets",))


def _owners(evidence: Evidence) -> dict[str, tuple[Object, list[str]]]:
    """Return by uid each Pod as it was last, with the uids of its owners, by time."""
    found: dict[str, tuple[Object, list[str]]] = {}
    for change in evidence.history.edits("pods"):
        uids = found[change.uid][1] if change.uid in found else []
        for one in change.object["metadata"].get("ownerReferences") or ():
            if one.get("uid") not in uids:
                uids.append(str(one.get("uid")))
        found[change.uid] = change.object, uids
    return found


def _two_owners(own: DaemonSetEvidence) -> tuple[str, str]:
    """Return the uid of the DaemonSet before this one, and of this one."""
    uids = dict.fromkeys(
        str(change.object["metadata"]["uid"])
        for change in own.cluster.history.edits("daemonsets", own.is_it)
    )
    *_, before, now = uids
    return before, now


def _adopted() -> Criterion:
    """On each worker the new DaemonSet adopted the Pod of the one before."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        before, now = _two_owners(own)
        pods = _owners(evidence)
        there = {
            podstate.node_of(pod) for pod, owners in pods.values() if {before, now} <= {*owners}
        }
        workers = [node for node in evidence.workers if node not in there]
        if not workers:
            return met(f"The new {AGENT} adopted the Pods of {counted(len(there), 'node')}.")
        left = {
            podstate.node_of(pod): pod
            for pod, owners in pods.values()
            if before in owners and _is_orphan(evidence, pod)
        }
        why = {node: _why_not(own, left.get(node)) for node in workers}
        done = len(evidence.workers) - len(workers)
        says = (
            f"The new {AGENT} adopted the Pods of {done} of "
            f"{counted(len(evidence.workers), 'worker')}."
        )
        if all(reason == _SOON for reason in why.values()):
            return pending(says, evidence.lines(why))
        return missed(
            says,
            evidence.lines(why),
            f"kubectl delete --cascade decides about the Pods: background (the default) and "
            f"foreground delete them, orphan leaves them without an owner. {_ADOPTION}",
            f"kubectl get pods --show-labels, and {{.spec.selector}} of daemonset {AGENT}.",
        )

    return Criterion(f"the new {AGENT} adopted the Pod of each worker", judge, (_EXISTS, _DELETED),
                     2, watched=("daemonsets", "pods"))  # fmt: skip


_SOON = "its Pod has no owner yet, and the selector matches it"


def _is_orphan(evidence: Evidence, pod: Object) -> bool:
    uid = pod["metadata"]["uid"]
    now = next((p for p in evidence.history.objects("pods") if p["metadata"]["uid"] == uid), None)
    return now is not None and not (
        now["metadata"].get("ownerReferences") or podstate.is_terminating(now)
    )


def _why_not(own: DaemonSetEvidence, orphan: Object | None) -> str:
    """Return why the new DaemonSet did not adopt the Pod of a node."""
    if orphan is None:
        return f"the Pod of the earlier {AGENT} was deleted"
    wanted = ((own.after or {}).get("spec") or {}).get("selector", {}).get("matchLabels") or {}
    labels = orphan["metadata"].get("labels") or {}
    if wanted.items() <= labels.items():
        return _SOON
    words = ", ".join(f"{key}={value}" for key, value in wanted.items())
    return f"its Pod has no owner, and not the labels that the selector asks for: {words}"


def _of_this_template() -> Criterion:
    """No Pod of an older template is taken for one of the present template."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        wanted = _selector(pod_spec(own.after))
        number = ((own.after or {})["metadata"].get("annotations") or {}).get(GENERATION)
        old = {
            node: f"its Pod has {_words(_selector(pod['spec']))}, the template {_words(wanted)}"
            for node in evidence.workers
            for pod in own.pods_on(node)
            if _selector(pod["spec"]) != wanted and podstate.template_generation(pod) == number
        }
        if not old:
            return MET
        return missed(
            f"UP-TO-DATE counts Pods of {AGENT} that are of an older template.",
            evidence.lines(old),
            "A DaemonSet counts its templates, from 1. It takes a Pod that carries the number of "
            "its present template for up to date, also if another DaemonSet gave the number. "
            "Source: IsPodUpdated, pkg/controller/daemon/util/daemonset_util.go.",
            "{.spec.nodeSelector} of the Pods, and of the template. kubectl rollout restart "
            "replaces them.",
        )

    return Criterion("no Pod of an older template counts as up to date", judge, (_EXISTS,),
                     watched=("daemonsets", "pods"))  # fmt: skip


def _selector(spec: Mapping[str, object]) -> dict[str, str]:
    found = spec.get("nodeSelector")
    return dict(found) if isinstance(found, Mapping) else {}


def _words(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{k}={v}" for k, v in selector.items()) or "no nodeSelector"


_DELETED = _deleted()
_COVERED = covered.covers(AGENT, is_worker, "every worker", requires=(_EXISTS,))
_JOINED = covered.probed(AGENT, labelled("probe=plain"), JOINS.name, runs=True,
                         words="a node that joins", requires=(_COVERED,))  # fmt: skip

LAB = Lab(
    name="one-pod-per-node",
    title="A node joins, and the Pods get another owner",
    workers=(Worker({"rack": "one"}),) * 3,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Cover the node that joins, and change the owner of the Pods",
            start=running(agent_manifest(AGENT, pod=RACK), AGENT),
            there=f"{AGENT} runs on the three workers, which have the label rack=one. The next "
            "worker will have another value of the label rack, or no such label.",
            criteria=(
                *_GUARDS,
                _DELETED,
                _adopted(),
                _of_this_template(),
                _COVERED,
                _JOINED,
                right_on_unseen(AGENT, not_tainted, "every node without a taint", FLEETS,
                                requires=(_JOINED,)),
                kept.only_changed(AGENT, "nodeSelector", "affinity", requires=(_COVERED,)),
            ),
            probes=(JOINS,),
            hints=(
                f"Which field of the template keeps {AGENT} off a node without rack=one? "
                f"kubectl get daemonset {AGENT} -o yaml.",
                "A change of the template replaces Pods; a deletion with --cascade=orphan does "
                "not. A DaemonSet adopts the Pods without an owner that match its selector, and "
                "believes the template number that they carry. Which of the two requests comes "
                "first?",
                f"kubectl get daemonset {AGENT} -o yaml > agent.yaml\n"
                f"kubectl delete daemonset {AGENT} --cascade=…\n"
                "kubectl create -f agent.yaml",
            ),
            solution=kubectl(
                f"patch daemonset {AGENT} --type json "
                '-p \'[{"op": "remove", "path": "/spec/template/spec/nodeSelector"}]\''
            )
            + f"---\naction: wait rollout\ndaemonset: {AGENT}\n---\n"
            + kubectl(f"delete daemonset {AGENT} --cascade=orphan")
            + f"---\n{agent_manifest(AGENT)}",
        ),
    ),
    debrief="",
)  # fmt: skip
