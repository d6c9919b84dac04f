"""The scheduler and the kubelets of the simulated cluster.

The kubelets take the steps of ``data/stages.yaml``, with its delays, and read the same fields: the
image, ``command: ["false"]``, the readinessProbe, the preStop sleep. Left out, because no lab has
them: startupProbes, restarts after the first back-off, Pods whose containers end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from simulated_objects import Object, quantity

from daemonset_course.history import podstate
from daemonset_course.placement.decision import decide
from daemonset_course.placement.selectors import required_terms
from daemonset_course.placement.tolerations import tolerating

if TYPE_CHECKING:
    from simulated_cluster import Info, Key, SimulatedCluster

SCHEDULER = "kube-scheduler"
BIND = 0.15  # seconds
_INVALID = re.compile(r"^[^/]*\.invalid(:[0-9]+)?/|:missing$")
_PORTS = "node(s) didn't have free ports for the requested pod ports"
_SELECTOR = "node(s) didn't match Pod's node affinity/selector"


class Scheduler:
    """Binds Pods to nodes; a Pod that fits nowhere stays Pending until something changes."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._waiting: set[Key] = set()

    def add(self, key: Key) -> None:
        """Schedule a new Pod soon."""
        self._waiting.add(key)
        self._cluster.later(BIND, lambda: self._schedule(key))

    def node_changed(self, name: str) -> None:
        """Something changed on a node: try again the Pods that may fit there now."""
        for key in [*self._waiting]:
            info = self._cluster.infos.get(key)
            if info is None:
                self._waiting.discard(key)
            elif info.node in ("", name) and podstate.condition(info.pod, "PodScheduled"):
                self._cluster.later(BIND, lambda key=key: self._schedule(key))

    def retry_all(self) -> None:
        """Try every waiting Pod again, as after the scheduler's start."""
        for key in [*self._waiting]:
            self._cluster.later(BIND, lambda key=key: self._schedule(key))

    def _schedule(self, key: Key) -> None:
        info = self._cluster.infos.get(key)
        if info is None or info.bound:
            self._waiting.discard(key)
            return
        if SCHEDULER not in self._cluster.running:
            return
        nodes = self._cluster.objects["nodes"]
        names = [info.node] if info.node else [name for _, name in nodes]
        reasons: Counter[str] = Counter()
        fitting = []
        for name in names:
            node = nodes.get(("", name))
            reason = "node(s) didn't match" if node is None else self._misfit(info, node)
            if reason:
                reasons[reason] += 1
            else:
                fitting.append(name)
        if fitting:
            self._bind(info, min(fitting, key=lambda name: self._siblings(info, name)))
            return
        if others := len(nodes) - sum(reasons.values()):
            reasons["node(s) didn't satisfy plugin(s) [NodeAffinity]"] += others
        for name in names:
            if ("", name) in nodes and self._preempt(info, nodes["", name]):
                break
        self._write_unschedulable(info, reasons, len(nodes))

    def _siblings(self, info: Info, name: str) -> int:
        """Return how many Pods of the same owner are on a node: they are spread."""
        there = self._cluster.on_node[name].values()
        return sum(bool(info.owner) and one.owner == info.owner for one in there)

    def _bind(self, info: Info, name: str) -> None:
        self._waiting.discard(info.key)
        others = _conditions_without(info.pod, "PodScheduled")
        conditions = [*others, self._cluster.condition("PodScheduled", "True")]
        status = {**info.pod["status"], "conditions": conditions}
        spec = {**info.pod["spec"], "nodeName": name}
        self._cluster.put("pods", {**info.pod, "spec": spec, "status": status})
        self._cluster.kubelets.plan(info.key)

    def _misfit(self, info: Info, node: Object) -> str:
        """Return why the Pod does not fit on the node, in the scheduler's words; else ''."""
        spec = info.pod["spec"]
        tolerations = spec.get("tolerations") or ()
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] != "PreferNoSchedule" and tolerating(tolerations, taint) is None:
                return (
                    f"node(s) had untolerated taint(s) {{{taint['key']}: {taint.get('value', '')}}}"
                )
        if decide(node, spec, tolerations).rule in ("nodeSelector", "nodeAffinity"):
            return _SELECTOR
        return self.conflict(info, node)

    def conflict(self, info: Info, node: Object, without: frozenset[str] = frozenset()) -> str:
        """Return which port or resource the node lacks for the Pod; else ''."""
        there = [
            one for one in self._cluster.on_node[node["metadata"]["name"]].values()
            if one.uid != info.uid and one.uid not in without
            and one.phase not in ("Failed", "Succeeded")
        ]  # fmt: skip
        if info.ports:
            taken = {port for one in there for port in one.ports}
            if any(port in taken for port in info.ports):
                return _PORTS
        allocatable = node["status"]["allocatable"]
        for name, wanted in info.requests.items():
            used = sum(one.requests.get(name, 0) for one in there)
            if wanted and used + wanted > (quantity(allocatable.get(name, "0")) or 0) + 1e-9:
                return "Too many pods" if name == "pods" else f"Insufficient {name}"
        return ""

    def _preempt(self, info: Info, node: Object) -> bool:
        """Delete Pods of lower priority on the node, if the Pod then fits."""
        mine = info.pod["spec"].get("priority", 0)
        if info.pod["spec"].get("preemptionPolicy") == "Never" or "taint" in self._misfit(
            info, node
        ):
            return False
        lower = [
            one for one in self._cluster.on_node[node["metadata"]["name"]].values()
            if one.pod["spec"].get("priority", 0) < mine
        ]  # fmt: skip
        if any(one.terminating for one in lower):
            return True  # victims are on their way out
        lower.sort(key=lambda one: one.pod["spec"].get("priority", 0))
        for count in range(1, len(lower) + 1):
            if not self.conflict(info, node, frozenset(one.uid for one in lower[:count])):
                for one in lower[:count]:
                    self._cluster.delete_pod(one)
                return True
        return False

    def _write_unschedulable(self, info: Info, reasons: Counter[str], nodes: int) -> None:
        parts = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        message = f"0/{nodes} nodes are available: {parts}."
        old = podstate.condition(info.pod, "PodScheduled")
        victims = "No preemption victims found for incoming pod"
        full = f"{message} preemption: 0/{nodes} nodes are available: {nodes} {victims}."
        self._cluster.event(info.pod, "Pod", "FailedScheduling", full)
        if old.get("message") == full:
            return
        new = self._cluster.condition("PodScheduled", "False", "Unschedulable", full)
        conditions = [*_conditions_without(info.pod, "PodScheduled"), new]
        status = {**info.pod["status"], "conditions": conditions}
        self._cluster.put("pods", {**info.pod, "status": status})


class Kubelets:
    """Starts, probes and stops the containers of bound Pods, one step at a time."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._planned: dict[Key, int] = {}
        self._started: dict[tuple[str, str], float] = {}  # containers, by the Pod's uid
        self._count = 0

    def plan(self, key: Key) -> None:
        """Plan the Pod's next step; a plan that exists is dropped."""
        info = self._cluster.infos.get(key)
        self._planned.pop(key, None)
        if info is None or not info.bound or info.node in self._cluster.silent:
            return
        step = self._next(info)
        if step is None:
            return
        seconds, verb, names = step
        self._count += 1
        self._planned[key] = number = self._count

        def act() -> None:
            if self._planned.get(key) == number and info.node not in self._cluster.silent:
                del self._planned[key]
                self._take(key, verb, names)

        # As kwok: no jitter, apart from the time that a request takes.
        seconds *= self._cluster.paces.get(info.node, 1.0)
        self._cluster.later(seconds + self._cluster.random.uniform(0, 0.03), act, exact=True)

    def _next(self, info: Info) -> tuple[float, str, frozenset[str]] | None:
        """Return the next step: (after so many seconds, what, for which containers)."""
        pod, nobody = info.pod, frozenset[str]()
        spec, status = pod["spec"], pod["status"]
        if info.terminating:
            grace = spec.get("terminationGracePeriodSeconds", 30)
            return min(float(grace), _stop_seconds(pod) + 0.4), "gone", nobody
        if info.phase in ("Failed", "Succeeded"):
            return None
        if "containerStatuses" not in status:
            return 0.2, "creating", nobody
        every = {one["name"]: one for one in podstate.containers_of(spec)}
        statuses = [*(status.get("initContainerStatuses") or ()), *status["containerStatuses"]]
        # The kubelet starts init containers one by one, then all others.
        turn = _turn(spec, status)
        starting = [s for s in statuses if s["name"] in turn]
        waiting = {
            s["name"]: s["state"]["waiting"].get("reason")
            for s in starting
            if "waiting" in s["state"]
        }
        pulls = frozenset(
            n for n, r in waiting.items() if r in _FRESH and _INVALID.search(every[n]["image"])
        )
        crashes = (
            frozenset(
                n
                for n, r in waiting.items()
                if r in _FRESH and every[n].get("command") == ["false"]
            )
            - pulls
        )
        starts = frozenset(n for n, r in waiting.items() if r in _FRESH) - pulls - crashes
        failed = frozenset(n for n, r in waiting.items() if r == "ErrImagePull")
        ends = frozenset(
            s["name"] for s in status.get("initContainerStatuses") or ()
            if "running" in s["state"] and every[s["name"]].get("restartPolicy") != "Always"
        )  # fmt: skip
        for names, seconds, verb in (
            (starts, 0.4, "running"), (pulls, 0.4, "ErrImagePull"), (crashes, 0.4, "crash"),
            (failed, 0.6, "ImagePullBackOff"), (ends, 0.4, "completed"),
        ):  # fmt: skip
            if names:
                return seconds, verb, names
        probes = {
            s["name"]: every[s["name"]].get("readinessProbe") or {}
            for s in statuses if "running" in s["state"] and not s["ready"]
        }  # fmt: skip
        delays = {
            name: float(probe.get("initialDelaySeconds", 0)) for name, probe in probes.items()
            if (probe.get("exec") or {}).get("command") != ["false"]
        }  # fmt: skip
        if delays:
            least = min(delays.values())
            names = frozenset(name for name, delay in delays.items() if delay == least)
            passed = self._cluster.now - max(
                self._started.get((info.uid, name), 0.0) for name in names
            )
            return max(0.0, least + 0.4 - passed), "ready", names
        if podstate.condition(pod, "ContainersReady").get("status") == "True" and not info.ready_at:
            return 0.3, "ready", nobody
        return None

    def _take(self, key: Key, verb: str, names: frozenset[str]) -> None:
        info = self._cluster.infos[key]
        if verb == "gone":
            self._cluster.remove("pods", key)
            return
        if verb == "creating":
            if reason := self._rejection(info):
                self.fail(info, *reason)
                return
            status = self._created(info.pod)
        else:
            status = dict(info.pod["status"])
            for group in ("initContainerStatuses", "containerStatuses"):
                if group in status:
                    status[group] = [
                        self._stepped(one, verb) if one["name"] in names else one
                        for one in status[group]
                    ]  # fmt: skip
        if verb == "running":
            self._started |= {(info.uid, name): self._cluster.now for name in names}
        self._write(info, status)
        self.plan(key)

    def _rejection(self, info: Info) -> tuple[str, str] | None:
        """Return why the kubelet does not admit the Pod: only a Pod that no scheduler bound."""
        node = self._cluster.find("nodes", info.node)
        if node is None:
            return None
        conflict = self._cluster.scheduler.conflict(info, node)
        if conflict == _PORTS:
            return (
                "NodePorts",
                "Pod was rejected: Predicate NodePorts failed: node(s) didn't "
                "have free ports for the requested pod ports",
            )
        if conflict:
            what = "pods" if conflict == "Too many pods" else conflict.removeprefix("Insufficient ")
            return f"OutOf{what}", f"Pod was rejected: Node didn't have enough resource: {what}"
        if required_terms(info.pod["spec"]) or info.pod["spec"].get("nodeSelector"):
            found = decide(node, info.pod["spec"], info.pod["spec"].get("tolerations") or ())
            if found.rule in ("nodeSelector", "nodeAffinity"):
                return "NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed"
        return None

    def fail(self, info: Info, reason: str, message: str = "") -> None:
        """End a Pod: its phase is Failed."""
        status = {"phase": "Failed", "reason": reason, "message": message}
        self._cluster.put("pods", {**info.pod, "status": status})

    def mark_not_ready(self, info: Info) -> None:
        """Set a Pod to not Ready, as the node controller does on a node that is not Ready."""
        others = _conditions_without(info.pod, "Ready")
        conditions = [*others, self._cluster.condition("Ready", "False")]
        status = {**info.pod["status"], "conditions": conditions}
        self._cluster.put("pods", {**info.pod, "status": status})

    def _created(self, pod: Object) -> Object:
        spec = pod["spec"]
        why = "PodInitializing" if spec.get("initContainers") else "ContainerCreating"

        def fresh(containers: Iterable[Object]) -> list[Object]:
            state = {"waiting": {"reason": why}}
            return [
                {
                    "name": one["name"], "image": one["image"], "ready": False, "started": False,
                    "restartCount": 0, "state": state,
                }
                for one in containers
            ]  # fmt: skip

        status = {**pod["status"], "startTime": self._cluster.stamp()}
        if spec.get("initContainers"):
            status["initContainerStatuses"] = fresh(spec["initContainers"])
        status["containerStatuses"] = fresh(spec["containers"])
        return status

    def _stepped(self, one: Object, verb: str) -> Object:
        """Return a container's status after a step."""
        now = self._cluster.stamp()
        image = one["image"]
        match verb:
            case "running":
                return {**one, "state": {"running": {"startedAt": now}}, "started": True}
            case "ready":
                return {**one, "ready": True}
            case "completed":
                ended = {"exitCode": 0, "reason": "Completed", "finishedAt": now}
                return {**one, "state": {"terminated": ended}, "started": False, "ready": True}
            case "crash":
                ended = {"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now}
                wait = {
                    "reason": "CrashLoopBackOff",
                    "message": "back-off restarting failed container",
                }
                return {
                    **one, "lastState": {"terminated": ended}, "state": {"waiting": wait},
                    "restartCount": one["restartCount"] + 1,
                }  # fmt: skip
            case "ErrImagePull":
                text = f"failed to pull {image}: no such host"
            case _:
                text = f"Back-off pulling image {image}"
        return {**one, "state": {"waiting": {"reason": verb, "message": text}}}

    def _write(self, info: Info, status: Object) -> None:
        """Store the Pod with the conditions and the phase that follow from its containers."""
        main, init = status["containerStatuses"], status.get("initContainerStatuses") or []
        sidecars = {
            one["name"] for one in info.pod["spec"].get("initContainers") or ()
            if one.get("restartPolicy") == "Always"
        }  # fmt: skip
        incomplete = [
            s["name"] for s in init if not s["started" if s["name"] in sidecars else "ready"]
        ]
        unready = [s["name"] for s in init if s["name"] in sidecars and not s["ready"]]
        unready += [s["name"] for s in main if not s["ready"]]
        conditions = []
        for kind, why, word, names in (
            ("Initialized", "ContainersNotInitialized", "incomplete", incomplete),
            ("Ready", "ContainersNotReady", "unready", unready),
            ("ContainersReady", "ContainersNotReady", "unready", unready),
        ):
            text = f"containers with {word} status: [{' '.join(names)}]"
            new = self._cluster.condition(
                kind, "False" if names else "True", *((why, text) if names else ())
            )
            old = podstate.condition(info.pod, kind)
            if old.get("status") == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions.append(new)
        scheduled = podstate.condition(info.pod, "PodScheduled")
        conditions.append(scheduled or self._cluster.condition("PodScheduled", "True"))
        waits = any("waiting" in s["state"] and "lastState" not in s for s in main)
        status |= {"phase": "Pending" if waits else "Running", "conditions": conditions}
        self._cluster.put("pods", {**info.pod, "status": status})


_FRESH = ("ContainerCreating", "PodInitializing")


def _turn(spec: Object, status: Object) -> set[str]:
    """Return the containers whose turn it is to start."""
    sidecars = {
        one["name"]
        for one in spec.get("initContainers") or ()
        if one.get("restartPolicy") == "Always"
    }
    for one in status.get("initContainerStatuses") or ():
        if not one["started" if one["name"] in sidecars else "ready"]:
            return {one["name"]}
    return {one["name"] for one in status["containerStatuses"]}


def _stop_seconds(pod: Object) -> float:
    """Return how long the containers that run take to stop: all their hooks begin at once.

    Source: killContainer, pkg/kubelet/kuberuntime/kuberuntime_container.go.
    """
    status = pod["status"]
    groups = ("initContainerStatuses", "containerStatuses")
    statuses = [one for group in groups for one in status.get(group) or ()]
    running = {one["name"] for one in statuses if "running" in one["state"]}
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    stops = [
        (one.get("lifecycle") or {}).get("preStop") or {}
        for one in containers
        if one["name"] in running
    ]
    return max((float((s.get("sleep") or {}).get("seconds", 0)) for s in stops), default=0)


def _conditions_without(pod: Object, kind: str) -> list[Any]:
    return [c for c in pod["status"].get("conditions") or () if c["type"] != kind]
