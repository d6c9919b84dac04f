"""Lab 08, node by node: with OnDelete somebody decides when each node gets the new version."""

from __future__ import annotations

from daemonset_course.history.text import joined
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, sets_release
from daemonset_course.lab.criteria import by_hand, kept, rolled
from daemonset_course.lab.evidence import Evidence, environment_of, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker

AGENT = "agent"
RELEASE = "RELEASE"
FLEET = tuple(f"worker{n if n > 1 else ''}" for n in range(1, 7))
ORDER = ("worker5", "worker2", "worker6", "worker3", "worker4", "worker")
HALF = ("worker2", "worker4", "worker6")
BAD = ("worker", "worker3", "worker5")  # have the release that task 3 takes back
ON_DELETE = "type: OnDelete"
ROLLING = "type: RollingUpdate\nrollingUpdate: {maxUnavailable: 1}"


def manifest(*, release: str = "1", strategy: str = ON_DELETE) -> str:
    """Return the agent's manifest as YAML; ``strategy`` is the content of ``updateStrategy``."""
    return agent_manifest(AGENT, update=strategy, container=sets_release(release) + ready_after(2))


def deleted(*nodes: str) -> str:
    """Return the steps that delete the Pods of these nodes, all at once."""
    names = ", ".join(f"${node}" for node in nodes)
    return f"action: delete pods\ndaemonset: {AGENT}\nnodes: [{names}]\nwait: true\n"


def waited(updated: int) -> str:
    """Return the steps that wait until so many nodes are updated and all are available."""
    fields = {"updatedNumberScheduled": updated, "numberAvailable": len(FLEET)}
    return "---\n".join(
        "action: kubectl\ncommand: >-\n"
        f"  wait daemonset {AGENT} --for=jsonpath={{.status.{field}}}={number} --timeout=60s\n"
        for field, number in fields.items()
    )


def one_by_one(nodes: tuple[str, ...], already: int = 0) -> str:
    """Return the steps that replace the Pods of these nodes, each after the one before."""
    parts = [part for i, node in enumerate(nodes, already + 1)
             for part in (deleted(node), waited(i))]  # fmt: skip
    return "---\n".join(parts)


def answered(**literals: object) -> str:
    """Return the step that writes answers."""
    words = " ".join(f"--from-literal={key}={value}" for key, value in literals.items())
    return f"action: kubectl\ncommand: create configmap answer {words}\n"


def released(value: str) -> str:
    """Return the step that gives the template another RELEASE."""
    return f"action: kubectl\ncommand: set env daemonset/{AGENT} {RELEASE}={value}\n"


AVAILABLE = f"action: wait status\ndaemonset: {AGENT}\ndesired: 6\navailable: 6\n"
START = f"{manifest()}---\n{AVAILABLE}"
ROLLING_START = f"{manifest(strategy=ROLLING)}---\n{AVAILABLE}"
HALF_WAY = "---\n".join(
    (START, released("2"), deleted(*BAD), AVAILABLE.replace("desired: 6", "updated: 3"))
)
# Four templates; the last one is the first one again, and so has its hash and a new number.
MIXED = "---\n".join((
    START.replace('"1"', '"1.4"'),
    released("1.5"), deleted("worker2", "worker5"), AVAILABLE.replace("desired: 6", "updated: 2"),
    released("1.6"), deleted("worker3"), AVAILABLE.replace("desired: 6", "updated: 1"),
    f"action: kubectl\ncommand: rollout undo daemonset {AGENT} --to-revision=1\n",
    AVAILABLE.replace("desired: 6", "updated: 3"),
    deleted("worker4"), AVAILABLE.replace("desired: 6", "updated: 3"),
))  # fmt: skip


def _release_of_new_pods(evidence: Evidence) -> str:
    return environment_of(pod_spec(evidence.daemonset(AGENT).after), AGENT).get(RELEASE, "")


GUARDS = kept.guards(AGENT)
SAME = GUARDS[0]
_ONLY_ENV = kept.only_changed(AGENT, f"{AGENT}.env", requires=(SAME,))
_BY_HAND = by_hand.only_by_hand(AGENT, requires=(SAME,))

_IN_ORDER = Task(
    title="Upgrade in the order given",
    start=START,
    there=f"{AGENT} runs RELEASE 1 on six workers; its updateStrategy is OnDelete.",
    criteria=(
        *GUARDS,
        rolled.template_sets(AGENT, AGENT, RELEASE, "2"),
        _ONLY_ENV,
        _BY_HAND,
        by_hand.in_order(AGENT, ORDER, AGENT, RELEASE, "2", requires=(SAME,)),
        rolled.down_at_most(AGENT, 1),
        by_hand.runs_value(AGENT, AGENT, RELEASE, "2", FLEET, requires=(SAME,)),
    ),
    hints=(
        "Change the template first, and look at the Pods: kubectl get pods -o wide. How many were "
        "replaced?",
        "With OnDelete you are the controller: one Pod deleted, then wait until the new one is "
        "available, then the next. kubectl delete waits until the old Pod is gone, and no longer.",
        "kubectl delete pod -l app=agent --field-selector spec.nodeName=…\n"
        "kubectl wait daemonset agent --for=jsonpath='{.status.…}'=…",
    ),
    solution=f"{manifest(release='2')}---\n{one_by_one(ORDER)}",
)

_HOLD = Task(
    title="Half the fleet, then hold",
    start=ROLLING_START,
    there=f"{AGENT} runs RELEASE 1 on six workers; its updateStrategy is RollingUpdate, with "
    "maxUnavailable 1.",
    criteria=(
        *GUARDS,
        _ONLY_ENV,
        _BY_HAND,
        by_hand.replaced_only_on(AGENT, HALF, requires=(SAME,)),
        by_hand.runs_value(AGENT, AGENT, RELEASE, "2", HALF, requires=(SAME,)),
        kept.answered(
            "next",
            "the RELEASE of a Pod that is lost now is named",
            _release_of_new_pods,
            rule="OnDelete holds the Pods that are there, and not the nodes: a Pod that is lost or "
            "evicted comes back with the template of now. Source: manage, "
            "pkg/controller/daemon/daemon_controller.go.",
            hint="spec.template: kubectl get daemonset agent -o yaml.",
            requires=(SAME,),
        ),
    ),
    hints=(
        "What replaces a Pod of an old template, and when? "
        "kubectl explain daemonset.spec.updateStrategy.type",
        "The strategy that is in force when the template changes decides. A RollingUpdate can be "
        "slow, and cannot be stopped at a node of your choice: a DaemonSet has no pause and no "
        "partition.",
        "spec:\n  updateStrategy:\n    type: …\n    rollingUpdate: null",
    ),
    solution="---\n".join((manifest(release="2"), deleted(*HALF), waited(3), answered(next="2"))),
)

_ROLL_BACK = Task(
    title="Roll back what was upgraded",
    start=HALF_WAY,
    there=f"{AGENT} is half way, with OnDelete: {joined(BAD)} run RELEASE 2, the others RELEASE 1.",
    criteria=(
        *GUARDS,
        rolled.template_sets(AGENT, AGENT, RELEASE, "1"),
        _ONLY_ENV,
        by_hand.on_delete_now(AGENT, requires=(SAME,)),
        by_hand.replaced_only_on(AGENT, BAD, requires=(SAME,)),
        by_hand.runs_value(AGENT, AGENT, RELEASE, "1", FLEET, requires=(SAME,)),
    ),
    hints=(
        "Two things are to go back: the template, and three Pods. Which Pods have which template? "
        "kubectl get pods -o wide -L controller-revision-hash",
        "kubectl rollout undo changes the template, and nothing else. Who replaces Pods with "
        "OnDelete?",
        "kubectl rollout undo daemonset …\nkubectl delete pod …",
    ),
    solution="---\n".join((manifest(), deleted(*BAD), waited(6))),
)

_NAMES = {"worker": 4, "worker2": 2, "worker3": 3, "worker4": 4, "worker5": 2, "worker6": 4}
_NAME = Task(
    title="Name the revision on each node",
    start=MIXED,
    there=f"{AGENT} has had several templates, with OnDelete. Its Pods are of different revisions.",
    criteria=(
        *GUARDS,
        kept.others_untouched(AGENT),
        by_hand.replaced_only_on(AGENT, (), requires=(SAME,)),
        by_hand.revisions_named(AGENT, requires=(SAME,)),
    ),
    hints=(
        "A Pod has a label with the hash of its template: "
        "kubectl get pods -o wide -L controller-revision-hash",
        "A ControllerRevision is a stored template, with that hash in its name and a number in its "
        "field revision. A template that comes back keeps its object and gets the next number.",
        "kubectl get controllerrevisions -l app=agent\n"
        "kubectl create configmap answer --from-literal=worker=… --from-literal=worker2=…",
    ),
    solution=answered(**_NAMES),
)

DEBRIEF = """\
**Cause.** With `OnDelete` the controller writes the new template into a ControllerRevision and
stops there. A node gets the new template when its Pod is deleted, by you or by anything else: an
eviction, a drained node's agent that was removed by hand, a node that was rebuilt.

**Model.** Two things have a version: the template, and each Pod. `kubectl rollout undo` changes the
first; a deletion lets the second follow. What is not deleted stays, and nothing checks the order,
the pace or the availability: you are the budget. The number of a revision belongs to the stored
template: a template that comes back keeps its hash and gets the next number, also for Pods that are
months old. Source: `syncDaemonSet` (pkg/controller/daemon/daemon_controller.go) calls
`rollingUpdate` for RollingUpdate only; `constructHistory` (pkg/controller/daemon/update.go) numbers
the revisions.

**In production.** Drivers and storage are upgraded so, because a restart interrupts what runs on
the node: Mellanox/network-operator #270 changed the DaemonSet of a network driver to OnDelete, so
that nodes are emptied first. The other side: cybozu-go/cke #746 deletes such Pods before a reboot,
because nothing else does. kubernetes/website #563 tells of a deletion that was quicker than the
controller: the Pod came back with the old template.

**Interview question.** A DaemonSet with OnDelete was given a new template on Monday. On Friday 3 of
200 nodes run it, and nobody has deleted a Pod. How did that happen, and which two columns of
`kubectl get daemonset` show how far it is?
"""

LAB = Lab(
    name="08-node-by-node",
    title="Node by node",
    workers=(Worker(),) * len(FLEET),
    daemonset=AGENT,
    tasks=(_IN_ORDER, _HOLD, _ROLL_BACK, _NAME),
    debrief=DEBRIEF,
)
