"""The evidence of a check: the start of a task, the present state, and the history between. Pure.

``Evidence`` is about the cluster; ``Evidence.daemonset`` returns the part about one DaemonSet. The
start may hold nothing. A DaemonSet that the learner created has no ``before``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, NamedTuple

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.history import podstate
from daemonset_course.history.index import History
from daemonset_course.history.log import Object
from daemonset_course.history.outages import Outage
from daemonset_course.history.text import natural_key, short_name
from daemonset_course.history.timeline import Timeline

RIGHTS = (
    "clusterroles", "clusterrolebindings", "roles", "rolebindings",
    "validatingadmissionpolicies", "validatingadmissionpolicybindings",
)  # fmt: skip
WORKLOADS = ("deployments", "jobs", "cronjobs")
JUDGED = ("nodes", "daemonsets", "pods")  # the resources that most verdicts are made from
SYSTEM = (
    "kube-system",
    "kube-node-lease",
    "kube-public",
    "local-path-storage",
)  # not the learner's
PROBE = "check: "  # what a mark of the checker begins with
JUDGED_NOW = " (judged)"
ENDED = " (undone)"
LATE_EVENT = 5.0  # seconds within which an Event about a template before is not yet final
ROLLED = "lab/rolled-by-check"  # the annotation with which a probe starts a rollout

NodeTest = Callable[[Object], bool]


class Probe(NamedTuple):
    """A stretch in which the checker changed the cluster; times in seconds since the start.

    Attributes:
        name: the probe's name.
        start: when it began to change the cluster.
        judged: when it began to undo the change: until then it is judged. None: not yet.
        end: when the change was undone; None while it lasts.
    """

    name: str
    start: float
    judged: float | None = None
    end: float | None = None


def probe_mark(name: str, moment: str = "") -> str:
    """Return the text of a mark: a probe begins, is ``JUDGED_NOW``, or has ``ENDED``."""
    return f"{PROBE}{name}{moment}"


class Evidence:
    """What a check judges. Make it anew for each check: its answers are kept."""

    def __init__(self, history: History) -> None:
        """Read the history from the start of the task until now."""
        self.history = history
        self._daemonsets: dict[tuple[str, str], DaemonSetEvidence] = {}

    # The cluster

    @cached_property
    def nodes(self) -> Mapping[str, Object]:
        """The Node objects that exist now, by name in natural order, without the checker's."""
        found = {str(n["metadata"]["name"]): n for n in self.history.objects("nodes")}
        own = found.keys() - self.added_by_checker
        return {name: found[name] for name in sorted(own, key=natural_key)}

    @cached_property
    def added_by_checker(self) -> frozenset[str]:
        """The names of nodes that the checker added."""
        if not self.probes:
            return frozenset()
        added = (
            change.name
            for change in self.history.edits("nodes")
            if change.type == "ADDED" and change.via != "start" and self.by_checker(change.t)
        )
        return frozenset(added) - self.nodes_at_start.keys()

    @cached_property
    def nodes_at_start(self) -> Mapping[str, Object]:
        """The Node objects at the start of the task, by name."""
        return {str(n["metadata"]["name"]): n for n in self.history.at_start("nodes")}

    @cached_property
    def workers(self) -> tuple[str, ...]:
        """The nodes that exist and are no control plane, in natural order."""
        return tuple(n for n, node in self.nodes.items() if not podstate.is_control_plane(node))

    @cached_property
    def dead(self) -> tuple[str, ...]:
        """The workers whose kubelet is silent or reports that it is not ready."""
        return tuple(name for name in self.workers if not podstate.is_ready(self.nodes[name]))

    @cached_property
    def reachable(self) -> tuple[str, ...]:
        """The workers that are not dead."""
        return tuple(name for name in self.workers if name not in set(self.dead))

    @cached_property
    def lost(self) -> tuple[str, ...]:
        """The nodes whose Node object was deleted, even if a new one has that name.

        Nodes that the checker added and removed are not lost.
        """
        there = {n["metadata"].get("uid") or name for name, n in self.nodes_at_start.items()}
        gone = [
            str(node["metadata"]["name"])
            for node in self.history.deleted("nodes")
            if (node["metadata"].get("uid") or node["metadata"]["name"]) in there
        ]
        return tuple(sorted({*gone}, key=natural_key))

    @cached_property
    def revived(self) -> tuple[str, ...]:
        """The nodes that were not Ready at the start and became Ready."""
        dead = {name for name, n in self.nodes_at_start.items() if not podstate.is_ready(n)}
        if not dead:
            return ()
        later = self.history.changes(
            "nodes", lambda o: o["metadata"]["name"] in dead and podstate.is_ready(o)
        )
        return tuple(sorted({change.name for change in later}, key=natural_key))

    @cached_property
    def silent(self) -> tuple[str, ...]:
        """The workers whose simulated kubelet sends no heartbeat although nobody stopped it."""
        return tuple(name for name in self.workers if podstate.is_silent(self.nodes[name]))

    @cached_property
    def silences(self) -> Mapping[str, tuple[float, float]]:
        """When a node that was Ready became ``silent``, and until when, in seconds; the first."""
        found: dict[str, tuple[float, float]] = {}
        states = self.history.node_stretches(
            lambda n: (podstate.is_ready(n), podstate.is_silent(n))
        )
        for node, stretches in states.items():
            for before, one in pairwise(stretches):
                if before.value == (True, False) and one.value == (False, True):
                    found.setdefault(node, (one.start, one.end))
        return found

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The stretches in which a component of the control plane did not run, by time."""
        return self.history.outages

    def lane(self, node: str) -> str:
        """Return the node's name without the cluster's prefix, as the picture shows it."""
        return short_name(node, self.history.header.cluster)

    def lines(self, why: Mapping[str, str]) -> tuple[str, ...]:
        """Return one line for each node, with its reason."""
        return tuple(f"{self.lane(node)}: {reason}" for node, reason in why.items())

    # What the learner and the checker changed

    def daemonset(self, name: str, namespace: str = "") -> DaemonSetEvidence:
        """Return the part about one DaemonSet, which need not exist (default: its namespace)."""
        key = name, namespace or self.history.header.namespace
        if key not in self._daemonsets:
            self._daemonsets[key] = DaemonSetEvidence(self, *key)
        return self._daemonsets[key]

    def others(self, *expected: str) -> tuple[str, ...]:
        """Return the names of DaemonSets that exist now, beside those of the start and these.

        A DaemonSet outside the task's namespace is named ``namespace/name``. Those of the system's
        namespaces are left out.
        """
        begun = {self._name(one) for one in self.history.at_start("daemonsets")}
        found = {self._name(one) for one in self.own_objects("daemonsets")}
        return tuple(sorted(found - begun - {*expected}))

    @cached_property
    def touched(self) -> bool:
        """Whether the learner changed something.

        That is DaemonSets, Nodes, Pods, Namespaces, ConfigMaps, ServiceAccounts, and, where they
        are recorded, rights, policies, and other workloads. What controllers and the checker did
        does not count.
        """
        return any(
            (
                self._changed("daemonsets", _spec),
                self._changed("namespaces", _metadata),
                self._changed("configmaps", lambda item: item.get("data")),
                self._changed("serviceaccounts", lambda item: item["metadata"]["name"]),
                *(self._changed(resource, _rights_part) for resource in RIGHTS),
                *(self._changed(resource, lambda item: item.get("spec")) for resource in WORKLOADS),
                self._nodes_changed(),
                self._pods_changed(),
            )
        )

    def _changed(self, resource: str, part: Callable[[Object], Any]) -> bool:
        first = {_uid(one): part(one) for one in self.history.at_start(resource)}
        later = (
            c
            for c in self.history.edits(resource)
            if c.via != "start" and _is_own(c.object) and not self.by_checker(c.t)
        )
        return any(c.gone or c.uid not in first or part(c.object) != first[c.uid] for c in later)

    def _nodes_changed(self) -> bool:
        first = {_uid(one): _node_part(one) for one in self.nodes_at_start.values()}
        for change in self.history.edits("nodes"):
            if change.via == "start" or self.by_checker(change.t):
                continue
            if change.uid not in first:  # added by the checker, or by the learner
                if change.type == "ADDED":
                    return True
            elif change.gone or _node_part(change.object) != first[change.uid]:
                return True
        return False

    def _pods_changed(self) -> bool:
        """Whether a Pod that worked was deleted, or a Pod without a controller was created."""
        for change in self.history.edits("pods"):
            pod = change.object
            if change.via == "start" or not _is_own(pod) or self.by_checker(change.t):
                continue
            if (node := podstate.node_of(pod)) and node not in self.nodes_at_start:
                continue  # the checker's node was removed, and its Pods follow
            bare = not pod["metadata"].get("ownerReferences")
            leaving = change.gone or podstate.is_terminating(pod)
            failed = (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
            if (bare and change.type == "ADDED") or (leaving and not failed):
                return True
        return False

    def by_checker(self, t: float) -> bool:
        """Whether the checker was changing the cluster at ``t`` seconds since the start."""
        return any(p.start <= t and (p.end is None or t <= p.end) for p in self.probes)

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """What the checker itself did since the start of the task, by time."""
        found: list[Probe] = []
        for mark in self.history.marks:
            if not mark.text.startswith(PROBE):
                continue
            name = mark.text.removeprefix(PROBE)
            if name.endswith(ENDED):
                if found and found[-1].end is None:  # else it was interrupted before its mark
                    found[-1] = found[-1]._replace(end=mark.t)
            elif name.endswith(JUDGED_NOW) and found:
                found[-1] = found[-1]._replace(judged=mark.t)
            else:
                found.append(Probe(name, mark.t))
        return tuple(found)

    def probe(self, name: str) -> Probe | None:
        """Return the newest probe of that name that counts.

        It counts if no DaemonSet, right or policy was changed since it began, and if it was not
        interrupted.
        """
        found = next((one for one in reversed(self.probes) if one.name == name), None)
        if found is None or self.last_spec_change > found.start:
            return None
        return None if found.end is not None and found.judged is None else found

    @cached_property
    def last_spec_change(self) -> float:
        """When a DaemonSet was last created, deleted, or given another spec; 0 if never.

        The annotation ``ROLLED`` of its template does not count: a probe sets it. Where rights and
        policies are recorded, they count as well.
        """
        changed = [self._last_change("daemonsets", lambda o: _without_mark(o.get("spec") or {}))]
        return max([*changed, *(self._last_change(each, _rights_part) for each in RIGHTS)])

    def _last_change(self, resource: str, part: Callable[[Object], Any]) -> float:
        parts: dict[str, Any] = {}
        last = 0.0
        for change in self.history.edits(resource):
            new = None if change.gone else part(change.object)
            own = change.via != "start" and not self.by_checker(change.t)
            if own and parts.get(change.uid) != new:
                last = change.t
            parts[change.uid] = new
        return last

    def refused(self) -> list[str]:
        """Return why the API server refused Pods of the DaemonSets that exist, one text each."""
        found = []
        for item in self.own_objects("daemonsets"):
            meta = item["metadata"]
            namespace = str(meta.get("namespace") or self.history.header.namespace)
            found.append(self.daemonset(str(meta["name"]), namespace).last_refusal())
        return [reason for reason in found if reason]

    def answer(self, key: str, configmap: str = "answer") -> str | None:
        """Return what the learner wrote in a ConfigMap under ``key``; None if nothing."""
        found = self.history.find("configmaps", configmap, self.history.header.namespace)
        data = (found or {}).get("data") or {}
        return None if key not in data else str(data[key]).strip()

    def own_objects(self, resource: str) -> Iterator[Object]:
        """Return the objects of a resource that exist now and are not the system's."""
        return filter(_is_own, self.history.objects(resource))

    def _name(self, item: Object) -> str:
        home = item["metadata"].get("namespace") or self.history.header.namespace
        name = str(item["metadata"]["name"])
        return name if home == self.history.header.namespace else f"{home}/{name}"


class DaemonSetEvidence:
    """The evidence about one DaemonSet.

    Attributes:
        before: the DaemonSet at the start of the task; empty if there was none.
        after: the DaemonSet of that name now; None if there is none.
    """

    def __init__(self, cluster: Evidence, name: str, namespace: str) -> None:
        """Find the DaemonSet in the evidence of its cluster."""
        self.cluster = cluster
        self.name, self.namespace = name, namespace
        self._history = cluster.history
        began = filter(self.is_it, self._history.at_start("daemonsets"))
        self.before: Object = next(began, {})
        self.after: Object | None = next(
            filter(self.is_it, self._history.objects("daemonsets")), None
        )

    @property
    def full_name(self) -> str:
        """The name, with the namespace if it is not the task's."""
        home = self._history.header.namespace
        return self.name if self.namespace == home else f"{self.namespace}/{self.name}"

    @property
    def option(self) -> str:
        """What kubectl needs to find it: ``daemonset agent``, or with ``-n``."""
        home = self._history.header.namespace
        return f"daemonset {self.name}" + (
            "" if self.namespace == home else f" -n {self.namespace}"
        )

    @cached_property
    def timeline(self) -> Timeline:
        """The DaemonSet's timeline, from the task's start until now."""
        return self._history.timeline(self.name, self.namespace)

    @cached_property
    def why(self) -> Explanation:
        """Why the rollout is not done."""
        return explain_timeline(self.timeline)

    @property
    def recreated(self) -> bool:
        """Whether the DaemonSet of the start was deleted and another of that name exists."""
        there = self.after is not None and bool(self.before)
        return there and _uid(self.after or {}) != _uid(self.before)

    @property
    def rolled(self) -> bool:
        """Whether the DaemonSet got a new template since the start."""
        return bool(self.timeline.templates)

    @property
    def revision(self) -> str:
        """The newest template's ``controller-revision-hash``; empty before its first Pod."""
        return self.timeline.templates[-1].revision if self.rolled else ""

    @property
    def template(self) -> Mapping[str, Any]:
        """The template of the DaemonSet that exists now; empty if there is none."""
        return template_of(self.after)

    @property
    def pods(self) -> tuple[Object, ...]:
        """The DaemonSet's Pods that exist now."""
        return tuple(chain.from_iterable(self.timeline.scene.pods.values()))

    def pods_on(self, node: str) -> list[Object]:
        """Return the DaemonSet's Pods on a node now."""
        return list(self.timeline.scene.pods.get(node, ()))

    def ready_on(self, node: str) -> bool:
        """Whether a Pod of the DaemonSet is ready on the node, and not being deleted."""
        return any(podstate.phase_of(pod)[0] == "ready" for pod in self.pods_on(node))

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each node that has a cause in ``why``."""
        return {one.node: one.reason for one in self.why.causes if one.node}

    @cached_property
    def behind(self) -> Mapping[str, str]:
        """Each reachable node that does not yet run the newest template, with the reason."""
        held = self.timeline.scene.pods
        workers, reachable = self.cluster.workers, self.cluster.reachable
        bare = dict.fromkeys(workers, "no Pod, and none should be there")
        found = {name: why for name, why in bare.items() if name not in held} | dict(self.reasons)
        return {name: found[name] for name in reachable if name in found}

    def down_now(self) -> Mapping[str, str]:
        """Return each worker that has no available Pod now, with the reason."""
        down = set(self.why.unavailable).intersection(self.cluster.workers)
        return {node: reason for node, reason in self.reasons.items() if node in down}

    def refused(self) -> str:
        """Return why the API server refuses the controller's Pods; empty if it may not any more."""
        return "" if self.refusal_is_old else self.last_refusal()

    def last_refusal(self) -> str:
        """Return why the API server refused the Pods that are missing; empty if it did not."""
        found = self.why.where(lambda cause: cause.kind == "refused")
        reason = found.sentence(self.cluster.lane)
        if reason and self.refusal_is_old:
            return f"{reason} (perhaps before the last change)"
        return reason

    @cached_property
    def refusal_is_old(self) -> bool:
        """Whether what refused the last Pod may be gone, and the controller has not tried since.

        The namespace was changed since. Or the template was, a moment ago: Events are sent in the
        background, up to a second later, so one about the template before can arrive after the new
        template, and after its first Pods. Source: ``client-go/tools/record``.
        """
        refusals = self.timeline.failed_creates
        if not refusals:
            return False
        changed = [
            change.t
            for change in self._history.edits("namespaces")
            if change.via != "start" and change.name == self.namespace
        ]
        if max(changed, default=0.0) > refusals[-1].at:
            return True
        if not self.rolled:
            return False
        born = (life[0].start for life in self.timeline.by_pod.values())
        tried = max(self.timeline.templates[-1].t, *born, 0.0)
        return self.timeline.end - tried < LATE_EVENT

    def ready_at(self, t: float) -> set[str]:
        """Return the nodes that had a ready Pod at ``t`` seconds since the recording began."""
        return {
            s.node for s in self.timeline.segments
            if s.phase == "ready" and s.start <= t < s.end
        }  # fmt: skip

    def spec_set_at(self) -> float | None:
        """Return when the DaemonSet got its present Pod spec, in seconds since the start.

        None if it had it from the start, or if there is no DaemonSet.
        """
        sets = [(t, template.get("spec")) for t, template in self.templates()]
        if not sets or sets[0][1] == sets[-1][1]:
            return None if not sets or self.before else sets[0][0]
        return next(t for t, spec in sets if spec == sets[-1][1])

    def templates(self) -> list[tuple[float, Mapping[str, Any]]]:
        """Return each template that was recorded, with its time in seconds since the start.

        The template of the start is the first; equal ones may follow each other.
        """
        return [
            (change.t, template_of(change.object))
            for change in self._history.edits("daemonsets", self.is_it)
        ]

    def is_it(self, item: Object) -> bool:
        """Whether an object is this DaemonSet, by name and namespace."""
        meta = item["metadata"]
        home = meta.get("namespace") or self._history.header.namespace
        return bool(meta["name"] == self.name and home == self.namespace)


def template_of(daemonset: Object | None) -> Mapping[str, Any]:
    """Return a DaemonSet's Pod template; empty if there is none."""
    return ((daemonset or {}).get("spec") or {}).get("template") or {}


def pod_spec(daemonset: Object | None) -> Mapping[str, Any]:
    """Return the Pod spec of a DaemonSet's template; empty if there is none."""
    return template_of(daemonset).get("spec") or {}


def environment_of(spec: Mapping[str, Any], container: str) -> dict[str, str]:
    """Return the environment variables of a container of a Pod spec; empty if it is not there."""
    found = [c for c in spec.get("containers") or () if c["name"] == container]
    return {e["name"]: e.get("value", "") for c in found for e in c.get("env") or ()}


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


def labelled(*labels: str) -> NodeTest:
    """Return a test of nodes: whether they have each of these labels, written ``key=value``."""
    pairs = [label.partition("=")[::2] for label in labels]
    return lambda node: all(
        (node["metadata"].get("labels") or {}).get(key) == value for key, value in pairs
    )


def tainted(key: str) -> NodeTest:
    """Return a test of nodes: whether they have a taint with this key."""
    return lambda node: any(
        t.get("key") == key for t in (node.get("spec") or {}).get("taints") or ()
    )


def _is_own(item: Object) -> bool:
    """Whether the object is not in a namespace of the system, nor made by the control plane."""
    meta = item["metadata"]
    return meta.get("namespace") not in SYSTEM and meta["name"] not in (*SYSTEM, "kube-root-ca.crt")


def _uid(item: Object) -> str:
    return str(item["metadata"].get("uid") or item["metadata"]["name"])


def _spec(item: Object) -> Any:
    return item.get("spec"), item["metadata"].get("labels")


def _without_mark(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a DaemonSet's spec without the annotation that a probe sets."""
    template = spec.get("template") or {}
    meta = template.get("metadata") or {}
    kept = {k: v for k, v in (meta.get("annotations") or {}).items() if k != ROLLED}
    rest = {key: value for key, value in meta.items() if key != "annotations"}
    return {
        **spec,
        "template": {**template, "metadata": rest | ({"annotations": kept} if kept else {})},
    }


def _rights_part(item: Object) -> Any:
    """What a person changes of a role, a binding or a policy; controllers write its status."""
    return {k: v for k, v in item.items() if k not in ("metadata", "status")}


def _metadata(item: Object) -> Any:
    return item["metadata"].get("labels"), bool(item["metadata"].get("deletionTimestamp"))


def _node_part(node: Object) -> Any:
    """What a person changes of a Node: labels, cordon, taints other than those of conditions."""
    spec = node.get("spec") or {}
    taints: Iterable[Mapping[str, Any]] = spec.get("taints") or ()
    own = [
        (t.get("key"), t.get("value"), t.get("effect"))
        for t in taints
        if not str(t.get("key")).startswith("node.kubernetes.io/")
    ]
    return node["metadata"].get("labels"), bool(spec.get("unschedulable")), sorted(map(str, own))
