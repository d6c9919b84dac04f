"""Lab 10, release on a fleet: 100 workers in three pools, one of them slow, two workers dead."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import containers_of, is_owned, node_of, phase_of
from daemonset_course.history.text import counted, listed
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, sets_release
from daemonset_course.lab.criteria import kept, rolled, scored
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed

AGENT = "agent"
GOOD = "busybox:1.36"
BAD = "registry.invalid/agent:3"
POOLS = {"a": 33, "b": 33, "c": 34}  # workers 1 to 33, 34 to 66, 67 to 100
DEAD = (7, 70)
WORKERS = sum(POOLS.values())
REACHABLE = WORKERS - len(DEAD)
SLOW = 3  # seconds until a Pod in pool c is ready; elsewhere 1
DOWN = 12  # nodes without an available agent at one time, the dead ones included
BUDGET = 10  # of the solution, and of the bad release
DOUBLE = 15  # nodes with two agents at one time
SURGE = 12  # of the solution
WINDOW = 18.0
WINDOW_REST = 14.0
POINTS = 75
AT_ONCE = 15  # nodes at the same time that earn all points for time


def manifest(
    *, release: str = "1", image: str = GOOD, strategy: str = "maxUnavailable: 1", kind: str = ""
) -> str:
    """Return the agent's manifest as YAML; ``strategy`` is the content of ``rollingUpdate``."""
    return agent_manifest(
        AGENT,
        update="type: OnDelete" if kind else f"rollingUpdate: {{{strategy}}}",
        image=image,
        container=sets_release(release) + ready_after(1),
    )


def _worker(number: int) -> str:
    return f"$worker{number if number > 1 else ''}"


def _steps(*texts: str) -> str:
    return "---\n".join(texts)


_BREAK = [f"action: break node\nnode: {_worker(n)}\n" for n in DEAD]
# DESIRED stays at 100 until the DaemonSet changes; see lab 06.
START = _steps(
    f"action: slow nodes\nname: pool-c-is-slow\nlabel: pool=c\nseconds: {SLOW}\n",
    manifest(strategy='maxUnavailable: "100%"'),
    f"action: wait rollout\ndaemonset: {AGENT}\n",
    manifest(),
    *_BREAK,
    f"action: wait status\ndaemonset: {AGENT}\nready: {REACHABLE}\n",
    f"action: kubectl\ncommand: annotate daemonset {AGENT} counted-again=yes --overwrite\n",
    f"action: kubectl\ncommand: annotate daemonset {AGENT} counted-again-\n",
    f"action: wait status\ndaemonset: {AGENT}\ndesired: {REACHABLE}\n",
)
_POOL_A = [n for n in range(1, POOLS["a"] + 1) if n not in DEAD]
_BROKEN = BUDGET - len(DEAD)  # the bad release stops there
HALF_RELEASED = _steps(
    START,
    manifest(release="2", kind="OnDelete"),
    f"action: delete pods\ndaemonset: {AGENT}\nnodes: [{', '.join(map(_worker, _POOL_A))}]\n",
    f"action: wait status\ndaemonset: {AGENT}\nupdated: {len(_POOL_A)}\nready: {REACHABLE}\n",
    manifest(release="3", image=BAD, strategy=f"maxUnavailable: {BUDGET}"),
    f"action: wait status\ndaemonset: {AGENT}\nupdated: {_BROKEN}\nready: {REACHABLE - _BROKEN}\n",
    f"action: wait stuck\ndaemonset: {AGENT}\nreason: ImagePullBackOff\n",
)

SAME, *GUARDS = kept.guards(AGENT)


def _slow_pool_stays() -> Criterion:
    """The Pods in pool c still need as long to become ready as at the start."""

    def judge(evidence: Evidence) -> Finding:
        slow = {n for n, node in evidence.nodes.items() if _pool(node) == "c"}
        fast = [
            str(node_of(pod))
            for pod in evidence.daemonset(AGENT).pods
            if node_of(pod) in slow and _delay(pod) != SLOW
        ]
        if not fast:
            return MET
        return missed(
            f"Pool c is not slow any more on {listed([evidence.lane(node) for node in fast])}.",
            (f"a Pod there waited {SLOW} s at the start, before its first probe",),
            "The admission policy pool-c-is-slow stands for the old machines of pool c: it sets "
            "initialDelaySeconds of the agent's probe. The task is to release on these machines.",
            "kubectl get mutatingadmissionpolicies,mutatingadmissionpolicybindings",
            final=True,
        )

    return Criterion("pool c is as slow as at the start", judge, weight=0)


def _updated_nodes_kept() -> Criterion:
    """The nodes that ran RELEASE 2 at the start keep their Pods."""

    def judge(evidence: Evidence) -> Finding:
        now = {str(pod["metadata"]["uid"]) for pod in evidence.daemonset(AGENT).pods}
        gone = {
            str(node_of(pod)): "had a ready Pod of RELEASE 2, and it was replaced"
            for pod in evidence.history.at_start("pods")
            if is_owned(pod, AGENT)
            and _release(pod) == "2"
            and phase_of(pod)[0] == "ready"
            and str(pod["metadata"]["uid"]) not in now
        }
        if not gone:
            return MET
        return missed(
            f"{counted(len(gone), 'node')} ran RELEASE 2 already and got another Pod.",
            evidence.lines(gone),
            "Pods of the same template have the same controller-revision-hash and are left alone. "
            "A template that differs in anything, an annotation too, is another revision. Source: "
            "constructHistory, pkg/controller/daemon/update.go.",
            f"kubectl rollout history daemonset {AGENT}, and each --revision.",
            final=True,
        )

    return Criterion("nodes with RELEASE 2 keep their Pods", judge, weight=1, watched=("pods",))


def _agents_image(*requires: Criterion) -> Criterion:
    """The template has an image of the agent's program."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        containers = pod_spec(own.after).get("containers") or ()
        found = [str(c["image"]) for c in containers if c["name"] == AGENT]
        if found == [GOOD]:
            return MET
        return missed(
            f"RELEASE 2 runs {GOOD}; the template has {', '.join(found) or 'no such container'}.",
            evidence.lines(own.down_now()),
            "A Pod whose image cannot be pulled never becomes available, and keeps its part of "
            "the budget. Unavailable Pods of an old template are replaced first.",
            f"kubectl rollout history daemonset {AGENT} --revision=…",
        )

    return Criterion(f"the template runs {GOOD}", judge, requires, weight=0)


def _objectives(window: float, *allowed: str) -> tuple[Criterion, ...]:
    """Return the criteria of a release inside the objectives; ``allowed`` fields may change."""
    set_ = rolled.template_sets(AGENT, AGENT, "RELEASE", "2")
    also = (_agents_image(SAME, set_), _updated_nodes_kept()) if len(allowed) > 1 else ()
    stuck = rolled.not_stuck(AGENT, window=window, requires=(SAME, set_))
    return (
        SAME,
        *GUARDS,
        kept.still_dead(),
        _slow_pool_stays(),
        rolled.budget_at_most(AGENT, DOWN),
        rolled.down_at_most(AGENT, DOWN),
        scored.surge_at_most(AGENT, DOUBLE),
        set_,
        kept.only_changed(AGENT, *allowed, requires=(SAME, set_)),
        *also,
        stuck,
        rolled.within(AGENT, window, requires=(SAME, set_)),
        rolled.finished(AGENT, limit=DOWN, window=window, requires=(SAME, set_, stuck)),
    )


_RELEASED = _objectives(WINDOW, f"{AGENT}.env")
_RELEASE = Task(
    title="Release inside both objectives",
    start=START,
    there=f"{AGENT} runs RELEASE 1; maxUnavailable is 1. worker{DEAD[0]} and worker{DEAD[1]} are "
    "dead. Pool c is slow: its agents need longer until they are ready.",
    criteria=_RELEASED,
    hints=(
        "How many nodes are without an available agent before you begin? kubectl get daemonset "
        "agent; DESIRED does not count the dead nodes, the budget does.",
        "N nodes take about ceil(N / (k - d)) restarts: budget k, d dead nodes. N is 98, d is 2, "
        f"and the window is {WINDOW:g} restarts. Which k is big enough, and at most {DOWN}?",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: …}  # the dead nodes, and "
        "98 / …",
    ),
    solution=manifest(release="2", strategy=f"maxUnavailable: {BUDGET}"),
)

_IN_THE_MIDDLE = Task(
    title="A bad image in the middle",
    start=HALF_RELEASED,
    there=f"RELEASE 2 runs in pool a. Then somebody released RELEASE 3 with maxUnavailable "
    f"{BUDGET}: its image cannot be pulled, and {_BROKEN} nodes are without an agent. Two more "
    f"nodes are dead. At most {DOWN} nodes may be without an agent at one time.",
    criteria=_objectives(WINDOW_REST, f"{AGENT}.env", f"{AGENT}.image"),
    hints=(
        "Which revisions are there, and which nodes run which? kubectl rollout history daemonset "
        "agent; kubectl get pods -L controller-revision-hash.",
        "A template that was there before is the same revision again: its Pods are left alone. "
        "The broken Pods are replaced first, and use no more of the budget than they do now.",
        "kubectl rollout history daemonset agent --revision=…\nkubectl rollout undo daemonset "
        "agent --to-revision=…",
    ),
    solution=manifest(release="2", strategy=f"maxUnavailable: {BUDGET}"),
)

_RANK = Task(
    title="Rank on your leaderboard",
    start=START,
    there=f"The state of task 1. Now the release is scored: {scored.HALF} points for time, "
    f"{scored.HALF} for availability. {POINTS} points pass.",
    criteria=(
        *_RELEASED,
        scored.scores_at_least(AGENT, POINTS, AT_ONCE, requires=(SAME, _RELEASED[-1])),
    ),
    hints=(
        "Look at the score of your release in task 1: which half is missing? In the picture each "
        "node has a gap between its old and its new agent.",
        "maxUnavailable stops the old Pod first; maxSurge starts the new one first. One of them "
        "must be 0, and the new Pod needs its memory while both run.",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: 0, maxSurge: …}",
    ),
    solution=manifest(release="2", strategy=f"maxUnavailable: 0, maxSurge: {SURGE}"),
    score=lambda evidence: scored.release_score(evidence.daemonset(AGENT), AT_ONCE),
)

DEBRIEF = f"""\
**Cause.** One number, maxUnavailable, decides both objectives. The availability objective is its
upper limit. The time objective is its lower limit, and each dead node takes 1 off it. On this
fleet the numbers from 9 to {DOWN} meet both. In task 2 the bad image took what was left of the
budget, and stopped there: the limit that you choose is also the limit of the damage.

**Model.** Length = about ceil(N / (k - d)) restarts of mean length; the slow pool prolongs the
mean, and a slow node prolongs the end only if it comes last. The controller takes nodes in no
order, and knows no pools. With maxUnavailable a fleet loses N restarts of availability, whatever
k is. With maxSurge it loses none, and k Pods more run at the same time; not possible with a
hostPort. A template that was there before is the same ControllerRevision, so its Pods stay.
Sources: `rollingUpdate` and `constructHistory` (pkg/controller/daemon/update.go),
`UnavailableCount`, `SurgeCount` (pkg/controller/daemon/util/daemonset_util.go).

**In production.** Measurement Lab had maxUnavailable 2 on its fleet: two nodes with problems
stopped each rollout, and nobody noticed; they added an alert (m-lab/k8s-support issue 281).
kubernetes/kubernetes issue 139226 asks for a status field, because from the numbers of a 100-node
DaemonSet with maxUnavailable 10 % nobody can see whether the release is bad or a few nodes are
not ready. maxSurge was added for agents that a node must not be without, such as network and
storage plugins (kubernetes/enhancements pull request 1590, kubernetes/kubernetes pull request
96441).

**Interview question.** 1000 nodes, 12 of them not ready, an agent that takes 40 s to become
ready, an objective of 95 % availability and a window of one hour. Which maxUnavailable do you
set, how long does the release take, and what changes if 200 of the nodes need 3 minutes?
"""

LAB = Lab(
    name="10-fleet-release",
    title="Release on a fleet",
    workers=tuple(
        Worker(labels={"pool": pool}) for pool, count in POOLS.items() for _ in range(count)
    ),
    daemonset=AGENT,
    kubernetes="1.36",  # MutatingAdmissionPolicy in admissionregistration.k8s.io/v1
    tasks=(_RELEASE, _IN_THE_MIDDLE, _RANK),
    debrief=DEBRIEF,
)


def _pool(node: Object) -> str:
    return str((node["metadata"].get("labels") or {}).get("pool", ""))


def _delay(pod: Object) -> int:
    first = pod["spec"]["containers"][0]
    return int((first.get("readinessProbe") or {}).get("initialDelaySeconds") or 0)


def _release(pod: Object) -> str:
    found = [e for c in containers_of(pod["spec"]) for e in c.get("env") or ()]
    return next((str(e.get("value")) for e in found if e["name"] == "RELEASE"), "")
