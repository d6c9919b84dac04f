"""Lab 02, place by label: by nodeSelector, as hardware moves, parked at zero, without one node."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, running
from daemonset_course.lab.criteria import covered, kept, moments
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, right_on_unseen
from daemonset_course.lab.evidence import Evidence, labelled
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed
from daemonset_course.placement.tolerations import blocking_taints

AGENT = "agent"
ZONE = "topology.kubernetes.io/zone"
SSD = "disk=ssd"
FROM, TO = "worker2", "worker5"  # where the SSD is at the start of task 2, and where it goes
LEFT_OUT = "worker3"
WORKERS = tuple(
    Worker({"disk": disk, ZONE: f"zone-{zone}"})
    for disk, zone in zip(("ssd", "ssd", "hdd", "hdd", "hdd", "hdd"), "abcabc", strict=True)
)
FLEETS = Fleets(
    labels={"disk": ("ssd", "hdd", "nvme", None), ZONE: ("zone-a", "zone-b", "zone-d", None)},
    taints=("dedicated=db:NoSchedule",),
    control_plane=True,
)
ON_SSD = "nodeSelector: {disk: ssd}"
WITHOUT_ONE = f"""\
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        - {{key: kubernetes.io/hostname, operator: NotIn, values: [${LEFT_OUT}]}}"""


def manifest(placement: str = "", *, start: int = 1, stop: int = 1) -> str:
    """Return the agent's manifest as YAML.

    ``placement`` is a part of its Pod spec; ``start`` and ``stop`` are the seconds that the agent
    needs to become ready and to end.
    """
    ends = f"lifecycle:\n  preStop:\n    sleep: {{seconds: {stop}}}"
    return agent_manifest(AGENT, pod=placement, container=ready_after(start) + ends)


def _running(placement: str = "", **seconds: int) -> str:
    return running(manifest(placement, **seconds), AGENT)


def kubectl(*commands: str) -> str:
    """Return commands of kubectl as YAML documents."""
    return "---\n".join(f"action: kubectl\ncommand: >-\n  {one}\n" for one in commands)


def on_ssd(node: Object) -> bool:
    """Whether a node has the label disk=ssd and no taint."""
    return labelled(SSD)(node) and not_tainted(node)


def not_tainted(node: Object) -> bool:
    """Whether a node has no taint that keeps Pods off."""
    return not blocking_taints(node)


def not_on_ssd(node: Object) -> bool:
    """Whether a node has no label disk=ssd."""
    return not labelled(SSD)(node)


def _is_left_out(node: Object) -> bool:
    return str(node["metadata"]["name"]).endswith(f"-{LEFT_OUT}")


def _is_other_worker(node: Object) -> bool:
    return is_worker(node) and not _is_left_out(node)


def _labels_moved() -> Criterion:
    """The label disk=ssd is where the hardware is now."""

    def judge(evidence: Evidence) -> Finding:
        start = {n for n, node in evidence.nodes_at_start.items() if labelled(SSD)(node)}
        before = {evidence.lane(name) for name in start}
        wanted = before - {FROM} | {TO}
        now = {evidence.lane(n) for n, node in evidence.nodes.items() if labelled(SSD)(node)}
        if now == wanted:
            return MET
        wrong = [f"{name} has {SSD}, and has no SSD" for name in sorted(now - wanted)]
        wrong += [f"{name} has an SSD, and not {SSD}" for name in sorted(wanted - now)]
        return missed(
            f"The labels do not say where the SSDs are: {'; '.join(wrong)}.",
            rule="A label is what people and workloads know about the hardware. Kubernetes never "
            "compares it with the machine.",
            where="kubectl get nodes -L disk.",
        )

    return Criterion(f"{SSD} is on the nodes that have an SSD", judge)


IN_PLACE = kept.guards(AGENT)
SAME = IN_PLACE[0]
PLACEMENT = ("nodeSelector", "affinity")


def _runs_on_ssd() -> tuple[Criterion, ...]:
    """Return the criteria of an agent on the nodes with disk=ssd, and on no other node."""
    there = covered.covers(AGENT, labelled(SSD), f"the nodes with {SSD}", requires=(SAME,))
    return (
        there,
        covered.stays_off(AGENT, not_on_ssd, f"nodes without {SSD}", requires=(SAME,)),
        kept.only_changed(AGENT, *PLACEMENT, requires=(SAME,)),
        right_on_unseen(
            AGENT, on_ssd, f"the nodes with {SSD} and no taint", FLEETS, requires=(there,)
        ),
    )


_ONLY_SSD = Task(
    title="Only the nodes with an SSD",
    start=_running(),
    there="agent runs on the six workers. worker and worker2 have the label disk=ssd.",
    criteria=(*IN_PLACE, *_runs_on_ssd()),
    hints=(
        "Which label do the two nodes have that the others have not? kubectl get nodes -L disk.",
        "The Pod template chooses nodes, with nodeSelector or a required node affinity. A Pod on a "
        "node that no longer matches is deleted by the controller.",
        "spec:\n  template:\n    spec:\n      nodeSelector: {…: …}",
    ),
    solution=manifest(ON_SSD),
)

_MOVES = Task(
    title="The SSD moves",
    start=_running(ON_SSD, start=8),
    there="agent runs on worker and worker2, the nodes with disk=ssd; it is ready 8 s after its "
    "start. The SSD of worker2 goes to "
    "worker5.",
    criteria=(
        *kept.guards(AGENT, labels=("disk",), labels_on=(FROM, TO)),
        _labels_moved(),
        moments.ready_at_least(AGENT, 2),
        *_runs_on_ssd(),
    ),
    hints=(
        "How many nodes have a ready Pod between your first step and your second? Watch: "
        "kubectl get pods -o wide -w.",
        "A Pod that is created needs time to become ready; a Pod whose node no longer matches is "
        "deleted at once. So the order of the steps decides, and what you wait for between them.",
        "kubectl label node … disk=ssd --overwrite\n"
        "kubectl wait --for=jsonpath='{.status.numberReady}'=… daemonset/agent",
    ),
    solution=kubectl(
        f"label node ${TO} disk=ssd --overwrite",
        "wait --for=jsonpath='{.status.numberReady}'=3 daemonset/agent --timeout=60s",
        f"label node ${FROM} disk=hdd --overwrite",
    ),
)

_PARKED = Task(
    title="Parked at zero, and back",
    start=_running(ON_SSD, stop=10),
    there="agent runs on worker and worker2, the nodes with disk=ssd; it needs 10 s to end.",
    criteria=(*IN_PLACE, moments.ran_nowhere(AGENT, requires=(SAME,)), *_runs_on_ssd()),
    hints=(
        "kubectl scale does not know DaemonSets. Which field decides how many nodes match? "
        "kubectl get daemonset agent, NODE SELECTOR.",
        "A DaemonSet whose template matches no node has no Pods; the object, its revisions and "
        "its uid stay. A label that no node has is enough. Wait until the Pods are gone.",
        'kubectl patch daemonset agent -p \'{"spec": {"template": {"spec": '
        '{"nodeSelector": {"…": "…"}}}}}\'\nkubectl wait --for=delete pod -l …',
    ),
    solution=kubectl(
        'patch daemonset agent -p \'{"spec": {"template": {"spec": {"nodeSelector": '
        '{"parked": "yes"}}}}}\'',
        "wait --for=delete pod -l app=agent --timeout=60s",
        "rollout undo daemonset agent",
    ),
)

_WITHOUT = covered.covers(AGENT, _is_other_worker, f"every worker but {LEFT_OUT}", requires=(SAME,))
_ONE_LEFT_OUT = Task(
    title="Every node but one",
    start=_running(),
    there="agent runs on the six workers. Other teams read the labels disk and "
    f"{ZONE} of all nodes. {LEFT_OUT} is examined after a break-in: no agent there.",
    criteria=(
        *kept.guards(AGENT, new_labels=True),
        _WITHOUT,
        covered.stays_off(AGENT, _is_left_out, LEFT_OUT, requires=(SAME,)),
        kept.only_changed(AGENT, *PLACEMENT, requires=(SAME,)),
        right_on_unseen(
            AGENT, not_tainted, "every node without a taint that joins", FLEETS,
            requires=(_WITHOUT,),
        ),
    ),
    hints=(
        f"Which label has {LEFT_OUT} with a value that no other node has? "
        "kubectl get nodes --show-labels.",
        "nodeSelector can only demand labels. A required node affinity also has NotIn and "
        "DoesNotExist, which match nodes without the label, and so the nodes that join.",
        "matchExpressions:\n- key: kubernetes.io/hostname\n  operator: …\n  values: […]",
    ),
    solution=manifest(WITHOUT_ONE),
)  # fmt: skip

DEBRIEF = """\
**Cause.** The template chooses nodes by their labels, and the controller looks again at every
change of a label. A node that begins to match gets a Pod. A node that no longer matches loses its
Pod at once, and no update budget is asked. So in task 2 the order of two commands decided.

**Model.** Pods = nodes that match, now. Zero nodes that match is a valid number: the DaemonSet, its
uid and its revisions stay. `nodeSelector` demands each label; `NotIn` and `DoesNotExist` of a
required node affinity also match nodes without the label, and so the nodes that join later. A list
of names (`In`) is closed: a new node is not in it. Sources: `NodeShouldRunDaemonPod` and
`syncNodeUpdate` (pkg/controller/daemon/daemon_controller.go).

**In production.** In kubernetes/kubernetes issue 129196 a label was removed from nodes, and the
DaemonSet's Pods went, although the field's name ends in IgnoredDuringExecution: for a DaemonSet
that half does not hold. In pull request 129315, which wanted to change that and was not merged,
somebody reports the same of cilium-agent. Zalando parks a DaemonSet with the label
`dummy.zalan.do: no-nodes` (zalando-incubator/kubernetes-on-aws pull request 1555).
hjacobs/kube-downscaler pull request 76 replaces the nodeSelector, and so has to keep the old one in
an annotation: a label added beside it needs no memory.

**Interview question.** A colleague renames the label `disk=ssd` to `storage=ssd` on 300 nodes,
with a loop over the nodes, and changes the DaemonSet afterwards. What happens to the agent in
between? Give an order of steps in which every node has an agent almost all the time.
"""

LAB = Lab(
    name="02-place-by-label",
    title="Place by label",
    workers=WORKERS,
    daemonset=AGENT,
    tasks=(_ONLY_SSD, _MOVES, _PARKED, _ONE_LEFT_OUT),
    debrief=DEBRIEF,
)
