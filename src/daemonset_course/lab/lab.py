"""Describe labs and tasks as plain data: fleet, start, criteria, probes, hints, solution. Pure.

The start of a task, its solution, and what a probe does are YAML documents, played one after the
other. A document with a ``kind`` is applied; one with an ``action`` is an action of ``actions.py``.
``$worker3`` stands for the full name of a node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from daemonset_course.errors import NotFound
from daemonset_course.lab.criteria.scored import Score
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.verdict import Criterion

LABS = {
    "01-cover-the-fleet": "cover_the_fleet",
    "02-place-by-label": "place_by_label",
    "03-mixed-fleet": "mixed_fleet",
    "04-tainted-fleet": "tainted_fleet",
    "05-monitoring-agent": "monitoring_agent",
    "06-roll-within-budget": "roll_within_budget",
    "07-no-gap-update": "no_gap_update",
    "08-node-by-node": "node_by_node",
    "09-incident-room": "incident_room",
    "10-fleet-release": "fleet_release",
    "11-nodes-join": "nodes_join",
}
EXERCISES = {
    "taints": "taints_exercise",
    "start": "start_exercise",
    "one-pod-per-node": "one_pod_per_node_exercise",
    "node-selector": "node_selector_exercise",
    "node-affinity": "node_affinity_exercise",
    "how-scheduling-works": "how_scheduling_works_exercise",
    "agents-in-the-wild": "agents_in_the_wild_exercise",
    "daemonset-or-deployment": "daemonset_or_deployment_exercise",
    "when-nodes-fail": "when_nodes_fail_exercise",
    "when-a-pod-fails": "when_a_pod_fails_exercise",
    "rolling-update": "rolling_update_exercise",
    "stuck-rollouts": "stuck_rollouts_exercise",
    "max-surge": "max_surge_exercise",
    "on-delete-and-rollback": "on_delete_exercise",
    "restart-length": "restart_length_exercise",
    "monitoring-agent": "monitoring_agent_exercise",
    "host-access": "host_access_exercise",
    "ports-and-resources": "ports_and_resources_exercise",
    "priority-and-eviction": "priority_and_eviction_exercise",
    "watching": "watching_exercise",
    "real-alerts": "real_alerts_exercise",
    "configuration": "configuration_exercise",
    "agents-rights": "agents_rights_exercise",
    "at-scale": "at_scale_exercise",
    "nodes-join": "nodes_join_exercise",
    "which-of-four-said-no": "which_of_four_exercise",
}


@dataclass(frozen=True)
class Worker:
    """A worker at the start of a lab: its labels, its taints (``key=value:Effect``), its cordon."""

    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    cordoned: bool = False


@dataclass(frozen=True)
class Probe:
    """What a checker does to the cluster, and how it is undone.

    Attributes:
        name: what is done, in a few words: "worker7 joins".
        act: YAML documents, played when the check needs it.
        undo: YAML documents that restore the cluster.
    """

    name: str
    act: str
    undo: str


@dataclass(frozen=True)
class Task:
    """One task of a lab.

    Attributes:
        title: the task in a few words.
        start: YAML documents that bring a fresh fleet into the starting state.
        there: the starting state in one or two sentences.
        criteria: what the check asks.
        hints: where to look, the concept, a fragment.
        solution: YAML documents that pass; the learner sees them after passing.
        probes: what the checker does to the cluster.
        needs: the capabilities (``capabilities.CAPABILITIES``) that the check requires.
        daemonset: the DaemonSet that a fragment changes and the picture shows, if not the lab's.
        score: the score of a pass, which goes on the local leaderboard; None: no leaderboard.
    """

    title: str
    start: str
    there: str
    criteria: tuple[Criterion, ...]
    hints: tuple[str, str, str]
    solution: str
    probes: tuple[Probe, ...] = ()
    needs: tuple[str, ...] = ()
    daemonset: str = ""
    score: Callable[[Evidence], Score | None] | None = None

    def probe(self, name: str) -> Probe:
        """Return the probe of that name."""
        return next(one for one in self.probes if one.name == name)


@dataclass(frozen=True)
class Lab:
    """A lab.

    Attributes:
        name: the stem of its notebook.
        title: what it is about.
        workers: the fleet at the start of each task.
        daemonset: the DaemonSet that a fragment of YAML changes and that the picture shows.
        tasks: the tasks, numbered from 1.
        debrief: cause, model, cases from production, an interview question.
        namespace: the namespace of that DaemonSet.
        kubernetes: the oldest minor of Kubernetes that has what the lab uses; empty: any.
        rights: whether rights (RBAC) and admission policies are recorded too.
        workloads: whether Deployments, Jobs and CronJobs are recorded too.
    """

    name: str
    title: str
    workers: tuple[Worker, ...]
    daemonset: str
    tasks: tuple[Task, ...]
    debrief: str
    namespace: str = "default"
    rights: bool = False
    workloads: bool = False
    kubernetes: str = ""

    def runs_on(self, version: str) -> bool:
        """Whether a version of Kubernetes (``v1.35.1``, ``1.35``) has what the lab uses."""
        return not self.kubernetes or _minor(version) >= _minor(self.kubernetes)

    def daemonset_of(self, number: int | None) -> str:
        """Return the name of a task's DaemonSet (without a number: of the lab's)."""
        return (self.task(number).daemonset if number else "") or self.daemonset

    def task(self, number: int) -> Task:
        """Return the task of that number, counted from 1.

        Raises:
            NotFound: there is no such task.
        """
        if number not in range(1, len(self.tasks) + 1):
            raise NotFound(
                f"Lab {self.name} has no task {number!r}.",
                next_step=f"One of: {', '.join(str(i + 1) for i in range(len(self.tasks)))}",
            )
        return self.tasks[number - 1]


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


def find(name: str) -> Lab:
    """Return the lab or the exercise of that name; ``06`` is enough for a lab.

    Raises:
        NotFound: there is no such lab.
    """
    if name in EXERCISES:
        return find_exercise(name)
    found = [one for one in LABS if str(name) and one.startswith(str(name))]
    if len(found) != 1:
        raise NotFound(f"There is no lab {name!r}.", next_step=f"One of: {', '.join(LABS)}")
    return _loaded(LABS[found[0]])


def find_exercise(name: str) -> Lab:
    """Return the exercise of a lesson: a lab with one task.

    Raises:
        NotFound: there is no such exercise.
    """
    if name not in EXERCISES:
        raise NotFound(
            f"There is no exercise {name!r}.", next_step=f"One of: {', '.join(EXERCISES)}"
        )
    return _loaded(EXERCISES[name])


def _loaded(module: str) -> Lab:
    lab: Lab = import_module(f"daemonset_course.lab.tasks.{module}").LAB
    return lab
