"""Lab 01, cover the fleet: an agent on every worker, on the control plane, on nodes that join."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import CONTROL_PLANE, is_control_plane
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, nothing_to_drop, right_on_unseen
from daemonset_course.lab.evidence import labelled
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.placement.tolerations import blocking_taints

AGENT = "agent"
DEDICATED = "dedicated=db:NoSchedule"
FLEETS = Fleets(
    labels={"disk": ("ssd", "hdd", None), "zone": ("a", "b", None)},
    taints=(DEDICATED, "gpu=true:NoSchedule", "maintenance:NoExecute"),
    control_plane=True,
)
EVERYTHING = "tolerations: [{operator: Exists}]"
MASTER = f"tolerations: [{{key: {CONTROL_PLANE}, operator: Exists, effect: NoSchedule}}]"


def manifest(more: str = "") -> str:
    """Return the agent's manifest as YAML; ``more`` are further lines of its Pod spec."""
    return agent_manifest(AGENT, pod=more)


def _no_foreign_taint(node: Object) -> bool:
    return all(taint["key"] == CONTROL_PLANE for taint in blocking_taints(node))


def _plain_worker(node: Object) -> bool:
    return not blocking_taints(node)


PLACEMENT = ("tolerations", "affinity", "nodeSelector")
CREATED, IN_PLACE = kept.guards(AGENT, created=True), kept.guards(AGENT)
EXISTS, SAME = CREATED[0], IN_PLACE[0]

_WORKERS = covered.covers(AGENT, is_worker, "every worker", requires=(EXISTS,))
_EVERY_WORKER = Task(
    title="An agent on every worker",
    start="",
    there="Nothing runs on the six workers.",
    criteria=(
        *CREATED,
        _WORKERS,
        covered.stays_off(AGENT, is_control_plane, "the control plane", requires=(EXISTS,)),
        right_on_unseen(AGENT, _plain_worker, "plain workers", FLEETS, requires=(_WORKERS,)),
    ),
    hints=(
        "What are the nodes, and what keeps Pods off one of them? kubectl describe node, Taints.",
        "A DaemonSet needs a selector and a template whose labels match it; it needs no number of "
        "replicas, and no field that names the nodes.",
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\nspec:\n"
        "  selector: {matchLabels: {app: …}}\n  template:\n    metadata: {labels: {app: …}}",
    ),
    solution=manifest(),
)

_ALL_NODES = covered.covers(AGENT, lambda _: True, "every node", requires=(SAME,))
_CONTROL_PLANE = Task(
    title="The control plane too",
    start=running(manifest(), AGENT),
    there="agent runs on the six workers, and not on the control plane.",
    criteria=(
        *IN_PLACE,
        _ALL_NODES,
        nothing_to_drop(AGENT, FLEETS, requires=(_ALL_NODES,)),
        right_on_unseen(
            AGENT, _no_foreign_taint, "nodes without another taint", FLEETS, requires=(_ALL_NODES,)
        ),
        kept.only_changed(AGENT, *PLACEMENT, requires=(SAME,)),
    ),
    hints=(
        "Which taint does the control plane have? kubectl describe node, Taints.",
        "A toleration matches a taint by key, value and effect. It may say less (operator Exists, "
        "no effect, no key), and then it matches more taints than this one.",
        "tolerations:\n- key: …\n  operator: Exists\n  effect: …",
    ),
    solution=manifest(MASTER),
)

JOINS = Probe(
    "a plain node joins",
    "action: add node\nlabels: {probe: plain}\n",
    "action: remove node\nlabels: {probe: plain}\n",
)
DB_JOINS = Probe(
    "a node with dedicated=db:NoSchedule joins",
    f"action: add node\nlabels: {{probe: db}}\ntaints: ['{DEDICATED}']\n",
    "action: remove node\nlabels: {probe: db}\n",
)
_PLAIN = covered.probed(
    AGENT,
    labelled("probe=plain"),
    JOINS.name,
    runs=True,
    words="a plain node that joins",
    requires=(_ALL_NODES,),
)
_DB = covered.probed(
    AGENT,
    labelled("probe=db"),
    DB_JOINS.name,
    runs=False,
    words="a node with dedicated=db:NoSchedule",
    requires=(_ALL_NODES,),
)
_JOINING = Task(
    title="Nodes that join, and one that is not yours",
    start=running(manifest(EVERYTHING), AGENT),
    there="agent tolerates every taint and runs on all seven nodes. New nodes will join: plain "
    "ones, which need the agent, and the database team's with the taint dedicated=db:NoSchedule. "
    "Other teams will bring taints of their own. No agent of yours is to run on a node that "
    "somebody has reserved or taken out of service by a taint; on the control plane it stays.",
    criteria=(
        *IN_PLACE,
        _ALL_NODES,
        _PLAIN,
        _DB,
        right_on_unseen(AGENT, _no_foreign_taint, "nodes without another taint", FLEETS,
                        requires=(_PLAIN, _DB)),
        kept.only_changed(AGENT, *PLACEMENT, requires=(SAME,)),
    ),
    hints=(
        "Which taints does the agent tolerate now? kubectl get daemonset agent -o yaml.",
        "operator: Exists without a key matches every taint, also those that nobody has set yet.",
        "tolerations:\n- key: node-role.kubernetes.io/…\n  operator: Exists\n  effect: NoSchedule",
    ),
    probes=(JOINS, DB_JOINS),
    solution=manifest(MASTER),
)  # fmt: skip

DEBRIEF = """\
**Cause.** A DaemonSet has no number of replicas. Its controller asks for each node: do its labels
match, and are all its NoSchedule and NoExecute taints tolerated? It asks the same of a node that
joins.

**Model.** Pods = nodes that match. The control plane is kept out by one taint,
`node-role.kubernetes.io/control-plane:NoSchedule`; a toleration lets the Pod in, and does not send
it there. `operator: Exists` without a key tolerates every taint of today and of tomorrow. Source:
`NodeShouldRunDaemonPod` (pkg/controller/daemon/daemon_controller.go), `ToleratesTaint`
(k8s.io/api/core/v1).

**In production.** In kubernetes/kubernetes issue 72017 a fleet of 8 nodes had DaemonSets with
DESIRED 8 and others with DESIRED 3: the others did not tolerate the taints of five nodes. The cure
there was a toleration of every NoSchedule taint. scalyr/scalyr-agent-2 pull request 752 went as far
as `operator: Exists`. Such an agent starts on nodes that other teams have reserved, and on nodes
that are not ready for it. kube-proxy does so on purpose: it must run wherever there is a node.

**Interview question.** An agent runs on all nodes but one. `kubectl get daemonset` says DESIRED 6,
READY 6, and there are 7 nodes. Where do you look first, and why does READY not help you?
"""

LAB = Lab(
    name="01-cover-the-fleet",
    title="Cover the fleet",
    workers=(Worker(),) * 6,
    daemonset=AGENT,
    tasks=(_EVERY_WORKER, _CONTROL_PLANE, _JOINING),
    debrief=DEBRIEF,
)
