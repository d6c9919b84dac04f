"""The evidence of a check: a recorder's log, read once before the rules are applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from statistics import mean, median
from typing import Any

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.history import podstate
from daemonset_course.history.index import History
from daemonset_course.history.log import Object
from daemonset_course.history.spans import Segment
from daemonset_course.history.timeline import Timeline

JUDGED = ("nodes", "daemonsets", "pods")  # the resources that a verdict is made from


@dataclass(frozen=True)
class Evidence:
    """The starting state, the present state, and the history in between.

    Attributes:
        before: the DaemonSet at the start of the task.
        after: the DaemonSet of that name now; None if there is none.
        nodes: the Node objects that exist now, by name.
        lost: nodes whose Node object was deleted, even if a new one has that name.
        revived: nodes that were not Ready at the start and became Ready later.
        others: names of further DaemonSets in the namespace now.
        pods_gone: whether one of the DaemonSet's pods was deleted or is being deleted.
        timeline: the history, from the task's start until now.
        news: when the last change was recorded, in seconds since the recording began.
        spec_set_at: when the DaemonSet first got the pod spec that it has now, in seconds since the
            recording began; None if the spec is the starter's or there is no DaemonSet.
    """

    before: Object
    after: Object | None
    nodes: Mapping[str, Object]
    lost: tuple[str, ...]
    revived: tuple[str, ...]
    others: tuple[str, ...]
    pods_gone: bool
    timeline: Timeline
    news: float
    spec_set_at: float | None

    @property
    def rolled(self) -> bool:
        """Whether the DaemonSet got a new template since the start."""
        return bool(self.timeline.templates)

    @property
    def revision(self) -> str:
        """The newest template's ``controller-revision-hash``; empty before its first Pod."""
        return self.timeline.templates[-1].revision if self.rolled else ""

    @cached_property
    def workers(self) -> tuple[str, ...]:
        """The nodes that exist and are no control plane, in the order of the picture."""
        found = self.timeline.nodes
        return tuple(
            n for n in found if n in self.nodes and not podstate.is_control_plane(self.nodes[n])
        )

    @cached_property
    def dead(self) -> tuple[str, ...]:
        """The workers whose kubelet is silent or reports that it is not ready."""
        return tuple(name for name in self.workers if not podstate.is_ready(self.nodes[name]))

    @cached_property
    def reachable(self) -> tuple[str, ...]:
        """The workers that are not dead."""
        dead = set(self.dead)
        return tuple(name for name in self.workers if name not in dead)

    @property
    def pods(self) -> tuple[Object, ...]:
        """The DaemonSet's pods that exist now."""
        return tuple(chain.from_iterable(self.timeline.scene.pods.values()))

    def lane(self, node: str) -> str:
        """The node's name without the cluster's prefix, as the picture shows it."""
        return self.timeline.lane(node)

    @cached_property
    def why(self) -> Explanation:
        """Why the rollout is not done."""
        return explain_timeline(self.timeline)

    @cached_property
    def behind(self) -> Mapping[str, str]:
        """Each reachable node that does not yet run the newest template, with the reason."""
        found = {one.node: one.reason for one in self.why.causes}
        held = self.timeline.scene.pods
        bare = dict.fromkeys(self.workers, "no Pod, and none should be there")
        found = {name: why for name, why in bare.items() if name not in held} | found
        return {name: found[name] for name in self.reachable if name in found}

    def down_now(self) -> Mapping[str, str]:
        """Return each worker that has no available Pod now, with the reason."""
        down = set(self.why.unavailable).intersection(self.workers)
        return {one.node: one.reason for one in self.why.causes if one.node in down}

    def refused(self) -> str:
        """Return why the API server refuses the controller's Pods; empty if it does not."""
        found = self.why.where(lambda cause: cause.kind == "refused")
        return found.sentence(self.lane)

    def lines(self, why: Mapping[str, str]) -> tuple[str, ...]:
        """Return one line per node with its reason."""
        return tuple(f"{self.lane(node)}: {reason}" for node, reason in why.items())

    def down_at(self, t: float) -> tuple[str, ...]:
        """Return the workers that had no ready Pod at ``t`` seconds since the recording began."""
        held = {s.node for s in self.timeline.segments if s.phase == "ready" and _covers(s, t)}
        return tuple(name for name in self.workers if name not in held)

    def worst(self, above: int) -> tuple[float, float]:
        """Return start and length (s) of the longest time with more than ``above`` nodes down."""
        best = (0.0, 0.0)
        start: float | None = None
        for a, b, value in self.timeline.unavailable.stretches():
            over = value is not None and value > above
            start = (a if start is None else start) if over else None
            if start is not None and b - start > best[1]:
                best = (start, b - start)
        return best

    @cached_property
    def restart_times(self) -> Mapping[str, tuple[float, float]]:
        """For each updated node: when its restart began and ended, in seconds.

        A restart begins when the node loses its ready Pod or, with surge, gets the new Pod. It
        ends when the new Pod is ready and no other Pod is left on the node.
        """
        behind = self.behind
        updated = [name for name in self.reachable if name not in behind]
        return {name: self._restart(name) for name in updated} if self.rolled else {}

    def restart(self) -> float | None:
        """Return the mean length of a node's restart in seconds; None before the first one ended.

        The mean, not the median: each slow node prolongs the rollout. While nodes are not updated,
        the longest restart is returned, because the remaining nodes may be slow.
        """
        lengths = [end - start for start, end in self.restart_times.values()]
        if not lengths:
            return None
        return max(lengths) if self.behind else mean(lengths)

    def pause(self) -> float:
        """Return the median time in seconds from the end of a restart to the start of the next one.

        The controller causes it; on a busy machine it may be as long as the restart.
        """
        spans = self.restart_times.values()
        later = [[begin - end for begin, _ in spans if begin >= end] for _, end in spans]
        pauses = [min(waits) for waits in later if waits]
        return median(pauses) if pauses else 0.0

    def length(self) -> float:
        """Return the seconds from the change of the Pod spec until the last node was updated.

        While nodes are not updated, the time ends at the last recorded change: a stuck rollout is
        not a slow one. ``kubectl rollout restart`` does not reset the time.
        """
        if not self.rolled:
            return 0.0
        ends = [end for _, end in self.restart_times.values()]
        return (max(ends) if ends and not self.behind else self.news) - self._began

    def elapsed(self) -> float:
        """Return the seconds from the change of the Pod spec until now."""
        return self.timeline.end - self._began if self.rolled else 0.0

    @property
    def _began(self) -> float:
        return self.timeline.templates[-1].t if self.spec_set_at is None else self.spec_set_at

    def interrupted(self) -> bool:
        """Whether a watch of a judged resource was interrupted."""
        return any(gap.resource in JUDGED for gap in self.timeline.gaps)

    def _restart(self, node: str) -> tuple[float, float]:
        since = self.timeline.templates[-1].t
        (alive,) = (pod["metadata"]["uid"] for pod in self.timeline.scene.pods[node])
        here = [s for s in self.timeline.by_node[node] if s.end >= since]
        new = [s for s in here if s.pod == alive]
        old = [s for s in here if s.pod != alive]
        # A Pod that appeared with the last record has no segment yet.
        now = self.timeline.end
        ready = next((s.start for s in new if s.phase == "ready"), now)
        end = max([ready, *(s.end for s in old)])
        left = [s.end for s in old if s.phase == "ready"]
        return min([end, *left, *(s.start for s in new)]), end


def read(history: History) -> Evidence:
    """Return the evidence in a history that begins at the start of the task."""
    name, timeline = history.header.daemonset, history.timeline()
    sets = {str(o["metadata"]["name"]): o for o in history.objects("daemonsets")}
    began = [o for o in history.at_start("daemonsets") if o["metadata"]["name"] == name]
    gone = (p for p in history.deleted("pods") if podstate.is_owned(p, name))
    held = chain.from_iterable(timeline.scene.pods.values())
    return Evidence(
        before=began[0] if began else {},
        after=sets.pop(name, None),
        nodes=timeline.scene.nodes,
        lost=tuple(sorted({str(o["metadata"]["name"]) for o in history.deleted("nodes")})),
        revived=_revived(history),
        others=tuple(sorted(sets)),
        pods_gone=any(gone) or any(map(podstate.is_terminating, held)),
        timeline=timeline,
        news=history.last_change,
        spec_set_at=_spec_set_at(history, name),
    )


def _revived(history: History) -> tuple[str, ...]:
    """Return the nodes that were not Ready at the start and became Ready."""
    dead = {o["metadata"]["name"] for o in history.at_start("nodes") if not podstate.is_ready(o)}
    if not dead:
        return ()
    later = history.changes(
        "nodes", lambda o: o["metadata"]["name"] in dead and podstate.is_ready(o)
    )
    return tuple(sorted({change.name for change in later}))


def _spec_set_at(history: History, name: str) -> float | None:
    """Return when the DaemonSet got its present Pod spec; None if it had it from the start."""
    sets = [
        (change.t, change.object["spec"]["template"].get("spec"))
        for change in history.changes("daemonsets")
        if change.name == name
    ]
    if not sets or sets[0][1] == sets[-1][1]:
        return None
    return next(t for t, spec in sets if spec == sets[-1][1])


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two objects differ; lists are compared item by item."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{path}[{i}]")
    elif one != other:
        yield path


def _covers(segment: Segment, t: float) -> bool:
    return segment.start <= t < segment.end
