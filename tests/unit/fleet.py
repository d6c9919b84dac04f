"""A small make-believe cluster that writes event logs: for tests and for looking at pictures.

    fleet = Fleet(12, max_unavailable=2)
    fleet.run(1).apply(bad={"worker3"}).run(20)
    timeline = timeline_of(fleet.log())

It is a simulation of the controller's outline (delete up to the budget, create where there is no
pod, surge), not a restatement of the timeline's rules.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from daemonset_course.history.index import History
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]

HEADER: Record = {
    "record": "header",
    "format": 1,
    "namespace": "lesson-08",
    "daemonset": "agent",
    "cluster": "course",
    "backend": "embedded",
    "kubernetes": "v1.36.3",
    "pace": 1.0,
    "date": "2026-11-24T03:30:00Z",
}


def node(name: str, *, taints: Iterable[Record] = (), ready: str = "True", **labels: str) -> Record:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {"taints": list(taints)},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def control_plane(name: str = "course-control-plane") -> Record:
    role = "node-role.kubernetes.io/control-plane"
    made = node(name, taints=[{"key": role, "effect": "NoSchedule"}])
    made["metadata"]["labels"][role] = ""
    return made


def daemonset(
    generation: int = 1, *, strategy: Record | None = None, min_ready: int = 0, image: str = "a:1",
    name: str = "agent", **status: int,
) -> Record:  # fmt: skip
    return {
        "metadata": {
            "name": name,
            "uid": "ds-1" if name == "agent" else f"ds-{name}",
            "generation": generation,
            "annotations": {"deprecated.daemonset.template.generation": str(generation)},
        },
        "spec": {
            "minReadySeconds": min_ready,
            "template": {
                "metadata": {"labels": {"app": "agent"}},
                "spec": {"containers": [{"name": "agent", "image": image}]},
            },
            "updateStrategy": strategy
            or {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        },
        "status": status,
    }


def pod(
    uid: str, on: str, revision: str = "aaa", *, phase: str = "ready", reason: str = "",
    generation: int = 1, owned: bool = True, owner: str = "agent", app: str = "",
) -> Record:  # fmt: skip
    """A pod in a phase as the timeline names it (plus "unbound" and "failed").

    ``app`` is the value of its label of that name; without one it has no such label.
    """
    bound = phase != "unbound"
    ready = phase in {"ready", "terminating"}
    made: Record = {
        "metadata": {
            "name": f"agent-{uid}",
            "uid": uid,
            "labels": {
                "controller-revision-hash": revision,
                "pod-template-generation": str(generation),
                **({"app": app} if app else {}),
            },
            "ownerReferences": [{"kind": "DaemonSet", "name": owner}] if owned else [],
        },
        "spec": {"affinity": _pinned(on)},
        "status": {
            "phase": {"pending": "Pending", "unbound": "Pending", "failed": "Failed"}.get(
                phase, "Running"
            ),
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }
    if bound:
        made["spec"]["nodeName"] = on
    if phase == "terminating":
        made["metadata"]["deletionTimestamp"] = "2026-11-24T03:30:05Z"
    if phase == "failed":
        made["status"]["reason"] = reason or "Evicted"
    elif reason:
        made["status"]["containerStatuses"] = [{"state": {"waiting": {"reason": reason}}}]
    return made


def _pinned(on: str) -> Record:
    fields = [{"key": "metadata.name", "operator": "In", "values": [on]}]
    terms = [{"matchFields": fields}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


def node_name(made: Record) -> str:
    """The node that a pod made here is pinned to."""
    required = made["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def change(
    t: float, resource: str, obj: Record, kind: str = "MODIFIED", via: str = "watch"
) -> Record:
    return {
        "record": "change", "t": t, "resource": resource, "type": kind, "via": via,
        "object": copy.deepcopy(obj),
    }  # fmt: skip


def listed(resource: str, *objects: Record, t: float = 0.01) -> list[Record]:
    """What the first list of a resource showed."""
    return [change(t, resource, obj, "ADDED", "list") for obj in objects]


def present(resource: str, *objects: Record) -> list[Record]:
    """The same with no time between the recording's begin and the list."""
    return listed(resource, *objects, t=0.0)


def history(*records: Record, end: float = 10) -> History:
    """A log of these records, indexed; records may stand in any order."""
    return History([HEADER, *sorted(records, key=lambda r: r["t"]), {"record": "end", "t": end}])


def timeline_of(log: Iterable[Record]) -> Timeline:
    """The timeline of a log's own DaemonSet."""
    return History(log).timeline()


def gap(start: float, end: float, resource: str = "pods") -> Record:
    return {
        "record": "gap", "t": end, "resource": resource, "start": start, "end": end,
        "reason": "410 Gone",
    }  # fmt: skip


def blinded(
    log: Iterable[Record], resource: str, start: float, end: float, *, relist: bool = True
) -> list[Record]:
    """The log as it is if the watch of the resource saw nothing from ``start`` to ``end``.

    The recorder then writes a gap and, with ``relist``, what a new list shows.
    """
    log = list(log)
    before, after = (_there(log, resource, t) for t in (start, end))
    kept = [r for r in log if not (r.get("resource") == resource and start < r["t"] <= end)]
    kept.append(gap(start, end, resource))
    gone = [(uid, made, "DELETED") for uid, made in before.items() if uid not in after]
    seen = [(u, m, "MODIFIED" if u in before else "ADDED") for u, m in after.items()]
    for uid, made, kind in (*gone, *seen) if relist else ():
        if before.get(uid) is not after.get(uid):
            kept.append(change(end, resource, made, kind, "list"))
    return sorted(kept, key=lambda r: r["t"])


def _there(log: list[Record], resource: str, t: float) -> dict[str, Record]:
    """The objects of the resource that were there at ``t``, by uid."""
    found: dict[str, Record] = {}
    for record in log:
        if record["record"] == "change" and record["resource"] == resource and record["t"] <= t:
            meta = record["object"]["metadata"]
            found[meta.get("uid") or meta["name"]] = record
    return {uid: r["object"] for uid, r in found.items() if r["type"] != "DELETED"}


class Fleet:
    """Workers, one DaemonSet and its controller, on a clock that only ``run`` moves."""

    def __init__(
        self, workers: int, *, max_unavailable: int | str = 1, max_surge: int | str = 0,
        min_ready: int = 0, seed: int = 7, started: bool = True, termination: float = 0.5,
    ) -> None:  # fmt: skip
        self._random = random.Random(seed)
        self._records: list[Record] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = itertools.count(1)
        self._termination, self._bad = termination, frozenset[str]()
        self._silent: set[str] = set()
        self._woken = False
        self._rows: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self.t = 0.0
        rolling = {"maxUnavailable": max_unavailable, "maxSurge": max_surge}
        self.daemonset = daemonset(
            strategy={"type": "RollingUpdate", "rollingUpdate": rolling}, min_ready=min_ready
        )
        names = [f"course-worker{i if i > 1 else ''}" for i in range(1, workers + 1)]
        self.nodes = {"course-control-plane": control_plane()} | {n: node(n) for n in names}
        self.pods: dict[str, Record] = {}
        for made in self.nodes.values():
            self._records.append(change(0.01, "nodes", made, "ADDED", "list"))
        if started:
            for name in names:
                self._new_pod(name, phase="ready", via="list")
            self._status()
            self._records.append(change(0.02, "daemonsets", self.daemonset, "ADDED", "list"))

    def log(self, *, ended: bool = True) -> list[Record]:
        end = [{"record": "end", "t": self.t}] if ended else []
        return [HEADER, *sorted(self._records, key=lambda r: r["t"]), *end]

    def run(self, seconds: float) -> Fleet:
        until = self.t + seconds
        while self._agenda and self._agenda[0][0] <= until:
            self.t, _, act = heapq.heappop(self._agenda)
            act()
        self.t = until
        return self

    # What a learner does

    def create(self) -> Fleet:
        self._emit("daemonsets", self.daemonset, "ADDED")
        self._sync_later(0.05)
        return self

    def apply(self, image: str = "", *, bad: Iterable[str] = ()) -> Fleet:
        self._bad = frozenset(bad)
        meta = self.daemonset["metadata"]
        meta["generation"] += 1
        number = str(meta["generation"])
        meta["annotations"]["deprecated.daemonset.template.generation"] = number
        self.daemonset["spec"]["template"]["spec"]["containers"][0]["image"] = (
            image or f"a:{number}"
        )
        self._emit("daemonsets", self.daemonset, "MODIFIED")
        self._sync_later(0.05)
        return self

    def cordon(self, name: str) -> Fleet:
        self.nodes[name]["spec"]["unschedulable"] = True
        echo = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        self.nodes[name]["spec"]["taints"].append(echo)
        self._emit("nodes", self.nodes[name], "MODIFIED")
        return self

    def label(self, name: str, **labels: str) -> Fleet:
        self.nodes[name]["metadata"]["labels"].update(labels)
        self._emit("nodes", self.nodes[name], "MODIFIED")
        return self

    def kubelet_silent(self, name: str) -> Fleet:
        """The node is lost: Ready Unknown, its pods not ready, and they never go away."""
        self._silent.add(name)
        self.nodes[name]["status"]["conditions"][0]["status"] = "Unknown"
        echo = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
        self.nodes[name]["spec"]["taints"].append(echo)
        self._emit("nodes", self.nodes[name], "MODIFIED")
        for made in self._on(name):
            made["status"]["conditions"][0]["status"] = "False"
            self._emit("pods", made, "MODIFIED")
        return self

    def add_node(self, name: str) -> Fleet:
        self.nodes[name] = node(name)
        self._emit("nodes", self.nodes[name], "ADDED")
        self._sync_later(0.05)
        return self

    def note(self, text: str) -> Fleet:
        self._records.append({"record": "mark", "t": self.t, "text": text})
        return self

    def warn(self, reason: str, message: str, *, about: str) -> Fleet:
        event = {
            "metadata": {"name": f"e{next(self._ids)}"}, "type": "Warning", "reason": reason,
            "message": message,
            "involvedObject": {"kind": "Pod", "uid": about, "name": f"agent-{about}"},
        }  # fmt: skip
        self._emit("events", event, "ADDED")
        return self

    def interrupt_watch(self, seconds: float) -> Fleet:
        """Runs on while the watch of pods sees nothing, then relists."""
        start = self.t
        self.run(seconds)
        self._records = blinded(self._records, "pods", start, self.t)
        return self

    # The cluster

    def _emit(self, resource: str, obj: Record, kind: str, via: str = "watch") -> None:
        self._records.append(change(round(self.t, 4), resource, obj, kind, via))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        jitter = seconds * self._random.uniform(0.7, 1.3)
        heapq.heappush(self._agenda, (self.t + jitter, next(self._ids), act))

    def _on(self, name: str) -> list[Record]:
        return list(self._rows[name].values())

    def _sync_later(self, seconds: float) -> None:
        if not self._woken:  # as the controller's queue does: many changes, one sync
            self._woken = True
            self._later(seconds, self._sync)

    def _new_pod(self, on: str, *, phase: str = "unbound", via: str = "watch") -> None:
        uid = f"{next(self._ids):05d}"
        number = self.daemonset["metadata"]["generation"]
        made = pod(uid, on, f"rev{number}", phase=phase, generation=number)
        self.pods[uid] = self._rows[on][uid] = made
        if via == "list":
            made["status"]["conditions"][0]["lastTransitionTime"] = "2026-11-24T03:00:00Z"
            self._records.append(change(0.014, "pods", made, "ADDED", "list"))
            return
        self._emit("pods", made, "ADDED")
        self._later(0.15, lambda: self._become(uid, "pending"))
        if on in self._bad:
            self._later(0.8, lambda: self._become(uid, "pending", "ImagePullBackOff"))
        else:
            self._later(0.5, lambda: self._become(uid, "not ready"))
            self._later(1.2, lambda: self._become(uid, "ready"))

    def _become(self, uid: str, phase: str, reason: str = "") -> None:
        old = self.pods.get(uid)
        if old is None or "deletionTimestamp" in old["metadata"]:
            return
        new = pod(uid, node_name(old), phase=phase, reason=reason)
        old["spec"], old["status"] = new["spec"], new["status"]
        self._emit("pods", old, "MODIFIED")
        self._sync_later(0.03)
        if phase == "ready" and self.daemonset["spec"]["minReadySeconds"]:
            old["ripe"] = self.t + self.daemonset["spec"]["minReadySeconds"]
            heapq.heappush(self._agenda, (old["ripe"], next(self._ids), self._sync))

    def _delete(self, made: Record) -> None:
        made["metadata"]["deletionTimestamp"] = "2026-11-24T03:30:05Z"
        self._emit("pods", made, "MODIFIED")
        if made["spec"].get("nodeName") not in self._silent:
            self._later(self._termination, lambda: self._remove(made["metadata"]["uid"]))

    def _remove(self, uid: str) -> None:
        gone = self.pods.pop(uid)
        del self._rows[node_name(gone)][uid]
        self._emit("pods", gone, "DELETED")
        self._sync_later(0.02)

    def _available(self, made: Record) -> bool:
        ready = made["status"]["conditions"][0]["status"] == "True"
        return (
            ready and "deletionTimestamp" not in made["metadata"] and made.get("ripe", 0) <= self.t
        )

    def _sync(self) -> None:
        self._woken = False
        revision = f"rev{self.daemonset['metadata']['generation']}"
        workers = [name for name in self.nodes if "control-plane" not in name]
        self._random.shuffle(workers)
        rolling = self.daemonset["spec"]["updateStrategy"]["rollingUpdate"]
        k, surge = (
            -(-len(workers) * int(v[:-1]) // 100) if isinstance(v, str) else v
            for v in (rolling["maxUnavailable"], rolling["maxSurge"])
        )
        rows = {name: self._on(name) for name in workers}
        k -= sum(not any(map(self._available, row)) for row in rows.values())
        surge -= sum(len(row) > 1 for row in rows.values())
        for name, row in rows.items():
            live = [p for p in row if "deletionTimestamp" not in p["metadata"]]
            old = [
                p for p in live if p["metadata"]["labels"]["controller-revision-hash"] != revision
            ]
            new = [p for p in live if p not in old]
            if not row:
                self._new_pod(name)
            elif rolling["maxSurge"]:
                if old and not new and surge > 0:
                    surge -= 1
                    self._new_pod(name)
                elif old and any(map(self._available, new)):
                    self._delete(old[0])
            elif old and (k > 0 or not self._available(old[0])):
                k -= self._available(old[0])
                self._delete(old[0])
        self._status()

    def _status(self) -> None:
        workers = [name for name in self.nodes if "control-plane" not in name]
        good = {name for name in workers if any(map(self._available, self._on(name)))}
        number = str(self.daemonset["metadata"]["generation"])
        updated = 0
        for name in workers:
            oldest = self._on(name)[:1]
            updated += any(
                one["metadata"]["labels"]["pod-template-generation"] == number for one in oldest
            )
        status = {
            "desiredNumberScheduled": len(workers), "numberReady": len(good),
            "updatedNumberScheduled": updated,
            "numberAvailable": len(good), "numberUnavailable": len(workers) - len(good),
        }  # fmt: skip
        if status != self.daemonset["status"]:
            self.daemonset["status"] = status
            if not self.t:  # part of what the first list shows
                return
            self._emit("daemonsets", self.daemonset, "MODIFIED")
