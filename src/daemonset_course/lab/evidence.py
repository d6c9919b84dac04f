"""What a check sees: a recorder's log, read once, before anything is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from daemonset_course.timeline import facts, podstate
from daemonset_course.timeline.caption import lane_name
from daemonset_course.timeline.creation import sentence
from daemonset_course.timeline.podstate import Object
from daemonset_course.timeline.spans import Segment
from daemonset_course.timeline.timeline import Timeline, build

JUDGED = ("nodes", "daemonsets", "pods")  # the resources that a verdict is made from

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
# Waiting reasons that no waiting cures: the template has to change.
HOPELESS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
}


@dataclass(frozen=True)
class Evidence:
    """The starting point, the present state, and all that happened in between.

    Attributes:
        before: the DaemonSet as the task's start left it.
        after: the DaemonSet of that name now; None when there is none.
        nodes: the Node objects that exist now, by name.
        lost: nodes whose Node object was deleted, also if there is a new one of that name.
        revived: nodes that were not Ready at the start and became Ready later.
        others: names of further DaemonSets in the namespace now.
        pods: the DaemonSet's pods that exist now.
        pods_gone: how many of its pods were deleted or are being deleted.
        timeline: the history, from the task's start until now.
        news: when the last change was seen, in seconds since the recording began.
        asked: when the DaemonSet first got the pod spec that it has now, in seconds since the
            recording began; None: it is the starter's, or there is no DaemonSet.
    """

    before: Object
    after: Object | None
    nodes: Mapping[str, Object]
    lost: tuple[str, ...]
    revived: tuple[str, ...]
    others: tuple[str, ...]
    pods: tuple[Object, ...]
    pods_gone: int
    timeline: Timeline
    news: float
    asked: float | None

    @property
    def rolled(self) -> bool:
        """Whether the DaemonSet got a new template since the start."""
        return bool(self.timeline.templates)

    @property
    def revision(self) -> str:
        """The newest template's ``controller-revision-hash``; empty until a pod of it was seen."""
        return self.timeline.templates[-1].revision if self.rolled else ""

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that exist and are no control plane, in the order of the picture."""
        found = self.timeline.nodes
        return tuple(n for n in found if n in self.nodes and not _is_control(self.nodes[n]))

    @property
    def dead(self) -> tuple[str, ...]:
        """The workers whose kubelet is silent or reports that it is not ready."""
        return tuple(name for name in self.workers if not _is_ready(self.nodes[name]))

    @property
    def reachable(self) -> tuple[str, ...]:
        """The workers that are not dead."""
        return tuple(name for name in self.workers if name not in self.dead)

    def lane(self, node: str) -> str:
        """The node's name without the cluster's prefix, as the picture shows it."""
        return lane_name(self.timeline, node)

    def behind(self) -> dict[str, str]:
        """Each reachable node that the newest template has not wholly reached, and why."""
        found = {name: self._why_behind(name) for name in self.reachable}
        return {name: why for name, why in found.items() if why}

    def hopeless(self) -> dict[str, str]:
        """Each node whose pod of the newest template waits for what never comes, and the reason."""
        newest = (pod for pod in self.pods if podstate.revision_of(pod) == self.revision != "")
        held = {podstate.node_of(pod): podstate.phase_of(pod)[1] for pod in newest}
        return {node: why for node, why in held.items() if why.rpartition(": ")[2] in HOPELESS}

    def down_now(self) -> dict[str, str]:
        """Each worker without a ready pod now, and why."""
        held: dict[str, str] = {}
        for pod in self.pods:
            phase, reason = podstate.phase_of(pod)
            node = podstate.node_of(pod)
            held[node] = "" if phase == "ready" or held.get(node) == "" else reason or phase
        found = {name: held.get(name, "no pod") for name in self.workers}
        return {name: why for name, why in found.items() if why}

    def refused(self) -> str:
        """Why the controller could create no pod, in a sentence; empty where it could."""
        line = self.timeline
        missing = tuple(name for name in line.missing if name in self.nodes)
        start = line.templates[-1].t if self.rolled else line.start
        message = facts.refused(line, start, line.end, missing)
        return sentence([self.lane(name) for name in missing], message)

    def lines(self, why: Mapping[str, str]) -> tuple[str, ...]:
        """A line for each node and its reason."""
        return tuple(f"{self.lane(node)}: {reason}" for node, reason in why.items())

    def down_at(self, t: float) -> tuple[str, ...]:
        """The workers that had no ready pod at ``t`` (seconds since the recording began)."""
        held = {s.node for s in self.timeline.segments if s.phase == "ready" and _covers(s, t)}
        return tuple(name for name in self.workers if name not in held)

    def worst(self, above: int) -> tuple[float, float]:
        """The longest stretch with more than ``above`` nodes down: (from, how long) in seconds."""
        best = (0.0, 0.0)
        start: float | None = None
        for a, b, value in self.timeline.unavailable.stretches():
            over = value is not None and value > above
            start = (a if start is None else start) if over else None
            if start is not None and b - start > best[1]:
                best = (start, b - start)
        return best

    def restart_times(self) -> dict[str, tuple[float, float]]:
        """For each updated node: when its restart began and ended, in seconds.

        It begins when the node loses its ready pod or, with surge, gets its new one beside it; it
        ends when the new pod is ready and no other pod is left on the node.
        """
        updated = [name for name in self.reachable if not self._why_behind(name)]
        return {name: self._restart(name) for name in updated} if self.rolled else {}

    def restart(self) -> float | None:
        """The mean length of a node's restart in seconds; None before the first one ended.

        The mean, not the median: a few slow nodes prolong a rollout by as much as they prolong it.
        While nodes are behind it is the longest one: those that are still restarting may be slow.
        """
        lengths = [end - start for start, end in self.restart_times().values()]
        if not lengths:
            return None
        return max(lengths) if self.behind() else mean(lengths)

    def pause(self) -> float:
        """The median time in seconds from the end of a restart to the beginning of a next one.

        The controller's own; on a busy machine it may be as long as the restart.
        """
        spans = self.restart_times().values()
        later = [[begin - end for begin, _ in spans if begin >= end] for _, end in spans]
        pauses = [min(waits) for waits in later if waits]
        return median(pauses) if pauses else 0.0

    def length(self) -> float:
        """Seconds from the change of the pod spec to its last node.

        While nodes are behind: to the last change that was seen. A rollout that stands still is
        not slow. A restart of the rollout (``kubectl rollout restart``) does not begin the time
        anew.
        """
        if not self.rolled:
            return 0.0
        ends = [end for _, end in self.restart_times().values()]
        return (max(ends) if ends and not self.behind() else self.news) - self._began

    def elapsed(self) -> float:
        """Seconds from the change of the pod spec until now."""
        return self.timeline.end - self._began if self.rolled else 0.0

    @property
    def _began(self) -> float:
        return self.timeline.templates[-1].t if self.asked is None else self.asked

    def blind(self) -> bool:
        """Whether a watch that the judgement needs saw nothing for a while."""
        return any(gap.resource in JUDGED for gap in self.timeline.gaps)

    def _why_behind(self, node: str) -> str:
        here = [pod for pod in self.pods if podstate.node_of(pod) == node]
        new = [pod for pod in here if podstate.revision_of(pod) == self.revision != ""]
        if not new:
            return "still the old template" if here else "no pod"
        phase, reason = podstate.phase_of(new[0])
        if phase != "ready":
            return reason or phase
        return "the old pod is still terminating" if len(here) > 1 else ""

    def _restart(self, node: str) -> tuple[float, float]:
        since = self.timeline.templates[-1].t
        (alive,) = (p["metadata"]["uid"] for p in self.pods if podstate.node_of(p) == node)
        here = [s for s in self.timeline.segments if s.node == node and s.end >= since]
        new = [s for s in here if s.pod == alive]
        old = [s for s in here if s.pod != alive]
        # What began with the last thing seen has lasted no time yet, and has no segment.
        now = self.timeline.end
        ready = next((s.start for s in new if s.phase == "ready"), now)
        end = max([ready, *(s.end for s in old)])
        left = [s.end for s in old if s.phase == "ready"]
        return min([end, *left, *(s.start for s in new)]), end


def read(records: Iterable[Mapping[str, Any]]) -> Evidence:
    """The evidence in a log that begins at the task's start.

    Raises:
        BadInput: the records are not an event log.
    """
    log = list(records)
    timeline = build(log)
    name = str(log[0]["daemonset"])
    first, last, deleted = _objects(log)
    owned = [p for p in last["pods"].values() if podstate.is_owned(p, name)]
    sets = {str(o["metadata"]["name"]): o for o in last["daemonsets"].values()}
    began = [o for o in first["daemonsets"].values() if o["metadata"]["name"] == name]
    nodes = {str(o["metadata"]["name"]): o for o in last["nodes"].values()}
    gone = [p for p in deleted["pods"].values() if podstate.is_owned(p, name)]
    leaving = [p for p in owned if podstate.phase_of(p)[0] == "terminating"]
    return Evidence(
        before=began[0] if began else {},
        after=sets.pop(name, None),
        nodes=nodes,
        lost=tuple(sorted({str(o["metadata"]["name"]) for o in deleted["nodes"].values()})),
        revived=_revived(log, first["nodes"].values()),
        others=tuple(sorted(sets)),
        pods=tuple(owned),
        pods_gone=len(gone) + len(leaving),
        timeline=timeline,
        news=max((float(r["t"]) for r in log if r["record"] == "change"), default=0.0),
        asked=_asked(log, name),
    )


def _revived(log: Iterable[Mapping[str, Any]], began: Iterable[Object]) -> tuple[str, ...]:
    """The nodes that were seen Ready although they were not at first."""
    dead = {o["metadata"]["name"] for o in began if not _is_ready(o)}
    items = (r["object"] for r in log if r["record"] == "change" and r["resource"] == "nodes")
    return tuple(sorted({o["metadata"]["name"] for o in items if _is_ready(o)} & dead))


def _asked(log: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """When the DaemonSet first got its present pod spec; None if it had it from the start."""
    sets = [
        (float(record["t"]), record["object"]["spec"]["template"].get("spec"))
        for record in log
        if record["record"] == "change"
        and record["resource"] == "daemonsets"
        and record["object"]["metadata"]["name"] == name
    ]
    if not sets or sets[0][1] == sets[-1][1]:
        return None
    return next(t for t, spec in sets if spec == sets[-1][1])


_Known = defaultdict[str, dict[str, Object]]  # resource -> uid (or name) -> object


def _objects(log: list[Mapping[str, Any]]) -> tuple[_Known, _Known, _Known]:
    """Per resource: objects as first seen, as they are now, and as they were when deleted."""
    first, last, deleted = _Known(dict), _Known(dict), _Known(dict)
    for change in (record for record in log if record["record"] == "change"):
        resource, item = change["resource"], change["object"]
        uid = str(item["metadata"].get("uid") or item["metadata"]["name"])
        first[resource].setdefault(uid, item)
        if change["type"] == "DELETED":
            last[resource].pop(uid, None)
            deleted[resource][uid] = item
        else:
            last[resource][uid] = item
    return first, last, deleted


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The paths at which two objects differ; lists are compared item by item."""
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


def _is_ready(node: Object) -> bool:
    return podstate.condition(node, "Ready").get("status") == "True"


def _is_control(node: Object) -> bool:
    return CONTROL_PLANE in (node["metadata"].get("labels") or {})
