"""The exercise of the lesson on the rolling update: a budget that keeps both limits."""

from __future__ import annotations

from daemonset_course.lab.agent_manifest import (
    IMAGE,
    agent_manifest,
    ready_after,
    running,
    sets_release,
)
from daemonset_course.lab.criteria import kept, rolled
from daemonset_course.lab.lab import Lab, Task, Worker

AGENT = "agent"
WORKERS = 12
DOWN = 3  # nodes that may be without the agent at one time
WINDOW = 5.0  # restarts
SLOW = "maxUnavailable: 10%"  # 2 of 12 nodes: six rounds


def manifest(*, release: str = "1", image: str = IMAGE, strategy: str = SLOW) -> str:
    """Return the agent's manifest as YAML; ``strategy`` is the content of ``rollingUpdate``.

    A restart is long, so that the pauses between restarts take little of the window.
    """
    ends = "lifecycle:\n  preStop:\n    sleep: {seconds: 2}"
    return agent_manifest(
        AGENT,
        update=f"type: RollingUpdate\nrollingUpdate: {{{strategy}}}",
        image=image,
        container=sets_release(release) + ready_after(2) + ends,
    )


_GUARDS = kept.guards(AGENT)
_SETS = rolled.template_sets(AGENT, AGENT, "RELEASE", "2")
_READY = (_GUARDS[0], _SETS)
_STUCK = rolled.not_stuck(AGENT, window=WINDOW, requires=_READY)

LAB = Lab(
    name="rolling-update",
    title="Twelve nodes within five restarts",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(
        Task(
            title="RELEASE 2 on 12 nodes, within 5 restarts",
            start=running(manifest(), AGENT),
            there=f"{AGENT} runs RELEASE 1 on {WORKERS} workers; maxUnavailable is 10%.",
            criteria=(
                *_GUARDS,
                rolled.budget_at_most(AGENT, DOWN),
                rolled.down_at_most(AGENT, DOWN),
                _SETS,
                kept.only_changed(AGENT, f"{AGENT}.env", requires=_READY),
                _STUCK,
                rolled.within(AGENT, WINDOW, requires=_READY),
                rolled.finished(AGENT, limit=DOWN, window=WINDOW, requires=(*_READY, _STUCK)),
            ),
            hints=(
                "How many nodes may be down by the manifest as it is now? "
                "kubectl get daemonset agent -o jsonpath='{.spec.updateStrategy}', and 12 nodes.",
                "A rollout takes about ceil(N / k) restarts, k nodes at a time. Which k keeps "
                "both limits of the change request? A percentage rounds up.",
                "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: …}\n"
                "  template: …  # and the new RELEASE, in the same change or after it",
            ),
            solution=manifest(release="2", strategy="maxUnavailable: 25%"),
        ),
    ),
    debrief="",
)
