"""Lab 06, roll within a budget: three tasks with their starting states and rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from textwrap import dedent
from typing import Any

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import Objects, wait_for
from daemonset_course.history.daemonset_status import Status, status_of
from daemonset_course.history.podstate import node_of, phase_of
from daemonset_course.lab import check, check_rollout
from daemonset_course.lab.check import Rule, Verdict
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.tasks import Lab, Task
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import break_node
from daemonset_course.verbs.rollout import wait_rollout

AGENT = "agent"
GOOD = "busybox:1.36"
BAD = "registry.invalid/agent:2"
WORKERS = 12
DEAD = 4  # the worker that is dead in task 2
WINDOW = 9.0
WINDOW_DEAD = 16.0


def manifest(*, release: str = "1", image: str = GOOD, strategy: str = "maxUnavailable: 1") -> str:
    """Return the agent's manifest as YAML; ``strategy`` is the content of ``rollingUpdate``."""
    return dedent(f"""\
        apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: {AGENT}
        spec:
          selector:
            matchLabels: {{app: {AGENT}}}
          updateStrategy:
            type: RollingUpdate
            rollingUpdate: {{{strategy}}}
          template:
            metadata:
              labels: {{app: {AGENT}}}
            spec:
              containers:
              - name: {AGENT}
                image: {image}
                command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
                env:
                - {{name: RELEASE, value: "{release}"}}
                readinessProbe:
                  exec: {{command: ["true"]}}
                  initialDelaySeconds: 1
                lifecycle:
                  preStop:
                    sleep: {{seconds: 1}}
        """)


def _run_agent() -> str:

    apply(manifest())
    status = wait_rollout(AGENT)
    return f"{AGENT} runs RELEASE 1 on {status.available} nodes; maxUnavailable is 1."


def _break_one_node() -> str:

    def wait_for_status(what: str, condition: Callable[[Status], bool]) -> None:
        wait_for(
            current().api,
            "/apis/apps/v1/namespaces/default/daemonsets",
            lambda sets: condition(status_of(sets[AGENT])),
            what=what,
            explain=lambda sets: repr(status_of(sets[AGENT])),
            timeout=30,
        )

    text = _run_agent()
    node = current().workers()[DEAD - 1]
    break_node(node)
    wait_for_status(f"the pod on {node} not ready", lambda status: status.ready == WORKERS - 1)
    # The taint alone does not enqueue the DaemonSet, so DESIRED may stay at 12 (and a percentage
    # may be taken of 12) until the DaemonSet changes. Source: syncNodeUpdate,
    # pkg/controller/daemon/daemon_controller.go.
    kubectl(f"annotate daemonset {AGENT} counted-again=yes --overwrite")
    kubectl(f"annotate daemonset {AGENT} counted-again-")
    wait_for_status(f"{node} not counted", lambda status: status.desired == WORKERS - 1)
    return f"{text} {node} is dead: its kubelet is silent, and its pod is not ready."


def _roll_out_bad_image() -> str:

    _run_agent()
    apply(manifest(image=BAD, release="2"))

    def stuck(pods: Objects) -> list[Any]:
        return [pod for pod in pods.values() if phase_of(pod)[1] == "ImagePullBackOff"]

    pods = wait_for(
        current().api,
        "/api/v1/namespaces/default/pods",
        lambda found: bool(stuck(found)),
        what="the rollout stuck",
        explain=lambda found: f"{len(found)} pods, none in ImagePullBackOff",
        timeout=60,
    )
    node = node_of(stuck(pods)[0])
    return (
        f"RELEASE 2 was rolled out with maxUnavailable 1 and is stuck at {node}: ImagePullBackOff."
    )


def _template_replaced(evidence: Evidence) -> Verdict | None:
    """Wrong, if the template still has the bad image."""
    if evidence.rolled:
        return None
    budget = evidence.timeline.budget
    wider = (budget.at(evidence.timeline.end) or 0) > 1
    return Verdict(
        "wrong",
        "A bigger budget lets the bad template reach more nodes; it cures none."
        if wider
        else "The template still names the bad image, so every pod made from it fails alike.",
        evidence.lines(evidence.down_now()),
        "A pod that never becomes available keeps its part of the budget. The cure is a template "
        "whose pods do: the controller replaces unavailable pods first.",
        "the image in spec.template, and kubectl rollout history daemonset agent.",
    )


def _agents_image(evidence: Evidence) -> Verdict | None:
    """Wrong, if the new template has an image of another program."""
    containers = (evidence.after or {})["spec"]["template"]["spec"]["containers"]
    found = [c["image"] for c in containers if c["name"] == AGENT]
    if all(image.partition(":")[0] == GOOD.partition(":")[0] for image in found) and found:
        return None
    return Verdict(
        "wrong",
        f"This is no image of the agent: {', '.join(found) or 'no container named agent'}.",
        evidence.lines(evidence.down_now()),
        "A template is good when its pods become available, and run the agent.",
        "kubectl rollout history daemonset agent --revision=1 shows the image that did run.",
    )


_IN_PLACE: tuple[Rule, ...] = (check.was_watched, check.was_attempted, check.same_object)


def _released(window: float) -> tuple[Rule, ...]:
    """Return the rules of a release within a window (in restarts) and a budget of 2."""
    return (
        check_rollout.budget_at_most(2),
        check_rollout.down_at_most(2),
        check.rolled_to(AGENT, "RELEASE", "2"),
        check.only_changed("env"),
        partial(check_rollout.not_stuck, window=window),
        check_rollout.within(window),
        check_rollout.finished,
        check_rollout.done(2, window),
    )


_ROLL = Task(
    title="Roll out RELEASE 2 in the window",
    prepare=_run_agent,
    rules=(
        *_IN_PLACE,
        check.nodes_kept,
        *_released(WINDOW),
    ),
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
    prepare=_break_one_node,
    rules=(
        *_IN_PLACE,
        check.nodes_kept,
        check.still_dead,
        *_released(WINDOW_DEAD),
    ),
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
    prepare=_roll_out_bad_image,
    rules=(
        *_IN_PLACE,
        check.nodes_kept,
        _template_replaced,
        check_rollout.down_at_most(1),
        _agents_image,
        check.only_changed("env", "image"),
        check_rollout.not_stuck,
        check_rollout.finished,
        check_rollout.done(1),
    ),
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
    daemonset=AGENT,
    workers=WORKERS,
    tasks=(_ROLL, _ROLL_AROUND, _RECOVER),
    debrief=DEBRIEF,
)
