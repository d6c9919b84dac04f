"""The Deployments and Jobs of the simulated cluster: they keep a number of Pods, on any node.

A Deployment's Pods are owned by a ReplicaSet, as in a cluster; the ReplicaSet itself is not kept,
and has the uid of its Deployment. A new template replaces all Pods at once. A Job's Pods run on, as
those of simulated kubelets do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulated_objects import Object, Refused, hash_of, pod_spec_with_defaults, selector_matches

if TYPE_CHECKING:
    from simulated_cluster import Info, Key, SimulatedCluster

MANAGER = "kube-controller-manager"
SYNC = 0.03  # seconds from a change to the controller's sync
KINDS = {"deployments": "ReplicaSet", "jobs": "Job"}


def check_workload(resource: str, new: Object) -> None:
    """Refuse what the API server would refuse of a Deployment, a Job or a CronJob.

    Raises:
        Refused: the selector does not match, the restartPolicy is not allowed, a part is missing.
    """
    if resource not in ("deployments", "jobs", "cronjobs"):
        return
    spec = new.get("spec") or {}
    if resource == "cronjobs":
        if len(str(spec.get("schedule", "")).split()) not in (1, 5):
            raise Refused(f"spec.schedule: Invalid value: {spec.get('schedule')!r}")
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    if not pod.get("containers"):
        raise Refused("spec.template.spec.containers: Required value")
    if resource != "deployments":
        if pod.get("restartPolicy") not in ("Never", "OnFailure"):
            raise Refused('template.spec.restartPolicy: Required value: "OnFailure", "Never"')
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector") or not selector_matches(spec["selector"], labels):
        raise Refused("spec.template.metadata.labels: `selector` does not match template `labels`")


class Workloads:
    """Makes and replaces the Pods of Deployments and Jobs."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._queued: set[tuple[str, Key]] = set()

    def wake(self, resource: str, key: Key) -> None:
        """Sync a Deployment or a Job soon."""
        if resource in KINDS and (resource, key) not in self._queued:
            self._queued.add((resource, key))
            self._cluster.later(SYNC, lambda: self._sync(resource, key))

    def pod_changed(self, info: Info) -> None:
        """A Pod was created, changed or removed."""
        for resource in KINDS:
            for key, item in self._cluster.objects[resource].items():
                if item["metadata"]["uid"] == info.owner:
                    self.wake(resource, key)

    def _sync(self, resource: str, key: Key) -> None:
        self._queued.discard((resource, key))
        item = self._cluster.objects[resource].get(key)
        if item is None or MANAGER not in self._cluster.running:
            return
        spec, meta = item["spec"], item["metadata"]
        template = spec["template"]
        wanted = int(spec.get("replicas", spec.get("parallelism", 1)))
        revision = f"{hash_of(template) % 10**8:08d}"
        rows = self._cluster.owned[meta["uid"]].values()
        live = [one for row in rows for one in row.values() if not one.terminating]
        old = [one for one in live if resource == "deployments" and _hash(one) != revision]
        new = [one for one in live if one not in old]
        for info in [*old, *new[wanted:]]:
            self._cluster.delete_pod(info)
        try:
            for _ in range(wanted - len(new)):
                self._cluster.new_pod(self._pod(resource, meta, template, revision))
        except Refused:
            self._cluster.later(1.0, lambda: self.wake(resource, key))
        if resource == "deployments":
            ready = sum(one.ready_at is not None for one in new)
            status = {"replicas": len(new), "readyReplicas": ready, "availableReplicas": ready}
            if item.get("status") != status:
                self._cluster.put(resource, {**item, "status": status})

    def _pod(self, resource: str, meta: Object, template: Object, revision: str) -> dict[str, Any]:
        prefix = f"{meta['name']}-{revision}" if resource == "deployments" else meta["name"]
        owner = {"apiVersion": "apps/v1", "kind": KINDS[resource], "name": prefix,
                 "uid": meta["uid"], "controller": True}  # fmt: skip
        labels = {**((template.get("metadata") or {}).get("labels") or {}),
                  "pod-template-hash": revision}  # fmt: skip
        made = {
            "generateName": f"{prefix}-", "name": self._cluster.pod_name(prefix),
            "namespace": meta["namespace"], "labels": labels, "ownerReferences": [owner],
        }  # fmt: skip
        spec = pod_spec_with_defaults(template["spec"])
        return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}


def _hash(info: Info) -> str:
    return str((info.pod["metadata"].get("labels") or {}).get("pod-template-hash", ""))
