"""The exercise of the lesson on nodeSelector: park an agent at zero, bring it back on two nodes."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import running
from daemonset_course.lab.criteria import covered, kept, moments
from daemonset_course.lab.criteria.unseen_fleets import right_on_unseen
from daemonset_course.lab.evidence import labelled
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.place_by_label import (
    AGENT,
    FLEETS,
    SSD,
    ZONE,
    kubectl,
    manifest,
    not_tainted,
)

STOP = 5  # seconds that the agent needs to end
_LABELS = (("ssd", "a"), ("ssd", "b"), ("hdd", "a"), ("ssd", "a"), ("hdd", "c"))
_BOTH = labelled(SSD, f"{ZONE}=zone-a")
_GUARDS = kept.guards(AGENT)
_SAME = _GUARDS[0]


def _wanted(node: Object) -> bool:
    return _BOTH(node) and not_tainted(node)


_COVERED = covered.covers(AGENT, _BOTH, f"the nodes with {SSD} in zone-a", requires=(_SAME,))
_OFF = covered.stays_off(AGENT, lambda node: not _BOTH(node), "the other nodes", requires=(_SAME,))

LAB = Lab(
    name="node-selector",
    title="Park it, and bring it back on two nodes",
    workers=tuple(Worker({"disk": disk, ZONE: f"zone-{zone}"}) for disk, zone in _LABELS),
    daemonset=AGENT,
    tasks=(
        Task(
            title="Zero Pods, then exactly two nodes",
            start=running(manifest(stop=STOP), AGENT),
            there=f"{AGENT} runs on the five workers, and needs {STOP} s to end. Two of them have "
            "disk=ssd and are in zone-a.",
            criteria=(
                *_GUARDS,
                moments.ran_nowhere(AGENT, requires=(_SAME,)),
                _COVERED,
                _OFF,
                right_on_unseen(AGENT, _wanted, f"nodes with {SSD} in zone-a and no taint", FLEETS,
                                requires=(_COVERED, _OFF)),
                kept.only_changed(AGENT, "nodeSelector", "affinity", requires=(_SAME,)),
            ),
            hints=(
                f"Which labels do the nodes have? kubectl get nodes -L disk,{ZONE}. And how many "
                "nodes does the template match when there is to be no Pod?",
                "If the nodeSelector names a label that no node has, the DaemonSet has no Pod. "
                "Wait until the last Pod is gone. A nodeSelector may name several labels: a node "
                "must have them all.",
                "kubectl wait --for=delete pod -l app=agent\n"
                f"nodeSelector: {{disk: …, {ZONE}: …}}",
            ),
            solution=kubectl(
                'patch daemonset agent -p \'{"spec": {"template": {"spec": {"nodeSelector": '
                '{"parked": "yes"}}}}}\'',
                "wait --for=delete pod -l app=agent --timeout=60s",
            )
            + "---\n"
            + manifest(f"nodeSelector: {{disk: ssd, {ZONE}: zone-a}}", stop=STOP),
        ),
    ),
    debrief="",
)  # fmt: skip
