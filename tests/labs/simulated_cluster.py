"""A simulated cluster: it writes the log that the recorder would write, in milliseconds.

    cluster = SimulatedCluster([{}, {"labels": {"disk": "ssd"}}])
    cluster.apply(manifest)
    cluster.run(5)
    cluster.begin()
    play(cluster, attempt)
    timeline = History(cluster.log()).timeline("agent")

Only ``run`` moves the clock. Parts: ``simulated_objects`` is the API server's defaults, checks and
merges, ``simulated_controllers`` the controller manager, ``simulated_kubelets`` the scheduler and
the kubelets. Objects are never changed in place, so the log's versions share their parts.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from simulated_admission import admitted_spec
from simulated_controllers import DaemonSetController, NodeController
from simulated_kubelets import Kubelets, Scheduler
from simulated_objects import (
    REVISION,
    TEMPLATE_GENERATION,
    Object,
    Refused,
    applied,
    check_daemonset,
    check_metadata,
    check_pod,
    check_taints,
    daemonset_with_defaults,
    hash_of,
    host_ports,
    pod_spec_with_defaults,
    qos_class,
    raise_if,
    requests,
    without_nulls,
)
from simulated_rights import check_rights
from simulated_types import type_faults
from simulated_workloads import Workloads, check_workload

from daemonset_course.history import log, podstate
from daemonset_course.lab.evidence import RIGHTS, WORKLOADS

__all__ = ["Info", "Refused", "SimulatedCluster"]

NAME = "course"
FIRST_LISTS = (
    "nodes", "daemonsets", "controllerrevisions", "pods", "namespaces", "configmaps",
    "serviceaccounts", *RIGHTS, *WORKLOADS,
)  # fmt: skip
LOGGED = frozenset({*FIRST_LISTS, "events"})
CLUSTER_SCOPED = frozenset({
    "nodes", "namespaces", "priorityclasses", "clusterroles", "clusterrolebindings",
    "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
    "validatingadmissionpolicies", "validatingadmissionpolicybindings",
})  # fmt: skip
COMPONENTS = ("kube-controller-manager", "kube-scheduler")
_IRREGULAR = {
    "PriorityClass": "priorityclasses", "NetworkPolicy": "networkpolicies",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}  # fmt: skip
_API_VERSIONS = {"daemonsets": "apps/v1", "controllerrevisions": "apps/v1"}
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of generated names
_EPOCH = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
_ROLE = podstate.CONTROL_PLANE
_HEALTHY = (
    ("NetworkUnavailable", "RouteCreated", "RouteController created a route"),
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
_READY = ("True", "KubeletReady", "kubelet is posting ready status")
_JOINING = ("False", "KubeletNotReady", "")

Key = tuple[str, str]  # namespace, name


@dataclass(slots=True)
class Info:
    """What the simulation reads of a Pod often; kept with each version.

    ``node`` is the node that the Pod is bound or pinned to; ``ready_at`` is in whole seconds, as
    the controllers read it; ``owner`` is the uid of its controller, empty without one.
    """

    key: Key
    uid: str
    pod: Object
    node: str
    owner: str
    revision: str
    generation: str
    born: float
    bound: bool
    terminating: bool
    phase: str
    ready_at: float | None
    requests: dict[str, float]
    ports: list[tuple[str, int]]


class SimulatedCluster:
    """Nodes, objects, controllers, a scheduler and kubelets on one virtual clock."""

    def __init__(self, workers: Sequence[Mapping[str, Any]], seed: int = 7) -> None:
        """Create a cluster of a control plane and these workers, all Ready.

        A worker is a mapping with ``labels``, ``taints`` (as kubectl writes them), ``cordoned``,
        ``allocatable`` and ``pace`` (a factor of its kubelet's delays), each optional.
        """
        self.random = random.Random(seed)
        self.now = 0.0
        self.refusals: list[str] = []
        self.objects: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        self.infos: dict[Key, Info] = {}
        self.owned: defaultdict[str, dict[str, dict[Key, Info]]] = defaultdict(dict)
        self.on_node: defaultdict[str, dict[Key, Info]] = defaultdict(dict)  # bound ones
        self.orphans: dict[Key, Info] = {}
        self.running = set(COMPONENTS)
        self.paces: dict[str, float] = {}  # of kubelets, by node
        self.silent: set[str] = set()  # nodes whose kubelet does nothing
        self._applied: dict[tuple[str, Key], Object] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)
        self._version = 0
        self._records: list[log.Record] = []
        self._began: float | None = None
        self.daemonsets = DaemonSetController(self)
        self.node_controller = NodeController(self)
        self.workloads = Workloads(self)
        self.scheduler = Scheduler(self)
        self.kubelets = Kubelets(self)
        for name in ("default", "kube-system"):
            self._create_namespace(name)
        self._new_node({"labels": {_ROLE: ""}, "taints": [f"{_ROLE}:NoSchedule"]}, "control-plane")
        for each in workers:
            self._new_node(each)
        self.worker_names = [name for name in self.node_names() if "control-plane" not in name]
        self.run(1.0)

    # The clock and the log

    def run(self, seconds: float) -> SimulatedCluster:
        """Let time pass."""
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, act = heapq.heappop(self._agenda)
            act()
        self.now = until
        return self

    def run_until(self, test: Callable[[], bool], timeout: float = 60.0) -> bool:
        """Let time pass until the test is true; return whether it became true in time."""
        until = self.now + timeout
        while not test():
            if not self._agenda or self._agenda[0][0] > until:
                self.now = until
                return test()
            self.now, _, act = heapq.heappop(self._agenda)
            act()
        return True

    def settle(self, timeout: float = 30.0) -> bool:
        """Let time pass until nothing is left to happen; return whether that came in time."""
        return self.run_until(lambda: not self._agenda, timeout)

    def later(self, seconds: float, act: Callable[[], None], *, exact: bool = False) -> None:
        """Do something after ``seconds``; if not ``exact``, up to 30 % earlier or later."""
        due = seconds if exact else seconds * self.random.uniform(0.7, 1.3)
        heapq.heappush(self._agenda, (self.now + due, next(self._numbers), act))

    @property
    def has_plans(self) -> bool:
        """Whether something is still to be done. It belongs to this cluster, and to no copy."""
        return bool(self._agenda)

    def stamp(self) -> str:
        """Return the present time as the API writes it."""
        return _stamp(math.floor(self.now))

    def begin(self, daemonset: str = "agent", namespace: str = "default") -> None:
        """Start the recorder: the log begins with what exists, and its clock is at 0."""
        header = log.Header(
            daemonset, namespace, NAME, "embedded", "v1.37.1", date=_stamp(math.floor(self.now))
        )
        self._began = self.now
        self._records = [header]
        for resource in FIRST_LISTS:
            for item in self.objects[resource].values():
                self._record(resource, "ADDED", "list", item)

    def log(self, ended: bool = False) -> list[log.Record]:
        """Return the header and the records since ``begin``, with an end if ``ended``."""
        if self._began is None:
            raise AssertionError("begin() was not called")
        return [*self._records, *([log.End(self._t)] if ended else [])]

    @property
    def _t(self) -> float:
        return round(self.now - (self._began or 0.0), 4)

    def _record(self, resource: str, kind: str, via: str, item: Object) -> None:
        if self._began is not None and resource in LOGGED:
            plain = log.without_bookkeeping(item)
            self._records.append(log.Change(self._t, resource, kind, via, plain))

    def note(self, text: str) -> None:
        """Put a note on the log's time axis."""
        self._records.append(log.Mark(self._t, text))

    # What exists

    def node_names(self) -> list[str]:
        """Return the names of the nodes, the control plane first."""
        return [name for _, name in self.objects["nodes"]]

    def find(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return an object by its name, or None."""
        return self.objects[resource].get((self._home(resource, namespace), name))

    def get(self, resource: str, name: str, namespace: str = "") -> Object:
        """Return an object by its name.

        Raises:
            Refused: there is none.
        """
        found = self.find(resource, name, namespace)
        if found is None:
            raise Refused(f'Error from server (NotFound): {resource} "{name}" not found')
        return found

    def pods_of(self, daemonset: str, namespace: str = "default") -> list[Info]:
        """Return the Pods that the DaemonSet of that name owns, by node name."""
        found = self.find("daemonsets", daemonset, namespace)
        rows = self.owned[found["metadata"]["uid"]] if found else {}
        return [info for node in sorted(rows) for info in rows[node].values()]

    @staticmethod
    def _home(resource: str, namespace: str) -> str:
        return "" if resource in CLUSTER_SCOPED else namespace or "default"

    # What the API server does

    def apply(self, manifest: Object, namespace: str = "") -> Object:
        """Apply a manifest: fields that an earlier apply set and this one leaves out go.

        Raises:
            Refused: the API server does not accept it.
        """
        resource, new = self._addressed(manifest, namespace)
        key = _key(new)
        live = self.objects[resource].get(key)
        merged = new if live is None else applied(live, new, self._applied.get((resource, key)))
        stored = self._store(resource, merged)
        self._applied[resource, key] = new
        return stored

    def create(self, manifest: Object, namespace: str = "") -> Object:
        """Create an object.

        Raises:
            Refused: it exists, or the API server does not accept it.
        """
        resource, new = self._addressed(manifest, namespace)
        if _key(new) in self.objects[resource]:
            raise Refused(f'{resource} "{new["metadata"]["name"]}" already exists')
        return self._store(resource, new)

    def replace(self, manifest: Object, namespace: str = "") -> Object:
        """Write a whole object that exists: what ``kubectl replace`` and patches do.

        Raises:
            Refused: there is none, or the API server does not accept it.
        """
        resource, new = self._addressed(manifest, namespace)
        self.get(resource, *reversed(_key(new)))
        return self._store(resource, new)

    def delete(
        self, resource: str, name: str, namespace: str = "", *, cascade: str = "background",
        force: bool = False,
    ) -> None:  # fmt: skip
        """Delete an object.

        ``cascade`` is that of kubectl; ``force`` removes a Pod without its kubelet.

        Raises:
            Refused: there is none.
        """
        found = self.get(resource, name, namespace)
        key = _key(found)
        if resource == "pods" and not force:
            self.delete_pod(self.infos[key])
        elif resource == "daemonsets" and cascade == "orphan":
            self.put(resource, _terminating(found, self.stamp(), 0))
            self.node_controller.orphan_dependents(found)
        elif resource == "namespaces":
            self.put(
                resource,
                _terminating(found, self.stamp(), 0) | {"status": {"phase": "Terminating"}},
            )
            self.later(0.2, lambda: self._empty_namespace(name))
        else:
            self.remove(resource, key)
            if resource in ("daemonsets", "deployments", "jobs"):
                self.node_controller.collect_dependents(found["metadata"]["uid"])

    def write_status(self, resource: str, name: str, namespace: str, status: Object) -> None:
        """Write an object's status."""
        self.put(resource, {**self.get(resource, name, namespace), "status": status})

    def delete_pod(self, info: Info) -> None:
        """Mark a Pod as terminating; its kubelet removes it. An unbound Pod is removed at once."""
        if info.terminating:
            return
        if not info.bound:
            self.remove("pods", info.key)
            return
        grace = int(info.pod["spec"].get("terminationGracePeriodSeconds", 30))
        self.put("pods", _terminating(info.pod, _stamp(math.floor(self.now) + grace), grace))
        self.kubelets.plan(info.key)

    def _addressed(self, manifest: Object, namespace: str) -> tuple[str, Object]:
        """Return the resource, and the manifest with its namespace."""
        if not isinstance(manifest, dict) or not isinstance(manifest.get("kind"), str):
            raise Refused("error validating data: kind not set")
        manifest = without_nulls(manifest)
        metadata = manifest.get("metadata") or {}
        if not isinstance(metadata, dict) or not metadata.get("name"):
            raise Refused("error: resource name may not be empty")
        resource = resource_of(manifest["kind"])
        faults = type_faults(resource, manifest)
        raise_if(f"{manifest['kind']} {metadata['name']!r} cannot be decoded", faults)
        home = self._home(resource, metadata.get("namespace") or namespace)
        if namespace and home and home != namespace:
            raise Refused(
                f'the namespace from the provided object "{home}" does not match the namespace '
                f'"{namespace}"'
            )
        if home:
            metadata = {**metadata, "namespace": home}
            if ("", home) not in self.objects["namespaces"]:
                raise Refused(f'Error from server (NotFound): namespaces "{home}" not found')
        return resource, {
            **manifest,
            "metadata": {k: v for k, v in metadata.items() if v is not None},
        }

    def _store(self, resource: str, new: Object) -> Object:
        old = self.objects[resource].get(_key(new))
        if old is not None:
            kept = ("uid", "creationTimestamp", "generation", "deletionTimestamp")
            held = {k: old["metadata"][k] for k in kept if k in old["metadata"]}
            new = {**new, "metadata": {**new["metadata"], **held}}
            if "status" in old:
                new["status"] = old["status"]
        match resource:
            case "daemonsets":
                new = self._admit_daemonset(new, old)
            case "pods":
                new = self._admit_pod(new, old)
            case "nodes":
                check_taints((new.get("spec") or {}).get("taints") or ())
                check_metadata(new)
            case "namespaces":
                check_metadata(new)
                labels = new["metadata"].get("labels") or {}
                mine = {"kubernetes.io/metadata.name": new["metadata"]["name"]}
                new = {**new, "metadata": {**new["metadata"], "labels": labels | mine}}
                new.setdefault("status", {"phase": "Active"})
            case _:
                check_metadata(new)
                check_rights(resource, new, old)
                check_workload(resource, new)
        if old is not None and _same(old, new):
            return old
        stored = self.put(resource, new)
        if resource == "pods" and old is None:
            self._start_pod(_key(stored))
        return stored

    def _admit_daemonset(self, new: Object, old: Object | None) -> Object:
        new = daemonset_with_defaults(new)
        check_daemonset(new, old)
        metadata, notes = new["metadata"], dict(new["metadata"].get("annotations") or {})
        if old is None:
            metadata = {**metadata, "generation": 1}
            notes[TEMPLATE_GENERATION] = "1"
        else:
            number = int(old["metadata"]["annotations"][TEMPLATE_GENERATION])
            number += old["spec"]["template"] != new["spec"]["template"]
            notes[TEMPLATE_GENERATION] = str(number)
            changed = old["spec"] != new["spec"]
            metadata = {**metadata, "generation": old["metadata"]["generation"] + changed}
        empty = {
            "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
            "numberReady": 0,
        }  # fmt: skip
        status = empty if old is None else old["status"]
        return {**new, "metadata": {**metadata, "annotations": notes}, "status": status}

    def _admit_pod(self, new: Object, old: Object | None) -> Object:
        spec = pod_spec_with_defaults(new.get("spec") or {})
        new = {**new, "spec": spec}
        if old is None:
            namespace, name = _key(new)
            new["spec"] = admitted_spec(spec, namespace, name, name, self.objects)
            new["status"] = {"phase": "Pending", "qosClass": qos_class(new["spec"])}
        elif _frozen(old["spec"]) != _frozen(spec):
            raise Refused(
                f'The Pod "{new["metadata"]["name"]}" is invalid: spec: Forbidden: pod updates may '
                "not change fields other than the image, activeDeadlineSeconds, tolerations"
            )
        check_pod(new)
        return new

    def new_pod(self, pod: Object) -> Object:
        """Create a Pod of a controller, which needs no checks.

        Raises:
            Refused: the admission refused it.
        """
        prefix = pod["metadata"]["generateName"]
        spec = admitted_spec(pod["spec"], *_key(pod), prefix, self.objects)
        status = {"phase": "Pending", "qosClass": qos_class(spec)}
        stored = self.put("pods", {**pod, "spec": spec, "status": status})
        self._start_pod(_key(stored))
        return stored

    def _start_pod(self, key: Key) -> None:
        if self.infos[key].bound:
            self.kubelets.plan(key)
        else:
            self.scheduler.add(key)

    # The store

    def put(self, resource: str, item: Object) -> Object:
        """Store a version of an object, write it to the log, and tell the controllers."""
        metadata = item["metadata"]
        self._version += 1
        version = {"resourceVersion": str(self._version)}
        if "uid" not in metadata:
            version |= {"uid": self._uid(), "creationTimestamp": self.stamp()}
        item = {**item, "metadata": {**metadata, **version}}
        key = _key(item)
        old = self.objects[resource].get(key)
        self.objects[resource][key] = item
        self._record(resource, "ADDED" if old is None else "MODIFIED", "watch", item)
        if resource == "pods":
            self._index(key, item)
        elif resource == "nodes":
            self._node_changed(old, item)
        elif resource == "daemonsets" and (old is None or old["status"] is item["status"]):
            self.daemonsets.wake(key)
        elif resource == "daemonsets":
            self.daemonsets.status_changed(key)
        else:
            self.workloads.wake(resource, key)
        return item

    def remove(self, resource: str, key: Key) -> None:
        """Remove an object from the store, and write it to the log."""
        gone = self.objects[resource].pop(key, None)
        if gone is None:
            return
        self._applied.pop((resource, key), None)
        self._version += 1
        gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self._version)}}
        self._record(resource, "DELETED", "watch", gone)
        if resource == "pods":
            info = self.infos.pop(key)
            self._unindex(info)
            self.daemonsets.pod_changed(info, None)
            self.workloads.pod_changed(info)
            self.scheduler.node_changed(info.node)
        elif resource == "nodes":
            self.daemonsets.node_removed()
            self.node_controller.node_removed(key[1])

    def event(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Write a Warning about an object; the same Warning again counts up."""
        metadata = about["metadata"]
        seed = f"{metadata['uid']}/{reason}/{message}"
        name = f"{metadata['name']}.{hash_of(seed):016x}"
        old = self.find("events", name, metadata["namespace"])
        count = old["count"] + 1 if old else 1
        made = old["metadata"] if old else {"name": name, "namespace": metadata["namespace"]}
        event = {
            "apiVersion": "v1", "kind": "Event", "metadata": made, "type": "Warning",
            "reason": reason, "message": message, "count": count,
            "firstTimestamp": old["firstTimestamp"] if old else self.stamp(),
            "lastTimestamp": self.stamp(),
            "involvedObject": {
                "kind": kind, **{k: metadata[k] for k in ("name", "namespace", "uid")},
            },
        }  # fmt: skip
        self.put("events", event)

    def pod_name(self, prefix: str) -> str:
        """Return a name for a new Pod."""
        return f"{prefix}-{''.join(self.random.choices(_LETTERS, k=5))}"

    def _uid(self) -> str:
        text = f"{self.random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _index(self, key: Key, pod: Object) -> None:
        old = self.infos.get(key)
        metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
        labels = metadata.get("labels") or {}
        owners = metadata.get("ownerReferences") or ()
        ready_at = None
        if podstate.is_ready(pod):
            ready_at = old.ready_at if old else None
            ready_at = float(math.floor(self.now)) if ready_at is None else ready_at
        same = old is not None and old.pod["spec"]["containers"] is spec["containers"]
        info = Info(
            key, metadata["uid"], pod, podstate.node_of(pod),
            next((o["uid"] for o in owners if o.get("controller")), ""),
            labels.get(REVISION, ""), labels.get("pod-template-generation", ""),
            old.born if old else self.now, bool(spec.get("nodeName")),
            "deletionTimestamp" in metadata, status.get("phase", ""), ready_at,
            old.requests if old and same else requests(spec),
            old.ports if old and same else host_ports(spec["containers"]),
        )  # fmt: skip
        if old is not None:
            self._unindex(old)
        self.infos[key] = info
        if info.owner:
            self.owned[info.owner].setdefault(info.node, {})[key] = info
        elif not owners:
            self.orphans[key] = info
        if info.bound:
            self.on_node[info.node][key] = info
            if old is None or not old.bound:
                self.node_controller.evict(info.node, [info])
        self.daemonsets.pod_changed(old, info)
        self.workloads.pod_changed(info)

    def _unindex(self, info: Info) -> None:
        self.orphans.pop(info.key, None)
        self.on_node[info.node].pop(info.key, None)
        if info.owner:
            row = self.owned[info.owner].get(info.node, {})
            row.pop(info.key, None)
            if not row:
                self.owned[info.owner].pop(info.node, None)

    def _node_changed(self, old: Object | None, new: Object) -> None:
        name = new["metadata"]["name"]
        if old is None or old["spec"] != new["spec"] or _labels(old) != _labels(new):
            self.daemonsets.node_changed(new)
            self.scheduler.node_changed(name)
        if old is None or old["spec"].get("taints") != new["spec"].get("taints"):
            self.node_controller.evict(name, list(self.on_node[name].values()))
        self.node_controller.wake(name)

    # Namespaces and nodes

    def _create_namespace(self, name: str) -> None:
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def _empty_namespace(self, name: str) -> None:
        for resource in [r for r in self.objects if r not in CLUSTER_SCOPED]:
            for key in [key for key in self.objects[resource] if key[0] == name]:
                if resource == "pods":
                    self.delete_pod(self.infos[key])
                else:
                    self.remove(resource, key)
        if any(key[0] == name for key in self.infos):
            self.later(0.3, lambda: self._empty_namespace(name))
        else:
            self.remove("namespaces", ("", name))

    def _new_node(
        self, given: Mapping[str, Any], role: str = "worker", name: str = "", *, ready: bool = True
    ) -> str:
        """Create a Node; return its name."""
        if not name:
            taken = set(self.node_names())
            numbers = itertools.chain([""], map(str, itertools.count(2)))
            name = next(n for n in (f"{NAME}-{role}{i}" for i in numbers) if n not in taken)
        labels = {
            "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
        }  # fmt: skip
        taints = [taint_of(text) for text in given.get("taints") or ()]
        size = {"cpu": "4", "memory": "8Gi", "pods": "110"} | dict(given.get("allocatable") or {})
        spec: Object = {"taints": taints} if taints else {}
        if given.get("cordoned"):
            spec["unschedulable"] = True
            echo = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
            spec["taints"] = [*taints, echo]
        made = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels | dict(given.get("labels") or {})},
            "spec": spec,
            "status": {
                "capacity": size,
                "allocatable": size,
                "conditions": [
                    *(self.condition(kind, "False", why, text) for kind, why, text in _HEALTHY),
                    self.condition("Ready", *(_READY if ready else _JOINING)),
                ],
                "nodeInfo": {"kubeletVersion": "v1.37.1", "osImage": "simulated by kwok"},
            },
        }
        self.paces[name] = float(given.get("pace") or 1.0)
        self.put("nodes", made)
        return name

    def condition(self, kind: str, status: str, reason: str = "", message: str = "") -> Object:
        """Return a condition that changed now."""
        made = {"type": kind, "status": status, "lastTransitionTime": self.stamp()}
        return made | {k: v for k, v in (("reason", reason), ("message", message)) if v}

    def add_node(
        self, labels: Mapping[str, str] | None = None, taints: Iterable[str] = (), name: str = "",
    ) -> str:  # fmt: skip
        """Add a worker; it joins not Ready, and is Ready after about half a second."""
        if name in self.node_names():
            raise AssertionError(f"there is a node {name!r}")
        given = {"labels": labels, "taints": [*taints, "node.kubernetes.io/not-ready:NoSchedule"]}
        name = self._new_node(given, name=name, ready=False)
        self.silent.add(name)
        self.later(0.3, lambda: self._joined(name))
        return name

    def _joined(self, name: str) -> None:
        if ("", name) in self.objects["nodes"]:
            self.recover_node(name)

    def break_node(self, name: str, how: str = "unreachable") -> None:
        """Break a node's kubelet: ``unreachable`` (silent) or ``not ready``."""
        self.get("nodes", name)
        self.silent.add(name)
        if how == "unreachable":
            self._write_ready(
                name, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
            )
        else:
            self._write_ready(name, "False", "KubeletNotReady", "container runtime is down")

    def recover_node(self, name: str) -> None:
        """Recover a broken node, and its network."""
        self.get("nodes", name)
        self.silent.discard(name)
        self._write_ready(name, *_READY)
        kind, reason, message = _HEALTHY[0]
        self._write_condition(name, self.condition(kind, "False", reason, message))
        for info in list(self.on_node[name].values()):
            self.kubelets.plan(info.key)

    def network_unavailable(self, name: str, status: bool = True) -> None:
        """Set the node's condition NetworkUnavailable."""
        new = ("True", "NoRouteCreated", "no route") if status else ("False", "RouteCreated", "")
        self._write_condition(name, self.condition("NetworkUnavailable", *new))

    def remove_node(self, name: str) -> None:
        """Delete a Node object; its Pods go when the Pod garbage collector finds them."""
        self.get("nodes", name)
        self.remove("nodes", ("", name))

    def _write_ready(self, name: str, status: str, reason: str, message: str) -> None:
        self._write_condition(name, self.condition("Ready", status, reason, message))

    def _write_condition(self, name: str, new: Object) -> None:
        node = self.get("nodes", name)
        conditions = node["status"]["conditions"]
        found = next((c for c in conditions if c["type"] == new["type"]), {})
        if found.get("status") == new["status"]:
            return
        changed = [c for c in conditions if c["type"] != new["type"]]
        status = {**node["status"], "conditions": [*changed, new]}
        self.put("nodes", {**node, "status": status})

    # Components

    def stop_component(self, component: str) -> None:
        """Stop the controller manager or the scheduler."""
        self._known(component)
        self.running.discard(component)
        self._records += (
            [log.Component(self._t, component, "stopped")] if self._began is not None else []
        )

    def start_component(self, component: str) -> None:
        """Start it again: it reads everything once."""
        self._known(component)
        self.running.add(component)
        self._records += (
            [log.Component(self._t, component, "running")] if self._began is not None else []
        )
        if component == "kube-scheduler":
            self.scheduler.retry_all()
        else:
            self.daemonsets.wake_all()
            self.node_controller.restart()

    @staticmethod
    def _known(component: str) -> None:
        if component not in COMPONENTS:
            raise AssertionError(f"{component!r} cannot be stopped alone; one of {COMPONENTS}")

    def iterate(self, resource: str, namespace: str) -> Iterator[Object]:
        """Yield the objects of a resource in a namespace (cluster-scoped: all)."""
        home = self._home(resource, namespace)
        yield from (item for key, item in list(self.objects[resource].items()) if key[0] == home)


def resource_of(kind: str) -> str:
    """Return the resource's name of a kind: ``DaemonSet`` gives ``daemonsets``."""
    return _IRREGULAR.get(kind, f"{kind.lower()}s")


def taint_of(text: str) -> Object:
    """Return the taint that kubectl writes as ``key=value:effect`` or ``key:effect``."""
    body, _, effect = text.rpartition(":")
    key, equals, value = body.partition("=")
    return {"key": key, **({"value": value} if equals and value else {}), "effect": effect}


@lru_cache(maxsize=4096)
def _stamp(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _labels(item: Object) -> Object:
    return item["metadata"].get("labels") or {}


def _terminating(item: Object, stamp: str, grace: int) -> Object:
    marks = {"deletionTimestamp": stamp, "deletionGracePeriodSeconds": grace}
    return {**item, "metadata": {**item["metadata"], **marks}}


def _same(old: Object, new: Object) -> bool:
    def plain(item: Object) -> Object:
        left = ("resourceVersion", "managedFields")
        return {**item, "metadata": {k: v for k, v in item["metadata"].items() if k not in left}}

    return plain(old) == plain(new)


def _frozen(spec: Object) -> Object:
    """Return the part of a Pod's spec that no update may change."""
    may = (
        "tolerations",
        "activeDeadlineSeconds",
        "serviceAccount",
        "serviceAccountName",
        "priority",
    )
    rest = {k: v for k, v in spec.items() if k not in may}
    for group in ("containers", "initContainers"):
        rest[group] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(group) or ()]
    return rest
