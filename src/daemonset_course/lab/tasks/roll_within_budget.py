"""Lab 06, roll within a budget: release in a window, around a dead node, out of a bad release."""

from __future__ import annotations

from textwrap import dedent

from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, sets_release
from daemonset_course.lab.criteria import kept, rolled
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed

AGENT = "agent"
GOOD = "busybox:1.36"
BAD = "registry.invalid/agent:2"
WORKERS = 12
DEAD = 4  # the worker that is dead in task 2
WINDOW = 9.0
WINDOW_DEAD = 16.0


def manifest(*, release: str = "1", image: str = GOOD, strategy: str = "maxUnavailable: 1") -> str:
    """Return the agent's manifest as YAML; ``strategy`` is the content of ``rollingUpdate``."""
    ends = "lifecycle:\n  preStop:\n    sleep: {seconds: 1}"
    return agent_manifest(
        AGENT,
        update=f"type: RollingUpdate\nrollingUpdate: {{{strategy}}}",
        image=image,
        container=sets_release(release) + ready_after(1) + ends,
    )


START = f"{manifest()}---\n" + dedent(f"""\
    action: wait rollout
    daemonset: {AGENT}
    """)
# The taint alone does not enqueue the DaemonSet, so DESIRED may stay at 12 (and a percentage may be
# taken of 12) until the DaemonSet changes. Source: syncNodeUpdate,
# pkg/controller/daemon/daemon_controller.go.
ONE_DEAD = f"{START}---\n" + dedent(f"""\
    action: break node
    node: $worker{DEAD}
    ---
    action: wait status
    daemonset: {AGENT}
    ready: {WORKERS - 1}
    ---
    action: kubectl
    command: annotate daemonset {AGENT} counted-again=yes --overwrite
    ---
    action: kubectl
    command: annotate daemonset {AGENT} counted-again-
    ---
    action: wait status
    daemonset: {AGENT}
    desired: {WORKERS - 1}
    """)
BAD_RELEASE = f"{START}---\n{manifest(image=BAD, release='2')}---\n" + dedent(f"""\
    action: wait stuck
    daemonset: {AGENT}
    reason: ImagePullBackOff
    """)


def _template_replaced() -> Criterion:
    """The template is not the bad one any more."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        if own.rolled:
            return MET
        wider = (own.timeline.budget.at(own.timeline.end) or 0) > 1
        return missed(
            "A bigger budget lets the bad template reach more nodes; it cures none."
            if wider
            else "The template still names the bad image, so every pod made from it fails alike.",
            evidence.lines(own.down_now()),
            "A pod that never becomes available keeps its part of the budget. The cure is a "
            "template whose pods do: the controller replaces unavailable pods first.",
            f"the image in spec.template, and kubectl rollout history {own.option}.",
        )

    return Criterion("the bad template is replaced", judge)


def _agents_image(*requires: Criterion) -> Criterion:
    """The new template has an image of the agent's program."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        containers = pod_spec(own.after).get("containers") or ()
        found = [c["image"] for c in containers if c["name"] == AGENT]
        if all(image.partition(":")[0] == GOOD.partition(":")[0] for image in found) and found:
            return MET
        return missed(
            f"This is no image of the agent: {', '.join(found) or f'no container named {AGENT}'}.",
            evidence.lines(own.down_now()),
            "A template is good when its pods become available, and run the agent.",
            f"kubectl rollout history {own.option} --revision=1 shows the image that did run.",
        )

    return Criterion("it runs the agent's own image", judge, requires)


SAME = kept.same_object(AGENT)


def _released(window: float, *also: Criterion) -> tuple[Criterion, ...]:
    """Return the criteria of a release within a window (in restarts) and a budget of 2."""
    set_ = rolled.template_sets(AGENT, AGENT, "RELEASE", "2")
    stuck = rolled.not_stuck(AGENT, window=window, requires=(SAME, set_))
    return (
        SAME,
        kept.nodes_kept(),
        *also,
        rolled.budget_at_most(AGENT, 2),
        rolled.down_at_most(AGENT, 2),
        set_,
        kept.only_changed(AGENT, f"{AGENT}.env", requires=(SAME, set_)),
        stuck,
        rolled.within(AGENT, window, requires=(SAME, set_)),
        rolled.finished(AGENT, limit=2, window=window, requires=(SAME, set_, stuck)),
    )


def _recovered() -> tuple[Criterion, ...]:
    replaced = _template_replaced()
    stuck = rolled.not_stuck(AGENT, requires=(SAME, replaced))
    return (
        SAME,
        kept.nodes_kept(),
        replaced,
        rolled.down_at_most(AGENT, 1),
        _agents_image(SAME, replaced),
        kept.only_changed(AGENT, f"{AGENT}.env", f"{AGENT}.image", requires=(SAME, replaced)),
        stuck,
        rolled.finished(AGENT, limit=1, requires=(SAME, replaced, stuck)),
    )


_ROLL = Task(
    title="Roll out RELEASE 2 in the window",
    start=START,
    there=f"{AGENT} runs RELEASE 1 on {WORKERS} nodes; maxUnavailable is 1.",
    criteria=_released(WINDOW),
    hints=(
        "Two fields of the spec matter: the template's env, and updateStrategy.rollingUpdate. "
        "Look at the second one first: kubectl get daemonset agent -o yaml.",
        "A rollout takes about ceil(N / k) restarts, k being the budget. Which k brings 12 nodes "
        "under 9 restarts and keeps no more than 2 nodes down? A percentage is rounded up.",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: …}  # the largest k allowed",
    ),
    solution=manifest(release="2", strategy="maxUnavailable: 2"),
)

_ROLL_AROUND = Task(
    title="Roll out RELEASE 2 while a node is dead",
    start=ONE_DEAD,
    there=f"{AGENT} runs RELEASE 1; maxUnavailable is 1. worker{DEAD} is dead: its kubelet is "
    "silent, and its pod is not ready.",
    criteria=_released(WINDOW_DEAD, kept.still_dead()),
    hints=(
        "How many nodes have no available pod before you begin? Count pods that are not READY: "
        "kubectl get pods -o wide.",
        "The controller subtracts every unavailable pod from the budget, whatever made it so. "
        "What is left of maxUnavailable 1 when one node is dead?",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: …}  # the dead node and 1",
    ),
    solution=manifest(release="2", strategy="maxUnavailable: 2"),
)

_RECOVER = Task(
    title="Recover from a bad image",
    start=BAD_RELEASE,
    there="RELEASE 2 was rolled out with maxUnavailable 1 and is stuck: ImagePullBackOff.",
    criteria=_recovered(),
    hints=(
        "Which pod is not ready, and what does its kubelet say? kubectl describe pod, the events.",
        "The stuck pod holds the whole budget, and that is good: it kept the bad image off 11 "
        "nodes. A template whose pods become available takes its place first. Earlier templates "
        "are kept as revisions.",
        "kubectl rollout history daemonset agent\nkubectl rollout undo daemonset agent …",
    ),
    solution=manifest(),
)

DEBRIEF = """\
**Cause.** maxUnavailable is not a speed. It is the number of nodes that may be without an
available agent, *whatever the cause*, while the controller replaces pods. In task 1 it was smaller
than the window needed. In task 2 a dead machine had spent it before the rollout began. In task 3 a
pod that cannot start spent it, and so kept the bad image off the other 11 nodes.

**Model.** Length = about ceil(N / (k - d)) restarts: N nodes, budget k, d dead nodes; with k no
larger than d no node gets the new version. (Where only the agent is broken, the controller replaces
it at once, and the node gives its part of the budget back.) A percentage is taken of
desiredNumberScheduled and rounded *up* (a Deployment rounds its maxUnavailable down). The order of
nodes is random; there is no progress deadline and no automatic rollback. Sources:
`UnavailableCount` (pkg/controller/daemon/util), `rollingUpdate` (pkg/controller/daemon/update.go).

**In production.** The Kubernetes project's own build cluster, 164 nodes, could not update its
DaemonSets: 3 nodes were Unknown and maxUnavailable was the default 1; it was raised to 10 %
(kubernetes/test-infra pull request 31706). NVSentinel issue 1764 shows 288 nodes, 20 of them
unavailable, and a budget of 5 %: 15 nodes (the issue says 14, it rounds down). Task 3 was once
worse than here: in kubernetes/kubernetes issue 123232 three bad templates in a row took down three
nodes with maxUnavailable 1; since Kubernetes 1.31 the broken pods are replaced first.

**Interview question.** A DaemonSet on 200 nodes has maxUnavailable 5 %. For an hour its rollout has
shown 0 updated nodes, and nothing crashes. Which three commands do you run, in which order? What
would make you widen the budget, and what would make you delete a Node object instead?
"""

LAB = Lab(
    name="06-roll-within-budget",
    title="Roll within a budget",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(_ROLL, _ROLL_AROUND, _RECOVER),
    debrief=DEBRIEF,
)
