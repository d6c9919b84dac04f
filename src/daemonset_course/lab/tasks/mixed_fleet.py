"""Lab 03, a mixed fleet: architectures and zones, a split, and a preference that is no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, right_on_unseen, splits_unseen
from daemonset_course.lab.evidence import NodeTest
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import Criterion
from daemonset_course.placement.tolerations import blocking_taints

AGENT = "agent"
AMD, ARM = "agent-amd64", "agent-arm64"
ARCH, ZONE = "kubernetes.io/arch", "topology.kubernetes.io/zone"
BUILT = ("amd64", "arm64")  # the architectures for which the agent is built
ZONES = ("zone-a", "zone-b", "zone-c")
# The first three workers are amd64: on kind they are real, and their kubelets restore the label.
WORKERS = tuple(
    Worker({ARCH: arch, ZONE: zone}) for arch in ("amd64", "arm64", "s390x") for zone in ZONES
)
FLEETS = Fleets(
    labels={
        ARCH: ("amd64", "arm64", "s390x", "ppc64le", "riscv64"),
        ZONE: (*ZONES, "zone-d", None),
    },
    taints=("dedicated=db:NoSchedule",),
    control_plane=True,
)
PLACEMENT = ("nodeSelector", "affinity")
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def required(*terms: Iterable[str]) -> str:
    """Return a required node affinity as YAML: terms of expressions, ``KEY OPERATOR A,B``."""
    lines = [
        "affinity:",
        "  nodeAffinity:",
        "    requiredDuringSchedulingIgnoredDuringExecution:",
        "      nodeSelectorTerms:",
    ]
    for term in terms:
        lines.append("      - matchExpressions:")
        lines += [f"        - {expression(one)}" for one in term]
    return "\n".join(lines)


def expression(words: str) -> str:
    """Return an expression as YAML, from ``KEY OPERATOR A,B``."""
    key, operator, *values = words.split()
    more = f", values: [{values[0].replace(',', ', ')}]" if values else ""
    return f"{{key: {key}, operator: {operator}{more}}}"


BOTH = f"{ARCH} In amd64,arm64"
PREFERENCE = f"""\
    {PREFERRED}:
    - weight: 100
      preference:
        matchExpressions:
        - {expression(f"{ZONE} In zone-a")}"""


def manifest(name: str = AGENT, placement: str = "") -> str:
    """Return an agent's manifest as YAML; ``placement`` is a part of its Pod spec."""
    return agent_manifest(name, pod=placement)


def _running(name: str, placement: str = "") -> str:
    return running(manifest(name, placement), name)


def arch_of(node: Object) -> str:
    """Return a node's architecture, by its label."""
    return str((node["metadata"].get("labels") or {}).get(ARCH, ""))


def zone_of(node: Object) -> str:
    """Return a node's zone, by its label; empty if it has none."""
    return str((node["metadata"].get("labels") or {}).get(ZONE, ""))


def _on(*archs: str, outside: str = "", only: str = "") -> NodeTest:
    """Return a test of nodes: one of these architectures, no taint, not or only in a zone."""
    return lambda node: (
        arch_of(node) in archs
        and not blocking_taints(node)
        and (not outside or zone_of(node) != outside)
        and (not only or zone_of(node) == only)
    )


def _placed(name: str, wanted: NodeTest, words: str, same: Criterion) -> tuple[Criterion, ...]:
    """Return the criteria of a DaemonSet on the wanted nodes, here and on other fleets."""
    there = covered.covers(name, wanted, words, requires=(same,))
    others = covered.stays_off(
        name, lambda node: not wanted(node), "the other nodes", requires=(same,)
    )
    return (
        there,
        others,
        right_on_unseen(name, wanted, f"{words} without a taint", FLEETS, requires=(there, others)),
    )


def _unchanged(name: str, same: Criterion) -> Criterion:
    """Nothing but the placement was changed in the Pod spec."""
    found = kept.only_changed(name, *PLACEMENT, requires=(same,))
    return Criterion(f"{name}: {found.name}", found.judge, found.requires, found.weight)


IN_PLACE = kept.guards(AGENT)
SAME = IN_PLACE[0]

_ARCHS = Task(
    title="amd64 and arm64",
    start=_running(AGENT),
    there="agent runs on the nine workers: amd64, arm64 and s390x, three of each. It is built for "
    "amd64 and arm64.",
    criteria=(
        *IN_PLACE,
        *_placed(AGENT, _on(*BUILT), "amd64 and arm64 nodes", SAME),
        _unchanged(AGENT, SAME),
    ),
    hints=(
        f"Which label tells the architectures apart? kubectl get nodes -L {ARCH}.",
        "nodeSelector has one value for a key. An expression of a required node affinity has a "
        "list of values; the expressions of a term must all match, and of the terms one.",
        "nodeSelectorTerms:\n- matchExpressions:\n"
        f"  - key: {ARCH}\n    operator: …\n    values: […, …]",
    ),
    solution=manifest(placement=required([BOTH])),
)

_ZONE = Task(
    title="Not in zone-c",
    start=_running(AGENT, required([BOTH])),
    there="agent runs on the six workers with amd64 and arm64. zone-c has its own agent; zone-d "
    "opens next month, and some nodes have no zone.",
    criteria=(
        *IN_PLACE,
        *_placed(AGENT, _on(*BUILT, outside="zone-c"), "amd64 and arm64 not in zone-c", SAME),
        _unchanged(AGENT, SAME),
    ),
    hints=(
        f"Which nodes are in zone-c, and which are in none? kubectl get nodes -L {ZONE},{ARCH}.",
        "Expressions of one term are ANDed; terms are ORed. In lists what is allowed today; NotIn "
        "also matches values that come later, and nodes without the label.",
        f"- matchExpressions:\n  - key: {ARCH}\n    …\n  - key: {ZONE}\n    operator: …",
    ),
    solution=manifest(placement=required([BOTH, f"{ZONE} NotIn zone-c"])),
)

_AMD_GUARDS = kept.guards(AMD)
_SAME_AMD, _SAME_ARM = _AMD_GUARDS[0], kept.same_object(ARM)
_BOTH_SAME = (_SAME_AMD, _SAME_ARM)
_SPLIT = covered.splits(
    (AMD, ARM),
    lambda node: is_worker(node) and arch_of(node) in BUILT,
    "each amd64 and arm64 worker, and on no other node",
    requires=_BOTH_SAME,
)
_TWO = Task(
    title="Two agents split the fleet",
    daemonset=AMD,
    start=_running(AMD, required([f"{ARCH} NotIn s390x", f"{ZONE} In zone-a,zone-b"]))
    + "---\n"
    + _running(ARM, required([f"{ARCH} NotIn amd64"])),
    there=f"{AMD} and {ARM} both exist. Some nodes have two agents, one that needs an agent has "
    "none, and some have one that cannot run there.",
    criteria=(
        *_AMD_GUARDS[:1],
        _SAME_ARM,
        *_AMD_GUARDS[1:],
        _SPLIT,
        covered.covers(AMD, _on("amd64"), "every amd64 worker", requires=(*_BOTH_SAME, _SPLIT)),
        covered.covers(ARM, _on("arm64"), "every arm64 worker", requires=(*_BOTH_SAME, _SPLIT)),
        covered.stays_off(AMD, lambda node: not _on("amd64")(node), "other nodes",
                          requires=(*_BOTH_SAME, _SPLIT)),
        covered.stays_off(ARM, lambda node: not _on("arm64")(node), "other nodes",
                          requires=(*_BOTH_SAME, _SPLIT)),
        splits_unseen((AMD, ARM), _on(*BUILT), "each amd64 and arm64 node without a taint", FLEETS,
                      requires=(_SPLIT,)),
        right_on_unseen(AMD, _on("amd64"), "amd64 nodes without a taint", FLEETS,
                        requires=(_SPLIT,)),
        right_on_unseen(ARM, _on("arm64"), "arm64 nodes without a taint", FLEETS,
                        requires=(_SPLIT,)),
        _unchanged(AMD, _SAME_AMD),
        _unchanged(ARM, _SAME_ARM),
    ),
    hints=(
        f"Write a table: nodes with {ARCH} and {ZONE}, and which agent each has. "
        "kubectl get pods -o wide.",
        "Each DaemonSet decides for itself, node by node; neither knows the other. Two templates "
        "split a fleet only if their conditions exclude each other and leave nothing out.",
        f"{AMD}:\n  nodeSelector: {{{ARCH}: …}}\n{ARM}:\n  nodeSelector: {{{ARCH}: …}}",
    ),
    solution=f"{manifest(AMD, required([f'{ARCH} In amd64']))}---\n"
    f"{manifest(ARM, required([f'{ARCH} In arm64']))}",
)  # fmt: skip


def _preferences(spec: Mapping[str, Any]) -> str:
    """Return what is wrong if a preference about nodes is left in a Pod spec."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    left = affinity.get(PREFERRED) or ()
    if not left:
        return ""
    weights = ", ".join(str(one.get("weight")) for one in left)
    return f"The preference is still there (weight {weights}), and it chooses no node."


_ONE_ZONE = _placed(AGENT, _on(*BUILT, only="zone-a"), "amd64 and arm64 in zone-a", SAME)
_NO_RULE = Task(
    title="A preference is no rule",
    start=_running(AGENT, f"{required([BOTH])}\n{PREFERENCE}"),
    there="agent is meant for zone-a only. Its template prefers zone-a with weight 100, and it "
    "runs in all three zones.",
    criteria=(
        *IN_PLACE,
        *_ONE_ZONE,
        kept.field(
            AGENT,
            "no preference is left in the template",
            _preferences,
            rule="The controller asks only for the required terms, and then pins each Pod to its "
            "node with a required term of its own. Sources: NodeShouldRunDaemonPod, and "
            "ReplaceDaemonSetPodNodeNameNodeAffinity, pkg/controller/daemon.",
            where="spec.template.spec.affinity: kubectl get daemonset agent -o yaml.",
            requires=(SAME,),
        ),
        _unchanged(AGENT, SAME),
    ),
    hints=(
        "Which part of the affinity names zone-a? kubectl get daemonset agent -o yaml.",
        "A preference ranks nodes for the scheduler, when it has a choice. The controller of a "
        "DaemonSet creates a Pod for one node: there is no choice. Only a rule keeps it off.",
        f"- matchExpressions:\n  - {{key: {ARCH}, operator: In, values: [amd64, arm64]}}\n"
        "  - {key: …, operator: …, values: […]}",
    ),
    solution=manifest(placement=required([BOTH, f"{ZONE} In zone-a"])),
)

DEBRIEF = """\
**Cause.** A DaemonSet has no list of nodes and no plan for the fleet. Its controller asks of each
node alone: do the labels match? In task 3 each of two DaemonSets had its own condition, and the
conditions overlapped on some nodes and left one out. In task 4 the condition was written where the
controller does not look.

**Model.** `nodeSelector` AND one of the terms; in a term, all expressions. `In` is closed: a new
zone is not in it. `NotIn` is open: it matches values that come later, and nodes without the label.
So use `In` for what the program can do (the architectures it is built for), and `NotIn` for what it
must avoid (a zone). Preferences rank nodes for the scheduler; a Pod of a DaemonSet is pinned to its
node by a required term on `metadata.name`, so there is nothing to rank. Sources:
`NodeShouldRunDaemonPod` (pkg/controller/daemon/daemon_controller.go) and
`ReplaceDaemonSetPodNodeNameNodeAffinity` (pkg/controller/daemon/util/daemonset_util.go).

**In production.** The kube-proxy image was for one architecture; a ppc64le node that joined got a
Pod that could not run (kubernetes/kubernetes issue 64647). flannel shipped one DaemonSet for each
architecture (flannel-io/flannel pull request 989). In kubernetes/kubernetes issue 99630 somebody
reports as a bug that a preference with weight 100 does not keep Pods off the other node: even for a
Deployment it is no rule.

**Interview question.** A DaemonSet has `zone In (a, b, c)`. The cloud opens zone d, and nodes join
there. Nothing alerts: DESIRED equals READY. Who notices, and how do you write the template and the
alert so that you notice first?
"""

LAB = Lab(
    name="03-mixed-fleet",
    title="A mixed fleet",
    workers=WORKERS,
    daemonset=AGENT,
    tasks=(_ARCHS, _ZONE, _TWO, _NO_RULE),
    debrief=DEBRIEF,
)
