"""Apply, place, roll and explain the DaemonSets of ``tests/manifests``, all on one cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from daemonset_course import placement
from daemonset_course.analysis.rollout_caption import caption
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import until, wait_for
from daemonset_course.errors import NotFinished
from daemonset_course.history.budgets import budgets
from daemonset_course.history.index import History, owned_by
from daemonset_course.history.podstate import is_owned, is_ready, is_terminating, node_of
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.history.text import joined, nodes, seconds
from daemonset_course.recording.recorder import Recorder
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.daemonsets import daemonsets_path
from daemonset_course.verbs.nodes import add_node, cordon, remove_node
from daemonset_course.verbs.rollout import finished, wait_rollout
from daemonset_course.verbs.why import Answer, Why, why
from manifest_facts import CORDONED, FLEET, OS, Manifest, Object

PATIENCE = 120.0
SETTLED = 20.0  # seconds that Pods may take after a change of the nodes
# What a recorder of all namespaces follows.
PATHS = {
    "nodes": "/api/v1/nodes",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "controllerrevisions": "/apis/apps/v1/controllerrevisions",
    "pods": "/api/v1/pods",
    "events": "/api/v1/events",
}


@dataclass
class Run:
    """What happened to one manifest on the cluster.

    Attributes:
        manifest: what was applied.
        wanted: the nodes on which it runs by ``placement``.
        placed: the nodes on which the controller created a Pod.
        answers: what ``why`` said, after it was placed.
        told: the error of ``wait_rollout`` under OnDelete; else empty.
        rollout: the facts of its rollout.
        most: the most nodes without a ready Pod at one time in the rollout, counted from the Pods.
        caption: the caption of its rollout.
        mended: the nodes on which it runs after the causes of all absences were removed.
        every: the nodes of the fleet.
    """

    manifest: Manifest
    wanted: set[str]
    placed: set[str]
    answers: Why
    told: str = ""
    rollout: Rollout | None = None
    most: int | None = None
    caption: str = ""
    mended: set[str] = field(default_factory=set)
    every: set[str] = field(default_factory=set)

    @property
    def absent(self) -> list[Answer]:
        """The answers of ``why`` for the nodes without a Pod."""
        return [self.answers.nodes[node] for node in sorted(self.every - self.placed)]

    @cached_property
    def faults(self) -> tuple[str, ...]:
        """What is not as it should be; empty: the verdict is good."""
        return tuple(filter(None, (self._misplaced(), *self._misrolled(), *self._unexplained())))

    @property
    def verdict(self) -> str:
        """What holds, or what does not."""
        return joined(self.faults) or "placed, rolled, explained"

    @property
    def length(self) -> str:
        """How long the rollout took."""
        return (
            seconds(self.rollout.duration)
            if self.rollout and self.rollout.duration
            else "not complete"
        )

    def _misplaced(self) -> str:
        wrong = self.placed ^ self.wanted
        return f"placement is wrong about {joined(sorted(wrong))}" if wrong else ""

    def _misrolled(self) -> Iterator[str]:
        rolled, count = self.rollout, len(self.placed)
        if rolled is None or rolled.duration is None:
            yield "the recording has no complete rollout"
            return
        allowed, _ = budgets(self.manifest.daemonset, count)
        if rolled.budget != allowed:
            yield f"the recording's budget is {rolled.budget}, not {allowed}"
        if allowed is not None and max(self.most or 0, rolled.max_unavailable or 0) > allowed:
            yield f"{self.most} nodes had no ready Pod, the budget is {allowed}"
        if set(rolled.order) != self.placed:
            yield "the recorded order has other nodes"
        bound = "no budget: OnDelete" if allowed is None else f"budget {allowed}"
        told = f"at most {rolled.max_unavailable} unavailable ({bound})"
        begin = f"{nodes(count)} rolled in {seconds(rolled.duration)}"
        if not self.caption.startswith(begin) or told not in self.caption:
            yield f"the caption is wrong: {self.caption}"
        if self.manifest.on_delete and "its update strategy is OnDelete" not in self.told:
            yield f"wait_rollout did not say that the strategy is OnDelete: {self.told}"

    def _unexplained(self) -> Iterator[str]:
        for answer in self.absent:
            if answer.run or not answer.sentence.startswith(f"{answer.node}: no Pod is created: "):
                yield f"why is wrong about {answer.node}: {answer.sentence}"
        if self.mended != self.every:
            left = joined(sorted(self.every - self.mended))
            yield f"without what why named, it still does not run on {left}"


def run_all(given: Sequence[Manifest], say: Callable[[str], object] = print) -> list[Run]:
    """Run all manifests on the current cluster, whose workers it replaces by the fleet.

    Raises:
        CourseError: an object was refused, or a wait ended.
    """
    kinds = make_fleet()
    say(f"{len(kinds)} nodes; applying {len(given)} manifests")
    for one in given:
        apply(one.path)
    _wait_all(given)
    found = [_placed(one, set(kinds.values())) for one in given]
    say("all placed; rolling all of them")
    with Recorder(current(), "", "default", PATHS) as recorder:
        for run in found:
            _roll(run)
        _wait_all([run.manifest for run in found if not run.manifest.on_delete])
        for run in found:
            if run.manifest.on_delete:
                _delete_pods(run)
        # The status of a DaemonSet may arrive before the last changes of its Pods.
        until(lambda: all(_ended(run, recorder) for run in found), timeout=SETTLED, pause=0.2)
    for run in found:
        _read(run, recorder.history)
    say("all rolled; removing what why named")
    _mend(kinds, found)
    return found


def make_fleet() -> dict[str, str]:
    """Make one node of each kind, and return their names by kind."""
    cluster = current()
    first, *others = cluster.workers()
    if others:
        remove_node(*others)
    plane = next(name for name in cluster.nodes() if name != first)
    found = {"control plane": plane, "linux": first}
    for name, kind in FLEET.items():
        if name not in found:
            taints = [taint for taint in kind.taints if taint != CORDONED]
            [found[name]] = add_node(count=1, taints=taints, **dict[str, Any](kind.labels))
    cordon(found["cordoned"])
    return found


def _wait_all(given: Sequence[Manifest]) -> None:
    """Wait until all have finished: one watch, where ``wait_rollout`` needs several for each."""
    names = {(one.namespace, one.name) for one in given}

    def left(items: Mapping[str, Object]) -> list[str]:
        metas = ((item, item["metadata"]) for item in items.values())
        return [
            str(meta["name"])
            for item, meta in metas
            if (meta["namespace"], meta["name"]) in names and not finished(item)
        ]

    wait_for(
        current().api, PATHS["daemonsets"], lambda items: not left(items),
        what="all rollouts", explain=lambda items: joined(left(items)), timeout=PATIENCE,
    )  # fmt: skip


def _placed(manifest: Manifest, every: set[str]) -> Run:
    api = current().api
    wanted = {
        node["metadata"]["name"]
        for node in api.items("/api/v1/nodes")
        if placement.should_run(node, manifest.template).run
    }
    pods = api.items(f"/api/v1/namespaces/{manifest.namespace}/pods")
    answers = why(manifest.name, namespace=manifest.namespace)
    return Run(manifest, wanted, _nodes_of(pods, manifest), answers, every=every)


def _nodes_of(pods: Iterable[Object], manifest: Manifest) -> set[str]:
    return {
        node_of(pod) for pod in pods if is_owned(pod, manifest.name) and not is_terminating(pod)
    }


def _path(manifest: Manifest) -> str:
    return f"{daemonsets_path(manifest.namespace)}/{manifest.name}"


def _roll(run: Run) -> None:
    """Change the template, as ``kubectl set env`` does."""
    name = run.manifest.spec["containers"][0]["name"]
    change = {"containers": [{"name": name, "env": [{"name": "RELEASE", "value": "2"}]}]}
    current().api.request(
        "PATCH",
        _path(run.manifest),
        {"spec": {"template": {"spec": change}}},
        content_type="application/strategic-merge-patch+json",
    )


def _delete_pods(run: Run) -> None:
    """Check that the wait says who replaces the Pods, then delete them."""
    one, api = run.manifest, current().api
    try:
        wait_rollout(one.name, namespace=one.namespace, timeout=PATIENCE)
    except NotFinished as error:
        run.told = str(error)
    place = f"/api/v1/namespaces/{one.namespace}/pods"
    for pod in api.items(place):
        if is_owned(pod, one.name):
            api.delete(f"{place}/{pod['metadata']['name']}")
    wait_rollout(one.name, namespace=one.namespace, timeout=PATIENCE)


def _ended(run: Run, recorder: Recorder) -> bool:
    with recorder.reading() as history:
        found = rollouts(history.timeline(run.manifest.name, run.manifest.namespace))
    return bool(found) and found[-1].end is not None


def _read(run: Run, history: History) -> None:
    """Read the rollout from the recording, once by its timeline and once from the Pods alone."""
    timeline = history.timeline(run.manifest.name, run.manifest.namespace)
    found = rollouts(timeline)
    if not found:
        return
    run.rollout, run.caption = found[-1], caption(timeline)
    run.most = most_without(history, run.manifest, run.placed, run.rollout)


def most_without(history: History, manifest: Manifest, on: set[str], rollout: Rollout) -> int:
    """Return the most of the nodes that had no ready Pod at one time of a rollout."""
    most, ready = 0, dict[str, str]()
    for change in history.changes("pods", owned_by(manifest.name)):
        pod = change.object
        uid = str(pod["metadata"]["uid"])
        ready.pop(uid, None)
        if is_ready(pod) and not is_terminating(pod) and not change.gone:
            ready[uid] = node_of(pod)
        if rollout.start <= change.t <= rollout.stop:
            most = max(most, len(on - set(ready.values())))
    return most


def _mend(kinds: Mapping[str, str], found: Sequence[Run]) -> None:
    """Remove from the nodes what ``why`` named, and see where the DaemonSets run then."""
    api = current().api
    labels: dict[str, str | None] = {OS: "linux", "nvidia.com/gpu.deploy.driver": "true"}
    labels |= {"eks.amazonaws.com/compute-type": None, "node.kubernetes.io/instance-type": None}
    for node in kinds.values():
        change = {"metadata": {"labels": labels}, "spec": {"taints": None, "unschedulable": None}}
        api.merge(f"/api/v1/nodes/{node}", change)

    def everywhere(pods: Mapping[str, Object]) -> bool:
        for run in found:
            run.mended = _nodes_of(pods.values(), run.manifest)
        return all(run.mended == run.every for run in found)

    with suppress(NotFinished):  # the verdicts name the nodes
        wait_for(api, PATHS["pods"], everywhere, what="Pods on every node", explain=lambda _: "",
                 timeout=SETTLED)  # fmt: skip
