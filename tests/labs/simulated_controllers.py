"""The controller manager of the simulated cluster: DaemonSets, node taints, evictions, garbage.

The DaemonSet controller follows ``pkg/controller/daemon`` of Kubernetes v1.37: ``manage``,
``rollingUpdate``, ``updateDaemonSetStatus``. It decides by ``daemonset_course.placement``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from simulated_objects import (
    REVISION,
    TEMPLATE_GENERATION,
    Object,
    Refused,
    hash_of,
    selector_matches,
)

from daemonset_course.history import podstate
from daemonset_course.history.budgets import budgets
from daemonset_course.placement import Decision, pod_tolerations, should_run
from daemonset_course.placement.tolerations import EVICTING, tolerating

if TYPE_CHECKING:
    from simulated_cluster import Info, Key, SimulatedCluster

MANAGER = "kube-controller-manager"
SYNC = 0.03  # seconds from a change to the controller's sync
COLLECT = 50.0  # seconds until the Pod garbage collector removes the Pods of a deleted node
_NODE = "node.kubernetes.io/"


class _Row(NamedTuple):
    """One node of a sync."""

    name: str
    decision: Decision | None  # None: there is no such node
    pods: list[Info]


class DaemonSetController:
    """Makes the Pods of every DaemonSet, replaces them, and counts them in its status."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._queued: set[Key] = set()
        self._decisions: defaultdict[str, dict[str, tuple[Any, Any, Any, Decision]]] = defaultdict(
            dict
        )
        self._nodes_version = 0
        self._kept: dict[str, tuple[Any, int, list[tuple[str, Decision]]]] = {}
        self._relabelled: set[str] = set()  # owners, a Pod of which has other labels now
        self._hashes: dict[str, tuple[Any, str]] = {}
        self._failures: defaultdict[str, int] = defaultdict(int)  # creations that were refused
        self._failed_pods: dict[tuple[str, int, str], tuple[float, float]] = {}  # (next, delay)

    # What puts a DaemonSet into the queue

    def wake(self, key: Key, seconds: float = SYNC) -> None:
        """Sync a DaemonSet soon: many changes, one sync."""
        if key not in self._queued and MANAGER in self._cluster.running:
            self._queued.add(key)
            self._cluster.later(seconds, lambda: self._sync(key))

    def node_removed(self) -> None:
        """Sync every DaemonSet soon: a node is gone."""
        self._nodes_version += 1
        self.wake_all()

    def wake_all(self) -> None:
        """Sync every DaemonSet soon."""
        for key in self._cluster.objects["daemonsets"]:
            self.wake(key)

    def status_changed(self, key: Key) -> None:
        """A write to the status by someone else: the controller puts it right."""
        if key not in self._writing:
            self.wake(key)

    def pod_changed(self, old: Info | None, new: Info | None) -> None:
        """A Pod was created, changed or removed."""
        info = new or old
        assert info is not None
        home = info.key[0]
        if not info.owner:
            labels = info.pod["metadata"].get("labels") or {}
            for key, item in self._cluster.objects["daemonsets"].items():
                if key[0] == home and selector_matches(item["spec"]["selector"], labels):
                    self.wake(key)
            return
        if old and new:
            if old.pod["metadata"].get("labels") != new.pod["metadata"].get("labels"):
                self._relabelled.add(info.owner)
            elif _matters(old) == _matters(new):
                return
        if (owner := self._owner(info)) is None:
            return
        key = home, owner["metadata"]["name"]
        self.wake(key)
        seconds = owner["spec"].get("minReadySeconds", 0)
        if seconds and new and new.ready_at is not None and (not old or old.ready_at is None):
            self._cluster.later(seconds + 1.0, lambda: self.wake(key, 0.001), exact=True)

    def node_changed(self, node: Object) -> None:
        """Labels, taints or ``unschedulable`` of a node changed (``syncNodeUpdate``)."""
        self._nodes_version += 1
        name = node["metadata"]["name"]
        for key, item in self._cluster.objects["daemonsets"].items():
            decision = self._decide(item, node)
            scheduled = name in self._cluster.owned[item["metadata"]["uid"]]
            late = scheduled and item["status"].get("numberMisscheduled")
            if (decision.run and not scheduled) or (not decision.keep and scheduled) or late:
                self.wake(key)

    def _owner(self, info: Info) -> Object | None:
        for one in info.pod["metadata"].get("ownerReferences") or ():
            found = self._cluster.objects["daemonsets"].get((info.key[0], one["name"]))
            if found is not None and found["metadata"]["uid"] == one["uid"]:
                return found
        return None

    def _decide(self, item: Object, node: Object) -> Decision:
        memory = self._decisions[item["metadata"]["uid"]]
        name, template = node["metadata"]["name"], item["spec"]["template"]
        labels, spec = node["metadata"].get("labels"), node["spec"]
        known = memory.get(name)
        if known and known[0] is template and known[1] is labels and known[2] is spec:
            return known[3]
        decision = should_run(node, template)
        memory[name] = template, labels, spec, decision
        return decision

    # The sync

    _writing: frozenset[Key] = frozenset()

    def _sync(self, key: Key) -> None:
        self._queued.discard(key)
        cluster = self._cluster
        item = cluster.objects["daemonsets"].get(key)
        if item is None or podstate.is_terminating(item) or MANAGER not in cluster.running:
            return
        self._claim(item)
        revision = self._revision(item)
        rows = self._rows(item)
        acted = self._manage(item, rows, revision)
        if not acted and item["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            acted = self._roll(item, rows, revision)
        if acted:
            if not self._failures.get(item["metadata"]["uid"]):  # else after a pause: see _act
                self.wake(key)  # as when the creations and deletions are observed
            rows = self._rows(item)
        self._clean_up_revisions(item, revision)
        self._write_status(key, item, rows, revision)

    def _rows(self, item: Object) -> list[_Row]:
        nodes, owned = self._cluster.objects["nodes"], self._cluster.owned[item["metadata"]["uid"]]
        find = owned.get
        rows = [
            _Row(name, decision, [*row.values()] if (row := find(name)) else [])
            for name, decision in self._all_decisions(item)
        ]
        gone = [name for name in owned if name and ("", name) not in nodes]
        return rows + [_Row(name, None, list(owned[name].values())) for name in gone]

    def _all_decisions(self, item: Object) -> list[tuple[str, Decision]]:
        """Return the decision for each node; kept until a node or the template changes."""
        uid, template = item["metadata"]["uid"], item["spec"]["template"]
        known = self._kept.get(uid)
        if known is None or known[0] is not template or known[1] != self._nodes_version:
            nodes = self._cluster.objects["nodes"].items()
            found = [(name, self._decide(item, node)) for (_, name), node in nodes]
            known = self._kept[uid] = template, self._nodes_version, found
        return known[2]

    def _manage(self, item: Object, rows: list[_Row], revision: str) -> bool:
        surges = bool(self._limits(item, 1)[1])
        create: list[str] = []
        delete: list[Info] = []
        for name, decision, pods in rows:
            if decision is None:
                delete += [p for p in pods if not p.bound and not p.terminating]
            elif decision.run and not pods:
                create.append(name)
            elif decision.keep:
                if not pods or (len(pods) == 1 and pods[0].phase in ("Pending", "Running")):
                    if surges and decision.run and pods and pods[0].terminating:
                        create.append(name)
                    continue
                live = [p for p in pods if not p.terminating]
                ended = [p for p in live if p.phase in ("Failed", "Succeeded")]
                delete += [p for p in ended if self._may_delete_failed(item, p)]
                running = [p for p in live if p not in ended]
                running.sort(key=lambda p: (not p.bound, p.born))
                if not surges:
                    delete += running[1:]
                elif not running and decision.run:
                    create += [name] if not ended else []
                else:
                    delete += self._excess(item, running, revision)
            elif pods:
                delete += [p for p in pods if not p.terminating]
        self._act(item, create, delete, revision)
        return bool(create or delete)

    def _excess(self, item: Object, running: list[Info], revision: str) -> list[Info]:
        """Return which Pods of one node go under surge: one old and one new may stay."""
        if len(running) <= 1:
            return []
        new = [p for p in running if p.revision == revision]
        old = [p for p in running if p.revision != revision]
        gone = new[1:] + old[1:]
        if new and old and (old[0].ready_at is None or self._available(item, new[0])):
            gone.append(old[0])
        return gone

    def _may_delete_failed(self, item: Object, info: Info) -> bool:
        """Whether the backoff for failed Pods on the node is over: 1 s, doubled each time."""
        if info.phase == "Succeeded":
            return True
        meta = item["metadata"]
        place = meta["uid"], meta["generation"], info.node  # failedPodsBackoffKey
        due, delay = self._failed_pods.get(place, (0.0, 1.0))
        now = self._cluster.now
        if now < due:
            self._cluster.later(due - now + 0.01, lambda: self.wake(_key(item)), exact=True)
            return False
        self._failed_pods[place] = now + delay, min(delay * 2, 900.0)
        return True

    def _roll(self, item: Object, rows: list[_Row], revision: str) -> bool:
        generation = item["metadata"]["annotations"][TEMPLATE_GENERATION]
        desired = sum(1 for row in rows if row.decision and row.decision.run)
        budget, surge = self._limits(item, desired)
        pairs = []
        for row in rows:
            if not row.pods and not (row.decision and row.decision.run):
                continue
            new, old, excess = None, None, False
            for pod in row.pods:
                if pod.terminating:
                    continue
                if pod.revision == revision or pod.generation == generation:
                    new, excess = pod, excess or new is not None
                else:
                    old, excess = pod, excess or old is not None
            pairs.append((row, new, old, excess))
        if not any(old for _, _, old, _ in pairs):
            return False
        if surge:
            create, delete = self._surge(item, pairs, surge, desired)
        else:
            create, delete = [], self._replace(item, pairs, budget)
        self._act(item, create, delete, revision)
        return bool(create or delete)

    def _replace(self, item: Object, pairs: list[Any], budget: int) -> list[Info]:
        unavailable, allowed, candidates = 0, [], []
        for _, new, old, excess in pairs:
            if excess or (old is None) == (new is None):
                unavailable += 1
            elif new is not None:
                unavailable += not self._available(item, new)
            elif not self._available(item, old):
                allowed.append(old)
                unavailable += 1
            else:
                candidates.append(old)
        self._cluster.random.shuffle(candidates)  # the controller goes through a map
        return allowed + candidates[: max(0, budget - unavailable)]

    def _surge(
        self, item: Object, pairs: list[Any], surge: int, desired: int
    ) -> tuple[list[str], list[Info]]:
        delete, leaving, candidates, allowed = [], [], [], []
        surging = available = 0
        for row, new, old, excess in pairs:
            if excess:
                surging += 1
                continue
            one = old or new
            available += one is not None and self._available(item, one)
            if old is None:
                continue
            run = row.decision is not None and row.decision.run
            if new is not None:
                if self._available(item, new):
                    delete.append(old)
                else:
                    surging += 1
            elif not self._available(item, old):
                if run:
                    allowed.append(row.name)
                else:
                    delete.append(old)
            elif run:
                candidates.append(row.name)
            else:
                leaving.append(old)
        self._cluster.random.shuffle(candidates)  # the controller goes through a map
        self._cluster.random.shuffle(leaving)
        delete += leaving[: max(0, available - desired)]
        return allowed + candidates[: max(0, surge - surging)], delete

    def _limits(self, item: Object, desired: int) -> tuple[int, int]:
        budget, surge = budgets(item, desired)
        return budget or 0, surge or 0

    def _available(self, item: Object, info: Info) -> bool:
        """Whether the Pod has been Ready for ``minReadySeconds`` (``IsPodAvailable``)."""
        if info.ready_at is None:
            return False
        seconds = item["spec"].get("minReadySeconds", 0)
        return not seconds or info.ready_at + seconds < self._cluster.now

    def _act(self, item: Object, create: list[str], delete: list[Info], revision: str) -> None:
        for info in delete:
            self._cluster.delete_pod(info)
        uid = item["metadata"]["uid"]
        if not create:
            return
        try:
            base = self._new_pod(item, revision)
            for name in create:
                self._cluster.new_pod(
                    _pinned(base, name, self._cluster.pod_name(item["metadata"]["name"]))
                )
        except Refused as error:
            self._failures[uid] += 1
            message = f"Error creating: {error}"
            self._cluster.event(item, "DaemonSet", "FailedCreate", message)
            pause = min(0.1 * 2 ** min(self._failures[uid], 12), 300.0)
            self._cluster.later(pause, lambda: self.wake(_key(item)))
        else:
            self._failures.pop(uid, None)

    def _new_pod(self, item: Object, revision: str) -> Object:
        template, meta = item["spec"]["template"], item["metadata"]
        labels = dict(template["metadata"].get("labels") or {})
        labels |= {
            REVISION: revision,
            "pod-template-generation": meta["annotations"][TEMPLATE_GENERATION],
        }
        made: Object = {
            "generateName": f"{meta['name']}-", "namespace": meta["namespace"], "labels": labels,
            "ownerReferences": [_owner_reference(meta)],
        }  # fmt: skip
        if notes := template["metadata"].get("annotations"):
            made["annotations"] = notes
        spec = {**template["spec"], "tolerations": pod_tolerations(template)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}

    def _write_status(self, key: Key, item: Object, rows: list[_Row], revision: str) -> None:
        generation = item["metadata"]["annotations"][TEMPLATE_GENERATION]
        desired = current = wrong = ready = updated = available = 0
        for _, decision, pods in rows:
            if decision is None:
                continue
            if not decision.run:
                wrong += bool(pods)
                continue
            desired += 1
            if not pods:
                continue
            current += 1
            oldest = pods[0] if len(pods) == 1 else min(pods, key=lambda p: (not p.bound, p.born))
            if oldest.ready_at is not None:
                ready += 1
                available += self._available(item, oldest)
            updated += oldest.revision == revision or oldest.generation == generation
        optional = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": desired - available,
        }
        status = {
            "currentNumberScheduled": current, "numberMisscheduled": wrong,
            "desiredNumberScheduled": desired, "numberReady": ready,
            "observedGeneration": item["metadata"]["generation"],
            **{name: value for name, value in optional.items() if value},
        }  # fmt: skip
        now = self._cluster.objects["daemonsets"].get(key)
        if now is not None and now["status"] != status:
            self._writing = frozenset({key})
            self._cluster.put("daemonsets", {**now, "status": status})
            self._writing = frozenset()
        seconds = item["spec"].get("minReadySeconds", 0)
        if seconds and ready != available:
            self._cluster.later(seconds, lambda: self.wake(key, 0.001), exact=True)

    # Owners and revisions

    def _claim(self, item: Object) -> None:
        """Adopt orphans that match the selector; release Pods that do not match any more."""
        selector, meta = item["spec"]["selector"], item["metadata"]
        home = meta["namespace"]
        for info in [i for i in self._cluster.orphans.values() if i.key[0] == home]:
            labels = info.pod["metadata"].get("labels") or {}
            if not info.terminating and selector_matches(selector, labels):
                self._cluster.put("pods", _with_owners(info.pod, [_owner_reference(meta)]))
        if meta["uid"] not in self._relabelled:
            return
        self._relabelled.discard(meta["uid"])
        rows = self._cluster.owned[meta["uid"]]
        for info in [i for row in rows.values() for i in row.values()]:
            labels = info.pod["metadata"].get("labels") or {}
            if not info.terminating and not selector_matches(selector, labels):
                self._cluster.put("pods", _with_owners(info.pod, []))

    def _revision(self, item: Object) -> str:
        """Return the hash of the template's ControllerRevision, and write it (constructHistory)."""
        cluster, meta = self._cluster, item["metadata"]
        template = item["spec"]["template"]
        known = self._hashes.get(meta["uid"])
        if known and known[0] is template:
            name = f"{meta['name']}-{known[1]}"
            if (meta["namespace"], name) in cluster.objects["controllerrevisions"]:
                return known[1]
        text = json.dumps(template, sort_keys=True)
        revision = _encoded(text)
        name = f"{meta['name']}-{revision}"
        old = 0
        for one in list(cluster.iterate("controllerrevisions", meta["namespace"])):
            owners = one["metadata"].get("ownerReferences") or ()
            if not owners and selector_matches(item["spec"]["selector"], one["metadata"]["labels"]):
                one = cluster.put(
                    "controllerrevisions", _with_owners(one, [_owner_reference(meta)])
                )
                owners = one["metadata"]["ownerReferences"]
            if any(o["uid"] == meta["uid"] for o in owners) and one["metadata"]["name"] != name:
                old = max(old, one["revision"])
        found = cluster.find("controllerrevisions", name, meta["namespace"])
        if found is None:
            labels = template["metadata"].get("labels") or {}
            made = {
                "apiVersion": "apps/v1", "kind": "ControllerRevision",
                "metadata": {
                    "name": name, "namespace": meta["namespace"],
                    "labels": {**labels, REVISION: revision},
                    "annotations": meta["annotations"],
                    "ownerReferences": [_owner_reference(meta)],
                },
                "data": {"spec": {"template": template}}, "revision": old + 1,
            }  # fmt: skip
            cluster.put("controllerrevisions", made)
        elif found["revision"] < old + 1:
            cluster.put("controllerrevisions", {**found, "revision": old + 1})
        self._hashes[meta["uid"]] = template, revision
        return revision

    def revisions(self, item: Object) -> list[Object]:
        """Return the DaemonSet's ControllerRevisions, the lowest number first."""
        meta = item["metadata"]
        found = [
            one for one in self._cluster.iterate("controllerrevisions", meta["namespace"])
            if any(o["uid"] == meta["uid"] for o in one["metadata"].get("ownerReferences") or ())
        ]  # fmt: skip
        return sorted(found, key=lambda one: one["revision"])

    def _clean_up_revisions(self, item: Object, current: str) -> None:
        limit = item["spec"].get("revisionHistoryLimit", 10)
        if len(self._cluster.objects["controllerrevisions"]) <= limit:
            return
        old = [r for r in self.revisions(item) if r["metadata"]["labels"][REVISION] != current]
        rows = self._cluster.owned[item["metadata"]["uid"]]
        live = {info.revision for row in rows.values() for info in row.values()}
        excess = len(old) - limit
        for one in old:
            if excess > 0 and one["metadata"]["labels"][REVISION] not in live:
                self._cluster.remove("controllerrevisions", _key(one))
                excess -= 1


class NodeController:
    """Taints nodes by their conditions, evicts Pods, and collects what has no owner."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._due: dict[str, float] = {}  # evictions by the Pod's uid
        self._queued: set[str] = set()
        self._garbage: dict[str, str] = {}  # uid -> what to do with its dependents

    def wake(self, name: str) -> None:
        """Look at a node's conditions soon."""
        if name not in self._queued and MANAGER in self._cluster.running:
            node = self._cluster.find("nodes", name)
            if node is not None and (self._taints(node) is not None or self._not_marked(node)):
                self._queued.add(name)
                self._cluster.later(0.05, lambda: self._sync(name))

    def restart(self) -> None:
        """Look at everything, as after the start of the controller manager."""
        for name in self._cluster.node_names():
            self.wake(name)
            self.evict(name, list(self._cluster.on_node[name].values()))
        for uid in list(self._garbage):
            self._cluster.later(0.2, lambda uid=uid: self._collect(uid))
        for name in [name for name, row in self._cluster.on_node.items() if row]:
            if self._cluster.find("nodes", name) is None:
                self.node_removed(name)

    def _sync(self, name: str) -> None:
        self._queued.discard(name)
        node = self._cluster.find("nodes", name)
        if node is None or MANAGER not in self._cluster.running:
            return
        wanted = self._taints(node)
        if wanted is not None:
            spec = {k: v for k, v in node["spec"].items() if k != "taints"}
            node = {**node, "spec": spec | ({"taints": wanted} if wanted else {})}
            self._cluster.put("nodes", node)
        for pod in self._not_marked(node):
            self._cluster.kubelets.mark_not_ready(pod)

    def _taints(self, node: Object) -> list[Object] | None:
        """Return the taints that the node should have; None if it has them."""
        ready = podstate.condition(node, "Ready").get("status")
        network = podstate.condition(node, "NetworkUnavailable").get("status")
        pairs = [
            ("unschedulable", "NoSchedule", bool(node["spec"].get("unschedulable"))),
            ("network-unavailable", "NoSchedule", network == "True"),
            ("not-ready", "NoSchedule", ready == "False"),
            ("not-ready", EVICTING, ready == "False"),
            ("unreachable", "NoSchedule", ready == "Unknown"),
            ("unreachable", EVICTING, ready == "Unknown"),
        ]
        managed = {(_NODE + word, effect): on for word, effect, on in pairs}
        held = list(node["spec"].get("taints") or ())
        kept = [t for t in held if managed.get((t["key"], t["effect"]), True)]
        have = {(t["key"], t["effect"]) for t in kept}
        new = [pair for pair, on in managed.items() if on and pair not in have]
        if not new and len(kept) == len(held):
            return None
        return kept + [{"key": key, "effect": effect} for key, effect in new]

    def _not_marked(self, node: Object) -> list[Info]:
        """Return the Pods that are Ready on a node that is not."""
        if podstate.is_ready(node):
            return []
        pods = self._cluster.on_node[node["metadata"]["name"]].values()
        return [info for info in pods if info.ready_at is not None]

    # NoExecute

    def evict(self, name: str, pods: list[Info]) -> None:
        """Plan or cancel the evictions of these Pods, by the node's NoExecute taints."""
        if not pods or MANAGER not in self._cluster.running:
            return
        node = self._cluster.find("nodes", name)
        found = (node or {"spec": {}})["spec"].get("taints") or ()
        taints = [taint for taint in found if taint["effect"] == EVICTING]
        for info in pods:
            seconds = _stays(info.pod["spec"].get("tolerations") or (), taints)
            if seconds is None:
                self._due.pop(info.uid, None)
            elif info.uid not in self._due or seconds == 0:
                due = self._due[info.uid] = self._cluster.now + seconds
                act = self._evictor(info.key, info.uid, due)
                self._cluster.later(seconds or 0.02, act, exact=True)

    def _evictor(self, key: Key, uid: str, due: float) -> Any:
        def act() -> None:
            info = self._cluster.infos.get(key)
            if self._due.get(uid) != due or info is None or info.uid != uid:
                return
            if MANAGER in self._cluster.running:
                self._cluster.delete_pod(info)
            del self._due[uid]

        return act

    # Garbage

    def collect_dependents(self, uid: str) -> None:
        """Delete the Pods and revisions of an owner that is gone."""
        self._garbage[uid] = ""
        self._cluster.later(0.2, lambda: self._collect(uid))

    def orphan_dependents(self, item: Object) -> None:
        """Take the owner away from Pods and revisions, then remove the owner."""
        uid = item["metadata"]["uid"]
        self._garbage[uid] = item["metadata"]["name"]
        self._cluster.later(0.2, lambda: self._collect(uid))

    def _collect(self, uid: str) -> None:
        if MANAGER not in self._cluster.running or uid not in self._garbage:
            return
        cluster, orphaned = self._cluster, self._garbage.pop(uid)
        pods = [info for row in list(cluster.owned[uid].values()) for info in row.values()]
        revisions = [
            one for one in list(cluster.objects["controllerrevisions"].values())
            if any(o["uid"] == uid for o in one["metadata"].get("ownerReferences") or ())
        ]  # fmt: skip
        for info in pods:
            if orphaned:
                cluster.put("pods", _with_owners(info.pod, []))
            else:
                cluster.delete_pod(info)
        for one in revisions:
            if orphaned:
                cluster.put("controllerrevisions", _with_owners(one, []))
            else:
                cluster.remove("controllerrevisions", _key(one))
        owners = [
            k for k, v in cluster.objects["daemonsets"].items() if v["metadata"]["uid"] == uid
        ]
        for key in owners:
            cluster.remove("daemonsets", key)

    def node_removed(self, name: str) -> None:
        """Remove the Pods of a node that is gone, later."""
        self._cluster.later(COLLECT, lambda: self._collect_pods(name))

    def _collect_pods(self, name: str) -> None:
        if self._cluster.find("nodes", name) is None and MANAGER in self._cluster.running:
            for info in list(self._cluster.on_node[name].values()):
                self._cluster.remove("pods", info.key)


def _matters(info: Info) -> tuple[Any, ...]:
    """Return the fields of a Pod whose change can change what the controller does."""
    ended = info.phase in ("Failed", "Succeeded")
    return info.ready_at, info.terminating, ended, info.owner, info.node


def _stays(tolerations: Any, taints: list[Object]) -> float | None:
    """Return how many seconds a Pod stays on a node with these NoExecute taints; None: for good.

    For each taint the first toleration that matches counts (GetMatchingTolerations).
    """
    seconds = []
    for taint in taints:
        used = tolerating(tolerations, taint)
        if used is None:
            return 0.0
        seconds += [used["tolerationSeconds"]] if "tolerationSeconds" in used else []
    return float(max(0, min(seconds))) if seconds else None


def _pinned(pod: Object, node: str, name: str) -> Object:
    """Return the Pod with a name, pinned to a node by affinity on ``metadata.name``."""
    spec = pod["spec"]
    affinity = spec.get("affinity") or {}
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    node_affinity = dict(affinity.get("nodeAffinity") or {})
    node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] = required
    affinity = {**affinity, "nodeAffinity": node_affinity}
    metadata = {"name": name, **pod["metadata"]}
    return {**pod, "metadata": metadata, "spec": {**spec, "affinity": affinity}}


def _owner_reference(meta: Object) -> Object:
    return {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": meta["name"], "uid": meta["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def _with_owners(item: Object, owners: list[Object]) -> Object:
    metadata = {k: v for k, v in item["metadata"].items() if k != "ownerReferences"}
    return {**item, "metadata": metadata | ({"ownerReferences": owners} if owners else {})}


def _encoded(text: str) -> str:
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(letters[int(digit)] for digit in f"{hash_of(text) % 10**10:010d}")


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
