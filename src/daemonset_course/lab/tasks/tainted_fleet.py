"""Lab 04, a tainted fleet: tolerations as narrow as their nodes, a gap, a minute, a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import running
from daemonset_course.lab.criteria import covered, evicted, kept
from daemonset_course.lab.criteria.unseen_fleets import (
    Fleets,
    node,
    nothing_to_drop,
    right_on_unseen,
    taint_of,
)
from daemonset_course.lab.evidence import Evidence, NodeTest
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.tasks.cover_the_fleet import AGENT, manifest
from daemonset_course.lab.verdict import Criterion, Finding, met, missed
from daemonset_course.placement.decision import Decision, should_run
from daemonset_course.placement.tolerations import blocking_taints, taint_name

GPU = "gpu=true:NoSchedule"
DB = "dedicated=db:NoExecute"
LAST_RESORT = "last-resort=true:PreferNoSchedule"
QUARANTINE = "quarantine=true:NoExecute"
NETWORK = "node.kubernetes.io/network-unavailable:NoSchedule"
CORDON = "node.kubernetes.io/unschedulable:NoSchedule"
MAINTENANCE = "maintenance:NoExecute"
MINUTE = 60

GPU_AND_DB = """\
tolerations:
- {key: gpu, operator: Exists, effect: NoSchedule}
- {key: dedicated, value: db, effect: NoExecute}"""
NO_NETWORK = """\
- {key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule}"""
A_MINUTE = f"""\
- {{key: maintenance, operator: Exists, effect: NoExecute, tolerationSeconds: {MINUTE}}}"""

# Taints of other teams, which no agent is to tolerate.
_OTHERS = ("gpu=broken:NoExecute", "dedicated=web:NoExecute", "dedicated=web:NoSchedule",
           QUARANTINE, "night-batch:NoSchedule")  # fmt: skip


def _fleets(*taints: str) -> Fleets:
    return Fleets(
        labels={"zone": ("a", "b", None)},
        taints=(*taints, LAST_RESORT, CORDON, *_OTHERS),
        control_plane=True,
    )


def _open_to(*taints: str) -> NodeTest:
    """Return a test of nodes: whether only these taints, or a cordon, keep Pods off."""
    known = {*taints, CORDON}

    def test(one: Object) -> bool:
        return all(taint_name(taint) in known for taint in blocking_taints(one))

    return test


def _not(test: NodeTest) -> NodeTest:
    return lambda one: not test(one)


def _running(*tolerations: str) -> str:
    return running(manifest("\n".join(tolerations)), AGENT)


_FAULT = "action: network unavailable\nnode: $worker8\n---\n"
_IN_PLACE = kept.guards(AGENT)
_SAME = _IN_PLACE[0]
_FAULT_KEPT = kept.condition_kept("NetworkUnavailable", "the node without network stays as it is")
_PLACEMENT = ("tolerations", "affinity", "nodeSelector")
_NETWORK_TOO = (*_PLACEMENT, "hostNetwork", "dnsPolicy")


def _placed(words: str, fleets: Fleets, *taints: str) -> tuple[Criterion, ...]:
    """Return the criteria of a placement: where the agent runs, and with no right too many."""
    wanted = _open_to(*taints)
    runs = covered.covers(AGENT, wanted, words, requires=(_SAME,))
    off = covered.stays_off(AGENT, _not(wanted), "quarantine and the control plane",
                            requires=(_SAME,))  # fmt: skip
    return (
        runs,
        off,
        nothing_to_drop(AGENT, fleets, requires=(runs, off)),
        right_on_unseen(AGENT, wanted, "nodes with these taints alone", fleets,
                        requires=(runs, off)),
        evicted.stays(AGENT, taint_of(DB), None, requires=(runs,)),
    )  # fmt: skip


_FEWEST = Task(
    title="Cover gpu and db, with the fewest rights",
    start=_running(),
    there="agent runs on the plain nodes, the cordoned one, and the one of last resort. It is to "
    "run on the nodes with gpu=true:NoSchedule and dedicated=db:NoExecute too, and on no node in "
    "quarantine. Other teams use the same keys: gpu=broken:NoExecute is a node in repair, and "
    "dedicated=web (NoSchedule or NoExecute) is the web team's.",
    criteria=(
        *_IN_PLACE,
        *_placed("every worker but the one in quarantine", _fleets(GPU, DB), GPU, DB),
        kept.only_changed(AGENT, *_PLACEMENT, requires=(_SAME,)),
    ),
    hints=(
        "Which nodes have no agent, and which taints do they have? kubectl describe nodes, Taints.",
        "A toleration matches a taint by key, value and effect. What it leaves out, it matches in "
        "every form: without effect each effect, with Exists each value, without key each key.",
        "tolerations:\n- {key: gpu, operator: …, effect: …}\n- {key: dedicated, value: …}",
    ),
    solution=manifest(GPU_AND_DB),
)

_GAP = Task(
    title="The gap that DESIRED and READY hide",
    start=f"{_FAULT}{_running(GPU_AND_DB)}",
    there="agent tolerates gpu and db. kubectl get daemonset shows as many READY as DESIRED, and "
    "yet one node outside quarantine has no agent. Find it, and close the gap. Leave the node as "
    "it is: the network team works on it.",
    criteria=(
        *_IN_PLACE,
        _FAULT_KEPT,
        *_placed("every worker but the one in quarantine", _fleets(GPU, DB, NETWORK),
                 GPU, DB, NETWORK),
        kept.only_changed(AGENT, *_NETWORK_TOO, requires=(_SAME,)),
    ),
    hints=(
        "Compare the list of nodes with that of Pods: kubectl get nodes, kubectl get pods -o wide. "
        "Then kubectl describe the node that has none: Taints and Conditions.",
        "DESIRED counts the nodes on which the controller wants a Pod. A node with an untolerated "
        "taint is not one of them: no Pod, nothing Pending, no event. The controller adds six "
        "tolerations for conditions by itself; the one for a missing network it adds only to Pods "
        "with hostNetwork.",
        "tolerations:\n- key: node.kubernetes.io/…\n  operator: Exists\n  effect: …",
    ),
    solution=manifest("\n".join((GPU_AND_DB, NO_NETWORK))),
)  # fmt: skip

TAINTED = Probe(
    "a node gets maintenance:NoExecute",
    f"action: kubectl\ncommand: taint node $worker2 {MAINTENANCE} --overwrite\n",
    # Set once more, so that it is there to be removed, also after an interruption.
    f"action: kubectl\ncommand: taint node $worker2 {MAINTENANCE} --overwrite\n---\n"
    f"action: kubectl\ncommand: taint node $worker2 {MAINTENANCE}-\n",
)


def _after_eviction(evidence: Evidence) -> str:
    """Return what the controller does on a node whose Pod was evicted for maintenance."""
    tainted = node({}, [taint_of(MAINTENANCE)])
    found = should_run(tainted, evidence.daemonset(AGENT).template)
    return "new-pod" if found.run else "no-pod"


def _minute_later() -> tuple[Criterion, ...]:
    taints = GPU, DB, NETWORK, MAINTENANCE
    placed = _placed("every worker but the one in quarantine", _fleets(*taints), *taints)
    taint = taint_of(MAINTENANCE)
    minute = evicted.stays(AGENT, taint, MINUTE, requires=(_SAME,))
    pods = evicted.pods_stay(AGENT, taint, MINUTE, requires=(minute, placed[0]))
    return (
        *placed[:2],
        minute,
        *placed[2:],
        pods,
        kept.answered(
            "after-eviction",
            "the answer says what follows the eviction",
            _after_eviction,
            rule="Only the eviction reads tolerationSeconds. The DaemonSet controller asks whether "
            "the taint is tolerated, and with any tolerationSeconds it is. Sources: "
            "getMinTolerationTime, pkg/controller/tainteviction/taint_eviction.go; "
            "NodeShouldRunDaemonPod, pkg/controller/daemon/daemon_controller.go.",
            hint="Try it with a short tolerationSeconds on a DaemonSet and a taint of your own "
            "outside this task, and read kubectl get events.",
            requires=(minute,),
        ),
        evicted.stayed(AGENT, taint, TAINTED.name, requires=(pods,)),
    )


_MINUTE = Task(
    title="A minute before the eviction",
    start=f"{_FAULT}{_running(GPU_AND_DB, NO_NETWORK)}",
    there="agent runs on seven nodes. For maintenance a node gets the taint maintenance:NoExecute. "
    f"From then on a Pod of agent is to stay {MINUTE} s, to send what it has, and then be evicted. "
    "Say too what happens next, while the taint is still there: kubectl create configmap answer "
    "--from-literal=after-eviction=… with new-pod (the controller creates a Pod on that node "
    "again) or no-pod (the node has none until the taint is gone).",
    criteria=(
        *_IN_PLACE,
        _FAULT_KEPT,
        *_minute_later(),
        kept.only_changed(AGENT, *_NETWORK_TOO, requires=(_SAME,)),
    ),
    hints=(
        "kubectl explain daemonset.spec.template.spec.tolerations, the last field.",
        "The effect NoExecute evicts. A toleration without tolerationSeconds holds it off for "
        "good, one with it for so long. Two controllers read the toleration: the taint eviction "
        "reads the seconds, the DaemonSet controller does not.",
        "tolerations:\n- key: maintenance\n  operator: Exists\n  effect: …\n  tolerationSeconds: …",
    ),
    probes=(TAINTED,),
    solution=manifest("\n".join((GPU_AND_DB, NO_NETWORK, A_MINUTE)))
    + "---\naction: kubectl\ncommand: create configmap answer "
    "--from-literal=after-eviction=new-pod\n",
)

# The fleet of task 4. ``pod``: whether a Pod of the DaemonSet runs there before the change.
_FLEET = """\
- {name: a1, pod: true}
- {name: a2, taints: ["gpu=true:NoSchedule"]}
- {name: a3, taints: ["gpu=broken:NoExecute"]}
- {name: b1, taints: ["dedicated=db:NoExecute"], pod: true}
- {name: b2, taints: ["dedicated=web:NoExecute"], pod: true}
- {name: b3, taints: ["night-batch:NoSchedule"], pod: true}
- {name: b4, taints: ["night-batch:NoSchedule"]}
- {name: c1, taints: ["last-resort=true:PreferNoSchedule"]}
- {name: c2, taints: ["node.kubernetes.io/unschedulable:NoSchedule"]}
- {name: c3, labels: {monitored: "no"}, pod: true}
- {name: d1, taints: ["node.kubernetes.io/network-unavailable:NoSchedule"], pod: true}
- {name: d2, pod: true, taints: ["node.kubernetes.io/unreachable:NoSchedule",
                                 "node.kubernetes.io/unreachable:NoExecute"]}
- {name: e1, taints: ["node-role.kubernetes.io/control-plane:NoSchedule"]}
"""
FLEET: tuple[Mapping[str, Any], ...] = tuple(yaml.safe_load(_FLEET))
FLEETS_TEMPLATE = """\
nodeSelector: {monitored: "yes"}
tolerations:
- {key: gpu, operator: Exists}
- {key: dedicated, operator: Equal, value: db, effect: NoExecute}"""


def decisions() -> list[tuple[Mapping[str, Any], Decision]]:
    """Return each node of the fleet of task 4, with what the controller decides there."""
    template = {"spec": yaml.safe_load(FLEETS_TEMPLATE)}
    return [
        (one, should_run(node({"monitored": "yes", **one.get("labels", {})},
                              map(taint_of, one.get("taints", ()))), template))
        for one in FLEET
    ]  # fmt: skip


def counts() -> dict[str, int]:
    """Return the counts that task 4 asks for."""
    found = [(bool(one.get("pod")), decided) for one, decided in decisions()]
    return {
        "desired": sum(d.run for _, d in found),
        "misscheduled": sum(has and not d.run and d.keep for has, d in found),
        "created": sum(d.run and not has for has, d in found),
        "deleted": sum(has and not d.keep for has, d in found),
    }


_MEANING = {
    "desired": (
        "a node counts if no untolerated NoSchedule or NoExecute taint and no label keeps the Pod "
        "off; PreferNoSchedule keeps nothing off, and the controller tolerates a cordon by itself",
        "updateDaemonSetStatus, desiredNumberScheduled",
    ),
    "misscheduled": (
        "a node counts if it has a Pod, should not have one, and the Pod may stay: so it is with "
        "an untolerated NoSchedule taint, also one that the node controller has set",
        "updateDaemonSetStatus, numberMisscheduled",
    ),
    "created": (
        "a Pod is created on each node that counts as desired and has none",
        "podsShouldBeOnNode",
    ),
    "deleted": (
        "a Pod is deleted where a label no longer matches or a NoExecute taint is not tolerated; "
        "a NoSchedule taint deletes none",
        "NodeShouldRunDaemonPod",
    ),
}


def _counted(key: str) -> Criterion:
    """The ConfigMap answer has the right number under ``key``."""
    rule, source = _MEANING[key]

    def judge(evidence: Evidence) -> Finding:
        given, wanted = evidence.answer(key), counts()[key]
        where = f"kubectl create configmap answer --from-literal={key}=…"
        if given is None:
            return missed(f"There is no answer for {key}.", where=where)
        if not given.isdigit():
            return missed(f"{key}: {given} is no number.", where=where)
        if int(given) == wanted:
            return met("The numbers are those that the controller comes to.")
        return missed(
            f"{key}: {given} is too {'many' if int(given) > wanted else 'few'}.",
            rule=f"{rule[0].upper()}{rule[1:]}. Source: {source}, "
            "pkg/controller/daemon/daemon_controller.go.",
            where="the table of the task, node by node. kubectl delete configmap answer, before "
            "you create it again.",
        )

    return Criterion(f"the number for {key}", judge)


def _table() -> str:
    rows = [("node", "monitored", "taints", "Pod")]
    for one in FLEET:
        label = one.get("labels", {}).get("monitored", "yes")
        taints = ", ".join(t.rpartition("/")[2] for t in one.get("taints", ())) or "none"
        rows.append((one["name"], label, taints, "yes" if one.get("pod") else "no"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([head, "|" + "|".join("-" * (w + 2) for w in widths) + "|", *body])


_PREDICT = Task(
    title="Predict the counts of another fleet",
    start="",
    there="The fleet of this table is another cluster's. The label monitored and the taints are "
    "those of now; the last column says which nodes had a Pod of agent before they were set. (Of "
    "taints such as node.kubernetes.io/unreachable only the last part is shown.) The DaemonSet "
    f"agent has in its template:\n\n```yaml\n{FLEETS_TEMPLATE}\n```\n\n{_table()}\n\n"
    "The controller syncs. Write four numbers: desired (DESIRED afterwards), misscheduled "
    "(numberMisscheduled afterwards), created (Pods that are created), deleted (Pods that are "
    "deleted). kubectl create configmap answer --from-literal=desired=… "
    "--from-literal=misscheduled=… --from-literal=created=… --from-literal=deleted=…",
    criteria=tuple(map(_counted, _MEANING)),
    hints=(
        "Take node by node, and ask two questions: is a Pod to be here? If not, may one stay?",
        "Should not run and may stay: misscheduled. Only the NoExecute effect and labels remove a "
        "Pod. Of the taints that the node controller sets, the controller tolerates the six that "
        "kubernetes.io lists, by key and effect: unreachable:NoExecute is one of them, "
        "unreachable:NoSchedule is not.",
        "kubectl create configmap answer --from-literal=desired=… \\\n"
        "  --from-literal=misscheduled=… --from-literal=created=… --from-literal=deleted=…",
    ),
    solution="action: kubectl\ncommand: create configmap answer "
    + " ".join(f"--from-literal={key}={number}" for key, number in counts().items())
    + "\n",
)

DEBRIEF = """\
**Cause.** A DaemonSet does not report a node that it leaves out. An untolerated taint makes the
controller want no Pod there: DESIRED is smaller, READY equals it, nothing is Pending, there is no
event. In task 2 the taint was the node controller's own, for a node without network.

**Model.** For each node: do nodeSelector and required affinity match? Is each NoSchedule and
NoExecute taint tolerated? PreferNoSchedule is ignored. If not: a NoSchedule taint leaves an
existing Pod there (misscheduled), a NoExecute taint or a label removes it. The controller adds six
tolerations (not-ready and unreachable for NoExecute; disk, memory and PID pressure and
unschedulable for NoSchedule), and network-unavailable for Pods with hostNetwork. A Pod in the Pod
network would start on such a node only when the network is back: for an agent that must report
from there hostNetwork is the cure, a toleration alone is half of it. Two controllers read a
toleration of NoExecute: the taint eviction reads tolerationSeconds, the DaemonSet controller does
not. So the Pod leaves after 60 s and the controller creates it again, for as long as the taint is
there. Who wants the node empty also sets a NoSchedule taint that the agent does not tolerate.
Sources: `NodeShouldRunDaemonPod` (pkg/controller/daemon/daemon_controller.go),
`AddOrUpdateDaemonPodTolerations` (pkg/controller/daemon/util/daemonset_util.go),
`getMinTolerationTime` (pkg/controller/tainteviction/taint_eviction.go).

**In production.** In eksctl-io/eksctl issue 2982 all metrics of the GPU nodes were missing: the
CloudWatch agent's DaemonSet had no toleration for their taint, and nothing reported it.
kubernetes/kubernetes issue 61312 is task 2: Pods of the host network were kept off nodes without
network until the toleration was added (pull request 64954). kubernetes/kubernetes issue 117520
shows task 3: a Pod with tolerationSeconds is evicted and placed on the same node, again and again.
The cure by everything, `operator: Exists`, is in kubernetes/kubernetes issue 72017: it brought
DESIRED to the number of nodes, and tolerates each taint that anybody will ever set.

**Interview question.** Your alert compares READY with DESIRED. Name three ways in which a node has
no agent and the alert stays quiet. What would you compare instead?
"""

LAB = Lab(
    name="04-tainted-fleet",
    title="A tainted fleet",
    workers=(
        Worker(),
        Worker(),
        Worker(taints=(GPU,)),
        Worker(taints=(DB,)),
        Worker(taints=(LAST_RESORT,)),
        Worker(cordoned=True),
        Worker(taints=(QUARANTINE,)),
        Worker(),
    ),
    daemonset=AGENT,
    tasks=(_FEWEST, _GAP, _MINUTE, _PREDICT),
    debrief=DEBRIEF,
)
