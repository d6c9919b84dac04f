"""The exercise of the lesson on node affinity: two architectures, and not one of the zones."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.unseen_fleets import right_on_unseen
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.mixed_fleet import (
    AGENT,
    ARCH,
    BOTH,
    BUILT,
    FLEETS,
    PLACEMENT,
    ZONE,
    arch_of,
    manifest,
    required,
    zone_of,
)
from daemonset_course.placement.tolerations import blocking_taints

NOT_IN = "zone-c"
# The first three are amd64: on kind they are real, and their kubelets restore the label.
_FLEET = (("amd64", "a"), ("amd64", "b"), ("amd64", "c"), ("arm64", "b"), ("arm64", "c"),
          ("s390x", "a"))  # fmt: skip
_GUARDS = kept.guards(AGENT)
_SAME = _GUARDS[0]


def _wanted(node: Object) -> bool:
    return arch_of(node) in BUILT and zone_of(node) != NOT_IN and not blocking_taints(node)


_COVERED = covered.covers(
    AGENT, _wanted, f"the amd64 and arm64 nodes outside {NOT_IN}", requires=(_SAME,)
)
_OFF = covered.stays_off(
    AGENT, lambda node: not _wanted(node), "the other nodes", requires=(_SAME,)
)

LAB = Lab(
    name="node-affinity",
    title="Two architectures, and not zone-c",
    workers=tuple(Worker({ARCH: arch, ZONE: f"zone-{zone}"}) for arch, zone in _FLEET),
    daemonset=AGENT,
    tasks=(
        Task(
            title=f"On amd64 or arm64, not in {NOT_IN}",
            start=running(manifest(), AGENT),
            there=f"{AGENT} runs on the six workers. It is built for amd64 and arm64 alone, and "
            f"{NOT_IN} has an agent of its own.",
            criteria=(
                *_GUARDS,
                _COVERED,
                _OFF,
                right_on_unseen(AGENT, _wanted, f"amd64 and arm64 outside {NOT_IN}", FLEETS,
                                requires=(_COVERED, _OFF)),
                kept.only_changed(AGENT, *PLACEMENT, requires=(_SAME,)),
            ),
            hints=(
                f"Which nodes have which labels? kubectl get nodes -L {ARCH},{ZONE}. A node that "
                "joins may be in a new zone, or in none.",
                "The expressions of a term must all match; of several terms one is enough. In "
                "matches the values of its list. NotIn matches every other value, and also a node "
                "without the label.",
                "nodeSelectorTerms:\n- matchExpressions:\n"
                f"  - {{key: {ARCH}, operator: …, values: […, …]}}\n"
                f"  - {{key: {ZONE}, operator: …, values: […]}}",
            ),
            solution=manifest(placement=required([BOTH, f"{ZONE} NotIn {NOT_IN}"])),
        ),
    ),
    debrief="",
)  # fmt: skip
