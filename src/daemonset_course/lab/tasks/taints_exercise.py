"""The exercise of the lesson on taints: the fewest tolerations that cover gpu and db."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, nothing_to_drop, right_on_unseen
from daemonset_course.lab.evidence import tainted
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.cover_the_fleet import AGENT, manifest
from daemonset_course.placement.tolerations import taints_of

GPU, DB, QUARANTINE = "gpu=true:NoSchedule", "dedicated=db:NoExecute", "quarantine:NoExecute"
FLEETS = Fleets(
    labels={"zone": ("a", "b", None)},
    taints=(GPU, DB, QUARANTINE, "gpu=broken:NoExecute", "dedicated=web:NoSchedule"),
)
_GUARDS = kept.guards(AGENT)
_OWN = {("gpu", "true", "NoSchedule"), ("dedicated", "db", "NoExecute")}


def _wanted(node: Object) -> bool:
    found = {(t.get("key"), t.get("value"), t.get("effect")) for t in taints_of(node)}
    return found <= _OWN


_COVERED = covered.covers(
    AGENT, lambda node: is_worker(node) and not tainted("quarantine")(node),
    "every worker that is not in quarantine", requires=_GUARDS[:1],
)  # fmt: skip
_OFF = covered.stays_off(
    AGENT, tainted("quarantine"), "the node in quarantine", requires=_GUARDS[:1]
)
TOLERATIONS = """\
tolerations:
- {key: gpu, value: "true", effect: NoSchedule}
- {key: dedicated, value: db, effect: NoExecute}"""

LAB = Lab(
    name="taints",
    title="The fewest tolerations",
    workers=(
        Worker(),
        Worker(),
        Worker(taints=(GPU,)),
        Worker(taints=(DB,)),
        Worker(taints=(QUARANTINE,)),
    ),
    daemonset=AGENT,
    tasks=(
        Task(
            title="Cover gpu and db, leave quarantine alone",
            start=f"{manifest()}---\naction: wait rollout\ndaemonset: {AGENT}\n",
            there="agent runs on the two workers without a taint. worker3 has gpu=true:NoSchedule, "
            "worker4 dedicated=db:NoExecute, worker5 quarantine:NoExecute.",
            criteria=(
                *_GUARDS,
                _COVERED,
                _OFF,
                nothing_to_drop(AGENT, FLEETS, requires=(_COVERED, _OFF)),
                right_on_unseen(AGENT, _wanted, "nodes with these two taints at most", FLEETS,
                                requires=(_COVERED, _OFF)),
            ),
            hints=(
                "Which taints do the nodes have? kubectl describe node, or -o yaml.",
                "A toleration matches a taint by key, value and effect. Without an effect it "
                "matches every effect; with operator Exists it matches every value.",
                'tolerations:\n- {key: …, value: "…", effect: …}',
            ),
            solution=manifest(TOLERATIONS),
        ),
    ),
    debrief="",
)  # fmt: skip
