"""The exercise of the lesson on maxSurge: free a surge that waits for ports of the node."""

from __future__ import annotations

from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, running, sets_release
from daemonset_course.lab.criteria import kept, rolled
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.no_gap_update import (
    AGENT,
    FINISHED,
    GUARDS,
    NEVER,
    NEXT,
    NOT_STUCK,
    RELEASED,
    ROLLED_OUT,
    SETS,
    STUCK,
)

WORKERS = 4
PORTS = {"metrics": (9100, 9100), "health": (8080, 18080)}  # of the container, of the node
SURGE = "type: RollingUpdate\nrollingUpdate: {maxUnavailable: 0, maxSurge: 1}"


def manifest(*, release: str = "1", on_node: bool = True) -> str:
    """Return the agent's manifest as YAML; ``on_node``: it asks for ports of the node."""
    lines = ["ports:"]
    for name, (own, host) in PORTS.items():
        more = f", hostPort: {host}" if on_node else ""
        lines.append(f"- {{name: {name}, containerPort: {own}{more}}}")
    ports = "\n".join(lines) + "\n"
    return agent_manifest(
        AGENT, update=SURGE, container=ports + sets_release(release) + ready_after(1)
    )


LAB = Lab(
    name="max-surge",
    title="The surge that hangs",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Free the surge, without a gap",
            start="---\n".join((running(manifest(), AGENT), RELEASED, STUCK)),
            there=f"{AGENT} runs RELEASE 1 on {WORKERS} workers. RELEASE 2 is being rolled out "
            "with maxSurge 1, and stands still: a Pod is Pending.",
            criteria=(
                *GUARDS,
                SETS,
                kept.only_changed(AGENT, f"{AGENT}.ports", requires=ROLLED_OUT),
                NEVER,
                rolled.rolls_again(AGENT, NEXT.name, requires=(*ROLLED_OUT, NEVER)),
                NOT_STUCK,
                FINISHED,
            ),
            probes=(NEXT,),
            hints=(
                "What does the scheduler say about the Pending Pod? kubectl describe pod, the "
                "events.",
                "With maxSurge both Pods are on the node for a while. What does a node have only "
                "one of, and which lines of the template ask for it?",
                "kubectl get daemonset agent -o jsonpath='{.spec.template.spec.containers[0]"
                '.ports}\'\nkubectl patch daemonset agent --type json -p \'[{"op": …, "path": '
                '"/spec/template/spec/containers/0/ports/0/…"}, …]\'',
            ),
            solution=manifest(release="2", on_node=False),
        ),
    ),
    debrief="",
)
